//! The name of a CloudEvents attribute holds more than small letters and digits.
//!
//! Attribute names take the letters `a` to `z` and digits, so that they survive as headers of every protocol, and
//! should have no more than 20 of them. Others are refused or written differently by the libraries.
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
//!             type: {const: order.placed}
//!             traceParent: {type: string}
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
//!             traceparent: {type: string}
//!             data: {type: object}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::cloudevents::{Mode, envelopes};
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3102",
    name: "cloudevents-names",
    severity: Severity::Warning,
    category: Category::Spec,
    clause: "CloudEvents 1.0 · Attribute naming",
    aliases: &[],
    source: include_str!("cloudevents_names.rs"),
    check: Some(check),
};

/// Characters a name should have at most.
const LENGTH: usize = 20;

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for envelope in envelopes(input) {
        // Headers without a mark need not be attributes.
        if envelope.mode == Mode::Binary && envelope.prefix.is_empty() {
            continue;
        }
        for (name, entry) in envelope.attributes() {
            let is_wrong = |letter: char| !letter.is_ascii_lowercase() && !letter.is_ascii_digit();
            let (message, help) = match name.chars().find(|letter| is_wrong(*letter)) {
                Some(wrong) => {
                    let plain: String =
                        name.to_lowercase().chars().filter(|letter| !is_wrong(*letter)).collect();
                    (
                        format!("the CloudEvents attribute `{name}` may not hold `{wrong}`"),
                        format!("write `{}{plain}`", envelope.prefix),
                    )
                }
                None if name.len() > LENGTH => (
                    format!("the CloudEvents attribute `{name}` has more than {LENGTH} characters"),
                    "choose a shorter name".to_owned(),
                ),
                None => continue,
            };
            findings
                .push(RULE.finding(message, entry.key_span).at(envelope.message.pointer.clone()).help(help));
        }
    }
}
