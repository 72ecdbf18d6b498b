//! A replay whose process or server is killed at any point goes on where it ended: what can be read back arrives exactly
//! once and in order, and elsewhere nothing is lost and what may have arrived twice is bounded and said.

#![cfg(all(
    unix,
    feature = "amqp",
    feature = "http",
    feature = "kafka",
    feature = "mqtt",
    feature = "nats",
    feature = "redis"
))]

#[path = "resume/asking.rs"]
mod asking;
#[path = "resume/carried.rs"]
mod carried;
#[path = "resume/changed.rs"]
mod changed;
#[path = "resume/elsewhere.rs"]
mod elsewhere;
#[path = "resume/frozen.rs"]
mod frozen;
#[path = "resume/full.rs"]
mod full;
#[path = "resume/outage.rs"]
mod outage;
#[path = "resume/preflight.rs"]
mod preflight;
#[path = "resume/retention.rs"]
mod retention;
#[path = "resume/rounds.rs"]
mod rounds;
#[path = "resume/shards.rs"]
mod shards;
mod support;
#[path = "resume/topics.rs"]
mod topics_as_recordings;
#[path = "resume/transactions.rs"]
mod transactions;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{kafka, redis, servers};

/// Events of the recording.
const EVENTS: usize = 20_000;
/// How often the replay is killed.
const KILLS: u64 = 20;
/// How long one step may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn eddy(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    // No home is written to.
    command.env("EDDY_AUDIT", directory.join("audit.ndjson"));
    command.current_dir(directory).args(arguments).stdin(Stdio::null());
    command
}

fn run(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = eddy(directory, arguments).output().expect("eddy runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Events of three channels, each with seven keys.
fn write_events(path: &Path, separator: char) {
    let mut text = String::new();
    for index in 0..EVENTS {
        let channel = ["orders", "payments", "parcels"][index * 7 % 3];
        let time = 1_700_000_000_000_000 + index * 100;
        writeln!(
            text,
            r#"{{"t":{time},"src":"shop{separator}{channel}","k":"{}","v":"{index}"}}"#,
            index % 7
        )
        .expect("text");
    }
    std::fs::write(path, text).expect("written");
}

/// The low-water mark of a ledger, 0 when there is none yet.
fn settled(ledger: &Path) -> u64 {
    let text = std::fs::read_to_string(ledger).unwrap_or_default();
    let ledger: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    ledger["settled"]["low"].as_u64().unwrap_or(0)
}

/// Starts the replay, and kills it once its ledger says that so many events are settled, at a moment the seed decides.
fn killed(directory: &Path, arguments: &[&str], at: u64, seed: u64) -> bool {
    let mut child: Child =
        eddy(directory, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("eddy starts");
    let ledger = directory.join("ledger");
    let begun = Instant::now();
    while !ledger.exists() || settled(&ledger) < at {
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
        assert!(begun.elapsed() < PATIENCE, "{} of {at} events", settled(&ledger));
        std::thread::yield_now();
    }
    // Somewhere in the second until the ledger is written next.
    let moment = Instant::now() + Duration::from_micros(seed.wrapping_mul(7_919) % 400_000);
    while Instant::now() < moment {
        std::thread::yield_now();
    }
    child.kill().expect("killed");
    child.wait().expect("a child");
    true
}

/// Kills a replay at so many points, lets it end, and returns what it said at the end.
fn with_kills(directory: &Path, target: &str, kills: u64) -> serde_json::Value {
    // Not every system carries the keys.
    let mut first = vec!["replay", "events.ndjson", "--to", target, "--loss", "allow"];
    first.extend(["--rate", "8000/s", "--ledger", "ledger"]);
    let mut again = first.clone();
    again.push("--resume");
    let step = EVENTS as u64 / (kills + 4);
    for kill in 0..kills {
        let arguments: &[&str] = if kill == 0 { &first } else { &again };
        assert!(killed(directory, arguments, kill * step, kill + 1), "it ended before kill {kill}");
    }
    again.extend(["--format", "json"]);
    let (code, out, error) = run(directory, &again);
    assert_eq!(code, Some(0), "{error}");
    let (code, _, error) = run(directory, &again);
    assert_eq!(code, Some(0), "{error}");
    assert!(error.contains("nothing was sent"), "{error}");
    serde_json::from_str(&out).expect("a summary")
}

/// The payloads of each lane, in order: of a channel, and of a key where the system carries keys.
fn by_lane(lines: &str) -> BTreeMap<String, Vec<usize>> {
    let mut channels = BTreeMap::<String, Vec<usize>>::new();
    for line in lines.lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("an event");
        let number = event["v"].as_str().expect("a payload").parse().expect("a number");
        let lane = format!("{} {}", event["src"], event["k"]);
        channels.entry(lane).or_default().push(number);
    }
    channels
}

/// Every event once, each lane in order.
fn assert_exactly_once(lanes: &BTreeMap<String, Vec<usize>>, count: usize) {
    assert_eq!(lanes.len(), count);
    for (lane, numbers) in lanes {
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{lane} is in order, each event once");
    }
    assert_eq!(lanes.values().map(Vec::len).sum::<usize>(), EVENTS);
}

async fn stream(url: &str) {
    let client = async_nats::connect(url).await.expect("a client");
    let config = async_nats::jetstream::stream::Config {
        name: "SHOP".to_owned(),
        subjects: vec!["shop.>".to_owned()],
        // What the server recognises by itself must not help.
        duplicate_window: Duration::from_millis(100),
        ..Default::default()
    };
    async_nats::jetstream::new(client).create_stream(config).await.expect("a stream");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_twenty_points_into_jetstream_each_event_arrives_once() {
    let Some(server) = servers::nats(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    write_events(&directory.path().join("events.ndjson"), '.');
    stream(&format!("nats://127.0.0.1:{}", server.port)).await;
    let url = format!("jetstream+nats://127.0.0.1:{}", server.port);
    let summary = with_kills(directory.path(), &url, KILLS);
    assert_eq!(summary["possible_duplicates"], 0, "{summary}");
    let source = format!("{url}/SHOP");
    let (_, lines, _) = run(directory.path(), &["tail", &source, "--from", "start", "--format", "json"]);
    assert_exactly_once(&by_lane(&lines), 3);
}

type KafkaAdmin = rdkafka::admin::AdminClient<rdkafka::client::DefaultClientContext>;

/// Makes topics of three partitions and waits until they have leaders.
async fn topics(port: u16, names: &[&str]) {
    use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", format!("127.0.0.1:{port}"));
    let admin: AdminClient<_> = config.create().expect("a client");
    let new = names.iter().map(|name| NewTopic::new(name, 3, TopicReplication::Fixed(1)));
    let made = admin.create_topics(&new.collect::<Vec<_>>(), &AdminOptions::new()).await.expect("an answer");
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    wait_for_leaders(&admin, names, 3);
}

/// Waits until each partition of these topics has a leader.
fn wait_for_leaders(admin: &KafkaAdmin, names: &[&str], partitions: usize) {
    let deadline = Instant::now() + PATIENCE;
    for name in names {
        let has_leaders = || {
            let metadata = admin.inner().fetch_metadata(Some(name), Duration::from_secs(5)).ok();
            metadata.is_some_and(|found| {
                let there = found.topics()[0].partitions();
                there.len() == partitions && there.iter().all(|each| each.leader() >= 0)
            })
        };
        while !has_leaders() {
            assert!(Instant::now() < deadline, "{name} has leaders in time");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_twenty_points_into_kafka_each_event_arrives_once() {
    let Some(server) = kafka::shared() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    write_events(&directory.path().join("events.ndjson"), '.');
    let names = ["shop.orders", "shop.payments", "shop.parcels"];
    topics(server.port, &names).await;
    let url = format!("kafka://127.0.0.1:{}", server.port);
    let summary = with_kills(directory.path(), &url, KILLS);
    assert_eq!(summary["possible_duplicates"], 0, "{summary}");
    let source = format!("{url}/{}", names.join(","));
    let (_, lines, error) = run(directory.path(), &["tail", &source, "--from", "start", "--format", "json"]);
    assert!(error.is_empty(), "{error}");
    assert_exactly_once(&by_lane(&lines), 21);
}

#[test]
fn killed_at_twenty_points_into_redis_each_event_arrives_once() {
    let Some(server) = redis::redis(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    write_events(&directory.path().join("events.ndjson"), '.');
    let url = format!("redis://127.0.0.1:{}", server.port);
    let summary = with_kills(directory.path(), &url, KILLS);
    assert_eq!(summary["possible_duplicates"], 0, "{summary}");
    let source = format!("{url}/shop.orders,shop.payments,shop.parcels");
    let (_, lines, error) = run(directory.path(), &["tail", &source, "--from", "start", "--format", "json"]);
    assert!(error.is_empty(), "{error}");
    assert_exactly_once(&by_lane(&lines), 21);
}

#[test]
fn a_ledger_of_another_recording_target_or_plan_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    write_events(&at("events.ndjson"), '/');
    write_events(&at("others.ndjson"), '.');
    // The first run cannot send anything: nobody listens there.
    let nobody = format!("mqtt://127.0.0.1:{}", servers::free_port());
    let begun = ["replay", "events.ndjson", "--to", "memory:x", "--ledger", "ledger", "--speed", "0.1"];
    let mut child = eddy(directory.path(), &begun).stderr(Stdio::null()).spawn().expect("eddy starts");
    let deadline = Instant::now() + PATIENCE;
    while !at("ledger").exists() {
        assert!(Instant::now() < deadline, "a ledger in time");
        std::thread::yield_now();
    }
    child.kill().expect("killed");
    child.wait().expect("a child");

    let refused = |arguments: &[&str], words: &str| {
        let (code, _, error) = run(directory.path(), arguments);
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains(words), "{error}");
    };
    refused(&begun, "has not ended");
    let resume = |archive: &'static str, target: &str, more: &[&str]| {
        let mut words =
            vec!["replay", archive, "--to", target, "--ledger", "ledger", "--resume", "--loss", "allow"];
        words.extend(more);
        words.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    for (words, expected) in [
        (resume("others.ndjson", "memory:x", &[]), "another recording"),
        (resume("events.ndjson", &nobody, &[]), "another target"),
        (resume("events.ndjson", "memory:x", &["--skip", "1"]), "another plan"),
        (resume("events.ndjson", "memory:x", &["--filter", ".payload > 1"]), "another plan"),
        (resume("events.ndjson", "memory:x", &["--map", "."]), "another plan"),
        (resume("events.ndjson", "memory:x", &["--delivery", "at-least-once"]), "another plan"),
    ] {
        refused(&words.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }
    std::fs::write(at("ledger"), "{}").expect("written");
    refused(&["replay", "events.ndjson", "--to", "memory:x", "--ledger", "ledger", "--resume"], "no ledger");
    refused(
        &["replay", "events.ndjson", "--to", "memory:x", "--ledger", "none", "--resume"],
        "there is no ledger",
    );
}
