//! A channel declares a parameter that its address does not hold.
//!
//! It will never be filled in. In AsyncAPI 2 documents this is reported as a warning.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     parameters:
//!       region: {enum: [eu, us]}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders.{region}
//!     parameters:
//!       region: {enum: [eu, us]}
//! ```

use super::parameter_undeclared::{parameters, placeholders};
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity, nearest};

pub const RULE: Rule = Rule {
    code: "ED2102",
    name: "parameter-unused",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Parameters Object",
    aliases: &["asyncapi2-channel-parameters", "asyncapi3-channel-parameters", "asyncapi-channel-parameters"],
    source: include_str!("parameter_unused.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for channel in &input.document.channels {
        let Some(address) = &channel.address else {
            continue;
        };
        let used = placeholders(address);
        let declared = parameters(input, channel);
        let unknown_name = |name: &&str| !declared.iter().any(|entry| entry.key == **name);
        for entry in &declared {
            // A slip of the pen is told once, at the address.
            let is_slip = nearest(&entry.key, used.iter().copied().filter(unknown_name)).is_some();
            if used.contains(&entry.key.as_str()) || is_slip || entry.key == "$ref" {
                continue;
            }
            let message = format!("the address `{address}` does not hold the parameter `{}`", entry.key);
            let mut finding =
                RULE.finding(message, entry.key_span).at(format!("{}/parameters", channel.pointer));
            if input.is_version(2) {
                finding.severity = Severity::Warning;
            }
            let finding = finding.help(format!("remove it, or put `{{{}}}` into the address", entry.key));
            findings.push(input.with_removal(finding, &channel.node, "parameters", entry));
        }
    }
}
