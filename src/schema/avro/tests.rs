//! Avro schemas and the values they check, each fault at its place.

use std::path::Path;

use super::Avro;
use crate::schema::{AvroFault, SchemaProblem, SchemaProblemKind, Violation};
use crate::source_text::{Documents, Limits, Resolved, SourceText, Sources, yaml};

fn read_version(text: &str, version: (u32, u32)) -> (Option<Avro>, Vec<SchemaProblem>, Sources) {
    let (mut sources, mut documents) = (Sources::default(), Documents::default());
    let file = documents.add_text(&mut sources, Path::new("a.avsc"), text.to_owned(), &Limits::default());
    let node = documents.root(file).expect("a tree").clone();
    let (avro, problems) = Avro::read(&documents, &Resolved { node, file, pointer: String::new() }, version);
    (avro, problems, sources)
}

fn read(text: &str) -> (Option<Avro>, Vec<SchemaProblem>, Sources) {
    read_version(text, (1, 11))
}

/// Each problem as `what is underlined: message`.
fn problems(text: &str) -> Vec<String> {
    let (_, problems, _) = read(text);
    problems
        .iter()
        .map(|problem| {
            let span = problem.span;
            format!("{}: {}", &text[span.start as usize..span.end as usize], problem.message)
        })
        .collect()
}

fn schema(text: &str) -> Avro {
    let (avro, problems, _) = read(text);
    assert!(problems.is_empty(), "{problems:?}");
    avro.expect("a schema")
}

fn messages(schema: &Avro, value: &str) -> Vec<String> {
    let found = schema.check_bytes(value.as_bytes()).err().unwrap_or_default();
    found
        .iter()
        .map(|violation: &Violation| {
            let place = violation.position.map(|position| position.to_string()).unwrap_or_default();
            format!("{place} {}", violation.message)
        })
        .collect()
}

const ORDER: &str = "{type: record, name: Order, namespace: shop, fields: [
  {name: id, type: string},
  {name: count, type: int, default: 1},
  {name: state, type: {type: enum, name: State, symbols: [NEW, PAID]}},
  {name: note, type: ['null', string], default: null},
  {name: price, type: {type: bytes, logicalType: decimal, precision: 9, scale: 2}},
  {name: lines, type: {type: array, items: {type: record, name: Line, fields: [{name: sku, type: string}]}}},
  {name: again, type: ['null', Order], default: null},
  {name: first, type: ['null', Line], default: null}]}";

#[test]
fn names_of_types_are_looked_for_in_order() {
    assert_eq!(
        problems("{type: record, name: A, fields: [{name: x, type: strin}]}"),
        ["strin: there is no Avro type `strin`"]
    );
    assert_eq!(problems("{type: recrd, name: A, fields: []}"), ["recrd: there is no Avro type `recrd`"]);
    let later = "{type: record, name: A, fields: [{name: x, type: B}, {name: y, type: {type: fixed, name: B, size: 2}}]}";
    assert_eq!(problems(later), ["B: there is no Avro type `B`"]);
    let spaces = "{type: record, name: a.b.A, fields: [{name: x, type: {type: fixed, name: B, size: 2}}, {name: y, type: B}, {name: z, type: a.b.B}, {name: w, type: a.B}]}";
    assert_eq!(problems(spaces), ["a.B: there is no Avro type `a.B`"]);
}

#[test]
fn every_part_is_needed_and_of_its_kind() {
    for (text, expected) in [
        ("{name: A}", "name: an Avro type has no `type`"),
        ("{type: record, fields: []}", "type: an Avro record needs `name`"),
        ("{type: record, name: A, feilds: []}", "type: an Avro record needs `fields`"),
        ("{type: enum, name: A}", "type: an Avro enum needs `symbols`"),
        ("{type: fixed, name: A}", "type: an Avro fixed needs `size`"),
        (
            "{type: fixed, name: A, size: -1}",
            "-1: the size of an Avro fixed must be a whole number of bytes from 0 on",
        ),
        ("{type: array}", "type: an Avro array needs `items`"),
        ("{type: map}", "type: an Avro map needs `values`"),
        ("12", "12: an Avro type is text, a list or a mapping, and this is a number"),
        ("[int, [string]]", "[string]: a union cannot hold a union of its own"),
        ("[int, int]", "int: the union has `int` twice"),
        ("{type: record, name: A, fields: [{name: x}]}", "name: an Avro field has no `type`"),
        ("{type: record, name: A, fields: [{type: int}]}", "type: an Avro field has no `name`"),
        (
            "{type: record, name: A, fields: [{name: x, type: int, order: up}]}",
            "up: the order of an Avro field is none that exists",
        ),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
    }
}

#[test]
fn names_have_a_grammar() {
    for (text, expected) in [
        ("{type: fixed, name: 1a, size: 1}", "1a: `1a` is no Avro name"),
        (
            "{type: fixed, name: string, size: 1}",
            "string: `string` is the name of a primitive type and cannot be defined",
        ),
        ("{type: fixed, name: A, namespace: a..b, size: 1}", "a..b: `a..b` is no Avro namespace"),
        ("{type: fixed, name: A, aliases: [b-c], size: 1}", "b-c: `b-c` is no Avro name"),
        ("{type: enum, name: A, symbols: [B, 'C D']}", "'C D': `C D` is no Avro name"),
        ("{type: enum, name: A, symbols: [B, B]}", "B: the symbol `B` is written twice"),
        (
            "{type: enum, name: A, symbols: [B], default: C}",
            "C: the default of the enum `A` is none of its symbols",
        ),
        (
            "{type: record, name: A, fields: [{name: x, type: int}, {name: x, type: int}]}",
            "x: the field `x` is written twice",
        ),
        (
            "[{type: fixed, name: A, size: 1}, {type: map, values: {type: fixed, name: A, size: 1}}]",
            "A: the Avro type `A` is defined twice",
        ),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
    }
}

#[test]
fn logical_types_fit_what_they_annotate_and_only_warn() {
    for (text, expected) in [
        (
            "{type: string, logicalType: date}",
            "date: the logical type `date` annotates int, and this is string",
        ),
        ("{type: bytes, logicalType: decimal}", "decimal: the logical type `decimal` needs `precision`"),
        (
            "{type: bytes, logicalType: decimal, precision: 2, scale: 3}",
            "3: the scale 3 of a decimal is above its precision 2",
        ),
        (
            "{type: fixed, name: A, size: 2, logicalType: decimal, precision: 5}",
            "5: a fixed of 2 bytes holds 4 digits, and the precision is 5",
        ),
        (
            "{type: long, logicalType: timestamp-milis}",
            "timestamp-milis: there is no logical type `timestamp-milis`",
        ),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
        assert!(read(text).0.is_some(), "{text} still checks values");
    }
    for fine in [
        "{type: long, logicalType: timestamp-millis}",
        "{type: long, logicalType: timestamp-nanos}",
        "{type: string, logicalType: uuid}",
        "{type: long, logicalType: my-own}",
        "{type: fixed, name: D, size: 12, logicalType: duration}",
    ] {
        assert_eq!(problems(fine), [""; 0], "{fine}");
    }
}

#[test]
fn defaults_are_of_the_first_branch_until_1_12() {
    let field = |kind: &str, default: &str| {
        format!("{{type: record, name: A, fields: [{{name: x, type: {kind}, default: {default}}}]}}")
    };
    for (kind, default) in [
        ("int", "a"),
        ("[string, 'null']", "null"),
        ("['null', string]", "a"),
        ("{type: array, items: int}", "[a]"),
        ("{type: enum, name: E, symbols: [B]}", "C"),
        ("long", "1.5"),
        ("int", "3000000000"),
        ("{type: fixed, name: F, size: 2}", "abc"),
        ("bytes", "\u{30b}"),
    ] {
        let (avro, problems, _) = read(&field(kind, default));
        assert!(avro.is_some());
        assert_eq!(problems.len(), 1, "{kind} {default}");
        assert_eq!(problems[0].kind, SchemaProblemKind::Avro(AvroFault::Default));
    }
    for (kind, default) in [
        ("int", "1"),
        ("double", "1"),
        ("float", "NaN"),
        ("['null', string]", "null"),
        ("{type: map, values: int}", "{a: 1}"),
        ("bytes", "\u{ff}"),
        ("{type: record, name: R, fields: [{name: y, type: int, default: 1}]}", "{}"),
    ] {
        assert_eq!(read(&field(kind, default)).1, [], "{kind} {default}");
    }
    let text = field("['null', string]", "a");
    assert_eq!(read_version(&text, (1, 12)).1, []);
    assert_eq!(read_version(&text, (1, 9)).1.len(), 1);
}

#[test]
fn values_are_checked_at_their_places() {
    let order = schema(ORDER);
    let fine = r#"{"id": "a", "state": "NEW", "price": "\u0004\u00d2", "lines": [{"sku": "s"}], "note": {"string": "x"}, "again": {"shop.Order": {"id": "b", "state": "PAID", "price": 1.5, "lines": []}}}"#;
    assert_eq!(messages(&order, fine), [""; 0]);
    let plain = r#"{"id": "a", "state": "NEW", "price": 3, "lines": [], "note": "x", "first": {"sku": "s"}}"#;
    assert_eq!(messages(&order, plain), [""; 0]);
    let bad = "{\"id\": 1,\n \"state\": \"NWE\",\n \"price\": true, \"lines\": [{\"sk\": 1}],\n \"note\": 5, \"count\": 3000000000}";
    assert_eq!(
        messages(&order, bad),
        [
            "1:8 `id` is the number 1, not of the Avro type `string`",
            "2:11 `state` is `NWE`, not `NEW` or `PAID` of `shop.State`",
            "3:11 `price` is a boolean, not of the Avro type `bytes`",
            "3:27 the field `sku` of item 0 of `lines` is missing",
            "3:28 the record `shop.Line` has no field `sk`",
            "4:10 `note` is the number 5, not `null` or `string`",
            "4:22 `count` is 3000000000, past 32 bits, not of the Avro type `int`",
        ]
    );
    assert_eq!(messages(&order, "{").len(), 1);
}

#[test]
fn positions_of_a_tree_are_those_of_its_file() {
    let order = schema(ORDER);
    let mut sources = Sources::default();
    let file = sources.add(SourceText::new("a.yaml", "id: 1\nstate: NEW\nprice: 1\nlines: []\n".to_owned()));
    let root = yaml::parse(&sources, file, &Limits::default()).root.expect("a tree");
    let found = order.check_tree(&root);
    assert_eq!(found.len(), 1);
    assert_eq!(sources.range(found[0].span.expect("a place")).0.to_string(), "1:5");
}

/// An order: id "a", count 2, NEW, note "x", 12.34, one line "s", again null, first null.
const BYTES: [u8; 16] = [2, b'a', 4, 0, 2, 2, b'x', 4, 0x04, 0xd2, 2, 2, b's', 0, 0, 0];

#[test]
fn binary_payloads_become_plain_json() {
    let order = schema(ORDER);
    let value = order.decode(&BYTES, 0).expect("a value");
    assert_eq!(
        value,
        serde_json::json!({"id": "a", "count": 2, "state": "NEW", "note": "x", "price": "12.34",
            "lines": [{"sku": "s"}], "again": null, "first": null})
    );
    assert_eq!(order.check_value(&value), []);
}

/// What is wrong with a payload: pointer, byte and words.
fn fault(schema: &Avro, payload: &[u8], start: usize) -> String {
    let found = schema.decode(payload, start).unwrap_err().remove(0);
    let offset = found.position.expect("a byte").offset;
    format!("{}@{offset} {}: {}", found.instance_pointer, found.keyword, found.message)
}

#[test]
fn binary_faults_have_a_field_and_a_byte() {
    let order = schema(ORDER);
    let changed = |at: usize, byte: u8| {
        let mut bytes = BYTES.to_vec();
        bytes[at] = byte;
        fault(&order, &bytes, 0)
    };
    assert_eq!(
        changed(3, 4),
        "/state@3 enum: `state` at byte 3 is symbol number 2 of `shop.State`, which has 2: `NEW` and `PAID`"
    );
    assert_eq!(
        changed(4, 8),
        "/note@4 enum: `note` at byte 4 is branch number 4 of a union, which has 2: `null` and `string`"
    );
    assert_eq!(changed(0, 1), "/id@0 length: `id` at byte 0 says it has -1 bytes");
    assert_eq!(
        changed(0, 100),
        "/id@0 truncated: `id` at byte 0 says it has 50 bytes, and 15 bytes are left of the payload"
    );
    assert_eq!(changed(12, 0xff), "/lines/0/sku@12 utf-8: `sku` is no UTF-8 from byte 12 on");
    assert_eq!(
        fault(&order, &BYTES[..2], 0),
        "/count@2 truncated: the payload ends at byte 2, within `count` of the Avro type `int`"
    );
    let framed = [&[0, 0, 0, 0, 7][..], &BYTES, &[9]].concat();
    assert_eq!(
        fault(&order, &framed, 5),
        "@21 trailing: the value ends at byte 21, and 1 byte is left of the payload"
    );
    let scalars = schema("{type: record, name: A, fields: [{name: x, type: boolean}, {name: y, type: int}]}");
    assert_eq!(
        fault(&scalars, &[2, 0], 0),
        "/x@0 type: `x` at byte 0 is the byte 2, and a boolean is 0 or 1"
    );
    assert_eq!(
        fault(&scalars, &[1, 0xfe, 0xff, 0xff, 0xff, 0x1f], 0),
        "/y@1 type: `y` at byte 1 is 4294967295, too large for the Avro type `int`"
    );
    assert_eq!(
        fault(&scalars, &[&[1][..], &[0xff; 12]].concat(), 0),
        "/y@1 type: `y` at byte 1 is no number: it has more than 64 bits"
    );
    // Nulls take no bytes: a count alone must not fill the memory.
    let nulls = schema("{type: array, items: 'null'}");
    let many = fault(&nulls, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0], 0);
    assert!(many.contains("holds too many values"), "{many}");
    let list = schema("{type: record, name: A, fields: [{name: next, type: ['null', A]}]}");
    assert!(fault(&list, &[2; 1000], 0).contains("is nested too deep"));
}

mod against_the_library {
    use proptest::prelude::*;

    use super::schema;

    /// Without bytes and fractions, which the library writes in another way, and without a union at the end, which it
    /// takes for null when it is cut off.
    const PLAIN: &str = r#"{"type": "record", "name": "Order", "fields": [
        {"name": "id", "type": "string"}, {"name": "count", "type": "int"},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
        {"name": "note", "type": ["null", "string"]}, {"name": "again", "type": ["null", "Order"]},
        {"name": "sum", "type": "long"},
        {"name": "lines", "type": {"type": "array", "items":
            {"type": "record", "name": "Line", "fields": [{"name": "sku", "type": "string"}]}}},
        {"name": "tags", "type": {"type": "map", "values": "boolean"}}]}"#;
    const PLAIN_BYTES: [u8; 18] = [2, b'a', 4, 0, 2, 2, b'x', 0, 4, 2, 2, b's', 0, 2, 2, b't', 1, 0];

    #[test]
    fn what_is_written_is_read() {
        let value = schema(PLAIN).decode(&PLAIN_BYTES, 0).expect("a value");
        assert_eq!(value["tags"], serde_json::json!({"t": true}));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn both_read_the_same(
            changes in prop::collection::vec((0..PLAIN_BYTES.len(), prop_oneof![0..8_u8, any::<u8>()]), 0..4),
            length in 10..24_usize,
        ) {
            let mut bytes = PLAIN_BYTES.to_vec();
            for (at, byte) in changes {
                bytes[at] = byte;
            }
            bytes.resize(length.max(1), 0);
            let library = apache_avro::Schema::parse_str(PLAIN).expect("a schema");
            let mut rest = bytes.as_slice();
            let reader = apache_avro::reader::datum::GenericDatumReader::builder(&library).build().expect("a reader");
            let theirs = reader.read_value(&mut rest).ok().filter(|_| rest.is_empty());
            let theirs = theirs.and_then(|datum| serde_json::Value::try_from(datum).ok());
            prop_assert_eq!(schema(PLAIN).decode(&bytes, 0).ok(), theirs, "{:?}", bytes);
        }
    }
}
