//! Tells of fields that are not there, or say nothing. It knows no rule.

use super::grammar::Placed;
use super::rules::Rule;
use crate::diagnostic::Diagnostic;
use crate::source_text::Span;
use crate::source_text::tree::{Node, Value, pointer_push};

/// A finding when `object` lacks `field`: at its key, or at the value that says nothing.
pub fn lacking(rule: &Rule, object: &Placed, field: &str, help: &str) -> Option<Diagnostic> {
    let name = name_of(object);
    let finding = match object.node.entry(field) {
        Some(entry) if says_nothing(&entry.value) => rule
            .finding(format!("`{field}` of {name} says nothing"), entry.key_span)
            .at(pointer_push(&object.pointer, field)),
        Some(_) => return None,
        None => rule.finding(format!("{name} has no `{field}`"), key_of(object)).at(&*object.pointer),
    };
    Some(finding.help(help))
}

/// The key of an object; of a document its first one.
pub fn key_of(object: &Placed) -> Span {
    let is_root = object.key.start == object.key.end;
    let first = object.node.entries().first().filter(|_| is_root);
    first.map_or(object.key, |entry| entry.key_span)
}

fn name_of(object: &Placed) -> String {
    match object.pointer.rsplit_once('/') {
        Some((_, token)) => format!("`{}`", token.replace("~1", "/").replace("~0", "~")),
        None => "the document".to_owned(),
    }
}

fn says_nothing(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
