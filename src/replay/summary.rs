//! What a transfer came to: the figures that are printed and compared, and how it ended.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::fault::FaultCount;
use super::guard::LeftOut;
use super::lanes::LaneCounts;
use super::stop::StopReason;
use crate::endpoint::EndpointError;

/// The figures of a transfer; its JSON form is `docs/schemas/replay-summary.schema.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Identifies the run.
    pub run: String,
    /// Events that were to be sent, when that was known before.
    pub planned: Option<u64>,
    /// Events of them that an earlier part of the run had settled; they were not sent again.
    pub settled_before: u64,
    /// Events handed to the target, each counted once.
    pub sent: u64,
    /// Events the target confirmed.
    pub acknowledged: u64,
    /// Events handed over that were not confirmed.
    pub failed: u64,
    /// Events that may be on the target twice: they were sent again after a failure that left their fate open.
    pub possible_duplicates: u64,
    /// Events with a fault on purpose, by fault; whatever was read is counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultCount>,
    /// What decided which events have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Events that did not go because they were later than allowed.
    pub left_out_late: u64,
    /// How far late events have moved the schedule.
    pub stretched_us: u64,
    /// Events whose recorded time lay before that of an earlier one, of their lane where lanes are merged by another clock.
    pub clamped: u64,
    /// From the first event to the last receipt.
    pub duration_us: u64,
    /// Handed over minus intended.
    pub lag_us: Quantiles,
    /// Confirmed minus intended.
    pub response_us: Quantiles,
    /// Counts per lane, busiest first.
    pub lanes: Vec<LaneCounts>,
}

/// Three points of a distribution, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    /// The median.
    pub p50: u64,
    /// 99 of 100 lie at or below.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

/// A distribution of times with three significant digits.
#[derive(Clone, Debug)]
pub(super) struct Times {
    histogram: Option<Histogram<u64>>,
    max: u64,
}

impl Times {
    pub fn new() -> Self {
        // Three digits is a valid precision, so the bounds-free constructor cannot refuse.
        Self { histogram: Histogram::new(3).ok(), max: 0 }
    }

    pub fn record(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX / 4);
        self.max = self.max.max(micros);
        if let Some(histogram) = &mut self.histogram {
            // A histogram that resizes itself takes every value that fits into memory.
            let _ = histogram.record(micros);
        }
    }

    pub fn quantiles(&self) -> Quantiles {
        let Some(histogram) = self.histogram.as_ref().filter(|found| !found.is_empty()) else {
            return Quantiles::default();
        };
        // A bucket's upper bound can lie above the largest value seen.
        let at = |quantile| histogram.value_at_quantile(quantile).min(self.max);
        Quantiles { p50: at(0.5), p99: at(0.99), max: self.max }
    }
}

/// How a transfer ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// Everything selected was handed over.
    Complete,
    /// It was asked to end.
    Stopped(StopReason),
    /// The target could not be reached again in the time allowed.
    GaveUp(EndpointError),
    /// The source failed.
    SourceFailed(EndpointError),
}

/// Everything there is to say about a transfer that has ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The figures.
    pub summary: Summary,
    /// How it ended.
    pub ending: Ending,
    /// Selected events, counted from the beginning, that need not be sent again: all before the first unconfirmed one.
    pub settled: u64,
    /// Bytes of the events handed over.
    pub bytes: u64,
    /// Events the source lost before we saw them.
    pub dropped: u64,
    /// Events whose time lay before that of an earlier one.
    pub held_back: u64,
    /// Events that a guard left out.
    pub left_out: LeftOut,
    /// Events sent again after later ones of their lane.
    pub reordered: u64,
    /// Some of the failures, each another one.
    pub failures: Vec<EndpointError>,
}

impl Outcome {
    /// Whether every event that was to go was confirmed.
    #[must_use]
    pub fn delivered(&self) -> bool {
        let whole = matches!(self.ending, Ending::Complete | Ending::Stopped(StopReason::Limit));
        whole && self.summary.failed == 0 && self.summary.acknowledged == self.summary.sent
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Quantiles, Times};

    #[test]
    fn quantiles_keep_three_digits_and_the_exact_maximum() {
        let mut times = Times::new();
        assert_eq!(times.quantiles(), Quantiles::default());
        for micros in 1..=1000 {
            times.record(Duration::from_micros(micros));
        }
        times.record(Duration::from_micros(123_456_789));
        let found = times.quantiles();
        assert_eq!((found.p50, found.max), (501, 123_456_789));
        assert!((990..=993).contains(&found.p99), "{found:?}");
    }
}
