//! A parameter in the address of a channel has no name.
//!
//! Nothing can be put in the place of `{}`: a parameter is filled in by its name.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders: {address: 'orders/{}'}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: 'orders/{region}'
//!     parameters: {region: {enum: [eu, us]}}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3020",
    name: "channel-empty-parameter",
    severity: Severity::Warning,
    category: Category::Correctness,
    clause: "AsyncAPI · Channel Object · address",
    aliases: &[
        "asyncapi-channel-no-empty-parameter",
        "asyncapi-3-channel-no-empty-parameter",
        "asyncapi2-channel-no-empty-parameter",
    ],
    source: include_str!("channel_empty_parameter.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for channel in &input.document.channels {
        let address = channel.address.as_deref().unwrap_or_default();
        if address.contains("{}") {
            let node = channel.node.get("address");
            let place = node.map_or(channel.span, |address| input.place_inside(address, "{}"));
            let finding = RULE.finding(format!("a parameter of `{address}` has no name"), place);
            findings
                .push(finding.at(channel.pointer.clone()).help("name it, and declare it in `parameters`"));
        }
    }
}
