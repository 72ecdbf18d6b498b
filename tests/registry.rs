//! Payloads framed for a schema registry, against a real one: encoded by `inject`, decoded by `tail`, checked by `validate`.

#![cfg(all(unix, feature = "remote", feature = "protobuf"))]

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::registry::{RegistryServer, shared};
use support::servers::free_port;

const ORDER: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "string"}, {"name": "total", "type": "double"},
    {"name": "note", "type": ["null", "string"], "default": null}]}"#;
const MONEY: &str = "syntax = \"proto3\"; package common; message Money { int64 cents = 1; }";
const PAYMENT: &str = "syntax = \"proto3\"; package shop; import \"common/money.proto\";\n\
    message Refund { string id = 1; } message Payment { string id = 1; common.Money amount = 2; }";
const STOCK: &str = r#"{"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"},
    "count": {"type": "integer"}}}"#;
/// What the contract asks for beyond the registered schemas.
const CONTRACT: &str = "asyncapi: 3.0.0\ninfo: {title: Shop, version: 1.0.0}\nchannels:\n  orders:\n    address: orders\n    \
    messages:\n      Order:\n        payload: {type: object, required: [total], properties: {total: {type: number, maximum: 100}}}\n";

fn run(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.current_dir(directory).args(arguments).stdin(Stdio::null());
    command.output().expect("eddy runs")
}

fn succeeds(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {}\n{error}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// The exit code and what it says.
fn fails(directory: &Path, arguments: &[&str]) -> (i32, String) {
    let output = run(directory, arguments);
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success(), "{arguments:?}: {text}");
    (output.status.code().expect("a code"), text)
}

/// A registry with a subject of each language; their names begin with `prefix`.
fn filled(server: &RegistryServer, prefix: &str) -> (u32, u32, u32) {
    let money = format!("{prefix}-money");
    server.register(&money, "PROTOBUF", MONEY, &[]);
    let payment = [("common/money.proto", money.as_str(), 1)];
    (
        server.register(&format!("{prefix}-orders-value"), "AVRO", ORDER, &[]),
        server.register(&format!("{prefix}-payments-value"), "PROTOBUF", PAYMENT, &payment),
        server.register(&format!("{prefix}-stock-value"), "JSON", STOCK, &[]),
    )
}

#[test]
fn payloads_of_each_language_go_round() {
    let Some(server) = shared() else { return };
    let (order, payment, stock) = filled(server, "round");
    let folder = tempfile::tempdir().expect("a directory");
    let url = server.url();
    for (channel, data, more, expected, schema) in [
        (
            "round-orders",
            r#"{"id":"o-1","total":12.5}"#,
            &[][..],
            r#"{"id":"o-1","total":12.5,"note":null}"#,
            format!("round-orders-value/{order}"),
        ),
        (
            "round-payments",
            r#"{"id":"p-1","amount":{"cents":"1250"}}"#,
            &["--protobuf-message", "shop.Payment"],
            r#"{"id":"p-1","amount":{"cents":1250}}"#,
            format!("round-payments-value/{payment}"),
        ),
        ("round-stock", r#"{"sku":"s"}"#, &[], r#"{"sku":"s"}"#, format!("round-stock-value/{stock}")),
    ] {
        let file = format!("{channel}.ndjson");
        let mut arguments = vec!["inject", &file, "--channel", channel, "--data", data, "--registry", &url];
        arguments.extend(more);
        succeeds(folder.path(), &arguments);
        let tail = |more: &[&str]| {
            let arguments = [&["tail", file.as_str(), "--registry", &url][..], more].concat();
            succeeds(folder.path(), &arguments)
        };
        assert_eq!(
            tail(&["--template", "{payload} {attribute.schema}\\n"]),
            format!("{expected} {schema}\n")
        );
        assert!(tail(&["--format", "line"]).contains(expected));
        let pretty = tail(&[]);
        assert!(pretty.contains(&format!("schema={schema}")) && pretty.contains('{'), "{pretty}");
        let id =
            if channel == "round-stock" { ".payload.sku == \"s\"" } else { ".payload.id | endswith(\"-1\")" };
        assert!(!tail(&["--match", id, "--format", "line"]).is_empty());
        assert!(tail(&["--match", "payload./id=none", "--format", "line"]).is_empty());
        // What is written for programs is what was sent, to the byte.
        let json: serde_json::Value = serde_json::from_str(&tail(&["--format", "json"])).expect("JSON");
        let kept = std::fs::read_to_string(folder.path().join(&file)).expect("the file");
        let kept: serde_json::Value =
            serde_json::from_str(kept.lines().next_back().expect("an event")).expect("JSON");
        assert_eq!((&json["v"], &json["v64"]), (&kept["v"], &kept["v64"]));
    }
}

#[test]
fn what_does_not_fit_is_said_at_its_place() {
    let Some(server) = shared() else { return };
    let (order, ..) = filled(server, "misfit");
    let folder = tempfile::tempdir().expect("a directory");
    let url = server.url();
    let inject = ["inject", "out.ndjson", "--channel", "misfit-orders", "--registry", &url, "--data"];
    let (code, text) = fails(folder.path(), &[&inject[..], &[r#"{"id":"o","total":"much"}"#]].concat());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&format!("does not fit schema misfit-orders-value/{order}")), "{text}");
    assert!(text.contains("at `/total`"), "{text}");
    let none =
        ["inject", "out.ndjson", "--channel", "x", "--registry", &url, "--subject", "none", "--data", "{}"];
    let (code, text) = fails(folder.path(), &none);
    assert!(code == 2 && text.contains("the registry has no subject `none`"), "{text}");
    let unknown = ["inject", "out.ndjson", "--channel", "x", "--registry", &url, "--registry-id", "99999999"];
    let (code, text) = fails(folder.path(), &[&unknown[..], &["--data", "{}"]].concat());
    assert!(code == 2 && text.contains("the registry has no schema 99999999"), "{text}");
}

/// Writes event lines whose payloads are these bytes.
fn write_events(path: &Path, channel: &str, payloads: &[Vec<u8>]) {
    use base64::Engine;
    let line = |payload: &Vec<u8>| {
        let text = base64::prelude::BASE64_STANDARD.encode(payload);
        format!("{{\"src\":\"{channel}\",\"v64\":\"{text}\"}}\n")
    };
    std::fs::write(path, payloads.iter().map(line).collect::<String>()).expect("written");
}

#[test]
fn events_are_checked_by_the_registry_and_by_the_contract() {
    let Some(server) = shared() else { return };
    let (order, ..) = filled(server, "check");
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::write(folder.path().join("shop.yaml"), CONTRACT).expect("written");
    let framed = |id: u32, value: &[u8]| [&[0][..], &id.to_be_bytes(), value].concat();
    let total = |total: f64| {
        let mut value = vec![2, b'o'];
        value.extend(total.to_le_bytes());
        value.push(0);
        framed(order, &value)
    };
    let events = folder.path().join("events.ndjson");
    let check = ["validate", "shop.yaml", "--events", "events.ndjson", "--registry", &server.url()];
    write_events(&events, "orders", &[total(1.0), total(99.0)]);
    succeeds(folder.path(), &check);
    write_events(
        &events,
        "orders",
        &[total(1.0), total(101.0), framed(order, &[2]), framed(99_999_999, &[1])],
    );
    let (code, text) = fails(folder.path(), &check);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("`total`") && text.contains("100"), "{text}");
    assert!(text.contains(&format!("-orders-value/{order}")), "{text}");
    assert!(text.contains("the registry has no schema 99999999"), "{text}");
    // Shown as it is, with the reason.
    let line =
        succeeds(folder.path(), &["tail", "events.ndjson", "--registry", &server.url(), "--format", "line"]);
    let undecoded: Vec<&str> =
        line.lines().filter(|line| line.contains("the payload is not decoded")).collect();
    assert_eq!(undecoded.len(), 2, "{line}");
    assert!(undecoded.iter().any(|line| line.contains("the registry has no schema 99999999")), "{line}");
}

#[test]
fn the_registry_of_the_environment_is_used() {
    let Some(server) = shared() else { return };
    let (order, ..) = filled(server, "workspace");
    let folder = tempfile::tempdir().expect("a directory");
    let root = format!("http://127.0.0.1:{}", server.port);
    let workspace = format!(
        "version: 1\nenvironments:\n  local:\n    registry: {{ url: '{root}', username: me, password: secret }}\n"
    );
    std::fs::write(folder.path().join("eddy.yaml"), workspace).expect("written");
    let subject = ["--subject", "workspace-orders-value", "--data", r#"{"id":"o","total":1}"#];
    succeeds(folder.path(), &[&["inject", "out.ndjson", "--channel", "x"][..], &subject].concat());
    let shown = succeeds(
        folder.path(),
        &["tail", "out.ndjson", "--template", "{payload./total} {attribute.schema}\\n"],
    );
    assert!(shown.starts_with("1.0 ") && shown.ends_with(&format!("-orders-value/{order}\n")), "{shown}");
}

#[test]
fn a_registry_that_is_none_or_away_is_named() {
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::write(folder.path().join("events.ndjson"), "").expect("written");
    let away = format!("http://me:s3cret@127.0.0.1:{}", free_port());
    let (code, text) = fails(folder.path(), &["tail", "events.ndjson", "--registry", &away]);
    assert!(code == 3 && text.contains("cannot ask the schema registry") && text.contains("help:"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    let (code, text) = fails(folder.path(), &["tail", "events.ndjson", "--registry", "localhost:8081"]);
    assert!(code == 2 && text.contains("by http or https"), "{text}");
    let no_file = "https://127.0.0.1:1?ca=none.pem";
    let (code, text) = fails(folder.path(), &["tail", "events.ndjson", "--registry", no_file]);
    assert!(code == 2 && text.contains("cannot use the certificates in `none.pem`"), "{text}");
    let (other, _asked) = answering("HTTP/1.1 406 Not Acceptable\r\n".to_owned());
    let other = format!("http://127.0.0.1:{other}");
    let (code, text) = fails(folder.path(), &["tail", "events.ndjson", "--registry", &other]);
    assert!(code == 2 && text.contains("is no schema registry") && text.contains("406"), "{text}");
    let (busy, _asked) = answering("HTTP/1.1 503 Service Unavailable\r\n".to_owned());
    let busy = format!("http://127.0.0.1:{busy}");
    let (code, text) = fails(folder.path(), &["tail", "events.ndjson", "--registry", &busy]);
    assert!(code == 3 && text.contains("try again"), "{text}");
    let Some(server) = shared() else { return };
    let elsewhere = format!("http://127.0.0.1:{}/nothing/here", server.port);
    let (code, text) = fails(folder.path(), &["tail", "events.ndjson", "--registry", &elsewhere]);
    assert!(code == 2 && text.contains("is no schema registry"), "{text}");
}

#[test]
fn a_compressed_payload_is_unpacked_before_its_frame() {
    let Some(server) = shared() else { return };
    let (order, ..) = filled(server, "packed");
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::write(folder.path().join("shop.yaml"), CONTRACT).expect("written");
    let mut value = [&[0][..], &order.to_be_bytes(), &[6], b"o-1"].concat();
    value.extend(101_f64.to_le_bytes());
    value.push(0);
    let packed = zstd::encode_all(value.as_slice(), 1).expect("packed");
    write_events(&folder.path().join("events.ndjson"), "orders", &[packed]);
    let url = server.url();
    let tail = ["tail", "events.ndjson", "--registry", &url, "--match", "payload./total=101.0"];
    let pretty = succeeds(folder.path(), &tail);
    assert!(pretty.contains("\"id\": \"o-1\"") && pretty.contains("unpacked=zstd"), "{pretty}");
    let check = ["validate", "shop.yaml", "--events", "events.ndjson", "--registry", &url];
    let (code, text) = fails(folder.path(), &check);
    assert!(code == 1 && text.contains("`total`") && text.contains("100"), "{text}");
}

/// A registry that answers from a table by path, and otherwise that it has no such schema.
fn registry_of(answers: Vec<(String, String)>) -> u16 {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let lines = BufReader::new(stream.try_clone().expect("a stream")).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let asked = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
            let found = answers.iter().find(|(path, _)| path == asked);
            let none = ("404 Not Found", r#"{"error_code":40403,"message":"Schema not found"}"#);
            let (status, body) = found.map_or(none, |(_, body)| ("200 OK", body.as_str()));
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
    port
}

#[test]
fn a_schema_is_found_by_the_guid_in_a_header() {
    use base64::Engine;
    let guid = "89550d4f-8b42-4f14-9e1f-7d1a0c0b0a09";
    let schema = serde_json::json!({"schema": ORDER, "guid": guid}).to_string();
    let port = registry_of(vec![
        ("/schemas/types".to_owned(), "[\"AVRO\"]".to_owned()),
        (format!("/schemas/guids/{guid}"), schema),
        (format!("/schemas/guids/{guid}/ids"), r#"[{"context":".","id":7}]"#.to_owned()),
    ]);
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::write(folder.path().join("shop.yaml"), CONTRACT).expect("written");
    let encode = |bytes: &[u8]| base64::prelude::BASE64_STANDARD.encode(bytes);
    let line = |guid: &str| {
        let guid: uuid::Uuid = guid.parse().expect("a GUID");
        let header = encode(&[&[1][..], guid.as_bytes()].concat());
        let mut value = vec![2, b'o'];
        value.extend(101_f64.to_le_bytes());
        value.push(0);
        let value = encode(&value);
        format!(
            "{{\"src\":\"orders\",\"h\":[[\"__value_schema_id\",{{\"b64\":\"{header}\"}}]],\"v64\":\"{value}\"}}\n"
        )
    };
    let other = "00000000-0000-4000-8000-000000000001";
    std::fs::write(folder.path().join("events.ndjson"), line(guid) + &line(other)).expect("written");
    let url = format!("http://127.0.0.1:{port}");
    let tail = ["tail", "events.ndjson", "--registry", &url, "--format", "line"];
    let shown = succeeds(folder.path(), &tail);
    assert!(shown.contains(r#"{"id":"o","total":101.0,"note":null}"#), "{shown}");
    assert!(shown.contains(&format!("not decoded: the registry has no schema {other}")), "{shown}");
    let check = ["validate", "shop.yaml", "--events", "events.ndjson", "--registry", &url];
    let (code, text) = fails(folder.path(), &check);
    assert!(code == 1 && text.contains("`total`") && text.contains("ED5005"), "{text}");
}

/// Answers every request with these lines, on a thread of its own; what it was asked is handed on.
fn answering(head: String) -> (u16, std::sync::mpsc::Receiver<String>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (told, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).unwrap_or_default();
            let _ = told.send(String::from_utf8_lossy(&bytes[..read]).into_owned());
            let _ =
                stream.write_all(format!("{head}content-length: 0\r\nconnection: close\r\n\r\n").as_bytes());
        }
    });
    (port, asked)
}

#[test]
fn who_we_are_is_told_to_the_registry_alone() {
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::write(folder.path().join("events.ndjson"), "").expect("written");
    let (port, asked) = answering("HTTP/1.1 401 Unauthorized\r\n".to_owned());
    for (url, expected) in [
        (format!("http://me:right@127.0.0.1:{port}"), "authorization: Basic bWU6cmlnaHQ="),
        (format!("http://127.0.0.1:{port}?token=s3cret"), "authorization: Bearer s3cret"),
    ] {
        let (code, text) = fails(folder.path(), &["tail", "events.ndjson", "--registry", &url]);
        assert!(code == 3 && text.contains("does not let us in (401"), "{text}");
        assert!(!text.contains("s3cret") && !text.contains("right"), "{text}");
        let request = asked.recv().expect("a request");
        assert!(request.contains(expected), "{request}");
    }
    let (other, asked_other) = answering("HTTP/1.1 200 OK\r\n".to_owned());
    let moved = format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{other}/schemas/types\r\n");
    let (port, _asked) = answering(moved);
    let url = format!("http://me:right@127.0.0.1:{port}");
    let (code, text) = fails(folder.path(), &["tail", "events.ndjson", "--registry", &url]);
    assert!(code == 3 && text.contains("it redirects to another server"), "{text}");
    assert!(asked_other.try_recv().is_err(), "the other server was asked");
}

#[test]
fn flags_that_need_a_registry_say_so() {
    let folder = tempfile::tempdir().expect("a directory");
    let inject = ["inject", "out.ndjson", "--channel", "x", "--data", "{}"];
    let (code, text) = fails(folder.path(), &[&inject[..], &["--subject", "x-value"]].concat());
    assert!(code == 2 && text.contains("there is no schema registry to encode by"), "{text}");
    let (code, text) = fails(folder.path(), &[&inject[..], &["--protobuf-message", "shop.Order"]].concat());
    assert!(code == 2 && text.contains("is for payloads encoded by a registry"), "{text}");
}

/// A web server of OpenSSL with a certificate; it ends with the test.
struct Encrypted(std::process::Child);

impl Drop for Encrypted {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_registry_is_trusted_by_its_certificate() {
    let Some(certificates) = support::certificates::Certificates::make() else { return };
    let port = free_port();
    let mut command = Command::new("openssl");
    command.args(["s_server", "-quiet", "-www", "-accept", &format!("127.0.0.1:{port}"), "-cert"]);
    command.arg(certificates.path("server.pem")).arg("-key").arg(certificates.path("server.key"));
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let _server = Encrypted(started.expect("openssl starts"));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(std::time::Instant::now() < deadline, "openssl does not accept");
        std::thread::yield_now();
    }
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::write(folder.path().join("events.ndjson"), "").expect("written");
    let ask = |ca: &str| {
        let ca = certificates.path(ca).display().to_string();
        let url = format!("https://127.0.0.1:{port}?ca={ca}");
        fails(folder.path(), &["tail", "events.ndjson", "--registry", &url])
    };
    let (code, text) = ask("stranger.pem");
    assert!(code == 3 && text.contains("invalid peer certificate") && text.contains("`?ca=FILE`"), "{text}");
    // What answers is no registry, and it was let to answer.
    let (code, text) = ask("authority.pem");
    assert!(code == 2 && text.contains("it does not answer in JSON"), "{text}");
}

#[test]
fn keys_are_encoded_when_asked_to() {
    let Some(server) = shared() else { return };
    let text = server.register(
        "keyed-key",
        "JSON",
        r#"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "string"}"#,
        &[],
    );
    let record = r#"{"type": "record", "name": "K", "fields": [{"name": "id", "type": "long"}]}"#;
    let record = server.register("keyed-record", "AVRO", record, &[]);
    server.register(
        "keyed-value",
        "JSON",
        r#"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}"#,
        &[],
    );
    let folder = tempfile::tempdir().expect("a directory");
    let url = server.url();
    let base = ["inject", "out.ndjson", "--channel", "keyed", "--data", "{}", "--registry", &url];
    succeeds(folder.path(), &[&base[..], &["--key", "customer-3", "--key-subject", "keyed-key"]].concat());
    let number = record.to_string();
    let by_number = ["--key", r#"{"id": 7}"#, "--key-registry-id", &number];
    succeeds(folder.path(), &[&base[..], &by_number].concat());
    succeeds(folder.path(), &[&base[..], &["--key", "customer-4"]].concat());
    let template =
        ["tail", "out.ndjson", "--registry", &url, "--template", "{key} {attribute.key_schema}\\n"];
    let shown = succeeds(folder.path(), &template);
    let expected =
        format!("\"customer-3\" keyed-key/{text}\n{{\"id\":7}} keyed-record/{record}\ncustomer-4 \n");
    assert_eq!(shown, expected);
    let misfit = ["--key", "7", "--key-subject", "keyed-key"];
    let (code, text) = fails(folder.path(), &[&base[..], &misfit].concat());
    assert!(code == 1 && text.contains("the key of event 1 does not fit schema keyed-key/"), "{text}");
}

#[cfg(feature = "kafka")]
#[test]
fn events_go_round_through_kafka() {
    let (Some(server), Some(kafka)) = (shared(), support::kafka::shared()) else { return };
    let (order, ..) = filled(server, "kafka");
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::write(folder.path().join("shop.yaml"), CONTRACT.replace("orders", "kafka-orders"))
        .expect("written");
    let (url, topic) = (server.url(), format!("kafka://127.0.0.1:{}/kafka-orders", kafka.port));
    let lines: String = (1..=50).map(|n| format!("{{\"id\":\"o-{n}\",\"total\":{n}}}\n")).collect();
    std::fs::write(folder.path().join("orders.jsonl"), lines).expect("written");
    let target = format!("{topic}?create");
    let inject = ["inject", &target, "orders.jsonl", "--each-line", "--key", "k", "--registry", &url];
    succeeds(folder.path(), &inject);
    let tail = ["tail", &topic, "--from", "start", "--registry", &url, "--match", ".payload.total > 48"];
    let shown = succeeds(
        folder.path(),
        &[&tail[..], &["--template", "{key} {payload./id} {attribute.schema}\\n"]].concat(),
    );
    assert_eq!(shown, format!("k o-49 kafka-orders-value/{order}\nk o-50 kafka-orders-value/{order}\n"));
    let check = ["validate", "shop.yaml", "--events", &topic, "-n", "50", "--registry", &url];
    succeeds(folder.path(), &check);
}

#[test]
fn doctor_asks_the_registries_of_the_workspace_too() {
    let folder = tempfile::tempdir().expect("a directory");
    let (closed, _asked) = answering("HTTP/1.1 401 Unauthorized\r\n".to_owned());
    let open = registry_of(vec![("/schemas/types".to_owned(), "[\"AVRO\"]".to_owned())]);
    let environment = |name: &str, port: u16| {
        format!("  {name}:\n    servers: {{}}\n    registry: {{ url: 'http://127.0.0.1:{port}' }}\n")
    };
    let text = format!(
        "version: 1\nenvironments:\n{}{}  later:\n    servers: {{}}\n    registry: {{ url: 'http://127.0.0.1:1', token: '${{NOT_SET_AT_ALL}}' }}\n",
        environment("good", open),
        environment("closed", closed),
    );
    std::fs::write(folder.path().join("eddy.yaml"), text).expect("written");
    let (code, told) = fails(folder.path(), &["doctor", "--env", "closed"]);
    assert!(code == 3 && told.contains("closed/schema registry"), "{told}");
    let (code, told) = fails(folder.path(), &["doctor", "--env", "later"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("later/schema registry") && told.contains("NOT_SET_AT_ALL"), "{told}");
    let told = succeeds(folder.path(), &["doctor", "--env", "good", "--format", "json"]);
    assert!(told.contains("\"authorised\": true"), "{told}");
    assert!(told.contains("\"address\": \"http://127.0.0.1:"), "{told}");
    assert!(!told.contains("good/schema registry"), "nothing is wrong with it: {told}");
}
