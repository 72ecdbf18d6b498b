//! The tree of a YAML or JSON document in which every node knows its place in the text.

use std::sync::Arc;

use super::Span;

/// A shared node; an alias is the same node once more, so a bomb of aliases costs nothing until walked.
pub type NodeRef = Arc<Node>;

/// A number as written, and as read.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    /// An integer that fits 64 bits, signed.
    Integer(i64),
    /// An integer above `i64::MAX` that fits 64 bits, unsigned.
    Unsigned(u64),
    /// Everything else.
    Float(f64),
}

/// What a node holds, by the YAML 1.2 core schema.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer or a float.
    Number(Number),
    /// Any other scalar, quotes and escapes resolved.
    String(String),
    /// A sequence.
    Array(Vec<NodeRef>),
    /// A mapping, entries in order of writing.
    Object(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key; scalar keys that are not strings keep their written text.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// Whether the key was written as a string (`404:` is not).
    pub key_is_string: bool,
    /// The value.
    pub value: NodeRef,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Its bytes in the file; of an alias, the anchored node's.
    pub span: Span,
    /// Nodes of this subtree with every alias expanded, saturating; what limits are checked against.
    pub expanded: u64,
}

impl Node {
    /// The entries of a mapping, or none.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Object(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a sequence, or none.
    #[must_use]
    pub fn items(&self) -> &[NodeRef] {
        match &self.value {
            Value::Array(items) => items,
            _ => &[],
        }
    }

    /// The entry called `key`; of repeated keys the first.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&NodeRef> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The text of a string node.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth of a boolean node.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// The text under `key`, when it is a string.
    #[must_use]
    pub fn get_str(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(|node| node.as_str())
    }

    /// What kind of value this is, in JSON's words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

    /// Follows a JSON Pointer (RFC 6901, without `#`), aliases included.
    #[must_use]
    pub fn pointer<'a>(self: &'a NodeRef, pointer: &str) -> Option<&'a NodeRef> {
        let mut node = self;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            node = match &node.value {
                Value::Object(_) => node.get(&token)?,
                Value::Array(items) => items.get(token.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(node)
    }

    /// The plain value without places; numbers JSON cannot hold become null.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(truth) => (*truth).into(),
            Value::Number(Number::Integer(number)) => (*number).into(),
            Value::Number(Number::Unsigned(number)) => (*number).into(),
            Value::Number(Number::Float(number)) => (*number).into(),
            Value::String(text) => text.as_str().into(),
            Value::Array(items) => items.iter().map(|item| item.to_json()).collect(),
            Value::Object(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// Appends a reference token to a JSON Pointer, escaped by RFC 6901.
#[must_use]
pub fn pointer_push(pointer: &str, token: &str) -> String {
    let mut longer = String::with_capacity(pointer.len() + 1 + token.len());
    longer.push_str(pointer);
    longer.push('/');
    // This is called for every node of a document, and nearly no token needs an escape.
    if token.contains(['~', '/']) {
        longer.push_str(&token.replace('~', "~0").replace('/', "~1"));
    } else {
        longer.push_str(token);
    }
    longer
}
