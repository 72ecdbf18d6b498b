//! An operation is not described.
//!
//! What an application does with an event is seen nowhere in a schema; a sentence at the operation says it.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders: {address: orders}
//! operations:
//!   placeOrder:
//!     action: send
//!     channel: {$ref: '#/channels/orders'}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders: {address: orders}
//! operations:
//!   placeOrder:
//!     action: send
//!     channel: {$ref: '#/channels/orders'}
//!     description: Tells of every order as soon as it is paid.
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::presence::lacking;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3012",
    name: "operation-description",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI · Operation Object · description",
    aliases: &["asyncapi-operation-description", "asyncapi-3-operation-description"],
    source: include_str!("operation_description.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for operation in input.named("Operation") {
        let traits = operation.node.get("traits").map_or(&[][..], |traits| traits.items());
        let is_inherited = traits
            .iter()
            .any(|each| input.behind(each).is_some_and(|target| target.node.get("description").is_some()));
        if !is_inherited {
            let help = "say in a sentence what the application does with the events";
            findings.extend(lacking(&RULE, operation, "description", help));
        }
    }
}
