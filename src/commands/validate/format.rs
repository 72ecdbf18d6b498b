//! The forms of a report, and the writer of each.

use std::io::Write;

use clap::ValueEnum;

use crate::check::Report;
use crate::commands::{CommandError, Context};
use crate::output::json::Summary;
use crate::output::{json, text};
use crate::source_text::Sources;

/// How findings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// With the lines at fault
    #[default]
    Human,
    /// One line per finding
    Concise,
    /// For programs
    Json,
}

/// Writes the findings to standard output.
pub fn show(
    format: Format,
    report: &Report,
    sources: &Sources,
    summary: Summary,
    context: &Context,
) -> Result<(), CommandError> {
    let mut out = context.ui.data();
    let style = context.ui.text_style();
    match format {
        Format::Human => text::human(&mut out, report, sources, style)?,
        Format::Concise => text::concise(&mut out, report, sources, style)?,
        Format::Json => json::diagnostics(&mut out, report, sources, summary)?,
    }
    out.flush()?;
    Ok(())
}
