//! A CloudEvent may lack an attribute that every CloudEvent has.
//!
//! `id`, `source`, `specversion` and `type` are there in every CloudEvent: in the payload in structured mode, among
//! the headers in binary mode. The schema must list and require them, or events without them pass for good ones.
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
//!           required: [id, specversion, type]
//!           properties:
//!             id: {type: string}
//!             specversion: {const: '1.0'}
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
use crate::event::cloud_event::REQUIRED;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3101",
    name: "cloudevents-required",
    severity: Severity::Warning,
    category: Category::Spec,
    clause: "CloudEvents 1.0 · Required attributes",
    aliases: &[],
    source: include_str!("cloudevents_required.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for envelope in envelopes(input).iter().filter(|envelope| !envelope.listed.has_choice) {
        let named = |lacks: &dyn Fn(&str) -> bool| -> Vec<String> {
            let names = REQUIRED.into_iter().filter(|name| lacks(name));
            names.map(|name| format!("`{}{name}`", envelope.prefix)).collect()
        };
        let missing = named(&|name| envelope.attribute(name).is_none());
        let optional = named(&|name| envelope.attribute(name).is_some() && !envelope.requires(name));
        for (names, fault, help) in [
            (missing, "does not list", "list and require them"),
            (optional, "does not require", "add them to `required`"),
        ] {
            if !names.is_empty() {
                let message =
                    format!("the CloudEvent `{}` {fault} {}", envelope.message.name, names.join(", "));
                let finding = RULE.finding(message, envelope.place).at(envelope.message.pointer.clone());
                findings.push(finding.help(help));
            }
        }
    }
}
