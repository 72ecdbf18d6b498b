//! Where a target cannot be read back: nothing is lost, and what may have arrived twice is bounded and said.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::Path;
use std::process::{Child, Stdio};

use super::outage::replayed_through;
use super::support::proxy::Proxy;
use super::support::rabbitmq::RabbitMq;
use super::support::servers::{free_port, mosquitto, nats};
use super::{EVENTS, KILLS, by_lane, eddy, run, with_kills, write_events};

/// Events that one crash may leave open: those handed over beyond the mark on disk.
const WINDOW: usize = 2_560;

/// A recorder that was told where it listens or has subscribed.
pub(super) struct Recorder {
    child: Child,
    /// Kept so that the recorder can go on talking.
    _said: std::io::BufReader<std::process::ChildStderr>,
}

impl Recorder {
    pub(super) fn start(directory: &Path, source: &str) -> Self {
        let mut child = eddy(directory, &["record", source, "--output", "seen.ndjson.zst"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("eddy starts");
        let mut said = std::io::BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        while !line.contains("recording into") {
            line.clear();
            assert!(said.read_line(&mut line).expect("stderr") > 0, "the recorder ended");
        }
        Self { child, _said: said }
    }

    /// Ends the recording; how many events are in it, and how many different ones.
    pub(super) fn seen(mut self, directory: &Path) -> (usize, usize) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).expect("a signal");
        self.child.wait().expect("a child");
        let (_, lines, _) = run(directory, &["tail", "seen.ndjson.zst", "--format", "json"]);
        counted(&lines)
    }
}

fn counted(lines: &str) -> (usize, usize) {
    let seen: Vec<usize> = by_lane(lines).into_values().flatten().collect();
    (seen.len(), seen.into_iter().collect::<BTreeSet<_>>().len())
}

/// Nothing is missing, and no more came twice than so many crashes leave open.
fn assert_bounded((arrived, different): (usize, usize), crashes: u64, summary: &serde_json::Value) {
    assert_eq!(different, EVENTS, "nothing is lost");
    let most = usize::try_from(crashes).expect("a number") * WINDOW;
    assert!(arrived - EVENTS <= most, "{} came twice", arrived - EVENTS);
    let said = summary["possible_duplicates"].as_u64().expect("a number");
    assert!(said <= WINDOW as u64 * 2, "{summary}");
    if crashes == 1 {
        assert!(arrived as u64 - EVENTS as u64 <= said, "{arrived} arrived: {summary}");
    }
}

#[test]
fn killed_at_twenty_points_into_mqtt_nothing_is_lost_and_what_came_twice_is_bounded() {
    let Some(server) = mosquitto(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    write_events(&directory.path().join("events.ndjson"), '/');
    let url = format!("mqtt://127.0.0.1:{}", server.port);
    let recorder = Recorder::start(directory.path(), &format!("{url}/shop/#"));
    let summary = with_kills(directory.path(), &url, KILLS);
    assert_bounded(recorder.seen(directory.path()), KILLS, &summary);
}

#[test]
fn killed_at_six_points_into_http_nothing_is_lost_and_what_came_twice_is_bounded() {
    let directory = tempfile::tempdir().expect("a directory");
    write_events(&directory.path().join("events.ndjson"), '/');
    let url = format!("http://127.0.0.1:{}", free_port());
    let recorder = Recorder::start(directory.path(), &format!("{url}/"));
    let summary = with_kills(directory.path(), &url, 6);
    assert_bounded(recorder.seen(directory.path()), 6, &summary);
}

#[test]
fn a_network_that_is_cut_for_a_while_loses_nothing_into_mqtt_and_http() {
    let Some(server) = mosquitto(&[]) else { return };
    let port = free_port();
    for (scheme, port, pattern) in [("mqtt", server.port, "shop/#"), ("http", port, "")] {
        let directory = tempfile::tempdir().expect("a directory");
        write_events(&directory.path().join("events.ndjson"), '/');
        let recorder = Recorder::start(directory.path(), &format!("{scheme}://127.0.0.1:{port}/{pattern}"));
        let network = Proxy::to(port);
        let url = format!("{scheme}://127.0.0.1:{}", network.port);
        let (summary, said) = replayed_through(directory.path(), &url, |waits| {
            network.cut();
            waits();
            network.mend();
        });
        assert!(said.contains("sending works again"), "{said}");
        assert_bounded(recorder.seen(directory.path()), 1, &summary);
    }
}

/// Takes what lies in the queues of the channels.
fn taken(directory: &Path, url: &str) -> (usize, usize) {
    let mut lines = String::new();
    for channel in ["orders", "payments", "parcels"] {
        let queue = format!("{url}?queue=shop.{channel}");
        let (code, taken, error) = run(directory, &["tail", &queue, "--from", "start", "--format", "json"]);
        assert_eq!(code, Some(0), "{error}");
        lines.push_str(&taken);
    }
    counted(&lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmq_and_a_replay_into_it_are_killed_and_nothing_is_lost() {
    let Some(mut node) = RabbitMq::launch() else { return };
    for channel in ["orders", "payments", "parcels"] {
        let durable = serde_json::json!({ "durable": true });
        node.manage("PUT", &format!("queues/%2F/shop.{channel}"), durable).await;
    }
    let directory = tempfile::tempdir().expect("a directory");
    write_events(&directory.path().join("events.ndjson"), '.');
    let url = format!("amqp://127.0.0.1:{}/%2F", node.port);
    let summary = with_kills(directory.path(), &url, 6);
    assert_bounded(taken(directory.path(), &url), 6, &summary);
    std::fs::remove_file(directory.path().join("ledger")).expect("removed");
    let (summary, said) = replayed_through(directory.path(), &url, |waits| {
        node.stop();
        waits();
        node.start();
    });
    assert!(said.contains("sending works again"), "{said}");
    assert_bounded(taken(directory.path(), &url), 1, &summary);
}

#[test]
fn what_was_refused_is_said_again_when_nothing_is_left() {
    let Some(server) = nats(&[]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (small, large) = ("x".to_owned(), "x".repeat(2_000_000));
    let lines = [&small, &large, &small].map(|text| format!("{{\"src\":\"refused\",\"v\":\"{text}\"}}\n"));
    std::fs::write(folder.path().join("events.ndjson"), lines.concat()).expect("written");
    let target = format!("nats://127.0.0.1:{}", server.port);
    let replay =
        ["replay", "events.ndjson", "--to", &target, "--speed", "max", "--preflight", "off", "--ledger", "l"];
    let (code, _, error) = run(folder.path(), &replay);
    assert_eq!(code, Some(1), "{error}");
    let (code, report, error) =
        run(folder.path(), &[&replay[..], &["--resume", "--format", "json"][..]].concat());
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("the target has refused 1 event of this run and taken 2"), "{error}");
    let report: serde_json::Value = serde_json::from_str(&report).expect("a summary");
    assert_eq!((&report["failed"], &report["settled_before"]), (&1.into(), &2.into()), "{report}");
}
