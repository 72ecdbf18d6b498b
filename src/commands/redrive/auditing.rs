//! What the audit file says of a redrive.

use serde_json::{Value, json};

use super::{Args, BackTo, Counts, Loss, Route, group};
use crate::commands::auditing::{Audit, Flag, options};
use crate::commands::preflight::Preflight;
use crate::commands::target::is_network;
use crate::commands::{CommandError, Context};
use crate::endpoint::mask;
use crate::replay::Outcome;

/// Notes that a run begins which sends to a server or takes events out of one; none between files and pipes.
///
/// # Errors
/// When there is no place for the file, or it cannot be written.
pub(super) fn begun(
    args: &Args,
    context: &Context,
    route: &Route,
    (planned, run): (Option<u64>, &str),
) -> Result<Option<Audit>, CommandError> {
    if !is_network(&route.target.address) && !is_network(&route.source.address) {
        return Ok(None);
    }
    let run = json!({
        "command": "redrive",
        "run": run,
        "source": route.source.address.to_string(),
        "target": route.target.address.to_string(),
        "protected": route.target.protected,
        "options": options(flags(args, context)),
        "planned": planned,
    });
    Audit::begin(args.audit.as_deref(), context, &run).map(Some)
}

/// Notes how a run ended that was noted to begin.
///
/// # Errors
/// When that cannot be written.
pub(super) fn ended(
    audit: Option<Audit>,
    outcome: Result<&Outcome, &CommandError>,
    counts: &Counts,
) -> Result<(), CommandError> {
    let Some(audit) = audit else { return Ok(()) };
    let more = match outcome {
        Ok(_) => json!({ "redriven": counts.redriven, "quarantined": counts.quarantined }),
        Err(_) => Value::Null,
    };
    audit.ended(outcome, &more)
}

/// The flags of a run, as they were given.
fn flags(args: &Args, context: &Context) -> Vec<Flag> {
    let mut flags =
        vec![("group", Some(group(args).to_owned())), ("max-redrives", Some(args.max_redrives.to_string()))];
    flags.extend(args.choosing.options().into_iter().map(|(name, value)| (name, Some(value))));
    let given = [
        ("to", args.to.as_deref().map(mask)),
        ("origin-header", args.origin_header.clone()),
        ("back-to", (args.back_to == BackTo::Exchange).then(|| "exchange".to_owned())),
        ("first", args.first.map(|first| first.to_string())),
        ("rate", args.rate.clone()),
        ("quarantine", args.quarantine.as_deref().map(mask)),
        ("loss", (args.loss == Loss::Allow).then(|| "allow".to_owned())),
        ("preflight", preflight(args.preflight)),
        ("confirm", args.confirm.clone()),
        ("env", context.global.env.clone()),
    ];
    flags.extend(given.into_iter().filter_map(|(name, value)| Some((name, Some(value?)))));
    flags.extend(args.keep_error_headers.then_some(("keep-error-headers", None)));
    flags
}

/// What is not usual about it.
fn preflight(choice: Preflight) -> Option<String> {
    let name = match choice {
        Preflight::Refuse => return None,
        Preflight::Warn => "warn",
        Preflight::Off => "off",
    };
    Some(name.to_owned())
}
