//! Tests of generating: the schema itself is the judge.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::schema::{Compiler, Dialect};
use crate::source_text::{Documents, Limits, Sources};

/// Compiles the schema of a text, whose definitions may stand beside it.
fn compiled(text: &str) -> Compiled {
    let (mut sources, mut documents) = (Sources::default(), Documents::default());
    let file = documents.add_text(&mut sources, Path::new("a.yaml"), text.to_owned(), &Limits::default());
    let place = documents.resolve(file, "#").unwrap();
    Compiler::new(&documents)
        .compile(&place, Dialect::Draft7)
        .unwrap_or_else(|problems| panic!("{text} {problems:?}"))
}

const SCHEMAS: [&str; 26] = [
    "{}",
    "{type: [string, 'null'], minLength: 40, maxLength: 41}",
    "{type: string, pattern: '^[A-Z]{3}-[0-9]{2,}$', minLength: 20}",
    "{type: string, pattern: '^(?!x)[a-z]{2}$'}",
    "{type: integer, exclusiveMinimum: 3, maximum: 9, multipleOf: 3}",
    "{type: number, minimum: -2.5, exclusiveMaximum: -2.4}",
    "{type: array, items: {enum: [1, 2, 3]}, uniqueItems: true, minItems: 3}",
    "{type: array, items: [{type: string}, {type: integer}], additionalItems: false, minItems: 2}",
    "{type: array, contains: {const: 7}, items: {type: integer}}",
    "{type: object, minProperties: 3, additionalProperties: {type: integer}, propertyNames: {pattern: '^[a-z]{4}$'}}",
    "{type: object, minProperties: 2, patternProperties: {'^x-[a-z]+$': {type: boolean}}, additionalProperties: false}",
    "{type: object, required: [a], dependencies: {a: [b, c], b: [d]}, properties: {a: {}, d: {type: 'null'}}}",
    "{allOf: [{type: object, required: [a], properties: {a: {type: number, minimum: 3}}}, {properties: {a: {type: integer, maximum: 4}}}]}",
    "{oneOf: [{type: string, format: ipv4}, {type: object, required: [kind], properties: {kind: {const: b}}}, {type: integer, maximum: 2}]}",
    "{anyOf: [{type: integer}, {type: boolean}], not: {const: true}}",
    "{type: object, required: [country, zip], properties: {country: {enum: [DE, PT]}, zip: {type: string}}, if: {properties: {country: {const: DE}}}, then: {properties: {zip: {pattern: '^[0-9]{5}$'}}}, else: {properties: {zip: {pattern: '^[0-9]{4}-[0-9]{3}$'}}}}",
    "{$ref: '#/definitions/tree', definitions: {tree: {type: object, required: [value], properties: {value: {type: integer}, left: {$ref: '#/definitions/tree'}, right: {$ref: '#/definitions/tree'}, more: {type: array, items: {$ref: '#/definitions/tree'}}}}}}",
    "{$ref: '#/definitions/list', definitions: {list: {oneOf: [{type: 'null'}, {type: object, required: [head, tail], properties: {head: {type: string}, tail: {$ref: '#/definitions/list'}}}]}}}",
    "{type: object, properties: {a: {type: string, format: date-time}, b: {type: string, format: date}, c: {type: string, format: time}, d: {type: string, format: duration}, e: {type: string, format: uuid}}}",
    "{type: object, properties: {a: {type: string, format: email}, b: {type: string, format: uri}, c: {type: string, format: hostname}, d: {type: string, format: ipv6}, e: {type: string, format: uri-reference}}}",
    "{type: object, properties: {a: {type: string, format: regex}, b: {type: string, format: json-pointer}, c: {type: string, format: uri-template}, d: {type: string, format: idn-email}, e: {type: string, format: iri}}}",
    "{type: object, required: [email, currency, quantity, createdAt], properties: {email: {type: string}, currency: {type: string, maxLength: 3}, quantity: {type: integer}, createdAt: {type: string}}, additionalProperties: false}",
    "{type: string, examples: [a, b], default: c}",
    "{$schema: 'http://json-schema.org/draft-04/schema#', type: integer, minimum: 2, exclusiveMinimum: true, maximum: 3}",
    "{$schema: 'https://json-schema.org/draft/2020-12/schema', type: array, prefixItems: [{type: string}], items: {type: integer}, minItems: 3, unevaluatedItems: false}",
    "{$schema: 'https://json-schema.org/draft/2020-12/schema', type: object, properties: {a: {type: string}}, dependentRequired: {a: [b]}, unevaluatedProperties: {type: string}}",
];

static COMPILED: LazyLock<Vec<Compiled>> =
    LazyLock::new(|| SCHEMAS.iter().map(|text| compiled(text)).collect());

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn every_value_fits_its_schema(seed in any::<u64>()) {
        for (text, schema) in SCHEMAS.iter().zip(COMPILED.iter()) {
            let mut generator = Generator::new(schema, seed);
            for _ in 0..5 {
                let value = generator.value();
                prop_assert!(value.is_ok(), "{} {:?}", text, value);
                let bytes = serde_json::to_vec(&value.unwrap()).unwrap();
                prop_assert_eq!(schema.check_bytes(&bytes), Ok(()));
            }
        }
    }
}

#[test]
fn a_seed_is_a_sequence() {
    let schema = compiled(SCHEMAS[21]);
    let values = |seed| -> Vec<Value> {
        let mut generator = Generator::new(&schema, seed);
        (0..4).map(|_| generator.value().unwrap()).collect()
    };
    assert_eq!(values(1), values(1));
    assert_ne!(values(1), values(2));
    let first = &values(1)[0];
    assert!(first["email"].as_str().unwrap().ends_with("@example.org"), "{first}");
    assert_eq!(first["currency"].as_str().unwrap().len(), 3);
    assert!(first["createdAt"].as_str().unwrap().starts_with("2026-"));
}

#[test]
fn what_cannot_be_made_is_named() {
    let error = |text: &str| Generator::new(&compiled(text), 1).value().unwrap_err();
    let GenerateError::Unsatisfied { keyword, schema_pointer, .. } =
        error("{type: string, not: {type: string}}")
    else {
        panic!("a keyword");
    };
    assert_eq!((keyword.as_str(), schema_pointer.as_str()), ("not", "/not"));
    assert!(matches!(
        error("{allOf: [{type: string}, {type: object}]}"),
        GenerateError::Contradiction { .. }
    ));
    assert!(matches!(error("{type: integer, minimum: 3, maximum: 2}"), GenerateError::Contradiction { .. }));
    let endless = "{$ref: '#/definitions/a', definitions: {a: {type: object, required: [a], properties: {a: {$ref: '#/definitions/a'}}}}}";
    assert!(matches!(error(endless), GenerateError::Contradiction { .. }));
}
