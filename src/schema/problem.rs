//! What can be wrong with a schema itself, as data with its place.

use crate::source_text::{ReferenceError, Span};

/// The kind of a [`SchemaProblem`], for whoever gives it a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaProblemKind {
    /// A reference leads nowhere; whoever checks references reports the same one.
    Reference(ReferenceError),
    /// References lead back to themselves with no schema between.
    Circle,
    /// A reference leads to something that is no schema.
    NotASchema,
    /// More schemas are reached than a bundle may hold.
    TooMany,
    /// The value of this keyword is not what its dialect asks for.
    Keyword(String),
    /// A regular expression that cannot be compiled.
    Pattern,
    /// An Avro schema is wrong in this respect.
    Avro(AvroFault),
    /// A Protobuf text uses a type that there is not.
    ProtobufType,
    /// A Protobuf text does not compile.
    Protobuf,
    /// Several messages of a Protobuf text could be the payload.
    ProtobufMessage,
}

/// What is wrong in an Avro schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AvroFault {
    /// A type is none, or lacks what it needs.
    Type,
    /// A name is none, or is given twice.
    Name,
    /// A default is not of its type; values are checked all the same.
    Default,
    /// A logical type that readers ignore; values are checked without it.
    Logical,
}

/// Something wrong with a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaProblem {
    /// What it is about.
    pub kind: SchemaProblemKind,
    /// A lower-case fragment.
    pub message: String,
    /// The place in the user's file.
    pub span: Span,
    /// JSON Pointer of that place in its file.
    pub pointer: String,
    /// What would have been right.
    pub expected: Option<String>,
    /// What was there.
    pub actual: Option<String>,
    /// What to do next.
    pub help: Option<String>,
}
