//! `eddy archive merge`: several recordings into one, in order of time.

use std::path::PathBuf;

use super::copy::{Job, Numbers, Output, batch, interruptible};
use super::part::length;
use super::{Format, refuse_same_file};
use crate::archive::{Merged, Writer, WriterOptions};
use crate::commands::{CommandError, Context, Status};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Events of each file keep their order; between files the time of receipt decides. They are numbered anew.\n\n\
    Examples:\n  eddy archive merge monday.eddy.ndjson.zst tuesday.eddy.ndjson.zst --output both.eddy.ndjson.zst\n  \
    eddy archive merge monday-0*.eddy.ndjson.zst --output monday.eddy.ndjson.zst"
)]
pub(super) struct MergeArgs {
    /// Archives or event lines
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The archive to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Replace the file to write when it is there
    #[arg(long)]
    force: bool,
    /// How to print what was written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: &MergeArgs, context: &Context) -> Result<Status, CommandError> {
    refuse_same_file(&args.files, &args.output)?;
    let header = Merged::header(&args.files)?;
    let mut merged = Merged::open(&args.files)?;
    let options = WriterOptions { overwrite: args.force, ..WriterOptions::default() };
    interruptible(context, |stop| {
        let output = Output::One(Box::new(Writer::create(&args.output, &header, options)?));
        let job = Job {
            context,
            stop,
            verb: "merging",
            target: &args.output,
            length: length(&args.files),
            numbers: Numbers::Anew,
        };
        let copied = job.run(output, || {
            let batch = batch(|| Ok::<_, CommandError>(merged.next_record()?.map(|(_, record)| record)))?;
            Ok((batch, merged.file_bytes()))
        })?;
        job.report(copied.as_ref(), args.format)
    })
}
