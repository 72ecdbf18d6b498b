//! How people write points in time and spans of time on the command line; errors say which part is wrong.

use std::ops::Range;
use std::time::Duration;

use thiserror::Error;

use crate::endpoint::{Start, Stop};
use crate::event::Timestamp;

/// A text that is no time or no duration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct TimeError {
    /// What is wrong.
    pub message: String,
    /// The text as given.
    pub text: String,
    /// The bytes of it that are wrong.
    pub wrong: Range<usize>,
    /// The accepted form.
    pub help: &'static str,
}

const TIME_HELP: &str = "write `2026-11-01T00:00Z`, `2026-11-01`, `@1793491200`, `-5m`, `now`, `start`, `end`, \
                         `last:100` or `offset:42`";
const DURATION_HELP: &str = "write a number and a unit (`ms`, `s`, `m`, `h`, `d`), such as `30s` or `1h30m`";

/// A point where reading begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimePoint {
    /// `start`: the oldest event kept.
    Start,
    /// `end`: what is there now.
    End,
    /// A moment: written out, `now`, or relative to now.
    At(Timestamp),
    /// `offset:42`: an offset or stream sequence number.
    Offset(u64),
    /// `last:100`: that many events back from the end.
    Last(u64),
}

impl TimePoint {
    /// Reads a point in time; `now` is what relative ones count from.
    ///
    /// # Errors
    /// [`TimeError`] with the part that is wrong.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, TimeError> {
        let body = text.strip_prefix('@').unwrap_or(text);
        let skipped = text.len() - body.len();
        let count = |prefix: &str| {
            let digits = body.strip_prefix(prefix)?;
            let wrong = time_error(text, skipped + prefix.len()..text.len(), "not a whole number");
            Some(digits.parse::<u64>().map_err(|_| wrong))
        };
        match body {
            "start" => return Ok(Self::Start),
            "end" => return Ok(Self::End),
            "now" => return Ok(Self::At(now)),
            _ => {}
        }
        if let Some(last) = count("last:") {
            return last.map(Self::Last);
        }
        if let Some(offset) = count("offset:") {
            return offset.map(Self::Offset);
        }
        if let Some(back) = body.strip_prefix('-') {
            let span = duration_within(back).map_err(|(range, what)| {
                time_error(text, range.start + skipped + 1..range.end + skipped + 1, what)
            })?;
            let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
            return Ok(Self::At(Timestamp(now.0.saturating_sub(micros))));
        }
        moment(body)
            .map(Self::At)
            .map_err(|(range, what)| time_error(text, range.start + skipped..range.end + skipped, what))
    }

    /// As the beginning of reading.
    #[must_use]
    pub fn start(self) -> Start {
        match self {
            Self::Start => Start::Beginning,
            Self::End => Start::End,
            Self::At(time) => Start::Time(time),
            Self::Offset(offset) => Start::Offset(offset),
            Self::Last(count) => Start::Last(count),
        }
    }

    /// As the end of reading; `None` where it makes no sense (`start`, `last:`).
    #[must_use]
    pub fn stop(self) -> Option<Stop> {
        match self {
            Self::Start | Self::Last(_) => None,
            Self::End => Some(Stop::PresentEnd),
            Self::At(time) => Some(Stop::Time(time)),
            Self::Offset(offset) => Some(Stop::Offset(offset)),
        }
    }

    /// The moment, when it is one.
    #[must_use]
    pub fn moment(self) -> Option<Timestamp> {
        match self {
            Self::At(time) => Some(time),
            _ => None,
        }
    }
}

/// Reads a span of time such as `500ms`, `30s`, `1.5h` or `1h30m`.
///
/// # Errors
/// [`TimeError`] with the part that is wrong.
pub fn parse_duration(text: &str) -> Result<Duration, TimeError> {
    duration_within(text).map_err(|(wrong, what)| TimeError {
        message: format!("`{text}` is not a duration: {what}"),
        text: text.to_owned(),
        wrong,
        help: DURATION_HELP,
    })
}

type Wrong = (Range<usize>, &'static str);

fn time_error(text: &str, wrong: Range<usize>, what: &str) -> TimeError {
    TimeError {
        message: format!("`{text}` is not a time: {what}"),
        text: text.to_owned(),
        wrong,
        help: TIME_HELP,
    }
}

fn duration_within(text: &str) -> Result<Duration, Wrong> {
    if text.is_empty() {
        return Err((0..0, "a number and a unit are missing"));
    }
    let mut total = Duration::ZERO;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let digits = rest.find(|each: char| !each.is_ascii_digit() && each != '.').unwrap_or(rest.len());
        let unit_end = rest[digits..].find(|each: char| each.is_ascii_digit() || each == '.');
        let end = unit_end.map_or(rest.len(), |length| digits + length);
        let number_end = if digits == 0 { at + end } else { at + digits };
        let number: f64 = rest[..digits].parse().map_err(|_| (at..number_end, "not a number"))?;
        let unit = match &rest[digits..end] {
            "us" | "µs" => 0.000_001,
            "ms" => 0.001,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "" => return Err((at..at + digits, "a unit is missing")),
            _ => return Err((at + digits..at + end, "unknown unit")),
        };
        let part = Duration::try_from_secs_f64(number * unit).map_err(|_| (at..at + end, "too long"))?;
        total = total.checked_add(part).ok_or((at..at + end, "too long"))?;
        at += end;
    }
    Ok(total)
}

/// Reads RFC 3339 with optional seconds, a date alone (midnight, UTC), or seconds, milliseconds or microseconds
/// since 1970 by their number of digits.
fn moment(text: &str) -> Result<Timestamp, Wrong> {
    let all = 0..text.len();
    if !text.is_empty() && text.chars().all(|each| each.is_ascii_digit()) {
        let factor = match text.len() {
            9..=11 => 1_000_000,
            12..=14 => 1_000,
            15..=17 => 1,
            _ => {
                return Err((
                    all,
                    "a number needs 10 digits (seconds), 13 (milliseconds) or 16 (microseconds)",
                ));
            }
        };
        let value: i64 = text.parse().map_err(|_| (all, "too large"))?;
        return Ok(Timestamp(value.saturating_mul(factor)));
    }
    let Some((date_text, clock)) = text.split_once(['T', ' ']) else {
        let date: jiff::civil::Date = text.parse().map_err(|_| (all, "not a date"))?;
        return midnight(date).ok_or((0..text.len(), "outside the calendar"));
    };
    if date_text.parse::<jiff::civil::Date>().is_err() {
        return Err((0..date_text.len(), "the date is wrong"));
    }
    let zone = clock.rfind(['Z', 'z', '+', '-']);
    let clock_start = date_text.len() + 1;
    let Some(zone) = zone else {
        return Err((text.len()..text.len(), "the time zone is missing, `Z` or `+02:00`"));
    };
    if clock[..zone].parse::<jiff::civil::Time>().is_err() {
        return Err((clock_start..clock_start + zone, "the time of day is wrong"));
    }
    text.parse().map_err(|_| match format!("2000-01-01T{clock}").parse::<Timestamp>() {
        Ok(_) => (0..date_text.len(), "outside the calendar"),
        Err(_) => (clock_start + zone..text.len(), "the time zone is wrong"),
    })
}

fn midnight(date: jiff::civil::Date) -> Option<Timestamp> {
    let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp(zoned.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{TimePoint, parse_duration};
    use crate::endpoint::{Start, Stop};
    use crate::event::Timestamp;

    const NOW: Timestamp = Timestamp(1_793_500_000_000_000);

    fn point(text: &str) -> TimePoint {
        TimePoint::parse(text, NOW).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn every_form_is_read() {
        let midnight = TimePoint::At(Timestamp(1_793_491_200_000_000));
        for text in [
            "2026-11-01T00:00Z",
            "@2026-11-01T00:00:00Z",
            "2026-11-01",
            "@1793491200",
            "1793491200000",
            "1793491200000000",
            "2026-11-01T01:00:00+01:00",
            "2026-11-01 00:00:00.000Z",
        ] {
            assert_eq!(point(text), midnight, "{text}");
        }
        assert_eq!(point("now"), TimePoint::At(NOW));
        assert_eq!(point("@-5m"), TimePoint::At(Timestamp(NOW.0 - 300_000_000)));
        assert_eq!(point("-1h30m"), TimePoint::At(Timestamp(NOW.0 - 5_400_000_000)));
        assert_eq!((point("start").start(), point("end").start()), (Start::Beginning, Start::End));
        assert_eq!(point("last:7").start(), Start::Last(7));
        assert_eq!(point("offset:9").stop(), Some(Stop::Offset(9)));
        assert_eq!(point("end").stop(), Some(Stop::PresentEnd));
        assert_eq!(point("start").stop(), None);
    }

    #[test]
    fn errors_point_at_the_wrong_part() {
        let wrong = |text: &str| {
            let error = TimePoint::parse(text, NOW).expect_err(text);
            text[error.wrong].to_owned()
        };
        assert_eq!(wrong("2026-13-01T00:00Z"), "2026-13-01");
        assert_eq!(wrong("@2026-11-01T25:00Z"), "25:00");
        assert_eq!(wrong("2026-11-01T00:00+99:99"), "+99:99");
        assert_eq!(wrong("9999-12-31T12:00Z"), "9999-12-31");
        let error = TimePoint::parse("9999-12-31T12:00Z", NOW).expect_err("far away");
        assert_eq!(error.message, "`9999-12-31T12:00Z` is not a time: outside the calendar");
        assert_eq!(wrong("last:x"), "x");
        assert_eq!(wrong("-5y"), "y");
        assert_eq!(wrong("@-5"), "5");
        assert_eq!(wrong("yesterday"), "yesterday");
        assert_eq!(wrong("12"), "12");
    }

    #[test]
    fn durations_are_sums_of_numbers_with_units() {
        let read = |text: &str| parse_duration(text).ok();
        assert_eq!(read("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(read("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(read("1.5s"), Some(Duration::from_millis(1500)));
        for text in ["", "5", "s", "1.2.3s", "-1s", "1e9d", "99999999999999999999d"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_ranges_lie_in_the_text(text in "\\PC{0,24}") {
            if let Err(error) = TimePoint::parse(&text, NOW) {
                prop_assert!(error.text.get(error.wrong).is_some());
            }
        }
    }
}
