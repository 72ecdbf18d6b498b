//! `eddy archive import`: recordings of other tools as an archive.

use std::path::PathBuf;

use clap::ValueEnum;

use super::copy::{Job, Numbers, Output, interruptible};
use super::part::length;
use super::{Format, refuse_same_file};
use crate::archive::{BadInput, Header, ImportFormat, Imported, Importer, Record, Writer, WriterOptions};
use crate::commands::{CommandError, Context, Status};

/// Events handed over at once.
const BATCH: usize = 256;
/// Things left out that are shown one by one.
const SHOWN: u64 = 10;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The format is told from the first bytes where only one comes into question. Input may be packed by gzip or zstd. \
    Events keep their times, and are numbered from 1.\n\n\
    Examples:\n  kcat -C -b localhost -t orders -e -J | eddy archive import - --output orders.eddy.ndjson.zst\n  \
    eddy archive import orders.json --from kaf --channel orders --output orders.eddy.ndjson.zst\n  \
    eddy archive import requests.gor --output requests.eddy.ndjson.zst\n  \
    eddy archive import browser.har --output browser.eddy.ndjson.zst\n  \
    eddy archive import dump/ --from nats-dump --output nats.eddy.ndjson.zst"
)]
pub(super) struct ImportArgs {
    /// File, folder of `nats sub --dump`, or `-` for standard input
    file: PathBuf,
    /// Which tool wrote it
    #[arg(long, value_enum, value_name = "FORMAT")]
    from: Option<From>,
    /// Channel of all events, in place of their own; `kaf` writes none
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// Leave out what is no event, and count it
    #[arg(long)]
    skip_bad: bool,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum From {
    /// Lines of `kcat -J`
    Kcat,
    /// `rpk topic consume` (JSON)
    Rpk,
    /// `kaf consume --output json`
    Kaf,
    /// Captures of GoReplay
    Gor,
    /// HTTP archive of a browser or proxy
    Har,
    /// `nats sub --dump`
    NatsDump,
}

impl From {
    fn format(self) -> ImportFormat {
        match self {
            Self::Kcat => ImportFormat::Kcat,
            Self::Rpk => ImportFormat::Rpk,
            Self::Kaf => ImportFormat::Kaf,
            Self::Gor => ImportFormat::Gor,
            Self::Har => ImportFormat::Har,
            Self::NatsDump => ImportFormat::NatsDump,
        }
    }
}

pub(super) fn run(args: &ImportArgs, context: &Context) -> Result<Status, CommandError> {
    refuse_same_file(std::slice::from_ref(&args.file), &args.output)?;
    let mut importer = Importer::open(&args.file, args.from.map(From::format), args.channel.clone())?;
    let mut skipped = Skipped { context, allowed: args.skip_bad, count: 0 };
    let header = Header::new(vec![format!("{}:{}", importer.format().name(), args.file.display())]);
    let options = WriterOptions { overwrite: args.force, ..WriterOptions::default() };
    interruptible(context, |stop| {
        let output = Output::One(Box::new(Writer::create(&args.output, &header, options)?));
        let job = Job {
            context,
            stop,
            verb: "importing",
            target: &args.output,
            length: length(std::slice::from_ref(&args.file)),
            numbers: Numbers::Anew,
        };
        let copied = job.run(output, || batch(&mut importer, &mut skipped))?;
        if copied.is_some() && skipped.count > 0 {
            let word = if skipped.count == 1 { "thing that is" } else { "things that are" };
            context.ui.warn(format!("left out {} {word} no event", skipped.count));
        }
        job.report(copied.as_ref(), args.format)
    })
}

fn batch(importer: &mut Importer, skipped: &mut Skipped<'_>) -> Result<(Vec<Record>, u64), CommandError> {
    let mut batch = Vec::with_capacity(BATCH);
    while batch.len() < BATCH {
        match importer.next_imported()? {
            None => break,
            Some(Imported::Event(event)) => batch.push(Record::new(None, *event)),
            Some(Imported::Bad(bad)) => skipped.take(&bad)?,
        }
    }
    Ok((batch, importer.read_bytes()))
}

/// What was left out.
struct Skipped<'a> {
    context: &'a Context,
    allowed: bool,
    count: u64,
}

impl Skipped<'_> {
    fn take(&mut self, bad: &BadInput) -> Result<(), CommandError> {
        let words = format!("line {} of `{}` is no event: {}", bad.line, bad.file, bad.reason);
        if !self.allowed {
            return Err(
                CommandError::usage(words).hint("`--skip-bad` leaves out what is no event, and counts it")
            );
        }
        self.count += 1;
        if self.count <= SHOWN {
            self.context.ui.warn(words);
        }
        Ok(())
    }
}
