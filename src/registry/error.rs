//! Why a registry gives no schema, each with the next step.

use std::ops::Range;

use thiserror::Error;

/// What kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryErrorKind {
    /// The address or what goes with it.
    Malformed,
    /// It does not answer, or with a failure of its own.
    Unreachable,
    /// It does not let us in.
    Unauthorised,
    /// It has no such schema or subject.
    NotFound,
    /// It has a schema that cannot be used.
    Unusable,
    /// This program was built without what it takes.
    Unsupported,
}

/// Why a registry gives no schema.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct RegistryError {
    /// What kind of trouble.
    pub kind: RegistryErrorKind,
    /// A lower-case fragment, without secrets.
    pub message: String,
    /// What to do.
    pub help: String,
    /// The address without what lets us in, and the byte range in it that is wrong, for an underline.
    pub wrong: Option<Box<(String, Range<usize>)>>,
}

impl RegistryError {
    pub(super) fn new(kind: RegistryErrorKind, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: help.into(), wrong: None }
    }
}
