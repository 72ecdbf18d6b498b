//! `eddy new`: makes a project from a template, and for a contract when one is given.

use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Map, Value};

use super::{CommandError, Context, ErrorKind, Status};
use crate::contract::{self, Loaded};
use crate::diagnostic::Severity;
use crate::output;
use crate::scaffold::{
    self, Action, AnswerSources, ContractView, Plan, Question, ScaffoldError, Template, VariableKind,
};
use crate::source_text::Limits;
use crate::ui::{BrokenOff, Ui};

/// Most bytes of an answers file.
const MAX_ANSWERS: u64 = 1 << 20;

/// Flags of `eddy new`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eddy new --list\n  \
    eddy new rust-service shop --contract orders.yaml\n  \
    eddy new rust-service shop --contract orders.yaml --set broker=nats --defaults\n  \
    eddy new rust-service shop --contract orders.yaml --defaults --dry-run --format json\n  \
    eddy new ./my-template shop --answers answers.yaml")]
pub struct Args {
    /// Name of a built-in template, or the directory of one (with a `/` in it)
    #[arg(required_unless_present = "list")]
    template: Option<String>,
    /// Directory to make; it must be new or empty
    #[arg(required_unless_present = "list")]
    directory: Option<PathBuf>,
    /// AsyncAPI document of the service
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
    /// Answers in YAML or JSON; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// One answer; counts more than the file
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Take the default of every question that has no answer
    #[arg(long)]
    defaults: bool,
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

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Human,
    /// One JSON object
    Json,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let (Some(name), Some(directory)) = (&args.template, &args.directory) else {
        return list(args.format, &context.ui);
    };
    if !args.dry_run {
        // Before any question is asked.
        scaffold::write::check_target(directory)?;
    }
    let template = scaffold::open(name)?;
    let contract = args.contract.as_deref().map(|path| read_contract(path, directory)).transpose()?;
    let plan = make_plan(args, context, &template, contract.as_ref())?;
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

fn make_plan(
    args: &Args,
    context: &Context,
    template: &Template,
    contract: Option<&ContractView>,
) -> Result<Plan, CommandError> {
    let given = given_answers(args)?;
    let mut ask = |question: &Question<'_>| {
        if context.ui.can_ask() {
            ask(&context.ui, question).map(Some).map_err(|BrokenOff| ())
        } else {
            Ok(None)
        }
    };
    let sources = AnswerSources { given, defaults: args.defaults, ask: &mut ask };
    Ok(scaffold::plan(template, contract, sources)?)
}

fn list(format: Format, ui: &Ui) -> Result<Status, CommandError> {
    let templates = scaffold::built_in()?;
    let mut data = ui.data();
    match format {
        Format::Human => {
            let width = templates.iter().map(|one| one.name.len()).max().unwrap_or(0);
            for one in &templates {
                writeln!(data, "{:width$}  {}", one.name, one.description)?;
            }
        }
        Format::Json => {
            let entries: Vec<Value> = templates
                .iter()
                .map(|one| {
                    serde_json::json!({
                        "name": one.name, "version": one.version, "description": one.description,
                    })
                })
                .collect();
            writeln!(data, "{}", serde_json::json!({ "templates": entries }))?;
        }
    }
    data.flush()?;
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

/// Reads a contract; its path is kept as seen from the project.
fn read_contract(path: &Path, directory: &Path) -> Result<ContractView, CommandError> {
    let loaded = contract::load(&[path.to_owned()], &Limits::default());
    refuse_broken(path, &loaded)?;
    let [document] = loaded.contract.documents.as_slice() else {
        return Err(CommandError::usage(format!("`{}` is not an AsyncAPI document", path.display()))
            .hint(format!("`eddy validate {}` says what it is", path.display())));
    };
    let mut view = scaffold::contract_view::view(document, &loaded.sources, &loaded.documents)?;
    view.path = seen_from(directory, path);
    Ok(view)
}

fn refuse_broken(path: &Path, loaded: &Loaded) -> Result<(), CommandError> {
    let errors: Vec<_> = loaded.diagnostics.iter().filter(|one| one.severity == Severity::Error).collect();
    let Some(first) = errors.first() else { return Ok(()) };
    let place = first.primary.as_ref().map_or_else(String::new, |label| {
        let (start, _) = loaded.sources.range(label.span);
        format!("{}:{start}: ", loaded.sources.get(label.span.file).path().display())
    });
    let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
    let error = CommandError::usage(format!("{place}{}{more}", first.message));
    Err(match (&first.help, first.primary.is_some()) {
        (Some(help), _) => error.hint(help),
        (None, true) => error.hint(format!("`eddy validate {}` shows everything", path.display())),
        (None, false) => error,
    })
}

/// A path as seen from a directory, where both are on one tree; else the absolute path.
fn seen_from(directory: &Path, path: &Path) -> String {
    let (Ok(from), Ok(to)) = (std::path::absolute(directory), std::path::absolute(path)) else {
        return path.to_string_lossy().into_owned();
    };
    let from: Vec<Component<'_>> = from.components().collect();
    let to: Vec<Component<'_>> = to.components().collect();
    let shared = from.iter().zip(&to).take_while(|(left, right)| left == right).count();
    let ups = from[shared..].iter().map(|_| "..");
    let downs = to[shared..].iter().map(|part| part.as_os_str().to_str().unwrap_or("?"));
    ups.chain(downs).collect::<Vec<_>>().join("/")
}

/// Answers of `--answers`, then those of `--set` over them.
fn given_answers(args: &Args) -> Result<Map<String, Value>, CommandError> {
    let mut given = match &args.answers {
        Some(path) => answers_file(path)?,
        None => Map::new(),
    };
    for setting in &args.set {
        let Some((name, value)) = setting.split_once('=') else {
            return Err(
                CommandError::usage(format!("`--set {setting}` has no `=`")).hint("write `--set NAME=VALUE`")
            );
        };
        given.insert(name.to_owned(), value.into());
    }
    Ok(given)
}

fn answers_file(path: &Path) -> Result<Map<String, Value>, CommandError> {
    let refuse = |reason: String| {
        CommandError::usage(format!("cannot read answers from `{}`: {reason}", path.display()))
    };
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_ANSWERS).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_ANSWERS).read_to_string(&mut text))
    };
    read.map_err(|error| refuse(error.to_string()))?;
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_yaml::from_str(&text).map_err(|error| {
        refuse(error.to_string()).hint("write `NAME: VALUE`, one per line, or a JSON object")
    })
}

fn ask(ui: &Ui, question: &Question<'_>) -> Result<Value, BrokenOff> {
    let default = question.default.as_ref();
    match question.variable.kind {
        VariableKind::Bool => ui.ask_yes(question.words(), default.and_then(Value::as_bool)).map(Value::from),
        VariableKind::Choice => ui
            .ask_choice(question.words(), &question.variable.choices, default.and_then(Value::as_str))
            .map(Value::from),
        VariableKind::String | VariableKind::Int => {
            let shown = default.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            let fault = |answer: &str| question.fault(answer);
            ui.ask_text(question.words(), shown.as_deref(), fault).map(Value::from)
        }
    }
}

impl From<ScaffoldError> for CommandError {
    fn from(error: ScaffoldError) -> Self {
        let kind = match &error {
            ScaffoldError::Interrupted { .. } => ErrorKind::Interrupted,
            _ => ErrorKind::Usage,
        };
        let mut command_error = Self::new(kind, error.to_string());
        command_error.hints.extend(error.help());
        command_error
    }
}
