//! Tests of compiling and checking.

use std::path::Path;

use super::*;
use crate::source_text::{Limits, Sources, tree::Node};

/// A schema and values in one text, by key.
struct Text {
    sources: Sources,
    documents: Documents,
    file: FileId,
}

impl Text {
    fn new(text: &str) -> Self {
        let (mut sources, mut documents) = (Sources::default(), Documents::default());
        let file = documents.add_text(&mut sources, Path::new("a.yaml"), text.to_owned(), &Limits::default());
        assert!(documents.take_problems().is_empty(), "{text}");
        Self { sources, documents, file }
    }

    fn at(&self, pointer: &str) -> Resolved {
        self.documents.resolve(self.file, &format!("#{pointer}")).expect("a place")
    }

    fn compile(&self, pointer: &str) -> Result<Compiled, Vec<SchemaProblem>> {
        Compiler::new(&self.documents).compile(&self.at(pointer), Dialect::AsyncApi)
    }

    fn slice(&self, span: crate::source_text::Span) -> &str {
        &self.sources.get(span.file).text()[span.start as usize..span.end as usize]
    }

    /// Place, words and help of each violation of `/value` by `/schema`.
    fn found(&self) -> Vec<(String, String, String)> {
        let violations = self.compile("/schema").expect("a schema").check_tree(&self.at("/value").node);
        let words = |violation: &Violation| {
            let place = violation.span.map_or(String::new(), |span| self.slice(span).to_owned());
            (place, violation.message.clone(), violation.help.clone().unwrap_or_default())
        };
        violations.iter().map(words).collect()
    }
}

fn found(text: &str) -> Vec<(String, String, String)> {
    Text::new(text).found()
}

fn messages(text: &str) -> Vec<String> {
    found(text).into_iter().map(|(_, message, _)| message).collect()
}

const ORDER: &str = "
schema:
  type: object
  required: [id, customer]
  additionalProperties: false
  properties:
    id: {type: string, format: uuid}
    customer: {$ref: '#/parts/customer', description: ignored}
    quantity: {type: integer, minimum: 1}
    status: {enum: [placed, shipped]}
parts:
  customer:
    type: object
    required: [email]
    properties:
      email: {type: string, format: email}
      referredBy: {$ref: '#/parts/customer'}
";

#[test]
fn violations_stand_at_their_place_in_order() {
    let text = format!(
        "{ORDER}value:\n  id: nope\n  quantity: 0\n  status: shiped\n  custmer: {{}}\n  customer:\n    referredBy: {{email: x}}\n"
    );
    let expected = [
        ("nope", "`id` is no valid `uuid`", ""),
        ("0", "`quantity` is 0, less than 1", ""),
        ("shiped", "`status` is \"shiped\", not `placed` or `shipped`", "did you mean `shipped`?"),
        ("custmer", "unknown property `custmer`", "did you mean `customer`?"),
        ("customer", "required property `email` of `customer` is missing", ""),
        ("x", "`email` is no valid `email`", ""),
    ];
    let found = found(&text);
    let found: Vec<_> = found.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_violation_leads_to_the_keyword_that_forbids() {
    let text = Text::new(&format!("{ORDER}value: {{id: nope, customer: {{referredBy: {{email: 1}}}}}}\n"));
    let violations = text.compile("/schema").unwrap().check_tree(&text.at("/value").node);
    let email = violations.last().unwrap();
    assert_eq!(email.instance_pointer, "/customer/referredBy/email");
    assert_eq!(email.schema_pointer, "/parts/customer/properties/email/type");
    assert_eq!(text.slice(email.schema_span.unwrap()), "string");
    assert_eq!((email.expected.as_deref(), email.actual.as_deref()), (Some("string"), Some("1")));
}

#[test]
fn payloads_are_checked_with_positions() {
    let text = Text::new(ORDER);
    let schema = text.compile("/schema").unwrap();
    let good =
        br#"{"id":"0198c5b2-7a70-7000-8000-000000000000","customer":{"email":"a@example.org"},"quantity":2}"#;
    assert_eq!(schema.check_bytes(good), Ok(()));
    let bad = b"{\n  \"id\": \"x\",\n  \"customer\": {\"email\": \"a@example.org\"}\n}";
    let violations = schema.check_bytes(bad).unwrap_err();
    assert_eq!(violations.len(), 1);
    let position = violations[0].position.unwrap();
    assert_eq!((position.line, position.column), (2, 9));
    assert_eq!(violations[0].span, None);
}

#[test]
fn payloads_that_are_no_json_are_named() {
    let schema = Text::new("schema: {}\n").compile("/schema").unwrap();
    let message = |payload: &[u8]| schema.check_bytes(payload).unwrap_err().remove(0).message;
    assert_eq!(message(b""), "the payload is empty, and nothing is no JSON value");
    for (text, place) in [
        ("{\"a\": }", "line 1, column 7"),
        ("{\"a\": 1,\n \"b\": tru }", "line 2, column 10"),
        ("{\"a\": 1", "line 1, column 8"),
        ("not json", "line 1, column 2"),
        ("{\"a\": \"x\ty\"}", "line 1, column 9"),
        ("{} x", "line 1, column 4"),
    ] {
        assert_eq!(message(text.as_bytes()), format!("the payload is no JSON from {place} on"), "{text}");
    }
    assert!(message(b"\xff\xfe").starts_with("the payload is no JSON"));
    assert!(message(&b"[".repeat(1_000_000)).starts_with("the payload is nested deeper than 128 levels"));
    assert!(schema.check_bytes(b"\"[[[[\"").is_ok());
    let brackets = format!("\"{}\"", "[".repeat(500));
    assert!(schema.check_bytes(brackets.as_bytes()).is_ok());
}

#[test]
fn branches_are_chosen_by_what_the_value_says_it_is() {
    let shapes = "
schema:
  oneOf:
    - {type: object, required: [kind, radius], properties: {kind: {const: circle}, radius: {type: number}}}
    - {type: object, required: [kind, side], properties: {kind: {const: square}, side: {type: number}}}
    - type: 'null'
";
    let one = |value: &str| messages(&format!("{shapes}value: {value}\n"));
    assert_eq!(one("{kind: square, side: x}"), ["`side` is a string, not a number"]);
    assert_eq!(one("{kind: circle}"), ["required property `radius` is missing"]);
    assert_eq!(one("{kind: triangle}"), ["`kind` is \"triangle\", not `circle` or `square`"]);
    assert_eq!(one("7"), ["the value is an integer, not an object or null"]);
}

#[test]
fn a_discriminator_names_the_branch() {
    let text = "
schema:
  discriminator: petType
  oneOf: [{$ref: '#/Cat'}, {$ref: '#/Dog'}]
Cat: {type: object, required: [petType, claws, fur], properties: {petType: {type: string}}}
Dog: {type: object, required: [petType, bark, tail, teeth], properties: {petType: {type: string}}}
value: {petType: Dog, tail: 1, teeth: 1}
";
    assert_eq!(messages(text), ["required property `bark` is missing"]);
}

#[test]
fn more_than_one_branch_is_said_by_number() {
    let text = "schema: {oneOf: [{type: string}, {minimum: 3}, {type: number}]}\nvalue: 5\n";
    assert_eq!(messages(text), ["the value fits more than one schema of `oneOf`: numbers 2 and 3"]);
}

#[test]
fn what_every_branch_allows_is_listed_once() {
    let text = "\
schema:
  oneOf:
    - {properties: {status: {enum: [on, off]}, reason: {}}, required: [reason]}
    - {properties: {status: {enum: [on, off, away]}}}
value: {status: gone}
";
    assert_eq!(messages(text), ["`status` is \"gone\", not `on`, `off` or `away`"]);
}

#[test]
fn conditions_report_their_consequence_alone() {
    let text = "
schema:
  if: {properties: {country: {const: DE}}}
  then: {properties: {zip: {pattern: '^[0-9]{5}$'}}}
  else: {required: [state]}
value: {country: DE, zip: abc}
";
    assert_eq!(messages(text), ["`zip` does not match the pattern `^[0-9]{5}$`"]);
}

#[test]
fn a_wrong_type_is_reported_once() {
    let text = "schema: {type: string, enum: [a], pattern: b, format: uuid}\nvalue: 3\n";
    assert_eq!(messages(text), ["the value is an integer, not a string"]);
    assert_eq!(
        messages("schema: {type: integer}\nvalue: 1.5\n"),
        ["the value is the number 1.5, not an integer"]
    );
}

#[test]
fn every_limit_has_words() {
    let one = |schema: &str, value: &str| messages(&format!("schema: {schema}\nvalue: {value}\n")).remove(0);
    assert_eq!(one("{exclusiveMinimum: 0}", "0"), "the value is 0, not more than 0");
    assert_eq!(one("{exclusiveMaximum: 0}", "1"), "the value is 1, not less than 0");
    assert_eq!(one("{maximum: 3}", "4"), "the value is 4, more than 3");
    assert_eq!(one("{multipleOf: 0.5}", "0.7"), "the value is 0.7, no multiple of 0.5");
    assert_eq!(one("{maxLength: 2}", "abc"), "the value has 3 characters, more than 2");
    assert_eq!(one("{minItems: 2}", "[1]"), "the value has 1 item, fewer than 2");
    assert_eq!(one("{maxProperties: 0}", "{a: 1}"), "the value has 1 property, more than 0");
    assert_eq!(
        one("{uniqueItems: true}", "[1, 2, 1.0]"),
        "the value must not repeat itself, but items 0 and 2 are equal"
    );
    assert_eq!(one("{not: {type: string}}", "a"), "the value is what `not` forbids");
    assert_eq!(one("{properties: {a: false}}", "{a: 1}"), "`a` is not allowed here");
    assert_eq!(
        one("{propertyNames: {maxLength: 1}}", "{ab: 1}"),
        "the property name `ab` has 2 characters, more than 1"
    );
    assert_eq!(one("{const: {a: 1}}", "2"), "the value is 2, not `an object`");
    assert_eq!(
        one("{contains: {type: string}}", "[1]"),
        "the value does not hold as many fitting items as `contains` asks for"
    );
    assert_eq!(one("{items: {items: {type: string}}}", "[[a, 1]]"), "item 1 is an integer, not a string");
    assert_eq!(one("{dependencies: {a: [b]}}", "{a: 1}"), "required property `b` is missing");
}

fn problems(text: &str) -> Vec<(String, String, String)> {
    let text = Text::new(text);
    let problems = text.compile("/schema").err().unwrap_or_default();
    let words = |problem: &SchemaProblem| {
        let help = problem.help.clone().unwrap_or_default();
        (text.slice(problem.span).to_owned(), problem.message.clone(), help)
    };
    problems.iter().map(words).collect()
}

#[test]
fn problems_of_a_schema_stand_at_their_place() {
    let found = problems(
        "
schema:
  properties:
    a: {type: strng}
    b: {pattern: '[', minLength: -1}
    c: {$ref: '#/gone'}
    d: {$ref: '#/word'}
    e: {required: yes}
    f: {$ref: '#/circle'}
    $ref: {type: string}
  definitions:
    unused: {type: [string, nmber], items: {$ref: '#/part'}}
word: word
circle: {$ref: '#/schema/properties/f'}
part: {maximum: much}
",
    );
    let found: Vec<_> = found.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).collect();
    let expected = [
        ("strng", "`strng` is no type", "did you mean `string`?"),
        ("'['", "\"[\" is no regular expression", "unclosed character class"),
        ("-1", "`minLength` is -1, less than 0", ""),
        ("'#/gone'", "`#/gone` leads nowhere: the document has no `gone`", ""),
        ("'#/word'", "`#/word` leads to a string, which is no schema", ""),
        ("yes", "`required` is a string, not an array", ""),
        ("'#/circle'", "`#/circle` leads back to itself through references alone", ""),
        ("nmber", "`nmber` is no type", "did you mean `number`?"),
        ("much", "`maximum` is a string, not a number", ""),
    ];
    assert_eq!(found, expected);
}

#[test]
fn circles_through_keywords_are_fine() {
    let text = "
schema: {$ref: '#/tree'}
tree: {type: object, properties: {children: {type: array, items: {$ref: '#/tree'}}}}
value: {children: [{children: []}, {children: 3}]}
";
    assert_eq!(messages(text), ["`children` is an integer, not an array"]);
}

#[test]
fn drafts_differ_as_they_should() {
    let beside = |schema: &str| {
        messages(&format!(
            "schema: {{{schema}$ref: '#/text', minLength: 3}}\ntext: {{type: string}}\nvalue: ab\n"
        ))
        .len()
    };
    assert_eq!(beside(""), 0);
    assert_eq!(beside("$schema: 'https://json-schema.org/draft/2020-12/schema', "), 1);
    let older = "schema: {$schema: 'http://json-schema.org/draft-04/schema#', exclusiveMinimum: true, minimum: 3}\nvalue: 3\n";
    assert_eq!(messages(older), ["the value is 3, not more than 3"]);
    let tuple = "schema: {$schema: 'https://json-schema.org/draft/2020-12/schema', prefixItems: [{type: string}], unevaluatedItems: false}\nvalue: [a, 1]\n";
    assert_eq!(messages(tuple).len(), 1);
}

#[test]
fn nullable_counts_in_openapi_alone() {
    let text = Text::new("schema: {type: string, nullable: true, enum: [a]}\nvalue: null\n");
    let value = text.at("/value").node;
    let compile = |dialect| Compiler::new(&text.documents).compile(&text.at("/schema"), dialect).unwrap();
    assert!(compile(Dialect::OpenApi30).check_tree(&value).is_empty());
    assert!(!compile(Dialect::AsyncApi).check_tree(&value).is_empty());
}

#[test]
fn identifiers_and_anchors_lead_within_their_resource() {
    let text = "
schema:
  $schema: https://json-schema.org/draft/2020-12/schema
  $id: https://example.org/root.json
  properties:
    a: {$ref: item.json}
    b: {$ref: 'item.json#word'}
    c: {$ref: 'https://json-schema.org/draft/2020-12/schema'}
  $defs:
    item: {$id: item.json, type: integer, $defs: {word: {$anchor: word, type: string}}}
value: {a: x, b: 1, c: {type: nope}}
";
    let found = messages(text);
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[..2], ["`a` is a string, not an integer", "`b` is an integer, not a string"]);
}

#[test]
fn patterns_take_the_engine_they_need() {
    let text = "schema: {items: {pattern: '^(?!x)'}}\nvalue: [a, xa]\n";
    assert_eq!(messages(text), ["item 1 does not match the pattern `^(?!x)`"]);
    let evil = Text::new("schema: {pattern: '^(a|aa)+(?=b)c$'}\n").compile("/schema").unwrap();
    let payload = format!("\"{}\"", "a".repeat(60));
    assert!(evil.check_bytes(payload.as_bytes()).is_err());
}

#[test]
fn both_ways_of_checking_agree() {
    let text = Text::new(ORDER);
    let schema = text.compile("/schema").unwrap();
    for payload in ["{}", "[]", "1.0", "{\"quantity\":1.0,\"id\":null}", "{\"status\":\"x\",\"customer\":{}}"]
    {
        let value: serde_json::Value = serde_json::from_str(payload).unwrap();
        let mut by_value: Vec<String> =
            schema.check_value(&value).into_iter().map(|found| found.message).collect();
        let found = schema.check_bytes(payload.as_bytes()).err().unwrap_or_default();
        let mut by_bytes: Vec<String> = found.into_iter().map(|found| found.message).collect();
        by_value.sort();
        by_bytes.sort();
        assert_eq!(by_value, by_bytes, "{payload}");
    }
}

#[test]
fn nodes_of_infinite_numbers_are_null() {
    let text = Text::new("schema: {type: 'null'}\nvalue: .inf\n");
    let node: &Node = &text.at("/value").node;
    assert_eq!(node.to_json(), serde_json::Value::Null);
    assert!(text.compile("/schema").unwrap().check_tree(&text.at("/value").node).is_empty());
}

#[test]
fn formats_of_later_drafts_count_in_earlier_ones() {
    let good = "{a: 2026-11-01, b: P1DT2H, c: 0198c5b2-7a70-7000-8000-000000000000}";
    let bad = "{a: 2026-13-01, b: 1 day, c: 0198c5b2-7a70-7000-8000-00000000000}";
    for draft in ["http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-07/schema#"] {
        let schema = format!(
            "schema:\n  $schema: {draft}\n  properties: {{a: {{format: date}}, b: {{format: duration}}, c: {{format: uuid}}}}\n"
        );
        assert_eq!(messages(&format!("{schema}value: {good}\n")), [""; 0]);
        assert_eq!(messages(&format!("{schema}value: {bad}\n")).len(), 3);
    }
}

#[test]
fn an_object_that_may_have_nothing_names_what_it_has() {
    assert_eq!(
        messages("schema: {additionalProperties: false}\nvalue: {a: {b: 1}}\n"),
        ["unknown property `a`"]
    );
    let nested = "schema: {properties: {a: {additionalProperties: {additionalProperties: false}}}}\nvalue: {a: {b: {c: 1}}}\n";
    assert_eq!(messages(nested), ["unknown property `c` of `b`"]);
}

#[test]
fn dynamic_references_mean_the_outermost_anchor_on_the_way() {
    let schema = "schema:\n  $schema: https://json-schema.org/draft/2020-12/schema\n  $defs: {a: {$dynamicAnchor: x, type: string}}\n  items: {$dynamicRef: '#x'}\n";
    assert_eq!(messages(&format!("{schema}value: [1]\n")), ["item 0 is an integer, not a string"]);
    let outer = "schema:\n  $schema: https://json-schema.org/draft/2020-12/schema\n  $id: https://e.org/strict\n  $defs:\n    node: {$dynamicAnchor: node, $ref: tree, unevaluatedProperties: false}\n    tree: {$id: tree, $dynamicAnchor: node, properties: {children: {items: {$dynamicRef: '#node'}}}}\n  $ref: '#/$defs/node'\n";
    assert_eq!(messages(&format!("{outer}value: {{children: [{{children: []}}]}}\n")), [""; 0]);
    assert_eq!(
        messages(&format!("{outer}value: {{children: [{{childre: []}}]}}\n")),
        ["unknown property `childre` of item 0 of `children`"]
    );
}

#[test]
fn relative_references_follow_the_name_of_their_resource() {
    let (mut sources, mut documents) = (Sources::default(), Documents::default());
    let mut add = |name: &str, text: &str| {
        documents.add_text(&mut sources, Path::new(name), text.to_owned(), &Limits::default())
    };
    let outer = add("a.json", r#"{"$id": "https://example.org/v1/a", "items": {"$ref": "parts/b"}}"#);
    add("elsewhere.json", r#"{"$id": "https://example.org/v1/parts/b", "type": "string"}"#);
    let place = documents.resolve(outer, "#").unwrap();
    let schema = Compiler::new(&documents).compile(&place, Dialect::Draft7).unwrap();
    assert!(schema.check_bytes(b"[\"x\"]").is_ok());
    assert!(schema.check_bytes(b"[1]").is_err());
}
