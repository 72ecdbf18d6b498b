//! The quick way through a payload: the common keywords, compiled to one walk over the bytes. It only ever says that a
//! payload fits, or that it does not know; what is wrong with a payload is for the validator to say.

mod compile;
mod format;
mod leaf;
mod names;
mod pattern;
mod rules;
mod scan;
#[cfg(test)]
mod tests;
mod walk;

use serde_json::Value;

use super::Dialect;
use rules::Schema;
use walk::Walk;

/// A schema and all it refers to, ready to walk.
#[derive(Debug)]
pub(super) struct Program {
    schemas: Vec<Schema>,
    root: rules::Id,
}

impl Program {
    /// Compiles a bundled schema; `None` when it uses a keyword the walk does not know.
    pub(super) fn new(bundle: &Value, dialect: Dialect) -> Option<Self> {
        compile::program(bundle, dialect)
    }

    /// Whether a payload fits; `None` when the walk cannot tell.
    pub(super) fn accepts(&self, payload: &[u8]) -> Option<bool> {
        let text = std::str::from_utf8(payload).ok()?;
        let mut walk = Walk::new(self, text);
        match walk.value(self.root, 0) {
            Ok(true) if walk.scanner.is_at_end() => Some(true),
            Ok(false) => Some(false),
            _ => None,
        }
    }
}
