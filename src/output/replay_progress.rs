//! The progress of a transfer as JSON lines, `docs/schemas/replay-progress.schema.json`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::endpoint::Removed;
use crate::event::Timestamp;
use crate::replay::Progress;
use crate::replay::progress::Counts;

/// One thing that happened, as a JSON object; `plan` is how many events there are and how long the schedule is, when known.
#[must_use]
pub fn value(progress: &Progress<'_>, plan: (Option<u64>, Option<Duration>)) -> Value {
    let mut object = match progress {
        Progress::Started { planned, length, start_at } => json!({
            "progress": "started",
            "planned": planned,
            "length_us": length.map(micros),
            "start_at": start_at.map(|time| time.to_string()),
        }),
        Progress::Running(counts) => running(counts, plan),
        Progress::Retrying { events, attempt, wait, error } => json!({
            "progress": "retrying",
            "events": events,
            "attempt": attempt,
            "wait_us": micros(*wait),
            "error": error,
        }),
        Progress::Recovered => json!({"progress": "recovered"}),
        Progress::SourceLost { error } => json!({"progress": "source-lost", "error": error}),
        Progress::SourceBack { source: None, .. } => json!({"progress": "source-back"}),
        Progress::SourceBack { source, .. } => json!({"progress": "source-back", "source": source}),
        Progress::Removed(Removed { events, at_most }) => {
            json!({"progress": "events-removed", "events": events, "at_most": at_most})
        }
        Progress::Stopping { outstanding, .. } => {
            json!({"progress": "stopping", "outstanding": outstanding})
        }
        Progress::Finished(outcome) => json!({
            "progress": "finished",
            "sent": outcome.summary.sent,
            "acknowledged": outcome.summary.acknowledged,
            "failed": outcome.summary.failed,
            "delivered": outcome.delivered(),
        }),
    };
    object["at"] = Timestamp::now().to_string().into();
    object
}

fn running(counts: &Counts, (planned, length): (Option<u64>, Option<Duration>)) -> Value {
    json!({
        "progress": "running",
        "planned": planned,
        "sent": counts.sent,
        "acknowledged": counts.acknowledged,
        "failed": counts.failed,
        "bytes": counts.bytes,
        "lag_us": micros(counts.lag),
        "elapsed_us": micros(counts.elapsed),
        "left_us": left(counts, planned, length).map(micros),
        "groups": counts.groups,
    })
}

/// How long it will still take: what is left of the schedule, or of the events at the rate so far; not known while nothing goes.
#[must_use]
pub fn left(counts: &Counts, planned: Option<u64>, length: Option<Duration>) -> Option<Duration> {
    if counts.still {
        return None;
    }
    let scheduled = counts.scheduled.unwrap_or(counts.elapsed);
    let rest = length.and_then(|length| length.checked_sub(scheduled)).filter(|rest| !rest.is_zero());
    if rest.is_some() {
        return rest;
    }
    let left = u128::from(planned?.saturating_sub(counts.sent));
    let nanos = (counts.elapsed.as_nanos() * left).checked_div(u128::from(counts.sent))?;
    Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{left, value};
    use crate::endpoint::Removed;
    use crate::replay::progress::{Counts, GroupCounts};
    use crate::replay::{Progress, StopReason};

    #[test]
    fn every_line_is_what_its_schema_says() {
        let schema = include_str!("../../docs/schemas/replay-progress.schema.json");
        let schema = serde_json::from_str(schema).expect("a schema");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let group = GroupCounts { channel: "a".to_owned(), sent: 1, ..GroupCounts::default() };
        let counts = Counts { sent: 1, groups: vec![group], ..Counts::default() };
        let error = "gone".to_owned();
        for progress in [
            Progress::Started { planned: None, length: Some(Duration::from_secs(1)), start_at: None },
            Progress::Running(counts),
            Progress::Retrying { events: 3, attempt: 1, wait: Duration::ZERO, error: error.clone() },
            Progress::Recovered,
            Progress::SourceLost { error },
            Progress::SourceBack { source: None, goes_on: true },
            Progress::SourceBack { source: Some("nats://h:4222".to_owned()), goes_on: false },
            Progress::Removed(Removed { events: 7, at_most: true }),
            Progress::Stopping { reason: StopReason::Limit, outstanding: 2 },
        ] {
            let line = value(&progress, (Some(5), None));
            let errors: Vec<String> = validator.iter_errors(&line).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{line}: {errors:?}");
        }
    }

    #[test]
    fn the_time_left_is_that_of_the_schedule_or_goes_by_the_rate_so_far() {
        let counts = Counts { sent: 10, elapsed: Duration::from_secs(2), ..Counts::default() };
        let seconds = |planned, length| left(&counts, planned, length).map(|left| left.as_secs());
        assert_eq!(seconds(Some(40), Some(Duration::from_secs(7))), Some(5));
        assert_eq!(seconds(Some(40), Some(Duration::ZERO)), Some(6));
        // A schedule that is over says nothing of the events that are still to go.
        assert_eq!(seconds(Some(40), Some(Duration::from_secs(1))), Some(6));
        assert_eq!(seconds(Some(10), Some(Duration::from_secs(1))), Some(0));
        assert_eq!(seconds(None, None), None);
        assert_eq!(left(&Counts::default(), Some(4), None), None);
    }

    #[test]
    fn the_time_left_counts_what_moved_the_schedule_and_is_unknown_while_nothing_goes() {
        let length = Some(Duration::from_secs(10));
        let (elapsed, scheduled) = (Duration::from_secs(15), Some(Duration::from_secs(7)));
        let counts = Counts { sent: 8, elapsed, scheduled, ..Counts::default() };
        assert_eq!(left(&counts, Some(10), length), Some(Duration::from_secs(3)));
        let still = Counts { still: true, ..counts };
        assert_eq!(left(&still, Some(10), length), None);
        assert!(value(&Progress::Running(still), (Some(10), length))["left_us"].is_null());
    }
}
