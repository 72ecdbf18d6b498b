//! An operation lists a message that does not belong to its channel.
//!
//! The messages of an operation are a choice from those of its channel, so each points to
//! `#/channels/<channel>/messages/<name>`; a pointer into `components` names a message the channel may not carry.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed: {$ref: '#/components/messages/placed'}
//! operations:
//!   sendOrder:
//!     action: send
//!     channel: {$ref: '#/channels/orders'}
//!     messages:
//!       - $ref: '#/components/messages/placed'
//! components:
//!   messages:
//!     placed: {payload: {type: object}}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed: {$ref: '#/components/messages/placed'}
//! operations:
//!   sendOrder:
//!     action: send
//!     channel: {$ref: '#/channels/orders'}
//!     messages:
//!       - $ref: '#/channels/orders/messages/placed'
//! components:
//!   messages:
//!     placed: {payload: {type: object}}
//! ```

use super::operation_channel::{is_root_channel, root_operations};
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::tree::NodeRef;

pub const RULE: Rule = Rule {
    code: "ED2002",
    name: "operation-messages",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI 3.0 · Operation Object · messages",
    aliases: &["asyncapi3-operation-messages-from-referred-channel"],
    source: include_str!("operation_messages.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for (operation, pointer) in root_operations(input) {
        let channel = operation.get("channel").and_then(|channel| channel.get_str("$ref"));
        if let Some(channel) = channel.filter(|channel| is_root_channel(channel)) {
            outsiders(&RULE, &operation, channel, &pointer, findings);
        }
    }
}

/// Tells of each message of `holder` that does not stand under `channel`.
pub fn outsiders(
    rule: &Rule,
    holder: &NodeRef,
    channel: &str,
    pointer: &str,
    findings: &mut Vec<Diagnostic>,
) {
    let prefix = format!("{channel}/messages/");
    let messages = holder.get("messages").map_or(&[][..], |messages| messages.items());
    for (index, message) in messages.iter().enumerate() {
        let Some(reference) = message.get("$ref") else {
            continue;
        };
        let text = reference.as_str().unwrap_or_default();
        if text.starts_with(&prefix) || text.is_empty() {
            continue;
        }
        let name = text.rsplit('/').next().unwrap_or_default();
        let finding =
            rule.finding(format!("`{text}` is not a message of the channel `{channel}`"), reference.span);
        findings.push(
            finding
                .at(format!("{pointer}/messages/{index}/$ref"))
                .expected(format!("{prefix}…"), text)
                .help(format!("point to `{prefix}{name}`, and list the message there if it is missing")),
        );
    }
}
