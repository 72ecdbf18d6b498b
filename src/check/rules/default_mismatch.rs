//! A default does not conform to its own schema.
//!
//! The value used when there is none must be one that is allowed.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: integer
//!       default: many
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: integer
//!       default: 1
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::grammar::Placed;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::Resolved;
use crate::source_text::tree::NodeRef;

pub const RULE: Rule = Rule {
    code: "ED2308",
    name: "default-mismatch",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Schema Object · default",
    aliases: &["asyncapi2-schema-default", "asyncapi-schema-default", "asyncapi-payload-default"],
    source: include_str!("default_mismatch.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for schema in input.named("Schema") {
        if let Some(default) = schema.node.get("default") {
            let pointer = format!("{}/default", schema.pointer);
            findings.extend(mismatch(input, &RULE, schema, (default, "the default", &pointer)));
        }
    }
}

/// The first thing about `value` that its schema forbids.
pub fn mismatch(
    input: &CheckInput,
    rule: &Rule,
    schema: &Placed,
    (value, what, pointer): (&NodeRef, &str, &str),
) -> Option<Diagnostic> {
    let place = Resolved {
        node: schema.node.clone(),
        file: schema.node.span.file,
        pointer: schema.pointer.to_string(),
    };
    let compiled = input.compiled(&place, input.dialect())?;
    let violation = compiled.check_tree(value).into_iter().next()?;
    let span = violation.span.unwrap_or(value.span);
    let message = format!("{what} does not conform to its schema: {}", violation.message);
    let mut finding = rule.finding(message, span).at(pointer);
    finding.help = violation.help;
    finding.expected = violation.expected;
    finding.actual = violation.actual;
    finding.schema_pointer = Some(violation.schema_pointer);
    Some(finding)
}
