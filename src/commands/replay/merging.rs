//! `eddy replay report`: adds up what the shards of a run came to.

use std::path::PathBuf;

use super::Format;
use crate::commands::{CommandError, Context, ErrorKind, Status};
use crate::output::figures::counted;
use crate::output::replay::{merged_json, merged_text};
use crate::replay::shard_report::{Merged, NotOneRun, ShardSummary, merge, one_run};

/// Bytes a summary may have.
const LARGEST: u64 = 256 * 1024 * 1024;

/// Flags of `eddy replay report`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Each REPORT is what one process printed with `--format json`. Counts are added up, and the distributions of \
    times are joined.\n\n\
    Examples:\n  eddy replay report shard-0.json shard-1.json shard-2.json shard-3.json\n  \
    eddy replay report shard-*.json --format json"
)]
pub(super) struct Args {
    /// JSON summaries
    #[arg(required = true, value_name = "REPORT.json")]
    reports: Vec<PathBuf>,
    /// How to report on stdout
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

/// Runs the command.
pub(super) fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let summaries = args.reports.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut runs: Vec<(&str, &PathBuf)> = Vec::new();
    for (summary, path) in summaries.iter().zip(&args.reports) {
        if let Some((_, first)) = runs.iter().find(|(run, _)| *run == summary.run) {
            let message = format!("`{}` and `{}` are of the same run", first.display(), path.display());
            return Err(CommandError::usage(message).hint("name the summary of each shard once"));
        }
        runs.push((&summary.run, path));
    }
    refuse_others(&summaries, &args.reports)?;
    let merged = merge(summaries);
    if merged.lanes_of_several > 0 {
        let lanes = counted(merged.lanes_of_several, "lane");
        context.ui.warn(format!("{lanes} were sent by more than one process: are these shards of one run?"));
    }
    let mut data = context.ui.data();
    match args.format {
        Format::Human => merged_text(&mut data, &merged)?,
        Format::Json => merged_json(&mut data, &merged)?,
    }
    ended(&merged)
}

/// The summaries must be those of all shards of one run.
fn refuse_others(summaries: &[ShardSummary], reports: &[PathBuf]) -> Result<(), CommandError> {
    let name = |at: usize| reports[at].display();
    let shard = |at: usize| summaries[at].shard.map(|shard| shard.to_string()).unwrap_or_default();
    let Err(problem) = one_run(summaries) else { return Ok(()) };
    Err(match problem {
        NotOneRun::Twice(first, again) => CommandError::usage(format!(
            "`{}` and `{}` are both of shard {}",
            name(first),
            name(again),
            shard(again)
        ))
        .hint("name the summary of each shard once, its last one when it was resumed"),
        NotOneRun::Unmarked(first, other) => CommandError::usage(format!(
            "`{}` is of shard {} and `{}` of no shard: these are not shards of one run",
            name(first),
            shard(first),
            name(other)
        ))
        .hint("name the summaries of one run"),
        NotOneRun::OfOthers(first, other) => CommandError::usage(format!(
            "`{}` is of shard {} and `{}` of shard {}: these are not shards of one run",
            name(first),
            shard(first),
            name(other),
            shard(other)
        ))
        .hint("name the summaries of one run"),
        NotOneRun::Missing { first, count: 1, of } => {
            CommandError::usage(format!("the summary of shard {first}/{of} is missing"))
                .hint("name the summaries of all shards")
        }
        NotOneRun::Missing { first, count, of } => CommandError::usage(format!(
            "the summaries of {count} of {of} shards are missing, {first}/{of} the first of them"
        ))
        .hint("name the summaries of all shards"),
    })
}

fn ended(merged: &Merged) -> Result<Status, CommandError> {
    let missing = merged.missing();
    if missing == 0 {
        return Ok(Status::Done);
    }
    let message = format!("{} did not arrive", counted(missing, "event"));
    Err(CommandError::new(ErrorKind::Delivery, message)
        .hint("run the shards that did not end again with `--resume`, then add up their summaries anew"))
}

fn read(path: &PathBuf) -> Result<ShardSummary, CommandError> {
    let unreadable =
        |error: String| CommandError::usage(format!("cannot read `{}`: {error}", path.display()));
    let length = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if length > LARGEST {
        return Err(unreadable(format!("it is larger than {LARGEST} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| {
        CommandError::usage(format!("`{}` is no summary of a replay: {error}", path.display()))
            .hint("`eddy replay … --format json > FILE` writes one")
    })
}
