//! Findings as workflow commands, which `GitHub` Actions turns into annotations on the lines of a pull request.

use std::io::{self, Write};

use super::finding::{Item, Shown, of_three};

/// Writes a command per finding.
///
/// # Errors
/// When the writer fails.
pub fn write(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    for item in &shown.items() {
        one(out, item, shown)?;
    }
    for (file, count) in &shown.report.left_out {
        let message = format!("{count} more findings not shown (`--max-findings` shows more)");
        writeln!(out, "::notice file={}::{}", property(file), data(&message))?;
    }
    Ok(())
}

fn one(out: &mut dyn Write, item: &Item, shown: &Shown) -> io::Result<()> {
    let finding = item.finding;
    write!(out, "::{} file={}", of_three(finding.severity, "notice"), property(&item.file))?;
    if let Some((start, end)) = item.range {
        write!(out, ",line={},endLine={}", start.line, end.line)?;
        // Columns are understood within one line only.
        if start.line == end.line {
            write!(out, ",col={},endColumn={}", start.column, end.column)?;
        }
    }
    let about = shown.about(finding.code);
    let title = about.as_ref().map_or_else(String::new, |about| format!(" {}", about.name));
    let mut message = finding.message.clone();
    if let Some(help) = &finding.help {
        message = format!("{message}\nhelp: {help}");
    }
    if let Some(docs) = about.and_then(|about| about.docs) {
        message = format!("{message}\nmore: {docs}");
    }
    writeln!(out, ",title={}::{}", property(&format!("{}{title}", finding.code)), data(&message))
}

/// What may stand after `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What may stand as the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use crate::output::hostile::written;

    #[test]
    fn commas_colons_percents_and_line_ends_cannot_break_out() {
        let text = written(super::write);
        assert_eq!(text.lines().count(), 1, "{text}");
        let (head, message) = text.trim_end().strip_prefix("::error ").unwrap().split_once("::").unwrap();
        assert!(head.starts_with("file=a%2Cb%3A%25c%0A<&>é.yaml,line=1,endLine=1,col=4,endColumn=9,title="));
        assert!(message.starts_with("`x%0A::error::,%25` "), "{message}");
        assert!(message.contains("%0Ahelp: "), "{message}");
    }
}
