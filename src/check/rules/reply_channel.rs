//! The reply of an operation names a channel that is not one of the document's own channels.
//!
//! The reply of an operation of the document travels on a channel of the same document: it points to `#/channels/…`.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   request: {address: request}
//! operations:
//!   askPrice:
//!     action: send
//!     channel: {$ref: '#/channels/request'}
//!     reply:
//!       channel: {$ref: '#/components/channels/response'}
//! components:
//!   channels:
//!     response: {address: response}
//! ```
//! ## Good
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
//!       channel: {$ref: '#/channels/response'}
//! ```

use super::operation_channel::{is_root_channel, root_operations};
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2005",
    name: "reply-channel",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI 3.0 · Operation Reply Object · channel",
    aliases: &[],
    source: include_str!("reply_channel.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for (operation, pointer) in root_operations(input) {
        let reply = operation.get("reply").and_then(|reply| input.behind(reply));
        let channel = reply.as_ref().and_then(|reply| reply.node.get("channel"));
        let Some(reference) = channel.and_then(|channel| channel.get("$ref")) else {
            continue;
        };
        let text = reference.as_str().unwrap_or_default();
        if !is_root_channel(text) && !text.is_empty() {
            let finding = RULE.finding("`channel` of a reply must point to `#/channels/…`", reference.span);
            let help = "add the channel to `channels` and point to it there";
            findings.push(finding.at(format!("{pointer}/reply/channel/$ref")).help(help));
        }
    }
}
