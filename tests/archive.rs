//! Archives seen from outside: other programs read them, closed pipes end quietly.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use eddy::archive::{Header, Writer, WriterOptions};
use eddy::event::Event;

fn archive(directory: &Path, events: u64) -> PathBuf {
    let path = directory.join("a.eddy.ndjson.zst");
    let mut writer =
        Writer::create(&path, &Header::new(Vec::new()), WriterOptions::default()).expect("created");
    for number in 0..events {
        let payload = format!("{{\"id\":{number},\"text\":\"line one\\nline two\"}}");
        writer.write(&Event::new("orders", payload)).expect("written");
        if number % 1000 == 0 {
            writer.flush().expect("flushed");
        }
    }
    writer.finish().expect("finished");
    path
}

/// Whether a program is there; without it the test is skipped loudly, or fails where everything must be there.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok() {
        return true;
    }
    let required = std::env::var("EDDY_REQUIRE_SERVERS").is_ok_and(|value| value == "1");
    assert!(!required, "`{program}` is not installed, and EDDY_REQUIRE_SERVERS=1 asks for it");
    eprintln!("SKIPPED: `{program}` is not installed");
    false
}

#[test]
fn zstdcat_and_jq_read_an_archive() {
    if !has("zstdcat") || !has("jq") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = archive(directory.path(), 5000);
    let mut unpack =
        Command::new("zstdcat").arg(&path).stdout(Stdio::piped()).spawn().expect("zstdcat starts");
    let query = "[inputs | select(.v) | .v | fromjson | .id] | length, add";
    let lines = unpack.stdout.take().expect("piped");
    let output = Command::new("jq").args(["-n", query]).stdin(lines).output().expect("jq runs");
    assert!(unpack.wait().expect("ended").success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("5000\n{}\n", 4999 * 5000 / 2));
    let tested = Command::new("zstd").arg("-tq").arg(&path).status().expect("zstd runs");
    assert!(tested.success());
}

#[test]
fn what_zstd_packs_anew_is_read() {
    if !has("zstd") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = archive(directory.path(), 5000);
    let script = "zstd -dcq \"$1\" | head -n 101 | zstd -q -o \"$2\"";
    let part = directory.path().join("part.zst");
    let packed = Command::new("sh").args(["-c", script, "sh"]).args([&path, &part]).status();
    assert!(packed.expect("sh runs").success());
    let output = eddy(&["archive", "stats", "--format", "json"]).arg(&part).output().expect("eddy runs");
    let stats: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(stats["events"], 100);
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = archive(directory.path(), 50_000);
    let mut child = eddy(&["archive", "cat"])
        .arg(&path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("eddy starts");
    let mut first = [0; 10];
    child.stdout.take().expect("piped").read_exact(&mut first).expect("some output");
    let output = child.wait_with_output().expect("ended");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr)), (Some(0), "".into()));
}

fn eddy(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.args(arguments);
    command
}

/// The published schemas take what is written, and refuse what is not an event.
#[test]
fn the_published_schemas_describe_every_line() {
    let schema = |text: &str| {
        let schema: serde_json::Value = serde_json::from_str(text).expect("JSON");
        jsonschema::validator_for(&schema).expect("a schema")
    };
    let header = schema(include_str!("../docs/schemas/archive-header.schema.json"));
    let event = schema(include_str!("../docs/schemas/archive-event.schema.json"));
    let directory = tempfile::tempdir().expect("a directory");
    let path = archive(directory.path(), 10);
    let text = zstd::stream::decode_all(std::fs::File::open(&path).expect("opened")).expect("unpacked");
    let cases = include_str!("cases/archive/verify_whole/cmd.in/orders.ndjson");
    let lines = std::str::from_utf8(&text).expect("text").lines().chain(cases.lines());
    for (number, line) in lines.enumerate() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let right = if number == 0 { &header } else { &event };
        assert!(right.is_valid(&line), "{line}");
    }
    let wrong = [
        r#"{"n":1,"t":1,"src":"c"}"#,
        r#"{"n":1,"t":1,"src":"c","v":"","v64":""}"#,
        r#"{"n":1,"t":1,"src":"c","v":{}}"#,
        r#"{"n":1,"t":1,"src":"c","v":"","h":[["name"]]}"#,
    ];
    for line in wrong {
        assert!(!event.is_valid(&serde_json::from_str(line).expect("JSON")), "{line}");
        assert!(eddy::event::json_lines::decode(line.as_bytes(), None).is_err(), "{line}");
    }
}

/// The events of an archive as `eddy archive cat` prints them.
fn cat(path: &Path) -> Vec<serde_json::Value> {
    let output = eddy(&["archive", "cat"]).arg(path).output().expect("eddy runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("text");
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn what_was_split_and_merged_again_is_the_same() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = archive(directory.path(), 5000);
    let run = |arguments: &[&str]| {
        let output = eddy(arguments).current_dir(directory.path()).output().expect("eddy runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run(&["archive", "split", "a.eddy.ndjson.zst", "--count", "1200"]);
    run(&["archive", "verify", "a.manifest.json"]);
    let parts: Vec<String> = (1..=5).map(|number| format!("a-{number:05}.eddy.ndjson.zst")).collect();
    let mut merge = vec!["archive", "merge", "--output", "b.eddy.ndjson.zst"];
    merge.extend(parts.iter().rev().map(String::as_str));
    run(&merge);
    assert_eq!(cat(&directory.path().join("b.eddy.ndjson.zst")), cat(&path));
    run(&["archive", "slice", "b.eddy.ndjson.zst", "--range", "4000:4010", "--output", "c.eddy.ndjson.zst"]);
    assert_eq!(cat(&directory.path().join("c.eddy.ndjson.zst")), cat(&path)[3999..4009]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_merge_leaves_nothing_behind() {
    let directory = tempfile::tempdir().expect("a directory");
    let fifo = directory.path().join("slow.ndjson");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs").success());
    let child = eddy(&["archive", "slice", "slow.ndjson", "--output", "new.eddy.ndjson.zst"])
        .current_dir(directory.path())
        .stderr(Stdio::piped())
        .spawn()
        .expect("eddy starts");
    let mut writer = std::fs::OpenOptions::new().write(true).open(&fifo).expect("opened");
    let line = b"{\"src\":\"c\",\"v\":\"1\"}\n";
    std::io::Write::write_all(&mut writer, line).expect("written");
    let partial = directory.path().join("new.eddy.ndjson.zst.partial");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !partial.exists() {
        assert!(std::time::Instant::now() < deadline, "the copy begins");
        std::thread::yield_now();
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("kill runs").success());
    // Events go on coming until eddy has heard it; then nobody reads any more.
    while std::io::Write::write_all(&mut writer, line).is_ok() {
        assert!(std::time::Instant::now() < deadline, "the copy ends");
    }
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!partial.exists() && !directory.path().join("new.eddy.ndjson.zst").exists());
}

#[test]
fn nothing_personal_is_in_a_masked_recording() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let payload = r#"{"id":1.50,"mail":"SECRET@x","lines":[{"note":"SECRET"}],"SECRET":{"card":"SECRET"}}"#;
    let event = Event {
        key: Some("SECRET@x".into()),
        headers: vec![eddy::event::Header::text("X-User", "SECRET"), eddy::event::Header::text("a", "b")],
        ..Event::new("orders", payload)
    };
    let packed = zstd::encode_all(payload.as_bytes(), 1).expect("packed");
    let mut writer =
        Writer::create(&at("clear.eddy.ndjson.zst"), &Header::new(Vec::new()), WriterOptions::default())
            .expect("created");
    for each in [event.clone(), Event { payload: Some(packed.into()), ..event }] {
        writer.write(&each).expect("written");
    }
    writer.finish().expect("finished");
    let rules = "version: 1\nrules:\n  - { key: true, action: token }\n  - { field: .mail, action: token }\n  \
                 - { field: ..note, action: redact }\n  - { field: /SECRET, action: drop }\n  - { header: x-*, action: token }\n";
    std::fs::write(at("key"), "0123456789abcdef\n").expect("written");
    let recorded = |rules: &str, output: &str| {
        std::fs::write(at("mask.yaml"), rules).expect("written");
        let mut command =
            eddy(&["record", "clear.eddy.ndjson.zst", "--mask", "mask.yaml", "--mask-key-file", "key"]);
        let ended =
            command.args(["--output", output]).current_dir(directory.path()).output().expect("eddy runs");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let file = std::fs::read(at(output)).expect("a recording");
        String::from_utf8(zstd::decode_all(&*file).expect("zstd")).expect("text")
    };
    let text = recorded(rules, "masked.eddy.ndjson.zst");
    let (header, events) = text.split_once('\n').expect("a header");
    assert!(!events.contains("SECRET") && !text.contains("0123456789abcdef"), "{text}");
    let header: serde_json::Value = serde_json::from_str(header).expect("JSON");
    assert_eq!(header["mask"]["rules"][1]["field"], ".mail");
    let lines: Vec<serde_json::Value> =
        events.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2);
    for line in &lines {
        let (token, payload) = (line["k"].as_str().expect("a key"), line["v"].as_str().expect("a payload"));
        let expected = format!(r#"{{"id":1.50,"mail":"{token}","lines":[{{"note":"[redacted]"}}]}}"#);
        assert_eq!(payload, expected, "the same value has the same token, and the rest stays");
        assert_ne!(line["h"][0][1], token);
    }
}

/// Waits for a condition, with a deadline that only a defect reaches.
#[cfg(unix)]
fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[cfg(unix)]
#[test]
fn a_killed_recording_in_parts_keeps_every_part() {
    let directory = tempfile::tempdir().expect("a directory");
    let fifo = directory.path().join("slow.ndjson");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs").success());
    let mut child =
        eddy(&["record", "slow.ndjson", "--rotate-count", "100", "--output", "a.eddy.ndjson.zst"])
            .current_dir(directory.path())
            .stderr(Stdio::null())
            .spawn()
            .expect("eddy starts");
    let mut writer = std::fs::OpenOptions::new().write(true).open(&fifo).expect("opened");
    for number in 0..250_u128 {
        // Text that no compression makes small, so that the size of the file tells that it is there.
        let text = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let line = format!("{{\"src\":\"c\",\"v\":\"{text:x}\"}}\n");
        std::io::Write::write_all(&mut writer, line.as_bytes()).expect("written");
    }
    // A header alone is smaller than this: the open frame was closed behind it.
    let open = directory.path().join("a-00003.eddy.ndjson.zst.partial");
    wait_for("fifty events reach the third part", || {
        std::fs::metadata(&open).is_ok_and(|metadata| metadata.len() > 400)
    });
    child.kill().expect("killed");
    child.wait().expect("ended");
    let run = |arguments: &[&str]| eddy(arguments).current_dir(directory.path()).output().expect("eddy runs");
    let verified = run(&["archive", "verify", "a.manifest.json", "--format", "json"]);
    assert_eq!(verified.status.code(), Some(1));
    let found: serde_json::Value = serde_json::from_slice(&verified.stdout).expect("JSON");
    let kinds: Vec<&str> = found["files"]
        .as_array()
        .expect("files")
        .iter()
        .flat_map(|file| file["findings"].as_array().expect("findings"))
        .map(|finding| finding["kind"].as_str().expect("a kind"))
        .collect();
    assert_eq!(kinds, ["open-part", "unfinished", "no-index"], "{found}");
    assert_eq!(found["files"][0]["events"], 250);
    assert_eq!(cat(&directory.path().join("a.manifest.json")).len(), 250);
    let replayed = run(&["replay", "a.manifest.json", "--to", "all.ndjson", "--speed", "max"]);
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    let lines = std::fs::read_to_string(directory.path().join("all.ndjson")).expect("read");
    assert_eq!(lines.lines().count(), 250);
    let repaired = run(&["archive", "repair", "a.manifest.json", "--output", "b.eddy.ndjson.zst"]);
    assert!(repaired.status.success(), "{}", String::from_utf8_lossy(&repaired.stderr));
    assert_eq!(cat(&directory.path().join("b.eddy.ndjson.zst")).len(), 250);
}
