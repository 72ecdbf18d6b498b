//! `--check`: what is wrong with the system as a whole, in every form that `eddy validate` has.

use std::path::Path;

use super::super::validate::format::{Format, show};
use super::super::validate::policy::{PolicyArgs, policy};
use super::super::{CommandError, Context, Status};
use super::reading::Read;
use crate::check::{DEFAULT_CAP, report};
use crate::diagnostic::{Diagnostic, Severity};
use crate::output::finding::Shown;
use crate::output::json::Summary;
use crate::source_text::tree::NodeRef;
use crate::source_text::{FileId, Position, Span};
use crate::topology::Place;
use crate::topology::findings::Finding;

/// Flags about findings.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Findings")]
pub(super) struct CheckArgs {
    /// Say what is wrong with the system as a whole: missing ends, versions that differ, cycles, assertions of `eddy.yaml`
    #[arg(
        long,
        group = "judged",
        conflicts_with_all = ["focus", "path", "view", "format", "output", "diff", "drift", "impact", "remove", "rollout"]
    )]
    pub check: bool,
    /// Form of the findings of --check and --drift (default: human, and for --drift that of --format)
    #[arg(long, value_enum, value_name = "FORM", requires = "judged", conflicts_with_all = ["format", "output"])]
    pub report: Option<Format>,
}

/// Writes the findings; those of reading were said before and count.
pub(super) fn run(
    args: &CheckArgs,
    read: &Read,
    errors: usize,
    context: &Context,
) -> Result<Status, CommandError> {
    let workspace = context.workspace()?;
    let form = args.report.unwrap_or_default();
    let assertions = workspace.map(|workspace| workspace.settings.topology.assertions).unwrap_or_default();
    let mut findings = read.graph.findings();
    findings.extend(read.graph.broken(&assertions));
    report_on(&findings, form, read, errors, context)
}

/// Writes findings about the graph that was read, in the form of `eddy validate`.
pub(super) fn report_on(
    findings: &[Finding],
    form: Format,
    read: &Read,
    errors: usize,
    context: &Context,
) -> Result<Status, CommandError> {
    let findings: Vec<Diagnostic> = findings.iter().map(|finding| diagnostic(read, finding)).collect();
    let policy = policy(&PolicyArgs::default(), DEFAULT_CAP, Vec::new(), context)?;
    let sources = &read.loaded.sources;
    let report = report(findings, sources, &policy);
    let files: Vec<String> = read.graph.sources.iter().map(|source| source.path.clone()).collect();
    let summary = Summary::of(&report, files.len(), 0);
    let shown = Shown { report: &report, sources, summary, files: &files, events: None };
    show(form, &shown, context)?;
    let weighty = report.count(Severity::Error) + report.count(Severity::Warning);
    let counted =
        |count: usize| if count == 1 { "1 finding".to_owned() } else { format!("{count} findings") };
    let all: usize = report.counts.values().sum();
    context.ui.say(if all == 0 { "nothing is wrong".to_owned() } else { counted(all) });
    Ok(if errors + weighty > 0 { Status::Findings } else { Status::Done })
}

fn diagnostic(read: &Read, finding: &Finding) -> Diagnostic {
    let spanned = finding.place.as_ref().and_then(|place| span(read, place));
    let mut diagnostic = if let Some(span) = spanned {
        Diagnostic::new(finding.code, finding.severity, &finding.message, span)
    } else {
        let path = finding.place.as_ref().map_or("<graph>", |place| &read.graph.sources[place.source].path);
        let mut about = Diagnostic::about_file(finding.code, &finding.message, path);
        about.severity = finding.severity;
        let line = finding.place.as_ref().map_or(0, |place| place.line);
        about.position = (line > 0).then_some(Position { line, column: 1, offset: 0 });
        about
    };
    if let Some(place) = &finding.place {
        diagnostic = diagnostic.at(&place.pointer);
    }
    for (place, words) in &finding.related {
        // A second mark on the same words would say nothing new.
        if let Some(span) = span(read, place).filter(|span| Some(*span) != spanned) {
            diagnostic = diagnostic.related(span, words);
        }
    }
    diagnostic.help(&finding.help)
}

/// The key at a place of a document that was read, or its node.
fn span(read: &Read, place: &Place) -> Option<Span> {
    let source = &read.graph.sources[place.source].path;
    let is_it = |path: &Path| read.shown(&path.to_string_lossy().replace('\\', "/")) == *source;
    let mut files = read.loaded.sources.iter();
    let (file, _) = files.find(|(_, text)| is_it(text.path()))?;
    let root = read.loaded.documents.root(file)?;
    key_span(root, &place.pointer).or(Some(Span { file: FileId(file.0), start: 0, end: 0 }))
}

fn key_span(root: &NodeRef, pointer: &str) -> Option<Span> {
    let pointer = pointer.strip_suffix("/reply").unwrap_or(pointer);
    let (parent, last) = pointer.rsplit_once('/')?;
    let last = last.replace("~1", "/").replace("~0", "~");
    let parent = root.pointer(parent)?;
    parent.entry(&last).map(|entry| entry.key_span).or_else(|| Some(root.pointer(pointer)?.span))
}
