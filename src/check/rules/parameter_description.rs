//! A parameter of an address is not described.
//!
//! A name such as `id` leaves open whose identifier it is.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: 'orders.{id}'
//!     parameters:
//!       id: {}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: 'orders.{id}'
//!     parameters:
//!       id: {description: The number of the order}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::presence::lacking;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3015",
    name: "parameter-description",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI · Parameter Object · description",
    aliases: &["asyncapi-parameter-description"],
    source: include_str!("parameter_description.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let objects = input.named("Parameter");
    findings.extend(
        objects
            .filter_map(|object| lacking(&RULE, object, "description", "say what the parameter stands for")),
    );
}
