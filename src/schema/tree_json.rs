//! Lets the validator walk the span tree as it is, so that a violation has its place for free.

use std::borrow::Cow;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, JsonNumber, NodeIdentity, Object};

use crate::source_text::tree::{Entry, Node, NodeRef, Number, Value};
use crate::source_text::{FileId, Span};

/// The representation whose nodes are those of [`crate::source_text::tree`].
pub(super) struct Tree;

/// Holds a property name while the validator looks at it.
#[derive(Default)]
pub(super) struct NameNode(Option<Node>);

impl Json for Tree {
    type Node<'a> = &'a Node;
    type PreparedKey = String;
    type StringBuffer = NameNode;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(buffer: &mut NameNode, string: &str, visit: impl FnOnce(&Node) -> T) -> T {
        let span = Span { file: FileId(0), start: 0, end: 0 };
        visit(buffer.0.insert(Node { value: Value::String(string.to_owned()), span, expanded: 1 }))
    }
}

/// A number of either representation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Digits {
    Signed(i64),
    Unsigned(u64),
    /// Always finite.
    Float(f64),
}

impl JsonNumber for Digits {
    fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::Signed(number) => u64::try_from(number).ok(),
            Self::Unsigned(number) => Some(number),
            Self::Float(_) => None,
        }
    }

    fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Signed(number) => Some(number),
            Self::Unsigned(number) => i64::try_from(number).ok(),
            Self::Float(_) => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        self.to_number().as_f64()
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_number().to_string())
    }

    fn to_number(&self) -> Cow<'_, serde_json::Number> {
        Cow::Owned(match *self {
            Self::Signed(number) => number.into(),
            Self::Unsigned(number) => number.into(),
            Self::Float(number) => serde_json::Number::from_f64(number).unwrap_or_else(|| 0.into()),
        })
    }

    fn is_integer(&self) -> bool {
        match *self {
            Self::Signed(_) | Self::Unsigned(_) => true,
            Self::Float(number) => number.fract() == 0.0,
        }
    }

    fn is_written_as_integer(&self) -> bool {
        !matches!(self, Self::Float(_))
    }
}

impl<'a> jsonschema::json::Node<'a, Tree> for &'a Node {
    type Object = &'a [Entry];
    type Array = &'a [NodeRef];
    type Number = Digits;

    fn as_object(&self) -> Option<&'a [Entry]> {
        match &self.value {
            Value::Object(entries) => Some(entries),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<&'a [NodeRef]> {
        match &self.value {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match &self.value {
            Value::String(text) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<Digits> {
        match self.value {
            Value::Number(Number::Integer(number)) => Some(Digits::Signed(number)),
            Value::Number(Number::Unsigned(number)) => Some(Digits::Unsigned(number)),
            Value::Number(Number::Float(number)) if number.is_finite() => Some(Digits::Float(number)),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        self.as_bool()
    }

    fn is_null(&self) -> bool {
        self.json_type() == JsonType::Null
    }

    fn json_type(&self) -> JsonType {
        match &self.value {
            // An infinity is nothing JSON can say; it reads as null, as it does in `to_json`.
            Value::Number(Number::Float(number)) if !number.is_finite() => JsonType::Null,
            Value::Null => JsonType::Null,
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(_) => JsonType::Number,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &serde_json::Value) -> bool {
        match &self.value {
            Value::String(text) => expected.as_str() == Some(text),
            _ => jsonschema::json::cmp::equal(&self.to_value(), expected),
        }
    }

    fn to_value(&self) -> Cow<'a, serde_json::Value> {
        Cow::Owned(self.to_json())
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref::<Node>(self) as usize))
    }
}

impl<'a> Object<'a, Tree> for &'a [Entry] {
    type Node = &'a Node;
    type MemberName = &'a str;
    type MembersIter = std::iter::Map<std::slice::Iter<'a, Entry>, fn(&'a Entry) -> (&'a str, &'a Node)>;

    fn len(&self) -> usize {
        <[Entry]>::len(self)
    }

    fn get(&self, key: &String) -> Option<&'a Node> {
        self.iter().find(|entry| entry.key == *key).map(|entry| &*entry.value)
    }

    fn members(&self) -> Self::MembersIter {
        self.iter().map(|entry| (entry.key.as_str(), &*entry.value))
    }
}

impl<'a> Array<'a, Tree> for &'a [NodeRef] {
    type Node = &'a Node;
    type ElementsIter = std::iter::Map<std::slice::Iter<'a, NodeRef>, fn(&'a NodeRef) -> &'a Node>;

    fn len(&self) -> usize {
        <[NodeRef]>::len(self)
    }

    fn elements(&self) -> Self::ElementsIter {
        self.iter().map(|item| &**item)
    }
}
