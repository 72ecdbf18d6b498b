//! What laying out did to each file, as JSON and as differences.

use std::io::{self, Write};

use serde::Serialize;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is laid out otherwise now, or would be.
    Changed,
    /// It was laid out already.
    Unchanged,
    /// It cannot be laid out safely and stays as it is.
    Left,
    /// It cannot be read.
    Unreadable,
}

/// One file.
#[derive(Clone, Debug, Serialize)]
pub struct FileLayout {
    /// Its path as given.
    pub file: String,
    /// What became of it.
    pub state: State,
    /// Why it was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the reason is, from 1; 0 when it is the whole file.
    #[serde(skip_serializing_if = "is_zero")]
    pub line: u32,
    /// See `line`.
    #[serde(skip_serializing_if = "is_zero")]
    pub column: u32,
}

#[derive(Default, Serialize)]
struct Summary {
    files: usize,
    changed: usize,
    unchanged: usize,
    left: usize,
    unreadable: usize,
}

#[derive(Serialize)]
struct Report<'a> {
    files: &'a [FileLayout],
    summary: Summary,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Writes the files and their numbers as one JSON object, indented.
///
/// # Errors
/// When the writer fails.
pub fn json(out: &mut dyn Write, files: &[FileLayout]) -> io::Result<()> {
    let mut summary = Summary { files: files.len(), ..Summary::default() };
    for file in files {
        *match file.state {
            State::Changed => &mut summary.changed,
            State::Unchanged => &mut summary.unchanged,
            State::Left => &mut summary.left,
            State::Unreadable => &mut summary.unreadable,
        } += 1;
    }
    serde_json::to_writer_pretty(&mut *out, &Report { files, summary })?;
    writeln!(out)
}

/// Writes the difference of two texts in the unified form, three lines around each change.
///
/// # Errors
/// When the writer fails.
pub fn difference(out: &mut dyn Write, name: &str, before: &str, after: &str) -> io::Result<()> {
    let difference = similar::TextDiff::from_lines(before, after);
    write!(out, "{}", difference.unified_diff().header(name, name))
}
