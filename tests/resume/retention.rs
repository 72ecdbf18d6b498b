//! The target keeps little: what is gone from it when a run is taken up again goes once more, which is told before and counted.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::{Config, RetentionPolicy, Stream};
use serde_json::Value;

use super::elsewhere::Recorder;
use super::support::{redis, servers};
use super::{EVENTS, killed, run, write_events};

/// Events that one crash may leave open: those handed over beyond the mark on disk.
const WINDOW: u64 = 2_560;

async fn stream_of(port: u16, config: Config) -> Stream {
    let client = async_nats::connect(format!("nats://127.0.0.1:{port}")).await.expect("a client");
    let config = Config {
        name: "SHOP".to_owned(),
        subjects: vec!["shop.>".to_owned()],
        // What the server recognises by itself must not help.
        duplicate_window: Duration::from_millis(100),
        ..config
    };
    async_nats::jetstream::new(client).create_stream(config).await.expect("a stream")
}

async fn stream_gone(port: u16) {
    let client = async_nats::connect(format!("nats://127.0.0.1:{port}")).await.expect("a client");
    async_nats::jetstream::new(client).delete_stream("SHOP").await.expect("deleted");
}

/// The findings of the plan about events that may go again, and how well delivery is assured by it.
fn planned(directory: &Path, replay: &[&str]) -> (Vec<String>, String) {
    let (code, plan, error) = run(directory, &[replay, &["--dry-run", "--format", "json"]].concat());
    assert_eq!(code, Some(0), "{plan}{error}");
    let plan: Value = serde_json::from_str(&plan).expect("a plan");
    let findings = plan["findings"].as_array().expect("findings").iter();
    let repeats = findings.filter(|finding| finding["name"] == "may-repeat");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (repeats.map(|finding| text(&finding["message"])).collect(), text(&plan["delivery"]["guarantee"]))
}

/// Kills a replay in the middle and takes it up again: its summary and what it said.
fn killed_and_resumed(directory: &Path, replay: &[&str]) -> (Value, String) {
    assert!(killed(directory, replay, 4_000, 31), "it ended before");
    let (code, out, error) = run(directory, &[replay, &["--resume", "--format", "json"]].concat());
    assert_eq!(code, Some(0), "{error}");
    let summary: Value = serde_json::from_str(&out).expect("a summary");
    assert_eq!(summary["planned"], EVENTS, "{summary}");
    (summary, error)
}

fn replay_to(target: &str) -> Vec<&str> {
    vec![
        "replay",
        "events.ndjson",
        "--to",
        target,
        "--loss",
        "allow",
        "--rate",
        "8000/s",
        "--ledger",
        "ledger",
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_few_events_may_repeat_what_the_plan_and_the_summary_say() {
    let Some(server) = servers::nats(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    write_events(&directory.path().join("events.ndjson"), '.');
    stream_of(server.port, Config { max_messages: 100, ..Config::default() }).await;
    let target = format!("jetstream+nats://127.0.0.1:{}", server.port);
    let replay = replay_to(&target);
    let (findings, guarantee) = planned(directory.path(), &replay);
    let told =
        "`SHOP` keeps only 100 events: after a crash up to 2560 of the events that arrived may be sent again";
    assert_eq!((findings, guarantee.as_str()), (vec![told.to_owned()], "at-least-once"));
    let (code, _, error) =
        run(directory.path(), &[&replay[..], &["--delivery", "effectively-once"]].concat());
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("nothing was sent") && error.contains(told), "{error}");

    let recorder = Recorder::start(directory.path(), &format!("nats://127.0.0.1:{}/shop.>", server.port));
    let (summary, error) = killed_and_resumed(directory.path(), &replay);
    let (arrived, different) = recorder.seen(directory.path());
    assert_eq!(different, EVENTS, "nothing is lost");
    let twice = (arrived - EVENTS) as u64;
    let said = summary["possible_duplicates"].as_u64().expect("a number");
    assert!(twice <= said && said <= WINDOW, "{twice} came twice: {summary}");
    assert!(said == 0 || error.contains("does not hold all any more that reached it"), "{error}");
}

/// How many entries were ever added to the streams of the channels.
fn added(port: u16) -> u64 {
    let of_stream = |name: &str| {
        let mut connection = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        write!(connection, "XINFO STREAM {name}\r\nQUIT\r\n").expect("asked");
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).expect("an answer");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (_, behind) = answer.split_once("entries-added\r\n:").expect("Redis 7 or later");
        behind.split("\r\n").next().and_then(|number| number.parse::<u64>().ok()).expect("a number")
    };
    ["shop.orders", "shop.payments", "shop.parcels"].map(of_stream).iter().sum()
}

#[test]
fn redis_streams_that_are_trimmed_may_repeat_what_the_plan_and_the_summary_say() {
    let Some(server) = redis::redis(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    write_events(&directory.path().join("events.ndjson"), '.');
    let target = format!("redis://127.0.0.1:{}?maxlen=50", server.port);
    let replay = replay_to(&target);
    let (findings, guarantee) = planned(directory.path(), &replay);
    assert!(findings.len() == 3 && findings[0].contains("keeps only 50 events"), "{findings:?}");
    assert_eq!(guarantee, "at-least-once");
    let (summary, error) = killed_and_resumed(directory.path(), &replay);
    let twice = added(server.port) - EVENTS as u64;
    let said = summary["possible_duplicates"].as_u64().expect("a number");
    assert!(twice <= said && said <= WINDOW, "{twice} came twice: {summary}");
    assert!(said == 0 || error.contains("does not hold all any more that reached it"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_keeps_what_one_crash_leaves_open_repeats_nothing() {
    let Some(server) = servers::nats(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    write_events(&directory.path().join("events.ndjson"), '.');
    stream_of(server.port, Config { max_messages: 3_000, ..Config::default() }).await;
    let target = format!("jetstream+nats://127.0.0.1:{}", server.port);
    let replay = replay_to(&target);
    assert_eq!(planned(directory.path(), &replay), (Vec::new(), "effectively-once".to_owned()));
    let recorder = Recorder::start(directory.path(), &format!("nats://127.0.0.1:{}/shop.>", server.port));
    let (summary, error) = killed_and_resumed(directory.path(), &replay);
    assert_eq!(recorder.seen(directory.path()), (EVENTS, EVENTS), "{error}");
    assert_eq!(summary["possible_duplicates"], 0, "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_give_their_events_away_are_gone_on_with_by_the_ledger_alone() {
    let Some(server) = servers::nats(&[]) else { return };
    let target = format!("jetstream+nats://127.0.0.1:{}", server.port);
    let replay = replay_to(&target);
    for (retention, kind) in
        [(RetentionPolicy::WorkQueue, "a work queue"), (RetentionPolicy::Interest, "kept by interest")]
    {
        let directory = tempfile::tempdir().expect("a directory");
        write_events(&directory.path().join("events.ndjson"), '.');
        let stream = stream_of(server.port, Config { retention, ..Config::default() }).await;
        // A work queue lets nobody else have its events.
        let consumer = pull::Config { durable_name: Some("shop".to_owned()), ..pull::Config::default() };
        stream.create_consumer(consumer).await.expect("a consumer");
        let (findings, guarantee) = planned(directory.path(), &replay);
        assert!(findings.len() == 1 && findings[0].contains(&format!("`SHOP` is {kind}")), "{findings:?}");
        assert_eq!(guarantee, "at-least-once");
        let recorder = Recorder::start(directory.path(), &format!("nats://127.0.0.1:{}/shop.>", server.port));
        let (summary, error) = killed_and_resumed(directory.path(), &replay);
        let (arrived, different) = recorder.seen(directory.path());
        assert_eq!(different, EVENTS, "nothing is lost");
        let (twice, said) = (arrived - EVENTS, summary["possible_duplicates"].as_u64().expect("a number"));
        assert!(twice as u64 <= said && said <= WINDOW, "{twice} came twice: {summary}");
        assert!(error.contains("cannot be read back: events on their way"), "{error}");
        stream_gone(server.port).await;
    }
}
