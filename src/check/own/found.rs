//! A place in a document that a path leads to: the value, the key it stands under, and where both are.

use std::sync::Arc;

use crate::source_text::documents::Resolved;
use crate::source_text::tree::{NodeRef, Value, pointer_push};
use crate::source_text::{Documents, Span};

/// A value and the key it stands under.
#[derive(Clone, Debug)]
pub struct Found {
    /// The value.
    pub node: NodeRef,
    /// The key and its place; none for items and the root.
    pub key: Option<(String, Span)>,
    /// JSON Pointer of the value in its file.
    pub pointer: String,
    /// The key is meant, not the value.
    pub means_key: bool,
}

impl Found {
    /// The root of a document.
    #[must_use]
    pub fn root(node: NodeRef) -> Self {
        Self { node, key: None, pointer: String::new(), means_key: false }
    }

    /// What a finding about it points at: the key, or a value on one line, else the key before it or its first byte.
    #[must_use]
    pub fn span(&self) -> Span {
        let is_block = matches!(self.node.value, Value::Object(_) | Value::Array(_));
        match &self.key {
            Some((_, span)) if self.means_key || is_block => *span,
            None if is_block => Span { end: self.node.span.start, ..self.node.span },
            _ => self.node.span,
        }
    }

    /// The last word of the way to it.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.key {
            Some((key, _)) => key.clone(),
            None => self.pointer.rsplit('/').next().unwrap_or_default().to_owned(),
        }
    }

    /// The value, or the key when that is meant.
    #[must_use]
    pub fn value(&self) -> serde_json::Value {
        match &self.key {
            Some((key, _)) if self.means_key => key.as_str().into(),
            _ => self.node.to_json(),
        }
    }

    /// What stands behind a reference; itself when it is none, or one that leads nowhere.
    #[must_use]
    pub fn behind(&self, files: &Documents) -> Self {
        if self.node.get("$ref").is_none() {
            return self.clone();
        }
        let place =
            Resolved { node: self.node.clone(), file: self.node.span.file, pointer: self.pointer.clone() };
        match files.follow(place) {
            Ok(target) => Self { node: target.node, pointer: target.pointer, ..self.clone() },
            Err(_) => self.clone(),
        }
    }

    /// The entry of that name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<Self> {
        match &self.node.value {
            Value::Object(_) => {
                self.children().find(|child| child.key.as_ref().is_some_and(|(key, _)| key == name))
            }
            Value::Array(_) => self.children().nth(name.parse().ok()?),
            _ => None,
        }
    }

    /// Entries or items, in order.
    pub fn children(&self) -> impl Iterator<Item = Self> + '_ {
        let entries = self.node.entries().iter().map(|entry| Self {
            node: Arc::clone(&entry.value),
            key: Some((entry.key.clone(), entry.key_span)),
            pointer: pointer_push(&self.pointer, &entry.key),
            means_key: false,
        });
        let items = self.node.items().iter().enumerate().map(|(index, item)| Self {
            node: Arc::clone(item),
            key: None,
            pointer: format!("{}/{index}", self.pointer),
            means_key: false,
        });
        entries.chain(items)
    }
}
