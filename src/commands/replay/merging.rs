//! `eddy replay report`: adds up what the shards of a run came to.

use std::path::PathBuf;

use super::Format;
use crate::commands::{CommandError, Context, ErrorKind, Status};
use crate::output::figures::counted;
use crate::output::replay::{merged_json, merged_text};
use crate::replay::shard_report::{Merged, ShardSummary, merge};

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

fn ended(merged: &Merged) -> Result<Status, CommandError> {
    let missing =
        merged.planned.unwrap_or(merged.sent).saturating_sub(merged.settled_before + merged.acknowledged);
    if missing == 0 && merged.failed == 0 {
        return Ok(Status::Done);
    }
    let message = format!("{} did not arrive", counted(missing.max(merged.failed), "event"));
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
