//! The address of a channel holds a query or a fragment.
//!
//! `?` and `#` belong to URLs, not to addresses; protocols that have such values take them from bindings.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders: {address: 'orders?since=yesterday'}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     bindings:
//!       ws:
//!         query:
//!           type: object
//!           properties: {since: {type: string}}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2108",
    name: "address-query",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Channel Object · address",
    aliases: &[
        "asyncapi2-channel-no-query-nor-fragment",
        "asyncapi3-channel-no-query-nor-fragment",
        "asyncapi-channel-no-query-nor-fragment",
        "asyncapi-3-channel-no-query-nor-fragment",
    ],
    source: include_str!("address_query.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for channel in &input.document.channels {
        let Some(address) = &channel.address else {
            continue;
        };
        let Some(mark) = address.find(MARKS) else {
            continue;
        };
        let what = if address[mark..].starts_with('?') { "a query" } else { "a fragment" };
        let place = channel.node.get("address").map_or(channel.span, |address| address.span);
        let finding =
            RULE.finding(format!("the address `{address}` holds {what}"), place).at(channel.pointer.clone());
        findings.push(finding.help("move such values to the bindings of the channel"));
    }
}

/// What opens a query or a fragment.
pub const MARKS: [char; 2] = ['?', '#'];
