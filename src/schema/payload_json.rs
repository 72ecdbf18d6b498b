//! Lets the validator walk a payload as sonic-rs parsed it, without building a second tree.

use std::borrow::Cow;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object};
use sonic_rs::{JsonContainerTrait, JsonValueTrait, Value};

use super::tree_json::Digits;

/// The representation whose nodes are values of sonic-rs.
pub(super) struct Payload;

impl Json for Payload {
    type Node<'a> = &'a Value;
    type PreparedKey = String;
    type StringBuffer = Value;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(buffer: &mut Value, string: &str, visit: impl FnOnce(&Value) -> T) -> T {
        *buffer = Value::from(string);
        visit(buffer)
    }
}

impl<'a> Node<'a, Payload> for &'a Value {
    type Object = &'a sonic_rs::Object;
    type Array = &'a [Value];
    type Number = Digits;

    fn as_object(&self) -> Option<&'a sonic_rs::Object> {
        JsonContainerTrait::as_object(*self)
    }

    fn as_array(&self) -> Option<&'a [Value]> {
        JsonContainerTrait::as_array(*self).map(sonic_rs::Array::as_slice)
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        JsonValueTrait::as_str(*self).map(Cow::Borrowed)
    }

    fn as_number(&self) -> Option<Digits> {
        let value: &Value = self;
        // Asked in this order a small positive integer, the usual case, is found at once.
        if let Some(number) = value.as_u64() {
            return Some(Digits::Unsigned(number));
        }
        if let Some(number) = value.as_i64() {
            return Some(Digits::Signed(number));
        }
        value.as_f64().map(Digits::Float)
    }

    fn as_boolean(&self) -> Option<bool> {
        JsonValueTrait::as_bool(*self)
    }

    fn is_null(&self) -> bool {
        JsonValueTrait::is_null(*self)
    }

    fn is_number(&self) -> bool {
        JsonValueTrait::is_number(*self)
    }

    fn is_string(&self) -> bool {
        JsonValueTrait::is_str(*self)
    }

    fn json_type(&self) -> JsonType {
        match self.get_type() {
            sonic_rs::JsonType::Null => JsonType::Null,
            sonic_rs::JsonType::Boolean => JsonType::Boolean,
            sonic_rs::JsonType::Number => JsonType::Number,
            sonic_rs::JsonType::String => JsonType::String,
            sonic_rs::JsonType::Object => JsonType::Object,
            sonic_rs::JsonType::Array => JsonType::Array,
        }
    }

    fn equals_value(&self, expected: &serde_json::Value) -> bool {
        match JsonValueTrait::as_str(*self) {
            Some(text) => expected.as_str() == Some(text),
            None => jsonschema::json::cmp::equal(&self.to_value(), expected),
        }
    }

    fn to_value(&self) -> Cow<'a, serde_json::Value> {
        Cow::Owned(plain(self))
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref::<Value>(self) as usize))
    }
}

/// The same value as serde knows it.
fn plain(value: &Value) -> serde_json::Value {
    if let Some(text) = value.as_str() {
        return text.into();
    }
    if let Some(items) = JsonContainerTrait::as_array(value) {
        return items.iter().map(plain).collect();
    }
    if let Some(members) = JsonContainerTrait::as_object(value) {
        let members = members.iter().map(|(name, member)| (name.to_owned(), plain(member)));
        return members.collect::<serde_json::Map<_, _>>().into();
    }
    if let Some(truth) = value.as_bool() {
        return truth.into();
    }
    if let Some(number) = value.as_u64() {
        return number.into();
    }
    if let Some(number) = value.as_i64() {
        return number.into();
    }
    value.as_f64().map_or(serde_json::Value::Null, Into::into)
}

impl<'a> Object<'a, Payload> for &'a sonic_rs::Object {
    type Node = &'a Value;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        sonic_rs::Object::len(self)
    }

    fn get(&self, key: &String) -> Option<&'a Value> {
        sonic_rs::Object::get(self, key)
    }

    fn members(&self) -> Members<'a> {
        Members(self.iter())
    }
}

/// The members of an object.
pub(super) struct Members<'a>(sonic_rs::value::object::Iter<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl<'a> Array<'a, Payload> for &'a [Value] {
    type Node = &'a Value;
    type ElementsIter = std::slice::Iter<'a, Value>;

    fn len(&self) -> usize {
        <[Value]>::len(self)
    }

    fn elements(&self) -> Self::ElementsIter {
        self.iter()
    }
}
