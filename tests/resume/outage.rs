//! The server is killed while a replay runs into it, and comes back: the replay pauses, and goes on by itself.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use super::support::{kafka, redis, servers};
use super::{
    EVENTS, PATIENCE, assert_exactly_once, by_lane, eddy, run, settled, stream, topics, write_events,
};

/// Replays, has `outage` happen after a third of the events, and returns the summary and what was said. `outage` is given
/// a function that waits until the replay has noticed.
pub fn replayed_through(
    directory: &Path,
    target: &str,
    outage: impl FnOnce(&dyn Fn()),
) -> (serde_json::Value, String) {
    let file = |name: &str| std::fs::File::create(directory.join(name)).expect("a file");
    let said = || std::fs::read_to_string(directory.join("said")).expect("a file");
    let mut arguments =
        vec!["replay", "events.ndjson", "--to", target, "--loss", "allow", "--rate", "4000/s"];
    arguments.extend(["--ledger", "ledger", "--retry-for", "3m", "--format", "json"]);
    let mut child = eddy(directory, &arguments)
        .stdout(Stdio::from(file("summary")))
        .stderr(Stdio::from(file("said")))
        .spawn()
        .expect("eddy starts");
    let begun = Instant::now();
    while settled(&directory.join("ledger")) < EVENTS as u64 / 3 {
        assert!(child.try_wait().expect("a child").is_none(), "{}", said());
        assert!(begun.elapsed() < PATIENCE, "{}", said());
        std::thread::yield_now();
    }
    outage(&|| {
        let begun = Instant::now();
        while !said().contains("to send again") {
            assert!(begun.elapsed() < PATIENCE, "{}", said());
            std::thread::yield_now();
        }
    });
    let status = child.wait().expect("a child");
    assert!(status.success(), "{}", said());
    let summary = std::fs::read_to_string(directory.join("summary")).expect("a file");
    (serde_json::from_str(&summary).expect("a summary"), said())
}

#[tokio::test(flavor = "multi_thread")]
async fn jetstream_is_killed_in_mid_run_and_each_event_arrives_once() {
    let Some(mut server) = servers::nats(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    write_events(&directory.path().join("events.ndjson"), '.');
    stream(&format!("nats://127.0.0.1:{}", server.port)).await;
    let url = format!("jetstream+nats://127.0.0.1:{}", server.port);
    let (summary, _) = replayed_through(directory.path(), &url, |waits| {
        server.stop();
        waits();
        server.start();
    });
    assert_eq!(summary["possible_duplicates"], 0, "{summary}");
    let source = format!("{url}/SHOP");
    let (_, lines, _) = run(directory.path(), &["tail", &source, "--from", "start", "--format", "json"]);
    assert_exactly_once(&by_lane(&lines), 3);
}

#[test]
fn redis_is_killed_in_mid_run_and_each_event_arrives_once() {
    let Some(mut server) = redis::redis_that_keeps(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    write_events(&directory.path().join("events.ndjson"), '.');
    let url = format!("redis://127.0.0.1:{}", server.port);
    let (summary, _) = replayed_through(directory.path(), &url, |waits| {
        server.stop();
        waits();
        server.start();
    });
    assert_eq!(summary["possible_duplicates"], 0, "{summary}");
    let source = format!("{url}/shop.orders,shop.payments,shop.parcels");
    let (_, lines, error) = run(directory.path(), &["tail", &source, "--from", "start", "--format", "json"]);
    assert!(error.is_empty(), "{error}");
    assert_exactly_once(&by_lane(&lines), 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_is_killed_in_mid_run_and_each_event_arrives_once() {
    let Some(mut server) = kafka::Kafka::plain() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    write_events(&directory.path().join("events.ndjson"), '.');
    let names = ["shop.orders", "shop.payments", "shop.parcels"];
    topics(server.port, &names).await;
    let url = format!("kafka://127.0.0.1:{}", server.port);
    let (summary, said) = replayed_through(directory.path(), &url, |waits| {
        server.stop();
        waits();
        server.start();
    });
    assert!(said.contains("does not answer: connection refused"), "{said}");
    assert_eq!(summary["possible_duplicates"], 0, "{summary}");
    let source = format!("{url}/{}", names.join(","));
    let (_, lines, error) = run(directory.path(), &["tail", &source, "--from", "start", "--format", "json"]);
    assert!(error.is_empty(), "{error}");
    assert_exactly_once(&by_lane(&lines), 21);
}
