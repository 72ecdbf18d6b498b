//! Turns problems of reading a file and of its YAML into diagnostics, `ED0101` to `ED0119`.

use super::{Diagnostic, Severity};
use crate::source_text::{Problem, ProblemKind, ReadError};

/// A file is missing, a directory, or the system refuses to read it.
pub const CANNOT_READ: &str = "ED0101";
/// The bytes of a file are not UTF-8.
pub const NOT_UTF8: &str = "ED0102";
/// The text is not YAML 1.2 (of which JSON is a part).
pub const NOT_YAML: &str = "ED0103";
/// The file holds no document: nothing, or only comments.
pub const EMPTY: &str = "ED0104";
/// A mapping has a key twice; readers of other tools see one or the other.
pub const DUPLICATE_KEY: &str = "ED0105";
/// `<<` merges in YAML 1.1 and means nothing in YAML 1.2 (warning; it is merged).
pub const MERGE_KEY: &str = "ED0106";
/// Sequences and mappings nest past the limit.
pub const TOO_DEEP: &str = "ED0107";
/// More bytes or more values than the limit.
pub const TOO_LARGE: &str = "ED0108";
/// Aliases expand past the limit: an alias bomb.
pub const ALIAS_EXPANSION: &str = "ED0109";
/// A stream of several documents where one is read.
pub const SEVERAL_DOCUMENTS: &str = "ED0110";
/// An alias without anchor before it, or inside the value it names.
pub const BAD_ALIAS: &str = "ED0111";
/// A sequence or mapping as key, which JSON cannot hold.
pub const COMPLEX_KEY: &str = "ED0112";
/// A tag outside the core schema (warning; it is ignored).
pub const UNKNOWN_TAG: &str = "ED0113";
/// A scalar that is not of the type its tag names.
pub const TAG_MISMATCH: &str = "ED0114";

impl From<&ReadError> for Diagnostic {
    fn from(error: &ReadError) -> Self {
        let (code, path, help) = match error {
            ReadError::Missing(path) => (CANNOT_READ, path, "check the spelling and the folder you are in"),
            ReadError::Directory(path) => (CANNOT_READ, path, "name a file in it"),
            ReadError::Unreadable { path, .. } => (CANNOT_READ, path, "check the permissions of the file"),
            ReadError::TooLarge { path, .. } => {
                (TOO_LARGE, path, "split the document and join the parts by `$ref`")
            }
            ReadError::WideText(path) | ReadError::NotUtf8 { path, .. } => {
                (NOT_UTF8, path, "save the file as UTF-8")
            }
        };
        Self::about_file(code, error.to_string(), path.display().to_string()).help(help)
    }
}

impl From<&Problem> for Diagnostic {
    fn from(problem: &Problem) -> Self {
        let (code, severity, help) = class(&problem.kind);
        let mut diagnostic = Self::new(code, severity, problem.kind.to_string(), problem.span)
            .at(problem.pointer.as_str())
            .help(help);
        if let Some(span) = problem.related {
            let words = match problem.kind {
                ProblemKind::RecursiveAlias(_) => "the value starts here",
                _ => "first written here",
            };
            diagnostic = diagnostic.related(span, words);
        }
        match problem.kind {
            ProblemKind::DuplicateKey(_) => diagnostic.label("written again here"),
            _ => diagnostic,
        }
    }
}

/// Code, weight and next step of a problem.
fn class(kind: &ProblemKind) -> (&'static str, Severity, &'static str) {
    match kind {
        ProblemKind::Syntax(_) => {
            (NOT_YAML, Severity::Error, "nothing after this place was read; mend it and run again")
        }
        ProblemKind::Empty => (EMPTY, Severity::Error, "write a document into it, or leave the file out"),
        ProblemKind::DuplicateKey(_) => (DUPLICATE_KEY, Severity::Error, "remove or rename one of the two"),
        ProblemKind::MergeKey => (MERGE_KEY, Severity::Warning, "write the merged keys out, or use `$ref`"),
        ProblemKind::TooDeep(_) => {
            (TOO_DEEP, Severity::Error, "move inner parts into components and use `$ref`")
        }
        ProblemKind::TooManyNodes(_) | ProblemKind::TooLarge(_) => {
            (TOO_LARGE, Severity::Error, "split the document and join the parts by `$ref`")
        }
        ProblemKind::AliasExpansion(_) => {
            (ALIAS_EXPANSION, Severity::Error, "use `$ref` instead of nested aliases")
        }
        ProblemKind::SeveralDocuments => (
            SEVERAL_DOCUMENTS,
            Severity::Error,
            "put each document into a file of its own; only the first was read",
        ),
        ProblemKind::UndefinedAlias(_) => (
            BAD_ALIAS,
            Severity::Error,
            "set the anchor before the alias, or quote text that starts with `*`",
        ),
        ProblemKind::RecursiveAlias(_) => {
            (BAD_ALIAS, Severity::Error, "a value cannot contain itself; use `$ref` for recursive schemas")
        }
        ProblemKind::ComplexKey => (COMPLEX_KEY, Severity::Error, "use a plain or quoted word as key"),
        ProblemKind::UnknownTag(_) => {
            (UNKNOWN_TAG, Severity::Error, "remove the tag, or quote text that starts with `!`")
        }
        ProblemKind::TagMismatch { .. } => {
            (TAG_MISMATCH, Severity::Error, "change the value or remove the tag")
        }
    }
}
