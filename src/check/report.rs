//! From all findings of a run to those that are shown: allowed ones out, levels set, known ones out, in order, within limits.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::allowed::without_allowed;
use super::baseline::{Baseline, Known};
use super::page::About;
use super::rules::all;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::{Position, Sources, Span};

/// Findings kept per file when nothing else is said.
pub const DEFAULT_CAP: usize = 200;

/// What is to become of findings.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Levels of codes: `None` is off; codes not in it keep the weight their rule gave.
    pub levels: BTreeMap<&'static str, Option<Severity>>,
    /// Warnings fail the run: they become errors.
    pub deny_warnings: bool,
    /// Findings lighter than this are dropped.
    pub least: Severity,
    /// Findings that were there before.
    pub baseline: Option<Baseline>,
    /// Findings kept per file.
    pub cap: usize,
    /// Rules that are not eddy's own.
    pub own_rules: Vec<About>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            levels: BTreeMap::new(),
            deny_warnings: false,
            least: Severity::Hint,
            baseline: None,
            cap: DEFAULT_CAP,
            own_rules: Vec::new(),
        }
    }
}

impl Policy {
    /// Whether the rule of a code runs: one on request does when it has a level.
    #[must_use]
    pub fn runs(&self, code: &str) -> bool {
        let on_request = all().iter().any(|rule| rule.code == code && rule.is_on_request());
        !on_request || self.levels.get(code).is_some_and(Option::is_some)
    }

    /// The weight of a finding under this policy; none when it is not to be shown.
    fn weight(&self, finding: &Diagnostic) -> Option<Severity> {
        let weight = self.levels.get(finding.code).copied().unwrap_or(Some(finding.severity))?;
        // A warning that fails the run is an error before it is asked which findings are to be seen.
        let is_denied = self.deny_warnings && weight == Severity::Warning;
        let weight = if is_denied { Severity::Error } else { weight };
        (weight >= self.least).then_some(weight)
    }
}

/// What is left of the findings after levels, order and limits.
#[derive(Debug, Default)]
pub struct Report {
    /// The findings, by file, place and code.
    pub diagnostics: Vec<Diagnostic>,
    /// How many were left out of which file.
    pub left_out: BTreeMap<String, usize>,
    /// Findings of each weight, those left out included.
    pub counts: BTreeMap<Severity, usize>,
    /// Rules that are not eddy's own and may have made some of them.
    pub own_rules: Vec<About>,
    /// Findings that comments allow.
    pub allowed: usize,
    /// Findings that are in the baseline.
    pub known: usize,
    /// What is in the baseline and no longer there.
    pub gone: Vec<Known>,
}

impl Report {
    /// Findings of a weight.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.counts.get(&severity).copied().unwrap_or(0)
    }
}

/// Sorts findings by file, place and code, drops repeats, and applies the policy.
#[must_use]
pub fn report(findings: Vec<Diagnostic>, sources: &Sources, policy: &Policy) -> Report {
    let mut findings = findings;
    findings.sort_by(|left, right| sort_key(left).cmp(&sort_key(right)));
    findings.dedup_by(|later, earlier| sort_key(later) == sort_key(earlier));
    let (mut findings, allowed) = without_allowed(findings, sources, policy);
    // Those about comments came last.
    findings.sort_by(|left, right| sort_key(left).cmp(&sort_key(right)));
    let weigh = |mut finding: Diagnostic| {
        finding.severity = policy.weight(&finding)?;
        Some(finding)
    };
    let findings: Vec<Diagnostic> = findings.into_iter().filter_map(weigh).collect();
    let mut report = Report { allowed, own_rules: policy.own_rules.clone(), ..Report::default() };
    let findings = match &policy.baseline {
        Some(baseline) => {
            let compared = baseline.compare(findings, sources);
            (report.known, report.gone) = (compared.known, compared.gone);
            compared.new
        }
        None => findings,
    };
    report.keep(findings, sources, policy.cap);
    report
}

impl Report {
    fn keep(&mut self, findings: Vec<Diagnostic>, sources: &Sources, cap: usize) {
        let mut kept: BTreeMap<Rc<str>, usize> = BTreeMap::new();
        for finding in findings {
            *self.counts.entry(finding.severity).or_default() += 1;
            let file: Rc<str> = Rc::from(file_name(&finding, sources).as_str());
            let count = kept.entry(file.clone()).or_default();
            *count += 1;
            if *count > cap {
                *self.left_out.entry(file.to_string()).or_default() += 1;
            } else {
                self.diagnostics.push(finding);
            }
        }
    }
}

/// The file a finding is about, as the user named it.
#[must_use]
pub fn file_name(finding: &Diagnostic, sources: &Sources) -> String {
    match (&finding.primary, &finding.path) {
        (Some(primary), _) => sources.get(primary.span.file).path().display().to_string(),
        (None, Some(path)) => path.clone(),
        (None, None) => String::new(),
    }
}

type SortKey<'a> = (Option<Span>, Option<&'a str>, Option<Position>, &'a str, &'a str);

fn sort_key(finding: &Diagnostic) -> SortKey<'_> {
    (
        finding.primary.as_ref().map(|label| label.span),
        finding.path.as_deref(),
        finding.position,
        finding.code,
        finding.message.as_str(),
    )
}
