//! `eddy sync`: brings a project that eddy made up to its template and its contract, in one merge.

use std::io::Write;
use std::path::PathBuf;

use super::scaffolding::{AnswerArgs, Format, read_contract, seen_from};
use super::{CommandError, Context, ErrorKind, Status};
use crate::output;
use crate::scaffold::source::{open_remembered, remember};
use crate::scaffold::sync::{self, Outcome, Project, Sync};
use crate::scaffold::{self, ContractView, Template};

/// Flags of `eddy sync`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy sync\n  eddy sync --dry-run\n  eddy sync shop --contract orders-2.yaml\n  \
    eddy sync --check --format json\n  eddy sync --set broker=nats\n\n\
    Files the template writes once are never touched, generated ones are written anew, the others are merged; \
    where both sides changed the same, the file gets markers and the exit code is 1."
)]
pub struct Args {
    /// Directory of the project, or one in it (default: here)
    #[arg(default_value = ".", hide_default_value = true)]
    directory: PathBuf,
    /// AsyncAPI document to follow from now on (default: the one of last time)
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
    /// Template to follow from now on, named as for `eddy new` (default: the one of last time)
    #[arg(long, value_name = "TEMPLATE")]
    template: Option<String>,
    #[command(flatten)]
    answers: AnswerArgs,
    /// Write although the contract breaks those on the other side
    #[arg(long)]
    accept_breaking: bool,
    /// Write nothing; exit code 1 when something would change
    #[arg(long, conflicts_with = "dry_run")]
    check: bool,
    /// Show exactly what would be written, with differences, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let writes = !args.check && !args.dry_run;
    if writes && sync::finish(&args.directory)? {
        context.ui.say("finished an interrupted sync");
    }
    let project = Project::find(&args.directory)?;
    let template = template_of(args, &project)?;
    let project = sync::migrated(&project, &template.manifest);
    let contract = contract_of(args, &project, &template)?;
    let mut given = sync::answers_of(&project.lock, &template.manifest);
    given.extend(args.answers.given()?);
    let plan = args.answers.plan(context, &template, contract.as_ref(), given, writes)?;
    let sync = sync::plan(&project, &plan)?;
    let refused = writes && !args.accept_breaking && !sync.breaking().is_empty();
    let written = writes && !refused && sync.is_needed();
    if written {
        sync::write(&project, &sync)?;
    }
    plan.notes.iter().for_each(|note| context.ui.warn(note));
    if args.format == Format::Human && !plan.projects.is_empty() {
        let projects: Vec<String> =
            plan.projects.iter().map(|one| format!("`{}`", project.root.join(&one.path).display())).collect();
        context.ui.say(format!("projects in it are synced by themselves: {}", projects.join(", ")));
    }
    show(args, context, &sync, written)?;
    conclude(args, context, &sync, written)
}

fn template_of(args: &Args, project: &Project) -> Result<Template, CommandError> {
    let Some(name) = &args.template else {
        return Ok(open_remembered(&project.lock.template.source, &project.root)?);
    };
    let mut template = scaffold::open(name)?;
    remember(&mut template, name, |path| seen_from(&project.root, path))?;
    Ok(template)
}

fn contract_of(
    args: &Args,
    project: &Project,
    template: &Template,
) -> Result<Option<ContractView>, CommandError> {
    let remembered = project.lock.contract.as_ref().map(|contract| project.root.join(&contract.path));
    let Some(path) = args.contract.clone().or(remembered) else { return Ok(None) };
    let view = read_contract(&path, &project.root, template.manifest.language);
    match (view, &args.contract) {
        (Err(error), None) => Err(error.hint("`--contract FILE` names another one")),
        (view, _) => view.map(Some),
    }
}

fn show(args: &Args, context: &Context, sync: &Sync, written: bool) -> Result<(), CommandError> {
    let mut data = context.ui.data();
    if args.format == Format::Json {
        writeln!(data, "{}", output::sync::json(sync, written))?;
    } else {
        output::sync::text(&mut data, sync)?;
        if args.dry_run {
            output::sync::differences(&mut data, sync)?;
        }
    }
    data.flush()?;
    Ok(())
}

fn conclude(args: &Args, context: &Context, sync: &Sync, written: bool) -> Result<Status, CommandError> {
    if !sync.is_needed() && sync.conflicts().is_empty() {
        context.ui.say("up to date");
        return Ok(Status::Done);
    }
    let breaking = sync.breaking().len();
    if !args.accept_breaking && breaking > 0 && !args.check {
        let word = if breaking == 1 { "change" } else { "changes" };
        return Err(CommandError::new(
            ErrorKind::Delivery,
            format!("the contract has {breaking} breaking {word}"),
        )
        .hint("`--accept-breaking` writes all the same; nothing has been written"));
    }
    if written {
        let count = sync.files.iter().filter(|file| file.changes()).count();
        context.ui.say(format!("wrote {count} {}", if count == 1 { "file" } else { "files" }));
        let stubs = sync.files.iter().filter(|file| is_stub(file));
        stubs.for_each(|file| context.ui.say(format!("new, and yours to fill: {}", file.path)));
    }
    let conflicts = sync.conflicts();
    if let Some(first) = conflicts.first() {
        let more =
            if conflicts.len() > 1 { format!(" and {} more", conflicts.len() - 1) } else { String::new() };
        return Err(CommandError::new(ErrorKind::Delivery, format!("`{}`{more} needs you", first.path))
            .hint("take what you want from between `<<<<<<<` and `>>>>>>>`, where there are any, and delete them"));
    }
    Ok(if args.check { Status::Findings } else { Status::Done })
}

fn is_stub(file: &sync::SyncedFile) -> bool {
    file.policy == scaffold::Policy::Once && file.outcome == Outcome::Create
}
