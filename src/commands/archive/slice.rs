//! `eddy archive slice`: a part of a recording as a recording of its own.

use std::path::PathBuf;

use super::copy::{Job, Numbers, Output, interruptible};
use super::part::{PartArgs, length};
use super::{Format, refuse_same_file};
use crate::archive::{Header, Writer, WriterOptions};
use crate::commands::{CommandError, Context, Status};

#[derive(Debug, clap::Args)]
#[command(after_help = "Events keep their numbers. Match expressions are those of `eddy tail`.\n\n\
    Examples:\n  eddy archive slice monday.eddy.ndjson.zst --from 2026-11-01T10:00Z --to 2026-11-01T10:05Z --output five.eddy.ndjson.zst\n  \
    eddy archive slice monday.eddy.ndjson.zst --channel 'orders/*' --output orders.eddy.ndjson.zst\n  \
    eddy archive slice monday.eddy.ndjson.zst --match '.payload.total > 100' -n 1000 --output large.eddy.ndjson.zst\n  \
    eddy archive slice monday.eddy.ndjson.zst --range -1000 --output last.eddy.ndjson.zst")]
pub(super) struct SliceArgs {
    /// Archive, zstd file of event lines, or event lines; `-` is standard input
    file: PathBuf,
    /// The archive to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    part: PartArgs,
    /// Replace the file to write when it is there
    #[arg(long)]
    force: bool,
    /// How to print what was written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: &SliceArgs, context: &Context) -> Result<Status, CommandError> {
    refuse_same_file(std::slice::from_ref(&args.file), &args.output)?;
    let mut part = args.part.open(&args.file)?;
    let first = part.next_batch()?;
    // The header of a stream is known only once something of it was read.
    let header = part.reader.header().cloned().unwrap_or_else(|| Header::new(Vec::new()));
    let options = WriterOptions { overwrite: args.force, ..WriterOptions::default() };
    interruptible(context, |stop| {
        let output = Output::One(Box::new(Writer::create(&args.output, &header, options)?));
        let job = Job {
            context,
            stop,
            verb: "slicing",
            target: &args.output,
            length: length(std::slice::from_ref(&args.file)),
            numbers: Numbers::Keep,
        };
        let mut first = Some(first);
        let copied = job.run(output, || {
            let batch = first.take().map_or_else(|| part.next_batch(), Ok)?;
            Ok((batch, part.reader.file_bytes()))
        })?;
        part.notes(context);
        job.report(copied.as_ref(), args.format)
    })
}
