//! `eddy demo`: the whole round on the embedded broker, told as a story that can be repeated by hand.

use std::path::PathBuf;

use super::{CommandError, Context, Status};

mod proof;
mod round;
mod service;
mod shell;
mod workspace;

/// Flags of `eddy demo`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Examples:\n  eddy demo\n  eddy demo --dir shop --keep\n  eddy demo --quiet --format json"
)]
pub struct Args {
    /// Directory for the demo's workspace (default: a new one below the system's temporary directory)
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Keep broker and services running at the end, until Ctrl-C, to play with them
    #[arg(long)]
    keep: bool,
    /// Checkouts to inject
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// How to report
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A story on stderr, tables on stdout
    #[default]
    Human,
    /// One JSON object on stdout at the end
    Json,
}

/// Parts of the demo that run as processes of their own.
#[derive(Debug, clap::Subcommand)]
enum Part {
    /// Be one of the sample services
    Service(service::Args),
}

/// Runs the command.
///
/// # Errors
/// When a step does not end as the story says.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    match &args.part {
        Some(Part::Service(service_args)) => service::run(service_args, context),
        None => round::run(args, context),
    }
}
