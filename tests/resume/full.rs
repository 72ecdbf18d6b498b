//! The target has no room for a while: the replay waits, and sends the rest when there is some again.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use super::outage::replayed_through;
use super::support::rabbitmq::rabbitmq;
use super::support::redis;
use super::{EVENTS, by_lane, run, write_events};

/// The numbers of all events, sorted.
fn numbers(lines: &str) -> Vec<usize> {
    let mut numbers: Vec<usize> = by_lane(lines).into_values().flatten().collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn redis_runs_short_of_memory_and_each_event_arrives_once() {
    let Some(server) = redis::redis(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    write_events(&directory.path().join("events.ndjson"), '.');
    let limit = |bytes: u64| {
        let mut connection = TcpStream::connect(("127.0.0.1", server.port)).expect("a connection");
        write!(connection, "CONFIG SET maxmemory {bytes}\r\n").expect("asked");
        let mut answer = [0; 5];
        connection.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"+OK\r\n");
    };
    let url = format!("redis://127.0.0.1:{}", server.port);
    let (summary, said) = replayed_through(directory.path(), &url, |waits| {
        limit(1);
        waits();
        limit(0);
    });
    assert!(said.contains("has no memory left"), "{said}");
    assert_eq!((&summary["failed"], &summary["possible_duplicates"]), (&json!(0), &json!(0)), "{summary}");
    let source = format!("{url}/shop.orders,shop.payments,shop.parcels");
    let (_, lines, error) = run(directory.path(), &["tail", &source, "--from", "start", "--format", "json"]);
    assert!(error.is_empty(), "{error}");
    let arrived = numbers(&lines);
    assert!(arrived == (0..EVENTS).collect::<Vec<_>>(), "{} of {EVENTS} arrived", arrived.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_rabbitmq_is_full_and_nothing_is_lost() {
    let Some(node) = rabbitmq() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    write_events(&directory.path().join("events.ndjson"), '.');
    node.manage("PUT", "queues/%2F/bounded", json!({ "durable": true })).await;
    let url = format!("amqp://127.0.0.1:{}/%2F?queue=bounded", node.port);
    let limit = r#"{"max-length": 8000, "overflow": "reject-publish"}"#;
    node.control(&["set_policy", "full", "^bounded$", limit, "--apply-to", "queues"]);
    let (summary, said) = replayed_through(directory.path(), &url, |waits| {
        waits();
        node.control(&["clear_policy", "full"]);
    });
    assert!(said.contains("the broker could not take the event"), "{said}");
    assert_eq!(summary["failed"], 0, "{summary}");
    let (_, lines, _) = run(directory.path(), &["tail", &url, "--to", "now", "--format", "json"]);
    let mut arrived = numbers(&lines);
    let twice = u64::try_from(arrived.len() - EVENTS).expect("a number");
    arrived.dedup();
    assert!(arrived == (0..EVENTS).collect::<Vec<_>>(), "{} of {EVENTS} arrived", arrived.len());
    assert!(summary["possible_duplicates"].as_u64() >= Some(twice), "{twice}: {summary}");
}
