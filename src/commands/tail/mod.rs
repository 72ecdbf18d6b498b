//! `eddy tail`: shows events as they arrive, of many sources merged.

use std::sync::Arc;

use super::choosing::{ChoosingArgs, say_replayed, say_taken, say_unfit};
use super::connect::{ConnectArgs, Connector};
use super::contract_check::ContractCheck;
use super::reading::Reading;
use super::record::open_all;
use super::registry::RegistryArgs;
use super::target::{Place, Places};
use super::window::{Window, WindowArgs};
use super::{CommandError, Context, Status, transfer};
use crate::output::event_template::EventTemplate;
use crate::output::figures::counted;
use crate::registry::Registry;
use crate::replay::{Interpretation, Jq, Pattern, Plan, Selection, StopReason, carry};
use crate::ui::progress::SourceView;

mod printer;

use printer::{Form, Notes, Printer};

/// Flags of `eddy tail`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A SOURCE is a URL, a path, `-`, or a channel of the workspace. With `--from` and without `--to` it ends at \
    what is there now, unless `--follow` is given. The past of several sources is shown in order of time.\n\n\
    Match expressions: `TEXT` (in key or payload), `channel=GLOB`, `key=GLOB`, `header.NAME=GLOB`, \
    `payload./json/pointer=VALUE`, and jq as `jq=FILTER` or a filter that begins with a field such as `.payload`; all of \
    several must hold. `--filter` takes jq only; `--map` shows what jq makes of an event.\n\n\
    Examples:\n  eddy tail 'mqtt://localhost:1883/shop/#'\n  eddy tail orders payments --env staging\n  \
    eddy tail orders --match payload./status=failed --format line\n  \
    eddy tail orders --match '.payload.total > 100 and .headers.source == \"shop\"'\n  \
    eddy tail orders payments --correlation 7f3a --from -1h --follow\n  \
    eddy tail monday.eddy.ndjson.zst -n 10 --format json | jq .v\n  \
    eddy tail orders --template '{time} {key} {payload./order/id}\\n'\n  \
    eddy tail jetstream+nats://localhost/ORDERS --range @-48h:-24h\n  \
    eddy tail kafka://localhost/orders --registry http://localhost:8081 --match '.payload.total > 100'"
)]
pub struct Args {
    /// Where events come from
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,
    /// Stop after this many events
    #[arg(short = 'n', long, value_name = "COUNT")]
    count: Option<u64>,
    #[command(flatten)]
    window: WindowArgs,
    /// Go on with new events after those that `--from` asked for
    #[arg(long, short, conflicts_with = "to")]
    follow: bool,
    #[command(flatten)]
    choosing: ChoosingArgs,
    /// Show only events that carry this correlation, trace or message identifier
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,
    /// Mark events that break the contract of the workspace
    #[arg(long)]
    validate: bool,
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    /// How to show events
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// The form of each event, such as `{time} {channel} {key} {payload}\n`; implies `--format template`
    #[arg(long, value_name = "TEXT")]
    template: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Over several lines, indented and coloured
    #[default]
    Pretty,
    /// Time, channel, key and payload on one line
    Line,
    /// One JSON object a line, as in archives
    Json,
    /// The payload alone, each followed by a newline
    Raw,
    /// As `--template` says
    Template,
    /// One JSON object a line, as `kcat -J` writes them
    Kcat,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    context.runtime(2)?.block_on(tail(args, context))
}

async fn tail(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let window = args.window.window(args.follow)?;
    let mut selection = selection(args, window)?;
    let form = form(args)?;
    let places = Places::new(context)?;
    let registry = args.registry.open(context)?;
    let reading = Reading::new(registry.clone());
    let by_reading = reading.clone();
    selection.reading = Some(Interpretation::new(move |event| Some(by_reading.read(event)?.event)));
    let check = if args.validate { Some(check(&places, registry.as_ref())?) } else { None };
    let places: Vec<Place> = args.sources.iter().map(|text| places.source(text)).collect::<Result<_, _>>()?;
    say_taken(&selection, &places, context);
    let stop = transfer::stop_on_interruption();
    transfer::stop_when_unread(&stop, &context.ui);
    let source =
        open_all(&places, window, &Connector::new(&args.connect, context, &stop)?.by_time(), &context.ui)
            .await?;
    let names: Vec<String> = places.iter().map(|place| format!("`{}`", place.address)).collect();
    context.ui.detail(format!("reading {}", names.join(", ")));
    let noted = Notes::default();
    let view = context.ui.event_view().marking(&selection.patterns);
    let printer = Printer::new(&context.ui, view, form, check, noted.clone(), stop.clone()).reading(reading);
    let filters = selection.filters.clone();
    let plan = Plan { selection, finish_what_was_read: true, ..Plan::default() };
    let mut progress = SourceView::new(&context.ui);
    let outcome = carry(Box::new(source), Box::new(printer), plan, &mut progress, &stop).await;
    if stop.reason() == Some(StopReason::Unread) {
        return Err(CommandError::unread());
    }
    notes(&filters, &noted, context);
    say_replayed(&outcome.left_out, context);
    transfer::conclude(&outcome, &context.ui, None)
}

fn selection(args: &Args, window: Window) -> Result<Selection, CommandError> {
    let mut selection = args.choosing.selection()?;
    if args.correlation.as_deref().is_some_and(|identifier| identifier.trim().is_empty()) {
        return Err(CommandError::usage("`--correlation` names no identifier")
            .hint("give the one that events carry, such as `--correlation 7f3a`"));
    }
    selection.patterns.extend(args.correlation.clone().map(Pattern::Correlation));
    (selection.first, selection.skip) = (window.at_most(args.count), window.skip);
    Ok(selection)
}

fn form(args: &Args) -> Result<Form, CommandError> {
    Ok(match (args.format, &args.template) {
        (Format::Template | Format::Pretty, Some(text)) => Form::Template(EventTemplate::parse(text)?),
        (_, Some(_)) => {
            return Err(
                CommandError::usage("`--template` is a format of its own").hint("leave `--format` away")
            );
        }
        (Format::Template, None) => {
            return Err(CommandError::usage("`--format template` needs a template")
                .hint("add `--template '{time} {channel} {key} {payload}\\n'`"));
        }
        (Format::Pretty, None) => Form::Pretty,
        (Format::Line, None) => Form::Line,
        (Format::Json, None) => Form::Json,
        (Format::Raw, None) => Form::Raw,
        (Format::Kcat, None) => Form::Kcat,
    })
}

/// What did not work for single events, said once for all of them.
fn notes(filters: &[Jq], noted: &Notes, context: &Context) {
    say_unfit(filters, context);
    for (loss, events) in noted.lost() {
        let events = counted(events, "event");
        context
            .ui
            .warn(format!("the form of kcat lost {loss} in {events}; `--format json` keeps everything"));
    }
    if noted.broken() > 0 {
        let verb = if noted.broken() == 1 { "does" } else { "do" };
        context.ui.warn(format!("{} {verb} not fit the contract", counted(noted.broken(), "event")));
        context.ui.help("`--format pretty` and `line` say which, and why");
    }
}

fn check(places: &Places<'_>, registry: Option<&Arc<Registry>>) -> Result<ContractCheck, CommandError> {
    ContractCheck::new(places, None, registry)?.ok_or_else(|| {
        CommandError::usage("there is no workspace whose contract events could be checked against")
            .hint("`eddy init` writes one, `--workspace DIR` names one")
    })
}
