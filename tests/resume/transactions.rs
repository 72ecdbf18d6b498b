//! Kafka with `--delivery exactly-once`: events and the progress of the run are committed together, so that readers of what
//! is committed see each event once, whoever is killed when.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Message, Offset, TopicPartitionList};
use serde_json::Value;

use super::shards::number_in_plan;
use super::support::kafka;
use super::{EVENTS, PATIENCE, eddy, run, topics, write_events};

/// How often the replay is killed.
const KILLS: u64 = 6;
/// How soon readers see what is committed.
const READABLE: Duration = Duration::from_secs(10);
/// How often the recording is sent.
const ROUNDS: usize = 4;
const CHANNELS: [&str; 3] = ["orders", "payments", "parcels"];
const ONCE: [&str; 8] = ["--speed", "max", "--loop", "4", "--ledger", "ledger", "--delivery", "exactly-once"];

/// What readers of committed events see of the progress of runs.
struct Checkpoints {
    consumer: BaseConsumer,
    low: BTreeMap<String, u64>,
}

impl Checkpoints {
    fn of(port: u16) -> Self {
        let mut config = rdkafka::ClientConfig::new();
        config
            .set("bootstrap.servers", format!("127.0.0.1:{port}"))
            .set("group.id", "test")
            .set("isolation.level", "read_committed")
            .set("fetch.wait.max.ms", "10");
        Self { consumer: config.create().expect("a consumer"), low: BTreeMap::new() }
    }

    /// The low-water mark that is committed for a run.
    fn low(&mut self, run: &str) -> u64 {
        if self.consumer.assignment().expect("told").count() == 0 {
            let mut list = TopicPartitionList::new();
            list.add_partition_offset("__eddy_checkpoint", 0, Offset::Beginning).expect("a partition");
            self.consumer.assign(&list).expect("assigned");
        }
        while let Some(message) = self.consumer.poll(Duration::from_millis(5)) {
            let Ok(message) = message else { continue };
            let record: Value =
                serde_json::from_slice(message.payload().expect("a payload")).expect("a record");
            assert_eq!(record["eddy_checkpoint"], 1);
            let key = String::from_utf8(message.key().expect("a key").to_vec()).expect("text");
            assert_eq!(record["run"], key.as_str());
            self.low.insert(key, record["settled"]["low"].as_u64().expect("a mark"));
        }
        self.low.get(run).copied().unwrap_or(0)
    }
}

/// The run of a ledger, when there is one yet.
fn run_of(directory: &Path) -> Option<String> {
    let text = std::fs::read_to_string(directory.join("ledger")).ok()?;
    let ledger: Value = serde_json::from_str(&text).ok()?;
    ledger["run"].as_str().map(str::to_owned)
}

/// What readers of committed events see of these topics: the numbers of the events of each lane.
fn committed(directory: &Path, url: &str, names: &[&str]) -> BTreeMap<String, Vec<u64>> {
    let source = format!("{url}/{}?isolation=read_committed", names.join(","));
    let (_, printed, error) = run(directory, &["tail", &source, "--from", "start", "--format", "json"]);
    assert!(error.is_empty(), "{error}");
    let mut lanes = BTreeMap::<String, Vec<u64>>::new();
    for line in printed.lines() {
        let event: Value = serde_json::from_str(line).expect("an event");
        let lane = format!("{} {}", event["src"], event["k"]);
        lanes.entry(lane).or_default().push(number_in_plan(line));
    }
    lanes
}

/// Readers of committed events see each event of each round once, and each lane in order: not at once, because a cluster that
/// has said that a transaction is committed tells its partitions of it afterwards.
fn assert_committed_once(directory: &Path, url: &str, names: &[&str]) {
    let wanted = ROUNDS * EVENTS;
    let begun = Instant::now();
    let (lanes, arrived) = loop {
        let lanes = committed(directory, url, names);
        let arrived = lanes.values().map(Vec::len).sum::<usize>();
        if arrived >= wanted || begun.elapsed() > READABLE {
            break (lanes, arrived);
        }
    };
    assert_eq!(lanes.len(), 21);
    for (lane, numbers) in &lanes {
        assert!(numbers.is_sorted(), "{lane} is in order");
    }
    let all: BTreeSet<u64> = lanes.values().flatten().copied().collect();
    assert_eq!((arrived, all.len()), (wanted, wanted), "each event once");
}

/// The topics of one test, and the replay into them.
struct Run<'a> {
    directory: &'a Path,
    url: String,
    names: [String; 3],
}

impl<'a> Run<'a> {
    /// Topics whose names begin with `prefix`, and a recording.
    async fn into(directory: &'a Path, port: u16, prefix: &str) -> Run<'a> {
        write_events(&directory.join("events.ndjson"), '.');
        let names = CHANNELS.map(|channel| format!("{prefix}.{channel}"));
        topics(port, &names.each_ref().map(String::as_str)).await;
        Run { directory, url: format!("kafka://127.0.0.1:{port}"), names }
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let mut words = vec!["replay", "events.ndjson", "--to", &self.url];
        let maps: Vec<String> =
            CHANNELS.iter().zip(&self.names).map(|(old, new)| format!("shop.{old}={new}")).collect();
        for map in &maps {
            words.extend(["--map-channel", map]);
        }
        words.extend(ONCE);
        words.extend(more);
        words.into_iter().map(str::to_owned).collect()
    }

    fn start(&self, more: &[&str], said: &str) -> Child {
        let file = std::fs::File::create(self.directory.join(said)).expect("a file");
        let arguments = self.arguments(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        eddy(self.directory, &arguments).stdout(Stdio::null()).stderr(file).spawn().expect("eddy starts")
    }

    fn said(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.join(name)).expect("a file")
    }

    /// Waits until more is committed than `before`; false when the replay ended first.
    fn has_committed_more(&self, child: &mut Child, checkpoints: &mut Checkpoints, before: u64) -> bool {
        let begun = Instant::now();
        while run_of(self.directory).is_none_or(|run| checkpoints.low(&run) <= before) {
            if child.try_wait().expect("a child").is_some() {
                return false;
            }
            assert!(begun.elapsed() < PATIENCE, "{}", self.said("said"));
        }
        true
    }

    fn assert_committed_once(&self) {
        assert_committed_once(self.directory, &self.url, &self.names.each_ref().map(String::as_str));
    }

    /// Nothing is left to send.
    fn assert_finished(&self) {
        let status = self.start(&["--resume"], "end").wait().expect("a child");
        assert!(status.success() && self.said("end").contains("nothing was sent"), "{}", self.said("end"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_its_transactions_each_event_is_committed_once() {
    let Some(server) = kafka::shared() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let into = Run::into(directory.path(), server.port, "once").await;
    let mut checkpoints = Checkpoints::of(server.port);
    let (mut seed, mut committed) = (0_u64, Vec::new());
    loop {
        seed += 1;
        let run = run_of(into.directory);
        let before = run.as_ref().map_or(0, |run| checkpoints.low(run));
        let more: &[&str] = if run.is_some() { &["--resume"] } else { &[] };
        let mut child = into.start(more, "said");
        if seed > KILLS || !into.has_committed_more(&mut child, &mut checkpoints, before) {
            assert!(child.wait().expect("a child").success(), "{}", into.said("said"));
            break;
        }
        // Somewhere in the transaction that follows.
        let moment = Instant::now() + Duration::from_micros(seed.wrapping_mul(7_919) % 60_000);
        while Instant::now() < moment {
            std::thread::yield_now();
        }
        child.kill().expect("killed");
        child.wait().expect("a child");
        committed.push(before);
    }
    assert!(!committed.is_empty(), "it was killed at least once");
    assert!(committed.is_sorted_by(|one, other| one < other), "each part goes on: {committed:?}");
    into.assert_committed_once();
    into.assert_finished();
    // Who has lost the topic of checkpoints, or mixes ledgers up, is told so.
    let ledger = into.said("ledger").replace(&run_of(into.directory).expect("a run"), "another-run");
    std::fs::write(into.directory.join("ledger"), ledger).expect("written");
    let status = into.start(&["--resume"], "end").wait().expect("a child");
    assert!(!status.success() && into.said("end").contains("has no record of it"), "{}", into.said("end"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_takes_the_run_over_and_the_first_commits_nothing_more() {
    use rustix::process::{Pid, Signal, kill_process};
    let Some(server) = kafka::shared() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let into = Run::into(directory.path(), server.port, "taken").await;
    let mut checkpoints = Checkpoints::of(server.port);
    let mut first = into.start(&[], "said");
    if into.has_committed_more(&mut first, &mut checkpoints, 0) {
        let id = Pid::from_child(&first);
        kill_process(id, Signal::STOP).expect("stopped");
        let status = into.start(&["--resume"], "second").wait().expect("a child");
        assert!(status.success(), "{}", into.said("second"));
        kill_process(id, Signal::CONT).expect("goes on");
    }
    // It may have handed everything over before it was stopped.
    let ended_well = first.wait().expect("a child").success();
    let said = into.said("said");
    assert!(ended_well || said.contains("takes nothing more from this process"), "{said}");
    into.assert_committed_once();
    into.assert_finished();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_in_a_transaction_comes_back_and_each_event_is_committed_once() {
    let Some(mut server) = kafka::Kafka::plain() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let into = Run::into(directory.path(), server.port, "back").await;
    let mut checkpoints = Checkpoints::of(server.port);
    let mut child = into.start(&["--retry-for", "3m"], "said");
    if into.has_committed_more(&mut child, &mut checkpoints, 0) {
        server.stop();
        server.start();
    }
    if !child.wait().expect("a child").success() {
        // Killed while a transaction ended, it may not know it any more: then the record of the run decides.
        assert!(into.said("said").contains("does not say whether"), "{}", into.said("said"));
        let status = into.start(&["--resume"], "again").wait().expect("a child");
        assert!(status.success(), "{}", into.said("again"));
    }
    into.assert_committed_once();
    into.assert_finished();
}

#[test]
fn what_cannot_be_exactly_once_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    write_events(&directory.join("events.ndjson"), '.');
    let replay = |target: &str, more: &[&str], words: &str| {
        let mut arguments = vec!["replay", "events.ndjson", "--to", target];
        arguments.extend(more);
        let (code, _, error) = run(directory, &arguments);
        assert!(code == Some(2) && error.contains(words), "{error}");
    };
    replay("mqtt://127.0.0.1:1", &ONCE, "more than MQTT 5 can do: at-least-once");
    replay("jetstream+nats://127.0.0.1:1", &ONCE, "more than NATS JetStream can do: effectively-once");
    replay("kafka://127.0.0.1:1", &["--speed", "max", "--delivery", "exactly-once"], "needs a ledger");
    let paced = ["--ledger", "ledger", "--delivery", "exactly-once"];
    replay("kafka://127.0.0.1:1", &paced, "keeps no time");
    let (once, target) =
        ([&ONCE[..], &["--preflight", "off"]].concat(), "kafka://127.0.0.1:1?idempotent=false");
    replay(target, &once, "transactions need it");
}
