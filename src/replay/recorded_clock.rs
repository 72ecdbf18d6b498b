//! Which recorded time is the schedule's, read from events.

use serde_json::Value;

use super::jq::{Jq, JqError, JqFailure};
use super::time_point::TimePoint;
use crate::endpoint::{EndpointError, EndpointErrorKind};
use crate::event::{Event, Timestamp};

/// Which time of an event its schedule goes by.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum RecordedClock {
    /// When it was received by the recorder.
    #[default]
    Receive,
    /// The time the system gave it.
    Broker,
    /// A JSON Pointer into the payload.
    Pointer(String),
    /// The first output of a filter.
    Jq(Jq),
}

impl RecordedClock {
    /// Reads `receive`, `broker`, `field:/pointer` or `field:.a.filter`; none when it is nothing of that kind.
    ///
    /// # Errors
    /// Where a filter is wrong.
    pub fn parse(text: &str) -> Result<Option<Self>, JqError> {
        Ok(match (text, text.strip_prefix("field:")) {
            ("receive", _) => Some(Self::Receive),
            ("broker", _) => Some(Self::Broker),
            (_, Some(pointer)) if pointer.starts_with('/') => Some(Self::Pointer(pointer.to_owned())),
            (_, Some(filter)) if !filter.is_empty() => Some(Self::Jq(Jq::compile(filter)?)),
            _ => None,
        })
    }

    /// Events come in the order of this time already.
    pub(super) fn is_of_the_recording(&self) -> bool {
        *self == Self::Receive
    }

    /// The time of each event, up to the first that has none; `before` events came earlier.
    pub(super) fn times(&self, events: &[Event], before: u64) -> (Vec<Timestamp>, Option<EndpointError>) {
        let found: Vec<Result<Timestamp, String>> = match self {
            Self::Receive => events.iter().map(|event| Ok(event.received)).collect(),
            Self::Broker => {
                let none = || "its system gave it none".to_owned();
                events
                    .iter()
                    .map(|event| event.broker_time.map(|stamp| stamp.time).ok_or_else(none))
                    .collect()
            }
            Self::Pointer(pointer) => events.iter().map(|event| pointed(event, pointer)).collect(),
            Self::Jq(filter) => {
                let answers = filter.first_outputs(events);
                if let Some(Err(JqFailure::Limit(limit))) = answers.last() {
                    return (Vec::new(), Some(filter.gave_up(*limit)));
                }
                answers.into_iter().map(answered).collect()
            }
        };
        let mut times = Vec::with_capacity(events.len());
        for ((time, event), number) in found.into_iter().zip(events).zip(before + 1..) {
            match time {
                Ok(time) => times.push(time),
                Err(why) => return (times, Some(self.missing(event, number, &why))),
            }
        }
        (times, None)
    }

    fn missing(&self, event: &Event, number: u64, why: &str) -> EndpointError {
        let clock = match self {
            Self::Receive => "receive".to_owned(),
            Self::Broker => "broker".to_owned(),
            Self::Pointer(pointer) => format!("field:{pointer}"),
            Self::Jq(filter) => format!("field:{}", filter.text()),
        };
        let message =
            format!("event {number}, of `{}`, has no time for `--clock {clock}`: {why}", event.channel);
        EndpointError::new(EndpointErrorKind::Malformed, message).help(
            "leave such events out with `--filter`, fall back in jq (`field:.payload.at // .time`), or go by `--clock receive`",
        )
    }
}

fn pointed(event: &Event, pointer: &str) -> Result<Timestamp, String> {
    let payload = event.payload.as_deref().ok_or("it has no payload")?;
    let value: Value = serde_json::from_slice(payload).map_err(|_| "its payload is not JSON".to_owned())?;
    time(value.pointer(pointer).ok_or("there is nothing at that place")?)
}

fn answered(answer: Result<Option<String>, JqFailure>) -> Result<Timestamp, String> {
    match answer {
        Ok(Some(output)) => {
            // A number in arbitrary digits, or a text.
            let value = serde_json::from_str(&output).map_err(|_| format!("{output} is no time"))?;
            time(&value)
        }
        Ok(None) => Err("the filter gave nothing".to_owned()),
        Err(JqFailure::Event(reason)) => Err(reason),
        Err(JqFailure::Limit(limit)) => Err(limit.to_string()),
    }
}

/// A time as payloads write it: RFC 3339, or seconds, milliseconds, microseconds or nanoseconds since 1970 by their digits;
/// seconds may have decimals.
fn time(value: &Value) -> Result<Timestamp, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => return Err(format!("{other} is no time")),
    };
    let no_time = || format!("`{text}` is no time");
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(no_time());
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |part: &str| part.bytes().all(|each| each.is_ascii_digit());
    if digits(whole) && digits(decimals) && !whole.is_empty() {
        let number: i64 = whole.parse().map_err(|_| no_time())?;
        return match whole.len() {
            ..=11 => {
                let micros: i64 = format!("{decimals:0<6.6}").parse().map_err(|_| no_time())?;
                Ok(Timestamp(number * 1_000_000 + micros))
            }
            12..=14 => Ok(Timestamp(number * 1_000)),
            15..=17 => Ok(Timestamp(number)),
            _ => Ok(Timestamp(number / 1_000)),
        };
    }
    let point = TimePoint::parse(&text, Timestamp(0)).map_err(|_| no_time())?;
    point.moment().ok_or_else(no_time)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{RecordedClock, time};
    use crate::event::{Event, Timestamp};

    #[test]
    fn times_of_every_form_are_read() {
        for (value, micros) in [
            (json!("2026-11-01T00:00:00.25Z"), 1_793_491_200_250_000),
            (json!(1_793_491_200), 1_793_491_200_000_000),
            (json!(1_793_491_200.5), 1_793_491_200_500_000),
            (json!(1_793_491_200_123_i64), 1_793_491_200_123_000),
            (json!("1793491200123456"), 1_793_491_200_123_456),
            (json!(1_793_491_200_123_456_789_i64), 1_793_491_200_123_456),
            (json!(0), 0),
        ] {
            assert_eq!(time(&value), Ok(Timestamp(micros)), "{value}");
        }
        for wrong in [json!("now"), json!("-5m"), json!(null), json!([]), json!(-1), json!(""), json!(1e30)] {
            assert!(time(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_first_event_without_a_time_is_named() {
        let events = [
            Event::new("a", r#"{"at":{"s":1793491200}}"#),
            Event::new("a", r#"{"at":{"s":"1793491201"}}"#),
            Event::new("b", r#"{"at":{}}"#),
            Event::new("b", "no JSON"),
        ];
        for text in ["field:/at/s", "field:.payload.at.s"] {
            let clock = RecordedClock::parse(text).expect("a filter").expect("a clock");
            let (times, error) = clock.times(&events, 10);
            assert_eq!(times, [Timestamp(1_793_491_200_000_000), Timestamp(1_793_491_201_000_000)], "{text}");
            let message = error.expect("a failure").message;
            assert!(message.starts_with("event 13, of `b`, has no time for `--clock field:"), "{message}");
        }
        let (times, error) = RecordedClock::Broker.times(&events, 0);
        assert!(times.is_empty() && error.is_some_and(|error| error.message.contains("event 1,")));
    }

    #[test]
    fn only_clocks_are_read() {
        for wrong in ["", "field:", "payload", "sent"] {
            assert_eq!(RecordedClock::parse(wrong), Ok(None), "{wrong}");
        }
        assert!(RecordedClock::parse("field:.a[").is_err());
    }
}
