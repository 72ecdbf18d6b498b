//! `eddy archive`: look into recordings, cut and join them, check them, mend them.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{CommandError, Context, Status};
use crate::archive::{self, ArchiveError, Manifest, Record};
use crate::diagnostic::quoted_file;
use crate::event::Event;
use crate::event::json_lines;
use crate::output::archive_text;

mod bringing;
mod convert;
mod copy;
mod import;
pub(super) mod limits;
mod merge;
mod part;
mod slice;
mod split;

use copy::{interruptible, watched};
use part::PartArgs;

/// Hints that are given at once.
const MOST_HINTS: usize = 5;

/// Flags of `eddy archive`.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  eddy archive cat orders.eddy.ndjson.zst -n 3\n  eddy archive stats orders.eddy.ndjson.zst\n  \
                  eddy archive verify *.eddy.ndjson.zst\n  eddy archive repair orders.eddy.ndjson.zst.partial\n  \
                  eddy archive slice orders.eddy.ndjson.zst --from -1h --output hour.eddy.ndjson.zst\n  \
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
    /// Write a recording as CSV, CloudEvents, lines of kcat, Avro or Parquet, or read it back
    Convert(convert::ConvertArgs),
    /// Make an archive of what kcat, rpk, kaf, GoReplay, browsers (HAR) or the nats command wrote
    Import(import::ImportArgs),
    /// Join several recordings in order of time
    Merge(merge::MergeArgs),
    /// Write what is whole in a damaged or unfinished recording anew
    Repair(RepairArgs),
    /// Write a part of a recording as a recording of its own
    Slice(slice::SliceArgs),
    /// Cut a recording into several files by size, time, count or channel
    Split(split::SplitArgs),
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
#[command(after_help = "Match expressions are those of `eddy tail`.\n\n\
                  Examples:\n  eddy archive cat orders.eddy.ndjson.zst -n 3\n  \
                  eddy archive cat orders.eddy.ndjson.zst --channel 'orders/*' --parsed | jq .value.total\n  \
                  eddy archive cat orders.eddy.ndjson.zst --match '.payload.total > 100'\n  \
                  eddy archive cat orders.eddy.ndjson.zst --from 2026-11-01T10:00Z --to 2026-11-01T10:05Z")]
struct CatArgs {
    /// Archive, zstd file of event lines, or event lines; `-` is standard input
    file: PathBuf,
    #[command(flatten)]
    part: PartArgs,
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
    /// Archive or event lines; `-` is standard input
    file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eddy archive verify orders.eddy.ndjson.zst\n  \
                        eddy archive verify orders.manifest.json\n  \
                        eddy archive verify recordings/*.zst --format json")]
struct VerifyArgs {
    /// Archives, event lines, or manifests of recordings in parts
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
        Verb::Convert(args) => convert::run(args, context),
        Verb::Import(args) => import::run(args, context),
        Verb::Merge(args) => merge::run(args, context),
        Verb::Repair(args) => repair(args, context),
        Verb::Slice(args) => slice::run(args, context),
        Verb::Split(args) => split::run(args, context),
        Verb::Stats(args) => stats(args, context),
        Verb::Verify(args) => verify(args, context),
    }
}

fn cat(args: &CatArgs, context: &Context) -> Result<Status, CommandError> {
    let mut part = args.part.open(&args.file)?;
    let mut out = context.ui.data();
    let mut text = Vec::new();
    loop {
        let batch = part.next_batch()?;
        if batch.is_empty() {
            break;
        }
        for record in &batch {
            write_line(record, args.parsed, &mut text);
            out.write_all(&text)?;
        }
    }
    out.flush()?;
    part.notes(context);
    Ok(Status::Done)
}

/// The line as archives have it; `text` is only room to work in.
fn write_line(record: &Record, parsed: bool, text: &mut Vec<u8>) {
    text.clear();
    json_lines::encode(record.event(), record.number.unwrap_or_default(), text);
    if parsed && let Some(value) = json_payload(record.event()) {
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
    let length = archive::recorded_bytes(&args.file);
    let stats = watched(context, None, ("counting", length), |watch| archive::stats(&args.file, watch))?;
    let mut out = context.ui.data();
    match args.format {
        Format::Human => archive_text::write_stats(&mut out, &stats)?,
        Format::Json => write_json(&mut out, &stats)?,
    }
    out.flush()?;
    if let Some(words) = Manifest::read(&args.file)?.and_then(|manifest| manifest.miscount()) {
        let name = quoted_file(&args.file.display().to_string());
        context.ui.warn(format!("{words}: `eddy archive verify {name}` says more"));
    }
    Ok(Status::Done)
}

fn verify(args: &VerifyArgs, context: &Context) -> Result<Status, CommandError> {
    let mut out = context.ui.data();
    let (mut all, mut hints, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for file in &args.files {
        let found = Manifest::read(file).and_then(|manifest| {
            let length = archive::recorded_bytes(file);
            let found = watched(context, None, ("verifying", length), |watch| match &manifest {
                Some(manifest) => archive::verify_parts(file, manifest, watch),
                None => archive::verify(file, watch).map(|found| vec![found]),
            })?;
            Ok((manifest, found))
        });
        let (manifest, found) = match found {
            Ok(found) => found,
            Err(error) => {
                unread.push((file, error));
                continue;
            }
        };
        if args.format == Format::Human {
            for verification in &found {
                archive_text::write_verification(&mut out, verification)?;
            }
            out.flush()?;
        }
        hints.extend(next_step(file, manifest.as_ref(), &found));
        all.extend(found);
    }
    let whole = unread.is_empty() && all.iter().all(archive::Verification::is_whole);
    if args.format == Format::Json {
        let error =
            |(file, error): &(&PathBuf, ArchiveError)| json!({ "file": file, "error": error.to_string() });
        let unread: Vec<Value> = unread.iter().map(error).collect();
        write_json(&mut out, &json!({ "whole": whole, "files": all, "unread": unread }))?;
    }
    out.flush()?;
    for hint in hints.iter().take(MOST_HINTS) {
        context.ui.say(hint);
    }
    let mut errors: Vec<CommandError> = unread.into_iter().map(|(_, error)| error.into()).collect();
    let last = errors.pop();
    for error in &errors {
        error.show(&context.ui);
    }
    match last {
        Some(error) => Err(error),
        None if whole => Ok(Status::Done),
        None => Ok(Status::Findings),
    }
}

/// What can be done about what was found in a file or in the parts of a manifest.
fn next_step(file: &Path, manifest: Option<&Manifest>, found: &[archive::Verification]) -> Option<String> {
    let name = file.display();
    let kinds: Vec<&str> = found.iter().flat_map(|each| &each.findings).map(|finding| finding.kind).collect();
    let damaged = found.iter().skip(usize::from(manifest.is_some())).find(|each| !each.is_whole());
    let by_channel = manifest.is_some_and(|list| list.parts.iter().any(|part| part.channel.is_some()));
    let is_missing = kinds.contains(&"missing-part");
    if kinds.is_empty() {
        return None;
    }
    if manifest.is_none() && kinds.iter().all(|kind| *kind == "empty") {
        return Some(format!("nothing was ever written to `{name}`: delete it, and record or copy it again"));
    }
    if kinds.iter().all(|kind| ["wrong-count", "unlisted-part"].contains(kind)) {
        return Some(format!(
            "list every part in `{name}` as it was when the recording was made; \
             until then `eddy archive repair {}` joins the parts that are listed",
            quoted_file(&name.to_string())
        ));
    }
    Some(match (manifest.is_some(), is_missing) {
        (false, _) => format!("`eddy archive repair {}` keeps what is whole", quoted_file(&name.to_string())),
        (true, true) if by_channel => {
            "put the missing part back beside the manifest; the other parts can be read by their own names"
                .to_owned()
        }
        (true, true) => format!(
            "put the missing part back beside the manifest; without it, `eddy archive repair {}` joins what is left",
            quoted_file(&name.to_string())
        ),
        (true, false) if by_channel => {
            let part = damaged.map_or("PART", |each| &each.file);
            format!("`eddy archive repair {}` keeps what is whole", quoted_file(part))
        }
        (true, false) => {
            format!(
                "`eddy archive repair {}` joins what is whole into one recording",
                quoted_file(&name.to_string())
            )
        }
    })
}

fn repair(args: &RepairArgs, context: &Context) -> Result<Status, CommandError> {
    let target = args.output.clone().unwrap_or_else(|| archive::repaired_path(&args.file));
    if refuse_same_file(std::slice::from_ref(&args.file), &target).is_err() {
        return Err(CommandError::usage("a recording cannot be repaired into itself")
            .hint("name another file with `--output`"));
    }
    interruptible(context, |stop| {
        let length = archive::recorded_bytes(&args.file);
        let repaired = watched(context, Some(stop), ("repairing", length), |watch| {
            archive::repair(&args.file, &target, args.force, watch)
        });
        let repaired = match repaired {
            Err(ArchiveError::Interrupted) => {
                context.ui.say("interrupted; nothing was written");
                return Ok(Status::Interrupted);
            }
            repaired => repaired?,
        };
        for line in archive_text::repaired_lines(&repaired) {
            context.ui.say(line);
        }
        if args.format == Format::Json {
            let mut out = context.ui.data();
            write_json(&mut out, &repaired)?;
            out.flush()?;
        }
        Ok(Status::Done)
    })
}

/// Refuses to write over what is read.
fn refuse_same_file(inputs: &[PathBuf], output: &Path) -> Result<(), CommandError> {
    let is_part = |input: &PathBuf| {
        archive::files_of(input).unwrap_or_default().iter().any(|part| same_file(part, output))
    };
    match inputs.iter().find(|input| same_file(input, output) || is_part(input)) {
        Some(input) => {
            Err(CommandError::usage(format!("`{}` would be written over itself", input.display()))
                .hint("name another file with `--output`"))
        }
        None => Ok(()),
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    if archive::is_object(one) || archive::is_object(other) {
        return one == other;
    }
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
