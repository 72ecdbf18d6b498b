//! `eddy replay`: sends the events of an archive again, with their timing, and reports how true it was to it.

use std::path::{Path, PathBuf};

use delivering::DeliveringArgs;
use guarding::{GuardingArgs, Rails};
use keeping::Begun;
use origin::Origin;
use scheduling::SchedulingArgs;
use selecting::SelectingArgs;
use watching::WatchingArgs;

use super::connect::{ConnectArgs, Connector};
use super::target::{Place, Places, is_network};
use super::window::Window;
use super::{CommandError, Context, ErrorKind, Status, results, transfer};
use crate::archive::is_archive_name;
use crate::endpoint::address::Scheme;
use crate::endpoint::facts::Refusal;
use crate::endpoint::open;
use crate::endpoint::{Capabilities, Sink, SinkOptions};
use crate::event::Timestamp;
use crate::output::figures::counted;
use crate::output::replay as report;
use crate::output::replay_plan::{self, PlanView};
use crate::replay::survey::Carriage;
use crate::replay::{
    Ending, Limits, Outcome, Plan, RecordedClock, Selection, Shard, StopToken, Survey, Timetable, carry,
};

mod auditing;
mod changing;
mod copying;
mod delivering;
mod faulting;
mod files;
mod guarding;
mod keeping;
mod line;
mod manifest;
mod merging;
mod once;
mod origin;
mod scheduling;
mod selecting;
mod surveying;
mod target_facts;
mod watching;

pub use line::{Line, run_line};

/// How long failed events are tried again, unless it is said.
const RETRY_FOR: &str = "2m";

/// Flags of `eddy replay`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Each event is due at the time it was recorded, counted from the first one and divided by the speed. Late \
    events go at once and in order; the schedule never moves unless `--late` says so. Order is kept per lane: a channel and a key.\n\n\
    Examples:\n  eddy replay monday.eddy.ndjson.zst --to mqtt://localhost:1883 --dry-run\n  \
    eddy replay monday.eddy.ndjson.zst --to mqtt://localhost:1883 --speed 10\n  \
    eddy replay monday.eddy.ndjson.zst --to mqtt://localhost:1883 --skip-idle 10s --ramp 1m --late abort-over:5s\n  \
    eddy replay monday.eddy.ndjson.zst --to nats://localhost:4222 --speed max --channel 'shop/*'\n  \
    eddy replay monday.eddy.ndjson.zst --to jetstream+nats://localhost --ledger monday.ledger\n  \
    eddy replay monday.eddy.ndjson.zst --to jetstream+nats://localhost --ledger monday.ledger --resume\n  \
    eddy replay monday.eddy.ndjson.zst --to kafka://localhost --speed max --ledger monday.ledger --delivery exactly-once\n  \
    eddy replay 'kafka://localhost/orders?group=monday' --to nats://localhost:4222 --speed 10\n  \
    eddy replay monday.eddy.ndjson.zst --to orders --env staging --rate 500/s --first 1000 --format json\n  \
    eddy replay monday.eddy.ndjson.zst --to orders-test --filter '.payload.total > 100' --map 'del(.payload.card)'\n  \
    eddy replay monday.eddy.ndjson.zst --to orders-test --sample 10% --by header:customer --header env=test\n  \
    eddy replay monday.eddy.ndjson.zst --to orders-test --ids map --retime shift --time-field .created_at\n  \
    eddy replay monday.eddy.ndjson.zst --to orders-test --fault duplicate:5% --fault delay:1%:200ms --seed 7"
)]
pub struct Args {
    /// The archive, a file of event lines, or a topic of Kafka, with `?group=NAME` shared by all who name that group
    archive: String,
    /// Where events go; without a channel in it each goes to its own
    #[arg(long, value_name = "TARGET")]
    to: String,
    #[command(flatten)]
    selecting: SelectingArgs,
    /// Whether to send events of which the target would lose a part
    #[arg(long, value_enum, default_value_t, value_name = "CHOICE")]
    loss: Loss,
    /// Try failed events again for this long before giving up
    #[arg(long, value_name = "TIME", default_value = RETRY_FOR)]
    retry_for: String,
    #[command(flatten)]
    connect: ConnectArgs,
    /// Keep a ledger there of what the target has confirmed, so that a crash costs nothing
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Go on with the run of the ledger: only what is not on the target yet is sent
    #[arg(long, requires = "ledger")]
    resume: bool,
    /// Do not mark events with the headers `eddy-run` and `eddy-seq`
    #[arg(long, conflicts_with = "ledger")]
    no_mark: bool,
    /// Show what would be done and send nothing; exit code 1 when a guard rail or a loss would stop the run
    #[arg(long)]
    dry_run: bool,
    /// Name of the protected environment that is meant
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    /// How to report on stdout
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    #[command(flatten)]
    scheduling: SchedulingArgs,
    #[command(flatten)]
    guarding: GuardingArgs,
    #[command(flatten)]
    watching: WatchingArgs,
    #[command(flatten)]
    delivering: DeliveringArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Loss {
    /// Send nothing and say what would be lost
    #[default]
    Refuse,
    /// Send them without the lost part
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
    context.runtime(2)?.block_on(replay(args, context))
}

async fn replay(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let (mut scheduled, window) = (args.scheduling.plan(args.resume)?, args.selecting.window()?);
    let shard = args.delivering.shard(context)?;
    let selection = chosen(args, window, shard)?;
    let retry_for = transfer::duration(Some(&args.retry_for))?.unwrap_or_default();
    let places = Places::new(context)?;
    let origin = Origin::of(args, context, &places)?;
    scheduled.timetable.clock = origin.clock(scheduled.timetable.clock);
    let target = places.target(&args.to)?;
    let selection = Selection {
        guards: args.guarding.guards(context, &places, &target, &selection.guards)?,
        ..selection
    };
    let mut selection = selection;
    args.selecting.changing.add_from_contract(&mut selection.changes, places.loaded());
    let carried = open::capabilities(&target.address)?;
    let mut selection = suited(args, selection, (&target, &carried), &scheduled.timetable.clock)?;
    delivering::suited(args, origin.archive().is_some(), &carried, &scheduled.timetable)?;
    delivering::refuse_shards_of_ids(shard.map_or(1, |shard| shard.place().1), &target.address)?;
    files::refuse_unfit(args, context, (&origin, &target), shard)?;
    let stop = transfer::stop_on_interruption();
    let (target, refusal) = connecting(args, context, target, !scheduled.timetable.is_paced());
    transfer::stop_when_target_unread(&stop, &target, &context.ui);
    let source = origin.open(window).await?;
    let translation = open::translation(&target.address)?;
    let carriage = Carriage { capabilities: carried, refusal, translation };
    delivering::refuse_uncommon_beginning(args, shard, scheduled.start_at)?;
    let asked = (&selection, shard, &scheduled);
    let survey = surveying::surveyed(args, (&origin, window, source), asked, carriage, &stop).await?;
    if survey.interrupted {
        return transfer::stopped_before_the_first(&stop, &context.ui);
    }
    surveying::say_survey(args, context, &selection, &survey);
    surveying::say_if_nothing(context, &origin, &survey, shard);
    if !args.dry_run {
        target.confirm(args.confirm.as_deref())?;
        refuse_losses(args, &survey, carried)?;
        keeping::refuse_other(args, (&target, window, shard), &survey)?;
    }
    let rails = Box::pin(guarding::looked(args, context, (&origin, &target), &survey, &stop)).await?;
    if args.dry_run {
        return show_plan(
            args,
            context,
            (&survey, &selection, (&scheduled.timetable, scheduled.start_at)),
            (&origin, &target, carried),
            &rails,
        );
    }
    rails.refuse(args, context)?;
    guarding::quarantine(args, context, (&origin, window, shard), &selection, &survey, &stop).await?;
    let limits = Limits { retry_for, ..Limits::default() };
    // What is lost was counted above.
    selection.changes.carried = (args.loss == Loss::Allow).then_some(carried);
    let plan = Plan { selection, limits, shard, ..scheduled };
    let target = Place { at_once: rails.at_once, marked: marks(args, &target), ..target };
    Box::pin(carried_out(args, context, (&origin, &target, window), (plan, &survey, rails.window), &stop))
        .await
}

/// The target, and which events it refuses, where it is asked. It connects while the recording is looked through, where a run
/// may follow.
fn connecting(args: &Args, context: &Context, target: Place, in_bulk: bool) -> (Place, Option<Refusal>) {
    if args.dry_run && !args.asks_target() {
        return (target, None);
    }
    // What is wrong with address or options is said when the target is opened.
    let opened = target.for_writing(&context.environment).ok();
    let may_follow = !args.dry_run && target.confirm(args.confirm.as_deref()).is_ok();
    let begun = opened.as_ref().filter(|_| may_follow && !args.delivering.transacts());
    let ahead = begun
        .and_then(|(address, options)| open::begin(address, &SinkOptions { in_bulk, ..options.clone() }));
    let asked = opened.filter(|_| args.asks_target());
    let refusal = asked.and_then(|(address, options)| open::refusal(&address, &options).ok().flatten());
    (Place { ahead, ..target }, refusal)
}

/// Sends what was surveyed and reports what came of it.
async fn carried_out(
    args: &Args,
    context: &Context,
    (origin, target, window): (&Origin, &Place, Window),
    (plan, survey, beyond_the_ledger): (Plan, &Survey, Option<u64>),
    stop: &StopToken,
) -> Result<Status, CommandError> {
    let shard = plan.shard;
    // Until the end of the run.
    let _lock = keeping::locked(args, shard)?;
    let lines = args.watching.results(args.resume, shard)?;
    let known = (survey, plan.start_at, beyond_the_ledger);
    let begun = keeping::begun(args, context, (target, window, shard), known, stop).await?;
    let (keeper, recall, sink) = match begun {
        Begun::Unkept => (None, None, None),
        Begun::Kept(keeper, recall) => (Some(keeper), recall.map(|recall| *recall), None),
        Begun::Transacting(keeper, sink) => (Some(keeper), None, Some(sink)),
        other => return nothing_sent(args, context, other, stop),
    };
    let run = keeper.as_ref().map_or_else(|| uuid::Uuid::now_v7().to_string(), |keeper| keeper.run().into());
    let audit = auditing::begun(args, context, (origin, target, window), survey, &run)?;
    let shares = origin.group().is_some();
    let plan = Plan {
        run: Some(run),
        // What a group gives to whom nobody knows before.
        planned: (!shares).then_some(survey.events),
        length: Some(survey.length),
        handover: origin.handover(),
        first: survey.earliest,
        selection: Selection { guards: plan.selection.guards.after_survey(), ..plan.selection },
        mark: marks(args, target),
        keeper: keeper.clone(),
        recall,
        results: lines.clone(),
        common: shard.map(|_| keeping::common_to_shards(args, target, window)).unwrap_or_default(),
        reopen: Some(origin.reopen(window)),
        canary: args.guarding.canary(context, survey.events),
        limits: if sink.is_some() { once::limits(plan.limits) } else { plan.limits },
        ..plan
    };
    let outcome = send(args, context, (origin, target, window), (plan, survey, sink), stop).await;
    let audited = auditing::ended(audit, outcome.as_ref());
    let outcome = outcome?;
    let again = match &keeper {
        Some(keeper) => keeping::closed(args, context, (window, shard), (keeper, &outcome)),
        None => Ok(again(args, (origin, target), &outcome)),
    };
    show_outcome(args, context, &outcome, target)?;
    let again = again.map_err(|error| error.hint(keeping::WENT_ALL_THE_SAME))?;
    let status = transfer::conclude(&outcome, &context.ui, again.as_deref())?;
    results::written(lines.as_deref())?;
    audited?;
    Ok(status)
}

/// The selection as the target can take it.
///
/// # Errors
/// When the target has not what is to be changed.
fn suited(
    args: &Args,
    mut selection: Selection,
    (target, carried): (&Place, &Capabilities),
    clock: &RecordedClock,
) -> Result<Selection, CommandError> {
    changing::suited(&selection.changes, carried)?;
    faulting::suited(&selection.faults, &target.address, clock)?;
    selection.faults.mark &= !args.no_mark && carried.headers;
    Ok(selection)
}

/// What is sent; a run that goes on makes the same faults as before.
fn chosen(args: &Args, window: Window, shard: Option<Shard>) -> Result<Selection, CommandError> {
    let ledger = args.ledger.as_deref().map(|path| delivering::file_of(path, shard));
    let goes_on = |path: &PathBuf| args.resume && (shard.is_none() || path.exists());
    args.selecting.selection(&window, ledger.filter(goes_on).as_deref())
}

/// The end of a run that has nothing to send.
fn nothing_sent(
    args: &Args,
    context: &Context,
    begun: Begun,
    stop: &StopToken,
) -> Result<Status, CommandError> {
    let Begun::NothingLeft(summary) = begun else {
        return transfer::stopped_before_the_first(stop, &context.ui);
    };
    if args.format == Format::Json {
        report::summary_json(&mut context.ui.data(), &summary)?;
    }
    if summary.failed > 0 {
        let message = format!(
            "the target has refused {} of this run and taken {}; nothing was sent now",
            counted(summary.failed, "event"),
            summary.settled_before
        );
        return Err(CommandError::new(ErrorKind::Delivery, message).hint(
            "a run never sends again what was refused: begin another one with a ledger of its own, from what `--results` \
             of the first one named",
        ));
    }
    // What was left out as late is settled, too, and the ledger does not tell it apart.
    context.ui.say("nothing of this run is left to send, so nothing was sent");
    Ok(Status::Done)
}

async fn send(
    args: &Args,
    context: &Context,
    (origin, target, window): (&Origin, &Place, Window),
    (plan, survey, sink): (Plan, &Survey, Option<Box<dyn Sink>>),
    stop: &StopToken,
) -> Result<Outcome, CommandError> {
    let source = origin.begin(window, &plan).await?;
    let in_bulk = !plan.timetable.is_paced();
    let sink = match sink {
        Some(sink) => sink,
        None => match copying::sink(origin, target)? {
            Some(sink) => sink,
            None => Connector::new(&args.connect, context, stop)?.sink(target, in_bulk).await?,
        },
    };
    let mut view = args.watching.view(&context.ui, survey);
    Ok(carry(source, sink, plan, &mut view, stop).await)
}

fn refuse_losses(args: &Args, survey: &Survey, carried: Capabilities) -> Result<(), CommandError> {
    if args.loss == Loss::Allow || survey.losses.is_empty() {
        return Ok(());
    }
    let mut error = CommandError::new(
        ErrorKind::Delivery,
        format!("{} cannot carry everything these events hold; nothing was sent", carried.name),
    );
    for loss in &survey.losses {
        error = error.hint(report::loss(loss));
    }
    Err(error.hint("`--loss allow` sends the events without it"))
}

/// Whether events say which run sent them.
fn marks(args: &Args, target: &Place) -> bool {
    !args.no_mark && (args.ledger.is_some() || is_network(&target.address))
}

fn show_plan(
    args: &Args,
    context: &Context,
    (survey, selection, (timetable, start_at)): (&Survey, &Selection, (&Timetable, Option<Timestamp>)),
    (origin, target, carried): (&Origin, &Place, Capabilities),
    rails: &Rails,
) -> Result<Status, CommandError> {
    let plan = PlanView {
        survey,
        target: target.address.to_string(),
        only: guarding::only_channel(target),
        renames: &selection.changes.renames,
        carried,
        paced: timetable.is_paced(),
        rounds: timetable.rounds(),
        start_at,
        protected: target.protected.as_deref(),
        seed: args.selecting.faulting.seed(),
        changes: args.selecting.changing.options(),
        identity: &rails.identity,
        guarantee: args.delivering.guarantee(origin, args.ledger.is_some(), &carried, &rails.findings),
        marks: marks(args, target) && carried.headers,
        caps: rails.caps,
        findings: rails.worst_first(),
        refuses_losses: args.loss == Loss::Refuse,
    };
    let mut data = context.ui.data();
    match args.format {
        Format::Human => replay_plan::plan_text(&mut data, &plan)?,
        Format::Json => replay_plan::plan_json(&mut data, &plan)?,
    }
    let loses = args.loss == Loss::Refuse && !survey.losses.is_empty();
    let is_unconfirmed = target.confirm(args.confirm.as_deref()).is_err();
    let stops = loses || is_unconfirmed || rails.would_stop(args);
    Ok(if stops { Status::Findings } else { Status::Done })
}

/// The flags that decide which event has which number and what it is, as they can be written again.
fn options(args: &Args, window: &Window) -> Vec<(&'static str, Option<String>)> {
    let selecting = args.selecting.options(window).into_iter().map(|(name, value)| (name, Some(value)));
    let skips = args.selecting.skips_replayed().then_some(("skip-replayed", None));
    selecting.chain(skips).chain(args.guarding.options()).collect()
}

fn show_outcome(
    args: &Args,
    context: &Context,
    outcome: &Outcome,
    target: &Place,
) -> Result<(), CommandError> {
    let mut data = context.ui.data();
    match args.format {
        Format::Human if context.ui.quiet => {}
        Format::Human => report::outcome_text(&mut data, outcome, &target.address.to_string())?,
        Format::Json => report::summary_json(&mut data, &outcome.summary)?,
    }
    Ok(())
}

/// How to go on after a run that did not send everything.
fn again(args: &Args, (origin, target): (&Origin, &Place), outcome: &Outcome) -> Option<String> {
    if let Some(group) = origin.group() {
        let whole = outcome.delivered() && matches!(outcome.ending, Ending::Complete);
        let words = format!("the same command goes on from the position of the group `{group}`");
        return (!whole).then_some(words);
    }
    let planned = outcome.summary.planned.unwrap_or(0);
    if outcome.settled >= planned {
        return None;
    }
    let target = &target.address;
    if target.scheme == Scheme::Memory {
        return None;
    }
    if target.scheme == Scheme::File && is_archive_name(Path::new(&target.path)) {
        let words =
            "a recording cannot be added to: name another target, or begin anew with this one removed";
        return Some(words.to_owned());
    }
    let numbers = args.selecting.changes_numbers() || args.scheduling.changes_numbers();
    if numbers || args.guarding.changes_numbers() {
        return Some("to be able to go on after an end like this, keep a ledger: `--ledger FILE`".to_owned());
    }
    let skip = args.selecting.skip + outcome.settled;
    if skip == 0 {
        return Some("go on with the same command".to_owned());
    }
    let first =
        args.selecting.first.map(|first| format!(" --first {}", first.saturating_sub(outcome.settled)));
    Some(format!("go on with the same command and `--skip {skip}{}`", first.unwrap_or_default()))
}
