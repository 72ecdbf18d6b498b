//! What `new`, `sync`, `add`, `adopt` and `template` share: the form of output, reading contracts and answers, and asking what is not answered.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::{CommandError, Context, ErrorKind};
use crate::contract::remote::NoRemotes;
use crate::contract::{self, Loaded};
use crate::diagnostic::Severity;
use crate::edit::bundle::bundle;
use crate::scaffold::{
    self, AnswerSources, ContractView, Language, Plan, Question, ScaffoldError, Template, VariableKind,
};
use crate::source_text::Limits;
use crate::ui::{BrokenOff, Ui};

/// Most bytes of an answers file.
const MAX_ANSWERS: u64 = 1 << 20;

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Human,
    /// One JSON object
    Json,
}

/// Flags for answers.
#[derive(Debug, Default, clap::Args)]
pub struct AnswerArgs {
    /// Answers in YAML or JSON; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// One answer; counts more than the file
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Take the default of every question that has no answer
    #[arg(long)]
    defaults: bool,
}

impl AnswerArgs {
    /// Answers of `--answers`, then those of `--set` over them.
    ///
    /// # Errors
    /// When the file cannot be read, or a setting has no `=`.
    pub fn given(&self) -> Result<Map<String, Value>, CommandError> {
        let mut given = match &self.answers {
            Some(path) => answers_file(path)?,
            None => Map::new(),
        };
        given.extend(settings(&self.set)?);
        Ok(given)
    }

    /// The plan for these answers; what is left is asked, where `may_ask` and somebody is there.
    ///
    /// # Errors
    /// Those of planning.
    pub fn plan(
        &self,
        context: &Context,
        template: &Template,
        contract: Option<&ContractView>,
        given: Map<String, Value>,
        may_ask: bool,
    ) -> Result<Plan, CommandError> {
        let mut ask = |question: &Question<'_>| {
            if may_ask && context.ui.can_ask() {
                ask(&context.ui, question).map(Some).map_err(|BrokenOff| ())
            } else {
                Ok(None)
            }
        };
        let sources = AnswerSources { given, defaults: self.defaults, ask: &mut ask };
        Ok(scaffold::plan(template, contract, sources)?)
    }
}

/// The answers of `--set NAME=VALUE`.
///
/// # Errors
/// When one has no `=`.
pub fn settings(settings: &[String]) -> Result<Map<String, Value>, CommandError> {
    let pair = |setting: &String| match setting.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.into())),
        None => {
            Err(CommandError::usage(format!("`--set {setting}` has no `=`")).hint("write `--set NAME=VALUE`"))
        }
    };
    settings.iter().map(pair).collect()
}

/// Reads a contract as a template of a language sees it; its path is kept as seen from the project.
///
/// # Errors
/// When it cannot be read, or describes no service.
pub fn read_contract(
    path: &Path,
    directory: &Path,
    language: Language,
) -> Result<ContractView, CommandError> {
    view_of(&contract::load(&[path.to_owned()], &Limits::default()), path, directory, language)
}

/// As [`read_contract`], with a text that stands in for what is in the file.
///
/// # Errors
/// As [`read_contract`].
pub fn read_contract_as(
    text: &str,
    path: &Path,
    directory: &Path,
    language: Language,
) -> Result<ContractView, CommandError> {
    let texts = BTreeMap::from([(path.to_owned(), text.to_owned())]);
    let loaded = contract::load_with(&[path.to_owned()], &texts, &Limits::default(), &mut NoRemotes);
    view_of(&loaded, path, directory, language)
}

fn view_of(
    loaded: &Loaded,
    path: &Path,
    directory: &Path,
    language: Language,
) -> Result<ContractView, CommandError> {
    refuse_broken(path, loaded)?;
    let [document] = loaded.contract.documents.as_slice() else {
        return Err(CommandError::usage(format!("`{}` is not an AsyncAPI document", path.display()))
            .hint(format!("`eddy validate {}` says what it is", path.display())));
    };
    let mut view = scaffold::contract_view::view(document, &loaded.sources, &loaded.documents, language)?;
    view.path = seen_from(directory, path);
    stand_alone(&mut view, loaded);
    Ok(view)
}

/// The copy of a contract that projects have lies elsewhere, so what other files have of it is put into it.
fn stand_alone(view: &mut ContractView, loaded: &Loaded) {
    if loaded.sources.iter().count() <= 1 {
        return;
    }
    match bundle(loaded, &Limits::default()) {
        Ok(bundled) => {
            if let Some(Value::Object(contract)) = view.names.get_mut("contract") {
                contract.insert("text".to_owned(), bundled.text.into());
            }
        }
        Err(error) => view.notes.push(format!(
            "the copy of the contract refers to other files, which are not beside it: {error}"
        )),
    }
}

/// Reads the contract of a project that a template has in its project, from the directory in which all files lie until then.
///
/// # Errors
/// As [`read_contract`], and when it refers to files that are not of the project.
pub fn read_planned_contract(
    root: &Path,
    path: &str,
    project: &str,
    language: Language,
) -> Result<ContractView, ScaffoldError> {
    let refuse = |message: String, help: Option<String>| ScaffoldError::Contract {
        place: path.to_owned(),
        message: message.replace(&format!("{}/", root.display()), ""),
        help,
    };
    let real = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let file = root.join(path);
    let loaded = contract::load(std::slice::from_ref(&file), &Limits::default());
    for (_, source) in loaded.sources.iter() {
        let place = std::fs::canonicalize(source.path()).unwrap_or_else(|_| source.path().to_owned());
        if !place.starts_with(&real) {
            let message =
                format!("it refers to `{}`, which the template does not write", source.path().display());
            return Err(refuse(message, None));
        }
    }
    let view = view_of(&loaded, &file, &root.join(project), language);
    view.map_err(|error| refuse(error.message, error.hints.into_iter().next()))
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
#[must_use]
pub fn seen_from(directory: &Path, path: &Path) -> String {
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

fn answers_file(path: &Path) -> Result<Map<String, Value>, CommandError> {
    let refuse = |reason: String| refused_answers(&path.display().to_string(), &reason);
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_ANSWERS).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_ANSWERS).read_to_string(&mut text))
    };
    read.map_err(|error| refuse(error.to_string()))?;
    answers_text(&text, &path.display().to_string())
}

fn refused_answers(file: &str, reason: &str) -> CommandError {
    CommandError::usage(format!("cannot read answers from `{file}`: {reason}"))
}

/// Answers as they are written in a file, in YAML or JSON.
///
/// # Errors
/// When it is no mapping.
pub fn answers_text(text: &str, file: &str) -> Result<Map<String, Value>, CommandError> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_yaml::from_str(text).map_err(|error| {
        refused_answers(file, &error.to_string()).hint("write `NAME: VALUE`, one per line, or a JSON object")
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
