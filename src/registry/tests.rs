//! Schemas of a registry that answers from a table: read, written, referred to, and refused.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Ask, Registry, RegistryError, RegistryErrorKind, Undecodable};
use crate::event::{Event, Header};

/// A registry of answers by path.
#[derive(Clone, Default)]
struct Answers {
    by_path: HashMap<String, Value>,
    asked: Arc<AtomicUsize>,
}

impl Answers {
    fn new(answers: &[(&str, Value)]) -> Self {
        let by_path = answers.iter().map(|(path, body)| ((*path).to_owned(), body.clone())).collect();
        Self { by_path, asked: Arc::default() }
    }

    fn registry(&self) -> Registry {
        Registry::asking(Box::new(self.clone()))
    }
}

impl Ask for Answers {
    fn meet(&mut self) -> Result<(), RegistryError> {
        Ok(())
    }

    fn get(&mut self, path: &[&str]) -> Result<Value, RegistryError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let found = self.by_path.get(&path.join("/")).cloned();
        found.ok_or_else(|| RegistryError::new(RegistryErrorKind::NotFound, "not there", "none"))
    }
}

fn one(language: &str, schema: &str) -> Registry {
    Answers::new(&[("schemas/ids/7", json!({"schemaType": language, "schema": schema}))]).registry()
}

fn round(registry: &Registry, value: &Value) -> Value {
    let schema = registry.schema(7).unwrap_or_else(|error| panic!("{error}"));
    let framed = schema.encode(value.to_string().as_bytes()).unwrap_or_else(|found| panic!("{found:?}"));
    let decoded =
        registry.decode(&framed, None).expect("framed").unwrap_or_else(|why| panic!("{}", why.reason("a")));
    serde_json::from_slice(&decoded.json).expect("JSON")
}

const ORDER: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "string"},
    {"name": "count", "type": "int"},
    {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}},
    {"name": "weight", "type": ["null", "float", "double"], "default": null},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
    {"name": "tags", "type": {"type": "array", "items": "string"}},
    {"name": "sizes", "type": {"type": "map", "values": "long"}},
    {"name": "raw", "type": "bytes"},
    {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 2}},
    {"name": "next", "type": ["null", "Order"], "default": null}]}"#;

const PROTO: &str = r#"syntax = "proto3"; package shop;
    message Ignored { int32 none = 1; }
    message Order { string id = 1; int64 count = 2; double weight = 3; State state = 4; repeated string tags = 5;
        map<string, sint32> sizes = 6; bytes raw = 7; Order next = 8; optional bool gift = 9; uint64 big = 10;
        message Inner { fixed32 a = 1; } Inner inner = 11; }
    enum State { NEW = 0; PAID = 1; }"#;

fn state_name(number: usize) -> &'static str {
    ["NEW", "PAID"][number]
}

type First = (String, i32, i64, Option<f64>, i64, usize);
type Second = (Vec<String>, std::collections::BTreeMap<String, i64>, Vec<u8>, [u8; 2], Value);

fn order(depth: u32) -> BoxedStrategy<Value> {
    let next = if depth == 0 {
        Just(Value::Null).boxed()
    } else {
        prop_oneof![Just(Value::Null), order(depth - 1)].boxed()
    };
    let bytes = prop::collection::vec(0_u8..=255, 0..9);
    let text = |bytes: Vec<u8>| bytes.into_iter().map(char::from).collect::<String>();
    let first =
        ("\\PC{0,9}", any::<i32>(), any::<i64>(), prop::option::of(any::<f64>()), any::<i64>(), 0..2_usize);
    let second = (
        prop::collection::vec("\\PC{0,5}", 0..4),
        prop::collection::btree_map("[a-z/~]{0,4}", any::<i64>(), 0..4),
        bytes,
        any::<[u8; 2]>(),
        next,
    );
    let value = move |(first, second): (First, Second)| {
        let ((id, count, cents, weight, at, state), (tags, sizes, raw, hash, next)) = (first, second);
        let sign = if cents < 0 { "-" } else { "" };
        let total = format!("{sign}{}.{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100);
        json!({"id": id, "count": count, "total": total, "weight": weight, "at": at, "state": state_name(state),
            "tags": tags, "sizes": sizes, "raw": text(raw), "hash": text(hash.to_vec()), "next": next})
    };
    (first, second).prop_map(value).boxed()
}

fn message() -> impl Strategy<Value = Value> {
    let fields = (
        "\\PC{0,9}",
        any::<i64>(),
        any::<f64>(),
        0..2_usize,
        prop::collection::vec("\\PC{0,5}", 0..4),
        prop::collection::btree_map("[a-z/~]{0,4}", any::<i32>(), 0..4),
        any::<u64>(),
        any::<u32>(),
    );
    fields.prop_map(|(id, count, weight, state, tags, sizes, big, a)| {
        json!({"id": id, "count": count, "weight": weight, "state": state_name(state), "tags": tags,
            "sizes": sizes, "raw": "AP8=", "gift": true, "big": big, "inner": {"a": a}})
    })
}

proptest! {
    #[test]
    fn avro_gives_back_what_it_was_given(value in order(2)) {
        let registry = one("AVRO", ORDER);
        prop_assert_eq!(round(&registry, &value), value.clone());
        // Others read it as well, to the end.
        let framed = registry.schema(7).expect("known").encode(value.to_string().as_bytes()).expect("encoded");
        let schema = apache_avro::Schema::parse_str(ORDER).expect("a schema");
        let mut rest = &framed[5..];
        let reader = apache_avro::reader::datum::GenericDatumReader::builder(&schema).build().expect("a reader");
        let read = reader.read_value(&mut rest);
        prop_assert!(read.is_ok() && rest.is_empty(), "{read:?}");
    }

    #[test]
    fn protobuf_gives_back_what_it_was_given(value in message()) {
        let registry = one("PROTOBUF", PROTO);
        let order = registry.schema(7).expect("a schema").for_message("shop.Order").expect("there");
        let framed = order.encode(value.to_string().as_bytes()).unwrap_or_else(|found| panic!("{found:?}"));
        prop_assert_eq!(&framed[..7], &[0, 0, 0, 0, 7, 2, 2]);
        let decoded = registry.decode(&framed, None).expect("framed").unwrap_or_else(|why| panic!("{}", why.reason("a")));
        prop_assert_eq!(serde_json::from_slice::<Value>(&decoded.json).expect("JSON"), value);
    }

    #[test]
    fn no_payload_panics(rest in prop::collection::vec(any::<u8>(), 0..40)) {
        for (language, text) in [("AVRO", ORDER), ("PROTOBUF", PROTO), ("JSON", "{\"type\": \"object\"}")] {
            let mut payload = vec![0, 0, 0, 0, 7];
            payload.extend(&rest);
            let _ = one(language, text).decode(&payload, None).expect("framed");
        }
    }
}

#[test]
fn avro_types_are_referred_to_by_name_in_whatever_order() {
    let reference = |name: &str, subject: &str| json!({"name": name, "subject": subject, "version": 1});
    let record = |name: &str, kind: &str| {
        format!(
            r#"{{"type": "record", "name": "{name}", "namespace": "shop", "fields": [{{"name": "x", "type": "{kind}"}}]}}"#
        )
    };
    for first in [["shop.A", "shop.B"], ["shop.B", "shop.A"]] {
        let references: Vec<Value> = first.iter().map(|name| reference(name, &name[5..])).collect();
        let both = r#"{"type": "record", "name": "Both", "namespace": "shop",
            "fields": [{"name": "a", "type": "shop.A"}, {"name": "b", "type": "B"}]}"#;
        let registry = Answers::new(&[
            ("schemas/ids/7", json!({"schema": both, "references": references})),
            (
                "schemas/ids/7/versions",
                json!([{"subject": "x", "version": 3}, {"subject": "both-value", "version": 1}]),
            ),
            (
                "subjects/A/versions/1",
                json!({"schema": record("A", "shop.B"), "references": [reference("shop.B", "B")]}),
            ),
            ("subjects/B/versions/1", json!({"schema": record("B", "long")})),
        ])
        .registry();
        let value = json!({"a": {"x": {"x": 1}}, "b": {"x": -1}});
        assert_eq!(round(&registry, &value), value);
        let schema = registry.schema(7).expect("known");
        assert_eq!(
            (schema.name("both"), schema.name("other")),
            ("both-value/7".to_owned(), "x/7".to_owned())
        );
    }
}

#[test]
fn protobuf_and_json_refer_by_path_and_address() {
    let registry = Answers::new(&[
        (
            "schemas/ids/7",
            json!({"schemaType": "PROTOBUF", "references": [{"name": "common/money.proto", "subject": "m", "version": 2}],
                "schema": "syntax = \"proto3\"; import \"common/money.proto\"; message Order { common.Money total = 1; }"}),
        ),
        (
            "subjects/m/versions/2",
            json!({"schemaType": "PROTOBUF",
                "schema": "syntax = \"proto3\"; package common; message Money { int64 cents = 1; }"}),
        ),
    ])
    .registry();
    let value = json!({"total": {"cents": 12}});
    assert_eq!(round(&registry, &value), value);
    let registry = Answers::new(&[
        (
            "schemas/ids/7",
            json!({"schemaType": "JSON", "references": [{"name": "https://e.org/money.json", "subject": "m", "version": 1}],
                "schema": r#"{"properties": {"total": {"$ref": "https://e.org/money.json"}}}"#}),
        ),
        (
            "subjects/m/versions/1",
            json!({"schemaType": "JSON", "references": [{"name": "cents.json", "subject": "c", "version": 1}],
                "schema": r#"{"properties": {"cents": {"$ref": "cents.json"}}}"#}),
        ),
        ("subjects/c/versions/1", json!({"schemaType": "JSON", "schema": r#"{"type": "integer"}"#})),
    ])
    .registry();
    assert_eq!(round(&registry, &value), value);
    let wrong =
        registry.schema(7).expect("known").encode(br#"{"total": {"cents": "x"}}"#).expect_err("no integer");
    assert_eq!(wrong[0].instance_pointer, "/total/cents");
}

#[test]
fn no_schema_reads_files_of_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.json");
    std::fs::write(&path, "{\"const\": \"secret\"}").unwrap();
    let schema = format!("{{\"$ref\": \"file://{}\"}}", path.display());
    let error = one("JSON", &schema).schema(7).err().expect("refused");
    assert_eq!(error.kind, RegistryErrorKind::Unusable);
    assert!(!error.message.contains("const"), "{error}");
}

#[test]
fn what_was_said_is_remembered_and_faults_have_names() {
    let answers = Answers::new(&[
        ("schemas/ids/1", json!({"schema": "{\"type\": \"rekord\"}"})),
        ("schemas/ids/2", json!({"schema": "\"long\"", "schemaType": "XML"})),
        ("schemas/ids/3", json!({"schemas": 1})),
        ("schemas/ids/7", json!({"schema": "\"long\""})),
    ]);
    let registry = answers.registry();
    for (id, reason) in [
        (1, "schema 1 of the registry does not compile"),
        (2, "is written in `XML`"),
        (3, "is no schema"),
        (4, "the registry has no schema 4"),
    ] {
        let payload = [0, 0, 0, 0, id, 2];
        let why = registry.decode(&payload, None).expect("framed").err().expect("undecodable").reason("a");
        assert!(why.contains(reason), "{why}");
        let asked = answers.asked.load(Ordering::Relaxed);
        assert!(registry.decode(&payload, None).expect("framed").is_err());
        assert_eq!(answers.asked.load(Ordering::Relaxed), asked, "asked again for {id}");
    }
    assert!(registry.decode(b"{}", None).is_none() && registry.decode(&[0, 0, 0, 0, 0, 2], None).is_none());
    let Some(Err(Undecodable::Payload(schema, found))) = registry.decode(&[0, 0, 0, 0, 7, 0x80], None) else {
        panic!("the value is cut off");
    };
    assert_eq!(schema.language(), "AVRO");
    assert_eq!(found[0].position.map(|position| position.offset), Some(6));
    assert!(registry.latest("none-value").err().expect("none").message.contains("`none-value`"));
}

const GUID: &str = "89550d4f-8b42-4f14-9e1f-7d1a0c0b0a09";

/// An event whose headers name the schema with the GUID for these parts, with more behind it.
fn by_header(name: &str, payload: &[u8], behind: &[u8]) -> Event {
    let guid: uuid::Uuid = GUID.parse().expect("a GUID");
    let value = [&[1][..], guid.as_bytes(), behind].concat();
    let header = Header { name: name.into(), value: Some(value.into()) };
    Event { headers: vec![header], ..Event::new("orders", payload.to_vec()) }
}

#[test]
fn a_header_names_a_schema_by_its_guid() {
    let path = format!("schemas/guids/{GUID}");
    let numbers = (format!("{path}/ids"), json!([{"context": ".", "id": 7}]));
    let subjects = ("schemas/ids/7/versions".to_owned(), json!([{"subject": "orders-value", "version": 1}]));
    let answers = |language: &str, schema: &str| {
        let body = json!({"schemaType": language, "schema": schema});
        let all = [(path.clone(), body), numbers.clone(), subjects.clone()];
        Answers::new(&all.iter().map(|(path, body)| (path.as_str(), body.clone())).collect::<Vec<_>>())
    };
    let read = |registry: &Registry, event: &Event| {
        let found = registry.payload(event).expect("named");
        let found = found.unwrap_or_else(|why| panic!("{}", why.reason("orders")));
        (String::from_utf8(found.json).expect("text"), found.schema.name("orders"))
    };
    let avro = answers("AVRO", "\"long\"").registry();
    let event = by_header("__value_schema_id", &[2], &[]);
    assert_eq!(read(&avro, &event), ("1".to_owned(), "orders-value/7".to_owned()));
    // The payload is as it is, even where it looks framed.
    let json = answers("JSON", "{\"type\": \"object\"}").registry();
    assert_eq!(read(&json, &by_header("__value_schema_id", b"{}", &[])).0, "{}");
    let packed = zstd::encode_all(&[2_u8][..], 1).expect("packed");
    assert_eq!(read(&avro, &by_header("__value_schema_id", &packed, &[])).0, "1");
    // Message indexes of Protobuf stand in the header too.
    let proto = answers("PROTOBUF", PROTO).registry();
    let event = by_header("__value_schema_id", b"\x0a\x03o-1", &[2, 2]);
    assert!(read(&proto, &event).0.contains("\"id\":\"o-1\""));
    let why =
        proto.payload(&by_header("__value_schema_id", b"", &[])).expect("named").err().expect("cut off");
    assert!(why.reason("orders").contains("cut off"), "{}", why.reason("orders"));
    let mut event = by_header("__key_schema_id", b"no JSON", &[]);
    event.key = Some(vec![4].into());
    assert_eq!(avro.key(&event).expect("named").ok().expect("read").json, b"2");
    assert!(avro.payload(&event).is_none());
}

#[test]
fn a_guid_without_a_number_is_shown_itself_and_one_unknown_is_named() {
    let body = json!({"schema": "\"long\""});
    let registry = Answers::new(&[(&format!("schemas/guids/{GUID}"), body)]).registry();
    let event = by_header("__value_schema_id", &[2], &[]);
    let found = registry.payload(&event).expect("named").ok().expect("read");
    assert_eq!(found.schema.name("orders"), GUID);
    let why = Answers::new(&[]).registry().payload(&event).expect("named").err().expect("none");
    assert_eq!(why.reason("orders"), format!("the registry has no schema {GUID}"));
}

#[test]
fn a_frame_inside_a_compressed_payload_is_found() {
    let registry = one("AVRO", "\"long\"");
    let framed = registry.schema(7).expect("known").encode(b"5").expect("encoded");
    let event = Event::new("orders", zstd::encode_all(framed.as_slice(), 1).expect("packed"));
    assert_eq!(registry.payload(&event).expect("framed").ok().expect("read").json, b"5");
    assert!(registry.payload(&Event::new("orders", "{}")).is_none());
}
