//! `eddy validate` on input that no case folder can hold: huge, unreadable, and with a reader that has gone.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn eddy(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.args(arguments).env_remove("NO_COLOR").stderr(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn with_stdin(arguments: &[&str], input: &[u8]) -> Output {
    let mut child: Child = eddy(arguments).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn two_million_brackets_are_one_finding() {
    let output = with_stdin(&["validate", "-", "--format", "concise"], &vec![b'['; 2_000_000]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("error[ED0107]"), "{}", text(&output.stdout));
    assert_eq!(text(&output.stdout).lines().count(), 1);
}

#[test]
fn an_input_past_the_limit_is_refused_before_it_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.yaml");
    std::fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    let output = eddy(&["validate", "--format", "concise", path.to_str().unwrap()]).output().unwrap();
    assert!(text(&output.stdout).contains("error[ED0108]"), "{}", text(&output.stdout));
    assert_eq!(output.status.code(), Some(1));
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.yaml");
    std::fs::write(&path, "asyncapi: 3.0.0\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        // The superuser reads everything.
        return;
    }
    let output = eddy(&["validate", path.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("error[ED0101]"), "{}", text(&output.stdout));
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.yaml");
    let channels: String = (0..5_000).map(|number| format!("  c{number}: {{adress: a}}\n")).collect();
    std::fs::write(
        &path,
        format!("asyncapi: 3.0.0\ninfo: {{title: T, version: '1'}}\nchannels:\n{channels}"),
    )
    .unwrap();
    let arguments = ["validate", "--max-findings", "100000", path.to_str().unwrap()];
    let mut child = eddy(&arguments).spawn().unwrap();
    let mut first = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn json_output_is_what_its_schema_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = std::fs::read_to_string(root.join("docs/schemas/diagnostics.schema.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let probes = root.join("tests/fixtures/probes");
    for arguments in [vec![probes.to_str().unwrap()], vec!["no-such-file.yaml"]] {
        let mut all = vec!["validate", "--format", "json"];
        all.extend(arguments);
        let output = eddy(&all).output().unwrap();
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let errors: Vec<String> = validator.iter_errors(&found).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        assert!(!found["diagnostics"].as_array().unwrap().is_empty());
    }
}

const ORDERS: &str = "asyncapi: 3.0.0\ninfo: {title: Orders, version: 1.0.0}\nchannels:\n  orders:\n    address: orders\n    messages:\n      placed: {payload: {type: object, required: [id], properties: {id: {type: integer}}}}\n";

#[test]
fn a_line_past_the_limit_is_passed_over_and_the_next_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.yaml");
    std::fs::write(&path, ORDERS).unwrap();
    let mut events = b"{\"id\":1}\n{\"id\":\"".to_vec();
    events.resize(66 * 1024 * 1024, b'x');
    events.extend_from_slice(b"\"}\n{\"id\":\"2\"}\n");
    let arguments = ["validate", path.to_str().unwrap(), "--events", "-", "--format", "concise"];
    let output = with_stdin(&arguments, &events);
    let lines: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("-:2:1: error[ED5007]"), "{lines:?}");
    assert!(lines[1].starts_with("-:3:7: error[ED5002]"), "{lines:?}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_first_finding_ends_a_stream_that_stays_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.yaml");
    std::fs::write(&path, ORDERS).unwrap();
    let mut child = eddy(&["validate", path.to_str().unwrap(), "--events", "-", "--fail-fast"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"{\"id\":1}\n{\"id\":\"x\"}\n").unwrap();
    stdin.flush().unwrap();
    // Standard input stays open: the command ends all the same.
    assert_eq!(child.wait().unwrap().code(), Some(1));
    drop(stdin);
}
