//! Our verdict on bindings beside that of the official JSON Schemas, on objects made from the schemas and on mutations
//! of them. Where both disagree, the list below names the clause of the bindings' text that decides.
//!
//! The schemas are read from `EDDY_CORPORA`, or `../shared/corpora`, and are no part of this project. Where they are
//! absent the test says so and passes, unless `EDDY_REQUIRE_CORPORA=1`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use eddy::check::check_documents;
use eddy::contract::load_text;
use eddy::diagnostic::Severity;
use eddy::source_text::Limits;
use serde_json::{Map, Value, json};

use Verdict::{Accepts, Refuses};

/// What we say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Accepts,
    Refuses,
}

/// Where we differ on purpose: the bindings, what was changed in them, our verdict, and the clause that decides.
/// `*` at the end of the first two stands for anything.
const DECIDED: &[(&str, &str, Verdict, &str)] = &[
    // The schema wants a queue or an exchange even where `is` is left out; the text requires neither.
    ("amqp/*", "drop /exchange", Accepts, "AMQP · Channel Binding Object: no field is marked as required"),
    ("amqp/*", "drop /queue", Accepts, "AMQP · Channel Binding Object: no field is marked as required"),
    ("amqp/*", "object ", Accepts, "AMQP · Channel Binding Object: no field is marked as required"),
    // A boolean schema describes no object.
    ("anypointmq/*", "boolean /headers", Refuses, "Anypoint MQ · headers: MUST be of type `object`"),
    ("http/*", "boolean /headers", Refuses, "HTTP · headers: MUST be of type `object`"),
    ("http/*", "boolean /query", Refuses, "HTTP · query: MUST be of type `object`"),
    ("jms/*", "boolean /headers", Refuses, "JMS · headers: MUST be of type `object`"),
    ("websockets/*", "boolean /headers", Refuses, "WebSockets · headers: MUST be of type `object`"),
    ("websockets/*", "boolean /query", Refuses, "WebSockets · query: MUST be of type `object`"),
    // Objects inside bindings take extensions like the bindings themselves; the schemas forgot some.
    ("googlepubsub/*", "extension /messageStoragePolicy", Accepts, EXTENSIONS),
    ("kafka/0.4.0/channel", "extension /topicConfiguration", Accepts, EXTENSIONS),
    ("pulsar/*", "extension /retention", Accepts, EXTENSIONS),
    ("solace/*", "extension ", Accepts, EXTENSIONS),
    ("sns/*", "extension /policy*", Accepts, EXTENSIONS),
    ("sqs/*", "extension /queue*", Accepts, EXTENSIONS),
    ("sqs/*", "extension /deadLetterQueue*", Accepts, EXTENSIONS),
    // The branches of the schema overlap where `type` is left out, so that it refuses the empty object.
    ("ibmmq/*", "object ", Accepts, "IBM MQ · Message Binding Object: every field is optional"),
    (
        "ibmmq/0.1.0/message",
        "*",
        Refuses,
        "IBM MQ · headers: MUST NOT be specified if `type` is `string`, its default",
    ),
    (
        "kafka/*",
        "*",
        Refuses,
        "Kafka · schemaRegistryVendor: MUST NOT be specified without `schemaRegistryUrl`",
    ),
    (
        "kafka/0.4.0/message",
        "text /key",
        Accepts,
        "Kafka 0.4.0 · key: an Avro schema may be the name of a type",
    ),
    ("kafka/0.4.0/message", "list /key", Accepts, "Kafka 0.4.0 · key: an Avro schema may be a union"),
    ("mqtt/0.1.0/operation", "more /qos", Refuses, "MQTT · qos: MUST be either 0, 1 or 2"),
    ("mqtt/0.1.0/operation", "huge /qos", Refuses, "MQTT · qos: MUST be either 0, 1 or 2"),
    ("ros2/0.1.0/operation", "*", Refuses, "ROS 2 · reliability: `reliable`, which the schema misspells"),
    ("sns/*", "object ", Accepts, "SNS · an empty object shows the protocol"),
    ("sns/*", "list /consumers", Accepts, "SNS · consumers: required, and no least number is given"),
    (
        "solace/0.2.0/server",
        "*",
        Refuses,
        "Solace · Server Binding Object: `msgVpn`, which the schema misspells",
    ),
    ("sqs/*", "drop /queues", Accepts, "SQS · an empty object denotes the binding"),
    ("sqs/*", "object ", Accepts, "SQS · an empty object denotes the binding"),
];

/// How often the same place is changed in the same way, in different objects.
const TIMES: usize = 2;

const EXTENSIONS: &str = "AsyncAPI · Specification Extensions: names with `x-` may be added";

#[allow(clippy::print_stderr, reason = "a test that looks at nothing must say so")]
fn corpora() -> Option<PathBuf> {
    let named = std::env::var_os("EDDY_CORPORA").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"));
    if folder.join("asyncapi-binding-schemas").is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("EDDY_REQUIRE_CORPORA").is_none_or(|value| value != "1"),
        "EDDY_REQUIRE_CORPORA=1, and there is no {}/asyncapi-binding-schemas",
        folder.display()
    );
    eprintln!("NOTHING CHECKED: no corpora at {}; name them by EDDY_CORPORA", folder.display());
    None
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One official schema: `kafka/0.5.0/channel`, its own text, and the whole with all it refers to.
struct Official {
    name: String,
    schema: Value,
    oracle: jsonschema::Validator,
}

/// Every reference made to point into the one document: the shared definitions, or the schema's own.
fn localized(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let localized = |(key, value): (&String, &Value)| {
                let text = value.as_str().filter(|_| key == "$ref");
                let value = text.map_or_else(|| localized(value), |text| json!(local_reference(text)));
                (key.clone(), value)
            };
            entries
                .iter()
                .filter(|(key, _)| !["$schema", "$id"].contains(&key.as_str()))
                .map(localized)
                .collect()
        }
        Value::Array(items) => items.iter().map(localized).collect(),
        other => other.clone(),
    }
}

fn local_reference(text: &str) -> String {
    let shared = text.strip_prefix("http://asyncapi.com/definitions/");
    let shared = shared.and_then(|shared| shared.split_once('/')).map(|(_version, file)| file);
    match (shared.and_then(|name| name.strip_suffix(".json")), text.split_once("#/definitions/")) {
        (Some(name), _) => format!("#/definitions/{name}"),
        (None, Some((file, name))) if file.contains("/bindings/") => format!("#/definitions/own-{name}"),
        _ => text.to_owned(),
    }
}

fn official(folder: &Path) -> Vec<Official> {
    let shared = read(&folder.join("asyncapi-metaschemas/3.0.0-without-id.json"));
    let shared = localized(&shared["definitions"]);
    let mut found = Vec::new();
    for protocol in entries(&folder.join("asyncapi-binding-schemas")) {
        for version in entries(&protocol) {
            for file in entries(&version) {
                let mut definitions = shared.as_object().expect("definitions").clone();
                let mut schema = localized(&read(&file));
                let own = schema.as_object_mut().and_then(|schema| schema.remove("definitions"));
                for (name, value) in own.as_ref().and_then(Value::as_object).into_iter().flatten() {
                    definitions.insert(format!("own-{name}"), value.clone());
                }
                let mut whole = schema.clone();
                whole["definitions"] = Value::Object(definitions);
                let oracle = jsonschema::draft7::new(&whole).expect("an official schema compiles");
                let names = [&protocol, &version, &file].map(|path| path.file_stem_text());
                found.push(Official { name: names.join("/"), schema: whole, oracle });
            }
        }
    }
    found
}

trait FileStem {
    fn file_stem_text(&self) -> String;
}

impl FileStem for &PathBuf {
    /// The name without `.json`; dots of versions stay.
    fn file_stem_text(&self) -> String {
        let name = self.file_name().unwrap_or_default().to_string_lossy();
        name.strip_suffix(".json").unwrap_or(&name).to_owned()
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// Makes values out of a schema.
struct Maker<'a> {
    whole: &'a Value,
}

/// The definitions whose values are schemas or references; what stands in them is not the bindings' business.
const FOREIGN: [&str; 3] = ["#/definitions/schema", "#/definitions/Reference", "#/definitions/avroSchema_v1"];

impl Maker<'_> {
    fn followed<'s>(&'s self, schema: &'s Value) -> &'s Value {
        match schema["$ref"].as_str() {
            Some(reference) => {
                self.followed(self.whole.pointer(&reference[1..]).expect("a definition that is there"))
            }
            None => schema,
        }
    }

    /// Some values that fit the schema when it is simple enough; the oracle sorts out the rest.
    fn values(&self, schema: &Value, depth: usize) -> Vec<Value> {
        if schema["$ref"].as_str().is_some_and(|reference| FOREIGN.contains(&reference)) {
            return vec![json!({"type": "object", "properties": {"x": {"type": "string"}}})];
        }
        let schema = self.followed(schema);
        if let Some(words) = schema["enum"].as_array() {
            return words.clone();
        }
        if let Some(word) = schema.get("const") {
            return vec![word.clone()];
        }
        let choices = schema["oneOf"].as_array().or(schema["anyOf"].as_array()).cloned().unwrap_or_default();
        if schema.get("properties").is_none() && !choices.is_empty() {
            return choices.iter().flat_map(|choice| self.values(choice, depth)).collect();
        }
        match schema["type"].as_str() {
            Some("string") => vec![json!("text")],
            Some("integer" | "number") => {
                let low = schema["minimum"].as_i64().unwrap_or(1);
                vec![json!(schema["maximum"].as_i64().unwrap_or(low + 1)), json!(low)]
            }
            Some("boolean") => vec![json!(true)],
            Some("array") => {
                let items = self.values(&schema["items"], depth + 1);
                items.iter().map(|item| json!([item])).collect()
            }
            _ => self.objects(schema, &choices, depth),
        }
    }

    fn objects(&self, schema: &Value, choices: &[Value], depth: usize) -> Vec<Value> {
        let alone = json!({});
        let choices = if choices.is_empty() { std::slice::from_ref(&alone) } else { choices };
        let mut made = Vec::new();
        for choice in choices {
            let mut properties = schema["properties"].as_object().cloned().unwrap_or_default();
            for (name, value) in choice["properties"].as_object().into_iter().flatten() {
                properties.insert(name.clone(), value.clone());
            }
            let forbidden: Vec<&str> = strings(&choice["not"]["required"]);
            properties.retain(|name, _| !forbidden.contains(&name.as_str()) && name != "$ref");
            let values: Vec<(String, Vec<Value>)> = properties
                .iter()
                .map(|(name, value)| (name.clone(), self.values(value, depth + 1)))
                .collect();
            let pick = |number: usize, wanted: &dyn Fn(&str) -> bool| -> Value {
                let chosen = values.iter().filter(|(name, values)| wanted(name) && !values.is_empty());
                chosen
                    .map(|(name, values)| (name.clone(), values[number % values.len()].clone()))
                    .collect::<Map<_, _>>()
                    .into()
            };
            let most = values.iter().map(|(_, values)| values.len()).max().unwrap_or(1);
            made.extend((0..most).map(|number| pick(number, &|_| true)));
            let mut required = strings(&schema["required"]);
            required.extend(strings(&choice["required"]));
            made.push(pick(0, &|name| required.contains(&name)));
            // One field at a time tells more than deep objects once more.
            if depth == 0 && values.len() < 6 {
                for (single, _) in &values {
                    made.push(pick(0, &|name| name == single || required.contains(&name)));
                }
            }
        }
        made
    }
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Every change of one place of a value, each with its name: `drop /queue/name`.
fn mutations(value: &Value) -> Vec<(String, Value)> {
    let mut places = Vec::new();
    collect_places(value, String::new(), &mut places);
    let mut found = Vec::new();
    for place in places {
        let at = value.pointer(&place).expect("a place of the value");
        for (what, mut replaced) in replacements(at) {
            if let (true, Value::Object(entries)) = (place.is_empty(), &mut replaced) {
                entries.insert("bindingVersion".to_owned(), value["bindingVersion"].clone());
            }
            let mut changed = value.clone();
            *changed.pointer_mut(&place).expect("a place") = replaced;
            found.push((format!("{what} {place}"), changed));
        }
        if let Some((parent, key)) = place.rsplit_once('/') {
            let mut changed = value.clone();
            if let Some(entries) = changed.pointer_mut(parent).and_then(Value::as_object_mut) {
                entries.remove(&key.replace("~1", "/").replace("~0", "~"));
                found.push((format!("drop {place}"), changed));
            }
        }
    }
    found
}

/// The places below `value`; what is in a schema stays as it is.
fn collect_places(value: &Value, at: String, places: &mut Vec<String>) {
    let is_schema = value.get("properties").is_some_and(|inner| inner.get("x").is_some());
    if !is_schema {
        for (key, inner) in value.as_object().into_iter().flatten() {
            if key != "bindingVersion" || !at.is_empty() {
                collect_places(inner, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), places);
            }
        }
        for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
            collect_places(inner, format!("{at}/{index}"), places);
        }
    }
    if !at.is_empty() || value.is_object() {
        places.push(at);
    }
}

fn replacements(value: &Value) -> Vec<(&'static str, Value)> {
    let mut found = vec![
        ("null", Value::Null),
        ("text", json!("other-text")),
        ("number", json!(7.5)),
        ("boolean", json!(false)),
        ("list", json!([])),
        ("object", json!({})),
    ];
    match value {
        Value::Number(number) => {
            let number = number.as_i64().unwrap_or_default();
            found.extend([
                ("less", json!(number - 1)),
                ("more", json!(number + 1)),
                ("huge", json!(1_i64 << 40)),
            ]);
        }
        Value::String(_) => found.extend([("long", json!("x".repeat(256))), ("empty", json!(""))]),
        Value::Object(entries) => {
            for (what, key, inner) in
                [("unknown", "unheardOf", json!(1)), ("extension", "x-own", json!({"a": 1}))]
            {
                let mut more = entries.clone();
                more.insert(key.to_owned(), inner);
                found.push((what, Value::Object(more)));
            }
        }
        _ => {}
    }
    found.retain(|(_, other)| other != value);
    found
}

/// What we find in bindings: the codes of the errors.
fn our_errors(name: &str, binding: &Value) -> BTreeSet<&'static str> {
    let mut parts = name.split('/');
    let protocol = parts.next().unwrap_or_default().replace("websockets", "ws");
    let level = parts.next_back().unwrap_or_default();
    let holder = json!({"bindings": {protocol: binding}});
    let with = |own: Value| {
        let mut holder = holder.clone();
        holder.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
        holder
    };
    let mut document = json!({"asyncapi": "3.1.0", "info": {"title": "a", "version": "1"}});
    match level {
        "server" => document["servers"] = json!({"s": with(json!({"host": "h:1", "protocol": "x-own"}))}),
        "channel" => document["channels"] = json!({"c": with(json!({"address": "a"}))}),
        "operation" => {
            document["channels"] = json!({"c": {"address": "a"}});
            let operation = with(json!({"action": "send", "channel": {"$ref": "#/channels/c"}}));
            document["operations"] = json!({"o": operation});
        }
        _ => document["components"] = json!({"messages": {"m": holder}}),
    }
    let text = serde_json::to_string_pretty(&document).expect("JSON");
    let loaded = load_text("bindings.json", &text, &Limits::default());
    let mut findings = check_documents(&loaded);
    findings.extend(loaded.diagnostics);
    findings.retain(|finding| finding.severity == Severity::Error);
    findings.iter().map(|finding| finding.code).collect()
}

fn matches(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |start| text.starts_with(start))
}

fn bases(official: &Official) -> Vec<Value> {
    let version = official.name.split('/').nth(1).unwrap_or_default();
    let mut bases = Maker { whole: &official.schema }.values(&official.schema, 0);
    bases.push(json!({}));
    for base in &mut bases {
        base["bindingVersion"] = json!(version);
    }
    bases.retain(|base| official.oracle.is_valid(base));
    let mut seen = BTreeSet::new();
    bases.retain(|base| seen.insert(base.to_string()));
    bases
}

#[test]
#[allow(clippy::print_stdout, reason = "the count is what one runs this test for")]
fn verdicts_agree_with_the_official_schemas_or_are_decided_by_the_text() {
    let Some(folder) = corpora() else { return };
    let (mut agreed, mut used, mut counts) = (0, BTreeSet::new(), BTreeMap::new());
    let mut undecided: BTreeMap<String, String> = BTreeMap::new();
    for official in official(&folder) {
        let bases = bases(&official);
        assert!(!bases.is_empty(), "{}: nothing valid could be made", official.name);
        let cases = bases.iter().map(|base| ("as it is".to_owned(), base.clone()));
        let mut times = BTreeMap::<String, usize>::new();
        let mutated = bases.iter().flat_map(mutations).filter(|(change, _)| {
            let times = times.entry(change.clone()).or_default();
            *times += 1;
            *times <= TIMES
        });
        for (change, binding) in cases.chain(mutated) {
            let errors = our_errors(&official.name, &binding);
            let ours = if errors.is_empty() { Accepts } else { Refuses };
            *counts.entry(ours).or_insert(0) += 1;
            if official.oracle.is_valid(&binding) == (ours == Accepts) {
                agreed += 1;
                continue;
            }
            let decided = DECIDED.iter().position(|(bindings, changed, verdict, _)| {
                matches(bindings, &official.name) && matches(changed, &change) && *verdict == ours
            });
            if let Some(number) = decided {
                used.insert(number);
            } else {
                let key = format!("{} | {change} | {ours:?} {errors:?}", official.name);
                undecided.entry(key).or_insert_with(|| binding.to_string());
            }
        }
    }
    println!("{agreed} verdicts agree, {counts:?}; {} kinds of difference are decided", used.len());
    let idle = DECIDED.iter().enumerate().filter(|(number, _)| !used.contains(number));
    let idle: Vec<_> = idle.map(|(_, (bindings, changed, _, _))| (bindings, changed)).collect();
    assert!(idle.is_empty(), "no longer different, take them off the list: {idle:#?}");
    let listed: Vec<String> =
        undecided.iter().map(|(key, binding)| format!("{key}\n    {binding}")).collect();
    assert!(listed.is_empty(), "{} differences:\n{}", listed.len(), listed.join("\n"));
}
