//! Findings as text: with the lines they are about, or one line each. It writes to what it is given and decides nothing.

use std::io::{self, Write};

use unicode_width::UnicodeWidthChar;

use crate::check::{Report, file_name};
use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::source_text::{SourceText, Sources};

/// How the text is to look.
#[derive(Clone, Copy, Debug)]
pub struct TextStyle {
    /// With colour.
    pub color: bool,
    /// Columns there are.
    pub width: usize,
}

impl TextStyle {
    fn paint(self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// The text in bold.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// The text in a colour, by its ANSI number.
    #[must_use]
    pub fn in_color(self, code: &str, text: &str) -> String {
        self.paint(code, text)
    }

    fn severity(self, severity: Severity, text: &str) -> String {
        let code = match severity {
            Severity::Error => "1;31",
            Severity::Warning => "1;33",
            Severity::Info => "1;34",
            Severity::Hint => "1;36",
        };
        self.paint(code, text)
    }

    fn frame(self, text: &str) -> String {
        self.paint("34", text)
    }
}

/// Writes each finding with the lines it is about.
///
/// # Errors
/// When the writer fails.
pub fn human(out: &mut dyn Write, report: &Report, sources: &Sources, style: TextStyle) -> io::Result<()> {
    for finding in &report.diagnostics {
        one(out, finding, sources, style)?;
        writeln!(out)?;
    }
    left_out(out, report)
}

/// Writes one line per finding: `file:line:column: severity[code]: message`.
///
/// # Errors
/// When the writer fails.
pub fn concise(out: &mut dyn Write, report: &Report, sources: &Sources, style: TextStyle) -> io::Result<()> {
    for finding in &report.diagnostics {
        let start = finding.primary.as_ref().map(|label| sources.range(label.span).0).or(finding.position);
        let place = start.map_or_else(String::new, |start| format!(":{start}"));
        let file = printable(&file_name(finding, sources));
        let label = style.severity(finding.severity, &heading(finding));
        let help = finding.help.as_ref().map_or_else(String::new, |help| format!("; {}", printable(help)));
        writeln!(out, "{file}{place}: {label}: {}{help}", printable(&finding.message))?;
    }
    left_out(out, report)
}

fn left_out(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    for (file, count) in &report.left_out {
        writeln!(out, "{}: {count} more not shown (`--max-findings` shows more)", printable(file))?;
    }
    Ok(())
}

fn heading(finding: &Diagnostic) -> String {
    format!("{}[{}]", finding.severity.word(), finding.code)
}

fn one(out: &mut dyn Write, finding: &Diagnostic, sources: &Sources, style: TextStyle) -> io::Result<()> {
    let heading = style.severity(finding.severity, &heading(finding));
    writeln!(out, "{heading}: {}", style.paint("1", &printable(&finding.message)))?;
    let labels = finding.primary.iter().chain(&finding.related);
    let last_line = labels.map(|label| sources.range(label.span).0.line).max().unwrap_or(0);
    let gutter = last_line.to_string().len().max(1);
    let margin = " ".repeat(gutter);
    if let Some(primary) = &finding.primary {
        snippet(out, primary, true, (sources, style, gutter), finding.severity)?;
    } else {
        let file = printable(&file_name(finding, sources));
        let place = finding.position.map_or_else(String::new, |start| format!(":{start}"));
        writeln!(out, "{margin}{} {file}{place}", style.frame("-->"))?;
    }
    for label in &finding.related {
        snippet(out, label, false, (sources, style, gutter), finding.severity)?;
    }
    let help = finding.help.as_ref().map(|help| ("help", printable(help)));
    let more = Some(("more", format!("eddy explain {}", finding.code)));
    for (word, text) in help.into_iter().chain(more) {
        writeln!(out, "{margin} {} {}: {text}", style.frame("="), style.paint("1", word))?;
    }
    Ok(())
}

/// The place, its line and an underline.
fn snippet(
    out: &mut dyn Write,
    label: &Label,
    primary: bool,
    (sources, style, gutter): (&Sources, TextStyle, usize),
    severity: Severity,
) -> io::Result<()> {
    let (start, _) = sources.range(label.span);
    let file = sources.get(label.span.file);
    let margin = " ".repeat(gutter);
    let arrow = style.frame(if primary { "-->" } else { ":::" });
    writeln!(out, "{margin}{arrow} {}:{start}", printable(&file.path().display().to_string()))?;
    let room = style.width.saturating_sub(gutter + 3).max(20);
    let line = Line::around(file, label, room);
    let bar = style.frame("|");
    writeln!(out, "{margin} {bar}")?;
    let numbered = format!("{} {bar} {}", style.frame(&format!("{:>gutter$}", start.line)), line.text);
    writeln!(out, "{}", numbered.trim_end())?;
    let marks = if primary { "^" } else { "-" }.repeat(line.marked);
    let painted = if primary { style.severity(severity, &marks) } else { style.frame(&marks) };
    let words = if primary { style.severity(severity, &label.text) } else { style.frame(&label.text) };
    let underline = format!("{}{painted} {words}", " ".repeat(line.before));
    writeln!(out, "{margin} {bar} {}", underline.trim_end())
}

/// One line cut to the room there is, with the columns to underline.
struct Line {
    text: String,
    before: usize,
    marked: usize,
}

impl Line {
    fn around(file: &SourceText, label: &Label, room: usize) -> Self {
        let text = file.text();
        let start = (label.span.start as usize).min(text.len());
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = (label.span.end as usize).clamp(start, line_end);
        let before = printable(&text[line_start..start]);
        let marked = printable(text[start..end].trim_end());
        let after = printable(text[end..line_end].trim_end());
        Self::fitted(&before, &marked, &after, room)
    }

    /// Cuts on the left so that the marked part is seen, then on the right.
    fn fitted(before: &str, marked: &str, after: &str, room: usize) -> Self {
        let whole = width(before) + width(marked) + width(after);
        if whole <= room {
            let text = format!("{before}{marked}{after}").trim_end().to_owned();
            return Self { before: width(before), marked: width(marked).max(1), text };
        }
        let wanted = (width(marked) + 12).min(room * 2 / 3);
        let before = if width(before) + wanted > room {
            let kept = last_columns(before, room - wanted - 1);
            format!("…{kept}")
        } else {
            before.to_owned()
        };
        let rest = first_columns(&format!("{marked}{after}"), room - width(&before) - 1);
        let shown = width(&rest).saturating_sub(1).min(width(marked)).max(1);
        Self { before: width(&before), marked: shown, text: format!("{before}{rest}") }
    }
}

fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

fn first_columns(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used < columns
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

fn last_columns(text: &str, columns: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= columns
    };
    let kept: Vec<char> = text.chars().rev().take_while(fits).collect();
    kept.into_iter().rev().collect()
}

/// Tabs become spaces and control characters a replacement: a document cannot steer the terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_text::Span;

    fn rendered(text: &str, marked: &str, width: usize) -> String {
        let mut sources = Sources::default();
        let file = sources.add(SourceText::new("a.yaml", text.to_owned()));
        let start = u32::try_from(text.find(marked).unwrap()).unwrap();
        let end = start + u32::try_from(marked.len()).unwrap();
        let finding =
            Diagnostic::new("ED9999", Severity::Error, "wrong", Span { file, start, end }).help("mend it");
        let report = Report { diagnostics: vec![finding], ..Report::default() };
        let mut out = Vec::new();
        human(&mut out, &report, &sources, TextStyle { color: false, width }).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_finding_shows_its_line_and_marks_it() {
        let expected = "error[ED9999]: wrong\n --> a.yaml:2:4\n  |\n2 | b: two\n  |    ^^^\n  = help: mend it\n  = more: eddy explain ED9999\n\n";
        assert_eq!(rendered("a: one\nb: two\n", "two", 80), expected);
    }

    #[test]
    fn long_lines_are_cut_on_both_sides_and_stay_aligned() {
        let text = format!("{}NEEDLE{}", "x".repeat(200), "y".repeat(200));
        let shown = rendered(&text, "NEEDLE", 60);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines.iter().all(|line| width(line) <= 60), "{shown}");
        let at = lines[3].chars().position(|c| c == 'N').unwrap();
        assert_eq!(lines[4].chars().position(|c| c == '^'), Some(at));
    }

    #[test]
    fn wide_characters_and_control_characters_keep_the_underline_in_place() {
        let shown = rendered("a: 日本\u{1b}[31m red", "red", 80);
        assert!(!shown.contains('\u{1b}'));
        let lines: Vec<&str> = shown.lines().collect();
        let before = lines[3].split("red").next().unwrap();
        assert_eq!(width(lines[4].split('^').next().unwrap()), width(before));
    }
}
