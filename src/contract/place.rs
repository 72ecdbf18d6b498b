//! Steps from place to place in the trees, references followed. What leads nowhere is left out: [`super::references`]
//! reports it.

use std::sync::Arc;

use crate::source_text::reference::unescaped;
use crate::source_text::tree::{Entry, pointer_push};
use crate::source_text::{Documents, FileId, Resolved, Span};

/// The root of a file.
pub(super) fn root(documents: &Documents, file: FileId) -> Option<Resolved> {
    let node = Arc::clone(documents.root(file)?);
    Some(Resolved { node, file, pointer: String::new() })
}

/// The child under a key, references followed.
pub(super) fn get(documents: &Documents, at: &Resolved, key: &str) -> Option<Resolved> {
    documents.follow(documents.child(at, key)?).ok()
}

/// The entries of a mapping with their places as written; of repeated keys the first.
pub(super) fn entries(documents: &Documents, at: &Resolved) -> Vec<(Entry, Resolved)> {
    let mut found = Vec::with_capacity(at.node.entries().len());
    for entry in at.node.entries() {
        let first =
            documents.child(at, &entry.key).is_some_and(|child| Arc::ptr_eq(&child.node, &entry.value));
        if first {
            let pointer = pointer_push(&at.pointer, &entry.key);
            let part = Resolved { node: Arc::clone(&entry.value), file: at.file, pointer };
            found.push((entry.clone(), part));
        }
    }
    found
}

/// The entries of the mapping under `key`, references followed; those that lead nowhere are left out.
pub(super) fn named(documents: &Documents, at: &Resolved, key: &str) -> Vec<(Entry, Resolved)> {
    let Some(map) = get(documents, at, key) else {
        return Vec::new();
    };
    let listed = entries(documents, &map).into_iter();
    listed.filter_map(|(entry, part)| Some((entry, documents.follow(part).ok()?))).collect()
}

/// The items of a sequence, references followed; those that lead nowhere are left out.
pub(super) fn items(documents: &Documents, at: &Resolved) -> Vec<Resolved> {
    let count = at.node.items().len();
    let items = (0..count).filter_map(|index| documents.child(at, &index.to_string()));
    items.filter_map(|item| documents.follow(item).ok()).collect()
}

/// The names of tags, which may be references.
pub(super) fn tags(documents: &Documents, list: Option<Resolved>) -> Vec<String> {
    let items = list.map(|list| items(documents, &list)).unwrap_or_default();
    items.iter().filter_map(|tag| tag.node.get_str("name").map(str::to_owned)).collect()
}

/// The last token of a pointer, unescaped.
pub(super) fn last_token(pointer: &str) -> Option<String> {
    let (_, token) = pointer.rsplit_once('/')?;
    Some(unescaped(token))
}

/// Where the key of a place stands; its own place when it has none.
pub(super) fn key_span(documents: &Documents, at: &Resolved) -> Span {
    let found = || {
        let (parent, _) = at.pointer.rsplit_once('/')?;
        let key = last_token(&at.pointer)?;
        let parent = documents.root(at.file)?.pointer(parent)?;
        parent.entry(&key).map(|entry| entry.key_span)
    };
    found().unwrap_or(at.node.span)
}
