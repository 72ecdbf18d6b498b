//! What the audit file says of a replay.

use serde_json::{Value, json};

use super::origin::Origin;
use super::{Args, Loss};
use crate::commands::auditing::{Audit, Flag, options};
use crate::commands::target::{Place, is_network};
use crate::commands::window::Window;
use crate::commands::{CommandError, Context};
use crate::replay::{ArchiveIdentity, Outcome, Survey};

/// Notes that a run to a server begins; none for a file, a pipe or a log in this process.
///
/// # Errors
/// When there is no place for the file, or it cannot be written.
pub(super) fn begun(
    args: &Args,
    context: &Context,
    (origin, target, window): (&Origin, &Place, Window),
    survey: &Survey,
    run: &str,
) -> Result<Option<Audit>, CommandError> {
    if !is_network(&target.address) {
        return Ok(None);
    }
    let schedule = args.scheduling.options().into_iter().map(|(name, value)| (name, Some(value)));
    let chosen = super::options(args, &window).into_iter().chain(args.guarding.repeated());
    let run = json!({
        "command": "replay",
        "run": run,
        "archive": origin.archive().and_then(|path| ArchiveIdentity::of(path).ok()),
        "topic": origin.shown(),
        "target": target.address.to_string(),
        "protected": target.protected,
        "options": options(schedule.chain(chosen).chain(others(args, context))),
        "planned": survey.events,
        "bytes": survey.bytes,
        "resumed": args.resume,
    });
    Audit::begin(args.guarding.audit.as_deref(), context, &run).map(Some)
}

/// Notes how a run ended that was noted to begin.
///
/// # Errors
/// When that cannot be written.
pub(super) fn ended(
    audit: Option<Audit>,
    outcome: Result<&Outcome, &CommandError>,
) -> Result<(), CommandError> {
    audit.map_or(Ok(()), |audit| audit.ended(outcome, &Value::Null))
}

/// Flags that are none of the schedule and of what is selected.
fn others(args: &Args, context: &Context) -> impl Iterator<Item = Flag> {
    let values = [
        ("loss", (args.loss == Loss::Allow).then(|| "allow".to_owned())),
        ("confirm", args.confirm.clone()),
        ("env", context.global.env.clone()),
    ];
    let values = values.into_iter().filter_map(|(name, value)| Some((name, Some(value?))));
    values.chain(args.no_mark.then_some(("no-mark", None)))
}
