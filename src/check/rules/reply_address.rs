//! A reply takes its address from the request, and names a channel whose address is fixed.
//!
//! With `address` the place of the answer is known only when the request arrives, so the channel of the reply may not
//! have an address of its own: write `address: null` there, or leave `address` out of the reply.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   request: {address: request}
//!   response: {address: response}
//! operations:
//!   askPrice:
//!     action: send
//!     channel: {$ref: '#/channels/request'}
//!     reply:
//!       address: {location: '$message.header#/replyTo'}
//!       channel: {$ref: '#/channels/response'}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   request: {address: request}
//!   response: {address: null}
//! operations:
//!   askPrice:
//!     action: send
//!     channel: {$ref: '#/channels/request'}
//!     reply:
//!       address: {location: '$message.header#/replyTo'}
//!       channel: {$ref: '#/channels/response'}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2004",
    name: "reply-address",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI 3.0 · Operation Reply Object · channel",
    aliases: &[],
    source: include_str!("reply_address.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for reply in input.named("Reply") {
        let (Some(address), Some(channel)) = (reply.node.entry("address"), reply.node.get("channel")) else {
            continue;
        };
        let target = input.behind(channel);
        let Some(fixed) = target.as_ref().and_then(|target| target.node.entry("address")) else {
            continue;
        };
        if let Some(text) = fixed.value.as_str() {
            let message =
                format!("the reply has an `address`, and its channel has the fixed address `{text}`");
            let finding = RULE.finding(message, address.key_span).at(format!("{}/address", reply.pointer));
            let help = "write `address: null` in the channel, or remove `address` from the reply";
            findings.push(finding.related(fixed.value.span, "the fixed address").help(help));
        }
    }
}
