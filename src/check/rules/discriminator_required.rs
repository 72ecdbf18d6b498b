//! The discriminator of a schema is not a required property of it.
//!
//! Readers choose the schema by the value of this property, so it must be defined in the same schema and be required.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: object
//!       discriminator: kind
//!       properties:
//!         kind: {type: string}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: object
//!       discriminator: kind
//!       properties:
//!         kind: {type: string}
//!       required: [kind]
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2310",
    name: "discriminator-required",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Schema Object · discriminator",
    aliases: &[],
    source: include_str!("discriminator_required.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for schema in input.named("Schema") {
        let Some(discriminator) = schema.node.get("discriminator") else {
            continue;
        };
        let Some(name) = discriminator.as_str() else {
            continue;
        };
        let has = |field: &str| -> bool {
            schema.node.get(field).is_some_and(|node| {
                node.get(name).is_some() || node.items().iter().any(|item| item.as_str() == Some(name))
            })
        };
        // With alternatives or parents the property may stand in any of them.
        let is_composed = ["oneOf", "anyOf", "allOf"].iter().any(|word| schema.node.get(word).is_some());
        let missing = match (has("properties"), has("required")) {
            (_, true) => continue,
            _ if is_composed => continue,
            (false, false) => "neither defined nor required",
            (true, false) => "not required",
        };
        let finding = RULE.finding(format!("the discriminator `{name}` is {missing}"), discriminator.span);
        let help = format!("add `{name}` to `properties` and to `required` of this schema");
        findings.push(finding.at(format!("{}/discriminator", schema.pointer)).help(help));
    }
}
