//! A key of a mapping is not a string.
//!
//! A document must be the same in YAML and in JSON, and JSON knows only strings as keys. Readers differ in what they make
//! of `404:` or `true:`; quoted, it is the same everywhere.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Codes:
//!       type: object
//!       properties:
//!         404: {type: string}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Codes:
//!       type: object
//!       properties:
//!         "404": {type: string}
//! ```

use std::collections::HashSet;
use std::sync::Arc;

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::tree::{Node, NodeRef, pointer_push};

pub const RULE: Rule = Rule {
    code: "ED1006",
    name: "key-not-string",
    severity: Severity::Error,
    category: Category::Interop,
    clause: "AsyncAPI · Format",
    aliases: &[
        "asyncapi-document-resolved",
        "asyncapi-document-unresolved",
        "asyncapi-schema",
        "asyncapi-3-document-resolved",
        "asyncapi-3-document-unresolved",
    ],
    source: include_str!("key_not_string.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let mut seen = HashSet::new();
    walk(&input.document.root, "", &mut seen, findings);
}

/// Aliases share their node: each is looked at once.
fn walk(node: &NodeRef, pointer: &str, seen: &mut HashSet<*const Node>, findings: &mut Vec<Diagnostic>) {
    let has_children = !node.entries().is_empty() || !node.items().is_empty();
    if !has_children || !seen.insert(Arc::as_ptr(node)) {
        return;
    }
    for entry in node.entries() {
        let below = pointer_push(pointer, &entry.key);
        // A sequence or mapping as key is told by the reader.
        if !entry.key_is_string && !entry.key.starts_with(['[', '{']) {
            let message = format!("the key `{}` is not a string", entry.key);
            let mut finding = RULE.finding(message, entry.key_span).at(below.clone());
            finding.quote(entry.key_span);
            findings.push(finding.help(format!("quote it: `\"{}\"`", entry.key)));
        }
        walk(&entry.value, &below, seen, findings);
    }
    for (index, item) in node.items().iter().enumerate() {
        walk(item, &format!("{pointer}/{index}"), seen, findings);
    }
}
