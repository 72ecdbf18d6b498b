//! An operation names a channel that is not one of the document's own channels.
//!
//! An operation of the document belongs to a channel of the same document: its `channel` points to `#/channels/…`.
//! A pointer into `components` leaves open which of the channels is meant.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   channels:
//!     orders: {address: orders}
//! operations:
//!   sendOrder:
//!     action: send
//!     channel: {$ref: '#/components/channels/orders'}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders: {address: orders}
//! operations:
//!   sendOrder:
//!     action: send
//!     channel: {$ref: '#/channels/orders'}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::tree::{NodeRef, pointer_push};

pub const RULE: Rule = Rule {
    code: "ED2001",
    name: "operation-channel",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI 3.0 · Operation Object · channel",
    aliases: &["asyncapi3-required-operation-channel-unambiguity"],
    source: include_str!("operation_channel.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for (operation, pointer) in root_operations(input) {
        let Some(reference) = operation.get("channel").and_then(|channel| channel.get("$ref")) else {
            continue;
        };
        let text = reference.as_str().unwrap_or_default();
        if is_root_channel(text) || text.is_empty() {
            continue;
        }
        let finding = RULE.finding("`channel` of an operation must point to `#/channels/…`", reference.span);
        let help = "add the channel to `channels` and point to it there";
        findings.push(finding.at(format!("{pointer}/channel/$ref")).help(help));
    }
}

/// Operations of the document itself (3.x), references followed, with the pointer of their key.
pub fn root_operations(input: &CheckInput) -> Vec<(NodeRef, String)> {
    let operations = input.document.root.get("operations").filter(|_| input.is_version(3));
    let entries = operations.map_or(&[][..], |operations| operations.entries());
    entries
        .iter()
        .filter_map(|entry| {
            let target = input.behind(&entry.value)?;
            Some((target.node, pointer_push("/operations", &entry.key)))
        })
        .collect()
}

/// Whether the text points at an entry of `channels` of the same document.
pub fn is_root_channel(text: &str) -> bool {
    text.strip_prefix("#/channels/").is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
}
