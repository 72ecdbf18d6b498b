//! Applies traits to messages and operations by JSON Merge Patch (RFC 7396), by each version's own order.

use std::collections::HashMap;
use std::sync::Arc;

use super::place;
use crate::source_text::tree::{Entry, Node, NodeRef, Value};
use crate::source_text::{Documents, Resolved};

/// Who wins when trait and target both say something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// In 2.x the trait is patched onto the target, so the trait wins.
    V2,
    /// In 3.x a trait never overrides the target.
    V3,
}

/// A message or operation with its traits applied. Every part knows where it was written.
pub(super) struct Merged {
    /// The result; with the span of the target.
    pub node: NodeRef,
    target: Resolved,
    /// Where each part stands, when there were traits.
    parts: HashMap<String, Resolved>,
}

impl Merged {
    /// A part by key, references followed.
    pub fn get(&self, documents: &Documents, key: &str) -> Option<Resolved> {
        documents.follow(self.raw(documents, key)?).ok()
    }

    /// A part by key as written.
    pub fn raw(&self, documents: &Documents, key: &str) -> Option<Resolved> {
        if self.parts.is_empty() {
            return documents.child(&self.target, key);
        }
        self.parts.get(key).cloned()
    }

    /// A text by key.
    pub fn text(&self, key: &str) -> Option<String> {
        self.node.get_str(key).map(str::to_owned)
    }
}

/// Applies the traits listed in `target`, which is no reference.
pub(super) fn merge(documents: &Documents, target: &Resolved, dialect: Dialect) -> Merged {
    let listed = place::get(documents, target, "traits");
    let traits = listed.map(|list| place::items(documents, &list)).unwrap_or_default();
    if traits.is_empty() {
        return Merged { node: Arc::clone(&target.node), target: target.clone(), parts: HashMap::new() };
    }
    let mut layers = Layers { documents, entries: Vec::new(), parts: HashMap::new() };
    if dialect == Dialect::V2 {
        layers.start(target);
    }
    for one in &traits {
        layers.apply(one, true);
    }
    if dialect == Dialect::V3 {
        layers.apply(target, false);
    }
    let node = object(layers.entries, &target.node);
    Merged { node, target: target.clone(), parts: layers.parts }
}

struct Layers<'a> {
    documents: &'a Documents,
    entries: Vec<Entry>,
    parts: HashMap<String, Resolved>,
}

impl Layers<'_> {
    /// Takes the bottom layer as it is, nulls included.
    fn start(&mut self, layer: &Resolved) {
        for (entry, part) in place::entries(self.documents, layer) {
            self.parts.insert(entry.key.clone(), part);
            self.entries.push(entry);
        }
    }

    fn apply(&mut self, layer: &Resolved, is_trait: bool) {
        for (entry, part) in place::entries(self.documents, layer) {
            // The list of traits belongs to the target; traits have no traits.
            if !(is_trait && entry.key == "traits") {
                self.put(entry, part);
            }
        }
    }

    fn put(&mut self, entry: Entry, part: Resolved) {
        let at = self.entries.iter().position(|known| known.key == entry.key);
        match at {
            _ if entry.value.value == Value::Null => {
                self.entries.retain(|known| known.key != entry.key);
                self.parts.remove(&entry.key);
            }
            None => {
                self.parts.insert(entry.key.clone(), part);
                self.entries.push(entry);
            }
            Some(at) => {
                let under = self.parts.get(&entry.key).cloned();
                let merged = under.and_then(|under| self.patched(under, &part)).unwrap_or(part);
                self.entries[at].value = Arc::clone(&merged.node);
                self.parts.insert(entry.key, merged);
            }
        }
    }

    /// Two mappings merged, references at their roots followed first; none when either is something else.
    fn patched(&self, under: Resolved, over: &Resolved) -> Option<Resolved> {
        let mut under = self.documents.follow(under).ok()?;
        let over = self.documents.follow(over.clone()).ok()?;
        let both = [&under.node, &over.node].iter().all(|node| matches!(node.value, Value::Object(_)));
        if !both {
            return None;
        }
        under.node = patch(&under.node, &over.node);
        Some(under)
    }
}

/// JSON Merge Patch. Recursion is bounded by the depth limit of the trees.
fn patch(target: &NodeRef, patch_node: &NodeRef) -> NodeRef {
    let Value::Object(changes) = &patch_node.value else {
        return Arc::clone(patch_node);
    };
    let mut entries = target.entries().to_vec();
    for change in changes {
        let at = entries.iter().position(|entry| entry.key == change.key);
        match (at, &change.value.value) {
            (Some(at), Value::Null) => {
                entries.remove(at);
            }
            (None, Value::Null) => {}
            (Some(at), _) => entries[at].value = patch(&entries[at].value, &change.value),
            (None, _) => entries.push(change.clone()),
        }
    }
    object(entries, if matches!(target.value, Value::Object(_)) { target } else { patch_node })
}

fn object(entries: Vec<Entry>, place_of: &Node) -> NodeRef {
    let expanded = entries.iter().fold(1_u64, |sum, entry| sum.saturating_add(entry.value.expanded));
    Arc::new(Node { value: Value::Object(entries), span: place_of.span, expanded })
}
