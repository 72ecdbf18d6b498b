//! The one walk over a new tree: what it can be referred to by, which files it refers to, and indexes of wide mappings.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Documents, address, reference_of};
use crate::source_text::Resolved;
use crate::source_text::reference::{Reference, Target, beside, parse};
use crate::source_text::tree::{NodeRef, Value, pointer_push};

/// Mappings with more entries than this get an index of their keys.
const WIDE: usize = 32;

impl Documents {
    /// Walks a new tree once: indexes wide mappings, collects identifiers and the files that references name.
    pub(super) fn survey(&mut self, root: Resolved, queue: &mut Vec<PathBuf>) {
        let base = self.path(root.file).map(Path::to_owned).unwrap_or_default();
        let mut seen = HashSet::new();
        let mut open = vec![root];
        while let Some(place) = open.pop() {
            if !seen.insert(address(&place.node)) {
                continue;
            }
            if let Some((written, _)) = reference_of(&place.node)
                && let Ok(Reference { target: Target::File(path), .. }) = parse(written)
            {
                queue.push(beside(&base, &path));
            }
            self.note_identifiers(&place);
            self.index_wide(&place.node);
            open.extend(nested(&place));
        }
    }

    fn note_identifiers(&mut self, place: &Resolved) {
        if let Some(name) = place.node.get_str("$anchor") {
            self.note_anchor(place, name);
        }
        let Some(identifier) = place.node.get_str("$id").or_else(|| place.node.get_str("id")) else {
            return;
        };
        if let Some(name) = identifier.strip_prefix('#') {
            self.note_anchor(place, name);
        } else if identifier.contains("://") || identifier.starts_with("urn:") {
            let identifier = identifier.trim_end_matches('#').to_owned();
            self.identifiers.entry(identifier).or_insert_with(|| place.clone());
        }
    }

    fn note_anchor(&mut self, place: &Resolved, name: &str) {
        if name.is_empty() || name.starts_with('/') {
            return;
        }
        if let Some(loaded) = self.files.get_mut(&place.file) {
            let target = (Arc::clone(&place.node), place.pointer.clone());
            loaded.anchors.entry(name.to_owned()).or_insert(target);
        }
    }

    fn index_wide(&mut self, node: &NodeRef) {
        let entries = node.entries();
        if entries.len() <= WIDE {
            return;
        }
        let mut index = HashMap::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            index.entry(entry.key.clone()).or_insert(at);
        }
        self.wide.insert(address(node), index);
    }
}

/// The sequences and mappings directly inside a node.
fn nested(place: &Resolved) -> Vec<Resolved> {
    let inside = |token: &str, node: &NodeRef| Resolved {
        node: Arc::clone(node),
        file: place.file,
        pointer: pointer_push(&place.pointer, token),
    };
    let holds_more = |node: &NodeRef| matches!(node.value, Value::Array(_) | Value::Object(_));
    match &place.node.value {
        Value::Array(items) => {
            let items = items.iter().enumerate().filter(|(_, item)| holds_more(item));
            items.map(|(index, item)| inside(&index.to_string(), item)).collect()
        }
        Value::Object(entries) => {
            let entries = entries.iter().filter(|entry| holds_more(&entry.value));
            entries.map(|entry| inside(&entry.key, &entry.value)).collect()
        }
        _ => Vec::new(),
    }
}
