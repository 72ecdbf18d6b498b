//! `eddy redrive`: takes dead letters back to where they came from, and loses none on the way.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

mod auditing;
mod origins;

use super::choosing::{ChoosingArgs, say_unfit};
use super::connect::{ConnectArgs, Connector};
use super::preflight::Preflight;
use super::target::{Place, Places};
use super::{CommandError, Context, Status, transfer};
use crate::diagnostic::quoted;
use crate::endpoint::address::Scheme;
use crate::endpoint::open::server_of;
use crate::output::redrive::{self as report, RedriveView};
use crate::replay::preflight::Finding;
use crate::replay::redrive::{Board, Counts, Quarantine, RedriveSource, RoutingSink, Rules, Way};
use crate::replay::{Limits, Outcome, Pace, Plan, Selection, StopToken, carry};
use crate::ui::progress::TransferView;

/// The group that takes dead letters out, where none is named.
const GROUP: &str = "eddy-redrive";
/// Dead letters a dry run looks at, where it must hold them until it leaves.
const MOST_LOOKED_AT: u64 = 50_000;

/// Flags of `eddy redrive`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "SOURCE is where the dead letters lie: a Kafka topic, a RabbitMQ queue, a JetStream stream, a Redis stream, or \
    an archive of them. Where each came from stands in its headers, as Kafka Connect, Spring, Quarkus, RabbitMQ (`x-death`) \
    and services made by `eddy new` write them. An event leaves its place only when its copy is confirmed at its origin.\n\n\
    Examples:\n  eddy redrive kafka://localhost/orders-dlt --dry-run\n  \
    eddy redrive kafka://localhost/orders-dlt --rate 50/s --first 100\n  \
    eddy redrive 'amqp://localhost/%2F?queue=orders.dead' --quarantine poison.eddy.ndjson.zst\n  \
    eddy redrive jetstream+nats://localhost/DEAD --match 'header.dead-letter-reason=*timeout*'\n  \
    eddy redrive redis://localhost/orders:dead --origin-header came-from\n  \
    eddy redrive monday-dead.eddy.ndjson.zst --to kafka://localhost --map '.payload.retry = true'"
)]
pub struct Args {
    /// Where the dead letters lie
    source: String,
    /// Send all of them here; a server without a channel takes each to its own origin there
    #[arg(long, value_name = "TARGET")]
    to: Option<String>,
    /// The header that says where an event came from
    #[arg(long, value_name = "NAME")]
    origin_header: Option<String>,
    /// What a RabbitMQ message goes back to: the queue it died in, or the exchange it was published to
    #[arg(long, value_enum, default_value_t, value_name = "PLACE")]
    back_to: BackTo,
    /// The consumer group or durable consumer that takes events out (default: eddy-redrive)
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    #[command(flatten)]
    choosing: ChoosingArgs,
    /// Take at most this many
    #[arg(long, value_name = "COUNT")]
    first: Option<u64>,
    /// Send evenly at this rate, such as `50/s` (default: as fast as the origin takes them)
    #[arg(long, value_name = "N/s")]
    rate: Option<String>,
    /// An event that was sent back so often is not sent back again
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    max_redrives: u64,
    /// Where events go that cannot go back: a file, or a URL with a channel
    #[arg(long, value_name = "FILE|URL")]
    quarantine: Option<String>,
    /// Keep the headers that say how an event died
    #[arg(long)]
    keep_error_headers: bool,
    /// Whether to send events of which the target would lose a part
    #[arg(long, value_enum, default_value_t, value_name = "CHOICE")]
    loss: Loss,
    /// Try failed events again for this long before giving up
    #[arg(long, value_name = "TIME", default_value = "2m")]
    retry_for: String,
    #[command(flatten)]
    connect: ConnectArgs,
    /// What to do about what the origins say of themselves before the first event: whether they are there, sizes,
    /// permissions
    #[arg(long, value_enum, default_value_t, value_name = "CHOICE")]
    preflight: Preflight,
    /// Show what would go where, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Name of the protected environment that is meant
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    /// The file that says who took what back and when (default: that of `eddy replay`: `audit` of the workspace,
    /// `.eddy/audit.ndjson` beside it, or `eddy/audit.ndjson` in the user's state directory)
    #[arg(long, value_name = "FILE", env = "EDDY_AUDIT")]
    audit: Option<PathBuf>,
    /// How to report on stdout
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum BackTo {
    /// Only the queue it died in gets it again
    #[default]
    Queue,
    /// Every queue bound there gets it again
    Exchange,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Loss {
    /// Do not send it, and say what would be lost
    #[default]
    Refuse,
    /// Send it without the lost part
    Allow,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Words
    #[default]
    Human,
    /// One JSON object
    Json,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    context.runtime(2)?.block_on(redrive(args, context))
}

/// The places of a run.
struct Route {
    source: Place,
    target: Place,
    /// All go to one place, whatever they say about their origin.
    fixed: bool,
}

impl Route {
    /// Events go back on the server they lie on, which calls the place an event lies in by the name that events go by.
    fn is_at_home(&self) -> bool {
        let of_a_channel = matches!(
            self.source.address.scheme,
            Scheme::Kafka | Scheme::Redis | Scheme::JetStream | Scheme::Nats
        );
        of_a_channel && self.source.address.is_same_server(&self.target.address)
    }
}

async fn redrive(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let selection = args.choosing.selection()?;
    let pace = pace(args)?;
    let retry_for = transfer::duration(Some(&args.retry_for))?.unwrap_or_default();
    let places = Places::new(context)?;
    let route = route(args, &places)?;
    let quarantine = quarantine(args, context, &places)?;
    let filters = selection.filters.clone();
    let rules = rules(args, selection, &route, pace);
    let stop = transfer::stop_on_interruption();
    transfer::stop_when_target_unread(&stop, &route.target, &context.ui);
    let connector = Connector::new(&args.connect, context, &stop)?;
    if args.dry_run {
        let status = plan(args, context, (&connector, &stop), &route, rules).await?;
        say_unfit(&filters, context);
        return Ok(status);
    }
    route.target.confirm(args.confirm.as_deref())?;
    let seen = origins::before_the_first(args, context, (&connector, &stop), &route, &rules).await?;
    if stop.reason().is_some() {
        return transfer::stopped_before_the_first(&stop, &context.ui);
    }
    let run = uuid::Uuid::now_v7().to_string();
    let audit = auditing::begun(args, context, &route, ((seen > 0).then_some(seen), &run))?;
    let board = Arc::new(Board::default());
    let terms = Terms { rules, pace, limits: Limits { retry_for, ..Limits::default() }, quarantine, run };
    let sent = send(args, context, (&connector, &stop), (&route, seen, &board), terms).await;
    let audited = auditing::ended(audit, sent.as_ref().map(|(outcome, _)| outcome), &board.counts());
    let (outcome, left) = sent?;
    say_unfit(&filters, context);
    let unread = left.map(|left| left.saturating_sub(board.counts().decided()));
    let time = Duration::from_micros(outcome.summary.duration_us);
    show(args, context, &route, (&board, unread, false, time), &[])?;
    let status = ended(route.source.address.scheme, context, &outcome, &board)?;
    audited?;
    Ok(status)
}

/// What goes, when, and how hard it is tried.
struct Terms {
    rules: Rules,
    pace: Pace,
    limits: Limits,
    quarantine: Option<Quarantine>,
    run: String,
}

/// Takes the dead letters back; what came of it, and how many there were before, where that is known.
async fn send(
    args: &Args,
    context: &Context,
    (connector, stop): (&Connector<'_>, &StopToken),
    (route, seen, board): (&Route, u64, &Arc<Board>),
    terms: Terms,
) -> Result<(Outcome, Option<u64>), CommandError> {
    let Terms { rules, pace, limits, quarantine, run } = terms;
    let inner = origins::taken(args, connector, route, seen).await?;
    let left = inner.left();
    let sink = connector.sink(&route.target, args.rate.is_none()).await?;
    let base = route.target.for_writing(&context.environment)?;
    let source = RedriveSource::new(inner, Arc::clone(board), rules);
    let sink = RoutingSink::new(base, sink, Arc::clone(board), quarantine, args.loss == Loss::Allow);
    let plan = Plan {
        limits,
        planned: left.map(|left| args.first.map_or(left, |first| left.min(first))),
        timetable: pace.into(),
        run: Some(run),
        ..Plan::default()
    };
    let mut view = TransferView::new(&context.ui, "redriving");
    let outcome = carry(Box::new(source), Box::new(sink), plan, &mut view, stop).await;
    Ok((outcome, left))
}

/// Shows what a run would do, and ends as it would.
async fn plan(
    args: &Args,
    context: &Context,
    (connector, stop): (&Connector<'_>, &StopToken),
    route: &Route,
    rules: Rules,
) -> Result<Status, CommandError> {
    let board = Arc::new(Board::default());
    let looked = look(args, (connector, stop), route, &board, rules);
    let cut = origins::patiently(args, context, route, &board, looked).await?;
    let findings = match args.preflight {
        Preflight::Off => Vec::new(),
        _ => origins::asked(connector, route, &board).await,
    };
    show(args, context, route, (&board, None, cut, Duration::ZERO), &findings)?;
    let stops = args.preflight == Preflight::Refuse && findings.iter().any(Finding::is_error);
    let stays = say_what_stays(context, &board.counts());
    let unconfirmed = route.target.confirm(args.confirm.as_deref()).err();
    if let Some(error) = &unconfirmed {
        context.ui.warn(&error.message);
        error.hints.iter().for_each(|hint| context.ui.help(hint));
    }
    Ok(match stop.reason() {
        Some(_) => Status::Interrupted,
        None if stops || stays || unconfirmed.is_some() => Status::Findings,
        None => Status::Done,
    })
}

fn pace(args: &Args) -> Result<Pace, CommandError> {
    let Some(rate) = &args.rate else { return Ok(Pace::AsFastAsPossible) };
    let refused = |error: crate::replay::pace::PaceError| CommandError::usage(error.message).hint(error.help);
    Ok(Pace::Even(rate.parse().map_err(refused)?))
}

fn group(args: &Args) -> &str {
    args.group.as_deref().unwrap_or(GROUP)
}

/// Refuses a group that no system takes.
fn is_a_group(args: &Args, source: &Place) -> Result<(), CommandError> {
    let name = group(args);
    // A durable consumer is part of subjects (NATS ADR-6).
    let is_durable = source.address.scheme == Scheme::JetStream;
    let is_wrong = |each: char| each.is_whitespace() || each.is_control() || r".*>/\".contains(each);
    let is_none = name.is_empty() || (is_durable && name.contains(is_wrong));
    if !is_none {
        return Ok(());
    }
    let help = if is_durable {
        "a durable consumer has letters, digits, `-` and `_` in its name"
    } else {
        "give it a name, or leave `--group` away"
    };
    Err(CommandError::usage(format!("`--group {}` names no group", quoted(name))).hint(help))
}

fn route(args: &Args, places: &Places<'_>) -> Result<Route, CommandError> {
    let source = places.source(&args.source)?;
    is_a_group(args, &source)?;
    let chooses = args.first.is_none() && !args.choosing.options().is_empty();
    if source.address.scheme == Scheme::Kafka && chooses && args.group.is_none() && !args.dry_run {
        return Err(CommandError::usage("a Kafka group passes over events that are not chosen")
            .hint("name a group for this choice with `--group NAME`; another group reads the others"));
    }
    let target = match &args.to {
        Some(target) => places.target(target)?,
        None if is_server(&source) => {
            let mut target = places.target(&args.source)?;
            target.address = server_of(&source.address);
            target.channel = None;
            target
        }
        None => {
            return Err(CommandError::usage(format!(
                "`{}` has no server to take events back to",
                args.source
            ))
            .hint("name the server with `--to`, such as `--to kafka://localhost`"));
        }
    };
    let fixed = args.to.is_some() && names_channel(&target);
    Ok(Route { source, target, fixed })
}

fn is_server(place: &Place) -> bool {
    !matches!(place.address.scheme, Scheme::File | Scheme::Stdio | Scheme::Memory)
}

/// Whether everything that is sent there goes to one channel.
fn names_channel(place: &Place) -> bool {
    match place.address.scheme {
        Scheme::Amqp => {
            place.address.option("queue").or_else(|| place.address.option("routing-key")).is_some()
        }
        Scheme::File | Scheme::Stdio | Scheme::Memory | Scheme::Http => true,
        _ => !place.address.path.is_empty(),
    }
}

fn rules(args: &Args, selection: Selection, route: &Route, pace: Pace) -> Rules {
    Rules {
        way: Way { header: args.origin_header.clone(), through_exchange: args.back_to == BackTo::Exchange },
        fixed: route.fixed,
        at_the_same_server: route.is_at_home(),
        selection,
        most_redrives: args.max_redrives,
        keeps_error_headers: args.keep_error_headers,
        has_quarantine: args.quarantine.is_some(),
        first: args.first,
        at_once: match pace {
            // About a second's worth.
            Pace::Even(rate) => Some(rate.of_a_moment().saturating_mul(100)),
            _ => None,
        },
    }
}

fn quarantine(
    args: &Args,
    context: &Context,
    places: &Places<'_>,
) -> Result<Option<Quarantine>, CommandError> {
    let Some(text) = &args.quarantine else { return Ok(None) };
    let is_file = !text.contains(':') && text != "-";
    let place = places.target(&if is_file { format!("file:{text}") } else { text.clone() })?;
    place.confirm(args.confirm.as_deref())?;
    if is_file && Path::new(text).exists() {
        return Err(CommandError::usage(format!("`{text}` is already there"))
            .hint("choose another name; a quarantine is never overwritten"));
    }
    if is_file {
        can_be_made(Path::new(text))?;
    }
    if !names_channel(&place) {
        return Err(CommandError::usage(format!("`{}` names no channel for the quarantine", place.address))
            .hint("write a topic, queue, subject or stream in the URL, or name a file"));
    }
    let (address, options) = place.for_writing(&context.environment)?;
    Ok(Some(Quarantine::new(address, options)))
}

/// The first event put aside makes the file, long after the first one sent.
fn can_be_made(path: &Path) -> Result<(), CommandError> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    made.and_then(|_| std::fs::remove_file(path)).map_err(|error| CommandError::unwritable(path, &error))
}

/// Reads what is there without taking it; true when that was not all.
async fn look(
    args: &Args,
    (connector, stop): (&Connector<'_>, &StopToken),
    route: &Route,
    board: &Arc<Board>,
    rules: Rules,
) -> Result<bool, CommandError> {
    let mut place = route.source.clone();
    if place.address.scheme == Scheme::Amqp {
        // What is looked at stays with the reader until it leaves.
        place.address.options.retain(|(name, _)| name != "peek" && name != "prefetch");
        let more = [("peek", "true".to_owned()), ("prefetch", MOST_LOOKED_AT.to_string())];
        place.address.options.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    let source = connector.taking(&place, group(args)).await?;
    let holds = matches!(place.address.scheme, Scheme::Amqp | Scheme::JetStream | Scheme::Redis);
    let most = if holds { MOST_LOOKED_AT } else { u64::MAX };
    Ok(RedriveSource::new(source, Arc::clone(board), rules).survey(most, stop).await?)
}

fn show(
    args: &Args,
    context: &Context,
    route: &Route,
    (board, left, cut, duration): (&Board, Option<u64>, bool, Duration),
    findings: &[Finding],
) -> Result<(), CommandError> {
    let (counts, rows) = (board.counts(), board.rows());
    let view = RedriveView {
        source: route.source.address.to_string(),
        target: route.fixed.then(|| route.target.address.to_string()),
        counts: &counts,
        rows: &rows,
        findings,
        left,
        dry_run: args.dry_run,
        cut,
        duration,
        most_redrives: args.max_redrives,
    };
    let mut data = context.ui.data();
    match args.format {
        Format::Human if context.ui.quiet => Ok(()),
        Format::Human => report::text(&mut data, &view).map_err(CommandError::from),
        Format::Json => report::json(&mut data, &view).map_err(CommandError::from),
    }
}

fn ended(
    source: Scheme,
    context: &Context,
    outcome: &Outcome,
    board: &Board,
) -> Result<Status, CommandError> {
    let counts = board.counts();
    let again = "what has not arrived is still in its place: the same command goes on from there";
    let status = transfer::conclude(outcome, &context.ui, Some(again))?;
    if counts.read == 0 && status == Status::Done {
        context.ui.say("there is no dead letter to take back");
    }
    if status != Status::Done || !say_what_stays(context, &counts) {
        return Ok(status);
    }
    if source == Scheme::Kafka {
        context
            .ui
            .say("the group has passed over what was left; another one, `--group NAME`, reads it again");
    }
    Ok(Status::Findings)
}

/// Says what is to be done about events that cannot go back; false when there are none.
fn say_what_stays(context: &Context, counts: &Counts) -> bool {
    let ui = &context.ui;
    if counts.without_origin > 0 {
        ui.say(
            "name the header that says where events came from, `--origin-header NAME`, or one place, `--to TARGET`; \
             `--quarantine FILE` takes them out",
        );
    }
    if counts.sent_back_too_often > 0 {
        ui.say("`--quarantine FILE` takes out what was sent back too often; `--max-redrives N` sends it back again");
    }
    if counts.from_here > 0 {
        ui.say("what came from here goes elsewhere with `--to TARGET`; `--quarantine FILE` takes it out");
    }
    counts.stuck() > 0
}
