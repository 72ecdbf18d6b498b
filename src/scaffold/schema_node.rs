//! What a schema's node says of itself, read without judging it.

use super::words;
use crate::source_text::tree::{Node, NodeRef, Value, pointer_push};
use crate::source_text::{Documents, Resolved};

/// Lists and maps in each other that are passed through in search of values.
const LISTS: usize = 16;

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

/// The values that `enum` or `const` list for a schema, or for what its lists and maps hold, as JSON; none when all of
/// them are texts, for these make a type of their own.
pub(super) fn listed_values(references: &Documents, place: &Resolved) -> Vec<String> {
    let mut place = place.clone();
    for _ in 0..LISTS {
        let Ok(found) = references.follow(place) else { return Vec::new() };
        let constant = found.node.get("const").map(std::slice::from_ref);
        let listed = constant.or_else(|| found.node.get("enum").map(|list| list.items()));
        if let Some(listed) = listed {
            let concrete: Vec<&NodeRef> = listed.iter().filter(|value| value.value != Value::Null).collect();
            let is_text = concrete.iter().all(|value| value.as_str().is_some());
            let json = concrete.iter().map(|value| value.to_json().to_string());
            return if is_text { Vec::new() } else { json.collect() };
        }
        let inner = ["items", "additionalProperties"].iter().find_map(|keyword| found.node.get(keyword));
        let Some(inner) = inner.filter(|inner| !inner.entries().is_empty()) else { return Vec::new() };
        // Only where values stand matters, not by which way they were reached.
        place = child(&found, inner, &[]);
    }
    Vec::new()
}
