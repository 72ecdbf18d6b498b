//! The quick way beside the validator: whatever it says, the validator says too.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::Program;
use crate::schema::{Compiled, Compiler, Dialect};
use crate::source_text::{Documents, Limits, Sources};

const DIALECTS: [Dialect; 7] = [
    Dialect::Draft4,
    Dialect::Draft6,
    Dialect::Draft7,
    Dialect::Draft201909,
    Dialect::Draft202012,
    Dialect::AsyncApi,
    Dialect::OpenApi30,
];

/// The schema by both ways; `None` when it is no schema at all.
fn compile(schema: &Value, dialect: Dialect) -> Option<(Compiled, Option<Program>)> {
    let (mut sources, mut documents) = (Sources::default(), Documents::default());
    let text = json!({ "root": schema }).to_string();
    let file = documents.add_text(&mut sources, Path::new("a.json"), text, &Limits::default());
    let place = documents.resolve(file, "#/root").ok()?;
    let compiled = Compiler::new(&documents).compile(&place, dialect).ok()?;
    let program = Program::new(compiled.self_contained(), compiled.dialect());
    Some((compiled, program))
}

/// What both ways say; panics where they differ.
fn both(compiled: &Compiled, program: &Program, payload: &[u8]) -> (Option<bool>, bool) {
    let thorough = compiled.check_thoroughly(payload);
    let quick = program.accepts(payload);
    if let Some(quick) = quick {
        let text = String::from_utf8_lossy(payload);
        let schema = compiled.self_contained();
        assert_eq!(quick, thorough.is_ok(), "{schema}\n{text}\n{thorough:?}");
    }
    (quick, thorough.is_ok())
}

fn order() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["id", "total", "items"],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "time": {"type": "string", "format": "date-time"},
            "number": {"type": "string", "pattern": "^ORD-[0-9]{8}$"},
            "status": {"enum": ["placed", "paid", null, 3]},
            "total": {"type": "number", "minimum": 0, "multipleOf": 0.01},
            "items": {"type": "array", "minItems": 1, "items": {"$ref": "#/root/properties/number"}},
            "tags": {"type": "array", "uniqueItems": true, "items": {"type": "string", "maxLength": 3}},
            "who": {"oneOf": [
                {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}},
                {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "b"}, "x": {"type": "string"}}}
            ]},
            "note": {"type": ["string", "null"], "maxLength": 4}
        }
    })
}

/// Payloads that end at the quick way, and those that do not.
#[test]
fn the_usual_event_takes_the_quick_way() {
    let (compiled, program) = compile(&order(), Dialect::AsyncApi).unwrap();
    let program = program.unwrap();
    let good = r#" {"id":"6ba7b810-9dad-41d1-80b4-00c04fd430c8","time":"2026-02-28T10:00:00.5+01:00","number":"ORD-00000001",
        "status":"paid","total":12.34,"items":["ORD-12345678"],"tags":["a","ä€😀"],"who":{"kind":"b","x":"1"},"note":null} "#;
    assert_eq!(both(&compiled, &program, good.as_bytes()), (Some(true), true));
    for (from, to) in [
        ("12.34", "12.345"),
        ("12.34", "-1"),
        ("ORD-12345678", "ORD-1234567"),
        ("\"paid\"", "\"sold\""),
        ("\"paid\"", "4"),
        ("\"x\":\"1\"", "\"x\":1"),
        ("null}", "\"12345\"}"),
        ("\"a\",\"ä€😀\"", "\"a\",\"a\""),
        ("\"note\"", "\"nota\""),
        ("02-28", "02-30"),
        ("6ba7b810-", "6ba7b810"),
    ] {
        let payload = good.replace(from, to);
        assert_eq!(both(&compiled, &program, payload.as_bytes()), (Some(false), false), "{payload}");
    }
}

#[test]
fn what_is_no_json_or_seldom_is_left_to_the_validator() {
    let (compiled, program) =
        compile(&json!({"type": ["object", "array", "number", "string"]}), Dialect::AsyncApi).unwrap();
    let program = program.unwrap();
    let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
    for payload in [
        "",
        " ",
        "{",
        "{\"a\":1",
        "{\"a\":1}}",
        "{\"a\":1,}",
        "{a:1}",
        "[1,]",
        "[1 2]",
        "01",
        "1.",
        ".5",
        "-",
        "+1",
        "1e",
        "NaN",
        "\"a",
        "\"\u{1}\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\ud800\\u0041\"",
        "{\"\\ud800\":1}",
        "tru",
        "nulll",
        "\u{feff}{}",
        "{} {}",
        "1e400",
        "-0",
    ] {
        assert_ne!(both(&compiled, &program, payload.as_bytes()).0, Some(true), "{payload}");
    }
    // The validator takes what is deep by recursion, for which the stack of a test is too small without optimization.
    let deep_is_left = || assert_ne!(both(&compiled, &program, deep.as_bytes()).0, Some(true));
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(16 << 20).spawn_scoped(scope, deep_is_left);
        thread.unwrap().join().unwrap();
    });
    for bytes in [&b"\"\xff\""[..], b"{\"\xc3\":1}", b"\"\xed\xa0\x80\""] {
        assert_eq!(both(&compiled, &program, bytes).0, None);
    }
    assert_eq!(
        both(&compiled, &program, b"{\"\\u0061\":\"\\ud83d\\ude00\\n\",\"b\":[]}"),
        (Some(true), true)
    );
}

#[test]
fn names_with_escapes_and_repeats_are_read_as_the_parser_does() {
    let schema = json!({"properties": {"ab": {"type": "integer"}}, "required": ["ab"], "additionalProperties": {"type": "string"}});
    let (compiled, program) = compile(&schema, Dialect::Draft7).unwrap();
    let program = program.unwrap();
    assert_eq!(both(&compiled, &program, b"{\"\\u0061b\":1}"), (Some(true), true));
    assert_eq!(both(&compiled, &program, b"{\"\\u0061b\":\"1\"}"), (Some(false), false));
    for repeated in [
        "{\"ab\":1,\"ab\":\"x\"}",
        "{\"ab\":\"x\",\"ab\":1}",
        "{\"ab\":1,\"c\":1,\"c\":\"x\"}",
        "{\"ab\":1,\"c\":\"x\",\"\\u0063\":\"x\"}",
    ] {
        both(&compiled, &program, repeated.as_bytes());
    }
}

/// Words that come up in schemas and values alike, so that they often meet.
const NAMES: [&str; 6] = ["a", "b", "ab", "kind", "é", "x/y"];
const TEXTS: [&str; 16] = [
    "",
    "a",
    "ab",
    "abc",
    "é",
    "😀",
    "e\u{301}",
    "2026-02-28",
    "2026-02-28T23:59:59Z",
    "10:00:00+01:00",
    "a@b.de",
    "/x/y",
    "https://a.de/x",
    "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
    "12",
    "a\"\\\n",
];
const FORMATS: [&str; 10] =
    ["uuid", "date", "date-time", "time", "email", "uri", "uri-reference", "ipv4", "hostname", "unheard-of"];
const PATTERNS: [&str; 9] =
    ["^a", "^[a-z]+$", "b$", "^\\d{2}$", "^[^a]*$", "a|b", "^a?b$", "^\\w+$", "^(?!a)"];

fn numbers() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-4_i64..5).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-40_i32..40).prop_map(|number| Value::from(f64::from(number) / 4.0)),
        (-400_i32..400).prop_map(|number| Value::from(f64::from(number) / 100.0)),
        prop_oneof![Just(0.1), Just(1e20), Just(9_007_199_254_740_993.0), Just(1e-9), Just(1.5e300)]
            .prop_map(Value::from),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        numbers(),
        prop::sample::select(&TEXTS[..]).prop_map(Value::from),
        "\\PC{0,5}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            members(inner).prop_map(Value::Object),
        ]
    })
}

fn members(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let pair = (prop::sample::select(&NAMES[..]), inner).prop_map(|(name, value)| (name.to_owned(), value));
    proptest::collection::vec(pair, 0..5).prop_map(|pairs| pairs.into_iter().collect())
}

fn keyword(inner: BoxedStrategy<Value>) -> BoxedStrategy<(String, Value)> {
    let kinds = ["null", "boolean", "string", "array", "object", "integer", "number"];
    let kind = prop::sample::select(kinds.to_vec());
    let several = proptest::sample::subsequence(kinds.to_vec(), 1..5).prop_map(Value::from);
    let size = prop::sample::select(vec![
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
    ]);
    let limit = prop::sample::select(vec!["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]);
    let text = |name: &'static str, from: &'static [&'static str]| {
        prop::sample::select(from).prop_map(move |text| (name.to_owned(), Value::from(text)))
    };
    let one = prop::sample::select(vec![
        "not",
        "if",
        "then",
        "else",
        "contains",
        "propertyNames",
        "items",
        "additionalItems",
        "additionalProperties",
    ]);
    let lists = prop::sample::select(vec!["allOf", "anyOf", "oneOf", "items", "prefixItems"]);
    let names = || proptest::sample::subsequence(NAMES.to_vec(), 0..3).prop_map(Value::from);
    let dependencies =
        proptest::collection::vec((prop::sample::select(&NAMES[..]), names()), 1..3).prop_map(|pairs| {
            pairs.into_iter().map(|(name, needed)| (name.to_owned(), needed)).collect::<Map<_, _>>()
        });
    prop_oneof![
        6 => prop_oneof![kind.prop_map(Value::from), several].prop_map(|kinds| ("type".to_owned(), kinds)),
        2 => (size, 0_u64..4).prop_map(|(name, size)| (name.to_owned(), size.into())),
        2 => (limit, numbers()).prop_map(|(name, number)| (name.to_owned(), number)),
        1 => prop_oneof![(1_i64..4).prop_map(Value::from), Just(json!(0.01)), Just(json!(0.5))].prop_map(|by| ("multipleOf".to_owned(), by)),
        1 => text("pattern", &PATTERNS),
        2 => text("format", &FORMATS),
        1 => any::<bool>().prop_map(|unique| ("uniqueItems".to_owned(), unique.into())),
        2 => proptest::collection::vec(values(), 1..4).prop_map(|values| ("enum".to_owned(), values.into())),
        1 => values().prop_map(|value| ("const".to_owned(), value)),
        2 => names().prop_map(|names| ("required".to_owned(), names)),
        1 => (prop::sample::select(vec!["dependentRequired", "dependencies"]), dependencies).prop_map(|(name, value)| (name.to_owned(), value.into())),
        3 => members(inner.clone()).prop_map(|schemas| ("properties".to_owned(), schemas.into())),
        1 => (prop::sample::select(&PATTERNS[..8]), inner.clone()).prop_map(|(pattern, schema)| ("patternProperties".to_owned(), json!({pattern: schema}))),
        3 => (one, inner.clone()).prop_map(|(name, schema)| (name.to_owned(), schema)),
        2 => (lists, proptest::collection::vec(inner, 1..4)).prop_map(|(name, schemas)| (name.to_owned(), schemas.into())),
        1 => Just(("$ref".to_owned(), json!("#/root"))),
    ]
    .boxed()
}

fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!({})), any::<bool>().prop_map(Value::from)].boxed();
    leaf.prop_recursive(3, 24, 4, |inner| {
        proptest::collection::vec(keyword(inner.boxed()), 0..4)
            .prop_map(|keywords| Value::Object(keywords.into_iter().collect()))
            .boxed()
    })
}

/// A payload, often broken in one byte, sometimes written with escapes.
fn damaged(value: &Value, at: prop::sample::Index, by: Option<u8>, escape: bool) -> Vec<u8> {
    let mut payload = value.to_string().into_bytes();
    if escape {
        payload = String::from_utf8_lossy(&payload).replace('a', "\\u0061").into_bytes();
    }
    if let Some(byte) = by {
        let at = at.index(payload.len());
        payload[at] = byte;
    }
    payload
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn any_schema_and_any_value_have_one_verdict(
        schema in schemas(),
        dialect in prop::sample::select(&DIALECTS[..]),
        payloads in proptest::collection::vec((values(), any::<prop::sample::Index>(), proptest::option::weighted(0.2, any::<u8>()), any::<bool>()), 1..6),
    ) {
        if let Some((compiled, Some(program))) = compile(&schema, dialect) {
            for (value, at, by, escape) in payloads {
                both(&compiled, &program, &damaged(&value, at, by, escape));
            }
        }
    }

    #[test]
    fn damaged_orders_have_one_verdict(at in any::<prop::sample::Index>(), by in any::<u8>(), cut in proptest::option::of(any::<prop::sample::Index>())) {
        let (compiled, program) = compile(&order(), Dialect::AsyncApi).unwrap();
        let value = json!({"id": "6ba7b810-9dad-41d1-80b4-00c04fd430c8", "time": "2026-02-28T10:00:00.5+01:00", "status": 3,
            "total": 12.5, "items": ["ORD-12345678"], "tags": ["a"], "who": {"kind": "a", "x": 1}, "note": "\u{e9}"});
        let mut payload = damaged(&value, at, Some(by), false);
        if let Some(cut) = cut {
            payload.truncate(cut.index(payload.len()));
        }
        both(&compiled, &program.unwrap(), &payload);
    }

    #[test]
    fn what_surely_is_of_a_format_is(format in prop::sample::select(&FORMATS[..]), text in "[0-9]{4}-[0-3][0-9]-[0-3][0-9](T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,10})?(Z|[+-][0-2][0-9]:[0-6][0-9])?)?|[a-c@._/:-]{0,12}|https?://[a-c.-]{1,5}[/a.]{0,4}|[0-2][0-9]:[0-9]{2}:[0-6][0-9](Z|\\.1Z|[+-]2[0-9]:[0-9]{2})") {
        let (compiled, program) = compile(&json!({"format": format}), Dialect::Draft202012).unwrap();
        both(&compiled, &program.unwrap(), Value::from(text).to_string().as_bytes());
    }
}

/// Every case of the JSON Schema test suite, where it is at hand.
#[test]
fn the_test_suite_has_one_verdict() {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpora");
    let folder = Path::new(option_env!("EDDY_CORPORA").unwrap_or(beside));
    if !folder.is_dir() {
        return;
    }
    let folder = folder.join("json-schema-test-suite/tests");
    let drafts = [
        ("draft4", Dialect::Draft4),
        ("draft6", Dialect::Draft6),
        ("draft7", Dialect::Draft7),
        ("draft2019-09", Dialect::Draft201909),
        ("draft2020-12", Dialect::Draft202012),
    ];
    let (mut cases, mut quick) = (0, 0);
    for (draft, dialect) in drafts {
        for entry in std::fs::read_dir(folder.join(draft)).into_iter().flatten().flatten() {
            let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
            for group in serde_json::from_str::<Vec<Value>>(&text).unwrap_or_default() {
                let Some((compiled, Some(program))) = compile(&group["schema"], dialect) else { continue };
                for case in group["tests"].as_array().into_iter().flatten() {
                    cases += 1;
                    let (said, is_valid) = both(&compiled, &program, case["data"].to_string().as_bytes());
                    quick += usize::from(said == Some(is_valid));
                }
            }
        }
    }
    assert!(cases > 500 && quick * 10 > cases * 8, "{quick} of {cases} decided");
}
