//! A value of `enum` or `const` is not of the type beside it.
//!
//! It can never occur, for `type` refuses it.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: string
//!       enum: [1, 2]
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: integer
//!       enum: [1, 2]
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::grammar::{TYPE_NAMES, article};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::tree::{NodeRef, Number, Value};

pub const RULE: Rule = Rule {
    code: "ED2306",
    name: "enum-outside-type",
    severity: Severity::Warning,
    category: Category::Correctness,
    clause: "JSON Schema · enum",
    aliases: &[],
    source: include_str!("enum_outside_type.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for schema in input.named("Schema") {
        let Some(kind) = schema.node.get("type") else {
            continue;
        };
        let names = || kind.as_str().into_iter().chain(kind.items().iter().filter_map(|item| item.as_str()));
        // A misspelt type is told elsewhere; `nullable` is how OpenAPI allows null.
        let is_nullable = schema.node.get("nullable").and_then(|node| node.as_bool()) == Some(true);
        if names().any(|name| !TYPE_NAMES.contains(&name)) {
            continue;
        }
        let listed = schema.node.get("enum").map_or(&[][..], |values| values.items());
        let wrong = listed.iter().chain(schema.node.get("const")).find(|value| {
            !(names().any(|name| is_of_type(value, name)) || is_nullable && value.value == Value::Null)
        });
        if let Some(value) = wrong {
            let wanted = names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
            let message = format!("{} cannot be a value of type {wanted}", article(value.kind()));
            let finding = RULE.finding(message, value.span).related(kind.span, "the type");
            findings
                .push(finding.at(format!("{}/enum", schema.pointer)).help("change the type, or the value"));
        }
    }
}

fn is_of_type(value: &NodeRef, name: &str) -> bool {
    match &value.value {
        Value::Number(Number::Float(number)) => {
            name == "number" || (name == "integer" && number.fract() == 0.0)
        }
        Value::Number(_) => matches!(name, "integer" | "number"),
        _ => value.kind() == name,
    }
}
