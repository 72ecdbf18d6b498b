//! What `tail`, `record`, `inject` and `replay` have in common: interruption, windows of time, and how they end.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::target::Place;
use super::{CommandError, ErrorKind, Interruptions, Status};
use crate::endpoint::address::Scheme;
use crate::endpoint::{EndpointError, EndpointErrorKind};
use crate::event::Timestamp;
use crate::output::figures::{counted, grouped, removed_before};
use crate::replay::time_point::parse_duration;
use crate::replay::{Ending, Outcome, StopReason, StopToken, Summary, TimePoint};
use crate::ui::Ui;

/// Signals that come so close together are one: `timeout` and service managers send theirs to a process and to its group.
const ONE_INTERRUPTION: Duration = Duration::from_millis(100);

/// Undelivered events that are named one by one.
const MOST_SHOWN: usize = 5;

/// A token that the first interruption asks to stop; the second ends the program at once.
pub fn stop_on_interruption() -> StopToken {
    let stop = StopToken::default();
    let token = stop.clone();
    // From here on signals are caught, however late the task below begins.
    let mut interruptions = Interruptions::listen();
    tokio::spawn(async move {
        interruptions.next().await;
        token.request(StopReason::Interrupted);
        let first = Instant::now();
        interruptions.next().await;
        while first.elapsed() < ONE_INTERRUPTION {
            interruptions.next().await;
        }
        // Nothing is dropped from here on.
        crate::ui::clear_bars();
        std::process::exit(i32::from(Status::Interrupted.code()));
    });
    stop
}

/// The end of a transfer that was asked to stop before its first event.
///
/// # Errors
/// When it was because nobody reads its output.
pub fn stopped_before_the_first(stop: &StopToken, ui: &Ui) -> Result<Status, CommandError> {
    if stop.reason() == Some(StopReason::Unread) {
        return Err(CommandError::unread());
    }
    ui.say("interrupted before anything was sent");
    Ok(Status::Interrupted)
}

/// A file that a transfer makes; it is taken away again when the transfer fails before anything is in it.
#[derive(Debug)]
pub struct NewFile(Option<PathBuf>);

impl NewFile {
    /// Notes whether the place is a file that is not there yet.
    #[must_use]
    pub fn of(place: &Place) -> Self {
        let path = PathBuf::from(&place.address.path);
        Self((place.address.scheme == Scheme::File && !path.exists()).then_some(path))
    }

    /// Takes the file away when nothing came of it.
    pub fn settle(self, outcome: &Outcome) {
        let complete = matches!(outcome.ending, Ending::Complete) && outcome.delivered();
        if let Some(path) = self.0.filter(|_| outcome.summary.acknowledged == 0 && !complete) {
            // It may not have been made at all.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Asks for the end after a time.
pub fn stop_after(stop: &StopToken, time: Option<Duration>) {
    let Some(time) = time else {
        return;
    };
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(time).await;
        stop.request(StopReason::Limit);
    });
}

/// Asks for the end once nobody reads standard output any more, which is noticed where there is nothing to write as well.
pub fn stop_when_unread(stop: &StopToken, ui: &Ui) {
    let (stop, unread) = (stop.clone(), ui.unread());
    tokio::spawn(async move {
        unread.await;
        stop.request(StopReason::Unread);
    });
}

/// The same for a transfer whose events go to standard output.
pub fn stop_when_target_unread(stop: &StopToken, target: &Place, ui: &Ui) {
    if target.address.scheme == Scheme::Stdio {
        stop_when_unread(stop, ui);
    }
}

/// Reads an optional duration.
pub fn duration(text: Option<&str>) -> Result<Option<Duration>, CommandError> {
    Ok(text.map(parse_duration).transpose()?)
}

/// Reads an optional point in time.
pub fn time_point(text: Option<&str>) -> Result<Option<TimePoint>, CommandError> {
    Ok(text.map(|text| TimePoint::parse(text, Timestamp::now())).transpose()?)
}

/// The exit status a transfer deserves, once its figures were shown; `again` says how to go on after an interruption.
///
/// # Errors
/// When events were not delivered, or the source failed.
pub fn conclude(outcome: &Outcome, ui: &Ui, again: Option<&str>) -> Result<Status, CommandError> {
    notes(outcome, ui);
    let with_hint = |error: CommandError| match again {
        Some(again) => error.hint(again),
        None => error,
    };
    match &outcome.ending {
        Ending::Stopped(StopReason::Interrupted) => {
            if outcome.summary.acknowledged < outcome.summary.sent {
                undelivered(outcome, None).show(ui);
            }
            if let Some(again) = again {
                ui.say(again);
            }
            Ok(Status::Interrupted)
        }
        Ending::Stopped(StopReason::Declined) if outcome.delivered() => {
            if let Some(again) = again {
                ui.say(again);
            }
            Ok(Status::Done)
        }
        Ending::Stopped(StopReason::Declined) => Err(with_hint(undelivered(outcome, None))),
        Ending::Stopped(StopReason::Unread) => Err(CommandError::unread()),
        Ending::GaveUp(error) if error.kind == EndpointErrorKind::ClosedPipe => Err(error.clone().into()),
        Ending::GaveUp(error) => Err(with_hint(undelivered(outcome, Some(error)))),
        Ending::SourceFailed(error) => Err(CommandError::from(error.clone())),
        Ending::Complete | Ending::Stopped(StopReason::Limit) if outcome.delivered() => Ok(Status::Done),
        _ => Err(undelivered(outcome, None)),
    }
}

fn notes(outcome: &Outcome, ui: &Ui) {
    if outcome.dropped > 0 {
        let dropped = counted(outcome.dropped, "event");
        ui.warn(format!("the source dropped {dropped} before they could be read"));
    }
    let removed = outcome.summary.removed;
    if !removed.is_none() {
        ui.warn(format!("in all, {}", removed_before(removed)));
    }
    if outcome.reordered > 0 {
        let reordered = counted(outcome.reordered, "event");
        ui.warn(format!("{reordered} had to be sent again after later ones of the same lane"));
    }
    if outcome.held_back > 0 {
        let held_back = counted(outcome.held_back, "event");
        ui.detail(format!("{held_back} carried a time before that of an earlier one; order was kept"));
    }
}

fn undelivered(outcome: &Outcome, last: Option<&EndpointError>) -> CommandError {
    let summary = &outcome.summary;
    let missing = summary.sent - summary.acknowledged.min(summary.sent);
    let mut failures: Vec<&EndpointError> = outcome.failures.iter().collect();
    if failures.is_empty() {
        failures.extend(last);
    }
    let mut message = if missing == 0 {
        "the transfer could not be finished".to_owned()
    } else {
        let were = if summary.sent == 1 { "was" } else { "were" };
        format!("{} of {} {were} not delivered", grouped(missing), counted(summary.sent, "event"))
    };
    let shown = listed(summary, failures.len() > 1);
    // A reason that stands beside its event is not said twice.
    let beside = |failure: &EndpointError| {
        failures.len() > 1
            && summary.undelivered.iter().take(MOST_SHOWN).any(|each| each.error == failure.message)
    };
    for failure in failures.iter().filter(|failure| shown.is_empty() || !beside(failure)) {
        message.push_str(if failures.len() == 1 { ": " } else { "\n  " });
        message.push_str(&failure.message);
    }
    for line in shown {
        message.push_str("\n  ");
        message.push_str(&line);
    }
    let mut error = CommandError::new(ErrorKind::Delivery, message);
    for help in failures.iter().filter_map(|failure| failure.help.as_ref()) {
        if !error.hints.contains(help) {
            error = error.hint(help);
        }
    }
    error
}

/// The first events that were not delivered, a line each, and how many further ones there are. Of one event alone it is
/// clear which one it is.
fn listed(summary: &Summary, with_reasons: bool) -> Vec<String> {
    if summary.sent <= 1 {
        return Vec::new();
    }
    let lines = summary.undelivered.iter().take(MOST_SHOWN).map(|event| {
        let channel = if event.channel.is_empty() {
            String::new()
        } else {
            format!(" for `{}`", event.channel.escape_debug())
        };
        let key = event.key.as_ref().map(|key| format!(" with the key `{}`", key.escape_debug()));
        let binary = event.key_base64.as_ref().map(|key| format!(" with the key {key} (base64)"));
        let reason = if with_reasons { format!(": {}", event.error) } else { String::new() };
        format!("event {}{channel}{}{reason}", grouped(event.number), key.or(binary).unwrap_or_default())
    });
    let mut lines: Vec<String> = lines.collect();
    let rest = summary.failed.saturating_sub(lines.len() as u64);
    if rest > 0 && !lines.is_empty() {
        lines.push(format!("and {}", counted(rest, "further event")));
    }
    lines
}
