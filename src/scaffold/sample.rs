//! One JSON value that a type reads: what generated tests send.

use serde_json::{Map, Value};

use super::types::{Shape, Type, Types};

/// Most types nested along one path of optional members; deeper ones are left out.
const MAX_DEPTH: usize = 12;
/// Most values in one sample; what comes after is left empty.
const MAX_VALUES: usize = 5_000;

/// A value of the type, the same each time; optional members are there unless they would repeat a type.
#[must_use]
pub fn sample(types: &Types<'_>, kind: &Type) -> Value {
    Sampler { types, open: Vec::new(), values: 0 }.value(kind)
}

struct Sampler<'a, 'b> {
    types: &'a Types<'b>,
    open: Vec<usize>,
    values: usize,
}

impl Sampler<'_, '_> {
    fn value(&mut self, kind: &Type) -> Value {
        match kind {
            Type::String(format) => text_of(format.as_deref()).into(),
            Type::Integer => 1.into(),
            Type::Number => 1.5.into(),
            Type::Bool => true.into(),
            Type::Any => Value::Object(Map::new()),
            Type::List(item) if self.ends_here(item) => Value::Array(Vec::new()),
            Type::List(item) => Value::Array(vec![self.value(item)]),
            Type::Map(value) if self.ends_here(value) => Value::Object(Map::new()),
            Type::Map(value) => Value::Object(Map::from_iter([("key".to_owned(), self.value(value))])),
            Type::Option(inner) if self.ends_here(inner) => Value::Null,
            Type::Option(inner) => self.value(inner),
            // A type that must contain itself has no finite value.
            Type::Named(index) if self.open.contains(index) || self.values > MAX_VALUES => Value::Null,
            Type::Named(index) => {
                self.values += 1;
                self.open.push(*index);
                let value = self.named(*index);
                self.open.pop();
                value
            }
        }
    }

    fn named(&mut self, index: usize) -> Value {
        let Some(definition) = self.types.get(index) else { return Value::Null };
        match &definition.shape {
            Shape::Enum(variants) => variants.last().map_or(Value::Null, |(_, wire)| wire.as_str().into()),
            Shape::Union(variants) => {
                let finite = variants.iter().find(|(_, kind)| !self.ends_here(kind));
                finite.map_or(Value::Null, |(_, kind)| self.value(kind))
            }
            Shape::Struct { fields, .. } => {
                let mut object = Map::new();
                for field in fields {
                    if field.required || !self.ends_here(&field.kind) {
                        object.insert(field.wire.clone(), self.value(&field.kind));
                    }
                }
                object.into()
            }
        }
    }

    /// Whether a value of this type would repeat a type that is being written, or go too deep.
    fn ends_here(&self, kind: &Type) -> bool {
        match kind {
            Type::Named(index) => self.open.contains(index) || self.open.len() > MAX_DEPTH,
            Type::Option(inner) => self.ends_here(inner),
            _ => false,
        }
    }
}

fn text_of(format: Option<&str>) -> &'static str {
    match format {
        Some("date-time") => "2026-01-01T00:00:00Z",
        Some("date") => "2026-01-01",
        Some("time") => "00:00:00Z",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        Some("email") => "someone@example.com",
        Some("uri" | "url") => "https://example.com/",
        _ => "text",
    }
}
