//! What every form of findings starts from: each finding with its file, range, fingerprint and page.

use std::collections::HashMap;

use super::json::Summary;
use crate::check::events::stream::Checked;
use crate::check::page::{About, about};
use crate::check::{Report, file_name};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::{Position, Sources, Span};

/// A report with all a form may want to know.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The findings.
    pub report: &'a Report,
    /// The texts they are about.
    pub sources: &'a Sources,
    /// What the run saw, in numbers.
    pub summary: Summary,
    /// Every file that was checked, as the user named it.
    pub files: &'a [String],
    /// What came of a stream of events, when one was checked.
    pub events: Option<&'a Checked>,
}

/// One finding, with what has to be looked up.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// The finding.
    pub finding: &'a Diagnostic,
    /// Its file as the user named it, with `/` between folders.
    pub file: String,
    /// Its place; a place in an input that is not kept is a point.
    pub range: Option<(Position, Position)>,
    /// The same for the same finding, whatever moved.
    pub fingerprint: String,
    /// Findings of this file with the same fingerprint, before this one.
    pub occurrence: usize,
}

impl<'a> Shown<'a> {
    /// The findings in order.
    #[must_use]
    pub fn items(&self) -> Vec<Item<'a>> {
        let mut seen: HashMap<(String, String), usize> = HashMap::new();
        let item = |finding: &'a Diagnostic| {
            let file = with_slashes(&file_name(finding, self.sources));
            let fingerprint = finding.fingerprint();
            let count = seen.entry((file.clone(), fingerprint.clone())).or_default();
            *count += 1;
            let kept = finding.primary.as_ref().map(|label| self.sources.range(label.span));
            let range = kept.or_else(|| finding.position.map(|at| (at, at)));
            Item { finding, file, range, fingerprint, occurrence: *count - 1 }
        };
        self.report.diagnostics.iter().map(item).collect()
    }

    /// What there is to say about a code: of eddy's rules, or of the team's own.
    #[must_use]
    pub fn about(&self, code: &str) -> Option<About> {
        self.report.own_rules.iter().find(|own| own.code == code).cloned().or_else(|| about(code))
    }

    /// The codes of the findings, sorted, each once.
    #[must_use]
    pub fn codes(&self) -> Vec<&'static str> {
        let mut codes: Vec<&str> = self.report.diagnostics.iter().map(|finding| finding.code).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// Every file that was checked, with `/` between folders.
    #[must_use]
    pub fn file_names(&self) -> Vec<String> {
        self.files.iter().map(|file| with_slashes(file)).collect()
    }

    /// The file of a span, with `/` between folders.
    #[must_use]
    pub fn path(&self, span: Span) -> String {
        with_slashes(&self.sources.get(span.file).path().display().to_string())
    }
}

impl Item<'_> {
    /// The message and what to do next, in one line.
    #[must_use]
    pub fn sentence(&self) -> String {
        match &self.finding.help {
            Some(help) => format!("{}; {help}", self.finding.message),
            None => self.finding.message.clone(),
        }
    }
}

fn with_slashes(path: &str) -> String {
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
    path.strip_prefix("./").map_or(path.clone(), str::to_owned)
}

/// The word of the many formats that know three weights: `error`, `warning`, and one for what is less.
#[must_use]
pub fn of_three(severity: Severity, lesser: &'static str) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info | Severity::Hint => lesser,
    }
}
