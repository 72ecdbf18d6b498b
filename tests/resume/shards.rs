//! Four processes send one recording together: exactly the events of one process, whichever of them is killed.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::support::redis;
use super::{EVENTS, PATIENCE, assert_exactly_once, by_lane, eddy, run, write_events};

/// The low-water mark of the ledger of a shard, 0 when there is none yet.
fn begun(directory: &Path, shard: usize) -> bool {
    let text = std::fs::read_to_string(directory.join(format!("ledger.{shard}-of-4"))).unwrap_or_default();
    let ledger: Value = serde_json::from_str(&text).unwrap_or_default();
    ledger["settled"]["low"].as_u64().unwrap_or(0) > 0
}

fn start(directory: &Path, target: &str, shard: usize) -> Child {
    let summary = std::fs::File::create(directory.join(format!("{shard}.json"))).expect("a file");
    let part = format!("{shard}/4");
    // A shard that is started again has the same command as the first time.
    let mut arguments = vec!["replay", "events.ndjson", "--to", target, "--rate", "8000/s", "--shard", &part];
    arguments.extend(["--ledger", "ledger", "--resume", "--format", "json", "--quiet"]);
    eddy(directory, &arguments)
        .stdout(Stdio::from(summary))
        .stderr(Stdio::null())
        .spawn()
        .expect("eddy starts")
}

#[test]
fn four_shards_deliver_the_events_of_one_and_their_reports_add_up() {
    let Some(server) = redis::redis(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    write_events(&directory.join("events.ndjson"), '.');
    let url = format!("redis://127.0.0.1:{}", server.port);
    let mut shards: Vec<Child> = (0..4).map(|shard| start(directory, &url, shard)).collect();
    // One of them is killed in its midst, and started again.
    let deadline = Instant::now() + PATIENCE;
    while !begun(directory, 2) {
        assert!(Instant::now() < deadline, "a ledger in time");
        std::thread::yield_now();
    }
    shards[2].kill().expect("killed");
    shards[2].wait().expect("a child");
    shards[2] = start(directory, &url, 2);
    for (shard, child) in shards.iter_mut().enumerate() {
        assert!(child.wait().expect("a child").success(), "shard {shard}");
    }
    let source = format!("{url}/shop.orders,shop.payments,shop.parcels");
    let (_, lines, error) = run(directory, &["tail", &source, "--from", "start", "--format", "json"]);
    assert!(error.is_empty(), "{error}");
    assert_exactly_once(&by_lane(&lines), 21);
    let marks: BTreeSet<u64> = lines.lines().map(number_in_plan).collect();
    assert_eq!(
        (marks.len(), marks.last()),
        (EVENTS, Some(&(EVENTS as u64 - 1))),
        "numbers are those of the whole"
    );

    let reports = ["replay", "report", "0.json", "1.json", "2.json", "3.json", "--format", "json"];
    let (code, out, error) = run(directory, &reports);
    assert_eq!(code, Some(0), "{error}");
    let merged: Value = serde_json::from_str(&out).expect("a report");
    let number = |name: &str| merged[name].as_u64().expect("a number");
    assert_eq!((number("shards"), number("planned"), number("lanes_of_several")), (4, EVENTS as u64, 0));
    assert_eq!(number("settled_before") + number("acknowledged"), EVENTS as u64);
    let (code, _, error) = run(directory, &["replay", "report", "0.json", "0.json"]);
    assert!(code == Some(2) && error.contains("the same run"), "{error}");
    let (code, _, error) = run(directory, &["replay", "report", "events.ndjson"]);
    assert!(code == Some(2) && error.contains("no summary of a replay"), "{error}");
    // The ledger of one shard is none for another, and everything has arrived.
    let again = start(directory, &url, 3).wait().expect("a child");
    assert!(again.success());
    // What has nothing left to send says of which shard it is, too.
    let (code, _, error) = run(directory, &reports);
    assert_eq!(code, Some(0), "{error}");
    let (code, _, error) = run(directory, &["replay", "report", "0.json", "1.json", "3.json"]);
    assert!(code == Some(2) && error.contains("the summary of shard 2/4 is missing"), "{error}");
    std::fs::copy(directory.join("ledger.3-of-4"), directory.join("ledger.3-of-5")).expect("copied");
    let other = ["replay", "events.ndjson", "--to", &url, "--shard", "3/5", "--ledger", "ledger", "--resume"];
    let (code, _, error) = run(directory, &other);
    assert!(code == Some(2) && error.contains("another plan"), "{error}");
}

pub fn number_in_plan(line: &str) -> u64 {
    let event: Value = serde_json::from_str(line).expect("an event");
    let headers = event["h"].as_array().expect("headers");
    let mark = headers.iter().find(|header| header[0] == "eddy-seq").expect("a mark");
    mark[1].as_str().expect("text").parse().expect("a number")
}

/// What refers to what, over two shards: an identity becomes the same in both.
#[test]
fn shards_give_one_identity_one_new_one_when_they_begin_together() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let line = |index: usize| {
        let head = format!(r#"{{"n":{},"t":{},"src":"shop","k":"{index}""#, index + 1, index * 1000);
        head + r#","v":"x","h":[["correlation-id","flow"]]}"#
    };
    let lines: Vec<String> = (0..40).map(line).collect();
    std::fs::write(directory.join("events.ndjson"), lines.join("\n") + "\n").expect("written");
    let begun = |name: &str, shard: usize, more: &[&str]| {
        let (part, target) = (format!("{shard}/2"), format!("{name}{shard}.ndjson"));
        let mut arguments =
            vec!["replay", "events.ndjson", "--to", &target, "--shard", &part, "--ids", "map"];
        arguments.extend(["--speed", "max"]);
        arguments.extend(more);
        let errors = std::fs::File::create(directory.join("errors")).expect("a file");
        eddy(directory, &arguments).stdout(Stdio::null()).stderr(errors).spawn().expect("eddy starts")
    };
    assert_eq!(begun("", 0, &[]).wait().expect("a child").code(), Some(2));
    let said = std::fs::read_to_string(directory.join("errors")).expect("read");
    assert!(said.contains("`--ids map` of several shards") && said.contains("--start-at TIME"), "{said}");
    let soon = eddy::event::Timestamp(eddy::event::Timestamp::now().0 + 3_000_000).to_string();
    let both = |name: &str, more: &[&str]| {
        [0, 1].map(|shard| begun(name, shard, &[&["--start-at", &soon], more].concat()))
    };
    let runs = [("", both("", &[])), ("other-", both("other-", &["--skip", "1"]))];
    let [flows, others] = runs.map(|(name, mut shards)| {
        [0, 1].map(|shard| {
            assert!(shards[shard].wait().expect("a child").success(), "shard {shard}");
            let text = std::fs::read_to_string(directory.join(format!("{name}{shard}.ndjson")));
            text.expect("events").lines().map(flow_of).collect::<BTreeSet<String>>()
        })
    });
    assert!(flows[0] == flows[1] && flows[0].len() == 1 && !flows[0].contains("flow"), "{flows:?}");
    assert!(others[0] == others[1] && others[0] != flows[0], "what sends something else is another run");
}

/// Two shards with one command, and a quarter of the events went through three replays before.
fn two_shards(directory: &Path, more: &[&str]) -> Vec<Value> {
    let line = |index: usize| {
        let head = format!(r#"{{"n":{},"t":{},"src":"shop","k":"{}""#, index + 1, index * 1000, index % 50);
        let looped = if index.is_multiple_of(4) { r#"["eddy-run","x"],["eddy-loops","3"]"# } else { "" };
        head + r#","v":"x","h":["# + looped + "]}"
    };
    let lines: Vec<String> = (0..400).map(line).collect();
    std::fs::write(directory.join("events.ndjson"), lines.join("\n") + "\n").expect("written");
    let summary = |shard: usize| {
        let (part, target) = (format!("{shard}/2"), format!("{shard}.ndjson"));
        let fixed = ["replay", "events.ndjson", "--to", &target, "--shard", &part, "--ledger", "ledger"];
        let arguments = [&fixed[..], &["--resume", "--format", "json"], more].concat();
        let (code, out, error) = run(directory, &arguments);
        assert_eq!(code, Some(0), "{error}");
        std::fs::write(directory.join(format!("{shard}.json")), &out).expect("written");
        serde_json::from_str(&out).expect("a summary")
    };
    [0, 1].map(summary).into()
}

#[test]
fn each_shard_has_its_own_results_and_faults_and_one_keeps_what_is_left_out() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let files = ["--results", "results", "--quarantine", "looped.eddy.ndjson.zst"];
    let faults = ["--fault", "duplicate:10%", "--fault", "drop:10%", "--seed", "7"];
    let summaries = two_shards(directory, &[&["--speed", "max"], &files[..], &faults[..]].concat());
    for (shard, summary) in summaries.iter().enumerate() {
        let text = std::fs::read_to_string(directory.join(format!("results.{shard}-of-2"))).expect("results");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(Some(lines.len() as u64), summary["acknowledged"].as_u64());
    }
    assert!(!directory.join("results").exists());
    // A copy more for each duplicate, an event less for each that is dropped.
    let all =
        |name: &str| summaries.iter().map(|summary| summary[name].as_u64().expect("a number")).sum::<u64>();
    let fault = |at: usize| {
        let counts =
            summaries.iter().map(|summary| summary["faults"][at]["events"].as_u64().expect("a number"));
        counts.collect::<Vec<u64>>()
    };
    let (twice, dropped) = (fault(0), fault(1));
    assert_eq!(all("acknowledged"), 300 + twice.iter().sum::<u64>() - dropped.iter().sum::<u64>());
    assert!(twice[0] != twice[1] || dropped[0] != dropped[1], "{twice:?} {dropped:?}");
    let (code, out, error) =
        run(directory, &["archive", "stats", "looped.eddy.ndjson.zst", "--format", "json"]);
    assert_eq!(code, Some(0), "{error}");
    let stats: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(stats["events"], 100, "{out}");
    let (code, out, error) = run(directory, &["replay", "report", "0.json", "1.json", "--format", "json"]);
    assert_eq!(code, Some(0), "{error}");
    let merged: Value = serde_json::from_str(&out).expect("a report");
    assert_eq!(
        (merged["seed"].as_u64(), merged["faults"][0]["events"].as_u64()),
        (Some(7), Some(twice.iter().sum()))
    );
}

#[test]
fn a_report_of_shards_counts_what_was_left_out_as_late() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    // Faster than any machine: much is late.
    let pace = ["--rate", "10000000/s", "--late", "drop:0s"];
    let summaries = two_shards(directory, &pace);
    let late: u64 =
        summaries.iter().map(|summary| summary["left_out_late"].as_u64().expect("a number")).sum();
    assert!(late > 0);
    let (code, out, error) = run(directory, &["replay", "report", "0.json", "1.json", "--format", "json"]);
    assert_eq!(code, Some(0), "{error}");
    let merged: Value = serde_json::from_str(&out).expect("a report");
    assert_eq!(merged["left_out_late"].as_u64(), Some(late));
    let again =
        ["replay", "events.ndjson", "--to", "0.ndjson", "--shard", "0/2", "--ledger", "ledger", "--resume"];
    let (code, _, error) = run(directory, &[&again[..], &pace[..]].concat());
    assert!(code == Some(0) && error.contains("nothing of this run is left to send"), "{error}");
    assert!(!error.contains("arrived"), "{error}");
}

fn flow_of(line: &str) -> String {
    let event: Value = serde_json::from_str(line).expect("an event");
    let headers = event["h"].as_array().expect("headers");
    let flow = headers.iter().find(|header| header[0] == "correlation-id").expect("a flow");
    flow[1].as_str().expect("text").to_owned()
}
