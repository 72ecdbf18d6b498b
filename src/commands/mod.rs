//! The verbs: flags into meaning, meaning into calls, outcomes into exit codes.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use interruptions::Interruptions;
use lazy::Lazy;

use crate::endpoint::mask_in_line;
use crate::settings::{Environment, Workspace};
use crate::ui::{ColorChoice, Ui, UiOptions};

mod add;
mod adopt;
mod archive;
mod auditing;
#[cfg(feature = "broker")]
mod broker;
mod bundle;
mod choosing;
pub mod completions;
mod connect;
mod contract_check;
mod convert;
#[cfg(feature = "broker")]
mod demo;
mod distinct_files;
mod doctor;
mod each_event;
mod edited;
pub mod error;
mod explain;
mod fmt;
mod graph;
mod init;
mod inject;
mod interruptions;
mod lazy;
mod man;
mod masking;
mod new;
mod paths;
mod preflight;
mod reading;
mod record;
mod redrive;
mod registry;
mod replay;
mod results;
mod scaffolding;
#[cfg(feature = "serve")]
mod serve;
mod sync;
mod tail;
mod target;
mod template;
mod transfer;
mod underline;
mod validate;
mod validate_events;
mod window;

pub use error::{CommandError, ErrorKind, Status};

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    /// The terminal.
    pub ui: Ui,
    /// The process environment.
    pub environment: Environment,
    /// Global flags.
    pub global: GlobalArgs,
    /// Where the program was started.
    pub directory: PathBuf,
}

impl Context {
    /// The workspace named by `--workspace`, or found in or above the current directory.
    ///
    /// # Errors
    /// When there is a file that cannot be used, or the directory named has none.
    pub fn workspace(&self) -> Result<Option<Workspace>, CommandError> {
        match &self.global.workspace {
            Some(directory) => Ok(Some(Workspace::open(directory)?)),
            None => Ok(Workspace::find(&self.directory)?),
        }
    }

    /// Says how the environment reaches buckets, for commands that name objects.
    fn prepare_objects(&self) -> Result<(), CommandError> {
        let Some(workspace) = self.workspace()? else {
            return Ok(());
        };
        if let Some(access) = workspace.storage(self.global.env.as_deref(), &self.environment)? {
            crate::archive::use_objects(access);
        }
        Ok(())
    }

    /// A runtime with the given number of worker threads, made only by commands that need one.
    ///
    /// # Errors
    /// When the system refuses threads.
    pub fn runtime(&self, threads: usize) -> Result<Runtime, CommandError> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(threads).enable_all().build()?;
        {
            let _within = runtime.enter();
            interruptions::outlive_file_limits();
        }
        Ok(Runtime(Some(runtime)))
    }
}

/// How long a question to a server that nobody waits for any more may hold up the end.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(2);

/// A runtime that does not wait for ever, when it ends, for what cannot be broken off: an interruption ends the command.
pub struct Runtime(Option<tokio::runtime::Runtime>);

impl Runtime {
    /// Runs a future to its end.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        match &self.0 {
            Some(runtime) => runtime.block_on(future),
            // It is there until it is dropped.
            None => unreachable!("a runtime that has ended"),
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(LAST_WORDS);
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ColorArg {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Flags that every command takes.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// When to colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: ColorArg,
    /// Say nothing but data and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Say more about what is done
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// Draw no progress bars
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// Directory of the workspace file `eddy.yaml` (default: here or above)
    #[arg(long, global = true, value_name = "DIR")]
    pub workspace: Option<PathBuf>,
    /// Environment of the workspace to use
    #[arg(long, global = true, value_name = "NAME", env = "EDDY_ENV")]
    pub env: Option<String>,
    /// Answer yes to questions
    #[arg(long, global = true)]
    pub yes: bool,
}

/// One contract, checked everywhere: scaffold, validate, replay and see event-driven systems
#[derive(Debug, Parser)]
#[command(name = "eddy", version, propagate_version = true, max_term_width = 100)]
#[command(arg_required_else_help = true, subcommand_required = true)]
#[command(
    after_help = "Examples:\n  eddy demo\n  eddy validate services/\n  eddy tail 'mqtt://localhost:1883/shop/#'\n  \
    eddy record orders --env staging --output monday.eddy.ndjson.zst\n  \
    eddy replay monday.eddy.ndjson.zst --to mqtt://localhost:1883 --speed 10\n\n\
    `eddy COMMAND --help` has more of them."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: GlobalArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add an operation, a channel, an outbox or dead letters to a project
    Add(Lazy<add::Args>),
    /// Bring a project that eddy did not make under a template
    Adopt(Lazy<adopt::Args>),
    /// Look into recordings, cut and join them, check them, mend them
    Archive(Lazy<archive::Args>),
    /// Run the embedded MQTT broker for local work
    #[cfg(feature = "broker")]
    Broker(Lazy<broker::Args>),
    /// Make one document of many files; references stay references
    Bundle(Lazy<bundle::Args>),
    /// Print a completion script for a shell
    Completions(Lazy<completions::Args>),
    /// Convert an AsyncAPI document to a later version; comments stay
    Convert(Lazy<convert::Args>),
    /// Show the whole round on the embedded broker
    #[cfg(feature = "broker")]
    Demo(Lazy<demo::Args>),
    /// Check the workspace, its servers and the tools eddy calls
    Doctor(Lazy<doctor::Args>),
    /// Print the page of a diagnostic code, or list all codes
    Explain(Lazy<explain::Args>),
    /// Lay out YAML and JSON documents; comments, anchors and order stay
    Fmt(Lazy<fmt::Args>),
    /// Show who sends what to whom
    Graph(Lazy<graph::Args>),
    /// Write a workspace file
    Init(Lazy<init::Args>),
    /// Send one event, a file, standard input, or events generated from the contract
    Inject(Lazy<inject::Args>),
    /// Print the manual
    Man(Lazy<man::Args>),
    /// Make a project from a template
    New(Lazy<new::Args>),
    /// Capture events into an archive
    Record(Lazy<record::Args>),
    /// Take dead letters back to where they came from
    Redrive(Lazy<redrive::Args>),
    /// Send the events of an archive again, with their timing
    Replay(Lazy<Box<replay::Line>>),
    /// Serve the page of the system, which follows documents and systems while it is open
    #[cfg(feature = "serve")]
    Serve(Lazy<serve::Args>),
    /// Bring a project up to its template and its contract
    Sync(Lazy<sync::Args>),
    /// Watch events as they arrive
    Tail(Lazy<tail::Args>),
    /// See, begin, check and test templates
    Template(Lazy<template::Args>),
    /// Check AsyncAPI documents and event schemas
    Validate(Lazy<validate::Args>),
}

impl Command {
    fn run(&self, context: &Context) -> Result<Status, CommandError> {
        match self {
            Self::Add(args) => add::run(args, context),
            Self::Adopt(args) => adopt::run(args, context),
            Self::Archive(args) => archive::run(args, context),
            #[cfg(feature = "broker")]
            Self::Broker(args) => broker::run(args, context),
            Self::Bundle(args) => bundle::run(args, context),
            Self::Completions(args) => completions::run(args, context),
            Self::Convert(args) => convert::run(args, context),
            Self::Doctor(args) => doctor::run(args, context),
            Self::Explain(args) => explain::run(args, context),
            Self::Fmt(args) => fmt::run(args, context),
            Self::Graph(args) => graph::run(args, context),
            #[cfg(feature = "broker")]
            Self::Demo(args) => demo::run(args, context),
            Self::Init(args) => init::run(args, context),
            Self::Inject(args) => inject::run(args, context),
            Self::Man(args) => man::run(args, context),
            Self::New(args) => new::run(args, context),
            Self::Record(args) => record::run(args, context),
            Self::Redrive(args) => redrive::run(args, context),
            Self::Replay(line) => replay::run_line(line, context),
            #[cfg(feature = "serve")]
            Self::Serve(args) => serve::run(args, context),
            Self::Sync(args) => sync::run(args, context),
            Self::Tail(args) => tail::run(args, context),
            Self::Template(args) => template::run(args, context),
            Self::Validate(args) => validate::run(args, context),
        }
    }
}

/// The command line as clap sees it; completions, manual and reference are made from it.
#[must_use]
pub fn command_line() -> clap::Command {
    Cli::command()
}

/// Runs one command line and says how it ended; errors have been shown by then.
pub fn run(arguments: impl IntoIterator<Item = OsString>, environment: Environment) -> Status {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let names_objects = arguments.iter().any(|argument| argument.to_string_lossy().contains("s3://"));
    let parsed = lazy::for_line(&arguments, Cli::command)
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(answer) => return show_answer(&answer, &environment),
    };
    let ui = Ui::new(ui_options(&cli.global, &environment));
    let directory = std::path::absolute(".").unwrap_or_default();
    let context = Context { ui, environment, global: cli.global, directory };
    let prepared = if names_objects { context.prepare_objects() } else { Ok(()) };
    match prepared.and_then(|()| cli.command.run(&context)) {
        Ok(status) => status,
        Err(error) => {
            error.show(&context.ui);
            error.status()
        }
    }
}

/// Help and version go to stdout and are data; what clap says of mistakes goes to stderr.
fn show_answer(answer: &clap::Error, environment: &Environment) -> Status {
    let ui = Ui::new(ui_options(&GlobalArgs::default(), environment));
    let words = answer.render().to_string();
    // What is repeated of the command line may be an address with a password.
    if answer.use_stderr() && mask_in_line(&words) != words {
        ui.error_text(&words);
        return Status::Usage;
    }
    let printed = answer.print().and_then(|()| ui.data().flush());
    match printed {
        _ if answer.use_stderr() => Status::Usage,
        Ok(()) => Status::Done,
        Err(error) => {
            let error = CommandError::from(ui.data_failure(&error));
            error.show(&ui);
            error.status()
        }
    }
}

/// Waits for Ctrl-C or a request to terminate.
pub async fn interruption() {
    Interruptions::listen().next().await;
}

fn ui_options(global: &GlobalArgs, environment: &Environment) -> UiOptions {
    UiOptions {
        color: match global.color {
            ColorArg::Auto => ColorChoice::Auto,
            ColorArg::Always => ColorChoice::Always,
            ColorArg::Never => ColorChoice::Never,
        },
        no_color: environment.get("NO_COLOR").is_some(),
        quiet: global.quiet,
        verbose: global.verbose,
        no_progress: global.no_progress,
        columns: environment.get("COLUMNS").and_then(|text| text.parse().ok()),
    }
}
