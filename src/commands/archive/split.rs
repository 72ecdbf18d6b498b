//! `eddy archive split`: one recording into several files, with a manifest.

use std::path::{Path, PathBuf};

use super::copy::{Job, Numbers, Output, batch, interruptible};
use super::part::length;
use super::{Format, limits, refuse_same_file};
use crate::archive::{
    ChannelWriter, Header, PartWriter, Reader, WriterOptions, files_of, is_part_of, manifest_path,
};
use crate::commands::{CommandError, Context, Status};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Events keep their numbers. A part ends with the frame that reaches `--size`; with `--every 1h` parts begin at \
    full hours (UTC) of the times of receipt.\n\n\
    Examples:\n  eddy archive split monday.eddy.ndjson.zst --size 100MiB\n  \
    eddy archive split monday.eddy.ndjson.zst --every 1h --output hours/monday.eddy.ndjson.zst\n  \
    eddy archive split monday.eddy.ndjson.zst --by-channel\n  \
    eddy archive verify monday.manifest.json"
)]
#[command(group(clap::ArgGroup::new("cut").required(true).multiple(true).args(["size", "every", "count", "by_channel"])))]
pub(super) struct SplitArgs {
    /// Archive, manifest of a recording in parts, or event lines
    file: PathBuf,
    /// Begin a new part at this size, such as `100MiB`
    #[arg(long, value_name = "SIZE")]
    size: Option<String>,
    /// Begin a new part after this time, such as `1h`
    #[arg(long, value_name = "TIME")]
    every: Option<String>,
    /// Begin a new part after this many events
    #[arg(long, short = 'n', value_name = "COUNT")]
    count: Option<u64>,
    /// One file for each channel
    #[arg(long, conflicts_with_all = ["size", "every", "count"])]
    by_channel: bool,
    /// Name for the parts: `NAME.eddy.ndjson.zst` makes `NAME-00001.eddy.ndjson.zst` … (default: that of the file)
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
    /// How to print what was written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: &SplitArgs, context: &Context) -> Result<Status, CommandError> {
    let limits = limits::limits(args.size.as_deref(), args.every.as_deref(), args.count)?;
    let mut reader = Reader::open(&args.file)?;
    let header = reader.header().cloned().unwrap_or_else(|| Header::new(Vec::new()));
    let options = WriterOptions { overwrite: args.force, ..WriterOptions::default() };
    let base = args.output.as_ref().unwrap_or(&args.file);
    // The parts that are read would be written over.
    refuse_same_file(std::slice::from_ref(&args.file), &manifest_path(base))?;
    refuse_own_part(args, base)?;
    interruptible(context, |stop| {
        let output = if args.by_channel {
            Output::Channels(Box::new(ChannelWriter::create(base, &header, options)?))
        } else {
            Output::Parts(Box::new(PartWriter::create(base, &header, options, limits)?))
        };
        let job = Job {
            context,
            stop,
            verb: "splitting",
            target: base,
            length: length(std::slice::from_ref(&args.file)),
            numbers: Numbers::Keep,
        };
        let copied = job.run(output, || Ok((batch(|| reader.next_entry())?, reader.file_bytes())))?;
        job.report(copied.as_ref(), args.format)
    })
}

/// Refuses when a part could get the name of the file that is read.
fn refuse_own_part(args: &SplitArgs, base: &Path) -> Result<(), CommandError> {
    let folder = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        // That of an object has no other name.
        folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf())
    };
    // Files of channels have names nobody can foresee; without `--force` none that is there is written over.
    let is_own = |file: &PathBuf| {
        folder(file) == folder(base)
            && (!args.by_channel || args.force)
            && is_part_of(base, file, args.by_channel)
    };
    match files_of(&args.file)?.iter().find(|file| is_own(file)) {
        Some(file) => Err(CommandError::usage(format!(
            "`{}` could be written over by one of the parts",
            file.display()
        ))
        .hint("choose another name for the parts with `--output`")),
        None => Ok(()),
    }
}
