//! What a command did not print or record stays where it was, be it that it wanted less, failed, or died.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::conformance::{deliver, sink};
use super::kafka::topic;
use super::support::kafka::shared;
use super::support::rabbitmq::rabbitmq;
use super::support::redis::redis;
use super::support::servers::mosquitto;
use eddy::endpoint::SourceOptions;
use eddy::event::{Event, Header};
use serde_json::json;

fn eddy(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn ended(command: &mut Command) -> Output {
    let output = command.output().expect("eddy runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The payloads of so many events.
fn printed(url: &str, count: usize) -> Vec<usize> {
    let output = ended(&mut eddy(&["tail", url, "-n", &count.to_string(), "--format", "raw"]));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| line.parse().expect("a number")).collect()
}

/// The payloads of a recording.
fn recorded(path: &Path) -> Vec<usize> {
    let output = ended(eddy(&["archive", "cat"]).arg(path));
    let text = String::from_utf8(output.stdout).expect("text");
    let number = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        event["v"].as_str().and_then(|text| text.parse().ok())
    };
    text.lines().filter_map(number).collect()
}

async fn send(url: &str, count: usize) {
    let events: Vec<Event> = (0..count).map(|number| Event::new("", number.to_string())).collect();
    deliver(&mut sink(url).await, &events).await;
}

/// A hundred events lie there, numbered from 0.
fn only_what_was_handed_on_is_gone(url: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(printed(url, 3), [0, 1, 2], "{url}");
    let file = folder.path().join("a.eddy.ndjson.zst");
    ended(eddy(&["record", url, "-n", "2", "-q", "-o"]).arg(&file));
    assert_eq!(recorded(&file), [3, 4], "{url}");
    if Path::new("/dev/full").exists() {
        let full = File::options().write(true).open("/dev/full").expect("a full disk");
        let output = eddy(&["tail", url, "-n", "50", "-q", "--format", "raw"]).stdout(full).output();
        assert!(!output.expect("eddy runs").status.success(), "{url}");
    }
    let mask = folder.path().join("mask.yaml");
    std::fs::write(&mask, "version: 1\nrules: [{field: .a, action: keep}]\n").expect("written");
    let mut refused = eddy(&["record", url, "-n", "50", "-q", "--mask-strict", "--mask"]);
    let output = refused.arg(&mask).arg("-o").arg(folder.path().join("b.eddy.ndjson.zst")).output();
    assert!(!output.expect("eddy runs").status.success(), "{url}");
    assert_eq!(printed(url, 95), (5..100).collect::<Vec<_>>(), "{url}");
}

/// So many events lie there, numbered from 0; a recorder dies over them, and another one takes what it left.
fn nothing_is_lost_with_who_dies(url: &str, count: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (folder.path().join("a.eddy.ndjson.zst"), folder.path().join("b.eddy.ndjson.zst"));
    let partial = folder.path().join("a.eddy.ndjson.zst.partial");
    let mut child = eddy(&["record", url, "-q", "-o"]).arg(&first).spawn().expect("eddy starts");
    let has_some = || std::fs::metadata(&partial).is_ok_and(|metadata| metadata.len() > 1000);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !has_some() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(has_some(), "{url}: it has recorded something");
    child.kill().expect("killed");
    child.wait().expect("gone");
    ended(eddy(&["archive", "repair", "-q"]).arg(&partial));
    let before = recorded(&first);
    // The server may need a moment to see that it is gone.
    std::thread::sleep(Duration::from_millis(300));
    ended(eddy(&["record", url, "--to", "now", "-q", "-o"]).arg(&second));
    let mut all = before.clone();
    all.extend(recorded(&second));
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "{url}: {} of them before it died", before.len());
}

/// Sends events that hold much, numbered from 0.
async fn send_much(url: &str, count: usize) {
    let mut random = 88_172_645_463_325_252_u64;
    let mut noise = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        format!("{random:016x}")
    };
    let mut event = |number: usize| {
        let noise: String = (0..15).map(|_| noise()).collect();
        Event { headers: vec![Header::text("noise", noise)], ..Event::new("", number.to_string()) }
    };
    let events: Vec<Event> = (0..count).map(&mut event).collect();
    deliver(&mut sink(url).await, &events).await;
}

/// So many events lie there, numbered from 0; the disk of a recorder becomes full, and another one begins with the first that
/// is not in its archive.
fn a_full_disk_takes_exactly_what_is_in_the_archive(url: &str, count: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (folder.path().join("a.eddy.ndjson.zst"), folder.path().join("b.eddy.ndjson.zst"));
    // A refused write fails as on a full disk.
    let script = "trap '' XFSZ; ulimit -f 1536; exec \"$0\" record \"$1\" -q -o \"$2\"";
    let mut record = Command::new("sh");
    record.args(["-c", script, env!("CARGO_BIN_EXE_eddy"), url]).arg(&first).stdin(Stdio::null());
    let output = record.output().expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("events are safe"), "{url}: {said}");
    if !first.exists() {
        // There was no room for its index.
        ended(eddy(&["archive", "repair", "-q"]).arg(folder.path().join("a.eddy.ndjson.zst.partial")));
    }
    let before = recorded(&first);
    // The server may need a moment to see that it is gone.
    std::thread::sleep(Duration::from_millis(300));
    let left = (count - before.len()).to_string();
    ended(eddy(&["record", url, "-n", &left, "-q", "-o"]).arg(&second));
    let after = recorded(&second);
    assert!(!before.is_empty() && before.len() < count, "{url}: {} in the first", before.len());
    assert_eq!(after.first(), Some(&before.len()), "{url}: the first that is not in the first archive");
    assert_eq!([before, after].concat(), (0..count).collect::<Vec<_>>(), "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_queue() {
    let Some(node) = rabbitmq() else { return };
    for (name, kind) in [("handed-on", "classic"), ("handed-on-quorum", "quorum")] {
        let arguments = json!({ "durable": true, "arguments": { "x-queue-type": kind } });
        node.manage("PUT", &format!("queues/%2F/{name}"), arguments).await;
        let url = format!("amqp://127.0.0.1:{}/%2F?queue={name}", node.port);
        send(&url, 100).await;
        only_what_was_handed_on_is_gone(&url);
        send(&url, 30_000).await;
        nothing_is_lost_with_who_dies(&url, 30_000);
        send_much(&url, 8_000).await;
        a_full_disk_takes_exactly_what_is_in_the_archive(&url, 8_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_group_of_redis() {
    let Some(server) = redis(&[]) else { return };
    let url = format!("redis://127.0.0.1:{}/handed-on", server.port);
    send(&url, 100).await;
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", server.port)).expect("an address");
    let mut connection = client.get_connection().expect("connected");
    let made = redis::cmd("XGROUP").arg("CREATE").arg("handed-on").arg("g").arg("0").exec(&mut connection);
    made.expect("a group");
    let group = format!("{url}?group=g");
    only_what_was_handed_on_is_gone(&group);
    send(&url, 30_000).await;
    nothing_is_lost_with_who_dies(&group, 30_000);
    send_much(&url, 8_000).await;
    a_full_disk_takes_exactly_what_is_in_the_archive(&group, 8_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_group_of_kafka() {
    let Some(server) = shared() else { return };
    topic(server.port, "handed-on", 1, &[]).await;
    let url = format!("kafka://127.0.0.1:{}/handed-on", server.port);
    send(&url, 100).await;
    only_what_was_handed_on_is_gone(&format!("{url}?group=handed-on"));
    topic(server.port, "handed-on-full", 1, &[]).await;
    let url = format!("kafka://127.0.0.1:{}/handed-on-full", server.port);
    send_much(&url, 8_000).await;
    a_full_disk_takes_exactly_what_is_in_the_archive(&format!("{url}?group=handed-on-full"), 8_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_kept_session_of_mqtt() {
    let Some(server) = mosquitto(&[]) else { return };
    let url = format!("mqtt://127.0.0.1:{}/handed-on", server.port);
    let kept = format!("{url}?clean=false&client-id=kept");
    super::conformance::source(&kept, SourceOptions::default()).await.close().await.expect("a clean close");
    send(&url, 100).await;
    assert_eq!(printed(&kept, 3), [0, 1, 2]);
    assert_eq!(printed(&kept, 97), (3..100).collect::<Vec<_>>());
}
