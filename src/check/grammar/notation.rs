//! Reads the notation of the `.grammar` files into definitions. It knows no document.

use std::collections::HashMap;

/// What a value may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Anything.
    Any,
    /// An object without fields.
    Nothing,
    /// Any object.
    FreeObject,
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A whole number in a range.
    Integer(i64, i64),
    /// Text of at most so many bytes.
    Text(usize),
    /// An absolute URI.
    Uri,
    /// An e-mail address.
    Email,
    /// One of the seven type names of JSON Schema.
    TypeName,
    /// This very word.
    Word(String),
    /// A Reference Object and nothing else.
    Reference,
    /// An object of this name.
    Named(String),
    /// An object of this name, or a Reference Object to one.
    OrReference(String),
    /// A list.
    List(Box<Self>),
    /// A map whose keys are free or restricted.
    Map(KeyNames, Box<Self>),
    /// One of several.
    Either(Vec<Self>),
    /// A payload schema in the language its neighbour `schemaFormat` names.
    Payload,
    /// A schema that describes an object.
    ObjectSchema,
}

/// Which keys a map may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyNames {
    /// Any.
    Free,
    /// Letters, digits, `.`, `-` and `_`.
    Component,
    /// Letters, digits, `-` and `_`.
    Plain,
}

/// One field of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Must it be there.
    pub required: bool,
    /// The minor version it came with.
    pub since: u8,
    /// What it holds.
    pub shape: Shape,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Definition {
    /// An object.
    Object {
        /// Its fields.
        fields: Vec<Field>,
        /// The shape of fields not listed, when any name will do.
        others: Option<Shape>,
        /// Other fields are let through unseen.
        open: bool,
        /// `true` and `false` will do as well.
        boolean: bool,
        /// Before this minor version anything goes.
        free_before: u8,
    },
    /// One object when a field is there, another when not.
    Has {
        /// The field.
        field: String,
        /// The object when it is there.
        then: Shape,
        /// The object when it is not.
        otherwise: Shape,
    },
    /// The object is chosen by the text of a field; the cases are written as fields.
    Switch {
        /// The field.
        field: String,
        /// The texts and what they choose.
        cases: Vec<Field>,
    },
}

/// Reads a grammar into `definitions`; gives the lines it could not read, which a test keeps empty.
pub fn read(text: &str, definitions: &mut HashMap<String, Definition>) -> Vec<String> {
    let mut unread = Vec::new();
    let mut current: Option<String> = None;
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let understood = if line.starts_with(' ') {
            let definition = current.as_ref().and_then(|name| definitions.get_mut(name));
            definition.and_then(|definition| add_field(definition, line.trim()))
        } else {
            heading(line).map(|(name, definition)| {
                definitions.insert(name.clone(), definition);
                current = Some(name);
            })
        };
        if understood.is_none() {
            unread.push(line.to_owned());
        }
    }
    unread
}

fn heading(line: &str) -> Option<(String, Definition)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (name, rest) = words.split_first()?;
    let definition = match rest {
        ["has", field, then, "else", otherwise] => Definition::Has {
            field: (*field).to_owned(),
            then: Shape::Named((*then).to_owned()),
            otherwise: Shape::Named((*otherwise).to_owned()),
        },
        ["switch", field] => Definition::Switch { field: (*field).to_owned(), cases: Vec::new() },
        ["before", minor, "any"] => object(false, false, minor.parse().ok()?),
        flags => {
            if !flags.iter().all(|flag| matches!(*flag, "open" | "bool")) {
                return None;
            }
            object(flags.contains(&"open"), flags.contains(&"bool"), 0)
        }
    };
    Some(((*name).to_owned(), definition))
}

fn object(open: bool, boolean: bool, free_before: u8) -> Definition {
    Definition::Object { fields: Vec::new(), others: None, open, boolean, free_before }
}

fn add_field(definition: &mut Definition, line: &str) -> Option<()> {
    let (head, shape) = line.split_once(' ')?;
    let shape = shape_of(shape)?;
    if head == "*" {
        let Definition::Object { others, .. } = definition else {
            return None;
        };
        *others = Some(shape);
        return Some(());
    }
    let (head, since) = match head.split_once('@') {
        Some((head, minor)) => (head, minor.parse().ok()?),
        None => (head, 0),
    };
    let required = head.ends_with('!');
    let field = Field { name: head.trim_end_matches('!').to_owned(), required, since, shape };
    match definition {
        Definition::Object { fields, .. } => fields.push(field),
        Definition::Switch { cases, .. } => cases.push(field),
        Definition::Has { .. } => return None,
    }
    Some(())
}

/// Reads a shape; `None` when it is not one.
fn shape_of(text: &str) -> Option<Shape> {
    let (shape, rest) = alternatives(text)?;
    rest.is_empty().then_some(shape)
}

fn alternatives(text: &str) -> Option<(Shape, &str)> {
    let (first, mut rest) = single(text)?;
    let mut all = vec![first];
    while let Some(after) = rest.strip_prefix('|') {
        let (next, left) = single(after)?;
        all.push(next);
        rest = left;
    }
    let shape = if all.len() == 1 { all.pop()? } else { Shape::Either(all) };
    Some((shape, rest))
}

fn single(text: &str) -> Option<(Shape, &str)> {
    if let Some(inner) = text.strip_prefix('[') {
        let (shape, rest) = alternatives(inner)?;
        return Some((Shape::List(Box::new(shape)), rest.strip_prefix(']')?));
    }
    if let Some(inner) = text.strip_prefix('{') {
        let (names, inner) = key_names(inner);
        let (shape, rest) = alternatives(inner)?;
        return Some((Shape::Map(names, Box::new(shape)), rest.strip_prefix('}')?));
    }
    if let Some(inner) = text.strip_prefix('\'') {
        let (word, rest) = inner.split_once('\'')?;
        return Some((Shape::Word(word.to_owned()), rest));
    }
    if let Some(inner) = text.strip_prefix('&') {
        let (name, rest) = word(inner);
        return Some((Shape::OrReference(name.to_owned()), rest));
    }
    let (name, rest) = word(text);
    let (range, rest) = match rest.strip_prefix('(') {
        Some(inner) => {
            let (range, rest) = inner.split_once(')')?;
            (Some(range.split_once("..")?), rest)
        }
        None => (None, rest),
    };
    Some((named(name, range)?, rest))
}

fn key_names(inner: &str) -> (KeyNames, &str) {
    let kinds = [
        ("component ", KeyNames::Component),
        ("server-name ", KeyNames::Plain),
        ("parameter-name ", KeyNames::Plain),
    ];
    let found = kinds.iter().find_map(|(word, names)| Some((*names, inner.strip_prefix(word)?)));
    found.unwrap_or((KeyNames::Free, inner))
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(text.len());
    text.split_at(end)
}

fn named(name: &str, range: Option<(&str, &str)>) -> Option<Shape> {
    let bound = |text: &str, open: i64| if text.is_empty() { Some(open) } else { text.parse().ok() };
    let (low, high) = match range {
        Some((low, high)) => (bound(low, i64::MIN)?, bound(high, i64::MAX)?),
        None => (i64::MIN, i64::MAX),
    };
    Some(match name {
        "any" => Shape::Any,
        "none" => Shape::Nothing,
        "object" => Shape::FreeObject,
        "null" => Shape::Null,
        "boolean" => Shape::Boolean,
        "number" => Shape::Number,
        "integer" => Shape::Integer(low, high),
        "string" => Shape::Text(usize::try_from(high).unwrap_or(usize::MAX)),
        "uri" => Shape::Uri,
        "email" => Shape::Email,
        "type-name" => Shape::TypeName,
        "ref" => Shape::Reference,
        "payload" => Shape::Payload,
        "object-schema" => Shape::ObjectSchema,
        other if other.starts_with(|c: char| c.is_ascii_uppercase()) => Shape::Named(other.to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_read_as_written() {
        assert_eq!(
            shape_of("string|null"),
            Some(Shape::Either(vec![Shape::Text(usize::MAX >> 1), Shape::Null]))
        );
        assert_eq!(shape_of("integer(1..)"), Some(Shape::Integer(1, i64::MAX)));
        let servers = Shape::Map(KeyNames::Plain, Box::new(Shape::OrReference("Server".to_owned())));
        assert_eq!(shape_of("{server-name &Server}"), Some(servers));
        assert_eq!(shape_of("integer(1..) x"), None);
        assert_eq!(shape_of("nothing-known"), None);
    }
}
