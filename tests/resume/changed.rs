//! A run with new identities, moved times and faults is killed and goes on: what it does to each event is the same in every
//! part of it, and what goes twice on purpose does arrive twice.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::support::{kafka, servers};
use super::{EVENTS, killed, run, stream, topics};

const KILLS: u64 = 5;
/// The recorded time of the first event.
const BEGAN: i64 = 1_700_000_000;

/// Events that each name the one before as their cause, with a time of their own.
fn write_chain(path: &std::path::Path) {
    let mut text = String::new();
    for index in 0..EVENTS {
        let time = BEGAN * 1_000_000 + i64::try_from(index).expect("small") * 100;
        let cause = index.saturating_sub(1);
        writeln!(
            text,
            r#"{{"t":{time},"src":"shop.orders","v":"{{\"no\":{index},\"at\":{BEGAN}}}","h":[["ce_id","e-{index}"],["ce_causationid","e-{cause}"],["Nats-Msg-Id","m-{index}"]]}}"#
        )
        .expect("text");
    }
    std::fs::write(path, text).expect("written");
}

struct Arrived {
    number: usize,
    at: i64,
    headers: BTreeMap<String, String>,
}

fn arrived(line: &str) -> Arrived {
    let event: serde_json::Value = serde_json::from_str(line).expect("an event");
    let payload: serde_json::Value =
        serde_json::from_str(event["v"].as_str().expect("a payload")).expect("JSON");
    let pairs = event["h"].as_array().expect("headers").iter();
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    Arrived {
        number: usize::try_from(payload["no"].as_u64().expect("a number")).expect("small"),
        at: payload["at"].as_i64().expect("a time"),
        headers: pairs.map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_into_jetstream_identities_times_and_faults_go_on_as_they_began() {
    let Some(server) = servers::nats(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    write_chain(&directory.path().join("events.ndjson"));
    stream(&format!("nats://127.0.0.1:{}", server.port)).await;
    let url = format!("jetstream+nats://127.0.0.1:{}", server.port);
    // Slow enough that a good part is left after the last kill, however late that is: what was due while nothing ran goes at
    // once, and only a part that sends something counts its faults.
    let mut arguments =
        vec!["replay", "events.ndjson", "--to", &url, "--rate", "2000/s", "--ledger", "ledger"];
    arguments.extend(["--ids", "map", "--retime", "shift", "--time-field", "/at"]);
    arguments.extend(["--fault", "duplicate:10%", "--fault", "drop:5%", "--fault", "reorder:5%"]);
    for kill in 0..KILLS {
        let at = kill * EVENTS as u64 / 16;
        assert!(killed(directory.path(), &arguments, at, kill + 1), "it ended before kill {kill}");
        if kill == 0 {
            arguments.push("--resume");
        }
    }
    arguments.extend(["--format", "json"]);
    let (code, out, error) = run(directory.path(), &arguments);
    assert_eq!(code, Some(0), "{error}");
    let summary: serde_json::Value = serde_json::from_str(&out).expect("a summary");
    let counts: Vec<u64> = summary["faults"]
        .as_array()
        .expect("faults")
        .iter()
        .filter_map(|each| each["events"].as_u64())
        .collect();

    let source = format!("{url}/SHOP");
    let (_, lines, _) = run(directory.path(), &["tail", &source, "--from", "start", "--format", "json"]);
    let events: Vec<Arrived> = lines.lines().map(arrived).collect();
    let expected = EVENTS as u64 + counts[0] - counts[1];
    assert_eq!((events.len() as u64, &summary["planned"]), (expected, &serde_json::json!(expected)));
    let marked = |fault: &str| {
        events
            .iter()
            .filter(|event| event.headers.get("eddy-fault").is_some_and(|mark| mark == fault))
            .count()
    };
    assert_eq!((marked("duplicate") as u64, marked("reorder") as u64), (counts[0], counts[2]));
    assert!(counts.iter().all(|count| *count > EVENTS as u64 / 40), "{counts:?}");

    let mut ids = BTreeMap::<usize, &str>::new();
    for event in &events {
        let id = event.headers["ce_id"].as_str();
        assert_eq!(*ids.entry(event.number).or_insert(id), id, "a copy has the identity of its event");
        assert_eq!(event.at, events[0].at, "all moved by the same");
    }
    assert!(events[0].at > BEGAN + 1_000, "it was moved at all");
    let different: std::collections::BTreeSet<&&str> = ids.values().collect();
    assert_eq!(different.len(), ids.len());
    for event in events.iter().filter(|event| event.number > 0) {
        if let Some(cause) = ids.get(&(event.number - 1)) {
            assert_eq!(event.headers["ce_causationid"], **cause);
        }
    }
    assert_masked(directory.path(), &source, &events);
}

/// What is recorded from there with a mask joins as before and says nothing.
fn assert_masked(directory: &std::path::Path, source: &str, events: &[Arrived]) {
    let rules = "version: 1\nunknown: refuse\nrules:\n  - { header: [ce_id, ce_causationid], action: token }\n  \
                 - { header: '*', action: keep }\n  - { field: /no, action: keep }\n  - { field: /at, action: drop }\n";
    std::fs::write(directory.join("mask.yaml"), rules).expect("written");
    std::fs::write(directory.join("key"), "0123456789abcdef").expect("written");
    let mut record =
        vec!["record", source, "--from", "start", "--to", "now", "--output", "m.eddy.ndjson.zst"];
    record.extend(["--mask", "mask.yaml", "--mask-key-file", "key", "--format", "json"]);
    let (code, out, error) = run(directory, &record);
    assert_eq!(code, Some(0), "{error}");
    let report: serde_json::Value = serde_json::from_str(&out).expect("a report");
    assert_eq!(report["mask"]["rules"][0]["values"], events.len(), "{report}");
    let (_, lines, _) = run(directory, &["archive", "cat", "m.eddy.ndjson.zst"]);
    assert_eq!(lines.lines().count(), events.len());
    let mut tokens = BTreeMap::<String, String>::new();
    for (line, event) in lines.lines().zip(events) {
        let line: serde_json::Value = serde_json::from_str(line).expect("an event");
        assert_eq!(line["v"], format!(r#"{{"no":{}}}"#, event.number));
        for pair in line["h"].as_array().expect("headers") {
            let (name, new) = (pair[0].as_str().expect("a name"), pair[1].as_str().expect("text"));
            let old = &event.headers[name];
            if name.starts_with("ce_") {
                assert_eq!(tokens.entry(old.clone()).or_insert_with(|| new.to_owned()), new);
                assert!(new.starts_with("tok_"), "{new}");
            }
        }
    }
}

/// The partitions in which the keys of a topic lie.
fn partitions(directory: &std::path::Path, source: &str) -> BTreeMap<String, u64> {
    let (_, lines, error) = run(directory, &["tail", source, "--from", "start", "--format", "json"]);
    assert!(error.is_empty(), "{error}");
    let mut found = BTreeMap::new();
    for line in lines.lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("an event");
        let partition = event["part"].as_u64().expect("a partition");
        let before = found.insert(event["k"].as_str().expect("a key").to_owned(), partition);
        assert!(before.is_none_or(|before| before == partition), "a key lies in one partition");
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_kept_or_chosen_as_the_client_of_kafka_chooses_them() {
    let Some(server) = kafka::shared() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let mut text = String::new();
    for index in 0..400 {
        let (time, key) = (1_700_000_000_000_000 + i64::from(index), index % 40);
        writeln!(text, r#"{{"t":{time},"src":"any","part":{},"k":"key-{key}","v":"{index}"}}"#, key % 2)
            .expect("text");
    }
    std::fs::write(directory.path().join("events.ndjson"), text).expect("written");
    topics(server.port, &["again.kept", "again.by_key", "again.by_number"]).await;
    let replayed = |topic: &str, more: &[&str]| {
        let url = format!("kafka://127.0.0.1:{}/{topic}", server.port);
        let mut arguments = vec!["replay", "events.ndjson", "--to", &url, "--speed", "max"];
        arguments.extend(more);
        let (code, _, error) = run(directory.path(), &arguments);
        assert_eq!(code, Some(0), "{error}");
        partitions(directory.path(), &url)
    };
    let kept = replayed("again.kept", &[]);
    assert!((0..40).all(|key| kept[&format!("key-{key}")] == key % 2), "{kept:?}");
    let by_key = replayed("again.by_key", &["--repartition", "key"]);
    let by_number = replayed("again.by_number", &["--repartition", "3"]);
    assert_eq!(by_key, by_number, "our choice is that of the client");
    assert_eq!(by_key.values().collect::<std::collections::BTreeSet<_>>().len(), 3);
}
