//! Findings as JSON, in the shape `docs/schemas/diagnostics.schema.json` publishes.

use std::io::{self, Write};

use serde::Serialize;

use super::events::EventReport;
use super::finding::{Item, Shown};
use crate::check::{Report, file_name};
use crate::diagnostic::{Fix, Label, Severity};
use crate::source_text::{Position, Sources, Span};

#[derive(Serialize)]
struct Document<'a> {
    diagnostics: Vec<Finding<'a>>,
    summary: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<EventReport<'a>>,
}

/// What a run saw, in numbers.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Summary {
    /// Documents checked.
    pub files: usize,
    /// Files passed over because they are no documents of ours.
    pub skipped: usize,
    /// Findings of each weight.
    pub errors: usize,
    /// See `errors`.
    pub warnings: usize,
    /// See `errors`.
    pub infos: usize,
    /// See `errors`.
    pub hints: usize,
    /// Findings counted above and not listed.
    pub left_out: usize,
    /// Findings that comments allow, not counted above.
    pub allowed: usize,
    /// Findings that are in the baseline, not counted above.
    pub known: usize,
    /// Findings of the baseline that are no longer there.
    pub gone: usize,
}

impl Summary {
    /// The numbers of a report on so many files.
    #[must_use]
    pub fn of(report: &Report, files: usize, skipped: usize) -> Self {
        Self {
            files,
            skipped,
            errors: report.count(Severity::Error),
            warnings: report.count(Severity::Warning),
            infos: report.count(Severity::Info),
            hints: report.count(Severity::Hint),
            left_out: report.left_out.values().sum(),
            allowed: report.allowed,
            known: report.known,
            gone: report.gone.iter().map(|known| known.count).sum(),
        }
    }
}

#[derive(Serialize)]
struct Range {
    start: Position,
    end: Position,
}

/// One finding in the published shape.
#[derive(Serialize)]
pub struct Finding<'a> {
    code: &'a str,
    severity: Severity,
    message: &'a str,
    file: String,
    range: Option<Range>,
    pointer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    related: Vec<Related<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_pointer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<FixOut<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    reaches: &'a [String],
    fingerprint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    docs: Option<String>,
}

#[derive(Serialize)]
struct Related<'a> {
    file: String,
    range: Range,
    message: &'a str,
}

#[derive(Serialize)]
struct FixOut<'a> {
    title: &'a str,
    safety: crate::diagnostic::FixSafety,
    edits: Vec<EditOut<'a>>,
}

#[derive(Serialize)]
struct EditOut<'a> {
    file: String,
    range: Range,
    text: &'a str,
}

/// Writes the findings and the summary as one JSON object, indented.
///
/// # Errors
/// When the writer fails.
pub fn diagnostics(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    let items = shown.items();
    let diagnostics = items.iter().map(|item| Finding::of(item, shown)).collect();
    let events = shown.events.map(EventReport::of);
    let document = Document { diagnostics, summary: shown.summary, events };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

impl<'a> Finding<'a> {
    /// The published shape of a finding.
    #[must_use]
    pub fn of(item: &'a Item<'a>, shown: &Shown) -> Self {
        let (finding, sources) = (item.finding, shown.sources);
        let words = finding.primary.as_ref().map(|label| label.text.as_str());
        Self {
            code: finding.code,
            severity: finding.severity,
            message: &finding.message,
            file: file_name(finding, sources),
            range: item.range.map(|(start, end)| Range { start, end }),
            pointer: &finding.pointer,
            label: words.filter(|text| !text.is_empty()),
            help: finding.help.as_deref(),
            related: finding.related.iter().map(|label| related(label, sources)).collect(),
            expected: finding.expected.as_deref(),
            actual: finding.actual.as_deref(),
            schema_pointer: finding.schema_pointer.as_deref(),
            clause: finding.clause,
            fix: finding.fix.as_ref().map(|fix| fix_out(fix, sources)),
            reaches: &finding.reaches,
            fingerprint: &item.fingerprint,
            docs: shown.about(finding.code).and_then(|about| about.docs),
        }
    }
}

fn related<'a>(label: &'a Label, sources: &Sources) -> Related<'a> {
    Related { file: path(label.span, sources), range: range(label.span, sources), message: &label.text }
}

fn fix_out<'a>(fix: &'a Fix, sources: &Sources) -> FixOut<'a> {
    let edit = |(span, text): &'a (Span, String)| EditOut {
        file: path(*span, sources),
        range: range(*span, sources),
        text,
    };
    FixOut { title: &fix.title, safety: fix.safety, edits: fix.edits.iter().map(edit).collect() }
}

fn path(span: Span, sources: &Sources) -> String {
    sources.get(span.file).path().display().to_string()
}

fn range(span: Span, sources: &Sources) -> Range {
    let (start, end) = sources.range(span);
    Range { start, end }
}
