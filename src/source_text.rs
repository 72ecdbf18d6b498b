//! Text with positions, so that a finding can point at file, line and column. It knows no document kind.

use std::fmt;
use std::path::{Path, PathBuf};

mod builder;
pub mod comments;
pub mod documents;
pub mod inside;
pub mod problem;
pub mod reading;
pub mod reference;
pub mod scalar;
pub mod tree;
pub mod written;
pub mod yaml;

pub use documents::{Documents, ReferenceError, RemoteRefusal, Resolved};
pub use problem::{Problem, ProblemKind};
pub use reading::{Limits, ReadError, read_file, read_text};

/// The number of a file in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A range of bytes in one file, `start..end`, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A position for people: line and column count from 1 (column in Unicode characters), offset in bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Byte offset, from 0.
    pub offset: u32,
}

/// One file's text and where its lines begin.
#[derive(Clone, Debug)]
pub struct SourceText {
    path: PathBuf,
    text: String,
    line_starts: Vec<u32>,
}

impl SourceText {
    /// Takes the text of `path`; offsets must fit into 32 bits, which the size limit of the readers ensures.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, text: String) -> Self {
        let mut line_starts = vec![0];
        let newlines = memchr::memchr_iter(b'\n', text.as_bytes());
        line_starts.extend(newlines.filter_map(|at| u32::try_from(at + 1).ok()));
        Self { path: path.into(), text, line_starts }
    }

    /// The path as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte offset; offsets past the end mean the end.
    #[must_use]
    pub fn position(&self, offset: u32) -> Position {
        let end = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        let offset = offset.min(end);
        let line_index = self.line_starts.partition_point(|start| *start <= offset) - 1;
        let line_start = self.line_starts[line_index] as usize;
        let before = self.text.get(line_start..offset as usize).map_or(0, |part| part.chars().count());
        Position {
            line: u32::try_from(line_index + 1).unwrap_or(u32::MAX),
            column: u32::try_from(before + 1).unwrap_or(u32::MAX),
            offset,
        }
    }
}

/// All files read in one run, in order of reading.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceText>,
}

impl Sources {
    /// Adds a text and returns its number.
    pub fn add(&mut self, text: SourceText) -> FileId {
        self.files.push(text);
        FileId(u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX))
    }

    /// The file of this number.
    ///
    /// # Panics
    /// When the number was made by another `Sources`.
    #[must_use]
    pub fn get(&self, file: FileId) -> &SourceText {
        &self.files[file.0 as usize]
    }

    /// Every file with its number.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceText)> {
        (0..).map(FileId).zip(&self.files)
    }

    /// Start and end of a span for people.
    #[must_use]
    pub fn range(&self, span: Span) -> (Position, Position) {
        let file = self.get(span.file);
        (file.position(span.start), file.position(span.end))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}
