//! `eddy archive`: look into recordings, check them, mend them.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};

use super::{CommandError, Context, Status};
use crate::archive::{self, Reader, STANDARD_INPUT, Selection};
use crate::event::json_lines::{self, Line};
use crate::event::{Event, Timestamp};
use crate::output::archive_text;
use crate::replay::TimePoint;

/// Flags of `eddy archive`.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  eddy archive cat orders.eddy.ndjson.zst -n 3\n  eddy archive stats orders.eddy.ndjson.zst\n  \
                  eddy archive verify *.eddy.ndjson.zst\n  eddy archive repair orders.eddy.ndjson.zst.partial\n  \
                  zstdcat orders.eddy.ndjson.zst | jq -r 'select(.v) | .v'"
)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print events, one JSON object per line
    Cat(CatArgs),
    /// Write what is whole in a damaged or unfinished recording anew
    Repair(RepairArgs),
    /// Count events, bytes, rates and channels
    Stats(StatsArgs),
    /// Check frames, checksums, lines, numbers, index and seek table
    Verify(VerifyArgs),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Human,
    /// One JSON document
    Json,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eddy archive cat orders.eddy.ndjson.zst -n 3\n  \
                  eddy archive cat orders.eddy.ndjson.zst --channel 'orders/*' --parsed | jq .value.total\n  \
                  eddy archive cat orders.eddy.ndjson.zst --from 2026-11-01T10:00Z --to 2026-11-01T10:05Z")]
struct CatArgs {
    /// Archive, zstd file of event lines, or event lines; `-` is standard input
    file: PathBuf,
    /// Leave out what was received before this time, or numbered lower (`offset:42`)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Leave out what was received after this time, or numbered so or higher (`offset:42`)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Print only the first N events
    #[arg(short = 'n', long = "count", value_name = "N")]
    count: Option<u64>,
    /// Print only channels that match this pattern
    #[arg(long, value_name = "GLOB")]
    channel: Option<String>,
    /// Add payloads that are JSON as they are, under `value`
    #[arg(long)]
    parsed: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eddy archive repair orders.eddy.ndjson.zst.partial\n  \
                  eddy archive repair broken.eddy.ndjson.zst --output mended.eddy.ndjson.zst")]
struct RepairArgs {
    /// Recording to mend; it is not changed
    file: PathBuf,
    /// Where to write (default: the name without `.partial`, or with `-repaired`)
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file to write when it is there
    #[arg(long)]
    force: bool,
    /// How to print what was kept and lost
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eddy archive stats orders.eddy.ndjson.zst\n  \
                        eddy archive stats orders.eddy.ndjson.zst --format json | jq .rate")]
struct StatsArgs {
    /// Archive or event lines
    file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eddy archive verify orders.eddy.ndjson.zst\n  \
                        eddy archive verify recordings/*.zst --format json")]
struct VerifyArgs {
    /// Archives or event lines
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    match &args.verb {
        Verb::Cat(args) => cat(args, context),
        Verb::Repair(args) => repair(args, context),
        Verb::Stats(args) => stats(args, context),
        Verb::Verify(args) => verify(args, context),
    }
}

fn cat(args: &CatArgs, context: &Context) -> Result<Status, CommandError> {
    let channel = args.channel.as_deref().map(pattern).transpose()?;
    let selection = selection(args)?;
    let mut reader = open(&args.file)?;
    reader.select(selection)?;
    let mut out = context.ui.data();
    let mut left = args.count.unwrap_or(u64::MAX);
    let mut position = 0;
    let mut text = Vec::new();
    while left > 0 {
        let Some(line) = reader.next_line()? else {
            break;
        };
        position += 1;
        if channel.as_ref().is_some_and(|pattern| !pattern.matches(&line.event.channel)) {
            continue;
        }
        write_line(&line, position, args.parsed, &mut text);
        out.write_all(&text)?;
        left -= 1;
    }
    out.flush()?;
    Ok(Status::Done)
}

fn open(file: &Path) -> Result<Reader, CommandError> {
    if file == Path::new("-") {
        return Ok(Reader::from_stream(STANDARD_INPUT, Box::new(std::io::stdin()))?);
    }
    Ok(Reader::open(file)?)
}

fn pattern(text: &str) -> Result<glob::Pattern, CommandError> {
    glob::Pattern::new(text).map_err(|error| {
        CommandError::usage(format!("`{text}` is not a pattern: {error}"))
            .hint("write something like `orders/*` for `--channel`")
    })
}

fn selection(args: &CatArgs) -> Result<Selection, CommandError> {
    let mut selection = Selection::default();
    match args.from.as_deref().map(time_point).transpose()? {
        Some(TimePoint::At(time)) => selection.from = Some(time),
        Some(TimePoint::Offset(number)) => selection.first_number = Some(number),
        None | Some(TimePoint::Start) => {}
        Some(TimePoint::End | TimePoint::Last(_)) => return Err(no_bound("--from")),
    }
    match args.to.as_deref().map(time_point).transpose()? {
        Some(TimePoint::At(time)) => selection.to = Some(time),
        Some(TimePoint::Offset(number)) => selection.end_number = Some(number),
        None | Some(TimePoint::End) => {}
        Some(TimePoint::Start | TimePoint::Last(_)) => return Err(no_bound("--to")),
    }
    Ok(selection)
}

fn no_bound(flag: &str) -> CommandError {
    CommandError::usage(format!("`{flag}` must be a time or a number in the archive"))
        .hint("write `2026-11-01T10:00Z`, `-5m` or `offset:42`")
}

fn time_point(text: &str) -> Result<TimePoint, CommandError> {
    Ok(TimePoint::parse(text, Timestamp::now())?)
}

/// The line as archives have it; `text` is only room to work in.
fn write_line(line: &Line, position: u64, parsed: bool, text: &mut Vec<u8>) {
    text.clear();
    json_lines::encode(&line.event, line.number.unwrap_or(position), text);
    if parsed && let Some(value) = json_payload(&line.event) {
        text.pop();
        text.extend_from_slice(b",\"value\":");
        // A line break in JSON stands between its parts only, never inside a string.
        text.extend(value.bytes().map(|byte| if byte == b'\n' || byte == b'\r' { b' ' } else { byte }));
        text.push(b'}');
    }
    text.push(b'\n');
}

/// The payload when it is one JSON value, kept to the letter: numbers lose no digit.
fn json_payload(event: &Event) -> Option<&str> {
    let payload = event.payload.as_deref()?;
    let value: &serde_json::value::RawValue = serde_json::from_slice(payload).ok()?;
    Some(value.get())
}

fn stats(args: &StatsArgs, context: &Context) -> Result<Status, CommandError> {
    let stats = archive::stats(&args.file)?;
    let mut out = context.ui.data();
    match args.format {
        Format::Human => archive_text::write_stats(&mut out, &stats)?,
        Format::Json => write_json(&mut out, &stats)?,
    }
    out.flush()?;
    Ok(Status::Done)
}

fn verify(args: &VerifyArgs, context: &Context) -> Result<Status, CommandError> {
    let mut out = context.ui.data();
    let mut all = Vec::new();
    for file in &args.files {
        let verification = archive::verify(file)?;
        if args.format == Format::Human {
            archive_text::write_verification(&mut out, &verification)?;
        }
        all.push(verification);
    }
    let whole = all.iter().all(archive::Verification::is_whole);
    if args.format == Format::Json {
        write_json(&mut out, &serde_json::json!({ "whole": whole, "files": all }))?;
    }
    out.flush()?;
    if whole {
        return Ok(Status::Done);
    }
    context.ui.say("`eddy archive repair FILE` keeps what is whole");
    Ok(Status::Findings)
}

fn repair(args: &RepairArgs, context: &Context) -> Result<Status, CommandError> {
    let target = args.output.clone().unwrap_or_else(|| archive::repaired_path(&args.file));
    if same_file(&args.file, &target) {
        return Err(CommandError::usage("a recording cannot be repaired into itself")
            .hint("name another file with `--output`"));
    }
    let repaired = archive::repair(&args.file, &target, args.force)?;
    context.ui.say(archive_text::repaired_line(&repaired));
    if args.format == Format::Json {
        let mut out = context.ui.data();
        write_json(&mut out, &repaired)?;
        out.flush()?;
    }
    Ok(Status::Done)
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn write_json(out: &mut impl Write, value: &impl serde::Serialize) -> Result<(), CommandError> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}
