//! The line of `eddy replay`: a run, or what belongs to runs on several machines.

use clap::{ArgMatches, FromArgMatches};

use super::{Args, manifest, merging};
use crate::commands::{CommandError, Context, Status};

/// What may follow `eddy replay`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Line {
    // First: reading the subcommand takes it away.
    #[command(flatten)]
    run: Run,
    #[command(subcommand)]
    beside: Option<Beside>,
}

/// The flags of a run, where a run is meant.
#[derive(Debug)]
struct Run(Option<Box<Args>>);

impl clap::Args for Run {
    fn augment_args(command: clap::Command) -> clap::Command {
        Args::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Args::augment_args_for_update(command)
    }
}

impl FromArgMatches for Run {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let is_meant = matches.subcommand_name().is_none();
        let args = is_meant.then(|| Args::from_arg_matches(matches)).transpose()?;
        Ok(Self(args.map(Box::new)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(Debug, clap::Subcommand)]
enum Beside {
    /// Add up the JSON summaries of the shards of a run
    Report(merging::Args),
    /// Print a Kubernetes Indexed Job whose pods replay an archive together
    Manifest(manifest::Args),
}

/// Runs the command.
///
/// # Errors
/// Those of what was asked for.
pub fn run_line(line: &Line, context: &Context) -> Result<Status, CommandError> {
    match (&line.beside, &line.run.0) {
        (Some(Beside::Report(args)), _) => merging::run(args, context),
        (Some(Beside::Manifest(args)), _) => manifest::run(args, context),
        (None, Some(args)) => super::run(args, context),
        (None, None) => Err(CommandError::usage("nothing says what is to be replayed")
            .hint("`eddy replay ARCHIVE --to TARGET`; `eddy replay --help` has examples")),
    }
}
