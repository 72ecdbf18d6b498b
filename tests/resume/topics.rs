//! A topic as a recording: alone it is sent whole, in a consumer group several processes send exactly its events, and one
//! that is killed loses none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::support::kafka;
use super::{EVENTS, PATIENCE, assert_exactly_once, by_lane, eddy, run, topics};

/// Fills three topics of this prefix with events that say when they were made; gives the source of all.
async fn filled(directory: &Path, port: u16, prefix: &str) -> String {
    let names = ["orders", "payments", "parcels"].map(|name| format!("{prefix}.{name}"));
    let copy = format!("{prefix}.copy");
    let all: Vec<&str> = names.iter().map(String::as_str).chain([copy.as_str()]).collect();
    topics(port, &all).await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_micros();
    let mut text = String::new();
    for index in 0..EVENTS {
        let (time, channel) = (now - 60_000_000 + index as u128 * 100, &names[index * 7 % 3]);
        writeln!(
            text,
            r#"{{"t":{time},"src":"{channel}","k":"{}","ts":{time},"tst":"create","v":"{index}"}}"#,
            index % 7
        )
        .expect("text");
    }
    std::fs::write(directory.join("events.ndjson"), text).expect("written");
    let url = format!("kafka://127.0.0.1:{port}");
    let (code, _, error) =
        run(directory, &["replay", "events.ndjson", "--to", &url, "--speed", "max", "--no-mark"]);
    assert_eq!(code, Some(0), "{error}");
    format!("{url}/{}", names.join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_sent_whole_with_its_times_and_in_its_order() {
    let Some(server) = kafka::shared() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let source = filled(directory, server.port, "topic").await;
    let arguments = ["replay", &source, "--to", "copy.ndjson", "--speed", "10", "--format", "json"];
    let (code, summary, error) = run(directory, &arguments);
    assert_eq!(code, Some(0), "{error}");
    let summary: Value = serde_json::from_str(&summary).expect("a summary");
    assert_eq!((&summary["planned"], &summary["acknowledged"]), (&EVENTS.into(), &EVENTS.into()));
    // Two seconds at ten times the speed, by times in whole milliseconds.
    assert!(summary["duration_us"].as_u64() >= Some(199_000), "{summary}");
    let lines = std::fs::read_to_string(directory.join("copy.ndjson")).expect("read");
    assert_exactly_once(&by_lane(&lines), 21);
    let time = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["ts"].as_i64();
    assert!(lines.lines().map(time).is_sorted(), "partitions are merged by time");
    for (flags, expected) in [
        (&["--ledger", "ledger"][..], "a ledger belongs to an archive"),
        (&["--range", "-10"][..], "cannot be read from its last events on"),
    ] {
        let (code, _, error) =
            run(directory, &[&["replay", &source, "--to", "again.ndjson"], flags].concat());
        assert!(code == Some(2) && error.contains(expected), "{error}");
    }
    let shared = format!("{source}?group=topic");
    for flags in [&["--loop", "2"][..], &["--from", "-1h"], &["--shard", "0/2"], &["--fault", "drop:1%"]] {
        let (code, _, error) =
            run(directory, &[&["replay", &shared, "--to", "again.ndjson"], flags].concat());
        let expected = format!("`{}", flags[0]);
        assert!(code == Some(2) && error.contains(&expected) && error.contains("group `topic`"), "{error}");
    }
    let (code, _, error) =
        run(directory, &["replay", &source, "--to", &source.replace(",topic.payments", "")]);
    assert!(code != Some(0), "two topics are no target: {error}");
    let first = source.split(',').next().expect("one");
    let (code, _, error) = run(directory, &["replay", first, "--to", first]);
    assert!(code == Some(2) && error.contains("same-place"), "{error}");
}

/// Begins to send the topics as a member of a group.
fn member(directory: &Path, source: &str, target: &str, name: usize) -> Child {
    let summary = std::fs::File::create(directory.join(format!("{name}.json"))).expect("a file");
    let errors = std::fs::File::create(directory.join(format!("{name}.txt"))).expect("a file");
    let mut arguments = vec!["replay", source, "--to", target, "--rate", "2000/s", "--format", "json"];
    arguments.extend(["--no-progress"]);
    let mut command = eddy(directory, &arguments);
    command.stdout(Stdio::from(summary)).stderr(Stdio::from(errors)).spawn().expect("eddy starts")
}

fn ended(directory: &Path, name: usize, child: &mut Child) -> Value {
    let status = child.wait().expect("a child");
    let read =
        |ending: &str| std::fs::read_to_string(directory.join(format!("{name}.{ending}"))).expect("read");
    assert!(status.success(), "member {name}: {}", read("txt"));
    serde_json::from_str(&read("json")).expect("a summary")
}

/// How often each event arrived, by the run that sent it.
fn arrived(directory: &Path, target: &str) -> (String, BTreeMap<u64, Vec<String>>) {
    let (_, lines, error) = run(directory, &["tail", target, "--from", "start", "--format", "json"]);
    assert!(error.is_empty(), "{error}");
    let mut found = BTreeMap::<u64, Vec<String>>::new();
    for line in lines.lines() {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let number = event["v"].as_str().and_then(|text| text.parse().ok()).expect("a number");
        let headers = event["h"].as_array().expect("headers");
        let run = headers.iter().find(|header| header[0] == "eddy-run").expect("a mark");
        found.entry(number).or_default().push(run[1].as_str().expect("text").to_owned());
    }
    (lines, found)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_of_a_group_send_exactly_the_events_of_one() {
    let Some(server) = kafka::shared() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let source = filled(directory, server.port, "pair").await + "?group=pair";
    let target = format!("kafka://127.0.0.1:{}/pair.copy", server.port);
    let mut members = [0, 1].map(|name| member(directory, &source, &target, name));
    let mut sent = 0;
    for (name, child) in members.iter_mut().enumerate() {
        let summary = ended(directory, name, child);
        sent += summary["acknowledged"].as_u64().expect("a count");
    }
    let (_, found) = arrived(directory, &target);
    assert_eq!((sent, found.len()), (EVENTS as u64, EVENTS));
    assert!(found.values().all(|runs| runs.len() == 1), "each event once");
    // Nothing is left for who comes later.
    let summary = ended(directory, 2, &mut member(directory, &source, &target, 2));
    assert_eq!(summary["sent"], 0, "{summary}");
}

/// A member that has read all of its partition ahead loses it to another one, which goes without having sent anything.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_ahead_and_taken_away_is_sent_when_it_comes_back() {
    let Some(server) = kafka::shared() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let source = filled(directory, server.port, "back").await + "?group=back";
    let target = format!("kafka://127.0.0.1:{}/back.copy", server.port);
    let mut first = member(directory, &source, &target, 0);
    let deadline = Instant::now() + PATIENCE;
    while arrived(directory, &target).1.len() < EVENTS / 20 {
        assert!(Instant::now() < deadline, "events in time");
    }
    let mut other = member(directory, &source, &target, 1);
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", format!("127.0.0.1:{}", server.port))
        .create()
        .expect("a client");
    let members = || {
        let groups = client.fetch_group_list(Some("back"), Duration::from_secs(10)).expect("the group");
        groups.groups().iter().map(|group| group.members().len()).sum::<usize>()
    };
    while members() < 2 {
        assert!(
            Instant::now() < deadline && other.try_wait().expect("a child").is_none(),
            "a member in time"
        );
    }
    kill_process(Pid::from_child(&other), Signal::INT).expect("a signal");
    other.wait().expect("a child");
    let summary = ended(directory, 0, &mut first);
    let (_, found) = arrived(directory, &target);
    assert_eq!(found.len(), EVENTS, "nothing is lost: {summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn four_members_of_which_one_is_killed_lose_nothing() {
    let Some(server) = kafka::shared() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let source = filled(directory, server.port, "four").await + "?group=four";
    let target = format!("kafka://127.0.0.1:{}/four.copy", server.port);
    let mut members: Vec<Child> = (0..4).map(|name| member(directory, &source, &target, name)).collect();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, found) = arrived(directory, &target);
        if found.len() > EVENTS / 5 {
            break;
        }
        assert!(Instant::now() < deadline, "events in time");
    }
    members[1].kill().expect("killed");
    members[1].wait().expect("a child");
    let mut runs = BTreeSet::new();
    for (name, child) in members.iter_mut().enumerate().filter(|(name, _)| *name != 1) {
        let summary = ended(directory, name, child);
        runs.insert(summary["run"].as_str().expect("a name").to_owned());
    }
    let (_, found) = arrived(directory, &target);
    assert_eq!(found.len(), EVENTS, "nothing is lost");
    let by_the_living = |sent: &Vec<String>| sent.iter().filter(|run| runs.contains(*run)).count() <= 1;
    assert!(found.values().all(by_the_living), "only what the killed one sent comes twice");
    let twice = found.values().filter(|sent| sent.len() > 1).count();
    assert!(twice < EVENTS / 4, "{twice} of its share");
}
