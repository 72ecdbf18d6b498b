//! A name is written in another way than those beside it.
//!
//! Names become identifiers in code, file names and metrics. Where nearly all are written in one way, the one that is
//! not is most often a slip, and a rename later breaks those who use it. It takes four names, three quarters of them
//! alike.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders: {address: orders}
//! operations:
//!   placeOrder: {action: send, channel: {$ref: '#/channels/orders'}}
//!   payOrder: {action: send, channel: {$ref: '#/channels/orders'}}
//!   shipOrder: {action: send, channel: {$ref: '#/channels/orders'}}
//!   cancel_order: {action: send, channel: {$ref: '#/channels/orders'}}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders: {address: orders}
//! operations:
//!   placeOrder: {action: send, channel: {$ref: '#/channels/orders'}}
//!   payOrder: {action: send, channel: {$ref: '#/channels/orders'}}
//!   shipOrder: {action: send, channel: {$ref: '#/channels/orders'}}
//!   cancelOrder: {action: send, channel: {$ref: '#/channels/orders'}}
//! ```

use std::collections::BTreeMap;

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::naming::Style;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::Span;
use crate::source_text::tree::pointer_push;

pub const RULE: Rule = Rule {
    code: "ED3023",
    name: "naming-style",
    severity: Severity::Info,
    category: Category::Style,
    clause: "",
    aliases: &[],
    source: include_str!("naming_style.rs"),
    check: Some(check),
};

/// Names it takes to see a habit.
const LEAST: usize = 4;

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let root = &input.document.root;
    if input.is_version(3) {
        for (field, what) in [("channels", "channels"), ("operations", "operations")] {
            let entries = root.get(field).map_or(&[][..], |node| node.entries());
            let names = entries.iter().map(|entry| Name {
                text: &entry.key,
                span: entry.key_span,
                pointer: pointer_push(&format!("/{field}"), &entry.key),
            });
            judge(&names.collect::<Vec<_>>(), what, findings);
        }
    }
    let components = root.get("components");
    for (kind, what) in [("messages", "messages"), ("schemas", "schemas")] {
        let entries = components.and_then(|node| node.get(kind)).map_or(&[][..], |node| node.entries());
        let names = entries.iter().map(|entry| Name {
            text: &entry.key,
            span: entry.key_span,
            pointer: pointer_push(&format!("/components/{kind}"), &entry.key),
        });
        judge(&names.collect::<Vec<_>>(), what, findings);
    }
}

struct Name<'a> {
    text: &'a str,
    span: Span,
    pointer: String,
}

fn judge(names: &[Name], what: &str, findings: &mut Vec<Diagnostic>) {
    let styled: Vec<(Style, &Name)> =
        names.iter().filter_map(|name| Some((Style::of(name.text)?, name))).collect();
    let mut counts: BTreeMap<Style, usize> = BTreeMap::new();
    for (style, _) in &styled {
        *counts.entry(*style).or_default() += 1;
    }
    let Some((usual, count)) = counts.into_iter().max_by_key(|(_, count)| *count) else {
        return;
    };
    if styled.len() < LEAST || count * 4 < styled.len() * 3 {
        return;
    }
    for (_, name) in styled.iter().filter(|(style, _)| *style != usual) {
        let message = format!("`{}` is not written as the other {what} are, in {}", name.text, usual.word());
        let finding = RULE.finding(message, name.span).at(name.pointer.clone());
        findings.push(finding.help(format!("write `{}`", usual.write(name.text))));
    }
}
