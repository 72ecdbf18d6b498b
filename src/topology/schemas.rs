//! What messages look like: a digest of their schemas with all that these refer to, so that a change of one shows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sha2::{Digest, Sha256};

use super::graph::Graph;
use super::names::message_id;
use crate::contract::{Loaded, Message, SchemaRef};
use crate::source_text::FileId;
use crate::source_text::documents::Resolved;
use crate::source_text::tree::Value;

/// Levels of one schema that are looked at; what lies deeper does not count.
const DEPTH: usize = 200;

impl Graph {
    /// The graph in which each message has the digest of the schemas of its payload and headers. Where and in which order
    /// something is written does not count, nor through how many references it is reached.
    #[must_use]
    pub fn with_schemas(mut self, loaded: &Loaded) -> Self {
        let mut digests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for message in loaded.contract.documents.iter().flat_map(|document| &document.messages) {
            if let Some(digest) = digest(loaded, message) {
                digests.entry(message_id(message)).or_default().insert(digest);
            }
        }
        for node in &mut self.nodes {
            let Some(found) = digests.get(&node.id) else { continue };
            let mut all = found.iter();
            node.schema = match (all.next(), all.next()) {
                (Some(only), None) => Some(only.clone()),
                // Documents differ in what they say of it: a change of any is a change.
                _ => Some(hexadecimal(Sha256::digest(found.iter().cloned().collect::<String>()).as_slice())),
            };
        }
        self
    }
}

fn digest(loaded: &Loaded, message: &Message) -> Option<String> {
    let parts = [("payload", &message.payload), ("headers", &message.headers)];
    if parts.iter().all(|(_, schema)| schema.is_none()) {
        return None;
    }
    let mut writer = Writer { loaded, hasher: Sha256::new(), known: HashMap::new() };
    for (name, schema) in parts {
        writer.hasher.update(name);
        if let Some(schema) = schema {
            writer.schema(schema);
        }
    }
    Some(hexadecimal(writer.hasher.finalize().as_slice()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Writer<'a> {
    loaded: &'a Loaded,
    hasher: Sha256,
    /// Places that were led to by a reference, by number: coming back to one says which.
    known: HashMap<(FileId, String), usize>,
}

impl Writer<'_> {
    fn schema(&mut self, schema: &SchemaRef) {
        self.hasher.update(format!("{:?}", schema.format));
        let place =
            Resolved { node: schema.node.clone(), file: schema.file, pointer: schema.pointer.clone() };
        self.known.insert((place.file, place.pointer.clone()), 0);
        self.value(&place, DEPTH);
    }

    fn value(&mut self, place: &Resolved, left: usize) {
        let Some(left) = left.checked_sub(1) else { return };
        if let Some(reference) = place.node.get_str("$ref")
            && self.reference(place, reference, left)
        {
            return;
        }
        let inside = |node: &crate::source_text::tree::NodeRef| Resolved {
            node: node.clone(),
            file: place.file,
            pointer: String::new(),
        };
        match &place.node.value {
            Value::Object(entries) => {
                let mut sorted: Vec<_> = entries.iter().collect();
                sorted.sort_by(|left, right| left.key.cmp(&right.key));
                self.hasher.update("{");
                for entry in sorted {
                    self.text(&entry.key);
                    self.value(&inside(&entry.value), left);
                }
                self.hasher.update("}");
            }
            Value::Array(items) => {
                self.hasher.update("[");
                for item in items {
                    self.value(&inside(item), left);
                }
                self.hasher.update("]");
            }
            Value::String(text) => self.text(text),
            other => self.hasher.update(format!("{other:?};")),
        }
    }

    /// Writes what a reference leads to; `false` when it leads nowhere, so that it counts as it is written.
    fn reference(&mut self, place: &Resolved, reference: &str, left: usize) -> bool {
        let target = self.loaded.documents.resolve(place.file, reference);
        let Ok(target) = target.and_then(|target| self.loaded.documents.follow(target)) else { return false };
        let next = self.known.len();
        let number = *self.known.entry((target.file, target.pointer.clone())).or_insert(next);
        if number == next {
            self.value(&target, left);
        } else {
            self.hasher.update(format!("^{number};"));
        }
        true
    }

    /// Its length stands before it, so that two texts are never the same as one.
    fn text(&mut self, text: &str) {
        self.hasher.update(format!("{}:", text.len()));
        self.hasher.update(text);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::contract::load_text;
    use crate::source_text::Limits;
    use crate::topology::difference::Difference;
    use crate::topology::{Change, Graph, NodeKind};

    fn read(schemas: &str) -> Graph {
        let text = format!(
            "asyncapi: 3.0.0\ninfo: {{title: web, version: '1'}}\nchannels:\n  a:\n    address: a\n    messages: {{M: {{payload: {{$ref: '#/components/schemas/M'}}}}}}\ncomponents:\n  schemas:\n{schemas}"
        );
        let loaded = load_text(Path::new("web.yaml"), text, &Limits::default());
        Graph::declared(&loaded.contract, &loaded.sources).with_schemas(&loaded)
    }

    fn change(before: &str, after: &str) -> Option<Change> {
        let difference = Difference::new(&read(before), &read(after));
        let message = difference.graph.of_kind(NodeKind::Message).next().expect("M");
        difference.graph.node(message).change
    }

    #[test]
    fn what_a_schema_says_counts_and_how_it_is_written_does_not() {
        let plain = "    M: {type: object, properties: {a: {$ref: '#/components/schemas/A'}}}\n    A: {type: string}\n";
        let turned = "    A: {type: string}\n    M:\n      properties: {a: {$ref: '#/components/schemas/A'}}\n      type: object\n";
        let inline = "    M: {type: object, properties: {a: {type: string}}}\n";
        let deeper = "    M: {type: object, properties: {a: {$ref: '#/components/schemas/A'}}}\n    A: {type: integer}\n";
        assert_eq!(change(plain, plain), None);
        assert_eq!(change(plain, turned), None);
        assert_eq!(change(plain, inline), None);
        assert_eq!(change(plain, deeper), Some(Change::Modified));
    }

    #[test]
    fn circles_end() {
        let circle = "    M: {properties: {next: {$ref: '#/components/schemas/M'}}}\n";
        let other = "    M: {properties: {next: {$ref: '#/components/schemas/N'}}}\n    N: {type: string}\n";
        assert_eq!(change(circle, circle), None);
        assert_eq!(change(circle, other), Some(Change::Modified));
    }
}
