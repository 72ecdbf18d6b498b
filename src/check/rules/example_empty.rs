//! An example of a message has neither headers nor a payload.
//!
//! An example with nothing but a name shows nothing. The payload of an example stands under `payload`, the headers
//! under `headers`.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed:
//!         payload: {type: object}
//!         examples:
//!           - name: small
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed:
//!         payload: {type: object}
//!         examples:
//!           - {name: small, payload: {}}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2406",
    name: "example-empty",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Message Example Object",
    aliases: &[],
    source: include_str!("example_empty.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for example in input.named("MessageExample") {
        let has = |field: &str| example.node.get(field).is_some();
        // Where there are stranger fields, the finding about them is enough.
        let is_plain =
            example.node.entries().iter().all(|entry| matches!(entry.key.as_str(), "name" | "summary"));
        if !has("headers") && !has("payload") && is_plain {
            let place = example.node.entries().first().map_or(example.node.span, |entry| entry.key_span);
            let finding = RULE.finding("the example has neither `headers` nor `payload`", place);
            findings.push(finding.at(&*example.pointer).help("add the payload of the example"));
        }
    }
}
