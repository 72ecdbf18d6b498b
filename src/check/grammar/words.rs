//! Shapes in words, for messages.

use super::Grammar;
use super::notation::{Definition, Shape};

/// The names JSON Schema gives to types.
pub const TYPE_NAMES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// What the shape asks for, with its article: `an integer of at least 1`.
pub fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Any | Shape::Payload => "anything".to_owned(),
        Shape::FreeObject
        | Shape::Map(..)
        | Shape::Named(_)
        | Shape::OrReference(_)
        | Shape::ObjectSchema => "an object".to_owned(),
        Shape::Null => "null".to_owned(),
        Shape::Boolean => "`true` or `false`".to_owned(),
        Shape::Number => "a number".to_owned(),
        Shape::Integer(low, high) => integer(*low, *high),
        Shape::Text(low, high) => text(*low, *high),
        Shape::Uri => "an absolute URI".to_owned(),
        Shape::Email => "an e-mail address".to_owned(),
        Shape::Duration => "a length of time such as `90s` or `1h30m`".to_owned(),
        Shape::TypeName => "a type name".to_owned(),
        Shape::Word(word) => format!("`{word}`"),
        Shape::Reference => "a reference (`$ref`)".to_owned(),
        Shape::List(_) => "an array".to_owned(),
        Shape::Either(all) => {
            let mut words: Vec<String> = all.iter().map(expected).collect();
            words.dedup();
            words.join(" or ")
        }
    }
}

fn text(low: usize, high: usize) -> String {
    let open = usize::MAX >> 1;
    match (low, high >= open) {
        (0, true) => "a string".to_owned(),
        (0, false) => format!("a string of at most {high} characters"),
        (1, true) => "a string that is not empty".to_owned(),
        (_, true) => format!("a string of at least {low} characters"),
        (_, false) => format!("a string of {low} to {high} characters"),
    }
}

fn integer(low: i64, high: i64) -> String {
    match (low == i64::MIN, high == i64::MAX) {
        (true, true) => "an integer".to_owned(),
        (false, true) => format!("an integer of at least {low}"),
        (true, false) => format!("an integer of at most {high}"),
        (false, false) => format!("an integer from {low} to {high}"),
    }
}

/// A JSON kind with its article.
#[must_use]
pub fn article(kind: &str) -> String {
    match kind {
        "null" => "null".to_owned(),
        "array" | "object" => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

impl Grammar {
    /// Whether a value of this JSON kind can have this shape at all.
    #[must_use]
    pub fn fits_kind(&self, shape: &Shape, kind: &str) -> bool {
        match shape {
            Shape::Any | Shape::Payload => true,
            Shape::FreeObject | Shape::Map(..) | Shape::Reference | Shape::ObjectSchema => kind == "object",
            Shape::Null => kind == "null",
            Shape::Boolean => kind == "boolean",
            Shape::Number | Shape::Integer(..) => kind == "number",
            Shape::Text(..)
            | Shape::Uri
            | Shape::Email
            | Shape::Duration
            | Shape::TypeName
            | Shape::Word(_) => kind == "string",
            Shape::List(_) => kind == "array",
            Shape::Either(all) => all.iter().any(|shape| self.fits_kind(shape, kind)),
            Shape::Named(name) | Shape::OrReference(name) => match self.definition(name) {
                Some(Definition::Object(object)) if object.boolean => matches!(kind, "object" | "boolean"),
                Some(Definition::Has { otherwise, .. }) => self.fits_kind(otherwise, kind),
                _ => kind == "object",
            },
        }
    }
}
