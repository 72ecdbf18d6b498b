//! `tail`, `inject`, `record` and `replay` as a user runs them, on every system: what is sent is shown, what breaks the
//! contract is not sent, and each command stops cleanly when it is told to.

#![cfg(all(
    unix,
    feature = "amqp",
    feature = "http",
    feature = "kafka",
    feature = "mqtt",
    feature = "nats",
    feature = "redis"
))]

mod support;

#[path = "at_work/running.rs"]
mod running;
#[path = "at_work/systems.rs"]
mod systems;

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use running::{Running, runs, succeeds};
use systems::{System, on_every_system};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The summary that `--format json` prints: every event of it was acknowledged.
fn acknowledged(said: &str) -> u64 {
    let line =
        said.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("no summary: {said}"));
    let summary = json(line);
    assert_eq!((&summary["sent"], &summary["failed"]), (&summary["acknowledged"], &0.into()), "{said}");
    summary["acknowledged"].as_u64().expect("a number")
}

const TEMPLATE: [&str; 11] = [
    "--template",
    "--data",
    r#"{"id": {{ count }}}"#,
    "--key",
    // One key: HTTP keeps the order of events with the same key.
    "k-{{ 6 + 6 }}",
    "--header",
    "correlation-id=order-{{ count }}",
    "--count",
    "12",
    "--rate",
    "100/s",
];
/// An event as `kcat -J` writes it.
const KCAT: &str = "{\"topic\":\"other\",\"partition\":0,\"offset\":7,\"tstype\":\"create\",\"ts\":1793491200000,\
    \"headers\":[\"trace\",\"t\"],\"key\":\"k\",\"payload\":\"from kcat\"}\n";

#[test]
fn what_is_sent_is_shown_on_every_system() {
    on_every_system("shown", |system, folder| {
        std::fs::write(folder.join("kcat.ndjson"), KCAT.repeat(3)).expect("written");
        let mut watching = system.watched(folder, "tail", &["-n", "15", "--format", "json", "-v"]);
        watching.says("reading `");
        let began = Instant::now();
        let sent =
            succeeds(folder, &[&["inject", &system.target, "--format", "json"][..], &TEMPLATE].concat());
        assert_eq!(acknowledged(&sent), 12);
        assert!(began.elapsed() >= Duration::from_millis(110), "twelve at 100/s");
        let kcat = ["inject", &system.target, "kcat.ndjson", "--events", "--input-format", "kcat"];
        succeeds(folder, &kcat);
        let (code, said) = watching.ended();
        assert_eq!(code, Some(0), "{said}");
        let events: Vec<Value> = said.lines().filter(|line| line.starts_with('{')).map(json).collect();
        let payloads: Vec<&str> = events.iter().filter_map(|event| event["v"].as_str()).collect();
        let made: Vec<String> = (1..=12).map(|id| format!("{{\"id\": {id}}}")).collect();
        assert_eq!(payloads[..12], made, "{said}");
        assert_eq!(payloads[12..], ["from kcat"; 3], "{said}");
        let headers = events[0]["h"].as_array().expect("headers");
        let is_ours = |header: &&Value| header[0] == "correlation-id" && header[1] == "order-1";
        assert!(headers.iter().any(|header| is_ours(&header)), "{headers:?}");
        if system.carries_keys {
            assert_eq!((&events[11]["k"], &events[12]["k"]), (&"k-12".into(), &"k".into()), "{said}");
        }
        if system.has_a_past {
            the_past_is_shown(system, folder);
        }
    });
}

/// The fifteen events above, asked for in several ways.
fn the_past_is_shown(system: &System, folder: &Path) {
    let tail = |more: &[&str]| succeeds(folder, &[&["tail", system.source.as_str()][..], more].concat());
    let lines = |more: &[&str]| tail(more).lines().map(str::to_owned).collect::<Vec<_>>();
    let all = ["--from", "start", "--template", "{payload}\\n"];
    assert_eq!(lines(&all).len(), 15 + usize::from(system.begins_with_one));
    assert_eq!(lines(&[&all[..], &["--correlation", "order-7"]].concat()), [r#"{"id": 7}"#]);
    assert_eq!(lines(&[&all[..], &["--match", "payload./id=12"]].concat()), [r#"{"id": 12}"#]);
    assert_eq!(lines(&["--range", "-3", "--format", "raw"]), ["from kcat"; 3]);
    let marked = tail(&["--from", "start", "--match", "header.correlation-id=order-7", "--color", "always"]);
    assert!(marked.contains("\u{1b}[43;30morder-7\u{1b}[0m"), "{marked}");
    let kcat = json(&tail(&["--from", "start", "--match", "from kcat", "-n", "1", "--format", "kcat"]));
    assert_eq!(kcat["payload"], "from kcat");
    assert!(!system.carries_keys || kcat["key"] == "k", "{kcat}");
    assert_eq!(kcat["headers"], serde_json::json!(["trace", "t"]));
    // What is there, and then what comes.
    let mut following =
        Running::start(folder, &["tail", &system.source, "--range", "-1", "--follow", "--format", "raw"]);
    following.shows("from kcat\n");
    succeeds(folder, &["inject", &system.target, "--data", "later"]);
    following.shows("later\n");
    following.signal(Signal::INT);
    let (code, said) = following.ended();
    assert_eq!(code, Some(130), "{said}");
}

const CONTRACT: &str = "asyncapi: 3.0.0\ninfo: {title: Shop, version: 1.0.0}\nchannels:\n  orders:\n    address: CHANNEL\n    \
    messages:\n      Order:\n        payload: {type: object, required: [number], properties: {number: {type: integer}}}\n";

#[test]
fn what_breaks_the_contract_is_not_sent_to_any_system() {
    on_every_system("contract", |system, folder| {
        std::fs::write(folder.join("asyncapi.yaml"), CONTRACT.replace("CHANNEL", &system.channel))
            .expect("ok");
        let workspace = format!(
            "version: 1\ncontracts: [asyncapi.yaml]\nenvironments:\n  local:\n    default: true\n    servers: {{ main: '{}' }}\n",
            system.server
        );
        std::fs::write(folder.join("eddy.yaml"), workspace).expect("written");
        let tail = ["tail", "orders", "--validate", "-n", "3", "--format", "line", "-v"];
        let mut watching = Running::start(folder, &[&tail[..], system.only_new()].concat());
        watching.says("reading `");
        let inject = |data: &str, more: &[&str]| {
            runs(folder, &[&["inject", "orders", "--data", data][..], more].concat())
        };
        let wrong = r#"{"number": "seven"}"#;
        let (code, said) = inject(wrong, &[]);
        assert!(code == Some(1) && said.contains("breaks the contract"), "{code:?} {said}");
        assert!(said.contains("at `/number`") && said.contains("--no-validate"), "{said}");
        assert_eq!(inject(r#"{"number": 1}"#, &[]).0, Some(0));
        assert_eq!(inject(wrong, &["--no-validate"]).0, Some(0));
        let generated = ["inject", "orders", "--generate", "--count", "1", "--seed", "7"];
        succeeds(folder, &generated);
        let (code, said) = watching.ended();
        assert_eq!(code, Some(0), "{said}");
        let shown: Vec<&str> = said.lines().filter(|line| line.contains("number")).collect();
        let marks: Vec<bool> = shown.iter().map(|line| line.contains("\t! payload at `/number`")).collect();
        assert_eq!(marks, [false, true, false], "{said}");
    });
}

/// Events without an end of their own, one after the other.
fn write_events(path: &Path) {
    let line = |number: u32| {
        let time = 1_700_000_000_000_000 + u64::from(number) * 10_000;
        format!("{{\"n\":{number},\"t\":{time},\"src\":\"orders\",\"v\":\"{{\\\"number\\\":{number}}}\"}}\n")
    };
    std::fs::write(path, (1..20_000).map(line).collect::<String>()).expect("written");
}

#[test]
fn every_command_stops_cleanly_on_every_system() {
    on_every_system("stop", |system, folder| {
        write_events(&folder.join("events.ndjson"));
        // Terminated, an injection has a receipt for everything it sent, and all of it arrives.
        let mut watching = system.watched(folder, "tail", &["--format", "raw", "-v"]);
        watching.says("reading `");
        let endless = ["--template", "--data", "event {{ count }}", "--rate", "100/s", "--format", "json"];
        let injecting = Running::start(folder, &[&["inject", system.target.as_str()][..], &endless].concat());
        watching.shows("event 20\n");
        injecting.signal(Signal::TERM);
        let (code, said) = injecting.ended();
        assert_eq!(code, Some(130), "{said}");
        let sent = acknowledged(&said);
        assert!(sent >= 20, "{said}");
        watching.shows(&format!("event {sent}\n"));
        watching.signal(Signal::INT);
        let (code, said) = watching.ended();
        assert_eq!(code, Some(130), "{said}");
        let shown: Vec<String> =
            said.lines().filter(|line| line.starts_with("event ")).map(str::to_owned).collect();
        assert_eq!(shown, (1..=sent).map(|number| format!("event {number}")).collect::<Vec<_>>());
        // An interrupted replay says where to go on; a terminated recording is whole.
        let mut recording = system.watched(folder, "record", &["--output", "kept.eddy.ndjson.zst"]);
        recording.says("recording into");
        let replay = ["replay", "events.ndjson", "--to", &system.target, "--format", "json", "--in-place"];
        let replaying = Running::start(folder, &replay);
        let partial = folder.join("kept.eddy.ndjson.zst.partial");
        let begun = std::fs::metadata(&partial).map_or(0, |file| file.len());
        recording.wait_until("it grows", || std::fs::metadata(&partial).is_ok_and(|file| file.len() > begun));
        replaying.signal(Signal::INT);
        let (code, said) = replaying.ended();
        assert_eq!(code, Some(130), "{said}");
        let sent = acknowledged(&said);
        assert!(said.contains("--skip") || said.contains("--resume"), "{said}");
        recording.signal(Signal::TERM);
        let (code, said) = recording.ended();
        assert_eq!(code, Some(130), "{said}");
        assert!(said.contains("recorded"), "{said}");
        succeeds(folder, &["archive", "verify", "kept.eddy.ndjson.zst"]);
        let stats =
            json(&succeeds(folder, &["archive", "stats", "kept.eddy.ndjson.zst", "--format", "json"]));
        let kept = stats["events"].as_u64().expect("a number");
        assert!(kept > 0 && kept <= sent, "{kept} of {sent}");
        assert!(!partial.exists());
    });
}

#[test]
fn several_systems_are_one_view_in_order_of_time() {
    let folder = tempfile::tempdir().expect("a directory");
    let names = ["kafka", "jetstream", "redis"];
    let systems: Vec<System> = names.iter().filter_map(|name| System::start(name, "merged")).collect();
    if systems.len() < names.len() {
        return;
    }
    for round in 0..3 {
        for system in &systems {
            succeeds(
                folder.path(),
                &["inject", &system.target, "--data", &format!("{round} {}", system.name)],
            );
        }
    }
    let sources = systems.iter().map(|system| system.source.as_str());
    let tail = ["--from", "start", "--match", " ", "--template", "{payload}\\n"];
    let shown = succeeds(folder.path(), &["tail"].into_iter().chain(sources).chain(tail).collect::<Vec<_>>());
    let expected: Vec<String> =
        (0..3).flat_map(|round| names.map(|name| format!("{round} {name}"))).collect();
    assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
}
