//! Findings as a `GitLab` code quality report.

use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::finding::{Item, Shown};
use crate::diagnostic::Severity;

#[derive(Serialize)]
struct Issue {
    r#type: &'static str,
    check_name: &'static str,
    description: String,
    categories: [&'static str; 1],
    severity: &'static str,
    fingerprint: String,
    location: Location,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
    positions: Positions,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
    end: u32,
}

#[derive(Serialize)]
struct Positions {
    begin: Place,
    end: Place,
}

#[derive(Serialize)]
struct Place {
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct Content {
    body: String,
}

/// Writes the findings as one JSON list.
///
/// # Errors
/// When the writer fails.
pub fn write(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    let issues: Vec<Issue> = shown.items().iter().map(|item| issue(item, shown)).collect();
    serde_json::to_writer_pretty(&mut *out, &issues)?;
    writeln!(out)
}

fn issue(item: &Item, shown: &Shown) -> Issue {
    let finding = item.finding;
    // A finding about a whole file stands at its first line: a line is required.
    let place = |at: Option<(u32, u32)>| {
        at.map_or(Place { line: 1, column: 1 }, |at| Place { line: at.0, column: at.1 })
    };
    let begin = place(item.range.map(|(start, _)| (start.line, start.column)));
    let end = place(item.range.map(|(_, end)| (end.line, end.column)));
    let about = shown.about(finding.code);
    let body = about.as_ref().map(|about| {
        let docs = about.docs.as_ref().map_or_else(String::new, |docs| format!("\n\n{docs}"));
        format!("{}\n\n{}{docs}", about.title, about.why)
    });
    Issue {
        r#type: "issue",
        check_name: finding.code,
        description: item.sentence(),
        categories: [category(about.as_ref().map_or("", |about| about.category.as_str()))],
        severity: match finding.severity {
            Severity::Error => "major",
            Severity::Warning => "minor",
            Severity::Info | Severity::Hint => "info",
        },
        fingerprint: unique(item),
        location: Location {
            path: item.file.clone(),
            lines: Lines { begin: begin.line, end: end.line },
            positions: Positions { begin, end },
        },
        content: body.map(|body| Content { body }),
    }
}

/// The words of the format for what kind of trouble it is.
fn category(word: &str) -> &'static str {
    match word {
        "interop" => "Compatibility",
        "style" => "Style",
        _ => "Bug Risk",
    }
}

/// Within a report a fingerprint may be there once only: the file and the count of repeats are part of it.
fn unique(item: &Item) -> String {
    let whole = format!("{}\0{}\0{}", item.file, item.fingerprint, item.occurrence);
    let digits: String = Sha256::digest(whole).iter().map(|byte| format!("{byte:02x}")).collect();
    digits[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use crate::output::hostile::written;

    #[test]
    fn every_issue_has_what_the_format_requires() {
        let issues: serde_json::Value = serde_json::from_str(&written(super::write)).unwrap();
        let issue = &issues[0];
        assert_eq!(issue["location"]["path"], "a,b:%c\n<&>é.yaml");
        assert_eq!(issue["location"]["lines"]["begin"], 1);
        assert_eq!(issue["location"]["positions"]["begin"]["column"], 4);
        assert_eq!(issue["severity"], "major");
        assert_eq!(issue["fingerprint"].as_str().unwrap().len(), 32);
        assert!(issue["description"].as_str().unwrap().contains("; write `<script>"));
    }
}
