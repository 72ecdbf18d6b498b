//! Two messages have the same `messageId`.
//!
//! Tools use it to tell messages apart: it must be unique, letter case counted.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     publish: {message: {messageId: placed}}
//!   invoices:
//!     publish: {message: {messageId: placed}}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     publish: {message: {messageId: orderPlaced}}
//!   invoices:
//!     publish: {message: {messageId: invoicePlaced}}
//! ```

use std::collections::HashMap;

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::Span;

pub const RULE: Rule = Rule {
    code: "ED2202",
    name: "message-id-unique",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI 2 · Message Object · messageId",
    aliases: &["asyncapi2-message-messageId-uniqueness", "asyncapi-message-messageId-uniqueness"],
    source: include_str!("message_id_unique.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for object in input.objects.iter().filter(|object| matches!(object.name, "Message")) {
        let Some(value) = object.node.get("messageId") else {
            continue;
        };
        let Some(text) = value.as_str() else {
            continue;
        };
        if let Some(first) = seen.get(text) {
            let finding = RULE.finding(format!("`messageId` `{text}` is used twice"), value.span);
            let finding =
                finding.related(*first, "first used here").at(format!("{}/messageId", object.pointer));
            findings.push(finding.help("give each message an identifier of its own"));
        } else {
            seen.insert(text, value.span);
        }
    }
}
