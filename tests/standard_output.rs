//! Output that cannot be written: a full disk is an error with a name, a reader that has gone is none.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn recording() -> PathBuf {
    let cases = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    cases.join("archive/verify_whole/cmd.in/orders.eddy.ndjson.zst")
}

fn run(arguments: &[&str], stdout: Stdio) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.args(arguments).stdin(Stdio::null()).stdout(stdout).output().expect("it runs")
}

fn commands(recording: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["--help"],
        vec!["--version"],
        vec!["archive", "cat", "--help"],
        vec!["archive", "cat", recording],
        vec!["archive", "stats", recording],
        vec!["archive", "verify", recording],
        vec!["completions", "bash"],
        vec!["explain"],
        vec!["inject", "-", "--channel", "orders", "--data", "{}"],
        vec!["inject", "memory:here", "--channel", "orders", "--data", "{}", "--format", "json"],
        vec!["man"],
        vec!["new", "--list"],
        vec!["replay", recording, "--to", "memory:here", "--speed", "max"],
        vec!["replay", recording, "--to", "memory:here", "--speed", "max", "--format", "json"],
        vec!["replay", recording, "--to", "-", "--speed", "max"],
        vec!["replay", recording, "--to", "-", "--dry-run"],
        vec!["tail", recording],
        vec!["tail", recording, "--format", "json"],
    ]
}

#[test]
fn a_full_disk_is_an_error_about_space() {
    let recording = recording().display().to_string();
    for arguments in commands(&recording) {
        let full = File::options().write(true).open("/dev/full").expect("a device that is always full");
        let output = run(&arguments, full.into());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("the disk is full"), "{arguments:?}: {said}");
        assert!(said.contains("help: make room on the disk"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let recording = recording().display().to_string();
    for arguments in commands(&recording) {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = run(&arguments, writer.into());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        assert!(!said.contains("error"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_reader_that_goes_while_nothing_happens_ends_what_waits() {
    let recording = recording().display().to_string();
    let recorded = ["replay", &recording, "--to", "-", "--rate", "1/min"];
    let made = ["inject", "-", "--channel", "orders", "--data", "{}", "--count", "9", "--rate", "1/min"];
    let arriving = ["tail", "http://127.0.0.1:0/orders"];
    for arguments in [&arriving[..], &recorded[..], &made[..]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        if arguments[0] == "tail" {
            let mut said = String::new();
            let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
            stderr.read_line(&mut said).expect("it speaks");
            assert!(said.contains("listening at"), "{said}");
        } else {
            let mut first = String::new();
            let mut stdout = BufReader::new(child.stdout.as_mut().expect("piped"));
            stdout.read_line(&mut first).expect("an event");
            assert!(first.contains("orders"), "{first}");
        }
        drop(child.stdout.take());
        let gone = Instant::now();
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        assert!(!said.contains("error") && !said.contains("stopping"), "{arguments:?}: {said}");
        assert!(gone.elapsed() < Duration::from_secs(20), "{arguments:?}: {:?}", gone.elapsed());
    }
}
