//! A server that does not answer for a while, as on a frozen machine: the replay waits without filling the memory, and goes
//! on when it answers again. Who is slower than the server holds no more of what it has than one who is not.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::outage::replayed_through;
use super::support::{kafka, redis, servers};
use super::{PATIENCE, assert_exactly_once, by_lane, eddy, run, settled, stream, topics, write_events};

/// How long a server that holds on is silent; shorter than any receipt is waited for.
const SILENCE: Duration = Duration::from_secs(3);
/// Bytes of the large recording, and what a replay of it may take.
const RECORDING: usize = 400 * 1024 * 1024;
const MOST_MEMORY_KB: u64 = 300 * 1024;
/// Small events of a topic, which would take more than this when all of them were held.
const SMALL: u64 = 1_500_000;
const MOST_FOR_SMALL_KB: u64 = 250 * 1024;

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

/// The most memory a process has had, in KiB; nothing of one that has ended.
fn most_memory(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Fills a topic of three partitions with events of a few bytes.
async fn fill(port: u16, topic: &str) {
    topics(port, &[topic]).await;
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", format!("127.0.0.1:{port}"))
        .set("queue.buffering.max.messages", "100000");
    let producer: BaseProducer = config.create().expect("a producer");
    for index in 0..SMALL {
        let payload = format!("event {index:>14}");
        let partition = i32::try_from(index / 1_000 % 3).expect("few");
        let mut record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(payload.as_bytes());
        while let Err((_, given_back)) = producer.send(record) {
            record = given_back;
            producer.poll(Duration::from_millis(10));
        }
    }
    producer.flush(PATIENCE).expect("taken");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_slower_than_its_topic_does_not_fill_the_memory() {
    let Some(server) = kafka::shared() else { return };
    fill(server.port, "small").await;
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("kafka://127.0.0.1:{}/small", server.port);
    let into = ["--output", "small.eddy.ndjson.zst", "--format", "json"];
    let arguments = [&["record", &url, "--from", "start", "--to", "now"][..], &into].concat();
    let mut child = eddy(directory.path(), &arguments).stdout(Stdio::piped()).spawn().expect("eddy starts");
    let (begun, mut memory) = (Instant::now(), 0);
    while child.try_wait().expect("a child").is_none() {
        assert!(begun.elapsed() < PATIENCE, "it ends");
        memory = most_memory(&child).unwrap_or(memory);
        std::thread::sleep(Duration::from_millis(5));
    }
    let told = child.wait_with_output().expect("a child").stdout;
    let told: serde_json::Value = serde_json::from_slice(&told).expect("JSON");
    assert_eq!(told["events"].as_u64(), Some(SMALL), "{told}");
    assert!(memory > 0 && memory < MOST_FOR_SMALL_KB, "{memory} KiB");
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
    let memory = most_memory(&child).expect("its memory");
    assert!(memory < MOST_MEMORY_KB, "{memory} KiB");
    child.kill().expect("killed");
    child.wait().expect("a child");
}
