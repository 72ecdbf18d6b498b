//! What consumers' own documents say of one field of a message: required, known, or not there.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::graph::{Edge, Graph, NodeIndex, Relation};
use crate::contract::{Document, Loaded, Message, SchemaRef};
use crate::source_text::documents::Resolved;
use crate::source_text::tree::{Node, NodeRef};

/// Schemas that are followed for one field at most, so that circles end.
const DEPTH: usize = 64;
/// Parts of schemas that are looked at for names, and names that are kept.
const PARTS: usize = 20_000;
const NAMES: usize = 2_000;

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

/// The parts of a field as it is written: names of properties, `*` for what a map holds. Items of lists and branches of
/// unions are passed through, so that their signs (`lines[]`, `cost|Money`) say nothing more.
#[must_use]
pub fn parts_of(field: &str) -> Vec<&str> {
    let parts = field.split('.').map(|part| part.split('|').next().unwrap_or(part));
    parts.map(|part| part.trim_end_matches("[]")).filter(|part| !part.is_empty()).collect()
}

impl Graph {
    /// What each consumer of a message says of a field, whose parts are those of [`parts_of`]. Where a consumer has several
    /// documents, the strictest counts.
    #[must_use]
    pub fn field_uses(
        &self,
        loaded: &Loaded,
        message: NodeIndex,
        field: &[&str],
    ) -> BTreeMap<NodeIndex, FieldUse> {
        let mut uses: BTreeMap<NodeIndex, FieldUse> = BTreeMap::new();
        for edge in self.users_of(message).filter(|edge| edge.relation == Relation::Receives) {
            let said = self.payloads(loaded, message, edge).map(|payload| said(loaded, payload, field));
            let strictest = said.min().unwrap_or(FieldUse::Unknown);
            let known = uses.entry(edge.target).or_insert(strictest);
            *known = strictest.min(*known);
        }
        uses
    }

    /// The names of the fields of a message, by whatever schema, when all of its schemas can be asked and none of them
    /// knows this one; `None` when some know it, or may.
    #[must_use]
    pub fn names_instead(
        &self,
        loaded: &Loaded,
        message: NodeIndex,
        field: &[&str],
    ) -> Option<BTreeSet<String>> {
        let payloads: Vec<_> =
            self.users_of(message).flat_map(|edge| self.payloads(loaded, message, edge)).collect();
        let is_absent = |payload: Option<&SchemaRef>| said(loaded, payload, field) == FieldUse::Absent;
        if payloads.is_empty() || !payloads.iter().copied().all(is_absent) {
            return None;
        }
        let mut search = Names { loaded, left: PARTS, seen: HashSet::new(), found: BTreeSet::new() };
        for schema in payloads.into_iter().flatten() {
            search.look(schema.place(), "", DEPTH);
        }
        Some(search.found)
    }

    /// Who sends and who receives a message.
    fn users_of(&self, message: NodeIndex) -> impl Iterator<Item = &Edge> {
        let channels = self.incoming(message).map(|edge| edge.source);
        let edges = channels.flat_map(|channel| self.incoming(channel).chain(self.outgoing(channel)));
        let carries = |edge: &&Edge| matches!(edge.relation, Relation::Sends | Relation::Receives);
        edges.filter(carries).filter(move |edge| edge.messages.is_empty() || edge.messages.contains(&message))
    }

    /// The payload of a message in each document that an edge is known from; `None` where there is none to ask.
    fn payloads<'l>(
        &self,
        loaded: &'l Loaded,
        message: NodeIndex,
        edge: &Edge,
    ) -> impl Iterator<Item = Option<&'l SchemaRef>> {
        edge.evidence.iter().map(move |evidence| {
            let source = &self.sources[evidence.place.source].path;
            payload(loaded, source, &evidence.place.pointer, &self.node(message).name)
        })
    }
}

fn payload<'l>(loaded: &'l Loaded, source: &str, pointer: &str, message: &str) -> Option<&'l SchemaRef> {
    let documents = loaded.contract.documents.iter();
    let is_it = |document: &&Document| document.path.to_string_lossy().replace('\\', "/") == source;
    let document = documents.into_iter().find(is_it)?;
    let pointer = pointer.strip_suffix("/reply").unwrap_or(pointer);
    let operation = document.operations.iter().find(|operation| operation.pointer == pointer)?;
    let replies = operation.reply.iter().flat_map(|reply| &reply.messages);
    let messages = operation.messages.iter().chain(replies).map(|index| &document.messages[index.0]);
    let of_name = |known: &&Message| known.name == message;
    messages.into_iter().find(of_name)?.payload.as_ref()
}

fn said(loaded: &Loaded, payload: Option<&SchemaRef>, field: &[&str]) -> FieldUse {
    payload.map_or(FieldUse::Unknown, |payload| of_schema(loaded, payload, field))
}

fn of_schema(loaded: &Loaded, schema: &SchemaRef, field: &[&str]) -> FieldUse {
    let place = Resolved { node: schema.node.clone(), file: schema.file, pointer: schema.pointer.clone() };
    let is_mapping = matches!(schema.node.value, crate::source_text::tree::Value::Object(_));
    if !is_mapping || field.is_empty() {
        return FieldUse::Unknown;
    }
    Search { loaded, known: HashMap::new() }.find(place, field, DEPTH)
}

/// One field looked for, and what was found on the way: by schema and by how many parts were left.
struct Search<'l> {
    loaded: &'l Loaded,
    known: HashMap<(*const Node, usize), FieldUse>,
}

impl Search<'_> {
    /// The strictest that any part of a schema says; a field below one that may be left out may be left out with it.
    fn find(&mut self, place: Resolved, field: &[&str], depth: usize) -> FieldUse {
        let (Some(left), Ok(place)) = (depth.checked_sub(1), self.loaded.documents.follow(place)) else {
            return FieldUse::Unknown;
        };
        let key = (Arc::as_ptr(&place.node), field.len());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let found = self.parts(&place, field, left).min(self.own(&place, field, left));
        self.known.insert(key, found);
        found
    }

    /// What the schemas say that a schema is made of, and those of its items.
    fn parts(&mut self, place: &Resolved, field: &[&str], left: usize) -> FieldUse {
        let node = &place.node;
        let mut strictest = FieldUse::Absent;
        for item in node.get("allOf").iter().flat_map(|list| list.items()) {
            strictest = strictest.min(self.find(inside(place, item), field, left));
        }
        for choice in ["anyOf", "oneOf"] {
            for item in node.get(choice).iter().flat_map(|list| list.items()) {
                // A branch need not be the one that is taken.
                let found = self.find(inside(place, item), field, left).max(FieldUse::Optional);
                strictest = strictest.min(found);
            }
        }
        if let Some(items) = node.get("items").filter(|items| items.as_str().is_none()) {
            strictest = strictest.min(self.find(inside(place, items), field, left));
        }
        strictest
    }

    /// What a schema says of its own fields.
    fn own(&mut self, place: &Resolved, field: &[&str], left: usize) -> FieldUse {
        let node = &place.node;
        let Some((name, rest)) = field.split_first() else { return FieldUse::Unknown };
        let mut strictest = FieldUse::Absent;
        if let Some(property) = node.get("properties").and_then(|properties| properties.get(name)) {
            let here = if is_required(node, name) { FieldUse::Required } else { FieldUse::Optional };
            strictest = strictest.min(self.below(inside(place, property), here, rest, left));
        } else if is_required(node, name) && rest.is_empty() {
            strictest = FieldUse::Required;
        } else if let Some(more) = further(node) {
            // Whatever its name is, it may be there and has this type.
            strictest = strictest.min(self.below(inside(place, more), FieldUse::Optional, rest, left));
        }
        let fields = node.get("fields").iter().flat_map(|list| list.items()).collect::<Vec<_>>();
        if let Some(avro) = fields.into_iter().find(|entry| entry.get_str("name") == Some(name)) {
            let here = if avro.get("default").is_some() { FieldUse::Optional } else { FieldUse::Required };
            let kind = avro.get("type").unwrap_or(avro);
            strictest = strictest.min(self.below(inside(place, kind), here, rest, left));
        }
        strictest
    }

    fn below(&mut self, place: Resolved, here: FieldUse, rest: &[&str], depth: usize) -> FieldUse {
        if rest.is_empty() {
            return here;
        }
        match self.find(place, rest, depth) {
            FieldUse::Required => here,
            other => other,
        }
    }
}

/// The names of fields in schemas, with those of the fields around them.
struct Names<'l> {
    loaded: &'l Loaded,
    left: usize,
    seen: HashSet<(*const Node, String)>,
    found: BTreeSet<String>,
}

impl Names<'_> {
    fn look(&mut self, place: Resolved, around: &str, depth: usize) {
        let (Some(left), Ok(place)) = (depth.checked_sub(1), self.loaded.documents.follow(place)) else {
            return;
        };
        let is_enough = self.left == 0 || self.found.len() >= NAMES;
        if is_enough || !self.seen.insert((Arc::as_ptr(&place.node), around.to_owned())) {
            return;
        }
        self.left -= 1;
        let node = &place.node;
        for part in ["allOf", "anyOf", "oneOf"] {
            for item in node.get(part).iter().flat_map(|list| list.items()) {
                self.look(inside(&place, item), around, left);
            }
        }
        if let Some(items) = node.get("items") {
            self.look(inside(&place, items), around, left);
        }
        let properties = node.get("properties").map_or(&[][..], |properties| properties.entries());
        let own = properties.iter().map(|entry| (entry.key.as_str(), &entry.value));
        let avro = node.get("fields").map_or(&[][..], |fields| fields.items());
        let avro = avro.iter().filter_map(|field| Some((field.get_str("name")?, field.get("type")?)));
        let more = further(node).map(|more| ("*", more));
        for (name, inner) in own.chain(avro).chain(more) {
            let name = if around.is_empty() { name.to_owned() } else { format!("{around}.{name}") };
            self.look(inside(&place, inner), &name, left);
            self.found.insert(name);
        }
    }
}

fn inside(place: &Resolved, node: &NodeRef) -> Resolved {
    Resolved { node: node.clone(), file: place.file, pointer: String::new() }
}

/// The schema of fields that are not named.
fn further(node: &Node) -> Option<&NodeRef> {
    node.get("additionalProperties").filter(|more| !more.entries().is_empty())
}

fn is_required(node: &Node, name: &str) -> bool {
    let required = node.get("required");
    required.is_some_and(|list| list.items().iter().any(|item| item.as_str() == Some(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::load_text;
    use crate::source_text::Limits;

    const SCHEMA: &str = "{type: object, required: [id], properties: {id: {type: string}, lines: {type: array, items: \
                          {required: [price], properties: {price: {type: number}}}}, map: {additionalProperties: \
                          {required: [q], properties: {q: {type: string}}}}, cost: {oneOf: [{properties: {net: {}}}]}}}";

    fn of(schema: &str, field: &str) -> FieldUse {
        let text = format!(
            "asyncapi: 3.0.0\ninfo: {{title: T, version: 1.0.0}}\nchannels: {{c: {{address: c, messages: {{m: \
             {{payload: {schema}}}}}}}}}\ncomponents:\n  schemas:\n    S: {{allOf: [{{$ref: '#/components/schemas/T'}}, \
             {{$ref: '#/components/schemas/T'}}]}}\n    T: {{allOf: [{{$ref: '#/components/schemas/S'}}, {{$ref: \
             '#/components/schemas/S'}}]}}\n"
        );
        let loaded = load_text("c.yaml", &text, &Limits::default());
        let document = &loaded.contract.documents[0];
        let payload = document.messages[0].payload.as_ref().expect("a payload");
        of_schema(&loaded, payload, &parts_of(field))
    }

    #[test]
    fn the_notation_of_sync_is_understood() {
        for (field, meant) in [
            ("id", FieldUse::Required),
            ("lines[].price", FieldUse::Optional),
            ("lines.price", FieldUse::Optional),
            ("map.*.q", FieldUse::Optional),
            ("map.red.q", FieldUse::Optional),
            ("cost|Option1.net", FieldUse::Optional),
            ("map.*.p", FieldUse::Absent),
            ("ordrId", FieldUse::Absent),
        ] {
            assert_eq!(of(SCHEMA, field), meant, "{field}");
        }
    }

    #[test]
    fn schemas_that_name_each_other_twice_come_to_an_end() {
        let found = of("{$ref: '#/components/schemas/S'}", "a.b");
        assert!(matches!(found, FieldUse::Unknown | FieldUse::Absent), "{found:?}");
    }
}
