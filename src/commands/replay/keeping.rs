//! The ledger of `eddy replay`: begun, taken up again after a crash, and closed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::delivering::file_of;
use super::{Args, Loss};
use crate::archive::is_archive_name;
use crate::commands::target::Place;
use crate::commands::window::Window;
use crate::commands::{CommandError, Context, ErrorKind};
use crate::diagnostic::quoted;
use crate::endpoint::address::Scheme;
use crate::endpoint::{Address, Sink, SinkOptions, Start, Stop, mask};
use crate::event::Timestamp;
use crate::output::figures::counted;
use crate::replay::ledger::plan_hash;
use crate::replay::read_back::{begin, read_back};
use crate::replay::{
    ArchiveIdentity, Keeper, Ledger, LedgerError, LedgerLock, Outcome, Recall, Shard, StopToken, Summary,
    Survey,
};

/// What is to be done about a ledger.
pub(super) enum Begun {
    /// The run keeps none.
    Unkept,
    /// The run is kept from here on.
    Kept(Arc<Keeper>, Option<Box<Recall>>),
    /// The same, and the target keeps the progress of the run as well, in the transactions of this sink.
    Transacting(Arc<Keeper>, Box<dyn Sink>),
    /// An earlier part of the run has settled everything.
    NothingLeft(Box<Summary>),
    /// The end was asked for while the target was read back; the ledger holds what was found.
    Interrupted,
}

/// Refuses a ledger that this run cannot keep, before anybody is asked about anything.
///
/// # Errors
/// When there is one that was not to be taken up, none that was to be, when it belongs to another run, or when the target is
/// a recording: one that was cut off is not gone on with, and of one in a bucket nothing is there before its end.
pub(super) fn refuse_other(
    args: &Args,
    (target, window, shard): (&Place, Window, Option<Shard>),
    survey: &Survey,
) -> Result<(), CommandError> {
    let Some(path) = &args.ledger else {
        return Ok(());
    };
    if target.address.scheme == Scheme::File && is_archive_name(Path::new(&target.address.path)) {
        let message = format!("`{}` is a recording, and no run into one can be gone on with", target.address);
        return Err(CommandError::usage(message)
            .hint("leave `--ledger` out, or send to a file of event lines, such as `events.ndjson`"));
    }
    let path = &file_of(path, shard);
    match Ledger::read(path)? {
        None if args.resume && shard.is_none() => Err(nothing_to_go_on_from(path)),
        Some(kept) if args.resume => Ok(kept.belongs_to(path, &new(args, (target, window, shard), survey)?)?),
        Some(kept) if !kept.finished => Err(unfinished(path, &kept)),
        _ => Ok(()),
    }
}

/// The right to keep the ledger that the flags name. Where the target keeps the progress as well, whoever comes later takes the
/// run over, and the other can send nothing more.
///
/// # Errors
/// When another process keeps it.
pub(super) fn locked(args: &Args, shard: Option<Shard>) -> Result<Option<LedgerLock>, CommandError> {
    let lock = |path: &PathBuf| LedgerLock::take(&file_of(path, shard)).map_err(not_begun);
    args.ledger.as_ref().filter(|_| !args.delivering.transacts()).map(lock).transpose()
}

/// Begins the ledger the flags name, or takes it up again.
///
/// # Errors
/// When there is one that was not to be taken up, when it belongs to another run, or when it cannot be kept.
pub(super) async fn begun(
    args: &Args,
    context: &Context,
    (target, window, shard): (&Place, Window, Option<Shard>),
    (survey, start_at, beyond_the_ledger): (&Survey, Option<Timestamp>, Option<u64>),
    stop: &StopToken,
) -> Result<Begun, CommandError> {
    let Some(path) = &args.ledger else {
        return Ok(Begun::Unkept);
    };
    let path = &file_of(path, shard);
    let mut new = new(args, (target, window, shard), survey)?;
    if let Some(start) = start_at {
        new.started = start.to_string();
    }
    let (address, options) = target.for_writing(&context.environment)?;
    let found = Ledger::read(path)?;
    // The pod of a shard that is started again has the same command as the first time.
    if found.is_none() && args.resume && shard.is_none() {
        return Err(nothing_to_go_on_from(path));
    }
    if args.delivering.transacts() {
        let kept = found.filter(|_| args.resume);
        return super::once::begun(args, context, target, (path, new, kept), stop).await;
    }
    let (ledger, uncertain_below) = match found {
        Some(kept) if args.resume => {
            kept.belongs_to(path, &new)?;
            let Some(kept) = resumed(context, kept, (&address, &options), (path, stop)).await? else {
                return Ok(Begun::Interrupted);
            };
            kept
        }
        Some(kept) if !kept.finished => return Err(unfinished(path, &kept)),
        _ => {
            let new = Ledger { window: beyond_the_ledger, ..new };
            (to_be_read_back(args, context, new, (&address, &options), survey).await?, 0)
        }
    };
    if ledger.settled.low() >= ledger.planned {
        let own = if shard.is_some() { survey.events } else { ledger.planned };
        return nothing_left(ledger, path, own, shard);
    }
    let only = Some(target.address.path.as_str()).filter(|path| !path.is_empty());
    let recall = (!ledger.read_back.is_empty()).then(|| Box::new(Recall::new(address, options)));
    let keeper = Keeper::start(path, ledger, only, args.resume).map_err(not_begun)?;
    Ok(Begun::Kept(Arc::new(keeper.uncertain_below(uncertain_below)), recall))
}

/// A new ledger that knows from where its target is read back after a crash, where it can be.
async fn to_be_read_back(
    args: &Args,
    context: &Context,
    new: Ledger,
    (address, options): (&Address, &SinkOptions),
    survey: &Survey,
) -> Result<Ledger, CommandError> {
    if !args.delivering.reads_back() {
        return Ok(new);
    }
    let channels: Vec<&str> = survey.channels.keys().map(String::as_str).collect();
    let read_back = begin(address, options, &channels).await?;
    if read_back.is_none() {
        context.ui.detail(format!(
            "what reaches `{address}` cannot be read back: after a crash some events may go twice"
        ));
    }
    Ok(Ledger { read_back: read_back.unwrap_or_default(), ..new })
}

/// Everything is settled, and the ledger says so.
pub(super) fn nothing_left(
    ledger: Ledger,
    path: &Path,
    own: u64,
    shard: Option<Shard>,
) -> Result<Begun, CommandError> {
    let ledger = Ledger { finished: true, ..ledger };
    ledger.write(path)?;
    let (planned, failed) = (Some(own), ledger.refused);
    let settled_before = own.saturating_sub(failed);
    let summary = Summary { run: ledger.run, shard, planned, settled_before, failed, ..Summary::default() };
    Ok(Begun::NothingLeft(Box::new(summary)))
}

/// The ledger this run would have if it began now.
fn new(
    args: &Args,
    (target, window, shard): (&Place, Window, Option<Shard>),
    survey: &Survey,
) -> Result<Ledger, CommandError> {
    let archive = ArchiveIdentity::of(Path::new(&args.archive)).map_err(|error| {
        CommandError::usage(format!("cannot read `{}`: {error}", args.archive))
            .hint("a run with a ledger sends a file that can be read twice")
    })?;
    let mut options = super::options(args, &window);
    let more = args.scheduling.numbering().into_iter().chain(args.delivering.options(shard));
    options.extend(more.map(|(name, value)| (name, Some(value))));
    let parts = options.iter().flat_map(|(name, value)| [*name, value.as_deref().unwrap_or_default()]);
    let parts: Vec<&str> = parts.collect();
    let ledger = Ledger::new(archive, plan_hash(&parts), target.address.to_string(), survey.selected);
    Ok(Ledger { seed: args.selecting.faulting.seed(), ..ledger })
}

/// A word for what the shards of a run send and where to: identities that are made anew are the same in all of them, and others
/// in another run that begins at the same time.
pub(super) fn common_to_shards(args: &Args, target: &Place, window: Window) -> String {
    let archive = ArchiveIdentity::of(Path::new(&args.archive));
    let archive = archive.map_or_else(|_| mask(&args.archive), |archive| archive.sha256);
    // Of a file each shard has its own.
    let target = Some(target.address.to_string()).filter(|_| target.address.scheme != Scheme::File);
    let mut parts = vec![archive, target.unwrap_or_default()];
    for (name, value) in super::options(args, &window) {
        // Each shard reads `-1h` at a time of its own.
        let by_the_clock = match name {
            "from" => matches!(window.start, Start::Time(_)),
            "until" => matches!(window.stop, Stop::Time(_)),
            _ => false,
        };
        if !by_the_clock {
            parts.extend([name.to_owned(), value.unwrap_or_default()]);
        }
    }
    parts.extend(args.scheduling.numbering().into_iter().flat_map(|(name, value)| [name.to_owned(), value]));
    plan_hash(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The ledger with what is on the target settled, and the number below which what is not may have arrived all the same; none
/// when the end was asked for.
async fn resumed(
    context: &Context,
    mut kept: Ledger,
    (address, options): (&Address, &SinkOptions),
    (path, stop): (&Path, &StopToken),
) -> Result<Option<(Ledger, u64)>, CommandError> {
    let ui = &context.ui;
    let before = kept.settled.count();
    ui.say(format!("going on with run {}: {} settled before", kept.run, counted(before, "event")));
    if kept.read_back.is_empty() {
        if kept.ended_cleanly {
            return Ok(Some((kept, 0)));
        }
        ui.warn(format!(
            "what reached `{address}` cannot be read back: events on their way when the run ended may go twice",
        ));
        return Ok(Some((kept, 0)));
    }
    let found = read_back(&mut kept, address, options, stop).await?;
    kept.write(path)?;
    ui.detail(format!("read {} of the target back", counted(found.read, "event")));
    if found.found > 0 {
        ui.say(format!("{} had arrived without a receipt", counted(found.found, "event")));
    }
    let uncertain_below = if kept.ended_cleanly { 0 } else { found.uncertain_below };
    if uncertain_below > kept.settled.low() && !found.interrupted {
        ui.warn(format!(
            "`{address}` does not hold all any more that reached it: events on their way when the run ended may go twice",
        ));
    }
    Ok((!found.interrupted).then_some((kept, uncertain_below)))
}

fn nothing_to_go_on_from(path: &Path) -> CommandError {
    CommandError::usage(format!("there is no ledger `{}` to go on from", path.display()))
        .hint("without `--resume` a new run begins, and keeps it")
}

fn unfinished(path: &Path, kept: &Ledger) -> CommandError {
    let message = format!(
        "`{}` is the ledger of a run that has not ended: {} of {} settled",
        path.display(),
        kept.settled.count(),
        counted(kept.planned, "event")
    );
    CommandError::usage(message)
        .hint("add `--resume` to go on with it")
        .hint("to begin anew, name another ledger or remove this one")
}

/// What to know when the ledger is behind what was sent.
pub(super) const WENT_ALL_THE_SAME: &str = "what is counted above was sent all the same; then the same command with `--resume` knows what of it has arrived, where \
     the target can be read back";

/// Closes the ledger and says how to go on, when there is something left.
///
/// # Errors
/// When it cannot be written.
pub(super) fn closed(
    args: &Args,
    context: &Context,
    (window, shard): (Window, Option<Shard>),
    (keeper, outcome): (&Keeper, &Outcome),
) -> Result<Option<String>, CommandError> {
    let summary = &outcome.summary;
    let ledger = keeper.finish()?;
    if ledger.finished {
        return Ok(None);
    }
    let left = match (shard, summary.planned) {
        (Some(_), Some(planned)) => {
            let settled = summary.settled_before + summary.acknowledged + summary.left_out_late;
            planned.saturating_sub(settled)
        }
        _ => ledger.planned - ledger.settled.count(),
    };
    let words = if outcome.delivered() { "go on" } else { "go on where it ended" };
    let left = counted(left, "event");
    Ok(Some(format!("{left} left; {words}: {}", again(args, context, (window, shard)))))
}

/// The command that goes on with the run.
fn again(args: &Args, context: &Context, (window, shard): (Window, Option<Shard>)) -> String {
    let mut words = vec!["eddy".to_owned(), "replay".to_owned(), args.archive.clone()];
    let mut option = |name: &str, value: &str| words.extend([format!("--{name}"), value.to_owned()]);
    option("to", &crate::endpoint::mask(&args.to));
    let options = args.scheduling.options().into_iter().chain(args.watching.options());
    for (name, value) in options.chain(args.delivering.options(shard)) {
        option(name, &value);
    }
    if args.loss == Loss::Allow {
        option("loss", "allow");
    }
    let shown = |path: &PathBuf| path.display().to_string();
    for (name, value) in [
        ("confirm", args.confirm.clone()),
        ("ledger", args.ledger.as_ref().map(shown)),
        ("retry-for", (args.retry_for != super::RETRY_FOR).then(|| args.retry_for.clone())),
        ("connect-timeout", args.connect.written().map(str::to_owned)),
        ("workspace", context.global.workspace.as_ref().map(shown)),
        ("env", context.global.env.clone()),
    ] {
        if let Some(value) = value {
            option(name, &value);
        }
    }
    for (name, value) in super::options(args, &window).into_iter().chain(args.guarding.repeated()) {
        words.push(format!("--{name}"));
        words.extend(value);
    }
    words.push("--resume".to_owned());
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// Nothing was sent: a ledger that cannot be written is a place that was chosen wrongly.
pub(super) fn not_begun(error: LedgerError) -> CommandError {
    CommandError { kind: ErrorKind::Usage, ..error.into() }
}

impl From<LedgerError> for CommandError {
    fn from(error: LedgerError) -> Self {
        let help = match &error {
            LedgerError::Unwritable { path, source } => crate::atomic_file::next_step(path, source),
            LedgerError::Unreadable { .. } => "check the path and its permissions".to_owned(),
            LedgerError::InUse { .. } => {
                "wait until that run has ended, or end it; two of one ledger would send the same events"
                    .to_owned()
            }
            LedgerError::Malformed { .. } => "name another file, or remove it to begin anew".to_owned(),
            LedgerError::Other { .. } => {
                "name the ledger of this run, or another one to begin anew".to_owned()
            }
        };
        let kind = match &error {
            LedgerError::Unwritable { .. } => ErrorKind::Delivery,
            _ => ErrorKind::Usage,
        };
        Self::new(kind, error.to_string()).hint(help)
    }
}
