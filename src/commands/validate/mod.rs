//! `eddy validate`: reads documents, runs every rule, shows the findings.

use std::path::PathBuf;

use super::paths::inputs;
use super::validate_events::{self, EventFindings};
use super::{CommandError, Context, Status};
use crate::check::events::EventChecker;
use crate::check::{check_documents_also, report};
use crate::contract::Loaded;
use crate::diagnostic::Severity;
use crate::diagnostic::reading::CANNOT_READ;
use crate::output::finding::Shown;
use crate::output::json::Summary;
use format::{Format, show};
use policy::levels;
use reading::{checked, file_names, is_about_skipped, read};
use summary::{say_events, say_kinds, summary_line};

mod format;
mod policy;
mod reading;
mod summary;

/// Flags of `eddy validate`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy validate\n  eddy validate services/orders/asyncapi.yaml\n  eddy validate services/ 'events/**/*.yaml'\n  cat asyncapi.yaml | eddy validate - --format json\n  eddy validate asyncapi.yaml --events orders.ndjson --message OrderPlaced\n\nExit codes: 0 no errors, 1 errors found, 2 wrong usage, settings, or a file that cannot be read"
)]
pub struct Args {
    /// Files, directories, patterns, or `-` for standard input (default: the documents of the workspace)
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Check these events against the contract: JSON lines, a JSON list, a recording, or `-`
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// The message that bare payloads are
    #[arg(long, value_name = "NAME", requires = "events")]
    message: Option<String>,
    /// Most findings to show per file
    #[arg(long, default_value_t = crate::check::DEFAULT_CAP, value_name = "N")]
    max_findings: usize,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let inputs = inputs(&args.paths, context)?;
    let mut read = read(&inputs)?;
    let levels = levels(context)?;
    let mut findings = std::mem::take(&mut read.loaded.diagnostics);
    findings.retain(|finding| !is_about_skipped(finding, &read));
    let asked = |code: &str| levels.iter().any(|(known, level)| *known == code && level.is_some());
    findings.extend(check_documents_also(&read.loaded, &asked));
    let events = check_events(args, &read.loaded)?;
    let cap = args.max_findings;
    findings.extend(events.iter().flat_map(|events| events.diagnostics.iter().cloned()));
    let level = |code: &str| levels.iter().find(|(known, _)| *known == code).map(|(_, level)| *level);
    let mut report = report(findings, &read.loaded.sources, &level, cap);
    if let Some(events) = events.as_ref().filter(|events| events.left_out > 0) {
        *report.counts.entry(Severity::Error).or_default() += events.left_out;
        let name = args.events.as_ref().map_or_else(String::new, |path| path.display().to_string());
        report.left_out.insert(name, events.left_out);
    }
    let summary = Summary::of(&report, checked(&read, &inputs), read.skipped.len());
    if summary.files == 0 && report.diagnostics.is_empty() {
        return Err(CommandError::usage("no AsyncAPI document and no schema is among the files")
            .hint("an AsyncAPI document begins with `asyncapi: 3.0.0`, an event schema has `x-event`"));
    }
    let files = file_names(&read);
    let shown = Shown { report: &report, sources: &read.loaded.sources, summary, files: &files };
    show(args.format, &shown, context)?;
    say_kinds(&read, context);
    context.ui.say(summary_line(summary, context));
    if let Some(events) = &events {
        say_events(events, context);
    }
    let unreadable = report.diagnostics.iter().any(|finding| finding.code == CANNOT_READ);
    Ok(match summary.errors {
        0 => Status::Done,
        _ if unreadable => Status::Usage,
        _ => Status::Findings,
    })
}

fn check_events(args: &Args, loaded: &Loaded) -> Result<Option<EventFindings>, CommandError> {
    let Some(path) = &args.events else {
        return Ok(None);
    };
    if path.as_os_str() == "-" && args.paths.iter().any(|path| path.as_os_str() == "-") {
        return Err(CommandError::usage("standard input cannot be both the contract and the events")
            .hint("write one of them to a file"));
    }
    let checker = EventChecker::new(loaded);
    validate_events::check(path, args.message.as_deref(), &checker, args.max_findings).map(Some)
}
