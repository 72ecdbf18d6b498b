//! Holds values in Protobuf's JSON mapping against a message, with the place of whatever is wrong.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::scalar::{fault, word};
use crate::diagnostic::nearest;
use crate::schema::Violation;
use crate::schema::words::{alternatives, of_place, place, shown, with_article};
use crate::source_text::tree::{Entry, Node, NodeRef, Number, Value, pointer_push};
use crate::source_text::{Resolved, Span};

/// Walks a value beside its message.
pub(super) struct Checker<'a> {
    schema: &'a Resolved,
    found: Vec<Violation>,
}

/// Part of a value with its pointer and the key it stands under.
struct Part<'n> {
    node: &'n NodeRef,
    pointer: String,
    key: Option<Span>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(schema: &'a Resolved) -> Self {
        Self { schema, found: Vec::new() }
    }

    /// All violations of a value, in order of place.
    pub(super) fn all(mut self, message: &MessageDescriptor, value: &NodeRef) -> Vec<Violation> {
        self.message(message, &Part { node: value, pointer: String::new(), key: None });
        self.found.sort_by_key(|violation| violation.span.map(|span| span.start));
        self.found
    }

    fn wrong(&mut self, keyword: &str, message: String, part: &Part<'_>) -> &mut Violation {
        let index = self.found.len();
        self.found.push(Violation {
            instance_pointer: part.pointer.clone(),
            schema_file: Some(self.schema.file),
            schema_pointer: self.schema.pointer.clone(),
            keyword: keyword.to_owned(),
            message,
            expected: None,
            actual: Some(shown(&part.node.to_json())),
            help: None,
            span: Some(part.node.span),
            position: None,
            schema_span: None,
        });
        &mut self.found[index]
    }

    fn wrong_type(&mut self, expected: &str, part: &Part<'_>) {
        let found = match &part.node.value {
            Value::Number(_) | Value::String(_) => shown(&part.node.to_json()),
            _ => with_article(part.node.kind()),
        };
        let message = format!("{} is {found}, {expected}", place(&part.pointer));
        let expected = expected.trim_start_matches("not ").to_owned();
        self.wrong("type", message, part).expected = Some(expected);
    }

    fn message(&mut self, message: &MessageDescriptor, part: &Part<'_>) {
        if let Some(fits) = well_known(message, part.node) {
            if !fits {
                self.wrong_type(&format!("not a `{}`", message.full_name()), part);
            }
            return;
        }
        if !matches!(part.node.value, Value::Object(_)) {
            return self.wrong_type(&format!("not a `{}`, which is an object", message.full_name()), part);
        }
        let is_any = message.full_name() == "google.protobuf.Any";
        for entry in part.node.entries() {
            match field_of(message, &entry.key) {
                Some(field) => self.field(&field, entry, part),
                None if is_any || is_extension(&entry.key) => {}
                None => self.unknown(message, entry, part),
            }
        }
        self.required(message, part);
        self.one_of_each(message, part);
    }

    fn unknown(&mut self, message: &MessageDescriptor, entry: &Entry, part: &Part<'_>) {
        let text = format!("the message `{}` has no field `{}`", message.full_name(), entry.key);
        let names: Vec<String> = message.fields().map(|field| field.json_name().to_owned()).collect();
        let pointer = pointer_push(&part.pointer, &entry.key);
        let inner = Part { node: &entry.value, pointer, key: None };
        let violation = self.wrong("additionalProperties", text, &inner);
        violation.span = Some(entry.key_span);
        violation.help = nearest(&entry.key, names.iter().map(String::as_str))
            .map(|near| format!("did you mean `{near}`?"));
    }

    /// Fields that proto2 asks for.
    fn required(&mut self, message: &MessageDescriptor, part: &Part<'_>) {
        let is_there = |field: &FieldDescriptor| {
            part.node.get(field.json_name()).or_else(|| part.node.get(field.name())).is_some()
        };
        for field in message.fields().filter(|field| field.is_required() && !is_there(field)) {
            let text = format!("the field `{}`{} is missing", field.json_name(), of_place(&part.pointer));
            let first = part.node.entries().first().map_or(part.node.span, |entry| entry.key_span);
            let span = part.key.unwrap_or(Span { end: first.end, ..part.node.span });
            let violation = self.wrong("required", text, part);
            violation.span = Some(span);
            violation.actual = None;
        }
    }

    /// Of the fields of a `oneof` at most one is set.
    fn one_of_each(&mut self, message: &MessageDescriptor, part: &Part<'_>) {
        for group in message.oneofs().filter(|group| !group.is_synthetic()) {
            let is_set = |entry: &&Entry| {
                let field = field_of(message, &entry.key);
                let is_in_group =
                    field.and_then(|field| field.containing_oneof()).is_some_and(|own| own == group);
                is_in_group && entry.value.value != Value::Null
            };
            let set: Vec<&Entry> = part.node.entries().iter().filter(is_set).collect();
            if let [_, second, ..] = set[..] {
                let names: Vec<&str> = set.iter().map(|entry| entry.key.as_str()).collect();
                let text = format!(
                    "only one of {} may be set: they are the oneof `{}`",
                    alternatives(&names).replace(" or ", " and "),
                    group.name()
                );
                self.wrong("oneof", text, part).span = Some(second.key_span);
            }
        }
    }

    fn field(&mut self, field: &FieldDescriptor, entry: &Entry, part: &Part<'_>) {
        // In the mapping null is the same as leaving the field out.
        let takes_null =
            matches!(field.kind(), Kind::Message(message) if message.full_name() == "google.protobuf.Value");
        if entry.value.value == Value::Null && !takes_null {
            return;
        }
        let pointer = pointer_push(&part.pointer, &entry.key);
        let inner = Part { node: &entry.value, pointer, key: Some(entry.key_span) };
        if field.is_map() {
            return self.map(field, &inner);
        }
        if !field.is_list() {
            return self.value(&field.kind(), &inner);
        }
        if !matches!(inner.node.value, Value::Array(_)) {
            return self
                .wrong_type(&format!("not an array: the field is repeated {}", bare(&field.kind())), &inner);
        }
        for (index, item) in entry.value.items().iter().enumerate() {
            let pointer = pointer_push(&inner.pointer, &index.to_string());
            self.value(&field.kind(), &Part { node: item, pointer, key: None });
        }
    }

    fn map(&mut self, field: &FieldDescriptor, part: &Part<'_>) {
        let Kind::Message(entry_kind) = field.kind() else { return };
        if !matches!(part.node.value, Value::Object(_)) {
            return self.wrong_type("not an object: the field is a map", part);
        }
        let (key_kind, value_kind) =
            (entry_kind.map_entry_key_field().kind(), entry_kind.map_entry_value_field().kind());
        for entry in part.node.entries() {
            let pointer = pointer_push(&part.pointer, &entry.key);
            let inner = Part { node: &entry.value, pointer, key: Some(entry.key_span) };
            if !is_key(&key_kind, &entry.key, entry.key_span) {
                let text =
                    format!("the key `{}`{} is {}", entry.key, of_place(&part.pointer), not(&key_kind));
                self.wrong("propertyNames", text, &inner).span = Some(entry.key_span);
            }
            self.value(&value_kind, &inner);
        }
    }

    fn value(&mut self, kind: &Kind, part: &Part<'_>) {
        match kind {
            Kind::Message(message) => self.message(message, part),
            Kind::Enum(kind) if kind.full_name() == "google.protobuf.NullValue" => {}
            Kind::Enum(kind) => match &part.node.value {
                Value::String(name) if kind.get_value_by_name(name).is_some() => {}
                Value::Number(Number::Integer(_)) => {}
                Value::String(name) => {
                    let names: Vec<String> = kind.values().map(|value| value.name().to_owned()).collect();
                    let words = alternatives(&names);
                    let text = format!(
                        "{} is `{name}`, not {words} of `{}`",
                        place(&part.pointer),
                        kind.full_name()
                    );
                    let near = nearest(name, names.iter().map(String::as_str));
                    let violation = self.wrong("enum", text, part);
                    violation.help = near.map(|near| format!("did you mean `{near}`?"));
                    violation.expected = Some(words);
                }
                _ => self.wrong_type(&format!("not a name of `{}`", kind.full_name()), part),
            },
            scalar => {
                if let Some(expected) = fault(scalar, part.node) {
                    self.wrong_type(&expected, part);
                }
            }
        }
    }
}

fn not(kind: &Kind) -> String {
    format!("not {}", word(kind))
}

fn bare(kind: &Kind) -> String {
    word(kind).trim_start_matches("of the type ").trim_start_matches("a ").to_owned()
}

/// A field by its JSON name or its name in the text.
fn field_of(message: &MessageDescriptor, key: &str) -> Option<FieldDescriptor> {
    message.get_field_by_json_name(key).or_else(|| message.get_field_by_name(key))
}

/// `[shop.extra]` names an extension.
fn is_extension(key: &str) -> bool {
    key.starts_with('[') && key.ends_with(']')
}

/// Keys of maps are texts that read as the kind of the key.
fn is_key(kind: &Kind, key: &str, span: Span) -> bool {
    let node = |value: Value| Node { value, span, expanded: 1 };
    match kind {
        Kind::Bool => matches!(key, "true" | "false"),
        other => fault(other, &node(Value::String(key.to_owned()))).is_none(),
    }
}

/// Whether a value fits a well-known type that has a form of its own in JSON; none for every other message.
fn well_known(message: &MessageDescriptor, node: &Node) -> Option<bool> {
    let text = || node.as_str();
    let scalar = |kind: Kind| fault(&kind, node).is_none();
    Some(match message.full_name().strip_prefix("google.protobuf.")? {
        "Timestamp" => text().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        "Duration" => text().is_some_and(is_duration),
        "FieldMask" => text().is_some(),
        "Value" => true,
        "Struct" | "Empty" => matches!(node.value, Value::Object(_)),
        "ListValue" => matches!(node.value, Value::Array(_)),
        "DoubleValue" => scalar(Kind::Double),
        "FloatValue" => scalar(Kind::Float),
        "Int64Value" => scalar(Kind::Int64),
        "UInt64Value" => scalar(Kind::Uint64),
        "Int32Value" => scalar(Kind::Int32),
        "UInt32Value" => scalar(Kind::Uint32),
        "BoolValue" => scalar(Kind::Bool),
        "StringValue" => scalar(Kind::String),
        "BytesValue" => scalar(Kind::Bytes),
        _ => return None,
    })
}

/// `1.5s`: seconds with at most nine digits after the point.
fn is_duration(text: &str) -> bool {
    let Some(number) = text.strip_suffix('s') else { return false };
    let number = number.strip_prefix('-').unwrap_or(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction) && fraction.len() <= 9
}
