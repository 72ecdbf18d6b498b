//! Findings as JSON lines: each finding as it is in the JSON document, then a line with the summary.

use std::io::{self, Write};

use serde::Serialize;

use super::finding::Shown;
use super::json::{Finding, Summary};

#[derive(Serialize)]
struct Last {
    summary: Summary,
}

/// Writes a line per finding, and one with the summary.
///
/// # Errors
/// When the writer fails.
pub fn write(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    for item in &shown.items() {
        serde_json::to_writer(&mut *out, &Finding::of(item, shown))?;
        writeln!(out)?;
    }
    serde_json::to_writer(&mut *out, &Last { summary: shown.summary })?;
    writeln!(out)
}
