//! A server that does not answer for a while, as on a frozen machine: the replay waits without filling the memory, and goes
//! on when it answers again.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::outage::replayed_through;
use super::support::{redis, servers};
use super::{PATIENCE, assert_exactly_once, by_lane, eddy, run, settled, stream, write_events};

/// How long a server that holds on is silent; shorter than any receipt is waited for.
const SILENCE: Duration = Duration::from_secs(3);
/// Bytes of the large recording, and what a replay of it may take.
const RECORDING: usize = 400 * 1024 * 1024;
const MOST_MEMORY_KB: u64 = 300 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_silent_for_a_while_are_waited_for_and_each_event_arrives_once() {
    let (Some(nats), Some(redis)) = (servers::nats(&[]), redis::redis(&[])) else { return };
    stream(&format!("nats://127.0.0.1:{}", nats.port)).await;
    let jetstream = format!("jetstream+nats://127.0.0.1:{}", nats.port);
    let streams = format!("redis://127.0.0.1:{}", redis.port);
    for (server, url, path, lanes) in
        [(&nats, &jetstream, "SHOP", 3), (&redis, &streams, "shop.orders,shop.payments,shop.parcels", 21)]
    {
        let directory = tempfile::tempdir().expect("a directory");
        write_events(&directory.path().join("events.ndjson"), '.');
        let (summary, said) = replayed_through(directory.path(), url, |_| {
            server.freeze();
            let until = Instant::now() + SILENCE;
            while Instant::now() < until {
                std::thread::park_timeout(SILENCE);
            }
            server.thaw();
        });
        let number = |name: &str| summary[name].as_u64();
        assert_eq!((number("failed"), number("possible_duplicates")), (Some(0), Some(0)), "{said}");
        let source = format!("{url}/{path}");
        let (_, printed, _) =
            run(directory.path(), &["tail", &source, "--from", "start", "--format", "json"]);
        assert_exactly_once(&by_lane(&printed), lanes);
    }
}

/// Events of 100 KiB.
fn write_large_events(path: &Path) {
    use std::io::Write as _;
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a file"));
    let payload = "x".repeat(100 * 1024);
    for index in 0..RECORDING / payload.len() {
        let mut line = String::new();
        write!(line, r#"{{"t":{index},"src":"shop.orders","v":"{payload}"}}"#).expect("text");
        line.push('\n');
        file.write_all(line.as_bytes()).expect("written");
    }
}

/// The number of events that a progress line says were handed over.
fn sent(said: &str) -> u64 {
    let mut values =
        said.lines().rev().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    values.find_map(|value| value["sent"].as_u64()).unwrap_or(0)
}

/// The most memory a process has had, in KiB.
fn most_memory(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_nothing_does_not_fill_the_memory() {
    let Some(server) = servers::nats(&[]) else { return };
    stream(&format!("nats://127.0.0.1:{}", server.port)).await;
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    write_large_events(&directory.join("events.ndjson"));
    let url = format!("jetstream+nats://127.0.0.1:{}", server.port);
    let arguments = ["replay", "events.ndjson", "--to", &url, "--speed", "max", "--progress", "json"];
    let file = std::fs::File::create(directory.join("said")).expect("a file");
    let mut child = eddy(directory, &[&arguments[..], &["--ledger", "ledger"]].concat())
        .stdout(Stdio::null())
        .stderr(file)
        .spawn()
        .expect("eddy starts");
    let said = || std::fs::read_to_string(directory.join("said")).expect("a file");
    let begun = Instant::now();
    while settled(&directory.join("ledger")) == 0 {
        assert!(child.try_wait().expect("a child").is_none(), "{}", said());
        assert!(begun.elapsed() < PATIENCE, "{}", said());
        std::thread::yield_now();
    }
    server.freeze();
    // Two reports with the same number: nothing more is handed over.
    let (begun, mut before, mut lines) = (Instant::now(), 0, said().lines().count());
    loop {
        assert!(child.try_wait().expect("a child").is_none(), "{}", said());
        assert!(begun.elapsed() < PATIENCE, "{}", said());
        let now = said();
        if now.lines().count() > lines {
            if sent(&now) == before {
                break;
            }
            (before, lines) = (sent(&now), now.lines().count());
        }
        std::thread::yield_now();
    }
    let memory = most_memory(&child);
    assert!(memory < MOST_MEMORY_KB, "{memory} KiB");
    child.kill().expect("killed");
    child.wait().expect("a child");
}
