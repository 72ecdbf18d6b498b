//! The `specversion` of a CloudEvent is no version of CloudEvents.
//!
//! Compliant producers write `1.0`, as text; libraries refuse events with any other version than `1.0` and `0.3`.
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
//!         contentType: application/cloudevents+json
//!         payload:
//!           type: object
//!           required: [id, source, specversion, type]
//!           properties:
//!             id: {type: string}
//!             source: {type: string}
//!             specversion: {const: 1.0.0}
//!             type: {const: order.placed}
//!             data: {type: object}
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
//!         contentType: application/cloudevents+json
//!         payload:
//!           type: object
//!           required: [id, source, specversion, type]
//!           properties:
//!             id: {type: string}
//!             source: {type: string}
//!             specversion: {const: '1.0'}
//!             type: {const: order.placed}
//!             data: {type: object}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::cloudevents::envelopes;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3103",
    name: "cloudevents-version",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "CloudEvents 1.0 · specversion",
    aliases: &[],
    source: include_str!("cloudevents_version.rs"),
    check: Some(check),
};

/// The versions libraries read.
const KNOWN: [&str; 2] = ["1.0", "0.3"];

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for envelope in envelopes(input) {
        let schema = envelope.attribute("specversion").and_then(|entry| input.behind(&entry.value));
        let Some(schema) = schema else {
            continue;
        };
        let constant = schema.node.get("const").into_iter();
        let listed = schema.node.get("enum").map_or(&[][..], |node| node.items());
        let values: Vec<_> = constant.chain(listed).collect();
        let is_known = values.iter().any(|value| value.as_str().is_some_and(|text| KNOWN.contains(&text)));
        if let (Some(first), false) = (values.first(), is_known) {
            let finding = RULE.finding("`specversion` is no version of CloudEvents", first.span);
            findings.push(finding.at(envelope.message.pointer.clone()).help("write `'1.0'`, in quotes"));
        }
    }
}
