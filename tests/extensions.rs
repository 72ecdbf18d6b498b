//! eddy's own extensions: what the grammar accepts and refuses, the published JSON Schemas accept and refuse as well.

use eddy::check::check_documents;
use eddy::check::grammar::published;
use eddy::contract::load_text;
use eddy::diagnostic::{Diagnostic, Severity};
use eddy::source_text::Limits;
use serde_json::{Value, json};

const EXAMPLE: &str = include_str!("fixtures/extensions/all.yaml");

fn findings(text: &str) -> Vec<Diagnostic> {
    let loaded = load_text("extensions.yaml", text, &Limits::default());
    let mut findings = check_documents(&loaded);
    findings.extend(loaded.diagnostics);
    findings.retain(|finding| finding.severity >= Severity::Warning);
    findings
}

/// The errors about one extension of a channel.
fn codes(name: &str, extension: &Value) -> Vec<&'static str> {
    let channel = json!({"address": "a", name: extension});
    let info = json!({"title": "a", "version": "1"});
    let document = json!({"asyncapi": "3.0.0", "info": info, "channels": {"c": channel}});
    findings(&document.to_string()).iter().map(|finding| finding.code).collect()
}

fn schema(name: &str) -> jsonschema::Validator {
    let found = published::schemas().into_iter().find(|(own, _)| own == name).expect("a schema");
    jsonschema::draft202012::new(&found.1).expect("a published schema compiles")
}

#[test]
fn the_example_uses_every_key_rightly() {
    assert_eq!(findings(EXAMPLE), Vec::new());
    for (name, _) in published::schemas() {
        assert!(EXAMPLE.contains(&format!("{name}:")), "the example has no {name}");
    }
}

#[test]
fn grammar_and_schema_agree() {
    let cases: [(&str, Value, &[&str]); 30] = [
        ("x-eddy-jetstream", json!({"stream": {"name": "ORDERS"}}), &[]),
        ("x-eddy-jetstream", json!({"stream": {}}), &["ED1002"]),
        ("x-eddy-jetstream", json!({"stream": {"name": ""}}), &["ED1004"]),
        ("x-eddy-jetstream", json!({"stream": {"name": "A", "maxAge": "7d"}}), &["ED1001"]),
        ("x-eddy-jetstream", json!({"stream": {"name": "A", "max-age": "a week"}}), &["ED1004"]),
        ("x-eddy-jetstream", json!({"stream": {"name": "A", "max-age": 7}}), &["ED1003"]),
        ("x-eddy-jetstream", json!({"stream": {"name": "A", "retention": "forever"}}), &["ED1004"]),
        ("x-eddy-jetstream", json!({"stream": {"name": "A", "replicas": 6}}), &["ED1004"]),
        ("x-eddy-jetstream", json!({"stream": {"name": "A", "subjects": "a"}}), &["ED1003"]),
        ("x-eddy-jetstream", json!({"consumer": {"ack": "none", "ack-wait": "1s"}}), &["ED2705"]),
        ("x-eddy-jetstream", json!({"consumer": {"deliver": "by-start-sequence"}}), &["ED2705"]),
        ("x-eddy-jetstream", json!({"consumer": {"start-sequence": 4}}), &["ED2705"]),
        ("x-eddy-jetstream", json!({"consumer": {"backoff": ["1s", "1m30s"]}}), &[]),
        ("x-eddy-jetstream", json!({"consumer": {"x-own": 1}}), &[]),
        ("x-eddy-jetstream", json!("ORDERS"), &["ED1003"]),
        ("x-eddy-redis-streams", json!({"group": "g", "consumer": "c"}), &[]),
        ("x-eddy-redis-streams", json!({"consumer": "c"}), &["ED2705"]),
        ("x-eddy-redis-streams", json!({"max-length": 0}), &["ED1004"]),
        ("x-eddy-redis-streams", json!({"max-length": 1, "min-id": "1-0"}), &["ED2705"]),
        ("x-eddy-redis-streams", json!({"grup": "g"}), &["ED1001"]),
        ("x-eddy-retry", json!({"attempts": 3}), &[]),
        ("x-eddy-retry", json!({"delay": "1s"}), &["ED1002"]),
        ("x-eddy-retry", json!({"attempts": 0}), &["ED1004"]),
        ("x-eddy-retry", json!({"attempts": 3, "factor": 2}), &["ED2705"]),
        ("x-eddy-retry", json!({"attempts": 3, "backoff": "linear", "delay": "1s", "max-delay": "1m"}), &[]),
        ("x-eddy-retry", json!({"attempts": "three"}), &["ED1003"]),
        ("x-eddy-dead-letter", json!({"address": "dead"}), &[]),
        ("x-eddy-dead-letter", json!({}), &["ED2705"]),
        ("x-eddy-dead-letter", json!({"channel": {"$ref": "#/channels/c"}, "address": "dead"}), &["ED2705"]),
        ("x-eddy-dead-letter", json!({"channel": {"$ref": "#/channels/c"}, "after": 3}), &[]),
    ];
    for (name, extension, expected) in cases {
        assert_eq!(codes(name, &extension), expected, "{name}: {extension}");
        assert_eq!(
            schema(name).is_valid(&extension),
            expected.is_empty(),
            "the schema of {name}: {extension}"
        );
    }
}

#[test]
fn references_in_extensions_lead_somewhere() {
    let to_nowhere = json!({"channel": {"$ref": "#/channels/dead"}});
    assert_eq!(codes("x-eddy-dead-letter", &to_nowhere), ["ED0301"]);
}

#[test]
fn unknown_keys_come_with_the_nearest_known_one() {
    let text = EXAMPLE.replace("max-age:", "max-agee:");
    let findings = findings(&text);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].help.as_deref(), Some("did you mean `max-age`?"));
}
