//! The address of a channel ends with a slash.
//!
//! To most brokers `orders` and `orders/` are two places, and nobody sees the difference in a log. In MQTT the slash
//! adds an empty level.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders: {address: shop/orders/}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders: {address: shop/orders}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3019",
    name: "channel-trailing-slash",
    severity: Severity::Warning,
    category: Category::Interop,
    clause: "AsyncAPI · Channel Object · address",
    aliases: &[
        "asyncapi-channel-no-trailing-slash",
        "asyncapi-3-channel-no-trailing-slash",
        "asyncapi2-channel-no-trailing-slash",
    ],
    source: include_str!("channel_trailing_slash.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for channel in &input.document.channels {
        let address = channel.address.as_deref().unwrap_or_default();
        if address.len() > 1 && address.ends_with('/') {
            let place = channel.node.get("address").map_or(channel.span, |address| address.span);
            let finding = RULE.finding(format!("the address `{address}` ends with a slash"), place);
            findings.push(finding.at(channel.pointer.clone()).help("leave the last slash out"));
        }
    }
}
