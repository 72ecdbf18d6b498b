//! Findings as Markdown for a comment on a change: counts, a table, and each finding in full behind a fold.

use std::io::{self, Write};

use super::finding::{Item, Shown};
use crate::diagnostic::Severity;

/// Rows of the table and folds, at most: comments have a limit of 65,536 characters.
const MOST: usize = 100;
/// Characters of one text, at most.
const LONGEST: usize = 400;
/// Punctuation that means nothing within a line.
const HARMLESS: &str = ".-/,:;()?%'\"=$";

/// Writes the findings as one comment.
///
/// # Errors
/// When the writer fails.
pub fn write(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    let items = shown.items();
    writeln!(out, "### eddy validate: {}\n", verdict(shown))?;
    if items.is_empty() {
        return Ok(());
    }
    writeln!(out, "| | Code | Place | Finding |\n|---|---|---|---|")?;
    for item in items.iter().take(MOST) {
        row(out, item, shown)?;
    }
    let left_out: usize = shown.report.left_out.values().sum();
    let more = items.len().saturating_sub(MOST) + left_out;
    if more > 0 {
        writeln!(out, "\n…and {more} more.")?;
    }
    writeln!(out, "\n<details>\n<summary>Details</summary>\n")?;
    for item in items.iter().take(MOST) {
        details(out, item, shown)?;
    }
    writeln!(out, "</details>")
}

fn verdict(shown: &Shown) -> String {
    let summary = shown.summary;
    let weights = [
        (summary.errors, "error"),
        (summary.warnings, "warning"),
        (summary.infos, "note"),
        (summary.hints, "hint"),
    ];
    let parts: Vec<String> = weights
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| counted(count, word))
        .collect();
    let found = if parts.is_empty() { "no findings".to_owned() } else { parts.join(", ") };
    format!("{found} in {}", counted(summary.files, "file"))
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn row(out: &mut dyn Write, item: &Item, shown: &Shown) -> io::Result<()> {
    let finding = item.finding;
    let docs = shown.about(finding.code).and_then(|about| about.docs);
    let code = match docs.filter(|docs| docs.starts_with("https://")) {
        Some(docs) => format!("[{}]({docs})", finding.code),
        None => finding.code.to_owned(),
    };
    let place = format!("<code>{}</code>", entities(&place(item)));
    writeln!(out, "| {} | {code} | {place} | {} |", mark(finding.severity), inline(&finding.message))
}

fn details(out: &mut dyn Write, item: &Item, shown: &Shown) -> io::Result<()> {
    let finding = item.finding;
    let weight = finding.severity.word();
    writeln!(out, "**{weight}[{}]** <code>{}</code>  ", finding.code, entities(&place(item)))?;
    writeln!(out, "{}", inline(&finding.message))?;
    if let Some(help) = &finding.help {
        writeln!(out, "- help: {}", inline(help))?;
    }
    for label in &finding.related {
        let (start, _) = shown.sources.range(label.span);
        let place = format!("{}:{start}", shown.path(label.span));
        writeln!(out, "- <code>{}</code> {}", entities(&place), inline(&label.text))?;
    }
    if let Some(fix) = &finding.fix {
        writeln!(out, "- `eddy validate --fix` can mend it: {}", inline(&fix.title))?;
    }
    if let Some(about) = shown.about(finding.code) {
        writeln!(out, "- why: {}", inline(&about.title))?;
    }
    writeln!(out)
}

fn place(item: &Item) -> String {
    match item.range {
        Some((start, end)) if start != end => format!("{}:{start}-{end}", item.file),
        Some((start, _)) => format!("{}:{start}", item.file),
        None => item.file.clone(),
    }
}

fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "❌",
        Severity::Warning => "⚠️",
        Severity::Info => "ℹ️",
        Severity::Hint => "💡",
    }
}

/// A text with names in backticks. Nothing in it is taken for markup: names become `<code>` with entities inside.
fn inline(text: &str) -> String {
    let cut: String = text.chars().take(LONGEST).collect();
    let cut = if cut.len() < text.len() { format!("{cut}…") } else { cut };
    let parts: Vec<&str> = cut.split('`').collect();
    let part = |(at, part): (usize, &&str)| {
        // A last backtick without its partner is a backtick.
        let is_name = at % 2 == 1 && at + 1 < parts.len();
        match at % 2 {
            1 if is_name => format!("<code>{}</code>", entities(part)),
            1 => format!("&#96;{}", prose(part)),
            _ => prose(part),
        }
    };
    parts.iter().enumerate().map(part).collect()
}

/// Outside of code a forge looks for mentions and numbers of issues in the text as it is seen; a joiner parts them.
fn prose(text: &str) -> String {
    entities(text).replace("&#64;", "&#64;\u{2060}").replace("&#35;", "&#35;\u{2060}")
}

/// Every character that Markdown, HTML or a forge could take for more than itself, as an entity.
fn entities(text: &str) -> String {
    let entity = |c: char| match c {
        '\n' | '\r' | '\t' => " ".to_owned(),
        c if c.is_control() => char::REPLACEMENT_CHARACTER.to_string(),
        c if c.is_ascii_punctuation() && !HARMLESS.contains(c) => format!("&#{};", c as u32),
        c => c.to_string(),
    };
    text.chars().map(entity).collect()
}

#[cfg(test)]
mod tests {
    use crate::output::hostile::written;

    #[test]
    fn nothing_in_a_name_is_markup() {
        let text = written(super::write);
        assert!(!text.contains("<b>") && !text.contains("<script") && !text.contains("<!--"), "{text}");
        assert!(!text.contains("@team") && !text.contains('\u{1b}'), "{text}");
        let row = text.lines().find(|line| line.starts_with("| ❌")).unwrap();
        assert_eq!(row.matches('|').count(), 5, "{row}");
        assert!(!text.contains("](x)"), "{text}");
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    }
}
