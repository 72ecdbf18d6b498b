//! `eddy tail`: shows events as they arrive, of many sources merged.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::connect::{ConnectArgs, Connector};
use super::contract_check::ContractCheck;
use super::record::open_all;
use super::target::{Place, Places};
use super::{CommandError, Context, ErrorKind, Status, transfer};
use crate::atomic_file;
use crate::endpoint::capabilities::Acknowledgement;
use crate::endpoint::{BoxFuture, Capabilities, Delivery, EndpointError, EndpointErrorKind, Receipts, Sink};
use crate::event::{self, Event, json_lines};
use crate::replay::{Pattern, Plan, Selection, StopReason, StopToken, carry};
use crate::ui::Data;
use crate::ui::event_view::EventView;
use crate::ui::progress::SourceView;

/// Flags of `eddy tail`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A SOURCE is a URL, a path, `-`, or a channel of the workspace. With `--from` and without `--to` it ends at \
    what is there now, unless `--follow` is given.\n\n\
    Match expressions: `TEXT` (in key or payload), `channel=GLOB`, `key=GLOB`, `header.NAME=GLOB`, \
    `payload./json/pointer=VALUE`; all of several must hold.\n\n\
    Examples:\n  eddy tail 'mqtt://localhost:1883/shop/#'\n  eddy tail orders payments --env staging\n  \
    eddy tail orders --match payload./status=failed --format line\n  \
    eddy tail monday.eddy.ndjson.zst -n 10 --format json | jq .v\n  \
    eddy tail jetstream+nats://localhost/ORDERS --from -5m --follow"
)]
pub struct Args {
    /// Where events come from
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,
    /// Stop after this many events
    #[arg(short = 'n', long, value_name = "COUNT")]
    count: Option<u64>,
    /// Begin here: a time, `-5m`, `start`, `last:N` or `offset:N`
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    from: Option<String>,
    /// End here: a time, `now`, `end` or `offset:N`
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    to: Option<String>,
    /// Go on with new events after those that `--from` asked for
    #[arg(long, short, conflicts_with = "to")]
    follow: bool,
    /// Show only events that match; may be given several times
    #[arg(long = "match", value_name = "EXPR")]
    patterns: Vec<String>,
    /// Mark events that break the contract of the workspace
    #[arg(long)]
    validate: bool,
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to show events
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Over several lines, indented and coloured
    #[default]
    Pretty,
    /// Time, channel, key and payload on one line, between tabs
    Line,
    /// One JSON object a line, as in archives
    Json,
    /// The payload alone, each followed by a newline
    Raw,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    context.runtime(2)?.block_on(tail(args, context))
}

async fn tail(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let window = transfer::window(args.from.as_deref(), args.to.as_deref(), args.follow)?;
    let patterns = args.patterns.iter().map(|text| Pattern::parse(text));
    let patterns = patterns
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| CommandError::usage(error.message.clone()).hint(error.help))?;
    let places = Places::new(context)?;
    let check = if args.validate { Some(check(&places)?) } else { None };
    let places: Vec<Place> = args.sources.iter().map(|text| places.source(text)).collect::<Result<_, _>>()?;
    let stop = transfer::stop_on_interruption();
    let source = open_all(&places, window, &Connector::new(&args.connect, context, &stop)?).await?;
    let names: Vec<String> = places.iter().map(|place| format!("`{}`", place.address)).collect();
    context.ui.detail(format!("reading {}", names.join(", ")));
    let closed = Arc::new(AtomicBool::new(false));
    let printer = Printer {
        out: context.ui.data(),
        view: EventView::new(context.ui.color_stdout),
        format: args.format,
        check,
        shown: 0,
        closed: Arc::clone(&closed),
        stop: stop.clone(),
    };
    let plan = Plan {
        selection: Selection { first: args.count, patterns, ..Selection::default() },
        finish_what_was_read: true,
        ..Plan::default()
    };
    let mut view = SourceView::new(&context.ui);
    let outcome = carry(Box::new(source), Box::new(printer), plan, &mut view, &stop).await;
    if closed.load(Ordering::Relaxed) {
        return Err(CommandError::new(ErrorKind::ClosedPipe, "the reader of the output has gone"));
    }
    transfer::conclude(&outcome, &context.ui, None)
}

fn check(places: &Places<'_>) -> Result<ContractCheck, CommandError> {
    ContractCheck::new(places, None)?.ok_or_else(|| {
        CommandError::usage("there is no workspace whose contract events could be checked against")
            .hint("`eddy init` writes one, `--workspace DIR` names one")
    })
}

/// Shows each event on stdout, as a sink that takes it once it is written.
struct Printer {
    out: Data,
    view: EventView,
    format: Format,
    check: Option<ContractCheck>,
    shown: u64,
    closed: Arc<AtomicBool>,
    stop: StopToken,
}

impl Printer {
    fn print(&mut self, event: &Event) -> io::Result<()> {
        self.shown += 1;
        let marks = self.check.as_ref().map(|check| check.marks(event)).unwrap_or_default();
        match self.format {
            Format::Pretty => self.view.pretty(&mut self.out, event, &marks),
            Format::Line => self.view.line(&mut self.out, event, &marks),
            Format::Json => {
                let mut line = Vec::new();
                json_lines::encode(event, self.shown, &mut line);
                line.push(b'\n');
                self.out.write_all(&line)
            }
            Format::Raw => {
                self.out.write_all(event.payload.as_deref().unwrap_or_default())?;
                self.out.write_all(b"\n")
            }
        }
    }

    fn print_all(&mut self, batch: &[Event]) -> io::Result<()> {
        for event in batch {
            self.print(event)?;
        }
        self.out.flush()
    }
}

impl Sink for Printer {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "terminal",
            keys: true,
            headers: true,
            repeated_headers: true,
            header_order: true,
            binary_headers: true,
            null_headers: true,
            null_payload: true,
            timestamps: true,
            acknowledgement: Acknowledgement::None,
            replayable: false,
            seek_time: false,
            max_payload: None,
        }
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        let result = self.print_all(batch);
        if let Err(error) = &result {
            let gone = error.kind() == io::ErrorKind::BrokenPipe;
            self.closed.store(gone, Ordering::Relaxed);
            self.stop.request(StopReason::Limit);
        }
        let deliveries = batch.iter().map(|_| match &result {
            Ok(()) => Delivery::acknowledged(event::Place::default()),
            Err(error) => {
                let failure = EndpointError::new(EndpointErrorKind::File, error.to_string());
                Delivery::failed(failure.help(atomic_file::next_step(Path::new("-"), error)))
            }
        });
        let deliveries: Vec<Delivery> = deliveries.collect();
        let receipts: Receipts = Box::pin(std::future::ready(deliveries));
        Box::pin(std::future::ready(receipts))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
