//! The round on a real broker: record while injecting, replay while recording again, and compare; then interruptions.

#![cfg(all(unix, feature = "mqtt"))]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::thread::JoinHandle;

use support::servers;

const EVENTS: usize = 400;

fn eddy(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    // No home is written to.
    command.env("EDDY_AUDIT", directory.join("audit.ndjson"));
    command.current_dir(directory).args(arguments).stdin(Stdio::null());
    command
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    eddy(directory, arguments).output().expect("eddy runs")
}

fn succeeds(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {}\n{error}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// A command in the background whose stderr is read line by line.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    stdout: JoinHandle<String>,
}

impl Running {
    fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut command = eddy(directory, arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("eddy starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let mut output = child.stdout.take().expect("piped");
        let stdout = std::thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).expect("text");
            text
        });
        Self { child, stderr, stdout }
    }

    /// Reads stderr up to a line that contains `words`.
    fn wait_for(&mut self, words: &str) {
        let mut seen = String::new();
        loop {
            let start = seen.len();
            let read = self.stderr.read_line(&mut seen).expect("stderr");
            assert!(read > 0, "it ended without `{words}`:\n{seen}");
            if seen[start..].contains(words) {
                return;
            }
        }
    }

    fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id()).expect("a process id");
        let id = rustix::process::Pid::from_raw(id).expect("a process id");
        rustix::process::kill_process(id, signal).expect("a signal");
    }

    /// The exit code and the rest of stderr and all of stdout, once it has ended.
    fn ended(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).expect("stderr");
        rest.push_str(&self.stdout.join().expect("a thread"));
        (self.child.wait().expect("a child").code(), rest)
    }
}

/// Events on three channels, text and binary, 1 ms apart.
fn write_events(path: &Path) {
    let mut text = String::new();
    for index in 0..EVENTS {
        let channel = ["shop/orders", "shop/payments", "shop/raw"][index % 3];
        let payload = match index % 3 {
            2 => format!(r#""v64":"/wD{}""#, if index % 2 == 0 { "+" } else { "/" }),
            _ => format!(r#""v":"{{\"number\":{index}}}""#),
        };
        let time = 1_700_000_000_000_000 + index * 1000;
        let headers = format!(r#"[["number","{index}"],["twice","a"],["twice","b"]]"#);
        writeln!(text, r#"{{"t":{time},"src":"{channel}",{payload},"h":{headers}}}"#).expect("text");
    }
    std::fs::write(path, text).expect("written");
}

/// What was recorded per channel, in order: payload and headers as they stand in the archive.
fn lanes(directory: &Path, archive: &str) -> BTreeMap<String, Vec<String>> {
    let mut lanes = BTreeMap::<String, Vec<String>>::new();
    for line in succeeds(directory, &["tail", archive, "--format", "json"]).lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("an event");
        let channel = event["src"].as_str().expect("a channel").to_owned();
        let headers = event["h"].as_array().cloned().unwrap_or_default();
        let is_mark = |header: &serde_json::Value| header[0] == "eddy-run" || header[0] == "eddy-seq";
        let own: Vec<_> = headers.into_iter().filter(|header| !is_mark(header)).collect();
        let own = serde_json::Value::from(own);
        lanes.entry(channel).or_default().push(format!("{} {} {own}", event["v"], event["v64"]));
    }
    lanes
}

fn record(directory: &Path, url: &str, archive: &str) -> Running {
    let count = EVENTS.to_string();
    let source = format!("{url}/shop/#");
    let mut running = Running::start(directory, &["record", &source, "--output", archive, "-n", &count]);
    running.wait_for("recording into");
    running
}

fn playground() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().to_path_buf();
    write_events(&path.join("events.ndjson"));
    (directory, path)
}

#[test]
fn what_is_replayed_is_what_was_recorded() {
    let Some(server) = servers::mosquitto(&[]) else {
        return;
    };
    let (_guard, directory) = playground();
    let url = format!("mqtt://127.0.0.1:{}", server.port);
    let first = record(&directory, &url, "first.eddy.ndjson.zst");
    succeeds(&directory, &["inject", &url, "events.ndjson", "--events"]);
    let (code, rest) = first.ended();
    assert_eq!(code, Some(0), "{rest}");

    let second = record(&directory, &url, "second.eddy.ndjson.zst");
    let report = succeeds(
        &directory,
        &["replay", "first.eddy.ndjson.zst", "--to", &url, "--speed", "10", "--in-place", "--format", "json"],
    );
    let (code, rest) = second.ended();
    assert_eq!(code, Some(0), "{rest}");
    let summary: serde_json::Value = serde_json::from_str(&report).expect("a summary");
    for field in ["planned", "sent", "acknowledged"] {
        assert_eq!(summary[field], EVENTS, "{field}");
    }
    assert_eq!((&summary["failed"], &summary["possible_duplicates"]), (&0.into(), &0.into()));
    assert_eq!(summary["lanes"].as_array().map(Vec::len), Some(3));

    let (first, second) =
        (lanes(&directory, "first.eddy.ndjson.zst"), lanes(&directory, "second.eddy.ndjson.zst"));
    assert_eq!(first.values().map(Vec::len).sum::<usize>(), EVENTS);
    assert_eq!(first, second);
}

#[test]
fn an_interrupted_recording_is_a_readable_archive() {
    let Some(server) = servers::mosquitto(&[]) else {
        return;
    };
    let (_guard, directory) = playground();
    let url = format!("mqtt://127.0.0.1:{}", server.port);
    let source = format!("{url}/shop/#");
    let mut watching = Running::start(&directory, &["tail", &source, "-n", "400", "--format", "line", "-v"]);
    watching.wait_for("reading");
    let arguments = ["record", &source, "--output", "cut.eddy.ndjson.zst"];
    let mut recording = Running::start(&directory, &arguments);
    recording.wait_for("recording into");
    succeeds(&directory, &["inject", &url, "events.ndjson", "--events"]);
    let (code, rest) = watching.ended();
    assert_eq!(code, Some(0), "{rest}");
    recording.interrupt();
    let (code, rest) = recording.ended();
    assert_eq!(code, Some(130), "{rest}");
    assert!(rest.contains("recorded"), "{rest}");
    let lines = succeeds(&directory, &["tail", "cut.eddy.ndjson.zst", "--format", "json"]);
    assert!(lines.lines().count() > 0, "nothing was kept");
    assert!(!directory.join("cut.eddy.ndjson.zst.partial").exists());
}

#[test]
fn a_terminated_recording_of_two_sources_keeps_what_it_was_sent() {
    let (Some(server), Some(other)) = (servers::mosquitto(&[]), servers::mosquitto(&[])) else {
        return;
    };
    let (_guard, directory) = playground();
    let urls = [server.port, other.port].map(|port| format!("mqtt://127.0.0.1:{port}"));
    let sources = urls.clone().map(|url| format!("{url}/shop/#"));
    let mut watching = Vec::new();
    for source in &sources {
        let mut tail = Running::start(&directory, &["tail", source, "-n", "400", "--format", "line", "-v"]);
        tail.wait_for("reading");
        watching.push(tail);
    }
    let arguments = ["record", &sources[0], &sources[1], "--output", "both.eddy.ndjson.zst"];
    let mut recording = Running::start(&directory, &arguments);
    recording.wait_for("recording into");
    for url in &urls {
        succeeds(&directory, &["inject", url, "events.ndjson", "--events"]);
    }
    for tail in watching {
        assert_eq!(tail.ended().0, Some(0));
    }
    recording.signal(rustix::process::Signal::TERM);
    let (code, rest) = recording.ended();
    assert_eq!(code, Some(130), "{rest}");
    assert!(rest.contains("recorded 800 events"), "{rest}");
    succeeds(&directory, &["archive", "verify", "both.eddy.ndjson.zst"]);
    let lines = succeeds(&directory, &["tail", "both.eddy.ndjson.zst", "--template", "{time:us}\\n"]);
    let times: Vec<&str> = lines.lines().collect();
    assert_eq!(times.len(), 2 * EVENTS);
    assert!(!directory.join("both.eddy.ndjson.zst.partial").exists());
}

#[test]
fn a_terminated_injection_has_receipts_for_what_it_sent() {
    let Some(server) = servers::mosquitto(&[]) else {
        return;
    };
    let (_guard, directory) = playground();
    let target = format!("mqtt://127.0.0.1:{}/shop/orders", server.port);
    let mut watching = Running::start(&directory, &["tail", &target, "-n", "20", "--format", "raw", "-v"]);
    watching.wait_for("reading");
    let arguments = [
        "inject",
        &target,
        "--data",
        "{{ count }} {{ now_ms() }}",
        "--template",
        "--rate",
        "200/s",
        "--format",
        "json",
    ];
    let injecting = Running::start(&directory, &arguments);
    let (code, seen) = watching.ended();
    assert_eq!(code, Some(0), "{seen}");
    injecting.signal(rustix::process::Signal::TERM);
    let (code, rest) = injecting.ended();
    assert_eq!(code, Some(130), "{rest}");
    let report = rest.lines().find(|line| line.starts_with('{')).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(report).expect("a summary");
    assert_eq!((&summary["sent"], &summary["failed"]), (&summary["acknowledged"], &0.into()), "{rest}");
    assert!(summary["acknowledged"].as_u64().is_some_and(|sent| sent >= 20), "{rest}");
    // Made when it is sent: the twentieth event is some 95 ms younger than the first.
    let times: Vec<u64> = seen
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(_, time)| time.parse().ok())
        .collect();
    assert!(times.last() > times.first(), "{seen}");
}

#[test]
fn an_interrupted_replay_says_where_to_go_on() {
    let Some(server) = servers::mosquitto(&[]) else {
        return;
    };
    let (_guard, directory) = playground();
    let url = format!("mqtt://127.0.0.1:{}", server.port);
    let source = format!("{url}/shop/#");
    let mut watching = Running::start(&directory, &["tail", &source, "-n", "20", "--format", "line", "-v"]);
    watching.wait_for("reading");
    let arguments = ["replay", "events.ndjson", "--to", &url, "--speed", "0.1"];
    let replaying = Running::start(&directory, &arguments);
    assert_eq!(watching.ended().0, Some(0));
    replaying.interrupt();
    let (code, rest) = replaying.ended();
    assert_eq!(code, Some(130), "{rest}");
    let skip = rest.split("--skip ").nth(1).and_then(|rest| rest.split('`').next()).expect("a way to go on");
    let report = succeeds(
        &directory,
        &["replay", "events.ndjson", "--to", &url, "--speed", "max", "--skip", skip, "--format", "json"],
    );
    let summary: serde_json::Value = serde_json::from_str(&report).expect("a summary");
    let done: usize = skip.parse().expect("a number");
    assert!(done >= 20, "{done}");
    assert_eq!(summary["acknowledged"], EVENTS - done);
}

#[test]
fn a_broker_that_comes_back_gets_everything() {
    let Some(mut server) = servers::mosquitto(&[]) else {
        return;
    };
    let (_guard, directory) = playground();
    let url = format!("mqtt://127.0.0.1:{}", server.port);
    let source = format!("{url}/shop/#");
    let mut watching = Running::start(&directory, &["tail", &source, "-n", "20", "--format", "line", "-v"]);
    watching.wait_for("reading");
    let arguments = ["replay", "events.ndjson", "--to", &url, "--speed", "0.2", "--format", "json"];
    let replaying = Running::start(&directory, &arguments);
    assert_eq!(watching.ended().0, Some(0));
    server.stop();
    server.start();
    let (code, rest) = replaying.ended();
    assert_eq!(code, Some(0), "{rest}");
    let report = rest.lines().find(|line| line.starts_with('{')).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(report).expect("a summary");
    assert_eq!((&summary["acknowledged"], &summary["failed"]), (&EVENTS.into(), &0.into()), "{rest}");
}

#[test]
fn watching_says_when_the_broker_goes_away_and_comes_back() {
    let Some(mut server) = servers::mosquitto(&[]) else {
        return;
    };
    let (_guard, directory) = playground();
    let source = format!("mqtt://127.0.0.1:{}/shop/#", server.port);
    let mut watching = Running::start(&directory, &["tail", &source, "--verbose"]);
    watching.wait_for("reading `mqtt://");
    server.stop();
    watching.wait_for("trying again");
    server.start();
    watching.wait_for("reading works again");
    let target = source.replace('#', "orders");
    succeeds(&directory, &["inject", &target, "--data", "after the loss"]);
    watching.interrupt();
    let (code, rest) = watching.ended();
    assert_eq!(code, Some(130), "{rest}");
    assert!(rest.contains("after the loss"), "{rest}");
}

/// Writes files of at most so many blocks of 512 bytes; a refused write then fails as on a full disk.
fn a_recording_that_does_not_fit(blocks: u32, options: &str, whole: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut text = String::new();
    let mut random = 88_172_645_463_325_252_u64;
    for index in 0..24_000 {
        let mut payload = String::new();
        for _ in 0..15 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            write!(payload, "{random:016x}").expect("text");
        }
        writeln!(text, r#"{{"t":{index},"src":"orders","v":"{payload}"}}"#).expect("text");
    }
    std::fs::write(directory.path().join("events.ndjson"), text).expect("written");
    let program = env!("CARGO_BIN_EXE_eddy");
    let script = format!(
        "trap '' XFSZ; ulimit -f {blocks}; exec {program} record events.ndjson --output full.eddy.ndjson.zst --format json {options}"
    );
    let output = Command::new("sh").args(["-c", &script]).current_dir(directory.path()).output();
    let output = output.expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let number = |before: &str, after: &str| -> u64 {
        let (_, told) = said.split_once("error: ").unwrap_or_else(|| panic!("no error: {said}"));
        let (_, rest) = told.split_once(before).unwrap_or_else(|| panic!("no `{before}`: {said}"));
        let (number, _) = rest.split_once(after).unwrap_or_else(|| panic!("no `{after}`: {said}"));
        number.replace(',', "").parse().unwrap_or_else(|_| panic!("`{number}` is no number: {said}"))
    };
    let (lost, sent) = (number("", " of "), number(" of ", " events were not delivered"));
    let safe = number("the first ", " events are safe");
    assert_eq!(sent - lost, safe, "what was acknowledged is what is in the file: {said}");
    assert!(said.contains(&format!("events are safe in `{whole}`")), "{said}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a summary");
    let why = summary["ended_early"].as_str().expect("a reason");
    assert!(why.contains(&format!("the first {safe} events are safe in `{whole}`")), "{summary}");
    assert_eq!(summary["events"], safe, "{summary}");
    succeeds(directory.path(), &["archive", "verify", whole]);
    let stats = succeeds(directory.path(), &["archive", "stats", whole, "--format", "json"]);
    let stats: serde_json::Value = serde_json::from_str(&stats).expect("JSON");
    assert_eq!(stats["events"], safe, "{stats}");
    assert!(safe > 0, "{said}");
    let left = std::fs::read_dir(directory.path()).expect("a directory").flatten();
    let left: Vec<_> = left.map(|each| each.file_name().to_string_lossy().into_owned()).collect();
    assert!(!left.iter().any(|name| name.ends_with(".partial")), "{left:?}");
}

#[test]
fn what_did_not_fit_on_the_disk_does_not_count_as_recorded_and_the_rest_is_whole() {
    a_recording_that_does_not_fit(1536, "", "full.eddy.ndjson.zst");
    a_recording_that_does_not_fit(1000, "--rotate-count 5000", "full.manifest.json");
}

#[test]
fn a_part_whose_index_does_not_fit_on_the_disk_stays_to_be_repaired() {
    let directory = tempfile::tempdir().expect("a directory");
    // Their names make the index larger than the frames are.
    let mut random = 88_172_645_463_325_252_u64;
    let mut text = String::new();
    for index in 0..5100 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        writeln!(text, r#"{{"t":{index},"src":"{random:016x}","v":"x"}}"#).expect("text");
    }
    std::fs::write(directory.path().join("events.ndjson"), text).expect("written");
    let run = |limit: u32| {
        let program = env!("CARGO_BIN_EXE_eddy");
        let script = format!(
            "ulimit -f {limit}; exec {program} record events.ndjson --output r.eddy.ndjson.zst --rotate-count 5000"
        );
        let output =
            Command::new("sh").args(["-c", &script]).current_dir(directory.path()).output().expect("sh");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    // Half a kibibyte more than the frames take.
    let (mut limit, mut end) = (150, (None, String::new()));
    while limit < 1000 {
        for name in std::fs::read_dir(directory.path()).expect("a directory").flatten() {
            if name.file_name() != "events.ndjson" {
                std::fs::remove_file(name.path()).expect("removed");
            }
        }
        end = run(limit);
        if end.1.contains("the first 5000 events are safe") {
            break;
        }
        limit += 10;
    }
    assert_eq!(end.0, Some(1), "{limit}: {}", end.1);
    assert!(end.1.contains("archive repair r.manifest.json"), "{}", end.1);
    succeeds(
        directory.path(),
        &["archive", "repair", "r.manifest.json", "--output", "whole.eddy.ndjson.zst"],
    );
    let stats =
        succeeds(directory.path(), &["archive", "stats", "whole.eddy.ndjson.zst", "--format", "json"]);
    let stats: serde_json::Value = serde_json::from_str(&stats).expect("JSON");
    assert_eq!(stats["events"], 5000, "{stats}");
}
