//! HTTP with what others wrote: the events of the CloudEvents project, and its Python package as sender and receiver.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use eddy::endpoint::SourceOptions;
use eddy::event::cloud_event::{CloudEvent, without_prefix};
use eddy::event::{Event, Header};
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::conformance::{collect, sink, source};

/// The folder of the CloudEvents corpora, when it is there; they are no part of this project.
fn corpora() -> Option<PathBuf> {
    let named = std::env::var_os("EDDY_CORPORA").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"));
    let folder = folder.join("cloudevents");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("EDDY_REQUIRE_CORPORA").is_none_or(|value| value != "1"),
        "EDDY_REQUIRE_CORPORA=1, and there is no {}",
        folder.display()
    );
    eprintln!("NOTHING CHECKED: no corpora at {}; name them by EDDY_CORPORA", folder.display());
    None
}

/// Sends one event to a receiver and reads it there; the answer comes with the closing.
async fn through(event: &Event, sender_options: &str, receiver_options: &str) -> Event {
    let listening = format!("http://127.0.0.1:0{receiver_options}");
    let mut receiver = source(&listening, SourceOptions::default()).await;
    let mut sender = sink(&format!("{}{sender_options}", receiver.listens_at().expect("listens"))).await;
    let receipts = sender.send(std::slice::from_ref(event)).await;
    let got = collect(&mut receiver, 1).await.remove(0);
    receiver.close().await.expect("a clean close");
    let deliveries = receipts.await;
    assert!(deliveries[0].outcome.is_ok(), "{:?}", deliveries[0]);
    got
}

/// Attributes as text, by name, and the data.
fn meaning(event: &CloudEvent) -> (std::collections::BTreeMap<String, String>, Option<Vec<u8>>) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let attributes = event.attributes.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    (attributes, event.data.as_ref().map(|data| data.to_vec()))
}

fn read_binary(event: &Event) -> CloudEvent {
    CloudEvent::from_headers(event, "ce-").unwrap_or_else(|error| panic!("{error}: {event:?}")).0
}

#[tokio::test]
async fn events_of_others_keep_their_meaning_in_every_mode() {
    let Some(folder) = corpora() else { return };
    let folder = folder.join("sdk-java/json-jackson/src/test/resources/v1");
    let (mut valid, mut invalid) = (0, 0);
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let text = std::fs::read(entry.path()).expect("readable");
        // Decimal numbers, whole numbers beyond 32 bits, and names that are not of a to z and 0 to 9.
        let is_wrong = name.starts_with("fail_") || name.contains("_invalid") || name.contains("_upper_case");
        let original = CloudEvent::from_json(&text);
        assert_eq!(original.is_err(), is_wrong, "{name}: {original:?}");
        let Ok(original) = original else {
            invalid += 1;
            continue;
        };
        valid += 1;
        let event = Event::new("c", text.clone());
        let as_it_is = through(&event, "", "").await;
        assert_eq!(as_it_is.payload.as_deref(), Some(&text[..]), "{name}: byte for byte");
        let mut structured = meaning(&original);
        for (sender, receiver) in [("#mode=structured", ""), ("#mode=batch", "")] {
            let got = through(&event, sender, receiver).await;
            let got = CloudEvent::from_json(got.payload.as_deref().expect("a payload")).expect(&name);
            assert_eq!(meaning(&got), structured, "{name} {sender}");
        }
        // Among headers, data without a content type says that it is JSON, and no data is empty data.
        if structured.1.is_some() {
            structured.0.entry("datacontenttype".to_owned()).or_insert_with(|| "application/json".to_owned());
        }
        structured.1.get_or_insert_default();
        let got = read_binary(&through(&event, "#mode=binary", "").await);
        assert_eq!(meaning(&got), structured, "{name} binary");
    }
    assert!(valid >= 10 && invalid >= 3, "{valid} valid, {invalid} invalid");
}

/// The requests of the scenarios of a feature file: the request and the attributes it has.
fn scenarios(feature: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    for scenario in feature.split("Scenario Outline:").skip(1) {
        let mut blocks = scenario.split("\"\"\"");
        let request = blocks.nth(1).expect("a request").trim_start_matches('\n');
        let indent = request.len() - request.trim_start().len();
        let lines = request.trim_end().lines().map(|line| line.get(indent..).unwrap_or_default());
        let request = lines.collect::<Vec<_>>().join("\n");
        let cells = |line: &str| -> Vec<String> {
            line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
        };
        let table = blocks.next().expect("a table").lines().filter(|line| line.trim().starts_with('|'));
        let rows: Vec<Vec<String>> = table.skip(1).map(cells).collect();
        let examples = scenario.split("Examples:").nth(1).expect("examples");
        for example in examples.lines().filter(|line| line.trim().starts_with('|')).skip(1) {
            let content_type = cells(example).remove(0);
            let filled = |text: &str| text.replace("<contentType>", &content_type);
            let attributes = rows.iter().map(|row| (row[0].clone(), filled(&row[1]))).collect();
            found.push((filled(&request), attributes));
        }
    }
    found
}

#[tokio::test]
async fn the_scenarios_of_the_http_binding_hold() {
    let Some(folder) = corpora() else { return };
    let feature = std::fs::read_to_string(folder.join("conformance/features/http-protocol-binding.feature"));
    let scenarios = scenarios(&feature.expect("a feature"));
    assert_eq!(scenarios.len(), 4);
    for (request, attributes) in scenarios {
        let mut receiver = source("http://127.0.0.1:0#mode=binary", SourceOptions::default()).await;
        let place = receiver.listens_at().expect("listens");
        let mut stream =
            tokio::net::TcpStream::connect(place.trim_start_matches("http://")).await.expect("there");
        let (head, body) = request.split_once("\n\n").expect("a body");
        let wire = format!("{}\r\n\r\n{body}", head.replace('\n', "\r\n"));
        stream.write_all(wire.as_bytes()).await.expect("written");
        let got = collect(&mut receiver, 1).await.remove(0);
        receiver.close().await.expect("a clean close");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("readable");
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
        assert_eq!(got.attributes["path"], "/someresource");
        let (found, data) = meaning(&read_binary(&got));
        assert_eq!(found, attributes.into_iter().collect(), "{request}");
        let data: Value = serde_json::from_slice(&data.expect("data")).expect("JSON");
        assert_eq!(data, serde_json::json!({"message": "Hello World!"}));
    }
}

/// An event of the YAML corpus as Kafka writes CloudEvents in binary mode.
fn kafka_event(document: &Value) -> Event {
    let mut event = Event::new("c", document["Data"].as_str().unwrap_or_default().to_owned());
    let mut attributes: Map<String, Value> =
        document["ContextAttributes"].as_object().expect("attributes").clone();
    let extensions = attributes.remove("Extensions");
    attributes.extend(extensions.as_ref().and_then(Value::as_object).cloned().unwrap_or_default());
    for (name, value) in attributes {
        let value = value.as_str().map_or_else(|| format!("{value:.1}"), str::to_owned);
        let name = if name == "datacontenttype" { "content-type".to_owned() } else { format!("ce_{name}") };
        event.headers.push(Header::text(name, value));
    }
    event
}

#[tokio::test]
async fn events_written_for_kafka_arrive_over_http() {
    let Some(folder) = corpora() else { return };
    let mut count = 0;
    for file in ["v1.0/v1_minimum.yaml", "v1.yaml"] {
        let text = std::fs::read_to_string(folder.join("conformance/yaml").join(file)).expect("readable");
        for document in serde_yaml::Deserializer::from_str(&text) {
            let document: Value = serde::Deserialize::deserialize(document).expect("YAML");
            if document.is_null() {
                continue;
            }
            let event = kafka_event(&document);
            let (original, _) = CloudEvent::from_headers(&event, "ce_").expect("well formed");
            for (sender, receiver) in
                [("", ""), ("#mode=structured", "#mode=binary"), ("#mode=batch", "#mode=binary")]
            {
                let got = through(&event, sender, receiver).await;
                assert_eq!(meaning(&read_binary(&got)), meaning(&original), "{file} {sender}");
                assert!(got.headers.iter().all(|header| without_prefix(&header.name, "ce_").is_none()));
            }
            count += 1;
        }
    }
    assert!(count >= 8, "{count} events");
}

/// Python with the package `cloudevents`; `None` where it is not installed.
fn python() -> Option<Command> {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/eddy"));
    let cache = std::env::var_os("EDDY_CACHE").map(PathBuf::from).or(home).unwrap_or_default();
    let python = || {
        let mut python = Command::new("python3");
        python.env("PYTHONPATH", cache.join("python")).stdin(Stdio::null()).stderr(Stdio::inherit());
        python
    };
    let found = python().args(["-c", "import cloudevents.core.bindings.http"]).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Some(python());
    }
    let words = "the Python package `cloudevents` is not installed: run scripts/install-test-servers";
    assert!(std::env::var_os("EDDY_REQUIRE_SERVERS").is_none_or(|value| value != "1"), "{words}");
    eprintln!("SKIPPED: {words}");
    None
}

/// The peer's program, ended on drop.
struct Peer(Child, BufReader<ChildStdout>);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn peer(arguments: &[&str]) -> Option<Peer> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/endpoint/cloudevents_peer.py");
    let mut python = python()?;
    let mut child = python.arg(script).args(arguments).stdout(Stdio::piped()).spawn().expect("python runs");
    let output = child.stdout.take().expect("its output");
    Some(Peer(child, BufReader::new(output)))
}

fn line(peer: &mut Peer) -> String {
    let mut line = String::new();
    peer.1.read_line(&mut line).expect("readable");
    line.trim_end().to_owned()
}

fn unusual() -> Event {
    let mut event = Event::new("shop/orders", "{\"name\": \"Müller \\u20ac\"}");
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_id", "ü-1"),
        ("ce_source", "/shop"),
        ("ce_type", "order.placed"),
        ("ce_subject", "50% \"Euro €\""),
        ("ce_time", "2026-11-01T00:00:00.123456Z"),
        ("content-type", "application/json"),
    ] {
        event.headers.push(Header::text(name, value));
    }
    event.key = Some("customer 7".into());
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_package_understands_what_we_send() {
    let Some(mut peer) = peer(&["receive"]) else { return };
    let port = line(&mut peer);
    for mode in ["binary", "structured"] {
        let mut sender = sink(&format!("http://127.0.0.1:{port}/hooks#mode={mode}")).await;
        let wrapped = Event { key: Some("k".into()), ..Event::new("plain", "no JSON") };
        let deliveries = sender.send(&[unusual(), wrapped]).await.await;
        assert!(deliveries.iter().all(|delivery| delivery.outcome.is_ok()), "{deliveries:?}");
        let (mut ours, mut plain) = (Value::Null, Value::Null);
        for _ in 0..2 {
            let got: Value = serde_json::from_str(&line(&mut peer)).expect("JSON");
            let is_ours = got["attributes"]["source"] == "/shop";
            *(if is_ours { &mut ours } else { &mut plain }) = got;
        }
        let attributes = &ours["attributes"];
        assert_eq!(attributes["id"], "ü-1", "{mode}");
        assert_eq!(attributes["subject"], "50% \"Euro €\"", "{mode}");
        assert_eq!(attributes["partitionkey"], "customer 7", "{mode}");
        assert_eq!(attributes["time"], "2026-11-01T00:00:00.123456+00:00", "{mode}");
        assert_eq!(ours["data"], serde_json::json!({"name": "Müller €"}), "{mode}");
        assert_eq!(plain["attributes"]["type"], "plain", "{mode}");
        assert_eq!(plain["data"], "no JSON", "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn we_understand_what_the_python_package_sends() {
    let mut receiver = source("http://127.0.0.1:0/hooks#mode=binary", SourceOptions::default()).await;
    let Some(mut peer) = peer(&["send", &receiver.listens_at().expect("listens")]) else { return };
    let mut got = Vec::new();
    let reading = async {
        while got.len() < 2 {
            got.extend(receiver.next_batch(10).await.expect("a batch"));
        }
        receiver.close().await.expect("a clean close");
    };
    tokio::time::timeout(Duration::from_secs(30), reading).await.expect("in time");
    assert_eq!((line(&mut peer), line(&mut peer)), ("204".to_owned(), "204".to_owned()));
    for event in &got {
        let (attributes, data) = meaning(&read_binary(event));
        assert_eq!(attributes["subject"], "50% \"Euro €\"");
        assert_eq!(attributes["partitionkey"], "customer 7");
        assert_eq!(event.key.as_deref(), Some(&b"customer 7"[..]));
        let data: Value = serde_json::from_slice(&data.expect("data")).expect("JSON");
        assert_eq!(data, serde_json::json!({"name": "Müller €"}));
    }
}
