//! `eddy archive convert`: a recording in the format of other programs, and back.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::bringing::Bringing;
use super::copy::{Copied, Job, Numbers, Output, batch, interruptible};
use super::import::From;
use super::part::length;
use super::{Format, refuse_same_file};
use crate::archive::{
    ArchiveError, ConvertFormat, ForeignWriter, Header, Importer, LossCounts, Reader, Record, Writer,
    WriterOptions, is_archive_name,
};
use crate::commands::{CommandError, Context, Status};
use crate::output::figures::counted;
use crate::replay::StopToken;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Formats are told from names where they can be: `.csv`, `.avro`, `.parquet`, `.eddy.ndjson.zst`. Avro, CSV, \
    CloudEvents and Parquet keep all of an event, kcat's lines do not: what is lost is counted before anything is written. \
    For a part of a recording, `eddy archive slice` it first. Parquet needs a build with the feature `lake`.\n\n\
    Examples:\n  eddy archive convert orders.eddy.ndjson.zst --output orders.csv\n  \
    eddy archive convert orders.eddy.ndjson.zst --output orders.avro\n  \
    eddy archive convert orders.eddy.ndjson.zst --to cloudevents --output orders.json\n  \
    eddy archive convert orders.eddy.ndjson.zst --to kcat --loss refuse --output orders.jsonl\n  \
    eddy archive convert orders.avro --output orders.eddy.ndjson.zst"
)]
pub(super) struct ConvertArgs {
    /// Recording, or a file in one of the formats
    file: PathBuf,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Format of the file to write
    #[arg(long, value_enum, value_name = "FORMAT")]
    to: Option<To>,
    /// Format of the file that is read, unless it is a recording
    #[arg(long, value_enum, value_name = "FORMAT")]
    from: Option<From>,
    /// What to do about what the format cannot carry
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    loss: Loss,
    /// Leave out what is no event, and count it
    #[arg(long)]
    skip_bad: bool,
    /// Replace the file to write when it is there
    #[arg(long)]
    force: bool,
    /// How to print what was written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum To {
    /// Avro object container
    Avro,
    /// Batch of CloudEvents in JSON
    #[value(name = "cloudevents")]
    CloudEvents,
    /// Comma-separated values
    Csv,
    /// A recording of eddy
    Eddy,
    /// Lines of `kcat -J`
    Kcat,
    /// Parquet
    Parquet,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Loss {
    /// Count it first, and write then; the input is read twice
    #[default]
    Report,
    /// Count it first, and write nothing if there is any
    Refuse,
    /// Write without counting
    Accept,
}

/// What is written: a recording, or a format of other programs.
fn target_format(args: &ConvertArgs) -> Result<Option<ConvertFormat>, CommandError> {
    let told = match args.to {
        Some(To::Eddy) => return Ok(None),
        Some(To::Avro) => Some(ConvertFormat::Avro),
        Some(To::CloudEvents) => Some(ConvertFormat::CloudEvents),
        Some(To::Csv) => Some(ConvertFormat::Csv),
        Some(To::Kcat) => Some(ConvertFormat::Kcat),
        Some(To::Parquet) => Some(ConvertFormat::Parquet),
        None if is_archive_name(&args.output) => return Ok(None),
        None => ConvertFormat::of_name(&args.output),
    };
    told.map(Some).ok_or_else(|| {
        let name = args.output.display();
        CommandError::usage(format!("the name `{name}` does not tell which format to write"))
            .hint("say it with `--to`: `avro`, `cloudevents`, `csv`, `eddy`, `kcat` or `parquet`")
    })
}

/// Where events come from.
enum Input<'a> {
    Recording(Box<Reader>),
    Foreign(Box<Bringing<'a>>),
}

impl<'a> Input<'a> {
    fn open(args: &ConvertArgs, context: &'a Context) -> Result<(Self, Option<Header>), CommandError> {
        let importer = match args.from {
            Some(format) => Some(Importer::open(&args.file, Some(format.format()), None)?),
            None if ConvertFormat::of_name(&args.file).is_some() => {
                Some(Importer::open(&args.file, None, None)?)
            }
            None => None,
        };
        if let Some(importer) = importer {
            let header = importer.header();
            let events = Bringing::new(context, importer, args.skip_bad);
            return Ok((Self::Foreign(Box::new(events)), header));
        }
        let reader = Reader::open(&args.file).map_err(|error| unknown(error, &args.file))?;
        let header = reader.header().cloned();
        Ok((Self::Recording(Box::new(reader)), header))
    }

    fn next(&mut self) -> Result<Option<Record>, CommandError> {
        match self {
            Self::Recording(reader) => Ok(reader.next_entry()?),
            Self::Foreign(events) => events.next(),
        }
    }

    fn read_bytes(&self) -> u64 {
        match self {
            Self::Recording(reader) => reader.file_bytes(),
            Self::Foreign(events) => events.read_bytes(),
        }
    }
}

/// What is no recording may be in a format whose name tells nothing.
fn unknown(error: ArchiveError, file: &Path) -> CommandError {
    let is_foreign = matches!(error, ArchiveError::Foreign { .. } | ArchiveError::Line { .. });
    let error = CommandError::from(error);
    if !is_foreign {
        return error;
    }
    error.hint(format!("if `{}` is in another format, say which with `--from`", file.display()))
}

pub(super) fn run(args: &ConvertArgs, context: &Context) -> Result<Status, CommandError> {
    if args.file == Path::new("-") {
        return Err(CommandError::usage(
            "standard input cannot be converted: it is read twice, once for what is lost",
        )
        .hint(
            "write it to a file first; `eddy archive import -` makes a recording of what other tools write",
        ));
    }
    refuse_same_file(std::slice::from_ref(&args.file), &args.output)?;
    let target = target_format(args)?;
    // Before everything is read for what would be lost.
    crate::archive::free_target(&args.output, args.force)?;
    interruptible(context, |stop| {
        let lost = match target.filter(|_| args.loss != Loss::Accept) {
            Some(format) => match count_loss(args, format, context, stop)? {
                Some(lost) => lost,
                None => return Ok(Status::Interrupted),
            },
            None => Vec::new(),
        };
        for line in &lost {
            context.ui.warn(line);
        }
        if !lost.is_empty() && args.loss == Loss::Refuse {
            context.ui.say("nothing was written; without `--loss refuse` it is written all the same");
            return Ok(Status::Findings);
        }
        convert(args, target, context, stop)
    })
}

/// What would be lost, a line each; `None` when the user broke off.
fn count_loss(
    args: &ConvertArgs,
    format: ConvertFormat,
    context: &Context,
    stop: &StopToken,
) -> Result<Option<Vec<String>>, CommandError> {
    let (mut input, header) = Input::open(args, context)?;
    let mut lines = Vec::new();
    if header.is_some() && !format.keeps_header() {
        lines.push(format!("{} has no place for the header of the recording", format.name()));
    }
    if format.is_lossless() {
        return Ok(Some(lines));
    }
    let (mut counts, mut last) = (LossCounts::default(), 0);
    loop {
        if stop.reason().is_some() {
            context.ui.say("interrupted; nothing was written");
            return Ok(None);
        }
        let records = batch(|| input.next())?;
        if records.is_empty() {
            break;
        }
        for record in &records {
            last = record.number.unwrap_or(last + 1);
            counts.add(format, last, record.event());
        }
    }
    for (part, count) in &counts.parts {
        lines.push(format!("lost in {}: {part} of {}", format.name(), counted(*count, "event")));
    }
    if counts.numbers > 0 {
        let events = counted(counts.numbers, "event");
        lines.push(format!("lost in {}: the numbers of {events}, which do not count from 1", format.name()));
    }
    Ok(Some(lines))
}

fn convert(
    args: &ConvertArgs,
    target: Option<ConvertFormat>,
    context: &Context,
    stop: &StopToken,
) -> Result<Status, CommandError> {
    let (mut input, header) = Input::open(args, context)?;
    let output = if let Some(format) = target {
        let file = ForeignWriter::create(&args.output, format, header.as_ref(), args.force)?;
        Output::Foreign(Box::new(file))
    } else {
        let options = WriterOptions { overwrite: args.force, ..WriterOptions::default() };
        let header = header.unwrap_or_else(|| Header::new(Vec::new()));
        Output::One(Box::new(Writer::create(&args.output, &header, options)?))
    };
    let job = Job {
        context,
        stop,
        verb: "converting",
        target: &args.output,
        length: length(std::slice::from_ref(&args.file)),
        numbers: Numbers::Keep,
    };
    let mut copied: Option<Copied> = job.run(output, || Ok((batch(|| input.next())?, input.read_bytes())))?;
    if let (Some(copied), Input::Foreign(events)) = (&mut copied, input) {
        copied.left_out = Some(events.notes());
    }
    job.report(copied.as_ref(), args.format)
}
