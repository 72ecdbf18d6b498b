//! Protobuf texts and the values they check, each fault at its place.

use std::path::Path;

use super::Protobuf;
use crate::schema::{SchemaProblem, SchemaProblemKind};
use crate::source_text::{Documents, Limits, Resolved, Sources};

const ORDER: &str = r#"syntax = "proto3";
package shop.v1;
import "google/protobuf/timestamp.proto";
message Order {
  string id = 1;
  int32 count = 2;
  int64 cents = 3;
  State state = 4;
  repeated Line lines = 5;
  map<int32, string> notes = 6;
  google.protobuf.Timestamp placed_at = 7;
  oneof paid { string card = 8; string cash = 9; }
  bytes proof = 10;
  message Line { string sku = 1; }
}
enum State { UNKNOWN = 0; NEW = 1; }
"#;

fn read(text: &str, name: &str) -> (Result<Protobuf, Vec<SchemaProblem>>, Sources) {
    let (mut sources, mut documents) = (Sources::default(), Documents::default());
    let yaml = format!("schema: |\n{}", text.lines().map(|line| format!("    {line}\n")).collect::<String>());
    let file = documents.add_text(&mut sources, Path::new("a.yaml"), yaml, &Limits::default());
    let node = documents.root(file).unwrap().get("schema").unwrap().clone();
    let place = Resolved { node, file, pointer: "/schema".to_owned() };
    (Protobuf::read(&documents, &sources, &place, name), sources)
}

fn order() -> Protobuf {
    read(ORDER, "order").0.expect("it compiles")
}

/// Each problem as `line:column what: message`.
fn problems(text: &str, name: &str) -> Vec<String> {
    let (read, sources) = read(text, name);
    let problems = read.err().expect("problems");
    let shown = |problem: &SchemaProblem| {
        let span = problem.span;
        let underlined = &sources.get(span.file).text()[span.start as usize..span.end as usize];
        format!("{} {underlined}: {}", sources.range(span).0, problem.message)
    };
    problems.iter().map(shown).collect()
}

fn messages(schema: &Protobuf, value: &str) -> Vec<String> {
    let found = schema.check_bytes(value.as_bytes()).err().unwrap_or_default();
    found
        .iter()
        .map(|violation| format!("{} {}", violation.position.expect("a place"), violation.message))
        .collect()
}

#[test]
fn errors_stand_at_their_line_in_the_block() {
    let text = "syntax = \"proto3\";\nmessage A {\n  strin id = 1;\n}\n";
    assert_eq!(problems(text, "A"), ["4:7 strin: there is no type `strin`"]);
    let (found, _) = read(text, "A");
    let found = found.err().unwrap();
    assert_eq!(found[0].kind, SchemaProblemKind::ProtobufType);
    assert_eq!(found[0].help.as_deref(), Some("did you mean `string`?"));
    let text = "syntax = \"proto3\";\nmessage A {\n  string id 1;\n}\n";
    assert_eq!(problems(text, "A"), ["4:17 1: expected `=`, but found `1`"]);
    let text = "syntax = \"proto3\";\nmessage A {\n  string id = 1;\n  string no = 1;\n}\n";
    assert_eq!(problems(text, "A"), ["5:19 1: field number `1` is already used"]);
    let text = "syntax = \"proto3\";\nimport \"b.proto\";\nmessage A {}\n";
    assert_eq!(problems(text, "A"), ["3:5 import \"b.proto\";: import `b.proto` not found"]);
    assert_eq!(problems("message A {", "A").len(), 1);
}

#[test]
fn the_message_is_marked_named_or_the_only_one_left() {
    let two = "syntax = \"proto3\";\nmessage A { string a = 1; }\nmessage OrderPlaced { string b = 1; }\n";
    assert_eq!(read(two, "order_placed").0.unwrap().message_name(), "OrderPlaced");
    assert_eq!(
        problems(two, "x"),
        ["3:5 message: which message is the payload is not said: it may be `A` or `OrderPlaced`"]
    );
    let marked =
        "syntax = \"proto3\";\n// @RootNode\nmessage A { string a = 1; }\nmessage B { string b = 1; }\n";
    assert_eq!(read(marked, "x").0.unwrap().message_name(), "A");
    let used = "syntax = \"proto3\";\nmessage A { B b = 1; }\nmessage B { string b = 1; }\n";
    assert_eq!(read(used, "x").0.unwrap().message_name(), "A");
    assert_eq!(
        read("syntax = \"proto2\";\nmessage A { required int32 a = 1; }", "x").0.unwrap().message_name(),
        "A"
    );
}

#[test]
fn values_are_checked_at_their_places() {
    let order = order();
    assert_eq!(order.message_name(), "shop.v1.Order");
    let fine = r#"{"id": "a", "count": 2, "cents": "12", "state": "NEW", "lines": [{"sku": "s"}], "notes": {"1": "x"}, "placedAt": "2026-11-01T00:00:00Z", "card": "c", "proof": "AQID"}"#;
    assert_eq!(messages(&order, fine), [""; 0]);
    assert_eq!(messages(&order, r#"{"placed_at": null, "state": 1, "cents": 12}"#), [""; 0]);
    let bad = "{\"id\": 1,\n \"count\": 3000000000, \"stat\": \"NEW\",\n \"state\": \"NWE\", \"lines\": {},\n \"notes\": {\"x\": 1}, \"placedAt\": \"today\",\n \"card\": \"a\", \"cash\": \"b\", \"proof\": \"*\"}";
    assert_eq!(
        messages(&order, bad),
        [
            "1:8 `id` is 1, not a string",
            "2:11 `count` is 3000000000, not of the type `int32`",
            "2:23 the message `shop.v1.Order` has no field `stat`",
            "3:11 `state` is `NWE`, not `UNKNOWN` or `NEW` of `shop.v1.State`",
            "3:27 `lines` is an object, not an array: the field is repeated `shop.v1.Order.Line`",
            "4:12 the key `x` of `notes` is not of the type `int32`",
            "4:17 `x` is 1, not a string",
            "4:33 `placedAt` is \"today\", not a `google.protobuf.Timestamp`",
            "5:15 only one of `card` and `cash` may be set: they are the oneof `paid`",
            "5:37 `proof` is \"*\", not bytes in base64",
        ]
    );
}

#[test]
fn proto2_asks_for_its_required_fields() {
    let schema =
        read("syntax = \"proto2\";\nmessage A { required int32 a = 1; optional A b = 2; }", "A").0.unwrap();
    assert_eq!(messages(&schema, "{\"a\": 1}"), [""; 0]);
    assert_eq!(messages(&schema, "{\"a\": 1, \"b\": {}}"), ["1:10 the field `a` of `b` is missing"]);
}

/// An order: id "a", count 2, cents 12, NEW, one line "s".
const BYTES: [u8; 14] = [10, 1, b'a', 16, 2, 24, 12, 32, 1, 42, 3, 10, 1, b's'];

/// Each fault as pointer, byte, keyword and words.
fn faults(schema: &Protobuf, payload: &[u8], start: usize) -> Vec<String> {
    let found = schema.check_binary(payload, start).err().unwrap_or_default();
    found
        .iter()
        .map(|fault| {
            let offset = fault.position.map_or(String::new(), |position| position.offset.to_string());
            format!("{}@{offset} {}: {}", fault.instance_pointer, fault.keyword, fault.message)
        })
        .collect()
}

#[test]
fn binary_faults_have_a_field_and_a_byte() {
    let order = order();
    assert_eq!(faults(&order, &BYTES, 0), [""; 0]);
    assert_eq!(faults(&order, &[&[0, 0, 0, 0, 7, 0][..], &BYTES].concat(), 6), [""; 0]);
    // Of what can be read on, all is said: an unknown enum number, an unknown field, the wrong kind, no UTF-8.
    let bytes =
        [32, 9, 0xa0, 0x06, 1, 16, 2, 18, 1, b'x', 42, 3, 10, 1, 0xff, 42, 2, 8, 1, 50, 4, 8, 5, 18, 0];
    assert_eq!(
        faults(&order, &bytes, 0),
        [
            "/state@1 enum: `state` at byte 1 is 9, no value of `shop.v1.State`",
            "/#100@2 additionalProperties: the field number 100 at byte 2 is one `shop.v1.Order` does not have",
            "/count@7 type: `count` at byte 7 is written as bytes with a length, and its kind `int32` as a varint",
            "/lines/0/sku@14 utf-8: `sku` is no UTF-8 from byte 14 on",
            "/lines/1/sku@17 type: `sku` at byte 17 is written as a varint, and its kind `string` as bytes with a length",
        ]
    );
    assert_eq!(
        faults(&order, &BYTES[..12], 0),
        [
            "/lines/0@10 truncated: item 0 of `lines` at byte 10 says it has 3 bytes, and 1 byte is left of the payload"
        ]
    );
    assert_eq!(faults(&order, &[7, 0], 0), ["@0 tag: `0x07` at byte 0 begins no field of `shop.v1.Order`"]);
    assert_eq!(
        faults(&order, &[16], 0),
        ["/count@1 truncated: the payload ends at byte 1, within `count` of `shop.v1.Order`"]
    );
    // A timestamp with minus one nanosecond.
    let moment = [58, 11, 16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    assert_eq!(
        faults(&order, &moment, 0),
        [
            "/placedAt@2 type: `placedAt` at byte 2 is no `google.protobuf.Timestamp`: 0 s and -1 ns are out of its bounds"
        ]
    );
    // An entry of a map whose value is no text.
    assert_eq!(
        faults(&order, &[50, 5, 8, 5, 18, 1, 0xff], 0),
        ["/notes/5@6 utf-8: item 5 of `notes` is no UTF-8 from byte 6 on"]
    );
}

#[test]
fn binary_proto2_asks_for_its_fields_and_has_groups() {
    let text = "syntax = \"proto2\";\nmessage A { required int32 a = 1; optional A b = 2; repeated int32 c = 3 [packed=true]; repeated int32 e = 4; optional group G = 5 { optional State s = 1; } reserved 6; extensions 100 to 200; enum State { X = 0; } }";
    let schema = read(text, "A").0.unwrap();
    let fine = [8, 1, 26, 2, 1, 2, 24, 3, 32, 1, 34, 1, 2, 43, 8, 0, 44, 0xa0, 0x06, 1];
    assert_eq!(faults(&schema, &fine, 0), [""; 0]);
    assert_eq!(
        faults(&schema, &[8, 1, 18, 0, 43, 8, 1, 44, 48, 0], 0),
        [
            "/b@4 required: the field `a` of `b` is missing",
            "/g/s@6 enum: `s` at byte 6 is 1, no value of `A.State`",
            "/#6@8 additionalProperties: the field number 6 at byte 8 is one `A` reserves",
        ]
    );
    assert_eq!(
        faults(&schema, &[8, 1, 43, 8, 0], 0),
        ["/g@5 truncated: the payload ends at byte 5, within a group of `A.G`"]
    );
    assert_eq!(faults(&schema, &[8, 1, 44], 0), ["@2 tag: the group 5 ends at byte 2 and never began"]);
}

#[test]
fn indexes_lead_to_messages() {
    let order = order();
    assert_eq!(order.message_at(&[0]).as_deref(), Some("shop.v1.Order"));
    assert_eq!(order.message_at(&[0, 1]).as_deref(), Some("shop.v1.Order.Line"));
    assert_eq!(order.message_at(&[1]), None);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    /// What the decoder refuses, the walk refuses with a byte; it never panics.
    #[test]
    fn the_walk_refuses_what_the_decoder_refuses(
        changes in proptest::collection::vec((0..BYTES.len(), proptest::prelude::any::<u8>()), 0..5),
        length in 0..20_usize,
    ) {
        let mut bytes = BYTES.to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        bytes.resize(length, 2);
        let order = order();
        let decoded = prost_reflect::DynamicMessage::decode(order.message.clone(), bytes.as_slice());
        let found = order.check_binary(&bytes, 0).err().unwrap_or_default();
        proptest::prop_assert!(decoded.is_ok() || !found.is_empty());
        proptest::prop_assert!(found.iter().all(|fault| fault.position.is_some()), "{:?} {:?}", bytes, found);
    }
}

/// What the library accepts as JSON, the checker accepts, and the other way round.
#[test]
fn the_library_agrees_about_single_fields() {
    let order = order();
    for value in [
        r#"{"count": "7"}"#,
        r#"{"count": 7.0}"#,
        r#"{"count": 7.5}"#,
        r#"{"count": true}"#,
        r#"{"count": "x"}"#,
        r#"{"cents": 9223372036854775807}"#,
        r#"{"cents": 9223372036854775808}"#,
        r#"{"id": null}"#,
        r#"{"lines": [{"sku": 1}]}"#,
        r#"{"lines": [{}]}"#,
        r#"{"notes": {"1": "a"}}"#,
        r#"{"notes": {"a": "a"}}"#,
        r#"{"state": 77}"#,
        r#"{"state": true}"#,
        r#"{"placedAt": "2026-11-01T00:00:00.5+01:00"}"#,
        r#"{"placedAt": 3}"#,
        r#"{"proof": "AQID"}"#,
        r#"{"proof": "AQ=="}"#,
        r#"{"proof": "é"}"#,
        r#"{"card": "a", "cash": "b"}"#,
        r#"{"nope": 1}"#,
    ] {
        let mut reader = serde_json::Deserializer::from_str(value);
        let library = prost_reflect::DynamicMessage::deserialize(order.message.clone(), &mut reader).is_ok();
        assert_eq!(order.check_bytes(value.as_bytes()).is_ok(), library, "{value}");
    }
}
