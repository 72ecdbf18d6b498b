//! The smallest allowed value lies above the largest.
//!
//! No value can meet both bounds, so no event can ever match.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: integer
//!       minimum: 10
//!       maximum: 1
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: integer
//!       minimum: 1
//!       maximum: 10
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::tree::{Node, Value};

pub const RULE: Rule = Rule {
    code: "ED2305",
    name: "range-empty",
    severity: Severity::Error,
    category: Category::Correctness,
    clause: "JSON Schema · Validation",
    aliases: &[],
    source: include_str!("range_empty.rs"),
    check: Some(check),
};

const BOUNDS: [(&str, &str, bool); 7] = [
    ("minimum", "maximum", false),
    ("exclusiveMinimum", "maximum", true),
    ("minimum", "exclusiveMaximum", true),
    ("exclusiveMinimum", "exclusiveMaximum", true),
    ("minLength", "maxLength", false),
    ("minItems", "maxItems", false),
    ("minProperties", "maxProperties", false),
];

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for schema in input.named("Schema") {
        for (low, high, excluded) in BOUNDS {
            let (Some(lower), Some(upper)) = (schema.node.entry(low), schema.node.entry(high)) else {
                continue;
            };
            let (Some(least), Some(most)) = (number(&lower.value), number(&upper.value)) else {
                continue;
            };
            if least > most || (excluded && least >= most) {
                let message = format!("`{low}` ({least}) leaves nothing below `{high}` ({most})");
                let finding =
                    RULE.finding(message, lower.value.span).related(upper.value.span, "the other bound");
                let pointer = format!("{}/{low}", schema.pointer);
                findings.push(finding.at(pointer).help("swap the two, or remove one"));
            }
        }
    }
}

fn number(node: &Node) -> Option<f64> {
    match &node.value {
        Value::Number(_) => node.to_json().as_f64(),
        _ => None,
    }
}
