//! What consumers' own documents say of one field of a message: required, known, or not there.

use std::collections::BTreeMap;

use super::graph::{Graph, NodeIndex, Relation};
use crate::contract::{Document, Loaded, Message, SchemaRef};
use crate::source_text::documents::Resolved;
use crate::source_text::tree::{Node, NodeRef};

/// Schemas that are followed for one field at most, so that circles end.
const DEPTH: usize = 64;

/// What a consumer's schema says of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldUse {
    /// The consumer refuses events without it.
    Required,
    /// The consumer knows it and takes events without it.
    Optional,
    /// The consumer's schema does not name it.
    Absent,
    /// There is no schema to ask: a saved graph, or a language that is not read for fields.
    Unknown,
}

impl FieldUse {
    /// The word used in every output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
        }
    }
}

impl Graph {
    /// What each consumer of a message says of a field, whose parts are names of properties; items of lists are passed
    /// through. Where a consumer has several documents, the strictest counts.
    #[must_use]
    pub fn field_uses(
        &self,
        loaded: &Loaded,
        message: NodeIndex,
        field: &[&str],
    ) -> BTreeMap<NodeIndex, FieldUse> {
        let mut uses: BTreeMap<NodeIndex, FieldUse> = BTreeMap::new();
        for channel in self.incoming(message).map(|edge| edge.source) {
            let receives = self.outgoing(channel).filter(|edge| edge.relation == Relation::Receives);
            for edge in receives.filter(|edge| edge.messages.is_empty() || edge.messages.contains(&message)) {
                let said = edge.evidence.iter().map(|evidence| {
                    let source = &self.sources[evidence.place.source].path;
                    let name = &self.node(message).name;
                    said(loaded, source, &evidence.place.pointer, name, field)
                });
                let strictest = said.min().unwrap_or(FieldUse::Unknown);
                let known = uses.entry(edge.target).or_insert(strictest);
                *known = strictest.min(*known);
            }
        }
        uses
    }
}

fn said(loaded: &Loaded, source: &str, pointer: &str, message: &str, field: &[&str]) -> FieldUse {
    let documents = loaded.contract.documents.iter();
    let is_it = |document: &&Document| document.path.to_string_lossy().replace('\\', "/") == source;
    let Some(document) = documents.into_iter().find(is_it) else { return FieldUse::Unknown };
    let pointer = pointer.strip_suffix("/reply").unwrap_or(pointer);
    let operation = document.operations.iter().find(|operation| operation.pointer == pointer);
    let Some(operation) = operation else { return FieldUse::Unknown };
    let replies = operation.reply.iter().flat_map(|reply| &reply.messages);
    let messages = operation.messages.iter().chain(replies).map(|index| &document.messages[index.0]);
    let of_name = |known: &&Message| known.name == message;
    let payload = messages.into_iter().find(of_name).and_then(|message| message.payload.as_ref());
    payload.map_or(FieldUse::Unknown, |payload| of_schema(loaded, payload, field))
}

fn of_schema(loaded: &Loaded, schema: &SchemaRef, field: &[&str]) -> FieldUse {
    let place = Resolved { node: schema.node.clone(), file: schema.file, pointer: schema.pointer.clone() };
    let is_mapping = matches!(schema.node.value, crate::source_text::tree::Value::Object(_));
    if !is_mapping || field.is_empty() {
        return FieldUse::Unknown;
    }
    find(loaded, place, field, DEPTH)
}

/// The strictest that any part of a schema says; a field below one that may be left out may be left out with it.
fn find(loaded: &Loaded, place: Resolved, field: &[&str], depth: usize) -> FieldUse {
    let (Some(left), Ok(place)) = (depth.checked_sub(1), loaded.documents.follow(place)) else {
        return FieldUse::Unknown;
    };
    let inside = |node: &NodeRef| Resolved { node: node.clone(), file: place.file, pointer: String::new() };
    let node = &place.node;
    let mut strictest = FieldUse::Absent;
    let mut take = |found: FieldUse| strictest = strictest.min(found);
    for item in node.get("allOf").iter().flat_map(|list| list.items()) {
        take(find(loaded, inside(item), field, left));
    }
    for choice in ["anyOf", "oneOf"] {
        for item in node.get(choice).iter().flat_map(|list| list.items()) {
            // A branch need not be the one that is taken.
            take(find(loaded, inside(item), field, left).max(FieldUse::Optional));
        }
    }
    if let Some(items) = node.get("items").filter(|items| items.as_str().is_none()) {
        take(find(loaded, inside(items), field, left));
    }
    let (name, rest) = (field[0], &field[1..]);
    if let Some(property) = node.get("properties").and_then(|properties| properties.get(name)) {
        let here = if is_required(node, name) { FieldUse::Required } else { FieldUse::Optional };
        take(below(loaded, inside(property), here, rest, left));
    } else if is_required(node, name) && rest.is_empty() {
        take(FieldUse::Required);
    }
    let fields = node.get("fields").iter().flat_map(|list| list.items()).collect::<Vec<_>>();
    if let Some(avro) = fields.into_iter().find(|entry| entry.get_str("name") == Some(name)) {
        let here = if avro.get("default").is_some() { FieldUse::Optional } else { FieldUse::Required };
        let kind = avro.get("type").unwrap_or(avro);
        take(below(loaded, inside(kind), here, rest, left));
    }
    strictest
}

fn below(loaded: &Loaded, place: Resolved, here: FieldUse, rest: &[&str], depth: usize) -> FieldUse {
    if rest.is_empty() {
        return here;
    }
    match find(loaded, place, rest, depth) {
        FieldUse::Required => here,
        other => other,
    }
}

fn is_required(node: &Node, name: &str) -> bool {
    let required = node.get("required");
    required.is_some_and(|list| list.items().iter().any(|item| item.as_str() == Some(name)))
}
