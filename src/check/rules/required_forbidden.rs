//! A schema requires a property that it forbids.
//!
//! With `additionalProperties: false` only the listed properties may be there; a required one that is not listed can
//! never be there, so no event can match.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: object
//!       required: [idd]
//!       properties: {id: {type: string}}
//!       additionalProperties: false
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: object
//!       required: [id]
//!       properties: {id: {type: string}}
//!       additionalProperties: false
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity, nearest};

pub const RULE: Rule = Rule {
    code: "ED2307",
    name: "required-forbidden",
    severity: Severity::Error,
    category: Category::Correctness,
    clause: "JSON Schema · required, additionalProperties",
    aliases: &[],
    source: include_str!("required_forbidden.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for schema in input.named("Schema") {
        let node = &schema.node;
        let is_closed = node.get("additionalProperties").and_then(|node| node.as_bool()) == Some(false);
        if !is_closed || node.get("patternProperties").is_some() {
            continue;
        }
        let properties = node.get("properties").map_or(&[][..], |properties| properties.entries());
        let required = node.get("required").map_or(&[][..], |required| required.items());
        for (index, item) in required.iter().enumerate() {
            let name = item.as_str().unwrap_or_default();
            if name.is_empty() || properties.iter().any(|entry| entry.key == name) {
                continue;
            }
            let near = nearest(name, properties.iter().map(|entry| entry.key.as_str()));
            let help = near.map_or_else(
                || format!("add `{name}` to `properties`, or remove it here"),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("`{name}` is required, and `additionalProperties: false` forbids it");
            let finding = RULE.finding(message, item.span).at(format!("{}/required/{index}", schema.pointer));
            findings.push(finding.help(help));
        }
    }
}
