//! What a run would send, looked through before it does, and what people should know of it.

use super::delivering::file_of;
use super::origin::Origin;
use super::{Args, changing};
use crate::commands::choosing::{say_replayed, say_unfit};
use crate::commands::window::Window;
use crate::commands::{CommandError, Context};
use crate::endpoint::Source;
use crate::event::Timestamp;
use crate::output::figures::counted;
use crate::replay::survey::Carriage;
use crate::replay::{Ledger, Plan, Retime, Selection, Shard, StopToken, Survey};

/// The survey of what is selected, with times as the run would move them.
///
/// # Errors
/// Those of the source.
pub(super) async fn surveyed(
    args: &Args,
    (origin, window, source): (&Origin, Window, Box<dyn Source>),
    (selection, shard, scheduled): (&Selection, Option<Shard>, &Plan),
    carriage: Carriage,
    stop: &StopToken,
) -> Result<Survey, CommandError> {
    let timetable = &scheduled.timetable;
    let foreseen = origin.foreseen(window, (selection, shard, timetable), &carriage, stop).await;
    let mut survey = match foreseen {
        Some(survey) => survey,
        None => Survey::of(source, selection.clone(), shard, timetable, carriage, stop).await?,
    };
    if selection.changes.times.retime == Retime::Shift {
        survey.move_times(beginning(args, shard, scheduled.start_at));
    }
    Ok(survey)
}

/// When the run begins, or began where it goes on.
fn beginning(args: &Args, shard: Option<Shard>, start_at: Option<Timestamp>) -> Timestamp {
    let ledger = args.ledger.as_ref().filter(|_| args.resume).map(|path| file_of(path, shard));
    // One that cannot be read is told of when it is taken up.
    let kept = ledger.and_then(|path| Ledger::read(&path).ok().flatten());
    let began = kept.and_then(|kept| kept.started.parse().ok());
    began.or(start_at).unwrap_or_else(Timestamp::now)
}

/// What people should know of the selection before it is sent.
pub(super) fn say_survey(args: &Args, context: &Context, selection: &Selection, survey: &Survey) {
    say_unfit(&selection.filters, context);
    say_replayed(&survey.left_out, context);
    changing::say_unused(&args.selecting.changing, &selection.changes, survey, context);
    args.selecting.faulting.say_seed(context);
    if survey.unsampled > 0 {
        let (events, by) =
            (counted(survey.unsampled, "event"), args.selecting.sampled_by().unwrap_or_default());
        context.ui.warn(format!("left out: {events} with nothing to be chosen by (`--by {by}`)"));
    }
}

/// Why nothing is sent, where that is so.
pub(super) fn say_if_nothing(context: &Context, origin: &Origin, survey: &Survey, shard: Option<Shard>) {
    if survey.events > 0 {
        return;
    }
    let why = match (origin.group(), shard) {
        (Some(group), _) => {
            format!("the group `{group}` has read all there is, or what is left is not selected")
        }
        (None, Some(_)) if survey.selected > 0 => "no lane belongs to this shard".to_owned(),
        _ => "no event of the recording is selected".to_owned(),
    };
    context.ui.warn(format!("{why}, so nothing is sent"));
}
