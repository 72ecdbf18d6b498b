//! What a transfer came to: the figures that are printed and compared, and how it ended.

use std::time::Duration;

use base64::Engine;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize};

use super::fault::FaultCount;
use super::guard::LeftOut;
use super::lanes::LaneCounts;
use super::shard::Shard;
use super::stop::StopReason;
use super::undelivered::Undelivered;
use crate::endpoint::{EndpointError, Removed};

/// The figures of a transfer; its JSON form is `docs/schemas/replay-summary.schema.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Identifies the run.
    pub run: String,
    /// Which of several processes it was, of those that share the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Events that were to be sent, when that was known before.
    pub planned: Option<u64>,
    /// Events of them that an earlier part of the run had settled; they were not sent again.
    pub settled_before: u64,
    /// Events that the source's system removed before they were read.
    #[serde(skip_serializing_if = "Removed::is_none")]
    pub removed: Removed,
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
    /// From the first event to the last receipt, or to where the last event without one was given up.
    pub duration_us: u64,
    /// Handed over minus intended.
    pub lag_us: Quantiles,
    /// Confirmed minus intended.
    pub response_us: Quantiles,
    /// Counts per lane, busiest first.
    pub lanes: Vec<LaneCounts>,
    /// The first hundred events that were not delivered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undelivered: Vec<Undelivered>,
}

/// A distribution of times, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quantiles {
    /// The median.
    pub p50: u64,
    /// 90 of 100 lie at or below.
    pub p90: u64,
    /// 99 of 100 lie at or below.
    pub p99: u64,
    /// 999 of 1000 lie at or below.
    #[serde(rename = "p99.9")]
    pub p99_9: u64,
    /// The largest.
    pub max: u64,
    /// The mean, rounded.
    pub mean: u64,
    /// How many times.
    pub count: u64,
    /// All of it, as HDR histograms are exchanged: the compressed V2 encoding in base64, with three significant digits;
    /// empty when nothing was counted.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub histogram: String,
}

/// A distribution of times with three significant digits.
#[derive(Clone, Debug)]
pub(super) struct Times {
    histogram: Option<Histogram<u64>>,
    max: u64,
    sum: u128,
    /// The last value, and how often it has come since another did: receipts that come together are equal.
    last: (u64, u64),
}

/// The text in which the libraries of HDR histograms exchange them.
fn encoded(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    // Counts of one run fit, and nothing else can fail in memory.
    let _ = V2DeflateSerializer::new().serialize(histogram, &mut bytes);
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

/// Most characters of a histogram that is read again.
const MAX_HISTOGRAM: usize = 1 << 20;

impl Quantiles {
    /// The distribution of all times of several; none when one of them does not hold its histogram.
    #[must_use]
    pub fn joined(parts: &[Self]) -> Option<Self> {
        let mut all = Times::new();
        for part in parts.iter().filter(|part| part.count > 0) {
            all.add(part)?;
        }
        Some(all.quantiles())
    }
}

impl Times {
    fn add(&mut self, part: &Quantiles) -> Option<()> {
        if part.histogram.len() > MAX_HISTOGRAM {
            return None;
        }
        let bytes = base64::prelude::BASE64_STANDARD.decode(&part.histogram).ok()?;
        let read: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).ok()?;
        self.histogram.as_mut()?.add(&read).ok()?;
        self.max = self.max.max(part.max);
        self.sum += u128::from(part.mean) * u128::from(part.count);
        Some(())
    }

    pub fn new() -> Self {
        // Three digits is a valid precision, so the bounds-free constructor cannot refuse.
        Self { histogram: Histogram::new(3).ok(), max: 0, sum: 0, last: (0, 0) }
    }

    pub fn record(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX / 4);
        if self.last.0 != micros {
            self.record_last();
            self.last.0 = micros;
        }
        self.last.1 += 1;
    }

    /// Puts down what came last.
    fn record_last(&mut self) {
        let (micros, count) = self.last;
        if count == 0 {
            return;
        }
        self.last.1 = 0;
        self.max = self.max.max(micros);
        self.sum += u128::from(micros) * u128::from(count);
        if let Some(histogram) = &mut self.histogram {
            // A histogram that resizes itself takes every value that fits into memory.
            let _ = histogram.record_n(micros, count);
        }
    }

    pub fn quantiles(&mut self) -> Quantiles {
        self.record_last();
        let Some(histogram) = self.histogram.as_ref().filter(|found| !found.is_empty()) else {
            return Quantiles::default();
        };
        // A bucket's upper bound can lie above the largest value seen.
        let at = |quantile| histogram.value_at_quantile(quantile).min(self.max);
        Quantiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            max: self.max,
            mean: self.mean(),
            count: histogram.len(),
            histogram: encoded(histogram),
        }
    }

    fn mean(&self) -> u64 {
        let count = self.histogram.as_ref().map_or(0, Histogram::len);
        let mean = (self.sum + u128::from(count) / 2).checked_div(u128::from(count));
        mean.and_then(|mean| u64::try_from(mean).ok()).unwrap_or(0)
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
        let whole = matches!(
            self.ending,
            Ending::Complete | Ending::Stopped(StopReason::Limit | StopReason::Declined | StopReason::Unread)
        );
        whole && self.summary.failed == 0 && self.summary.acknowledged == self.summary.sent
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::Engine;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;

    use super::{Quantiles, Times};

    #[test]
    fn quantiles_keep_three_digits_and_the_exact_maximum() {
        let mut times = Times::new();
        assert_eq!(times.quantiles(), Quantiles::default());
        let nothing = serde_json::to_string(&Quantiles::default()).expect("JSON");
        assert!(!nothing.contains("histogram"), "{nothing}");
        let read: Quantiles = serde_json::from_str(&nothing).expect("it is read");
        assert_eq!(Quantiles::joined(&[read]), Some(Quantiles::default()));
        for micros in 1..=1000 {
            times.record(Duration::from_micros(micros));
        }
        times.record(Duration::from_micros(123_456_789));
        let found = times.quantiles();
        assert_eq!((found.p50, found.max), (501, 123_456_789));
        assert!((990..=993).contains(&found.p99), "{found:?}");
        assert_eq!((found.count, found.mean), (1001, 123_833));
    }

    #[test]
    fn other_tools_read_the_same_histogram() {
        let mut times = Times::new();
        for micros in [0, 1, 1, 7, 1_000, 1_000_000, 86_400_000_000] {
            times.record(Duration::from_micros(micros));
        }
        let text = times.quantiles().histogram;
        let bytes = base64::prelude::BASE64_STANDARD.decode(&text).expect("base64");
        let read: Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).expect("a histogram");
        assert_eq!(Some(&read), times.histogram.as_ref());
        assert_eq!((read.len(), read.count_at(1), read.count_at(1_000)), (7, 2, 1));
        // The marks of the compressed encoding and of zlib.
        assert!(text.starts_with("HISTF") && bytes[8] == 0x78, "{text}");
    }
}
