//! A replay that asks after its first events: a person decides, and without one it ends there and says how to go on.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::{EVENTS, PATIENCE, run, write_events};

const FIRST: [&str; 8] =
    ["replay", "events.ndjson", "--to", "out.ndjson", "--speed", "max", "--ask-after", "700"];

fn arrived(directory: &Path) -> usize {
    std::fs::read_to_string(directory.join("out.ndjson")).unwrap_or_default().lines().count()
}

#[test]
fn without_a_terminal_it_ends_after_the_first_events_and_says_how_to_go_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    write_events(&directory.join("events.ndjson"), '/');
    let (code, out, error) = run(directory, &FIRST);
    assert_eq!(code, Some(0), "{error}");
    assert!(error.contains("700 of the first 700 events arrived; nobody can be asked"), "{error}");
    assert!(error.contains("--skip 700"), "{error}{out}");
    assert_eq!(arrived(directory), 700);
    std::fs::remove_file(directory.join("out.ndjson")).expect("removed");
    let (code, _, error) = run(directory, &[&FIRST[..], &["--ledger", "ledger"]].concat());
    assert_eq!(code, Some(0), "{error}");
    let (_, command) = error.split_once("go on: eddy ").unwrap_or_else(|| panic!("{error}"));
    let words: Vec<&str> = command.split_whitespace().collect();
    assert!(words.ends_with(&["--resume"]) && !words.contains(&"--ask-after"), "{error}");
    let (code, out, error) = run(directory, &words);
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(arrived(directory), EVENTS);
    // It ended with every receipt, so nothing can go twice.
    assert!(!error.contains("twice") && !out.contains("twice"), "{error}{out}");
    // Who said yes before is not asked.
    std::fs::remove_file(directory.join("out.ndjson")).expect("removed");
    let (code, _, error) = run(directory, &[&FIRST[..], &["--yes"]].concat());
    assert_eq!((code, arrived(directory)), (Some(0), EVENTS), "{error}");
    assert!(error.contains("700 of the first 700 events arrived; the rest follows"), "{error}");
    // Where nothing would follow, nothing is asked.
    let (code, _, error) = run(directory, &[&FIRST[..], &["--first", "700"]].concat());
    assert!(code == Some(0) && !error.contains("asked"), "{error}");
}

/// Starts it on a terminal of its own, which `script` of util-linux makes.
fn on_a_terminal(directory: &Path) -> Child {
    let command = format!("{} {}", env!("CARGO_BIN_EXE_eddy"), FIRST.join(" "));
    Command::new("script")
        .args(["-qefc", &command, "/dev/null"])
        .current_dir(directory)
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("`script` starts")
}

/// Waits for the question, gives this answer, and returns whether it ended well.
fn answered(directory: &Path, answer: &[u8]) -> bool {
    let mut child = on_a_terminal(directory);
    let (mut input, mut output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    let (begun, mut said, mut buffer) = (Instant::now(), Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&said).contains("Send the other") {
        assert!(begun.elapsed() < PATIENCE, "{}", String::from_utf8_lossy(&said));
        let count = output.read(&mut buffer).expect("it talks");
        assert!(count > 0, "it ended: {}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&buffer[..count]);
    }
    assert_eq!(arrived(directory), 700, "nothing follows unasked");
    input.write_all(answer).expect("written");
    input.flush().expect("written");
    let mut rest = Vec::new();
    output.read_to_end(&mut rest).expect("it ends");
    drop(input);
    child.wait().expect("a child").success()
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_a_person_decides() {
    for (answer, expected) in
        [(&b"y\r"[..], EVENTS), (&b"n\r"[..], 700), (&b"\r"[..], 700), (&b"\x03"[..], 700)]
    {
        let directory = tempfile::tempdir().expect("a directory");
        write_events(&directory.path().join("events.ndjson"), '/');
        assert!(answered(directory.path(), answer), "{answer:?}");
        assert_eq!(arrived(directory.path()), expected, "{answer:?}");
    }
}
