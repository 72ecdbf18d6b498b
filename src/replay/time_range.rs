//! Windows of reading in one word, as rpk writes them: `@-48h:-24h`, `@2026-11-01T00:00Z:`, `-100`, `+50:`, `start:end`.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::time_point::{TimeError, TimePoint, parse_duration};
use crate::endpoint::{Start, Stop};
use crate::event::Timestamp;

const HELP: &str = "write times behind `@`, such as `@-48h:-24h`, `@2026-11-01T00:00Z:` or `@2026-11-01:1h`, or places, \
                    such as `start:end`, `-100`, `+50:`, `120:180`";

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeStart {
    /// The oldest event kept.
    Start,
    /// So many events after it.
    After(u64),
    /// What is there now.
    End,
    /// So many events before it.
    Before(u64),
    /// An offset or sequence number, included.
    Offset(u64),
    /// A moment.
    At(Timestamp),
}

/// Where reading ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeStop {
    /// Never, or where the source ends.
    Open,
    /// What is there when reading begins.
    End,
    /// So many events after the beginning.
    Count(u64),
    /// An offset or sequence number, not included.
    Offset(u64),
    /// A moment.
    At(Timestamp),
}

/// A window of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// Where it begins.
    pub start: RangeStart,
    /// Where it ends.
    pub stop: RangeStop,
}

impl TimeRange {
    /// Reads a window; `now` is what relative times count from.
    ///
    /// `BEGIN` alone goes on from there, `BEGIN:` too, `:END` begins at the oldest event. Behind `@` both sides are times; an
    /// end without a sign is a time or, such as `1h`, counted from the beginning. Without `@` they are places.
    ///
    /// # Errors
    /// [`TimeError`] with the part that is wrong.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, TimeError> {
        let range = match text.strip_prefix('@') {
            Some(times) => {
                parse_times(times, now).map_err(|(wrong, what)| (wrong.start + 1..wrong.end + 1, what))
            }
            None => parse_places(text),
        };
        range.map_err(|(wrong, what)| TimeError {
            message: format!("`{text}` is no window: {what}"),
            text: text.to_owned(),
            wrong,
            help: HELP,
        })
    }

    /// How a source is opened for it. `follow` reads on after what is there.
    #[must_use]
    pub fn window(self) -> (Start, Stop) {
        let start = match self.start {
            RangeStart::Start | RangeStart::After(_) => Start::Beginning,
            RangeStart::End => Start::End,
            RangeStart::Before(count) => Start::Last(count),
            RangeStart::Offset(offset) => Start::Offset(offset),
            RangeStart::At(time) => Start::Time(time),
        };
        let stop = match self.stop {
            RangeStop::Open | RangeStop::Count(_) => Stop::Never,
            RangeStop::End => Stop::PresentEnd,
            RangeStop::Offset(offset) => Stop::Offset(offset),
            RangeStop::At(time) => Stop::Time(time),
        };
        (start, stop)
    }

    /// Events to leave out at the beginning.
    #[must_use]
    pub fn skip(self) -> u64 {
        match self.start {
            RangeStart::After(count) => count,
            _ => 0,
        }
    }

    /// Most events to take, when the window says so.
    #[must_use]
    pub fn count(self) -> Option<u64> {
        match self.stop {
            RangeStop::Count(count) => Some(count),
            _ => None,
        }
    }
}

impl fmt::Display for TimeRange {
    /// The window in its own grammar; both sides of a window of times are times.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = matches!(self.start, RangeStart::At(_)) || matches!(self.stop, RangeStop::At(_));
        if times {
            formatter.write_str("@")?;
        }
        match self.start {
            RangeStart::Start => formatter.write_str("start")?,
            RangeStart::End => formatter.write_str("end")?,
            RangeStart::After(count) => write!(formatter, "+{count}")?,
            RangeStart::Before(count) => write!(formatter, "-{count}")?,
            RangeStart::Offset(offset) => write!(formatter, "{offset}")?,
            RangeStart::At(time) => write!(formatter, "{time}")?,
        }
        match self.stop {
            RangeStop::Open => formatter.write_str(":"),
            RangeStop::End => formatter.write_str(":end"),
            RangeStop::Count(count) => write!(formatter, ":+{count}"),
            RangeStop::Offset(offset) => write!(formatter, ":{offset}"),
            RangeStop::At(time) => write!(formatter, ":{time}"),
        }
    }
}

type Wrong = (Range<usize>, String);

/// Times hold colons of their own, so the one between the sides is the first with a time before it and an end behind it.
fn parse_times(text: &str, now: Timestamp) -> Result<TimeRange, Wrong> {
    let mut found: Option<Wrong> = None;
    let splits = text.match_indices(':').map(|(at, _)| (at, at + 1)).chain([(text.len(), text.len())]);
    for (end, next) in splits {
        let start = match time_start(&text[..end], now) {
            Ok(start) => start,
            Err(wrong) => {
                found.get_or_insert(wrong);
                continue;
            }
        };
        let rest = &text[next..];
        match time_stop(rest, start, now) {
            Ok(stop) => return Ok(TimeRange { start, stop }),
            // What follows a whole time says more than why half a text is no time.
            Err((wrong, what)) => found = Some((wrong.start + next..wrong.end + next, what)),
        }
    }
    Err(found.unwrap_or((0..text.len(), "a time is missing".to_owned())))
}

fn time_start(text: &str, now: Timestamp) -> Result<RangeStart, Wrong> {
    if text.is_empty() {
        return Ok(RangeStart::Start);
    }
    match point(text, now)? {
        TimePoint::Start => Ok(RangeStart::Start),
        TimePoint::End => Ok(RangeStart::End),
        TimePoint::At(time) => Ok(RangeStart::At(time)),
        TimePoint::Offset(_) | TimePoint::Last(_) => Err(place_behind_at(text)),
    }
}

fn time_stop(text: &str, start: RangeStart, now: Timestamp) -> Result<RangeStop, Wrong> {
    if text.is_empty() {
        return Ok(RangeStop::Open);
    }
    let length = || parse_duration(text.strip_prefix('+').unwrap_or(text)).ok();
    if let (RangeStart::At(begin), Some(length)) = (start, length()) {
        return Ok(RangeStop::At(later(begin, length)));
    }
    match point(text, now)? {
        TimePoint::End => Ok(RangeStop::End),
        TimePoint::At(time) => match start {
            RangeStart::At(begin) if begin > time => {
                Err((0..text.len(), "the end lies before the beginning".to_owned()))
            }
            _ => Ok(RangeStop::At(time)),
        },
        TimePoint::Start => Err((0..text.len(), "reading cannot end at the start".to_owned())),
        TimePoint::Offset(_) | TimePoint::Last(_) => Err(place_behind_at(text)),
    }
}

fn point(text: &str, now: Timestamp) -> Result<TimePoint, Wrong> {
    TimePoint::parse(text, now).map_err(|error| {
        let what = error.message.split_once(": ").map_or(error.message.as_str(), |(_, what)| what).to_owned();
        (error.wrong, what)
    })
}

fn later(time: Timestamp, length: Duration) -> Timestamp {
    Timestamp(time.0.saturating_add(i64::try_from(length.as_micros()).unwrap_or(i64::MAX)))
}

fn place_behind_at(text: &str) -> Wrong {
    (0..text.len(), "behind `@` both sides are times".to_owned())
}

fn parse_places(text: &str) -> Result<TimeRange, Wrong> {
    if text.is_empty() {
        return Err((0..0, "a place is missing".to_owned()));
    }
    let (begin, end) = text.split_once(':').map_or((text, None), |(begin, end)| (begin, Some(end)));
    let start = match begin {
        "" | "start" => RangeStart::Start,
        "end" => RangeStart::End,
        _ => match (begin.strip_prefix('+'), begin.strip_prefix('-')) {
            (Some(count), _) => RangeStart::After(number(count, 1)?),
            (_, Some(count)) => RangeStart::Before(number(count, 1)?),
            _ => RangeStart::Offset(number(begin, 0)?),
        },
    };
    let from = begin.len() + 1;
    let stop = match end {
        None | Some("") => RangeStop::Open,
        Some("end") => RangeStop::End,
        Some(end) => match end.strip_prefix('+') {
            Some(count) => RangeStop::Count(number(count, from + 1)?),
            None => RangeStop::Offset(number(end, from)?),
        },
    };
    match (start, stop) {
        (RangeStart::Offset(first), RangeStop::Offset(end)) if end < first => {
            Err((from..text.len(), "the end lies before the beginning".to_owned()))
        }
        _ => Ok(TimeRange { start, stop }),
    }
}

fn number(text: &str, at: usize) -> Result<u64, Wrong> {
    let what = if text.ends_with(['s', 'm', 'h', 'd']) {
        "not a whole number (times stand behind `@`)"
    } else {
        "not a whole number"
    };
    text.parse().map_err(|_| (at..at + text.len(), what.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{RangeStart, RangeStop, TimeRange};
    use crate::endpoint::{Start, Stop};
    use crate::event::Timestamp;

    const NOW: Timestamp = Timestamp(1_793_500_000_000_000);
    const HOUR: i64 = 3_600_000_000;

    fn read(text: &str) -> (RangeStart, RangeStop) {
        let range = TimeRange::parse(text, NOW).unwrap_or_else(|error| panic!("{error}"));
        (range.start, range.stop)
    }

    #[test]
    fn every_form_is_read() {
        let ago = |hours: i64| Timestamp(NOW.0 - hours * HOUR);
        let midnight = Timestamp(1_793_491_200_000_000);
        for (text, start, stop) in [
            ("@-48h:-24h", RangeStart::At(ago(48)), RangeStop::At(ago(24))),
            ("@2026-11-01T00:00Z:", RangeStart::At(midnight), RangeStop::Open),
            ("@2026-11-01T00:00Z", RangeStart::At(midnight), RangeStop::Open),
            ("@2026-11-01:1h", RangeStart::At(midnight), RangeStop::At(Timestamp(midnight.0 + HOUR))),
            (
                "@2026-11-01T00:00:00Z:2026-11-01T01:00:00Z",
                RangeStart::At(midnight),
                RangeStop::At(Timestamp(midnight.0 + HOUR)),
            ),
            ("@1793491200:1793494800", RangeStart::At(midnight), RangeStop::At(Timestamp(midnight.0 + HOUR))),
            ("@:-1h", RangeStart::Start, RangeStop::At(ago(1))),
            ("@-1h:end", RangeStart::At(ago(1)), RangeStop::End),
            ("@-1h:now", RangeStart::At(ago(1)), RangeStop::At(NOW)),
            ("start:end", RangeStart::Start, RangeStop::End),
            ("start", RangeStart::Start, RangeStop::Open),
            ("end", RangeStart::End, RangeStop::Open),
            ("-100", RangeStart::Before(100), RangeStop::Open),
            ("-100:end", RangeStart::Before(100), RangeStop::End),
            ("+50:", RangeStart::After(50), RangeStop::Open),
            ("120:180", RangeStart::Offset(120), RangeStop::Offset(180)),
            ("120:+10", RangeStart::Offset(120), RangeStop::Count(10)),
            (":end", RangeStart::Start, RangeStop::End),
        ] {
            assert_eq!(read(text), (start, stop), "{text}");
        }
        let range = TimeRange::parse("+5:+7", NOW).expect("a window");
        assert_eq!(
            (range.window(), range.skip(), range.count()),
            ((Start::Beginning, Stop::Never), 5, Some(7))
        );
    }

    #[test]
    fn errors_point_at_the_wrong_part() {
        let wrong = |text: &str| {
            let error = TimeRange::parse(text, NOW).expect_err(text);
            text[error.wrong].to_owned()
        };
        for (text, part) in [
            ("@2026-13-01T00:00Z:", "2026-13-01"),
            ("@-48h:-24y", "y"),
            ("@-5:", "5"),
            ("@-1h:-2h", "-2h"),
            ("@-1h:start", "start"),
            ("@last:5", "last"),
            ("12:x", "x"),
            ("-5m", "5m"),
            ("20:10", "10"),
            ("yesterday", "yesterday"),
            ("", ""),
        ] {
            assert_eq!(wrong(text), part, "{text}");
        }
    }

    fn any_range() -> impl Strategy<Value = TimeRange> {
        let moment = || (0_i64..4_000_000_000_000_000).prop_map(Timestamp);
        let times = (moment(), moment()).prop_map(|(one, other)| TimeRange {
            start: RangeStart::At(one.min(other)),
            stop: RangeStop::At(one.max(other)),
        });
        let open = (moment(), prop_oneof![Just(RangeStop::Open), Just(RangeStop::End)])
            .prop_map(|(time, stop)| TimeRange { start: RangeStart::At(time), stop });
        let until =
            moment().prop_map(|time| TimeRange { start: RangeStart::Start, stop: RangeStop::At(time) });
        let start = prop_oneof![
            Just(RangeStart::Start),
            Just(RangeStart::End),
            any::<u64>().prop_map(RangeStart::After),
            any::<u64>().prop_map(RangeStart::Before),
        ];
        let stop = prop_oneof![
            Just(RangeStop::Open),
            Just(RangeStop::End),
            any::<u64>().prop_map(RangeStop::Count),
            any::<u64>().prop_map(RangeStop::Offset),
        ];
        let places = (start, stop).prop_map(|(start, stop)| TimeRange { start, stop });
        prop_oneof![times, open, until, places]
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(range in any_range()) {
            prop_assert_eq!(TimeRange::parse(&range.to_string(), NOW).ok(), Some(range), "{}", range);
        }

        #[test]
        fn no_text_panics_and_ranges_lie_in_the_text(text in "@?[-+:0-9a-zTZ é]{0,24}") {
            if let Err(error) = TimeRange::parse(&text, NOW) {
                prop_assert!(error.text.get(error.wrong).is_some());
            }
        }
    }
}
