//! Anchors and aliases while nodes move: every alias keeps its anchor before it.

use std::collections::{BTreeMap, BTreeSet};

use super::make::bare_copy;
use super::tree::{Content, Node};

/// The nodes that have an anchor, by its name.
pub type Anchors = BTreeMap<String, Node>;

/// The anchors below a node; none when a name is given twice.
#[must_use]
pub fn anchors(root: &Node) -> Option<Anchors> {
    let mut found = Anchors::new();
    collect(root, &mut found).then_some(found)
}

fn name_of(node: &Node) -> Option<&str> {
    node.properties.iter().find_map(|property| property.strip_prefix('&'))
}

fn collect(node: &Node, found: &mut Anchors) -> bool {
    let own = name_of(node).is_none_or(|name| found.insert(name.to_owned(), node.clone()).is_none());
    own && node.collection().is_none_or(|collection| {
        collection.items.iter().all(|item| {
            item.key.as_ref().is_none_or(|key| collect(key, found)) && collect(&item.value, found)
        })
    })
}

/// What an alias stands for, written out.
#[must_use]
pub fn written_out(alias: &str, anchors: &Anchors) -> Option<Node> {
    anchors.get(alias.strip_prefix('*')?).map(bare_copy)
}

/// Moves each anchored value to the first place that names it; what no longer stands anywhere is written there again.
pub fn put_in_order(root: &mut Node, anchors: &Anchors) {
    // Every round settles one name, and putting a value back can bring at most the names inside it.
    for _ in 0..=anchors.len() * 2 {
        let Some(name) = early_alias(root, &mut BTreeSet::new()) else { return };
        let value = take(root, &name).or_else(|| anchors.get(&name).map(|node| bare(node, &name)));
        match value {
            Some((properties, content)) => put(root, &name, &mut Some((properties, content))),
            None => return,
        };
    }
}

fn bare(node: &Node, name: &str) -> (Vec<String>, Content) {
    let copy = bare_copy(node);
    let mut properties = copy.properties;
    properties.insert(0, format!("&{name}"));
    (properties, copy.content)
}

/// The first alias whose anchor has not come before it.
fn early_alias(node: &Node, seen: &mut BTreeSet<String>) -> Option<String> {
    if let Content::Alias(alias) = &node.content {
        let name = alias.trim_start_matches('*');
        return (!seen.contains(name)).then(|| name.to_owned());
    }
    if let Some(name) = name_of(node) {
        seen.insert(name.to_owned());
    }
    node.collection()?.items.iter().find_map(|item| {
        item.key.as_ref().and_then(|key| early_alias(key, seen)).or_else(|| early_alias(&item.value, seen))
    })
}

/// Takes the value with an anchor out of its place and leaves an alias there.
fn take(node: &mut Node, name: &str) -> Option<(Vec<String>, Content)> {
    if name_of(node) == Some(name) {
        let content = std::mem::replace(&mut node.content, Content::Alias(format!("*{name}")));
        return Some((std::mem::take(&mut node.properties), content));
    }
    let collection = node.collection_mut()?;
    collection.items.iter_mut().find_map(|item| {
        item.key.as_mut().and_then(|key| take(key, name)).or_else(|| take(&mut item.value, name))
    })
}

/// Puts a value in the place of the first alias.
fn put(node: &mut Node, name: &str, value: &mut Option<(Vec<String>, Content)>) -> bool {
    if matches!(&node.content, Content::Alias(alias) if alias.trim_start_matches('*') == name) {
        if let Some((properties, content)) = value.take() {
            node.properties = properties;
            node.content = content;
        }
        return true;
    }
    let Some(collection) = node.collection_mut() else { return false };
    collection.items.iter_mut().any(|item| {
        item.key.as_mut().is_some_and(|key| put(key, name, value)) || put(&mut item.value, name, value)
    })
}
