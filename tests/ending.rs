//! How commands end: a server that is away, Ctrl-C while waiting for it, a bar on a terminal, a file nothing came of.
#![cfg(unix)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::redis::redis;
use support::servers::{free_port, mosquitto, nats, nats_configured};

/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(60);

fn eddy(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command
        .args(arguments)
        .env_remove("EDDY_ENV")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a program says, as it says it.
struct Said {
    pieces: Receiver<String>,
    text: String,
}

impl Said {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (send, pieces) = channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            loop {
                let piece = match reader.fill_buf() {
                    Ok(bytes) if !bytes.is_empty() => String::from_utf8_lossy(bytes).into_owned(),
                    _ => return,
                };
                reader.consume(piece.len());
                if send.send(piece).is_err() {
                    return;
                }
            }
        });
        Self { pieces, text: String::new() }
    }

    fn wait_for(&mut self, words: &str) {
        let deadline = Instant::now() + LIMIT;
        while !self.text.contains(words) {
            let left = deadline.saturating_duration_since(Instant::now());
            let piece = self.pieces.recv_timeout(left);
            self.text += &piece.unwrap_or_else(|error| panic!("no `{words}` ({error}) in {}", self.text));
        }
    }

    /// Waits until the bar has counted this many events more than it has now.
    fn wait_for_more_events(&mut self, more: u64) {
        while let Ok(piece) = self.pieces.try_recv() {
            self.text += &piece;
        }
        let wanted = counted(&self.text) + more;
        let deadline = Instant::now() + LIMIT;
        while counted(&self.text) < wanted {
            let left = deadline.saturating_duration_since(Instant::now());
            self.text +=
                &self.pieces.recv_timeout(left).unwrap_or_else(|error| panic!("{error}: {}", self.text));
        }
    }

    fn rest(mut self) -> String {
        while let Ok(piece) = self.pieces.recv_timeout(LIMIT) {
            self.text += &piece;
        }
        self.text
    }
}

/// The last number of events that a bar has shown.
fn counted(text: &str) -> u64 {
    let shown = text.rsplit("injecting ").find_map(|shown| shown.split_once(" event")?.0.parse().ok());
    shown.unwrap_or_default()
}

fn ended(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait().expect("asked") {
            return status;
        }
        assert!(Instant::now() < deadline, "it does not end");
        std::thread::yield_now();
    }
}

#[test]
fn a_server_that_stays_away_ends_the_command_after_the_time() {
    for verb in ["tail", "inject"] {
        let url = format!("mqtt://127.0.0.1:{}/orders", free_port());
        let began = Instant::now();
        let mut arguments = vec![verb, &url, "--connect-timeout", "1s"];
        if verb == "inject" {
            arguments.extend(["--data", "{}"]);
        }
        let output = eddy(&arguments).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(
            began.elapsed() >= Duration::from_millis(900) && began.elapsed() < Duration::from_secs(20),
            "{said}"
        );
        assert!(said.contains("connection refused; trying again, giving up in 1 s"), "{said}");
        assert!(said.contains("gave up after ") && said.contains(" attempts in 1"), "{said}");
        let output = eddy(&arguments[..arguments.len().min(2)]).output().expect("it runs");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("trying again"), "one attempt by default");
    }
}

#[test]
fn a_server_that_comes_up_is_reached() {
    let Some(mut server) = mosquitto(&[]) else { return };
    server.stop();
    let url = format!("mqtt://127.0.0.1:{}/orders", server.port);
    let mut child =
        eddy(&["inject", &url, "--data", "{}", "--connect-timeout", "1m"]).spawn().expect("it runs");
    let mut said = Said::of(child.stderr.take().expect("piped"));
    said.wait_for("trying again");
    server.start();
    said.wait_for("sent 1 event");
    assert_eq!(ended(&mut child).code(), Some(0));
}

#[test]
fn an_interruption_ends_the_waiting() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("mqtt://127.0.0.1:{}/orders", free_port());
    let file = directory.path().join("x.eddy.ndjson.zst").display().to_string();
    let arguments = ["record", &url, "--output", &file, "--connect-timeout", "5m"];
    let mut child = eddy(&arguments).spawn().expect("it runs");
    let mut said = Said::of(child.stderr.take().expect("piped"));
    said.wait_for("trying again");
    kill_process(Pid::from_child(&child), Signal::INT).expect("interrupted");
    assert_eq!(ended(&mut child).code(), Some(130));
    assert!(!Path::new(&file).exists(), "nothing was recorded");
}

/// A command on a terminal of its own, made by `script`; `None` when there is no such program.
fn on_a_terminal(arguments: &[&str]) -> Option<Child> {
    on_a_terminal_of(None, arguments)
}

/// The same with so many columns.
fn on_a_terminal_of(columns: Option<u16>, arguments: &[&str]) -> Option<Child> {
    if Command::new("script").arg("--version").output().is_err() {
        assert!(
            std::env::var_os("EDDY_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
            "`script` is missing"
        );
        eprintln!("SKIPPED: `script` is not installed");
        return None;
    }
    let words = arguments.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let sized = columns.map(|columns| format!("stty rows 24 cols {columns}; ")).unwrap_or_default();
    let line = format!("{sized}exec '{}' {words}", env!("CARGO_BIN_EXE_eddy"));
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    command.env_remove("EDDY_ENV").env("TERM", "xterm").env("SHELL", "/bin/sh");
    Some(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs"))
}

/// What is left on the last line of a terminal.
fn last_line(text: &str) -> String {
    let cleared = text.rsplit("\u{1b}[2K").next().unwrap_or_default();
    let cleared = cleared.rsplit(['\r', '\n']).find(|line| !line.is_empty()).unwrap_or_default();
    cleared.chars().filter(|each| !each.is_control()).collect()
}

#[test]
fn a_second_interruption_takes_the_bar_away() {
    let Some(server) = mosquitto(&[]) else { return };
    let url = format!("mqtt://127.0.0.1:{}/orders", server.port);
    let Some(mut child) = on_a_terminal(&["inject", &url, "--data", "{}", "--rate", "50/s"]) else { return };
    let mut keys = child.stdin.take().expect("piped");
    let mut said = Said::of(child.stdout.take().expect("piped"));
    said.wait_for("injecting");
    server.freeze();
    // Of these the server knows nothing: their receipts are waited for.
    said.wait_for_more_events(2);
    keys.write_all(b"\x03").expect("pressed");
    said.wait_for("stopping");
    keys.write_all(b"\x03").expect("pressed");
    assert_eq!(ended(&mut child).code(), Some(130));
    let text = said.rest();
    assert!(!last_line(&text).contains("injecting"), "the bar is still there: {text:?}");
}

#[test]
fn no_line_of_a_bar_goes_on_in_the_next_row() {
    let arguments = ["inject", "memory:here", "--channel", "orders", "--data", "{}", "--rate", "50/s"];
    let Some(mut child) = on_a_terminal_of(Some(40), &[&arguments[..], &["--count", "50"]].concat()) else {
        return;
    };
    assert_eq!(ended(&mut child).code(), Some(0));
    let said = Said::of(child.stdout.take().expect("piped")).rest();
    let drawn = said.split("sent 50 events").next().unwrap_or_default();
    let rows: Vec<&str> =
        drawn.split(['\r', '\n', '\u{1b}']).filter(|row| row.contains("injecting ")).collect();
    assert!(rows.iter().any(|row| row.contains("of 50…") || row.contains("50 events")), "{said:?}");
    let longest = rows.iter().map(|row| row.trim_start_matches("[2K").chars().count()).max();
    assert_eq!(longest, Some(40), "{said:?}");
}

#[test]
fn the_countdown_is_one_line_and_goes_away() {
    let url = format!("mqtt://127.0.0.1:{}/orders", free_port());
    let Some(mut child) = on_a_terminal(&["tail", &url, "--connect-timeout", "2m"]) else { return };
    let mut keys = child.stdin.take().expect("piped");
    let mut said = Said::of(child.stdout.take().expect("piped"));
    said.wait_for("giving up in 120 s");
    said.wait_for("giving up in 119 s");
    keys.write_all(b"\x03").expect("pressed");
    assert_eq!(ended(&mut child).code(), Some(130));
    let text = said.rest();
    let lines = text.matches('\n').count();
    assert!(lines <= 3, "{lines} lines: {text:?}");
    assert!(!last_line(&text).contains("giving up"), "{text:?}");
}

#[test]
fn nothing_is_left_of_an_injection_that_failed() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("bad.ndjson"), "{\"n\":1,\"t\":1,\"src\":\"a\",\"v\":1\nno event\n")
        .expect("ok");
    for target in ["new.ndjson", "new.eddy.ndjson.zst"] {
        let arguments = ["inject", &format!("./{target}"), "bad.ndjson", "--events"];
        let output = eddy(&arguments).current_dir(directory.path()).output().expect("it runs");
        assert!(!output.status.success(), "{output:?}");
        assert!(!directory.path().join(target).exists(), "{target} is left: {output:?}");
    }
    let file = directory.path().join("kept.ndjson");
    std::fs::write(&file, "").expect("written");
    let arguments = ["inject", "./kept.ndjson", "bad.ndjson", "--events"];
    eddy(&arguments).current_dir(directory.path()).output().expect("it runs");
    assert!(file.exists(), "what was there before stays");
}

#[tokio::test]
async fn the_second_interruption_is_heard_however_soon_it_follows_the_first() {
    let mut interruptions = eddy::commands::Interruptions::listen();
    let ourselves = rustix::process::getpid();
    for signal in [Signal::INT, Signal::INT, Signal::TERM, Signal::INT] {
        // Nobody waits for it at this moment.
        kill_process(ourselves, signal).expect("sent");
        let heard = tokio::time::timeout(LIMIT, interruptions.next()).await;
        assert!(heard.is_ok(), "{signal:?} was missed");
    }
}

/// Sends an interruption and says how the command ended, with all it said on stderr.
fn interrupted(mut child: Child, errors: Said) -> (Option<i32>, String) {
    let id = Pid::from_child(&child);
    kill_process(id, Signal::INT).expect("a signal");
    let code = ended(&mut child).code();
    (code, errors.rest())
}

/// Events of which the eighth is too large for the server.
fn with_a_large_one(directory: &Path) -> String {
    let line = |number: usize| {
        let payload = "x".repeat(if number == 8 { 300_000 } else { 3 });
        format!("{{\"src\":\"shop.orders\",\"k\":\"key-{number}\",\"v\":\"{payload}\"}}\n")
    };
    let path = directory.join("mix.ndjson");
    std::fs::write(&path, (1..=200).map(line).collect::<String>()).expect("written");
    path.display().to_string()
}

#[test]
fn an_interruption_says_what_was_not_delivered() {
    let Some(server) = nats_configured("max_payload: 100000") else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let events = with_a_large_one(directory.path());
    let url = format!("nats://127.0.0.1:{}", server.port);
    let results = directory.path().join("results.ndjson");
    let written = results.display().to_string();
    for quiet in [false, true] {
        let mut arguments = vec!["inject", &url, &events, "--events", "--rate", "20/s", "--format", "json"];
        if quiet {
            arguments.push("-q");
        } else {
            arguments.extend(["--results", &written]);
        }
        let mut child = eddy(&arguments).spawn().expect("it runs");
        let (data, errors) =
            (Said::of(child.stdout.take().expect("piped")), Said::of(child.stderr.take().expect("piped")));
        std::thread::sleep(Duration::from_millis(1500));
        let (code, said) = interrupted(child, errors);
        assert_eq!(code, Some(130), "{said}");
        assert!(said.contains("1 of ") && said.contains("not delivered: an event of 300"), "{said}");
        assert!(said.contains("event 8 for `shop.orders` with the key `key-8`"), "{said}");
        let summary: serde_json::Value = serde_json::from_str(&data.rest()).expect("JSON");
        let first = &summary["undelivered"][0];
        assert_eq!((&first["number"], &first["key"]), (&8.into(), &"key-8".into()), "{summary}");
    }
    let text = std::fs::read_to_string(&results).expect("results");
    let refused: Vec<&str> = text.lines().filter(|line| !line.contains("\"error\":null")).collect();
    assert!(refused.len() == 1 && refused[0].starts_with("{\"n\":7,"), "{refused:?}");
}

#[test]
fn an_interruption_after_a_loss_says_what_was_not_delivered() {
    let Some(mut server) = nats(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let events = with_a_large_one(directory.path());
    let url = format!("nats://127.0.0.1:{}", server.port);
    let mut child = eddy(&["inject", &url, &events, "--events", "--rate", "20/s"]).spawn().expect("it runs");
    let mut errors = Said::of(child.stderr.take().expect("piped"));
    std::thread::sleep(Duration::from_millis(800));
    server.stop();
    errors.wait_for("to send again");
    let (code, said) = interrupted(child, errors);
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("not delivered") && said.contains("\n  event "), "{said}");
}

#[test]
fn one_of_several_sources_is_lost_and_the_others_go_on() {
    let (Some(steady), Some(mut shaky)) = (nats(&[]), nats(&[])) else { return };
    let at = |port: u16| format!("nats://127.0.0.1:{port}/orders");
    let (steady, lost) = (at(steady.port), at(shaky.port));
    let mut child = eddy(&["tail", &steady, &lost, "--format", "raw", "-v"]).spawn().expect("it runs");
    let mut errors = Said::of(child.stderr.take().expect("piped"));
    let mut data = Said::of(child.stdout.take().expect("piped"));
    errors.wait_for("reading ");
    shaky.stop();
    errors.wait_for("trying again");
    let sent = eddy(&["inject", &steady, "--data", "steady-1", "-q"]).status().expect("it runs");
    assert!(sent.success());
    data.wait_for("steady-1");
    std::thread::sleep(Duration::from_millis(600));
    while let Ok(piece) = errors.pieces.try_recv() {
        errors.text += &piece;
    }
    assert!(!errors.text.contains("works again"), "{}", errors.text);
    shaky.start();
    errors.wait_for(&format!("reading from `{lost}` works again"));
    assert!(eddy(&["inject", &lost, "--data", "shaky-1", "-q"]).status().expect("it runs").success());
    data.wait_for("shaky-1");
    let (code, said) = interrupted(child, errors);
    assert_eq!(code, Some(130), "{said}");
    assert!(!said.contains(&format!("reading from `{steady}`")), "{said}");
}

#[test]
fn one_that_keeps_nothing_joins_those_that_are_read_from_an_earlier_place() {
    let (Some(keeping), Some(passing)) = (redis(&[]), nats(&[])) else { return };
    let stream = format!("redis://127.0.0.1:{}/orders", keeping.port);
    let subject = format!("nats://127.0.0.1:{}/orders", passing.port);
    assert!(eddy(&["inject", &stream, "--data", "earlier", "-q"]).status().expect("it runs").success());
    let from_an_hour_ago = ["tail", &stream, &subject, "--from", "-1h", "--follow", "--format", "raw", "-v"];
    let mut child = eddy(&from_an_hour_ago).spawn().expect("it runs");
    let mut errors = Said::of(child.stderr.take().expect("piped"));
    let mut data = Said::of(child.stdout.take().expect("piped"));
    errors.wait_for(&format!("`{subject}` keeps no events: it is read from now on"));
    data.wait_for("earlier");
    assert!(eddy(&["inject", &subject, "--data", "passing", "-q"]).status().expect("it runs").success());
    data.wait_for("passing");
    let (code, said) = interrupted(child, errors);
    assert_eq!(code, Some(130), "{said}");
    // Nothing would be read of it, and nobody would know when.
    for arguments in [
        &["tail", &subject, "--from", "-1h", "--follow"][..],
        &["tail", &stream, &subject, "--from", "-1h"],
        &["tail", &stream, &subject, "--from", "-1h", "--to", "now"],
        &["tail", &stream, &subject, "--from", "-2h", "--to", "-1h"],
    ] {
        let (code, said) = said_by(arguments);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("NATS core keeps no events"), "{said}");
    }
}

/// How a command ended and what it said on stderr.
fn said_by(arguments: &[&str]) -> (Option<i32>, String) {
    let output = eddy(arguments).output().expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_port_that_speaks_no_http_is_named_as_one() {
    let Some(server) = nats(&[]) else { return };
    let url = format!("http://127.0.0.1:{}/x", server.port);
    let (code, said) = said_by(&["inject", &url, "--data", "1", "--connect-timeout", "500ms"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("HTTP") && said.contains("help: check scheme and port"), "{said}");
    assert!(!said.contains("the event"), "{said}");
}

#[test]
fn a_port_that_speaks_no_mqtt_cannot_be_reached() {
    let Some(server) = nats(&[]) else { return };
    for url in ["mqtt://127.0.0.1:PORT/x", "mqtt://127.0.0.1:PORT/x?version=3.1.1"] {
        let url = url.replace("PORT", &server.port.to_string());
        for arguments in [&["tail", &url][..], &["inject", &url, "--data", "1"], &["doctor", &url]] {
            let output = eddy(arguments).output().expect("it runs");
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert_eq!(output.status.code(), Some(3), "{arguments:?}: {said}");
            assert!(said.contains("what it says is no greeting of MQTT"), "{arguments:?}: {said}");
            assert!(said.contains("is it an MQTT port?"), "{arguments:?}: {said}");
        }
    }
}

#[test]
fn a_web_server_that_says_nothing_to_a_question_got_no_event() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/x", listener.local_addr().expect("an address"));
    let (code, said) = said_by(&["inject", &url, "--data", "1", "--connect-timeout", "500ms"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("no event was sent") && !said.contains("not known"), "{said}");
    let output = eddy(&["doctor", &url, "--timeout", "500ms"]).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("no event was sent") && !told.contains("not known"), "{told}");
}
