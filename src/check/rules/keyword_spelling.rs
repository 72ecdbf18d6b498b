//! A schema has a keyword that is nearly, but not quite, a known one.
//!
//! JSON Schema passes over keywords it does not know: what the misspelt one should forbid is allowed.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: object
//!       propertis:
//!         id: {type: string}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: object
//!       properties:
//!         id: {type: string}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::tree::pointer_push;

pub const RULE: Rule = Rule {
    code: "ED2302",
    name: "keyword-spelling",
    severity: Severity::Warning,
    category: Category::Correctness,
    clause: "JSON Schema · unknown keywords",
    aliases: &[],
    source: include_str!("keyword_spelling.rs"),
    check: Some(check),
};

/// Keywords of every draft, of AsyncAPI and of OpenAPI.
const KNOWN: [&str; 74] = [
    "$anchor",
    "$comment",
    "$defs",
    "$dynamicAnchor",
    "$dynamicRef",
    "$id",
    "$recursiveAnchor",
    "$recursiveRef",
    "$ref",
    "$schema",
    "$vocabulary",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "definitions",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "deprecated",
    "description",
    "discriminator",
    "else",
    "enum",
    "example",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "externalDocs",
    "format",
    "id",
    "if",
    "items",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "name",
    "not",
    "nullable",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "schema",
    "schemaFormat",
    "summary",
    "tags",
    "then",
    "title",
    "type",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
    "version",
    "writeOnly",
    "xml",
];

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for schema in input.named("Schema") {
        for entry in schema.node.entries() {
            let key = entry.key.as_str();
            // Short words are near to many others; a slip is told of longer ones only.
            if KNOWN.contains(&key) || key.starts_with("x-") || key.len() < 4 {
                continue;
            }
            let free = KNOWN.iter().copied().filter(|known| schema.node.get(known).is_none());
            let mut finding =
                RULE.finding(format!("`{key}` is not a keyword of JSON Schema"), entry.key_span);
            if finding.respell(key, free, entry.key_span).is_some() {
                findings.push(finding.at(pointer_push(&schema.pointer, key)));
            }
        }
    }
}
