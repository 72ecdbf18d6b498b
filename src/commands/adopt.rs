//! `eddy adopt`: brings a project that eddy did not make under a template, without touching a file of it.

use std::io::Write;
use std::path::PathBuf;

use super::scaffolding::{AnswerArgs, Format, read_contract, seen_from};
use super::{CommandError, Context, Status};
use crate::output;
use crate::scaffold;
use crate::scaffold::source::remember;
use crate::scaffold::sync;

/// Flags of `eddy adopt`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eddy adopt rust-service --contract orders.yaml --dry-run\n  \
    eddy adopt rust-service shop --contract orders.yaml --set broker=nats --defaults\n  \
    eddy adopt ./my-template --answers answers.yaml --add-missing --format json\n\n\
    Only `eddy.lock.yaml` and `.eddy/` are written. What is there counts as your changes to what the template makes; \
    from then on `eddy sync` merges. What generated files hold is written anew by it: look at `eddy sync --dry-run` first.")]
pub struct Args {
    /// Template, named as for `eddy new`
    template: String,
    /// Directory of the project (default: here)
    #[arg(default_value = ".", hide_default_value = true)]
    directory: PathBuf,
    /// AsyncAPI document of the service
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
    #[command(flatten)]
    answers: AnswerArgs,
    /// Let the next sync make the files that are missing (default: they count as deleted by you)
    #[arg(long)]
    add_missing: bool,
    /// Show how far the project is from the template, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    // Before any question is asked.
    sync::refuse_project(&args.directory)?;
    let mut template = scaffold::open(&args.template)?;
    remember(&mut template, &args.template, |path| seen_from(&args.directory, path))?;
    let contract = args
        .contract
        .as_deref()
        .map(|path| read_contract(path, &args.directory, template.manifest.language))
        .transpose()?;
    let given = args.answers.given()?;
    let plan = args.answers.plan(context, &template, contract.as_ref(), given, true)?;
    let adoption = sync::adopt(&args.directory, &plan, args.add_missing)?;
    if !args.dry_run {
        sync::write_adoption(&adoption)?;
    }
    plan.notes.iter().for_each(|note| context.ui.warn(note));
    let mut data = context.ui.data();
    if args.format == Format::Json {
        writeln!(data, "{}", output::adoption::json(&adoption, &plan.template, !args.dry_run))?;
    } else {
        output::adoption::text(&mut data, &adoption)?;
    }
    data.flush()?;
    if !args.dry_run {
        context.ui.say("adopted; next: `eddy sync --dry-run`");
    }
    Ok(Status::Done)
}
