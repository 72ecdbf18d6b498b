//! A recording sent in rounds: no round is taken for a repeat of another, and a killed run goes on in the middle of one.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use super::{killed, run, servers};

/// Events of the recording, and how often it is sent.
const EVENTS: usize = 2_000;
const ROUNDS: usize = 3;

/// Events that bring names by which JetStream recognises repeats.
fn write_named_events(path: &Path) {
    let mut text = String::new();
    for index in 0..EVENTS {
        let time = 1_700_000_000_000_000 + index * 100;
        let channel = ["orders", "payments"][index % 2];
        writeln!(
            text,
            r#"{{"t":{time},"src":"shop.{channel}","v":"{index}","h":[["Nats-Msg-Id","m-{index}"],["ce_id","e-{index}"]]}}"#
        )
        .expect("text");
    }
    std::fs::write(path, text).expect("written");
}

async fn stream(url: &str) {
    let client = async_nats::connect(url).await.expect("a client");
    let config = async_nats::jetstream::stream::Config {
        name: "SHOP".to_owned(),
        subjects: vec!["shop.>".to_owned()],
        // Whatever comes twice by its name is dropped for longer than the test takes.
        duplicate_window: Duration::from_secs(600),
        ..Default::default()
    };
    async_nats::jetstream::new(client).create_stream(config).await.expect("a stream");
}

/// The header of this name of each event on the stream, in its order.
fn headers(lines: &str, name: &str) -> Vec<String> {
    let header = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let pairs = event["h"].as_array().cloned().unwrap_or_default();
        let found = pairs.iter().find(|pair| pair[0] == name).and_then(|pair| pair[1].as_str());
        found.unwrap_or_default().to_owned()
    };
    lines.lines().map(header).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_arrive_whole_though_events_bring_names_and_the_run_is_killed() {
    let Some(server) = servers::nats(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    write_named_events(&directory.join("events.ndjson"));
    stream(&format!("nats://127.0.0.1:{}", server.port)).await;
    let url = format!("jetstream+nats://127.0.0.1:{}", server.port);
    let rounds = ROUNDS.to_string();
    let common = ["replay", "events.ndjson", "--to", &url, "--loop", &rounds, "--ledger", "ledger"];
    let with = |more: &[&'static str]| [&common[..], &["--results", "results.ndjson"], more].concat();

    // Nothing may be late at all, and something always is: the run ends before its first event, cleanly.
    let (code, _, error) = run(directory, &with(&["--late", "abort-over:0s"]));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("is not allowed (`--late abort-over`)") && error.contains("--resume"), "{error}");
    assert!(error.contains("--loop 3") && error.contains("--results results.ndjson"), "{error}");

    killed(directory, &with(&["--rate", "4000/s", "--resume"]), (EVENTS + EVENTS / 2) as u64, 7);
    let (code, _, error) = run(directory, &with(&["--rate", "4000/s", "--resume"]));
    assert!(code == Some(0) || error.contains("nothing of this run is left to send"), "{code:?} {error}");

    let source = format!("{url}/SHOP");
    let (_, lines, _) = run(directory, &["tail", &source, "--from", "start", "--format", "json"]);
    let numbers: Vec<usize> =
        headers(&lines, "eddy-seq").iter().map(|number| number.parse().expect("a number")).collect();
    assert_eq!(numbers, (0..EVENTS * ROUNDS).collect::<Vec<_>>());
    for name in ["Nats-Msg-Id", "ce_id"] {
        let values = headers(&lines, name);
        assert_eq!(values.iter().collect::<BTreeSet<_>>().len(), EVENTS * ROUNDS, "{name}");
        // JetStream knows the events of a run by their marks.
        let mark = if name == "ce_id" { '-' } else { ':' };
        assert!(values[EVENTS - 1].ends_with(&format!("{mark}{}", EVENTS - 1)), "{name}");
    }
    // What had arrived before the kill has no line where the process died before it wrote it.
    if error.contains("nothing of this run is left to send") {
        return;
    }
    // Lanes are answered in any order, so the last event need not stand in the last line.
    let results = std::fs::read_to_string(directory.join("results.ndjson")).expect("results");
    let number = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["n"].as_u64();
    assert_eq!(results.lines().filter_map(number).max(), Some((EVENTS * ROUNDS - 1) as u64));
}
