//! No secret shows: not in what commands say, not in what they write.

mod support;

use std::io::Read;
use std::path::Path;
use std::process::{Command, Output};

use support::servers::{free_port, mosquitto_with_password};

/// The secrets of this test; `right` is the one the server knows and is too common a word to look for.
const SECRETS: [&str; 7] = [
    "s3cret-variable",
    "s3cret-file",
    "s3cret-command",
    "s3cret-text",
    "s3cret-url",
    "s3cret-header",
    "s3cret-bearer",
];

struct Workplace {
    directory: tempfile::TempDir,
    said: Vec<(String, String)>,
}

impl Workplace {
    fn run(&mut self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
        command.args(arguments).current_dir(self.directory.path());
        command.env_remove("EDDY_ENV").env("SHOP_SECRET", "s3cret-variable").env("SHOP_RIGHT", "right");
        let output = command.output().expect("it runs");
        for stream in [&output.stdout, &output.stderr] {
            self.said.push((
                format!("eddy {}", arguments.join(" ")),
                String::from_utf8_lossy(stream).into_owned(),
            ));
        }
        output
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).expect("written");
    }
}

fn contents(path: &Path) -> String {
    let bytes = std::fs::read(path).expect("readable");
    let mut plain = Vec::new();
    let unpacked =
        zstd::Decoder::new(bytes.as_slice()).and_then(|mut decoder| decoder.read_to_end(&mut plain));
    String::from_utf8_lossy(if unpacked.is_ok() { &plain } else { &bytes }).into_owned()
}

fn workspace(port: u16, password: &str) -> String {
    format!(
        "version: 1\ncontracts: [asyncapi.yaml]\nenvironments:\n  shop:\n    default: true\n    servers:\n      \
         main: mqtt://127.0.0.1:{port}\n      away: mqtt://u:s3cret-url@127.0.0.1:{}\n      \
         own: {{ url: 'mqtt://127.0.0.1:{port}', auth: {{ headers: {{ Authorization: s3cret-header }} }} }}\n    \
         auth: {{ username: tester, password: {password} }}\n",
        free_port()
    )
}

const DOCUMENT: &str = "asyncapi: 3.0.0\ninfo: { title: Shop, version: 1.0.0 }\nchannels:\n  orders:\n    \
    address: orders\n    messages: { order: { payload: { type: object } } }\noperations:\n  send:\n    \
    action: send\n    channel: { $ref: '#/channels/orders' }\n";

/// Looks through all that was said and all that was written.
fn assert_no_secret(place: &Workplace) {
    for (command, text) in &place.said {
        for secret in SECRETS {
            assert!(!text.contains(secret), "`{command}` shows `{secret}`:\n{text}");
        }
    }
    let beside = place.directory.path().join(".eddy");
    let places = [Some(place.directory.path()), Some(beside.as_path()).filter(|path| path.exists())];
    let entries =
        places.into_iter().flatten().flat_map(|path| std::fs::read_dir(path).expect("readable").flatten());
    for entry in entries.filter(|entry| entry.path().is_file()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !["eddy.yaml", "password.txt"].contains(&name.as_str()) {
            let text = contents(&entry.path());
            assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{name} holds a secret");
        }
    }
}

/// The values of headers are kept out of the audit file as well.
fn replay_with_secret_header(place: &mut Workplace) {
    let header = "authorization=Bearer s3cret-bearer";
    place.write("one-event.ndjson", "{\"n\":1,\"t\":1,\"src\":\"orders\",\"v\":\"{}\"}\n");
    let output = place.run(&[
        "replay",
        "one-event.ndjson",
        "--to",
        "orders",
        "--header",
        header,
        "-v",
        "--format",
        "json",
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let audit = contents(&place.directory.path().join(".eddy/audit.ndjson"));
    assert!(audit.lines().count() == 2 && audit.contains("authorization=***"), "{audit}");
}

#[test]
fn no_secret_is_shown_or_written() {
    let Some(server) = mosquitto_with_password() else { return };
    let mut place = Workplace { directory: tempfile::tempdir().expect("a directory"), said: Vec::new() };
    place.write("asyncapi.yaml", DOCUMENT);
    place.write("password.txt", "s3cret-file\n");
    let url = format!("mqtt://127.0.0.1:{}", server.port);
    place.write("eddy.yaml", &workspace(server.port, "'${SHOP_RIGHT}'"));
    for arguments in [
        &["inject", "orders", "--data", "{}", "-v"][..],
        &["inject", &format!("{url}/orders"), "--data", "{}", "-v", "--format", "json"],
        &["record", "orders", "--output", "one.eddy.ndjson.zst", "--for", "300ms", "-v"],
        &["inject", "orders", "./events.ndjson", "--events", "-v"],
        &["graph", "-v"],
        &["validate", "eddy.yaml", "-v"],
    ] {
        if arguments[1] == "orders" && arguments[2] == "./events.ndjson" {
            place.write("events.ndjson", "{\"n\":1,\"t\":1,\"src\":\"orders\",\"v\":{}}\n");
        }
        let output = place.run(arguments);
        assert!(matches!(output.status.code(), Some(0..=2)), "{arguments:?}: {output:?}");
    }
    assert!(place.run(&["inject", "orders", "--data", "{}"]).status.success(), "the variable lets us in");
    place.run(&["replay", "one.eddy.ndjson.zst", "--to", "orders", "--dry-run", "-v"]);
    replay_with_secret_header(&mut place);
    for password in [
        "'${SHOP_SECRET}'",
        "s3cret-text",
        "{ file: password.txt }",
        "{ command: [printf, s3cret-command] }",
        "{ command: 'sh -c \"printf s3cret-command; exit 7\"' }",
        "{ file: missing.txt }",
        "'s3cret-text${'",
        "'s3cret-text${NOT_SET_ANYWHERE}'",
        "[s3cret-text]",
        "{ fiel: s3cret-text }",
        "s3cret-text, pasword: s3cret-text",
    ] {
        place.write("eddy.yaml", &workspace(server.port, password));
        for arguments in [
            &["inject", "orders", "--data", "{}", "-v"][..],
            &[
                "inject",
                &format!("mqtt://u:s3cret-url@127.0.0.1:{}/orders?qsо=1&pass=s3cret-url", server.port),
                "--data",
                "{}",
            ],
            &["tail", "orders", "-n", "1", "-v", "--connect-timeout", "100ms"],
            &["doctor", "-v"],
            &["doctor", "--format", "json"],
            &["doctor", &url, "-v"],
            &["validate", "eddy.yaml", "-v"],
            &["graph"],
        ] {
            let output = place.run(arguments);
            assert!(
                output.status.code().is_some_and(|code| code != 4),
                "{password} {arguments:?}: {output:?}"
            );
        }
    }
    assert_no_secret(&place);
}

#[test]
fn each_way_to_a_value_lets_us_in() {
    let Some(server) = mosquitto_with_password() else { return };
    let mut place = Workplace { directory: tempfile::tempdir().expect("a directory"), said: Vec::new() };
    place.write("asyncapi.yaml", DOCUMENT);
    place.write("password.txt", "right\n");
    for password in [
        "right",
        "'${SHOP_RIGHT}'",
        "{ file: password.txt }",
        "{ command: cat password.txt }",
        "{ command: [printf, '${SHOP_RIGHT}'] }",
    ] {
        place.write(
            "eddy.yaml",
            &workspace(server.port, password)
                .replace(", auth: { headers: { Authorization: s3cret-header } }", ""),
        );
        let output = place.run(&["inject", "orders", "--data", "{}"]);
        assert!(output.status.success(), "{password}: {output:?}");
    }
    // A command that must not run: nothing is opened.
    let touching = "{ command: [touch, was-run] }";
    place.write("eddy.yaml", &workspace(server.port, touching));
    place.run(&["validate", "eddy.yaml"]);
    place.run(&["graph"]);
    assert!(!place.directory.path().join("was-run").exists(), "nothing was opened, so nothing may run");
    let output = place.run(&["inject", "orders", "--data", "{}"]);
    assert!(place.directory.path().join("was-run").exists());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("`auth.password` of environment `shop`") && said.contains("printed nothing"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(2), "{said}");
}

#[test]
fn a_setting_of_no_use_names_its_environment_and_key() {
    let mut place = Workplace { directory: tempfile::tempdir().expect("a directory"), said: Vec::new() };
    place.write("asyncapi.yaml", DOCUMENT);
    place.write("eddy.yaml", "version: 1\ncontracts: [asyncapi.yaml]\nenvironments:\n  shop: { servers: { main: 'mqtt://127.0.0.1:1' }, auth: { sasl: plain } }\n");
    let output = place.run(&["inject", "orders", "--data", "{}"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("`auth.sasl` of environment `shop` is of no use to `mqtt://127.0.0.1:1/orders`"),
        "{said}"
    );
    assert!(said.contains("servers.NAME.auth"), "{said}");
    assert_eq!(output.status.code(), Some(2), "{said}");
}

#[test]
fn an_address_with_a_slip_shows_nothing_of_its_password() {
    let mut place = Workplace { directory: tempfile::tempdir().expect("a directory"), said: Vec::new() };
    place.write("events.ndjson", "{\"n\":1,\"t\":1,\"src\":\"orders\",\"v\":\"{}\"}\n");
    place.write("asyncapi.yaml", DOCUMENT);
    for address in [
        "user:s3cret-url@h:4222",
        "redis//user:s3cret-url@h/x",
        "nats:://user:s3cret-url@h/x",
        "//user:s3cret-url@h",
        "nats:/user:s3cret-url@h",
        "user:more:s3cret-url@h/x",
        "redis://user:p@ss/s3cret-url@127.0.0.1/x",
        "redis://user:s3cret-url@ss/w@127.0.0.1/x",
    ] {
        for arguments in [
            &["doctor", address][..],
            &["doctor", address, "--format", "json"],
            &["validate", "asyncapi.yaml", "--events", address],
            &["validate", "asyncapi.yaml", "--events", address, "--format", "json"],
            &["archive", "cat", address],
            &["archive", "info", address],
            &["graph", "--observe", address],
            &["tail", address, "-v"],
            &["record", address, "--output", "x.eddy.ndjson.zst"],
            &["inject", address, "--data", "{}"],
            &["inject", "memory:x", address, "--events"],
            &["replay", "events.ndjson", "--to", address],
            &["replay", address, "--to", "memory:x"],
            &["redrive", address, "--dry-run"],
            &["new", address],
            &["fmt", address],
            &["paths", address],
            &["tail", "memory:x", "--not-there", address],
            &["doctor", "--timeout", address],
            &["completions", address],
            &[address],
        ] {
            // As a path it lies in the root of the machine, which is no place for a test to write to.
            if address.starts_with("//") && ["inject", "--to"].iter().any(|word| arguments.contains(word)) {
                continue;
            }
            let output = place.run(arguments);
            assert!(output.status.code().is_some_and(|code| code != 4), "{arguments:?}: {output:?}");
        }
    }
    assert_no_secret(&place);
}

#[test]
fn a_value_with_a_quote_in_it_is_not_half_shown() {
    let mut place = Workplace { directory: tempfile::tempdir().expect("a directory"), said: Vec::new() };
    place.write("asyncapi.yaml", DOCUMENT);
    for auth in [
        r#"{ password: "ab\"s3cret-text", sasl: foo }"#,
        "{ password: 'ab''s3cret-text', sasl: foo }",
        r#"{ password: { command: [sh, "-c", "echo \"] s3cret-text"] }, sasl: foo }"#,
        r#"{ headers: { Authorization: "a\"s3cret-text" }, sasl: foo }"#,
        r#"{ password: "ab\qs3cret-text" }"#,
        r#"{ password: "ab" s3cret-text }"#,
        "s3cret-text",
    ] {
        let text = format!(
            "version: 1\ncontracts: [asyncapi.yaml]\nenvironments:\n  shop:\n    servers: {{ main: 'mqtt://127.0.0.1:1' }}\n    auth: {auth}\n"
        );
        place.write("eddy.yaml", &text);
        let output = place.run(&["inject", "orders", "--data", "{}"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{auth}: {said}");
        assert!(!said.contains("struct"), "{said}");
    }
    assert_no_secret(&place);
}
