//! `eddy record`: captures events of one or several sources into an archive.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::archive::limits::limits;
use super::choosing::{ChoosingArgs, say_replayed, say_taken, say_unfit};
use super::connect::{ConnectArgs, Connector};
use super::masking::{self, MaskingArgs};
use super::target::{Place, Places};
use super::window::{Window, WindowArgs};
use super::{CommandError, Context, Status, transfer};
use crate::archive::{
    self, ArchiveError, Header, Manifest, PartLimits, PartWriter, Reader, Writer, WriterOptions,
    manifest_path,
};
use crate::diagnostic::quoted_file;
use crate::endpoint::address::Scheme;
use crate::endpoint::file::FileSink;
use crate::endpoint::{Start, open};
use crate::output::figures::{counted, rate, size, span};
use crate::replay::{Ending, MaskCounts, Masker, MergedSource, Outcome, Plan, Selection, carry};
use crate::ui::Ui;
use crate::ui::progress::TransferView;

/// Flags of `eddy record`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A SOURCE is a URL, a path, or a channel of the workspace. Without `-n`, `--for` or `--to` the recording \
    runs until Ctrl-C, which ends it cleanly.\n\n\
    Examples:\n  eddy record 'mqtt://localhost:1883/shop/#' --output monday.eddy.ndjson.zst\n  \
    eddy record orders payments --env staging --for 10m --output staging.eddy.ndjson.zst\n  \
    eddy record jetstream+nats://localhost/ORDERS --from -1h --to now --output hour.eddy.ndjson.zst\n  \
    eddy record orders --rotate-time 1h --rotate-size 1GiB --output orders.eddy.ndjson.zst\n  \
    eddy record orders --filter '.payload.total > 100' --map 'del(.payload.card)' --output large.eddy.ndjson.zst\n  \
    eddy record orders --env staging --mask mask.yaml --mask-strict --output monday.eddy.ndjson.zst"
)]
pub struct Args {
    /// Where events come from
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,
    /// The archive to write, by custom `NAME.eddy.ndjson.zst`
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Stop after this many events
    #[arg(short = 'n', long, value_name = "COUNT")]
    count: Option<u64>,
    /// Stop after this time, such as `30s`
    #[arg(long = "for", value_name = "TIME")]
    time: Option<String>,
    #[command(flatten)]
    rotation: RotationArgs,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    choosing: ChoosingArgs,
    #[command(flatten)]
    masking: MaskingArgs,
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to report what was recorded
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

/// Flags that begin a new file now and then.
#[derive(Debug, clap::Args)]
struct RotationArgs {
    /// Begin a new file at this size, such as `100MiB`; the files are `NAME-00001…`, listed in `NAME.manifest.json`
    #[arg(id = "rotate_size", long = "rotate-size", value_name = "SIZE")]
    size: Option<String>,
    /// Begin a new file at each whole multiple of this time (UTC), such as `1h`
    #[arg(id = "rotate_time", long = "rotate-time", value_name = "TIME")]
    time: Option<String>,
    /// Begin a new file after this many events
    #[arg(id = "rotate_count", long = "rotate-count", value_name = "COUNT")]
    count: Option<u64>,
}

impl RotationArgs {
    fn limits(&self) -> Result<Option<PartLimits>, CommandError> {
        let limits = limits(self.size.as_deref(), self.time.as_deref(), self.count)?;
        Ok((limits != PartLimits::default()).then_some(limits))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Words on stderr
    #[default]
    Human,
    /// One JSON object on stdout
    Json,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    context.runtime(2)?.block_on(record(args, context))
}

async fn record(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let time = transfer::duration(args.time.as_deref())?;
    let window = args.window.window(true)?;
    let mut chosen = args.choosing.selection()?;
    let limits = args.rotation.limits()?;
    let written = if limits.is_some() { manifest_path(&args.output) } else { args.output.clone() };
    if archive::exists(&written) {
        return Err(CommandError::usage(format!("`{}` is already there", written.display()))
            .hint("choose another name; a recording is never overwritten"));
    }
    is_for_a_recording(&args.output)?;
    let places_of = Places::new(context)?;
    let places: Vec<Place> =
        args.sources.iter().map(|text| places_of.source(text)).collect::<Result<_, _>>()?;
    let mask = args.masking.masker(&places_of, context)?;
    chosen.changes.mask.clone_from(&mask);
    say_taken(&chosen, &places, context);
    let stop = transfer::stop_on_interruption();
    let source =
        open_all(&places, window, &Connector::new(&args.connect, context, &stop)?, &context.ui).await?;
    let header = header(&places, mask.as_ref(), &Connector::new(&args.connect, context, &stop)?).await;
    let sink = sink(&args.output, &header, limits)?;
    context.ui.say(format!("recording into `{}`; Ctrl-C ends it cleanly", written.display()));
    transfer::stop_after(&stop, time);
    let count = window.at_most(args.count);
    let filters = chosen.filters.clone();
    let plan = Plan {
        selection: Selection { first: count, skip: window.skip, ..chosen },
        planned: count,
        finish_what_was_read: true,
        ..Plan::default()
    };
    let mut view = TransferView::new(&context.ui, "recording");
    let outcome = carry(Box::new(source), Box::new(sink), plan, &mut view, &stop).await;
    drop(view);
    say_unfit(&filters, context);
    say_replayed(&outcome.left_out, context);
    if limits.is_none()
        && outcome.summary.acknowledged == 0
        && matches!(outcome.ending, Ending::SourceFailed(_))
    {
        // It would only be in the way of the next attempt.
        let _ = std::fs::remove_file(&written);
    }
    let masked = mask.map(|mask| mask.counts());
    report(args.format, context, &outcome, (&header, masked.as_ref()), &written)?;
    transfer::conclude(&outcome, &context.ui, None)
}

/// What the recording says of itself.
async fn header(places: &[Place], mask: Option<&Masker>, connector: &Connector<'_>) -> Header {
    let sources = places.iter().map(|place| place.address.to_string()).collect();
    let mut header = Header { mask: mask.map(Masker::shown), ..Header::new(sources) };
    for place in places {
        if let Some(cluster) = connector.cluster(place).await {
            header.clusters.insert(place.address.to_string(), cluster);
        }
        let path = Path::new(&place.address.path);
        // What is read from a pipe to look at it is lost for the recording.
        if place.address.scheme == Scheme::File && path.is_file() {
            let before = Reader::open(path).ok();
            header.masked_before(before.and_then(|before| before.header()?.mask.clone()));
        }
    }
    header
}

/// Opens every source of a command and merges them. One that keeps no events joins in now, where others are read from an
/// earlier place and go on.
pub(super) async fn open_all(
    places: &[Place],
    window: Window,
    connector: &Connector<'_>,
    ui: &Ui,
) -> Result<MergedSource, CommandError> {
    let keeps = |place: &Place| open::capabilities(&place.address).is_ok_and(|carried| carried.replayable);
    // Of what keeps nothing, nothing comes before an end that is past.
    let goes_on = !window.stop.is_past();
    let begins = matches!(window.start, Start::Beginning | Start::Time(_) | Start::Last(_));
    let may_join = goes_on && begins && places.iter().any(keeps);
    let mut merged = MergedSource::default();
    for place in places {
        let joins = may_join && !keeps(place);
        if joins {
            ui.warn(format!("`{}` keeps no events: it is read from now on", place.address));
        }
        let start = if joins { Start::Default } else { window.start };
        let source = connector.source(place, (start, window.stop)).await?;
        merged.add_named(source, window.reading(&place.address), place.address.to_string());
    }
    Ok(merged)
}

/// Refuses names by which other programs would take a recording for something else.
fn is_for_a_recording(output: &Path) -> Result<(), CommandError> {
    const OTHERS: [&str; 8] = ["csv", "parquet", "avro", "json", "ndjson", "jsonl", "har", "gor"];
    let extension = output.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if !OTHERS.contains(&extension.as_str()) {
        return Ok(());
    }
    let stem = output.with_extension("").display().to_string();
    let stem = stem.trim_end_matches(".manifest").trim_end_matches(".ndjson").trim_end_matches(".eddy");
    Err(CommandError::usage(format!(
        "`{}` is no name for a recording, which is an archive",
        output.display()
    ))
    .hint(format!(
        "name it `{stem}{}`; `eddy archive convert` and `eddy archive cat` make other files of it",
        archive::EXTENSION
    )))
}

/// What to do where the name is taken; a recording replaces nothing.
fn is_taken(error: ArchiveError) -> CommandError {
    let is_there = matches!(error, ArchiveError::Exists { .. } | ArchiveError::Unfinished { .. });
    if is_there {
        CommandError::usage(error.to_string()).hint(
            "choose another name, or remove it; `eddy archive repair` keeps what an unfinished one holds",
        )
    } else {
        CommandError::from(error)
    }
}

/// Begins the archive, or its first part.
fn sink(output: &Path, header: &Header, limits: Option<PartLimits>) -> Result<FileSink, CommandError> {
    let options = WriterOptions::default();
    Ok(match limits {
        Some(limits) => {
            FileSink::of_parts(PartWriter::create(output, header, options, limits).map_err(is_taken)?)
        }
        None => FileSink::of_writer(Writer::create(output, header, options).map_err(is_taken)?),
    })
}

/// Why the recording ended before its end; nothing of one that ended as it was asked to.
fn ended_early(ending: &Ending) -> Option<&str> {
    match ending {
        Ending::GaveUp(error) | Ending::SourceFailed(error) => Some(&error.message),
        Ending::Complete | Ending::Stopped(_) => None,
    }
}

fn report(
    format: Format,
    context: &Context,
    outcome: &Outcome,
    (header, masked): (&Header, Option<&MaskCounts>),
    written: &Path,
) -> Result<(), CommandError> {
    // Without the file the archive could not be finished; the outcome says why.
    if !archive::exists(written) {
        return Ok(());
    }
    let file_bytes = archive::recorded_bytes(written);
    let manifest = Manifest::read(written)?;
    let events = outcome.summary.acknowledged;
    let time = Duration::from_micros(outcome.summary.duration_us);
    let ui = &context.ui;
    if format == Format::Json {
        let mut data = ui.data();
        let mut object = json!({
            "run": header.run.to_string(),
            "file": written,
            "sources": header.sources,
            "events": events,
            "file_bytes": file_bytes,
            "duration_us": outcome.summary.duration_us,
            "dropped": outcome.dropped,
            "removed": outcome.summary.removed,
            "ended_early": ended_early(&outcome.ending),
            "replayed_left_out": outcome.left_out.replayed,
        });
        if let Some(masked) = masked {
            object["mask"] = json!(masked);
        }
        if let Some(manifest) = manifest {
            object["parts"] = json!(manifest.parts);
        }
        writeln!(data, "{object}")?;
        data.flush()?;
        if let Some(masked) = masked {
            masking::warn(masked, context);
        }
        return Ok(());
    }
    let pace = rate(events, time).map(|rate| format!(" ({rate})")).unwrap_or_default();
    let parts = manifest.map(|manifest| format!("{} of ", counted(manifest.parts.len() as u64, "part")));
    let parts = parts.unwrap_or_default();
    ui.say(format!(
        "recorded {} in {}{pace} into {parts}`{}`, {}",
        counted(events, "event"),
        span(time),
        written.display(),
        size(file_bytes)
    ));
    if let Some(masked) = masked {
        masking::say(masked, context);
    }
    let name = quoted_file(&written.to_string_lossy());
    if matches!(outcome.ending, Ending::SourceFailed(_)) || !outcome.delivered() {
        return Ok(());
    }
    ui.say(if events == 0 {
        "nothing arrived: check the channel with `eddy tail`".to_owned()
    } else {
        format!("next: `eddy replay {name} --to TARGET --dry-run`, or `eddy archive stats {name}`")
    });
    Ok(())
}
