//! What a schema's node says of itself, read without judging it.

use super::words;
use crate::source_text::Resolved;
use crate::source_text::tree::{Node, NodeRef, pointer_push};

/// The name of a schema that stands under `components/schemas`, `definitions` or `$defs`.
pub(super) fn component_name(pointer: &str) -> Option<String> {
    let (parent, name) = pointer.rsplit_once('/')?;
    let named =
        ["/components/schemas", "/definitions", "/$defs", "/schemas"].iter().any(|end| parent.ends_with(end));
    named.then(|| name.replace("~1", "/").replace("~0", "~"))
}

pub(super) fn type_names(node: &Node) -> Vec<&str> {
    match node.get("type") {
        Some(kind) => match kind.as_str() {
            Some(one) => vec![one],
            None => kind.items().iter().filter_map(|one| one.as_str()).collect(),
        },
        None => Vec::new(),
    }
}

/// Whether a branch of a union describes a value, rather than only narrowing its parent.
pub(super) fn says_what_it_is(branch: &Node) -> bool {
    ["$ref", "type", "properties", "items", "const", "enum", "oneOf", "anyOf", "allOf"]
        .iter()
        .any(|keyword| branch.get(keyword).is_some())
}

pub(super) fn branch_label(branch: &Node) -> Option<String> {
    let of_reference = branch.get_str("$ref").and_then(|reference| reference.rsplit(['/', '#']).next());
    let of_constant = branch
        .get("properties")
        .and_then(|properties| properties.entries().iter().find_map(|entry| entry.value.get_str("const")));
    let kinds = type_names(branch);
    let of_kind = kinds.first().copied().filter(|kind| *kind != "object");
    let label = branch.get_str("title").or(of_reference).or(of_constant).or(of_kind)?;
    (!words::split(label).is_empty()).then(|| label.to_owned())
}

pub(super) fn properties_of(part: &Resolved) -> Vec<(Resolved, &str)> {
    let entries = part.node.get("properties").map(|properties| properties.entries()).unwrap_or_default();
    entries
        .iter()
        .map(|entry| (child(part, &entry.value, &["properties", &entry.key]), entry.key.as_str()))
        .collect()
}

pub(super) fn required_of(node: &Node) -> Vec<&str> {
    let names = node.get("required").map(|required| required.items()).unwrap_or_default();
    names.iter().filter_map(|name| name.as_str()).collect()
}

pub(super) fn child(place: &Resolved, node: &NodeRef, tokens: &[&str]) -> Resolved {
    let pointer = tokens.iter().fold(place.pointer.clone(), |pointer, token| pointer_push(&pointer, token));
    Resolved { file: place.file, pointer, node: node.clone() }
}
