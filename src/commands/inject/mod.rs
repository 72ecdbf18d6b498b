//! `eddy inject`: sends one event, the lines of a text, a file of events, or events generated from the contract.

use std::path::{Path, PathBuf};

use super::connect::{ConnectArgs, Connector};
use super::distinct_files::{Written, refuse_shared};
use super::registry::{EncodingArgs, encoded};
use super::target::{Place, Places};
use super::window::{Window, WindowArgs};
use super::{CommandError, Context, Status, results, transfer};
use crate::diagnostic::quoted;
use crate::endpoint::address::Scheme;
use crate::endpoint::open;
use crate::output::figures::{counted, span};
use crate::output::replay as report;
use crate::replay::{Ending, Outcome, Pace, Plan, Rate, Selection, carry};
use crate::ui::progress::TransferView;

mod losses;
mod rendered;
mod supply;

use losses::Losses;

pub(super) use supply::header;

/// Flags of `eddy inject`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "TARGET is a URL, a path, `-`, or a channel of the workspace. The payload comes from `--data`, a file, \
    standard input (`-`), or, when none is named, it is generated from the contract. Where the workspace's contract knows \
    the channel, events are checked against it first and an invalid one is refused.\n\n\
    With `--template` payload, key and headers are Jinja templates: `{{ count }}`, `{{ uuid() }}`, `{{ now() }}`, \
    `{{ now_ms() }}`, `{{ random(1, 6) }}`, `{{ pick('a', 'b') }}`, and with `--each-line` `{{ line }}` and, when it is \
    JSON, `{{ value.id }}`.\n\n\
    Examples:\n  eddy inject mqtt://localhost:1883/shop/orders --data '{\"id\": 7}'\n  \
    eddy inject orders order.json --key customer-3 --header trace-id=abc\n  \
    eddy inject orders --generate --count 2000 --rate 500/s --seed 1\n  \
    generate-orders | eddy inject nats://localhost:4222/orders - --each-line\n  \
    eddy inject orders --data '{\"id\": {{ count }}, \"at\": \"{{ now() }}\"}' --key 'c-{{ random(1, 9) }}' --template \
    --count 100 --rate 20/s\n  \
    eddy inject mqtt://localhost:1883 events.ndjson --events\n  \
    eddy inject kafka://localhost/orders order.json --registry http://localhost:8081 --subject orders-value\n  \
    kcat -C -J -e -t orders -b old:9092 | eddy inject nats://localhost:4222 - --events --input-format kcat"
)]
pub struct Args {
    /// Where events go
    target: String,
    /// File with the payload, or `-` for standard input
    #[arg(value_name = "FILE|-", conflicts_with_all = ["data", "generate"])]
    file: Option<String>,
    /// The payload itself
    #[arg(long, value_name = "TEXT", conflicts_with = "generate", allow_hyphen_values = true)]
    data: Option<String>,
    /// The partition key
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// A header; `NAME:base64=VALUE` for bytes; may be given several times
    #[arg(long = "header", short = 'H', value_name = "NAME=VALUE")]
    headers: Vec<String>,
    /// The time the event carries, where the system takes one from the sender
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    timestamp: Option<String>,
    /// The partition, where the system has partitions
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// Payload, key and headers are templates, rendered for each event
    #[arg(long, conflicts_with_all = ["generate", "events"])]
    template: bool,
    /// The channel, where TARGET names only a server
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// Generate payloads from the contract (the default when no payload is named)
    #[arg(long)]
    generate: bool,
    /// The message of the contract to generate, or to check against
    #[arg(long, value_name = "NAME")]
    message: Option<String>,
    /// Each line of the input is the payload of an event
    #[arg(long, requires = "file", conflicts_with = "events")]
    each_line: bool,
    /// The input holds whole events: an archive, or event lines as `eddy tail --format json` writes them
    #[arg(long, requires = "file", conflicts_with_all = ["key", "headers", "timestamp", "partition"])]
    events: bool,
    /// How the lines of `--events` are written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", requires = "events")]
    input_format: InputFormat,
    #[command(flatten)]
    window: WindowArgs,
    /// How many events to send (default: 1, or all of the input; endless with `--rate` or `--for`)
    #[arg(long, short = 'n', value_name = "COUNT")]
    count: Option<u64>,
    /// Send evenly at this rate, such as `100/s`
    #[arg(long, value_name = "N/s")]
    rate: Option<String>,
    /// Stop after this time, such as `1m`
    #[arg(long = "for", value_name = "TIME")]
    time: Option<String>,
    /// Seed of generated events (default: 0) and of `random`, `pick` and `uuid` in templates (default: another each time)
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    #[command(flatten)]
    encoding: EncodingArgs,
    /// Send events that break the contract too
    #[arg(long)]
    no_validate: bool,
    /// Write a JSON line for each event there: when it was due, went and arrived, where, or why not
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Name of the protected environment that is meant
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to report on stdout
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Words on stderr
    #[default]
    Human,
    /// One JSON object on stdout
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum InputFormat {
    /// As archives and `eddy tail --format json` have them
    #[default]
    Eddy,
    /// As `kcat -J` writes them
    Kcat,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    context.runtime(2)?.block_on(inject(args, context))
}

async fn inject(args: &Args, context: &Context) -> Result<Status, CommandError> {
    refuse_another_payload(args)?;
    let time = transfer::duration(args.time.as_deref())?;
    let rate = rate(args)?;
    let pace = rate.map_or(Pace::AsFastAsPossible, Pace::Even);
    let places = Places::new(context)?;
    let mut target = places.target(&args.target)?;
    target.confirm(args.confirm.as_deref())?;
    refuse_shared_files(args, &target)?;
    let window = window(args)?;
    let pattern = supply::pattern(args, &mut target, &context.ui)?;
    let encoder = args.encoding.encoder(context)?;
    let source = supply::source(args, context, &places, pattern, window, rate).await?;
    let source = encoded(source, encoder);
    let (losses, carried) = (Losses::default(), open::capabilities(&target.address)?);
    // Of events made by flags it was said before.
    let translation = open::translation(&target.address)?;
    let source = if args.events { losses.of(source, (carried, translation)) } else { source };
    let planned = window.at_most(planned(args));
    let lines = results::begin(args.results.as_ref(), false, "name another for `--results`, or remove it")?;
    let plan = Plan {
        results: lines.clone(),
        selection: Selection { first: planned, skip: window.skip, ..Selection::default() },
        timetable: pace.into(),
        planned,
        ..Plan::default()
    };
    let stop = transfer::stop_on_interruption();
    transfer::stop_when_target_unread(&stop, &target, &context.ui);
    let file = transfer::NewFile::of(&target);
    let sink = Connector::new(&args.connect, context, &stop)?.sink(&target, rate.is_none()).await?;
    transfer::stop_after(&stop, time);
    let mut view = TransferView::new(&context.ui, "injecting");
    let outcome = carry(source, sink, plan, &mut view, &stop).await;
    drop(view);
    file.settle(&outcome);
    losses.say(carried.name, context);
    show(args, context, &outcome, &target)?;
    let status =
        transfer::conclude(&outcome, &context.ui, None).map_err(|error| match rest(args, &outcome) {
            Some(rest) => error.hint(rest),
            None => error,
        })?;
    results::written(lines.as_deref())?;
    Ok(status)
}

/// A payload beside those of an input would be passed over; that an input is named is not asked for where one is.
fn refuse_another_payload(args: &Args) -> Result<(), CommandError> {
    let of_input = [("--each-line", args.each_line), ("--events", args.events)];
    let of_flag = [("--data", args.data.is_some()), ("--generate", args.generate)];
    let given = |flags: [(&'static str, bool); 2]| flags.into_iter().find(|(_, is_given)| *is_given);
    match (given(of_input), given(of_flag)) {
        (Some((input, _)), Some((flag, _))) => Err(CommandError::usage(format!(
            "`{input}` takes payloads from an input, and `{flag}` does not go with it"
        ))
        .hint(format!(
            "leave `{flag}` away and name a file, or `-` for standard input; or leave `{input}` away"
        ))),
        _ => Ok(()),
    }
}

/// What is sent, where it goes and what is kept about it are different files.
fn refuse_shared_files(args: &Args, target: &Place) -> Result<(), CommandError> {
    let read = args.file.as_deref().filter(|file| *file != "-").map(Path::new);
    let to = (target.address.scheme == Scheme::File).then(|| target.address.path.as_str().into());
    let named = [("TARGET", to), ("`--results`", args.results.clone())];
    let written: Vec<Written<'_>> =
        named.into_iter().filter_map(|(flag, path)| Some((flag, path?))).collect();
    refuse_shared(read, &written)
}

/// How the lines from one on that could not be read or sent follow.
fn rest(args: &Args, outcome: &Outcome) -> Option<String> {
    let gone = outcome.summary.sent;
    let file = args.file.as_deref().filter(|file| args.each_line && *file != "-")?;
    let is_cut = matches!(outcome.ending, Ending::SourceFailed(_)) && gone > 0;
    let (lines, next, file) = (counted(gone, "line"), gone + 1, quoted(file));
    is_cut.then(|| {
        format!(
            "{lines} went before it; once it is mended, the output of `tail -n +{next} {file}` with `-` as the file is the rest"
        )
    })
}

fn rate(args: &Args) -> Result<Option<Rate>, CommandError> {
    let parsed = args.rate.as_ref().map(|rate| rate.parse::<Rate>()).transpose();
    parsed.map_err(|error| CommandError::usage(error.message).hint(error.help))
}

/// The part of a recording that is sent.
fn window(args: &Args) -> Result<Window, CommandError> {
    if args.window.is_given() && (!args.events || args.input_format == InputFormat::Kcat) {
        return Err(CommandError::usage("`--from`, `--to` and `--range` choose events of a recording")
            .hint("add `--events`, or send as many as you want with `--count`"));
    }
    args.window.window(false)
}

/// How many events it will be, when that is known before: an input has its own end, and a rate or a time go on without.
fn planned(args: &Args) -> Option<u64> {
    let many = args.each_line || args.events;
    let endless = args.rate.is_some() || args.time.is_some();
    args.count.or((!many && !endless).then_some(1))
}

fn show(args: &Args, context: &Context, outcome: &Outcome, target: &Place) -> Result<(), CommandError> {
    let summary = &outcome.summary;
    if args.format == Format::Json {
        let mut data = context.ui.data();
        report::summary_json(&mut data, summary)?;
        return Ok(());
    }
    let time = std::time::Duration::from_micros(summary.duration_us);
    let events = counted(summary.acknowledged, "event");
    context.ui.say(format!("sent {events} to {} in {}", target.address, span(time)));
    if summary.possible_duplicates > 0 {
        let twice = counted(summary.possible_duplicates, "event");
        context.ui.say(format!("{twice} may have arrived twice"));
    }
    Ok(())
}
