//! `eddy template`: see what templates there are, begin one, check one, test one.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};

use super::scaffolding::Format;
use super::{CommandError, Context, Status};
use crate::output;
use crate::scaffold::{self, care};

mod testing;

/// Flags of `eddy template`.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  eddy template list\n  eddy template show rust-service\n  \
                  eddy template show rust-service --format json-schema > answers.schema.json\n  \
                  eddy template new ./my-template\n  eddy template lint ./my-template\n  eddy template test ./my-template"
)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Name the templates that are built in
    List(ListArgs),
    /// Show what a template asks and what it makes
    Show(ShowArgs),
    /// Find mistakes in a template without making anything of it
    Lint(LintArgs),
    /// Make projects of a template, compare them with those expected, and build them
    Test(testing::TestArgs),
    /// Begin a template of your own
    New(NewArgs),
}

/// Flags of `eddy template list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eddy template list\n  eddy template list --format json")]
struct ListArgs {
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Flags of `eddy template show`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy template show rust-service\n  eddy template show ./my-template --format json\n  \
                        eddy template show rust-service --format json-schema > answers.schema.json"
)]
struct ShowArgs {
    /// Name of a built-in template, or the directory of one (with a `/` in it)
    template: String,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: ShowFormat,
}

/// Flags of `eddy template lint`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy template lint ./my-template\n  eddy template lint ./my-template --format json"
)]
struct LintArgs {
    /// Name of a built-in template, or the directory of one (with a `/` in it)
    template: String,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Flags of `eddy template new`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy template new ./my-template\n  eddy template new ./templates/billing --name billing-service"
)]
struct NewArgs {
    /// Directory to make; it must be new or empty
    directory: PathBuf,
    /// What the template is called (default: the name of the directory)
    #[arg(long)]
    name: Option<String>,
}

/// Form of what `show` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ShowFormat {
    /// For people
    #[default]
    Human,
    /// One JSON object
    Json,
    /// A JSON Schema of the answers
    JsonSchema,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    match &args.verb {
        Verb::List(args) => list(args.format == Format::Json, context),
        Verb::Show(args) => show(args, context),
        Verb::Lint(args) => lint(args, context),
        Verb::Test(args) => testing::run(args, context),
        Verb::New(args) => begin(args, context),
    }
}

/// Prints the templates that are built in.
pub(super) fn list(as_json: bool, context: &Context) -> Result<Status, CommandError> {
    let templates = scaffold::built_in()?;
    let mut data = context.ui.data();
    if as_json {
        writeln!(data, "{}", output::template::list_json(&templates))?;
    } else {
        output::template::list(&mut data, &templates)?;
    }
    data.flush()?;
    Ok(Status::Done)
}

fn show(args: &ShowArgs, context: &Context) -> Result<Status, CommandError> {
    let template = scaffold::open(&args.template)?;
    let mut data = context.ui.data();
    match args.format {
        ShowFormat::Human => output::template::show(&mut data, &template)?,
        ShowFormat::Json => writeln!(data, "{}", output::template::json(&template))?,
        ShowFormat::JsonSchema => {
            writeln!(data, "{:#}", care::question_schema(&template.manifest))?;
        }
    }
    data.flush()?;
    Ok(Status::Done)
}

fn lint(args: &LintArgs, context: &Context) -> Result<Status, CommandError> {
    let template = scaffold::open(&args.template)?;
    let findings = care::lint(&template);
    let mut data = context.ui.data();
    if args.format == Format::Json {
        writeln!(data, "{}", serde_json::json!({ "template": template.source, "findings": findings }))?;
    } else {
        output::template::findings(&mut data, &findings)?;
    }
    data.flush()?;
    if findings.is_empty() {
        context.ui.say(format!("`{}` is clean", args.template));
    }
    Ok(if findings.iter().any(|finding| finding.is_error) { Status::Findings } else { Status::Done })
}

fn begin(args: &NewArgs, context: &Context) -> Result<Status, CommandError> {
    let of_directory = || {
        let whole = std::path::absolute(&args.directory).ok()?;
        whole.file_name().map(|name| name.to_string_lossy().into_owned())
    };
    let name = args.name.clone().or_else(of_directory).unwrap_or_default();
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(CommandError::usage(format!("a template cannot be called `{name}`"))
            .hint("small letters, digits and `-`: give `--name NAME`"));
    }
    let files = care::starter(&name)?;
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    scaffold::write::write_files(&files, &args.directory)?;
    let shown = shown_as_template(&args.directory);
    context.ui.say(format!("wrote {} files to `{}`", files.len(), args.directory.display()));
    context.ui.say(format!(
        "next:\n  eddy template lint {shown}\n  eddy template test {shown}\n  eddy new {shown} my-project"
    ));
    Ok(Status::Done)
}

/// A directory as it is given where a template is wanted: with a `/` in it.
fn shown_as_template(directory: &Path) -> String {
    let shown = directory.display().to_string();
    if shown.contains(['/', '\\']) { shown } else { format!("./{shown}") }
}
