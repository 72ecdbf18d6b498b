//! The `type` of a CloudEvent is left open.
//!
//! The type is what consumers choose by. Where the schema lets it be any text, nothing tells this message from
//! another, and an event with a misspelt type conforms.
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
//!             specversion: {const: '1.0'}
//!             type: {type: string}
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
    code: "ED3104",
    name: "cloudevents-constant",
    severity: Severity::Info,
    category: Category::Correctness,
    clause: "CloudEvents 1.0 · type",
    aliases: &[],
    source: include_str!("cloudevents_constant.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for envelope in envelopes(input) {
        let Some(entry) = envelope.attribute("type") else {
            continue;
        };
        let is_fixed = input.behind(&entry.value).is_none_or(|schema| {
            ["const", "enum", "pattern", "oneOf", "anyOf", "allOf"]
                .iter()
                .any(|keyword| schema.node.get(keyword).is_some())
        });
        if !is_fixed {
            let message = format!("the type of the CloudEvent `{}` is left open", envelope.message.name);
            let finding = RULE.finding(message, entry.key_span).at(envelope.message.pointer.clone());
            findings.push(finding.help("write `const` with the type of this event"));
        }
    }
}
