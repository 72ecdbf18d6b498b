//! The forms of a report, and the writer of each.

use std::io::Write;

use clap::ValueEnum;

use crate::commands::{CommandError, Context};
use crate::output::finding::Shown;
use crate::output::{checkstyle, github, gitlab, json, jsonl, junit, markdown, rdjson, sarif, text};

/// How findings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// With the lines at fault
    #[default]
    Human,
    /// One line per finding
    Concise,
    /// For programs: one object
    Json,
    /// For programs: a line per finding
    Jsonl,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Test report in XML
    Junit,
    /// Annotations of a workflow on a change
    Github,
    /// Code quality report
    Gitlab,
    /// Checkstyle XML
    Checkstyle,
    /// For a comment on a change
    Markdown,
    /// Reviewdog Diagnostic Format
    Rdjson,
}

/// Writes the findings to standard output.
pub fn show(format: Format, shown: &Shown, context: &Context) -> Result<(), CommandError> {
    let mut out = context.ui.data();
    let style = context.ui.text_style();
    match format {
        Format::Human => text::human(&mut out, shown.report, shown.sources, style)?,
        Format::Concise => text::concise(&mut out, shown.report, shown.sources, style)?,
        Format::Json => json::diagnostics(&mut out, shown)?,
        Format::Jsonl => jsonl::write(&mut out, shown)?,
        Format::Sarif => sarif::write(&mut out, shown)?,
        Format::Junit => junit::write(&mut out, shown)?,
        Format::Github => github::write(&mut out, shown)?,
        Format::Gitlab => gitlab::write(&mut out, shown)?,
        Format::Checkstyle => checkstyle::write(&mut out, shown)?,
        Format::Markdown => markdown::write(&mut out, shown)?,
        Format::Rdjson => rdjson::write(&mut out, shown)?,
    }
    out.flush()?;
    Ok(())
}
