//! `eddy add`: one more operation, channel, outbox or dead letters in a project; the contract first, then a sync.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::edited::unreadable;
use super::scaffolding::{AnswerArgs, Format, read_contract, read_contract_as};
use super::{CommandError, Context, ErrorKind, Status};
use crate::contract::{self, Action};
use crate::diagnostic::nearest;
use crate::edit::add::{AddError, NewChannel, NewMessage, NewOperation, Target};
use crate::edit::format::with_line_feeds;
use crate::edit::insert::{Entry, insert_all};
use crate::edit::save;
use crate::output;
use crate::output::layout;
use crate::scaffold::source::open_pinned;
use crate::scaffold::sync::{self, Project, Sync};
use crate::scaffold::{ContractView, Feature, Template, VariableKind};
use crate::source_text::{Limits, read_file};

/// Flags of `eddy add`.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  eddy add handler onRefund --channel refunds --message Refund\n  \
                  eddy add handler sendInvoice --send --channel invoices --address 'invoices.{region}' --schema invoice.json\n  \
                  eddy add channel audit --address audit.events\n  eddy add outbox --dry-run\n  \
                  eddy add dead-letter --channel refunds\n\n\
                  The contract keeps its comments and its layout; then the project is brought up to it as by `eddy sync`."
)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// An operation, with its channel and message when they are not there
    Handler(HandlerArgs),
    /// A channel
    Channel(ChannelArgs),
    /// An outbox, where the template can have one
    Outbox(OutboxArgs),
    /// Dead letters, where the template can have them; with `--channel` the channel they go to
    DeadLetter(DeadLetterArgs),
}

/// Flags of `eddy add handler`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eddy add handler onRefund --channel refunds\n  \
                  eddy add handler onRefund --channel refunds --address shop.refunds --message Refund --schema refund.json\n  \
                  eddy add handler sendInvoice --send --channel invoices --dry-run")]
struct HandlerArgs {
    /// Identifier of the operation
    id: String,
    /// Channel of the operation; it is made when the contract has none of this name
    #[arg(long, value_name = "NAME")]
    channel: String,
    /// The service sends (default: it receives)
    #[arg(long)]
    send: bool,
    #[command(flatten)]
    carries: CarriesArgs,
    #[command(flatten)]
    common: CommonArgs,
}

/// Flags of `eddy add channel`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eddy add channel audit --address audit.events\n  \
                  eddy add channel audit --message AuditEntry --schema audit.json --format json")]
struct ChannelArgs {
    /// Name of the channel
    name: String,
    #[command(flatten)]
    carries: CarriesArgs,
    #[command(flatten)]
    common: CommonArgs,
}

/// Flags of `eddy add outbox`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eddy add outbox\n  eddy add outbox --directory shop --dry-run")]
struct OutboxArgs {
    #[command(flatten)]
    common: CommonArgs,
}

/// Flags of `eddy add dead-letter`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eddy add dead-letter\n  eddy add dead-letter --channel refunds\n  \
                  eddy add dead-letter --channel refunds --suffix /dead-letter")]
struct DeadLetterArgs {
    /// Channel whose dead letters the contract is to describe
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// What stands behind the address of the channel
    #[arg(long, value_name = "TEXT", default_value = ".dead-letter", requires = "channel")]
    suffix: String,
    #[command(flatten)]
    common: CommonArgs,
}

/// What a channel is made of.
#[derive(Debug, clap::Args)]
struct CarriesArgs {
    /// Address of the channel (default: its name)
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Message it carries; it is made when the contract has none of this name
    #[arg(long, value_name = "NAME")]
    message: Option<String>,
    /// Schema of the message's payload, in JSON or YAML; the message must be new
    #[arg(long, value_name = "FILE", requires = "message")]
    schema: Option<PathBuf>,
}

/// What every kind takes.
#[derive(Debug, clap::Args)]
struct CommonArgs {
    /// Directory of the project, or one in it (default: here)
    #[arg(long, value_name = "DIR", default_value = ".", hide_default_value = true)]
    directory: PathBuf,
    /// Show exactly what would be written, with differences, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A contract with what was put into it.
struct Edit {
    path: PathBuf,
    /// Its path as the project remembers it.
    name: String,
    before: String,
    after: String,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let common = match &args.what {
        What::Handler(args) => &args.common,
        What::Channel(args) => &args.common,
        What::Outbox(args) => &args.common,
        What::DeadLetter(args) => &args.common,
    };
    let project = Project::find(&common.directory)?;
    let template = open_pinned(&project.lock.template, &project.root)?;
    let project = sync::migrated(&project, &template.manifest);
    let (edit, more) = match &args.what {
        What::Handler(args) => (Some(edit(&project, |target| handler(args, target))?), Map::new()),
        What::Channel(args) => (Some(edit(&project, |target| channel(args, target))?), Map::new()),
        What::Outbox(_) => (None, switched_on(&project, &template, Feature::Outbox)?),
        What::DeadLetter(args) => match &args.channel {
            Some(name) => {
                (Some(edit(&project, |target| Ok(target.dead_letter(name, &args.suffix)?))?), Map::new())
            }
            None => (None, switched_on(&project, &template, Feature::DeadLetter)?),
        },
    };
    let view = view(&project, &template, edit.as_ref())?;
    let mut given = sync::answers_of(&project.lock, &template.manifest);
    given.extend(more);
    let answers = AnswerArgs::default();
    let plan = answers.plan(context, &template, view.as_ref(), given, !common.dry_run)?;
    let sync = sync::plan(&project, &plan)?;
    refuse_what_breaks(&sync)?;
    if !common.dry_run {
        write(&project, edit.as_ref(), &sync)?;
    }
    plan.notes.iter().for_each(|note| context.ui.warn(note));
    show(common, context, edit.as_ref(), &sync)?;
    conclude(common, context, &sync)
}

fn handler(args: &HandlerArgs, target: Target<'_>) -> Result<Vec<Entry>, CommandError> {
    let action = if args.send { Action::Send } else { Action::Receive };
    let channel = new_channel(&args.channel, &args.carries)?;
    Ok(target.operation(&NewOperation { id: named("operation", &args.id)?, action, channel })?)
}

fn channel(args: &ChannelArgs, target: Target<'_>) -> Result<Vec<Entry>, CommandError> {
    Ok(target.channel(&new_channel(&args.name, &args.carries)?)?)
}

fn new_channel(name: &str, carries: &CarriesArgs) -> Result<NewChannel, CommandError> {
    let message = match &carries.message {
        Some(name) => {
            let payload = carries.schema.as_deref().map(schema).transpose()?;
            Some(NewMessage { name: named("message", name)?, payload })
        }
        None => None,
    };
    Ok(NewChannel { name: named("channel", name)?, address: carries.address.clone(), message })
}

/// Names become keys and parts of pointers.
fn named(what: &str, name: &str) -> Result<String, CommandError> {
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        return Err(CommandError::usage(format!("`{}` is no name of a {what}", name.escape_debug()))
            .hint("give a name without control characters"));
    }
    Ok(name.to_owned())
}

fn schema(path: &Path) -> Result<Value, CommandError> {
    let text = read_file(path, &Limits::default()).map_err(|error| unreadable(&error))?;
    let value: Result<Value, _> = serde_yaml::from_str(&text);
    match value {
        Ok(value @ (Value::Object(_) | Value::Bool(_))) => Ok(value),
        Ok(_) => Err(CommandError::usage(format!("`{}` is no JSON Schema", path.display()))
            .hint("give an object in JSON or YAML")),
        Err(error) => Err(CommandError::usage(format!("cannot read `{}`: {error}", path.display()))
            .hint("give a JSON Schema in JSON or YAML")),
    }
}

/// The contract of the project with new entries.
fn edit(
    project: &Project,
    make: impl FnOnce(Target<'_>) -> Result<Vec<Entry>, CommandError>,
) -> Result<Edit, CommandError> {
    let Some(locked) = &project.lock.contract else {
        return Err(CommandError::usage("this project has no contract")
            .hint("`eddy sync --contract FILE` gives it one"));
    };
    let path = project.root.join(&locked.path);
    let before = read_file(&path, &Limits::default())
        .map_err(|error| unreadable(&error).hint("`eddy sync --contract FILE` names another one"))?;
    let refuse = |reason: &dyn std::fmt::Display| {
        CommandError::usage(format!("cannot add to `{}`: {reason}", path.display()))
            .hint("write it there yourself, then `eddy sync`; nothing was written")
    };
    let (text, carriage_returns) = with_line_feeds(&before).map_err(|refusal| refuse(&refusal))?;
    let loaded = contract::load(std::slice::from_ref(&path), &Limits::default());
    let [document] = loaded.contract.documents.as_slice() else {
        return Err(refuse(&AddError::NotAsyncApi));
    };
    let root = document.root.to_json();
    let entries = make(Target { root: &root, kind: &document.kind })?;
    let mut after = insert_all(&text, &entries).map_err(|error| refuse(&error))?;
    if carriage_returns {
        after = after.replace('\n', "\r\n");
    }
    if before.starts_with('\u{feff}') {
        after.insert(0, '\u{feff}');
    }
    Ok(Edit { path, name: locked.path.clone(), before, after })
}

/// The answer that asks for a part of the service.
fn switched_on(
    project: &Project,
    template: &Template,
    feature: Feature,
) -> Result<Map<String, Value>, CommandError> {
    let (manifest, name) = (&template.manifest, feature.variable());
    let there = |why: String| {
        CommandError::usage(format!("`{}` has {} already: {why}", project.root.display(), feature.name()))
            .hint("nothing was written")
    };
    if manifest.includes.contains(&feature) {
        let error = there(format!("every project of `{}` has", manifest.name));
        let is_described = feature == Feature::DeadLetter;
        return Err(if is_described {
            error.hint("`eddy add dead-letter --channel NAME` describes their channel in the contract")
        } else {
            error
        });
    }
    let asked = manifest.variables.iter().find(|(known, _)| known == name);
    if asked.is_none_or(|(_, variable)| variable.kind != VariableKind::Bool || variable.compute.is_some()) {
        let message =
            format!("the template `{}` {} has no {}", manifest.name, manifest.version, feature.name());
        return Err(CommandError::usage(message)
            .hint(format!("a template has it when it asks a question `{name}` of the type `bool`")));
    }
    if project.lock.answers.get(name) == Some(&Value::Bool(true)) {
        return Err(there(format!("`{name}` was answered with yes")));
    }
    Ok(Map::from_iter([(name.to_owned(), Value::Bool(true))]))
}

fn view(
    project: &Project,
    template: &Template,
    edit: Option<&Edit>,
) -> Result<Option<ContractView>, CommandError> {
    let language = template.manifest.language;
    match (edit, &project.lock.contract) {
        (Some(edit), _) => read_contract_as(&edit.after, &edit.path, &project.root, language).map(Some),
        (None, Some(contract)) => {
            read_contract(&project.root.join(&contract.path), &project.root, language).map(Some)
        }
        (None, None) => Ok(None),
    }
}

fn refuse_what_breaks(sync: &Sync) -> Result<(), CommandError> {
    let Some(first) = sync.breaking().first().map(|change| change.what.clone()) else { return Ok(()) };
    Err(CommandError::new(ErrorKind::Delivery, format!("the contract breaks somebody already: {first}"))
        .hint("`eddy sync --accept-breaking` first; nothing was written"))
}

/// The contract, then the project; when the second fails, the first is taken back.
fn write(project: &Project, edit: Option<&Edit>, sync: &Sync) -> Result<(), CommandError> {
    if let Some(edit) = edit {
        save::replace(&edit.path, &edit.after)
            .map_err(|error| CommandError::unwritable(&edit.path, &error))?;
    }
    if !sync.is_needed() {
        return Ok(());
    }
    sync::write(project, sync).map_err(|error| {
        let taken_back = edit.map(|edit| save::replace(&edit.path, &edit.before));
        let error = CommandError::from(error);
        match taken_back {
            Some(Err(_)) => error.hint("the contract has the addition; `eddy sync` goes on from there"),
            _ => error,
        }
    })
}

fn show(
    common: &CommonArgs,
    context: &Context,
    edit: Option<&Edit>,
    sync: &Sync,
) -> Result<(), CommandError> {
    let mut data = context.ui.data();
    if common.format == Format::Json {
        let contract = edit.map(|edit| &edit.name);
        let written = !common.dry_run;
        writeln!(
            data,
            "{}",
            json!({ "contract": contract, "written": written, "sync": output::sync::json(sync, written) })
        )?;
    } else {
        if let Some(edit) = edit {
            writeln!(data, "contract  {}", output::visible::visible(&edit.name))?;
        }
        output::sync::text(&mut data, sync)?;
        if common.dry_run {
            if let Some(edit) = edit {
                layout::difference(&mut data, &edit.name, &edit.before, &edit.after)?;
            }
            output::sync::differences(&mut data, sync)?;
        }
    }
    Ok(data.flush()?)
}

fn conclude(common: &CommonArgs, context: &Context, sync: &Sync) -> Result<Status, CommandError> {
    if let Some(first) = sync.conflicts().first() {
        return Err(CommandError::new(ErrorKind::Delivery, format!("`{}` needs you", first.path)).hint(
            "take what you want from between `<<<<<<<` and `>>>>>>>`, where there are any, and delete them",
        ));
    }
    if !common.dry_run {
        let count = sync.files.iter().filter(|file| file.changes()).count();
        context.ui.say(format!("wrote {count} {}", if count == 1 { "file" } else { "files" }));
    }
    Ok(Status::Done)
}

impl From<AddError> for CommandError {
    fn from(error: AddError) -> Self {
        let message = error.to_string();
        let hint = match &error {
            AddError::NoChannel { name, known } => match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`eddy graph` shows those there are".to_owned(),
            },
            AddError::Taken(_) => "choose another name; nothing was written".to_owned(),
            AddError::OnePerDirection { .. } => "choose another channel; nothing was written".to_owned(),
            AddError::NoAddress(_) => "give it an address in the contract first".to_owned(),
            AddError::NotAsyncApi => "give the project an AsyncAPI document".to_owned(),
        };
        Self::usage(message).hint(hint)
    }
}
