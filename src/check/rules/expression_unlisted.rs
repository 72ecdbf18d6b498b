//! A location points at a place the schema of the message does not list.
//!
//! Events may have the place, for the schema is open; most often its name is written differently there. List it, so
//! that those who send know to fill it in.
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
//!         correlationId: {location: '$message.payload#/order-id'}
//!         payload: {type: object, properties: {orderId: {type: string}}}
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
//!         correlationId: {location: '$message.payload#/orderId'}
//!         payload: {type: object, properties: {orderId: {type: string}}}
//! ```

use super::expression_target::locations;
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::shape::Standing;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2503",
    name: "expression-unlisted",
    severity: Severity::Warning,
    category: Category::Correctness,
    clause: "AsyncAPI · Runtime Expression",
    aliases: &[],
    source: include_str!("expression_unlisted.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for location in locations(input) {
        if location.standing(input) == Some(Standing::Unlisted) {
            let part = location.part();
            let message =
                format!("`{}` points at a place the schema of the {part} does not list", location.text);
            let finding = RULE.finding(message, location.span).at(location.pointer.clone());
            findings.push(finding.help(location.nearest(input).map_or_else(
                || format!("add it to the {part}, or point at a property there is"),
                |near| format!("did you mean `{near}`?"),
            )));
        }
    }
}
