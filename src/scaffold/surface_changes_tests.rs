//! What contracts with other payloads break, in both directions.

use crate::contract::load_text;
use crate::scaffold::contract_view::view;
use crate::scaffold::identifiers::Language;
use crate::scaffold::surface::{Surface, changes};
use crate::source_text::Limits;

fn surface(action: &str, schema: &str) -> Surface {
    let text = format!(
        "asyncapi: 3.0.0\ninfo: {{title: T, version: 1.0.0}}\nchannels:\n  c:\n    address: c\n    messages:\n      \
         M: {{payload: {schema}}}\noperations:\n  o: {{action: {action}, channel: {{$ref: '#/channels/c'}}}}\n"
    );
    let loaded = load_text("contract.yaml", &text, &Limits::default());
    let document = loaded.contract.documents.first().expect("a document");
    view(document, &loaded.sources, &loaded.documents, Language::Rust).expect("a view").surface
}

fn told(action: &str, before: &str, after: &str) -> Vec<String> {
    let found = changes(&surface(action, before), &surface(action, after));
    let mark = |breaking| if breaking { "!" } else { "" };
    found.iter().map(|change| format!("{}{}", mark(change.breaking), change.what)).collect()
}

/// What is said of one property `f` that may be left out: as received, as sent, and both for the way back.
fn of_field(before: &str, after: &str) -> [Vec<String>; 4] {
    let object = |schema: &str| match schema {
        "" => "{type: object, properties: {k: {type: string}}}".to_owned(),
        schema => format!("{{type: object, properties: {{k: {{type: string}}, f: {schema}}}}}"),
    };
    let (before, after) = (object(before), object(after));
    let cases = [
        ("receive", &before, &after),
        ("send", &before, &after),
        ("receive", &after, &before),
        ("send", &after, &before),
    ];
    cases.map(|(action, one, two)| {
        told(action, one, two).iter().map(|line| line.replace(" of `M`", "").replace("field ", "")).collect()
    })
}

#[test]
fn fields_that_may_be_left_out_come_and_go_whatever_they_hold() {
    for schema in [
        "{type: array, items: {type: string}}",
        "{type: object, additionalProperties: {type: string}}",
        "{type: object, required: [q], properties: {q: {type: string}}}",
        "{oneOf: [{type: string}, {type: integer}]}",
    ] {
        assert_eq!(of_field("", schema), [["`f`"]; 4], "{schema}");
    }
}

#[test]
fn branches_are_known_by_what_they_take_not_by_their_order() {
    let card = "{type: object, required: [t, a], properties: {t: {const: card}, a: {type: string}}}";
    let iban = "{type: object, required: [t, b], properties: {t: {const: iban}, b: {type: string}}}";
    let one = format!("{{oneOf: [{card}, {iban}]}}");
    assert_eq!(of_field(&one, &format!("{{oneOf: [{iban}, {card}]}}")), [[""; 0]; 4]);
    let more = format!("{{oneOf: [{{type: integer}}, {card}, {iban}]}}");
    let name = "`f|Integer`";
    assert_eq!(of_field(&one, &more), [[name], ["!`f|Integer`"], ["!`f|Integer`"], [name]]);
    let stricter = format!("{{oneOf: [{iban}, {}]}}", card.replace("[t, a]", "[t]"));
    let (may, must) = ("`f|Card.a` may be left out", "`f|Card.a` must be there");
    let (may_not, must_not) = (format!("!{may}"), format!("!{must}"));
    assert_eq!(of_field(&one, &stricter), [[may], [&may_not], [&must_not], [must]]);
    let plain = of_field("{type: integer}", "{oneOf: [{type: string}, {type: integer}]}");
    assert_eq!(plain[0], ["`f` is one of several types, no longer whole number"]);
    assert_eq!(plain[1], ["!`f` is one of several types, no longer whole number"]);
    assert_eq!(plain[2], ["!`f` is whole number, no longer one of several types"]);
    assert_eq!(plain[3], ["`f` is whole number, no longer one of several types"]);
}

#[test]
fn null_that_comes_breaks_those_who_are_sent_to() {
    let said = of_field("{type: string}", "{type: [string, 'null']}");
    assert_eq!(
        said,
        [
            ["`f` may be null"],
            ["!`f` may be null"],
            ["!`f` is never null any more"],
            ["`f` is never null any more"]
        ]
    );
    let items = of_field(
        "{type: array, items: {type: integer}}",
        "{type: array, items: {oneOf: [{type: 'null'}, {type: integer}]}}",
    );
    assert_eq!(items[1], ["!`f[]` may be null"]);
}

#[test]
fn kinds_that_take_more_break_those_who_are_sent_to() {
    for (before, after) in [
        ("{type: integer}", "{type: number}"),
        ("{type: string, enum: [a, b]}", "{type: string}"),
        ("{type: string, format: uuid}", "{type: string}"),
        ("{type: string}", "{}"),
        ("{type: integer, enum: [1, 2]}", "{type: integer}"),
        ("{type: integer, enum: [1]}", "{type: integer, enum: [1, 2]}"),
        ("{type: array, items: {type: number, enum: [1.5]}}", "{type: array, items: {type: number}}"),
        (
            "{type: object, additionalProperties: {type: integer}}",
            "{type: object, additionalProperties: {type: number}}",
        ),
        ("{type: object, additionalProperties: {type: integer}}", "{type: object}"),
    ] {
        let breaks = of_field(before, after)
            .map(|said| said.iter().map(|line| line.starts_with('!')).collect::<Vec<_>>());
        assert_eq!(breaks, [[false], [true], [true], [false]], "{before} {after}");
    }
    let said = of_field("{type: string}", "{type: integer}");
    assert!(said.iter().all(|said| said[0].starts_with('!')), "{said:?}");
}

#[test]
fn closed_objects_refuse_what_they_do_not_list() {
    let closed = |fields: &str| {
        format!("{{type: object, additionalProperties: false, properties: {{k: {{type: string}}{fields}}}}}")
    };
    let (one, two) = (closed(""), closed(", f: {type: string}"));
    assert_eq!(told("receive", &two, &one), ["!field `f` of `M`"]);
    assert_eq!(told("send", &two, &one), ["field `f` of `M`"]);
    assert_eq!(told("receive", &one, &two), ["field `f` of `M`"]);
    assert_eq!(told("send", &one, &two), ["!field `f` of `M`"]);
    let open = "{type: object, properties: {k: {type: string}}}";
    assert_eq!(told("receive", open, &one), ["!the payload of `M` takes no further fields any more"]);
    assert_eq!(told("send", open, &one), ["the payload of `M` takes no further fields any more"]);
    assert_eq!(told("send", &one, open), ["!the payload of `M` takes further fields"]);
}

#[test]
fn names_that_hold_the_signs_of_paths_are_names() {
    let with = |name: &str, kind: &str| {
        format!(
            "{{type: object, properties: {{a: {{type: object, properties: {{b: {{type: string}}}}}}, {name}: {{type: {kind}}}}}}}"
        )
    };
    let said = told("receive", &with("a-b", "string"), &with("a-b", "integer"));
    assert_eq!(said, ["!field `a-b` of `M` is whole number, no longer text"]);
    let said = told("receive", &with("'x.y'", "string"), &with("'x.y'", "integer"));
    assert_eq!(said, ["!field `x.y` of `M` is whole number, no longer text"]);
}

#[test]
fn more_fields_than_are_kept_are_said_to_be_beyond() {
    let wide = |last: &str| {
        let fields: Vec<String> = (0..2_100).map(|at| format!("f{at}: {{type: string}}")).collect();
        format!("{{type: object, properties: {{{}, last: {{type: {last}}}}}}}", fields.join(", "))
    };
    assert!(told("send", &wide("string"), &wide("string")).is_empty());
    let said = told("send", &wide("string"), &wide("integer"));
    assert_eq!(said, ["!message `M` has too many fields for all of them to be compared"]);
}
