//! Rules about one scalar: the usual cases told here, every other asked of the validator itself.

use std::fmt;

use jsonschema::Validator;
use serde_json::Value;

use super::format::Surely;
use super::pattern::Pattern;

/// A validator of one keyword.
pub(super) struct Leaf(Validator);

impl fmt::Debug for Leaf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Leaf")
    }
}

impl Leaf {
    pub(super) fn new(validator: Validator) -> Self {
        Self(validator)
    }

    pub(super) fn accepts(&self, value: &Value) -> bool {
        self.0.is_valid(value)
    }
}

/// A rule about the characters of a string.
#[derive(Debug)]
pub(super) enum TextRule {
    /// A pattern that is matched here, whole.
    Simple(Pattern),
    /// Any other pattern.
    Pattern(Leaf),
    /// A format, with what tells which texts surely have it.
    Format(Surely, Leaf),
}

impl TextRule {
    #[inline]
    pub(super) fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Simple(pattern) => pattern.matches(text),
            Self::Pattern(leaf) => leaf.accepts(&text.into()),
            Self::Format(surely, leaf) => surely(text.as_bytes()) || leaf.accepts(&text.into()),
        }
    }
}
