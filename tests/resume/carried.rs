//! What a recording says of itself goes on being said: how it was masked, and which cluster it was made of.

use std::collections::BTreeSet;
use std::path::Path;

use eddy::archive::{Header, Reader, Writer, WriterOptions};
use serde_json::Value;

use super::support::kafka;
use super::support::proxy::Proxy;
use super::{run, topics};

fn header(path: &Path) -> Header {
    Reader::open(path).expect("an archive").header().expect("a header").clone()
}

fn done(directory: &Path, arguments: &[&str]) {
    let (code, _, error) = run(directory, arguments);
    assert_eq!(code, Some(0), "{error}");
}

#[test]
fn a_copy_of_a_masked_recording_says_that_it_is_masked() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let at = |name: &str| directory.join(name);
    std::fs::write(at("events.ndjson"), "{\"src\":\"a\",\"v\":\"{\\\"card\\\":\\\"4111\\\"}\"}\n")
        .expect("written");
    std::fs::write(at("mask.yaml"), "version: 1\nrules:\n  - { field: $.card, action: redact }\n")
        .expect("written");
    let (masked, recorded, replayed) =
        ("masked.eddy.ndjson.zst", "recorded.eddy.ndjson.zst", "replayed.eddy.ndjson.zst");
    std::fs::write(at("key"), "0123456789abcdef0123456789abcdef").expect("written");
    let mask =
        ["record", "events.ndjson", "--output", masked, "--mask", "mask.yaml", "--mask-key-file", "key"];
    done(directory, &mask);
    let rules = header(&at(masked)).mask.expect("rules");
    done(directory, &["record", masked, "--output", recorded]);
    assert_eq!(header(&at(recorded)).mask, Some(rules.clone()));
    done(directory, &["replay", recorded, "--to", replayed, "--speed", "max"]);
    assert_eq!(header(&at(replayed)).mask, Some(rules));
}

#[test]
fn identities_that_the_contract_names_are_mapped_together() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let contract = r#"asyncapi: 3.0.0
info: { title: shop, version: 1.0.0 }
channels:
  orders:
    address: orders
    messages:
      placed: { correlationId: { location: "$message.payload#/flow" } }
      paid: { correlationId: { location: "$message.header#/x-flow" } }
"#;
    std::fs::write(directory.join("shop.yaml"), contract).expect("written");
    std::fs::write(directory.join("eddy.yaml"), "version: 1\ncontracts: [shop.yaml]\n").expect("written");
    let lines = [
        r#"{"src":"orders","v":"{\"flow\":\"one\",\"note\":\"one\"}"}"#,
        r#"{"src":"orders","h":[["x-flow","one"],["x-note","one"]],"v":"paid"}"#,
    ];
    std::fs::write(directory.join("events.ndjson"), lines.join("\n") + "\n").expect("written");
    let (code, out, error) =
        run(directory, &["replay", "events.ndjson", "--to", "-", "--speed", "max", "-q", "--ids", "map"]);
    assert_eq!(code, Some(0), "{error}");
    let events: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("an event")).collect();
    let payload: Value = serde_json::from_str(events[0]["v"].as_str().expect("text")).expect("JSON");
    let header = |name: &str| {
        let all = events[1]["h"].as_array().expect("headers");
        all.iter().find(|each| each[0] == name).expect("a header")[1].clone()
    };
    assert_ne!(payload["flow"], "one");
    assert_eq!(payload["flow"], header("x-flow"), "what belongs together still does");
    assert_eq!((&payload["note"], header("x-note")), (&Value::from("one"), Value::from("one")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_cluster_is_known_by_its_id_whatever_its_address() {
    let Some(server) = kafka::shared() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    topics(server.port, &["home.orders"]).await;
    let url = format!("kafka://127.0.0.1:{}", server.port);
    std::fs::write(directory.join("events.ndjson"), "{\"src\":\"home.orders\",\"v\":\"1\"}\n")
        .expect("written");
    done(directory, &["replay", "events.ndjson", "--to", &url]);
    let (source, archive) = (format!("{url}/home.orders"), "home.eddy.ndjson.zst");
    done(directory, &["record", &source, "--from", "start", "--count", "1", "--output", archive]);
    let recorded = header(&directory.join(archive));
    let ids: BTreeSet<&String> = recorded.clusters.values().collect();
    assert_eq!((recorded.clusters.len(), ids.len()), (1, 1), "{recorded:?}");

    // Another way to the same brokers.
    let tunnel = Proxy::to(server.port);
    let elsewhere = format!("kafka://127.0.0.1:{}", tunnel.port);
    let (code, _, error) = run(directory, &["replay", archive, "--to", &elsewhere]);
    assert!(code == Some(2) && error.contains("in the same cluster"), "{error}");
    let (code, _, error) = run(directory, &["replay", archive, "--to", &url, "--dry-run"]);
    assert!(code == Some(1), "{error}");
    done(directory, &["replay", archive, "--to", &elsewhere, "--in-place"]);

    // Another cluster behind the same address.
    let mut other = recorded.clone();
    other.clusters.values_mut().for_each(|id| *id = "another".to_owned());
    let path = directory.join("other.eddy.ndjson.zst");
    let mut writer = Writer::create(&path, &other, WriterOptions::default()).expect("an archive");
    let mut reader = Reader::open(&directory.join(archive)).expect("an archive");
    while let Some(record) = reader.next_entry().expect("an event") {
        writer.write(record.event()).expect("written");
    }
    writer.finish().expect("written");
    done(directory, &["replay", "other.eddy.ndjson.zst", "--to", &url]);
}
