//! The fields of a message by path, as others see them.

use std::collections::BTreeMap;

use super::surface::FieldSurface;
use super::types::{Field, Shape, Type, Types};

/// Most fields one message is looked at for.
const MAX_FIELDS: usize = 2_000;
/// Deepest nesting that is looked at.
const MAX_DEPTH: usize = 500;

/// What a field, an item or a branch holds, in words.
pub(super) mod kind {
    pub const LIST: &str = "list";
    pub const MAP: &str = "map";
    pub const OBJECT: &str = "object";
    pub const TEXT: &str = "text";
    pub const WHOLE_NUMBER: &str = "whole number";
    pub const NUMBER: &str = "number";
    pub const BOOL: &str = "true or false";
    pub const ANYTHING: &str = "anything";
    pub const AGAIN: &str = "the same again";
    pub const ENUM: &str = "one of several texts";
    pub const UNION: &str = "one of several types";
}

/// The fields of a message, by path, and whether these are all.
#[must_use]
pub fn fields_of(types: &Types<'_>, kind: &Type) -> (BTreeMap<String, FieldSurface>, bool) {
    let mut walk = Walk { types, open: Vec::new(), depth: 0, fields: BTreeMap::new(), is_whole: true };
    walk.kind(kind, "", &Place { required: true, ..Place::default() });
    (walk.fields, walk.is_whole)
}

struct Walk<'a, 'b> {
    types: &'a Types<'b>,
    open: Vec<usize>,
    depth: usize,
    fields: BTreeMap<String, FieldSurface>,
    is_whole: bool,
}

/// What is known of a place besides its type.
#[derive(Clone, Default)]
struct Place {
    required: bool,
    nullable: bool,
    /// The values that are listed for what is in it, lists aside.
    listed: Vec<String>,
}

impl Place {
    fn of(field: &Field) -> Self {
        Self { required: field.required, nullable: field.nullable, listed: field.listed.clone() }
    }

    /// What is in a list or a map: it need not be there, whatever is around it.
    fn inside(&self) -> Self {
        Self { listed: self.listed.clone(), ..Self::default() }
    }
}

impl Walk<'_, '_> {
    fn kind(&mut self, kind: &Type, path: &str, place: &Place) {
        if self.fields.len() >= MAX_FIELDS || self.depth >= MAX_DEPTH {
            self.is_whole = false;
            return;
        }
        self.depth += 1;
        match kind {
            Type::Option(inner) => self.kind(inner, path, &Place { nullable: true, ..place.clone() }),
            Type::List(item) => {
                self.take(path, kind::LIST, place, &[]);
                self.kind(item, &format!("{path}[]"), &place.inside());
            }
            Type::Map(value) => {
                self.take(path, kind::MAP, place, &[]);
                self.kind(value, &format!("{path}.*"), &place.inside());
            }
            Type::Named(index) => self.named(*index, path, place),
            Type::String(format) => self.take(path, format.as_deref().unwrap_or(kind::TEXT), place, &[]),
            Type::Integer => self.take(path, kind::WHOLE_NUMBER, place, &place.listed),
            Type::Number => self.take(path, kind::NUMBER, place, &place.listed),
            Type::Bool => self.take(path, kind::BOOL, place, &place.listed),
            Type::Any => self.take(path, kind::ANYTHING, place, &place.listed),
        }
        self.depth -= 1;
    }

    fn named(&mut self, index: usize, path: &str, place: &Place) {
        let Some(definition) = self.types.get(index).filter(|_| !self.open.contains(&index)) else {
            return self.take(path, kind::AGAIN, place, &[]);
        };
        self.open.push(index);
        match &definition.shape {
            Shape::Enum(variants) => {
                let values: Vec<String> = variants.iter().map(|(_, wire)| wire.clone()).collect();
                self.take(path, kind::ENUM, place, &values);
            }
            Shape::Union(variants) => {
                self.take(path, kind::UNION, place, &[]);
                for (name, branch) in variants {
                    self.kind(branch, &format!("{path}|{name}"), &Place::default());
                }
            }
            Shape::Struct { fields, rest, closed } => {
                self.take(path, kind::OBJECT, place, &[]);
                if let Some(known) = self.fields.get_mut(path) {
                    known.closed = *closed;
                }
                let joint = if path.is_empty() { "" } else { "." };
                for field in fields {
                    // A field that may be left out is an option in code, which says nothing of null.
                    let inner = match &field.kind {
                        Type::Option(inner) => inner,
                        other => other,
                    };
                    self.kind(inner, &format!("{path}{joint}{}", field.wire), &Place::of(field));
                }
                if let Some(rest) = rest {
                    self.kind(rest, &format!("{path}.*"), &Place::default());
                }
            }
        }
        self.open.pop();
    }

    fn take(&mut self, path: &str, kind: &str, place: &Place, values: &[String]) {
        let field = FieldSurface {
            kind: kind.to_owned(),
            required: place.required,
            values: values.to_vec(),
            nullable: place.nullable,
            closed: false,
        };
        self.fields.insert(path.to_owned(), field);
    }
}
