//! The event: the one currency every room trades in. It knows nothing of brokers, files or contracts.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use compact_str::CompactString;

mod attributes;
pub mod carriage;
pub mod cloud_event;
pub mod coding;
pub mod correlation;
pub mod json_lines;
pub mod kcat;
pub mod percent;

pub use attributes::Attributes;

/// A point in time in whole microseconds since 1970-01-01T00:00:00Z; negative values are earlier.
///
/// Microseconds fit into the 2^53 integers that JSON readers keep exactly; nanoseconds do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The present moment of the system clock.
    #[must_use]
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond())
    }

    /// The time of an event that arrives now, as of [`Arrivals`].
    #[must_use]
    pub fn of_arrival() -> Self {
        let Arrivals { next, .. } = Arrivals::of(1);
        next
    }

    /// Microseconds from `earlier` to `self`; negative when `self` lies before it.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The times of events that arrive together. Each is later than all given out before by this process, since events without a
/// place on a broker are told apart by them; where more arrive than there are microseconds they run ahead of the clock by
/// [`Arrivals::AHEAD`] at most, and what is more shares its time.
#[derive(Clone, Copy, Debug)]
pub struct Arrivals {
    next: Timestamp,
    step: i64,
}

impl Arrivals {
    /// Microseconds that times may run ahead of the clock.
    pub const AHEAD: i64 = 100_000;

    /// Those of so many events.
    #[must_use]
    pub fn of(count: usize) -> Self {
        static LAST: AtomicI64 = AtomicI64::new(i64::MIN);
        Self::behind(&LAST, Timestamp::now(), i64::try_from(count).unwrap_or(i64::MAX))
    }

    fn behind(last: &AtomicI64, now: Timestamp, count: i64) -> Self {
        let first_behind = |last: i64| now.0.max(last.saturating_add(1));
        let given = last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
            let end = first_behind(last).saturating_add(count.max(1) - 1);
            (end.saturating_sub(now.0) <= Self::AHEAD).then_some(end)
        });
        match given {
            Ok(last) => Self { next: Timestamp(first_behind(last)), step: 1 },
            Err(_) => Self { next: now, step: 0 },
        }
    }

    /// The time of the next of them.
    pub fn take(&mut self) -> Timestamp {
        let time = self.next;
        self.next.0 += self.step;
        time
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with six decimals, or the bare number where the calendar ends.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(formatter, "{time:.6}"),
            Err(_) => write!(formatter, "{}us", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    /// Reads RFC 3339, such as `2026-11-01T00:00:00Z`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>().map(|time| Self(time.as_microsecond()))
    }
}

/// Who wrote a [`BrokerTime`]: the producer when it made the event, or the broker when it stored it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeKind {
    /// Set by the producer.
    Create,
    /// Set by the broker on arrival.
    Append,
}

/// The time a broker reports for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerTime {
    /// The time itself.
    pub time: Timestamp,
    /// Who set it.
    pub kind: TimeKind,
}

/// The header that names the run which sent an event.
pub const RUN_HEADER: &str = "eddy-run";
/// The header with the number of an event in the plan of its run, from 0.
pub const NUMBER_HEADER: &str = "eddy-seq";
/// The header by which JetStream takes an event for a repeat of one that came shortly before.
pub const REPEAT_HEADER: &str = "Nats-Msg-Id";
/// The header that says which faults were done to an event on purpose.
pub const FAULT_HEADER: &str = "eddy-fault";
/// The header with how many replays an event has been through, from 2 on; an event with [`RUN_HEADER`] alone has been
/// through one.
pub const LOOPS_HEADER: &str = "eddy-loops";

/// One header: names may repeat and keep their order; a value may be null, empty or binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name as written, case kept.
    pub name: CompactString,
    /// The bytes; `None` is a null value, which is not the empty one.
    pub value: Option<Bytes>,
}

impl Header {
    /// A header with a text value.
    #[must_use]
    pub fn text(name: impl Into<CompactString>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: Some(Bytes::from(value.into())) }
    }
}

/// Where an event lies on its broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Partition number, where the system has partitions.
    pub partition: Option<i32>,
    /// Offset or stream sequence number.
    pub offset: Option<u64>,
}

/// One occurrence: what every source yields and every sink takes, without loss.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// The address of the channel: topic, subject, routing key or stream. A short one is kept in place.
    pub channel: CompactString,
    /// The partition key; `None` is no key, which is not the empty one.
    pub key: Option<Bytes>,
    /// The payload; `None` is null (a tombstone), which is not the empty one.
    pub payload: Option<Bytes>,
    /// Headers in order, repeats kept.
    pub headers: Vec<Header>,
    /// When this process received or made the event.
    pub received: Timestamp,
    /// The time the broker or the producer wrote on it, if any.
    pub broker_time: Option<BrokerTime>,
    /// Where it lies on the broker it came from.
    pub place: Place,
    /// Facts of one protocol (`qos`, `retain`, `reply`, `content_type`, `stream` …) in order of writing.
    pub attributes: Attributes,
}

impl Event {
    /// An event for `channel` with this payload, received now.
    #[must_use]
    pub fn new(channel: impl Into<CompactString>, payload: impl Into<Bytes>) -> Self {
        Self {
            channel: channel.into(),
            payload: Some(payload.into()),
            received: Timestamp::of_arrival(),
            ..Self::default()
        }
    }

    /// When it happened, as far as is known: the time the broker or the producer wrote on it, else when it was received.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.broker_time.map_or(self.received, |stamp| stamp.time)
    }

    /// The value of the first header called `name`, when it is text; names compare without case.
    #[must_use]
    pub fn header_text(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value.as_ref()?).ok()
    }

    /// Whether two of its headers have one name.
    #[must_use]
    pub fn repeats_headers(&self) -> bool {
        if self.headers.len() < 2 {
            return false;
        }
        let mut names: Vec<&str> = self.headers.iter().map(|header| header.name.as_str()).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// Bytes of key, payload and headers together; what limits and rates count.
    #[must_use]
    pub fn size(&self) -> usize {
        let header_bytes: usize = self
            .headers
            .iter()
            .map(|header| header.name.len() + header.value.as_ref().map_or(0, Bytes::len))
            .sum();
        self.key.as_ref().map_or(0, Bytes::len) + self.payload.as_ref().map_or(0, Bytes::len) + header_bytes
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use super::{Arrivals, Timestamp};

    #[test]
    fn no_time_of_arrival_is_given_out_twice_while_there_are_enough() {
        let last = AtomicI64::new(0);
        let times = |now, count| {
            let mut given = Arrivals::behind(&last, Timestamp(now), count);
            let times = [given.take().0, given.take().0];
            (times, last.load(std::sync::atomic::Ordering::Relaxed))
        };
        assert_eq!(times(1000, 2), ([1000, 1001], 1001));
        assert_eq!(times(1000, 500), ([1002, 1003], 1501));
        assert_eq!(times(5000, 1), ([5000, 5001], 5000));
        // The clock was set back.
        assert_eq!(times(4000, 1), ([5001, 5002], 5001));
        let more = Arrivals::AHEAD + 2;
        assert_eq!(times(6000, more), ([6000, 6000], 5001), "more than there are");
        assert_eq!(times(6000, more - 1), ([6000, 6001], 6000 + more - 2));
        assert_eq!(times(6000, 1), ([6000, 6000], 6000 + more - 2));
        assert!(Timestamp::of_arrival() < Timestamp::of_arrival());
    }
}
