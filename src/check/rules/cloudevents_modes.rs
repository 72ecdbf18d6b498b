//! A CloudEvent is described in both content modes at once.
//!
//! In binary mode the attributes are headers and the content type is that of the data; in structured mode the payload
//! holds the attributes and the content type is `application/cloudevents+json`. A library reads one or the other, by
//! the content type.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {host: 'localhost:9092', protocol: kafka}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed:
//!         contentType: application/cloudevents+json
//!         headers:
//!           type: object
//!           required: [ce_id, ce_source, ce_specversion, ce_type]
//!           properties:
//!             ce_id: {type: string}
//!             ce_source: {type: string}
//!             ce_specversion: {const: '1.0'}
//!             ce_type: {const: order.placed}
//!         payload: {type: object}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {host: 'localhost:9092', protocol: kafka}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed:
//!         contentType: application/json
//!         headers:
//!           type: object
//!           required: [ce_id, ce_source, ce_specversion, ce_type]
//!           properties:
//!             ce_id: {type: string}
//!             ce_source: {type: string}
//!             ce_specversion: {const: '1.0'}
//!             ce_type: {const: order.placed}
//!         payload: {type: object}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::cloudevents::{Envelope, Mode, envelopes};
use crate::event::cloud_event::is_structured_type;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3106",
    name: "cloudevents-modes",
    severity: Severity::Warning,
    category: Category::Interop,
    clause: "CloudEvents · content modes",
    aliases: &[],
    source: include_str!("cloudevents_modes.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let all = envelopes(input);
    for binary in all.iter().filter(|envelope| envelope.mode == Mode::Binary) {
        let content_type = binary.message.content_type.as_deref();
        let is_same = |other: &&Envelope| {
            other.mode == Mode::Structured
                && other.message.pointer == binary.message.pointer
                && other.message.file == binary.message.file
        };
        let structured = all.iter().find(is_same);
        if !is_structured_type(content_type) && structured.is_none() {
            continue;
        }
        let written = binary.message.node.get("contentType").filter(|_| is_structured_type(content_type));
        let message = format!(
            "the CloudEvent `{}` has its attributes among the headers and in the payload",
            binary.message.name
        );
        let place = written.map_or(binary.place, |node| node.span);
        let mut finding = RULE.finding(message, place).at(binary.message.pointer.clone());
        if written.is_some() {
            finding = finding.related(binary.place, "these headers are those of binary mode");
        } else if let Some(structured) = structured {
            finding = finding.related(structured.place, "this payload is one of structured mode");
        }
        findings.push(finding.help("choose one mode"));
    }
}
