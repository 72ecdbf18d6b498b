//! Findings in the Reviewdog Diagnostic Format, whose columns count bytes of UTF-8 and whose ends are exclusive.

use std::io::{self, Write};

use serde::Serialize;

use super::finding::{Item, Shown};
use crate::diagnostic::{Fix, Severity};
use crate::source_text::{Position, Sources, Span};

#[derive(Serialize)]
struct Document {
    source: Source,
    severity: &'static str,
    diagnostics: Vec<Finding>,
}

#[derive(Serialize)]
struct Source {
    name: &'static str,
}

#[derive(Serialize)]
struct Finding {
    message: String,
    location: Location,
    severity: &'static str,
    code: Code,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suggestions: Vec<Suggestion>,
}

#[derive(Serialize)]
struct Location {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<Range>,
}

#[derive(Serialize)]
struct Code {
    value: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize)]
struct Suggestion {
    range: Range,
    text: String,
}

#[derive(Serialize)]
struct Range {
    start: Place,
    end: Place,
}

#[derive(Serialize)]
struct Place {
    line: u32,
    column: u32,
}

/// Writes the findings as one JSON object.
///
/// # Errors
/// When the writer fails.
pub fn write(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    let worst = shown.report.counts.keys().max().copied().unwrap_or(Severity::Info);
    let document = Document {
        source: Source { name: "eddy" },
        severity: word(worst),
        diagnostics: shown.items().iter().map(|item| finding(item, shown)).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn finding(item: &Item, shown: &Shown) -> Finding {
    let kept = item.finding.primary.as_ref().map(|label| range(label.span, shown.sources));
    // The line of an input that is not kept is unknown, and with it the bytes before the place: they are characters.
    let passed = item.range.map(|(start, end)| Range { start: place(start), end: place(end) });
    let url = shown.about(item.finding.code).and_then(|about| about.docs);
    Finding {
        message: item.sentence(),
        location: Location { path: item.file.clone(), range: kept.or(passed) },
        severity: word(item.finding.severity),
        code: Code { value: item.finding.code, url },
        suggestions: item.finding.fix.iter().flat_map(|fix| suggestions(fix, shown.sources)).collect(),
    }
}

/// A suggestion replaces one range: a fix of several edits would be taken for alternatives.
fn suggestions(fix: &Fix, sources: &Sources) -> Vec<Suggestion> {
    match fix.edits.as_slice() {
        [(span, text)] => vec![Suggestion { range: range(*span, sources), text: text.clone() }],
        _ => Vec::new(),
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
        Severity::Info | Severity::Hint => "INFO",
    }
}

fn place(position: Position) -> Place {
    Place { line: position.line, column: position.column }
}

fn range(span: Span, sources: &Sources) -> Range {
    let (start, end) = sources.range(span);
    let text = sources.get(span.file).text();
    let bytes = |position: Position| {
        let before = text.get(..position.offset as usize).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = u32::try_from(before.len() - line_start + 1).unwrap_or(u32::MAX);
        Place { line: position.line, column }
    };
    Range { start: bytes(start), end: bytes(end) }
}

#[cfg(test)]
mod tests {
    use crate::output::hostile::written;

    #[test]
    fn columns_count_bytes() {
        let document: serde_json::Value = serde_json::from_str(&written(super::write)).unwrap();
        let finding = &document["diagnostics"][0];
        // `é` is one character and two bytes.
        assert_eq!(finding["location"]["range"]["start"], serde_json::json!({"line": 1, "column": 5}));
        assert_eq!(finding["suggestions"][0]["text"], "<\u{1b}\n%>");
        assert_eq!(finding["code"]["value"], "ED1001");
        assert_eq!(finding["severity"], "ERROR");
    }
}
