//! The published schema of `eddy.yaml` and the program agree, in both directions.

use std::collections::BTreeSet;
use std::path::Path;

use eddy::settings::{SettingsError, Workspace};
use serde_json::Value;

fn schema() -> Value {
    serde_json::from_str(include_str!("../docs/schemas/workspace.schema.json")).expect("JSON")
}

fn read(text: &str) -> Result<(), SettingsError> {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("eddy.yaml"), text).expect("written");
    Workspace::open(directory.path()).map(|_| ())
}

/// Every map of the file: where it stands in the schema, and a file whose map there has an unknown key or value.
const PLACES: [(&str, &str); 16] = [
    ("/$defs/assertion/properties", "version: 1\ntopology: { assertions: [{ strange: 1 }] }"),
    ("/$defs/forbidden/properties", "version: 1\ntopology: { assertions: [{ forbid: { strange: 1 } }] }"),
    (
        "/$defs/mostConsumers/properties",
        "version: 1\ntopology: { assertions: [{ max-consumers: { strange: 1 } }] }",
    ),
    ("/$defs/topology/properties", "version: 1\ntopology: { strange: 1 }"),
    ("/properties", "version: 1\nstrange: 1"),
    ("/$defs/environment/properties", "version: 1\nenvironments: { e: { strange: 1 } }"),
    (
        "/$defs/server/oneOf/1/properties",
        "version: 1\nenvironments: { e: { servers: { s: { strange: 1 } } } }",
    ),
    ("/$defs/tls/properties", "version: 1\nenvironments: { e: { tls: { strange: 1 } } }"),
    ("/$defs/auth/properties", "version: 1\nenvironments: { e: { auth: { strange: 1 } } }"),
    ("/$defs/file/oneOf/1/properties", "version: 1\nenvironments: { e: { tls: { ca: { strange: 1 } } } }"),
    (
        "/$defs/value/oneOf/1/properties",
        "version: 1\nenvironments: { e: { auth: { token: { strange: 1 } } } }",
    ),
    (
        "/$defs/registry/oneOf/1/properties",
        "version: 1\nenvironments: { e: { registry: { url: 'http://h', strange: 1 } } }",
    ),
    ("/properties/mask/properties", "version: 1\nmask: { strange: 1 }"),
    ("/$defs/storage/properties", "version: 1\nenvironments: { e: { storage: { strange: 1 } } }"),
    ("/$defs/limits/properties", "version: 1\nenvironments: { e: { limits: { strange: 1 } } }"),
    // The same in a server of its own.
    (
        "/$defs/auth/properties",
        "version: 1\nenvironments: { e: { servers: { s: { url: u, auth: { strange: 1 } } } } }",
    ),
];
/// Every choice of words.
const CHOICES: [(&str, &str); 2] = [
    ("/properties/rules/additionalProperties/enum", "version: 1\nrules: { ED1001: strange }"),
    ("/$defs/auth/properties/sasl/enum", "version: 1\nenvironments: { e: { auth: { sasl: strange } } }"),
];

/// What the program says it knows where it found `strange`.
fn known(text: &str) -> BTreeSet<String> {
    let Err(SettingsError::Malformed(found)) = read(text) else { panic!("taken: {text}") };
    assert!(found.message.contains("`strange`"), "{found}");
    let (_, words) = found.help.split_once("known are ").unwrap_or_else(|| panic!("{}", found.help));
    words.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_key_and_word_of_the_program_is_in_the_schema_and_no_other() {
    let schema = schema();
    for (pointer, text) in PLACES {
        let keys = schema.pointer(pointer).and_then(Value::as_object).expect("properties");
        assert_eq!(keys.keys().cloned().collect::<BTreeSet<_>>(), known(text), "{pointer}");
    }
    for (pointer, text) in CHOICES {
        let words = schema.pointer(pointer).and_then(Value::as_array).expect("a list").iter();
        assert_eq!(
            words.map(|word| word.as_str().expect("text").to_owned()).collect::<BTreeSet<_>>(),
            known(text)
        );
    }
    let mut maps = BTreeSet::new();
    find_maps(&schema, "", &mut maps);
    let looked_at = PLACES.iter().map(|(pointer, _)| (*pointer).to_owned()).collect();
    assert_eq!(maps, looked_at, "every map of the schema is looked at");
}

/// Every map with keys of its own refuses others and says what each key is for.
fn find_maps(node: &Value, pointer: &str, maps: &mut BTreeSet<String>) {
    if let Some(keys) = node.get("properties").and_then(Value::as_object) {
        assert_eq!(node["additionalProperties"], false, "{pointer} takes unknown keys");
        for (key, about) in keys {
            assert!(about["description"].is_string(), "{pointer}: {key} has no description");
        }
        maps.insert(format!("{pointer}/properties"));
    }
    match node {
        Value::Object(members) => {
            for (key, member) in members {
                find_maps(member, &format!("{pointer}/{key}"), maps);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find_maps(item, &format!("{pointer}/{index}"), maps);
            }
        }
        _ => {}
    }
}

#[test]
fn both_take_and_refuse_the_same_files() {
    let auth = |text: &str| format!("version: 1\nenvironments: {{ e: {{ auth: {text} }} }}");
    let tls = |text: &str| format!("version: 1\nenvironments: {{ e: {{ tls: {text} }} }}");
    let server = |text: &str| format!("version: 1\nenvironments: {{ e: {{ servers: {{ s: {text} }} }} }}");
    let good = [
        "version: 1".to_owned(),
        include_str!("../src/commands/demo/workspace/eddy.yaml").to_owned(),
        "version: 1\ncontracts: [a]\nevents: [b]\nrules-from: [c]\nrules: { ED1001: off }\n".to_owned(),
        "version: 1\nmask: { key: '${KEY}' }".to_owned(),
        "version: 1\nmask: { key: { file: key } }".to_owned(),
        auth("{ username: u, password: { file: p }, sasl: scram-sha-512 }"),
        auth("{ token: { command: pass show x }, headers: { A: b, C: { command: [a, b] } } }"),
        auth("{ creds: a, nkey: { file: b } }"),
        auth("{ creds: { command: c }, nkey: { command: [pass, show, seed] } }"),
        auth("{}"),
        tls("{ ca: a }"),
        tls("{ ca: { file: a }, certificate: b, key: c }"),
        server("embedded"),
        server("{ url: 'mqtt://h', tls: { ca: a }, auth: { token: t } }"),
        "version: 1\nenvironments: { e: { default: true, protected: false } }".to_owned(),
    ];
    let bad = [
        String::new(),
        "version: 2".to_owned(),
        "version: one".to_owned(),
        "version: 1\ncontracts: a".to_owned(),
        "version: 1\nrules: { ED1001: loud }".to_owned(),
        auth("{ token: t, username: u }"),
        auth("{ token: t, password: p }"),
        auth("{ password: 12345 }"),
        auth("{ password: }"),
        auth("{ password: { file: a, command: b } }"),
        auth("{ password: {} }"),
        auth("{ password: { command: [] } }"),
        auth("{ password: { command: '' } }"),
        auth("{ sasl: gssapi }"),
        auth("{ headers: [a] }"),
        auth("text"),
        tls("{ certificate: b }"),
        tls("{ key: b }"),
        tls("{ ca: [a] }"),
        server("{ tls: { ca: a } }"),
        server("[a]"),
        server("5"),
    ];
    agree(&good, &bad);
}

#[test]
fn both_take_and_refuse_the_same_registries() {
    let registry = |text: &str| format!("version: 1\nenvironments: {{ e: {{ registry: {text} }} }}");
    let good = [
        registry("'http://localhost:8081'"),
        registry("{ url: 'http://${HOST}', username: u, password: { command: c }, ca: { file: a } }"),
        registry("{ url: 'http://h', token: { file: t } }"),
    ];
    let bad = [
        registry("{ url: 'http://h', token: t, username: u }"),
        registry("{ token: t }"),
        registry("{ url: 'http://h', password: }"),
        registry("[a]"),
    ];
    agree(&good, &bad);
}

fn agree(good: &[String], bad: &[String]) {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let by_schema = |text: &str| {
        let value: Value = serde_yaml::from_str(text).expect("YAML");
        validator.is_valid(&value)
    };
    for text in good {
        assert!(by_schema(text), "the schema refuses\n{text}");
        read(text).unwrap_or_else(|error| panic!("the program refuses\n{text}\n{error}"));
    }
    for text in bad {
        assert!(!by_schema(text), "the schema takes\n{text}");
        assert!(read(text).is_err(), "the program takes\n{text}");
    }
}

#[test]
fn validate_agrees_and_init_writes_what_both_take() {
    let directory = tempfile::tempdir().expect("a directory");
    let eddy = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eddy"));
        command
            .args(arguments)
            .current_dir(directory.path())
            .env_remove("EDDY_ENV")
            .output()
            .expect("it runs")
    };
    assert!(eddy(&["init"]).status.success());
    let text = std::fs::read_to_string(directory.path().join("eddy.yaml")).expect("written");
    let value: Value = serde_yaml::from_str(&text).expect("YAML");
    assert!(jsonschema::is_valid(&schema(), &value), "{text}");
    std::fs::write(directory.path().join("eddy.yaml"), "version: 1\nenvironments: { e: { sevrers: {} } }\n")
        .expect("ok");
    let output = eddy(&["validate", "eddy.yaml"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean `servers`"), "{output:?}");
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas/workspace.schema.json").is_file());
}
