//! `eddy validate`: reads documents, runs every rule, shows the findings.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::paths::{Input, inputs};
use super::validate_events::{self, EventFindings};
use super::{CommandError, Context, Status};
use crate::check::events::EventChecker;
use crate::check::rules::codes_of;
use crate::check::{Report, check_documents, report};
use crate::contract::kind::UNKNOWN_KIND;
use crate::contract::{DocumentKind, Loaded, load, load_text};
use crate::diagnostic::reading::CANNOT_READ;
use crate::diagnostic::{Diagnostic, Severity};
use crate::output::json::Summary;
use crate::output::{json, text};
use crate::settings::RuleLevel;
use crate::source_text::{Limits, read_text};

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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the lines at fault
    #[default]
    Human,
    /// One line per finding
    Concise,
    /// For programs
    Json,
}

/// What was read, and what was passed over.
struct Read {
    loaded: Loaded,
    skipped: Vec<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let inputs = inputs(&args.paths, context)?;
    let mut read = read(&inputs)?;
    let levels = levels(context)?;
    let mut findings = std::mem::take(&mut read.loaded.diagnostics);
    findings.retain(|finding| !is_about_skipped(finding, &read));
    findings.extend(check_documents(&read.loaded));
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
        return Err(CommandError::usage("no AsyncAPI document and no event schema is among the files")
            .hint("an AsyncAPI document begins with `asyncapi: 3.0.0`, an event schema has `x-event`"));
    }
    show(args.format, &report, &read, summary, context)?;
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

/// Kinds of findings shown in the summary.
const GROUPS_SHOWN: usize = 20;

fn say_events(events: &EventFindings, context: &Context) {
    let read = counted(events.events, "event");
    context.ui.say(format!("{read} checked, {} with findings", events.faulty));
    let mut groups: Vec<_> = events.groups.iter().collect();
    groups.sort_by_key(|(_, (count, line))| (std::cmp::Reverse(*count), *line));
    for (group, (count, line)) in groups.iter().take(GROUPS_SHOWN) {
        context.ui.say(format!("{count:>8} × {group} (first in line {line})"));
    }
    if groups.len() > GROUPS_SHOWN {
        context.ui.say(format!("         and {} other kinds", groups.len() - GROUPS_SHOWN));
    }
    for (reason, count) in &events.unchecked {
        context.ui.warn(format!("{} not checked: {reason}", counted(*count, "event")));
    }
}

fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// Files found by looking are read only when they may be documents.
fn read(inputs: &[Input]) -> Result<Read, CommandError> {
    let limits = Limits::default();
    let mut paths = Vec::new();
    let mut skipped = Vec::new();
    let mut stdin = false;
    for input in inputs {
        match input {
            Input::Named(path) => paths.push(path.clone()),
            Input::Found(path) if may_be_document(path) => paths.push(path.clone()),
            Input::Found(path) => skipped.push(path.clone()),
            Input::Stdin => stdin = true,
        }
    }
    if stdin && inputs.len() > 1 {
        let error = CommandError::usage("`-` cannot stand beside other paths");
        return Err(error.hint("write standard input to a file, or check it alone"));
    }
    let loaded = if stdin { from_stdin(&limits)? } else { load(&paths, &limits) };
    let strangers = loaded.diagnostics.iter().filter(|finding| finding.code == UNKNOWN_KIND);
    let files: Vec<PathBuf> = strangers.filter_map(|finding| place(finding, &loaded)).collect();
    let found = |path: &PathBuf| inputs.contains(&Input::Found(path.clone()));
    skipped.extend(files.into_iter().filter(found));
    Ok(Read { loaded, skipped })
}

fn from_stdin(limits: &Limits) -> Result<Loaded, CommandError> {
    let name = Path::new("<stdin>");
    let text = read_text(std::io::stdin().lock(), name, limits)
        .map_err(|error| CommandError::usage(error.to_string()).hint("pipe one document into the command"))?;
    Ok(load_text(name, text, limits))
}

fn place(finding: &Diagnostic, loaded: &Loaded) -> Option<PathBuf> {
    let label = finding.primary.as_ref()?;
    Some(loaded.sources.get(label.span.file).path().to_owned())
}

/// A quick look for the words every document has; what cannot be read is left to the reader to tell.
fn may_be_document(path: &Path) -> bool {
    let Ok(bytes) = std::fs::read(path) else {
        return true;
    };
    let has = |word: &str| memchr::memmem::find(&bytes, word.as_bytes()).is_some();
    has("asyncapi") || has("x-event")
}

fn is_about_skipped(finding: &Diagnostic, read: &Read) -> bool {
    finding.code == UNKNOWN_KIND
        && place(finding, &read.loaded).is_some_and(|path| read.skipped.contains(&path))
}

fn checked(read: &Read, inputs: &[Input]) -> usize {
    inputs.len() - read.skipped.len()
}

type Levels = Vec<(&'static str, Option<Severity>)>;

/// The levels of the workspace, by code; names of rules and identifiers of the official parser count too.
fn levels(context: &Context) -> Result<Levels, CommandError> {
    let Some(workspace) = context.workspace()? else {
        return Ok(Vec::new());
    };
    let mut levels = Vec::new();
    for (word, level) in &workspace.settings.rules {
        let codes = codes_of(word);
        if codes.is_empty() {
            let message = format!("there is no rule `{word}`, set in `{}`", workspace.file().display());
            return Err(CommandError::usage(message).hint("`eddy explain` lists all codes"));
        }
        levels.extend(codes.into_iter().map(|code| (code, RuleLevel::severity(*level))));
    }
    Ok(levels)
}

fn show(
    format: Format,
    report: &Report,
    read: &Read,
    summary: Summary,
    context: &Context,
) -> Result<(), CommandError> {
    let mut out = context.ui.data();
    let (sources, style) = (&read.loaded.sources, context.ui.text_style());
    match format {
        Format::Human => text::human(&mut out, report, sources, style)?,
        Format::Concise => text::concise(&mut out, report, sources, style)?,
        Format::Json => json::diagnostics(&mut out, report, sources, summary)?,
    }
    out.flush()?;
    Ok(())
}

fn say_kinds(read: &Read, context: &Context) {
    for document in &read.loaded.contract.documents {
        let kind = match document.kind {
            DocumentKind::AsyncApi2(minor) => format!("AsyncAPI 2.{minor}"),
            DocumentKind::AsyncApi3(minor) => format!("AsyncAPI 3.{minor}"),
            DocumentKind::EventSchema => "event schema".to_owned(),
        };
        context.ui.detail(format!("{}: {kind}", document.path.display()));
    }
    for path in &read.skipped {
        context
            .ui
            .detail(format!("{}: skipped, neither an AsyncAPI document nor an event schema", path.display()));
    }
}

fn summary_line(summary: Summary, context: &Context) -> String {
    let mut parts = Vec::new();
    let weights = [
        (summary.errors, "error", "red"),
        (summary.warnings, "warning", "yellow"),
        (summary.infos, "note", "blue"),
        (summary.hints, "hint", "cyan"),
    ];
    for (count, word, color) in weights {
        if count > 0 {
            parts.push(context.ui.paint(&counted(count, word), color));
        }
    }
    if parts.is_empty() {
        parts.push(context.ui.paint("no findings", "green"));
    }
    let skipped = match summary.skipped {
        0 => String::new(),
        count => format!(", {} skipped", counted(count, "other file")),
    };
    format!("{} in {}{skipped}", parts.join(", "), counted(summary.files, "file"))
}
