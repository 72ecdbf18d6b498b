//! `eddy new`: makes a project from a template, and for a contract when one is given.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::scaffolding::{AnswerArgs, Format, read_contract, read_planned_contract, seen_from};
use super::{CommandError, Context, Status};
use crate::output;
use crate::scaffold::source::remember;
use crate::scaffold::{self, Action, Plan};

/// Flags of `eddy new`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eddy new --list\n  \
    eddy new rust-service shop --contract orders.yaml\n  \
    eddy new rust-service shop --contract orders.yaml --set broker=nats --defaults\n  \
    eddy new python-service shop --contract orders.yaml --set broker=kafka\n  \
    eddy new go-service shop --contract orders.yaml --set broker=rabbitmq\n  \
    eddy new java-service shop --contract orders.yaml --set broker=kafka\n  \
    eddy new typescript-service shop --contract orders.yaml --set broker=rabbitmq\n  \
    eddy new webhook-gateway hooks --contract orders.yaml --set broker=nats\n  \
    eddy new event-system-demo shop --set broker=redis --defaults\n  \
    eddy new contract-repo contracts --set owner=@example/platform\n  \
    eddy new rust-service shop --contract orders.yaml --defaults --dry-run --format json\n  \
    eddy new ./my-template shop --answers answers.yaml\n  \
    eddy new 'git+https://example.com/templates.git#v1.2.0:billing' shop")]
pub struct Args {
    /// Built-in name, a directory (with a `/` in it), `git+URL#REF`, `FILE.tar.gz#sha256=HASH`, or `https://…#sha256=HASH`
    #[arg(required_unless_present = "list")]
    template: Option<String>,
    /// Directory to make; it must be new or empty
    #[arg(required_unless_present = "list")]
    directory: Option<PathBuf>,
    /// AsyncAPI document of the service
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
    #[command(flatten)]
    answers: AnswerArgs,
    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// List the built-in templates
    #[arg(long, conflicts_with_all = ["template", "directory"])]
    list: bool,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let (Some(name), Some(directory)) = (&args.template, &args.directory) else {
        return super::template::list(args.format == Format::Json, context);
    };
    if !args.dry_run {
        // Before any question is asked.
        scaffold::write::check_target(directory)?;
    }
    let mut template = scaffold::open(name)?;
    remember(&mut template, name, |path| seen_from(directory, path))?;
    let contract = args
        .contract
        .as_deref()
        .map(|path| read_contract(path, directory, template.manifest.language))
        .transpose()?;
    let given = args.answers.given()?;
    let plan = args.answers.plan(context, &template, contract.as_ref(), given, true)?;
    let plan = scaffold::with_projects(plan, &read_planned_contract)?;
    let actions = plan.actions(directory);
    if args.dry_run {
        show(args, context, &plan, directory, &actions)?;
        scaffold::write::check_target(directory)?;
        return Ok(Status::Done);
    }
    scaffold::write::write(&plan, directory)?;
    show(args, context, &plan, directory, &actions)?;
    Ok(Status::Done)
}

fn show(
    args: &Args,
    context: &Context,
    plan: &Plan,
    directory: &Path,
    actions: &[Action],
) -> Result<(), CommandError> {
    let mut data = context.ui.data();
    if args.format == Format::Json {
        writeln!(data, "{}", output::plan::json(plan, directory, args.dry_run, actions))?;
    } else if args.dry_run {
        output::plan::tree(&mut data, plan, directory)?;
    }
    data.flush()?;
    plan.notes.iter().for_each(|note| context.ui.warn(note));
    if args.format == Format::Human && !args.dry_run {
        context.ui.say(format!("wrote {} files to `{}`", plan.files.len(), directory.display()));
        if !plan.next_steps.is_empty() {
            context.ui.say(format!("next:\n  cd {}", directory.display()));
            plan.next_steps.lines().for_each(|line| context.ui.say(format!("  {line}")));
        }
    }
    Ok(())
}
