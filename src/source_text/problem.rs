//! What can be wrong with the text of a document before anyone asks what kind of document it is.

use super::Span;

/// One problem at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is.
    pub kind: ProblemKind,
    /// Where it is.
    pub span: Span,
    /// The other place that explains it: the first of two keys, the anchor of an alias.
    pub related: Option<Span>,
    /// JSON Pointer of the mapping, sequence or scalar concerned, as far as it was read.
    pub pointer: String,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The text is not YAML 1.2; nothing after the place was read.
    #[error("not valid YAML: {0}")]
    Syntax(String),
    /// The file holds no document.
    #[error("the document is empty")]
    Empty,
    /// A mapping has a key twice; look-ups see the first.
    #[error("the key `{0}` is written twice")]
    DuplicateKey(String),
    /// `<<` was merged as YAML 1.1 did; YAML 1.2 has no merge keys.
    #[error("`<<` is a merge key of YAML 1.1, which YAML 1.2 does not have")]
    MergeKey,
    /// Nesting past the limit.
    #[error("nested deeper than {0} levels")]
    TooDeep(usize),
    /// More nodes than the limit.
    #[error("more than {0} values in one file")]
    TooManyNodes(u64),
    /// More text than the limit.
    #[error("more than {0} bytes")]
    TooLarge(u64),
    /// Aliases expand past the limit.
    #[error("aliases expand to more than {0} values")]
    AliasExpansion(u64),
    /// A second document follows; it was not read.
    #[error("the file holds several documents")]
    SeveralDocuments,
    /// An alias without anchor.
    #[error("the alias `*{0}` has no anchor before it")]
    UndefinedAlias(String),
    /// An alias inside the node it names.
    #[error("the alias `*{0}` stands inside the value it names")]
    RecursiveAlias(String),
    /// A sequence or mapping as key.
    #[error("a key must be a scalar, and this is a sequence or mapping")]
    ComplexKey,
    /// A tag outside the core schema; the value was read as if it were not there.
    #[error("the tag `{0}` is not known and is ignored")]
    UnknownTag(String),
    /// A scalar that is not of the type its tag names.
    #[error("`{text}` is not what its tag `{tag}` says")]
    TagMismatch {
        /// The tag as written.
        tag: String,
        /// The scalar.
        text: String,
    },
}
