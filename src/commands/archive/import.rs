//! `eddy archive import`: recordings of other tools as an archive.

use std::path::PathBuf;

use clap::ValueEnum;

use super::bringing::Bringing;
use super::copy::{Job, Numbers, Output, batch, interruptible};
use super::part::length;
use super::{Format, refuse_same_file};
use crate::archive::{Header, ImportFormat, Importer, Writer, WriterOptions};
use crate::commands::{CommandError, Context, Status};

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
    /// Channel of all events, in place of their own; `kaf --output json` writes none
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
pub(super) enum From {
    /// Lines of `kcat -J`
    Kcat,
    /// `rpk topic consume` (JSON)
    Rpk,
    /// `kaf consume --output json` or `json-each-row`
    Kaf,
    /// Captures of GoReplay
    Gor,
    /// HTTP archive of a browser or proxy
    Har,
    /// `nats sub --dump`
    NatsDump,
    /// Avro object container with the schema of `eddy archive convert`
    Avro,
    /// Batch of CloudEvents in JSON
    #[value(name = "cloudevents")]
    CloudEvents,
    /// Comma-separated values with the columns of `eddy archive convert`
    Csv,
    /// Parquet of `eddy archive convert`
    Parquet,
}

impl From {
    pub(super) fn format(self) -> ImportFormat {
        match self {
            Self::Kcat => ImportFormat::Kcat,
            Self::Rpk => ImportFormat::Rpk,
            Self::Kaf => ImportFormat::Kaf,
            Self::Gor => ImportFormat::Gor,
            Self::Har => ImportFormat::Har,
            Self::NatsDump => ImportFormat::NatsDump,
            Self::Avro => ImportFormat::Avro,
            Self::CloudEvents => ImportFormat::CloudEvents,
            Self::Csv => ImportFormat::Csv,
            Self::Parquet => ImportFormat::Parquet,
        }
    }
}

pub(super) fn run(args: &ImportArgs, context: &Context) -> Result<Status, CommandError> {
    refuse_same_file(std::slice::from_ref(&args.file), &args.output)?;
    let importer = Importer::open(&args.file, args.from.map(From::format), args.channel.clone())?;
    let header = importer.header().unwrap_or_else(|| {
        Header::new(vec![format!("{}:{}", importer.format().name(), args.file.display())])
    });
    let mut events = Bringing::new(context, importer, args.skip_bad);
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
        let mut copied = job.run(output, || Ok((batch(|| events.next())?, events.read_bytes())))?;
        if let Some(copied) = &mut copied {
            copied.left_out = Some(events.notes());
        }
        job.report(copied.as_ref(), args.format)
    })
}
