//! `eddy validate`: reads documents, runs every rule, shows the findings.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::paths::Input;
use super::validate_events::{self, EventArgs};
use super::{CommandError, Context, Status};
use crate::check::baseline::Baseline;
use crate::check::events::stream;
use crate::check::own::OwnRules;
use crate::check::{Policy, Report, check_documents_also, report};
use crate::contract::Loaded;
use crate::diagnostic::Severity;
use crate::diagnostic::reading::CANNOT_READ;
use crate::output::finding::Shown;
use crate::output::json::Summary;
use crate::source_text::Sources;
use fix::{FixArgs, mend};
use format::{Format, show};
use inputs::{InputFlags, chosen, files};
use own::{OwnArgs, own_rules, test_rules};
use policy::{PolicyArgs, policy};
use reading::{Read, Texts, checked, file_names, is_about_skipped, read};
use remote::remotes;
use summary::{counted, say_events, say_kinds, say_known, summary_line};
use watch::{Round, watch};

mod changed;
mod fix;
pub(super) mod format;
mod inputs;
mod own;
pub(super) mod policy;
mod reading;
mod remote;
mod summary;
pub(super) mod watch;

/// Flags of `eddy validate`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy validate\n  eddy validate services/orders/asyncapi.yaml\n  eddy validate services/ 'events/**/*.yaml'\n  cat asyncapi.yaml | eddy validate - --format json\n  eddy validate services/ --changed-since main\n  eddy validate services/ --watch\n  eddy validate asyncapi.yaml --events orders.ndjson --message OrderPlaced\n  eddy validate --format sarif > findings.sarif\n  eddy validate --fix --dry-run\n  eddy validate --write-baseline baseline.json && eddy validate --baseline baseline.json\n  eddy validate --rule style=off --rule ED2106=error --deny-warnings\n  eddy validate --rules team-rules.yaml --test-rules\n\nExit codes: 0 no errors, 1 errors found, 2 wrong usage, settings, or a file that cannot be read"
)]
pub struct Args {
    /// Files, directories, patterns, or `-` for standard input (default: the documents of the workspace)
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    inputs: InputFlags,
    /// Form of the output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    #[command(flatten)]
    events: EventArgs,
    /// Most findings to show per file
    #[arg(long, default_value_t = crate::check::DEFAULT_CAP, value_name = "N")]
    max_findings: usize,
    #[command(flatten)]
    fix: FixArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    own: OwnArgs,
}

/// What a run found, before anything is shown.
struct Checked {
    read: Read,
    report: Report,
    events: Option<stream::Checked>,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    if !args.inputs.watch {
        return Ok(once(args, context)?.status);
    }
    if args.paths.iter().any(|path| path.as_os_str() == "-") {
        return Err(CommandError::usage("standard input cannot be watched").hint("name files or directories"));
    }
    let directories: Vec<PathBuf> = args.paths.iter().filter(|path| path.is_dir()).cloned().collect();
    watch(&directories, context, || once(args, context))
}

/// Reads, checks and shows once.
fn once(args: &Args, context: &Context) -> Result<Round, CommandError> {
    let own = own_rules(&args.own, context)?;
    if args.own.test_rules {
        return test_rules(&own, context).map(Round::from);
    }
    let mut texts = Texts::with_remotes(remotes(args.inputs.allow_remote, context)?);
    let inputs = chosen(args, &mut texts, context)?;
    if let Some(revision) = args.inputs.changed_since.as_ref().filter(|_| inputs.is_empty()) {
        context.ui.say(format!("no document changed since `{revision}`"));
        return Ok(Round::from(Status::Done));
    }
    let policy = policy(&args.policy, args.max_findings, own.about(), context)?;
    if args.fix.fix
        && let Some(status) = fix_first((args, &own), &inputs, &policy, &mut texts, context)?
    {
        return Ok(Round::from(status));
    }
    let checked = check((args, &own), &inputs, &policy, &mut texts, Some(context))?;
    let fetched = texts.save_remotes()?;
    if fetched > 0 {
        context.ui.say(format!("{} fetched and locked", counted(fetched, "document")));
    }
    let files = files(&inputs, &checked.read);
    Ok(Round { status: tell(args, &inputs, checked, context)?, files })
}

/// Shows what was found.
fn tell(args: &Args, inputs: &[Input], found: Checked, context: &Context) -> Result<Status, CommandError> {
    let Checked { read, report, events } = found;
    let summary = Summary::of(&report, checked(&read, inputs), read.skipped.len());
    if summary.files == 0 && report.diagnostics.is_empty() {
        return Err(CommandError::usage("no AsyncAPI document and no schema is among the files")
            .hint("an AsyncAPI document begins with `asyncapi: 3.0.0`, an event schema has `x-event`"));
    }
    if let Some(path) = &args.policy.write_baseline {
        return write_baseline(path, &report, &read.loaded.sources, context);
    }
    let files = file_names(&read);
    let shown = Shown {
        report: &report,
        sources: &read.loaded.sources,
        summary,
        files: &files,
        events: events.as_ref(),
    };
    show(args.format, &shown, context)?;
    say_kinds(&read, context);
    context.ui.say(summary_line(summary, context));
    say_known(&report, context);
    if let Some(events) = &events {
        say_events(events, context);
    }
    Ok(status(&report))
}

fn status(report: &Report) -> Status {
    let unreadable = report.diagnostics.iter().any(|finding| finding.code == CANNOT_READ);
    match report.count(Severity::Error) {
        0 => Status::Done,
        _ if unreadable => Status::Usage,
        _ => Status::Findings,
    }
}

/// Reads and checks once, with texts that stand in for what is in the files; events only when there is a context.
fn check(
    (args, own): (&Args, &OwnRules),
    inputs: &[Input],
    policy: &Policy,
    texts: &mut Texts,
    context: Option<&Context>,
) -> Result<Checked, CommandError> {
    let mut read = read(inputs, texts)?;
    let mut findings = std::mem::take(&mut read.loaded.diagnostics);
    findings.retain(|finding| !is_about_skipped(finding, &read));
    findings.extend(check_documents_also(&read.loaded, &|code| policy.runs(code)));
    findings.extend(own.check(&read.loaded));
    let events = context.map_or(Ok(None), |context| check_events(args, &read.loaded, context))?;
    findings.extend(events.iter().flat_map(|events| events.tally.diagnostics.iter().cloned()));
    let mut report = report(findings, &read.loaded.sources, policy);
    if let Some(left_out) = events.as_ref().map(left_out).filter(|left_out| *left_out > 0) {
        *report.counts.entry(Severity::Error).or_default() += left_out;
        report.left_out.insert(args.events.events.clone().unwrap_or_default(), left_out);
    }
    Ok(Checked { read, report, events })
}

/// Fixes what can be fixed. A status ends the run: the difference, or the text of standard input, was the output.
fn fix_first(
    (args, own): (&Args, &OwnRules),
    inputs: &[Input],
    policy: &Policy,
    texts: &mut Texts,
    context: &Context,
) -> Result<Option<Status>, CommandError> {
    // Every finding may be fixed, not the first of each file only.
    let all = Policy { cap: usize::MAX, ..policy.clone() };
    let check = |texts: &mut Texts| check((args, own), inputs, &all, texts, None);
    let fixed = mend(&args.fix, texts, |texts| {
        let Checked { read, report, .. } = check(texts)?;
        Ok((report, read.loaded.sources))
    })?;
    if args.fix.dry_run {
        fixed.show_difference(context)?;
    } else if inputs.contains(&Input::Stdin) {
        let mut out = context.ui.data();
        out.write_all(texts.stdin().map_or(&[][..], |text| text.as_bytes()))?;
        out.flush()?;
    } else {
        fixed.write()?;
        context.ui.say(fixed.line(false));
        return Ok(None);
    }
    context.ui.say(fixed.line(args.fix.dry_run));
    // What was the output is no report: what is left is told beside it.
    let Checked { read, report, .. } = check(texts)?;
    let summary = Summary::of(&report, checked(&read, inputs), read.skipped.len());
    context.ui.say(format!("left: {}", summary_line(summary, context)));
    Ok(Some(status(&report)))
}

fn write_baseline(
    path: &Path,
    report: &Report,
    sources: &Sources,
    context: &Context,
) -> Result<Status, CommandError> {
    let baseline = Baseline::of(&report.diagnostics, sources, path);
    baseline.write(path)?;
    context.ui.say(format!("wrote {} to `{}`", counted(baseline.count(), "finding"), path.display()));
    context.ui.say(format!("run `eddy validate --baseline {}` to see only new ones", path.display()));
    Ok(Status::Done)
}

fn check_events(
    args: &Args,
    loaded: &Loaded,
    context: &Context,
) -> Result<Option<stream::Checked>, CommandError> {
    let is_stdin = args.events.events.as_deref() == Some("-");
    if is_stdin && args.paths.iter().any(|path| path.as_os_str() == "-") {
        return Err(CommandError::usage("standard input cannot be both the contract and the events")
            .hint("write one of them to a file"));
    }
    validate_events::check(&args.events, loaded, args.max_findings, context)
}

/// Findings in events that were counted and not kept.
fn left_out(events: &stream::Checked) -> usize {
    let kept = events.tally.diagnostics.len();
    usize::try_from(events.tally.found).unwrap_or(usize::MAX).saturating_sub(kept)
}
