//! The one walk over a new tree: what it can be referred to by, which files it refers to, and indexes of wide mappings.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Documents, address, joined, reference_of};
use crate::source_text::Resolved;
use crate::source_text::reference::{Reference, Target, beside, parse, proto_imports};
use crate::source_text::tree::{NodeRef, Value, pointer_push};

/// Mappings with more entries than this get an index of their keys.
const WIDE: usize = 32;
/// Folders above that of a Protobuf text in which its imports are looked for.
const FOLDERS_ABOVE: usize = 8;

impl Documents {
    /// Walks a new tree once: indexes wide mappings, collects identifiers and the files that references name.
    pub(super) fn survey(&mut self, root: Resolved, queue: &mut Vec<PathBuf>) {
        let base = self.path(root.file).map(Path::to_owned).unwrap_or_default();
        let mut seen = HashSet::new();
        let own: Option<Arc<str>> = self.address_of(root.file).map(Arc::from);
        let mut open = vec![(root, own)];
        while let Some((place, outer)) = open.pop() {
            if !seen.insert(address(&place.node)) {
                continue;
            }
            let around = base_inside(&place.node, outer);
            if let Some((written, _)) = reference_of(&place.node)
                && let Ok(reference) = parse(written)
            {
                self.note_target(written, reference, (around.as_deref(), &base), queue);
            }
            self.note_meta_schema(&place.node);
            note_imports(&place.node, &base, queue);
            self.note_identifiers(&place);
            self.index_wide(&place.node);
            open.extend(nested(&place).into_iter().map(|inner| (inner, around.clone())));
        }
    }

    /// Notes the file or the address a reference names; below an identifier it may be either.
    fn note_target(
        &mut self,
        written: &str,
        reference: Reference,
        (around, folder): (Option<&str>, &Path),
        queue: &mut Vec<PathBuf>,
    ) {
        match (reference.target, around) {
            (Target::Same, _) => {}
            (Target::Remote(address), _) => self.wanted.push(address),
            (Target::File(path), None) => queue.push(beside(folder, &path)),
            (Target::File(path), Some(around)) => {
                self.wanted.extend(joined(around, written));
                // The folder of a fetched document is no folder of this machine.
                if !folder.to_string_lossy().contains("://") {
                    queue.push(beside(folder, &path));
                }
            }
        }
    }

    /// A schema may state a meta-schema of its own; those of the drafts are known to all.
    fn note_meta_schema(&mut self, node: &NodeRef) {
        if let Some(written) = node.get_str("$schema").filter(|written| !written.contains("json-schema.org/"))
            && let Ok(Reference { target: Target::Remote(address), .. }) = parse(written)
        {
            self.wanted.push(address);
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

/// Queues the files that Protobuf texts among the children of a node, or the node itself, import: beside the file, or
/// in the folders above it, where they are.
fn note_imports(node: &NodeRef, folder: &Path, queue: &mut Vec<PathBuf>) {
    let children = node.entries().iter().map(|entry| &entry.value);
    for text in children.chain([node]).filter_map(|node| node.as_str()) {
        if memchr::memmem::find(text.as_bytes(), b".proto").is_none() {
            continue;
        }
        for name in proto_imports(text) {
            let above = (0..=FOLDERS_ABOVE).map(|count| format!("{}{name}", "../".repeat(count)));
            let found = above.map(|path| beside(folder, Path::new(&path))).find(|path| path.is_file());
            queue.extend(found);
        }
    }
}

/// The address relative references count from inside a schema that may name itself.
fn base_inside(node: &NodeRef, around: Option<Arc<str>>) -> Option<Arc<str>> {
    let plain = || node.get_str("id").filter(|_| node.get("asyncapi").is_none());
    let identifier = node.get_str("$id").or_else(plain).filter(|identifier| !identifier.starts_with('#'));
    let Some(identifier) = identifier else {
        return around;
    };
    let absolute = url::Url::parse(identifier).ok().filter(|address| !address.cannot_be_a_base());
    match (absolute, &around) {
        (Some(address), _) => Some(Arc::from(address.as_str())),
        (None, Some(base)) => joined(base, identifier).map(Arc::from).or(around),
        (None, None) => None,
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
