//! When each event is due: an absolute schedule in integers. It knows no clock; it answers in time since the start.

use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::event::Timestamp;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// A decimal as a fraction of integers, so that a schedule of hours stays exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    pub(super) numerator: u64,
    pub(super) denominator: u64,
}

impl Fraction {
    /// Reads `12`, `0.5` or `2.25`: at most nine digits before the point and six after it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.chars().all(|each| each.is_ascii_digit());
        let short = (1..=9).contains(&whole.len()) && decimals.len() <= 6;
        if !short || !digits(whole) || !digits(decimals) || text.ends_with('.') {
            return None;
        }
        let numerator = format!("{whole}{decimals}").parse().ok()?;
        let places = u32::try_from(decimals.len()).ok()?;
        Some(Self { numerator, denominator: 10_u64.pow(places) })
    }
}

/// Why a speed or a rate cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct PaceError {
    /// What is wrong.
    pub message: String,
    /// The accepted form.
    pub help: &'static str,
}

/// How many times faster than recorded: 0.1 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed(Fraction);

impl Speed {
    /// As recorded.
    pub const RECORDED: Self = Self(Fraction { numerator: 1, denominator: 1 });
}

impl FromStr for Speed {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_suffix('x').unwrap_or(text);
        let error = || PaceError {
            message: format!("`{text}` is not a speed"),
            help: "write `max` or a number from 0.1 to 1000, such as `10` or `0.5`",
        };
        let fraction = Fraction::parse(number).ok_or_else(error)?;
        let (value, one) = (u128::from(fraction.numerator), u128::from(fraction.denominator));
        let in_range = value * 10 >= one && value <= 1000 * one;
        if in_range { Ok(Self(fraction)) } else { Err(error()) }
    }
}

/// Events per time, evenly spaced over the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    events: Fraction,
    per: Duration,
}

impl Rate {
    /// Events of a hundredth of a second, at least one: as many as may be made ahead of their time.
    #[must_use]
    pub fn of_a_moment(self) -> usize {
        let nanos = self.per.as_nanos().max(1) * u128::from(self.events.denominator.max(1));
        usize::try_from(u128::from(self.events.numerator) * 10_000_000 / nanos).unwrap_or(usize::MAX).max(1)
    }
}

impl FromStr for Rate {
    type Err = PaceError;

    /// Reads `100`, `100/s`, `0.5/s`, `600/m` or `10/h`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || PaceError {
            message: format!("`{text}` is not a rate"),
            help: "write events per time, such as `100/s`, `0.5/s` or `600/m`",
        };
        let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
        let seconds = match unit {
            "s" => 1,
            "m" | "min" => 60,
            "h" => 3600,
            _ => return Err(error()),
        };
        let events = Fraction::parse(number).filter(|found| found.numerator > 0).ok_or_else(error)?;
        Ok(Self { events, per: Duration::from_secs(seconds) })
    }
}

/// What decides when events go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Each as soon as it can.
    #[default]
    AsFastAsPossible,
    /// As recorded, faster or slower, no wait longer than `max_gap`.
    Recorded {
        /// How many times faster.
        speed: Speed,
        /// The longest wait between two events, in time of the run; longer ones are cut.
        max_gap: Option<Duration>,
    },
    /// Evenly spaced.
    Even(Rate),
}

/// Gives each event in turn its time since the start: `(t - t0) / speed`, or `index / rate`.
///
/// Nothing is ever re-based on lateness. One writer hands events over in the order they were recorded, so an event
/// whose time lies before that of an earlier one is due with it: order wins over time.
#[derive(Clone, Debug)]
pub struct Schedule {
    pace: Pace,
    first: Option<i64>,
    highest: i64,
    index: u64,
    previous: i128,
    cut: i128,
    held_back: u64,
}

impl Schedule {
    /// A schedule that begins with the first event it is asked about.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self { pace, first: None, highest: i64::MIN, index: 0, previous: 0, cut: 0, held_back: 0 }
    }

    /// When the next event is due, since the start; `None` means as soon as possible.
    pub fn due(&mut self, recorded: Timestamp) -> Option<Duration> {
        let index = self.index;
        self.index += 1;
        match self.pace {
            Pace::AsFastAsPossible => None,
            Pace::Even(rate) => Some(even(rate, index)),
            Pace::Recorded { speed, max_gap } => Some(self.recorded(recorded, speed, max_gap)),
        }
    }

    /// How many events had a time before that of an earlier one.
    #[must_use]
    pub fn held_back(&self) -> u64 {
        self.held_back
    }

    fn recorded(&mut self, recorded: Timestamp, speed: Speed, max_gap: Option<Duration>) -> Duration {
        let first = *self.first.get_or_insert(recorded.0);
        if recorded.0 < self.highest {
            self.held_back += 1;
        }
        self.highest = self.highest.max(recorded.0);
        let nanos = (i128::from(self.highest) - i128::from(first)) * 1000;
        let scaled = nanos * i128::from(speed.0.denominator) / i128::from(speed.0.numerator);
        let gap = scaled - self.previous;
        self.previous = scaled;
        let longest = max_gap.map(|limit| i128::try_from(limit.as_nanos()).unwrap_or(i128::MAX));
        self.cut += longest.map_or(0, |limit| (gap - limit).max(0));
        from_nanos(u128::try_from(scaled - self.cut).unwrap_or(0))
    }
}

fn even(rate: Rate, index: u64) -> Duration {
    let nanos = rate.per.as_nanos() * u128::from(rate.events.denominator) * u128::from(index);
    from_nanos(nanos / u128::from(rate.events.numerator))
}

fn from_nanos(nanos: u128) -> Duration {
    let seconds = u64::try_from(nanos / NANOS_PER_SECOND).unwrap_or(u64::MAX);
    Duration::new(seconds, u32::try_from(nanos % NANOS_PER_SECOND).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Pace, Rate, Schedule, Speed};
    use crate::event::Timestamp;

    fn recorded(speed: &str, max_gap: Option<Duration>) -> Schedule {
        Schedule::new(Pace::Recorded { speed: speed.parse().expect("a speed"), max_gap })
    }

    fn nanos(schedule: &mut Schedule, micros: i64) -> u128 {
        schedule.due(Timestamp(micros)).expect("paced").as_nanos()
    }

    #[test]
    fn speeds_and_rates_are_read_exactly() {
        assert_eq!("10x".parse::<Speed>(), "10".parse());
        for wrong in ["0", "0.09", "1000.1", "-1", "1e3", "fast", "", "1.", ".5", "9999999999"] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
        assert_eq!("100".parse::<Rate>(), "100/s".parse());
        for wrong in ["0/s", "5/y", "/s", "-1/s", "s"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_long_run_at_an_odd_speed_stays_exact() {
        let mut schedule = recorded("3", None);
        nanos(&mut schedule, 0);
        let thirty_days = 30 * 24 * 3600 * 1_000_000;
        assert_eq!(
            nanos(&mut schedule, thirty_days),
            u128::try_from(thirty_days).expect("positive") * 1000 / 3
        );
    }

    #[test]
    fn times_that_run_backwards_do_not_break_order() {
        let mut schedule = recorded("1", None);
        assert_eq!(nanos(&mut schedule, 1_000), 0);
        assert_eq!(nanos(&mut schedule, 5_000), 4_000_000);
        assert_eq!(nanos(&mut schedule, 2_000), 4_000_000);
        assert_eq!(nanos(&mut schedule, 6_000), 5_000_000);
        assert_eq!(schedule.held_back(), 1);
    }

    #[test]
    fn long_gaps_are_cut_in_time_of_the_run() {
        let mut schedule = recorded("2", Some(Duration::from_millis(1)));
        assert_eq!(nanos(&mut schedule, 0), 0);
        assert_eq!(nanos(&mut schedule, 1_000), 500_000);
        assert_eq!(nanos(&mut schedule, 10_001_000), 1_500_000);
        assert_eq!(nanos(&mut schedule, 10_002_000), 2_000_000);
    }

    #[test]
    fn a_rate_is_smooth_over_the_whole_run() {
        let mut schedule = Schedule::new(Pace::Even("3/s".parse().expect("a rate")));
        let due: Vec<u128> = (0..7).map(|_| nanos(&mut schedule, 0)).collect();
        assert_eq!(due[3], 1_000_000_000);
        assert_eq!(due[6], 2_000_000_000);
        assert_eq!(due[1], 333_333_333);
    }

    #[test]
    fn the_extremes_of_time_do_not_overflow() {
        let mut schedule = recorded("0.1", None);
        assert_eq!(nanos(&mut schedule, i64::MIN), 0);
        assert!(nanos(&mut schedule, i64::MAX) > 0);
    }

    proptest! {
        #[test]
        fn due_times_never_go_back_and_match_the_formula(
            times in proptest::collection::vec(0_i64..10_000_000_000, 1..200),
            tenths in 1_u64..10_000,
        ) {
            let speed = format!("{}.{}", tenths / 10, tenths % 10);
            let mut schedule = recorded(&speed, None);
            let (mut highest, mut last) = (times[0], 0);
            for time in &times {
                highest = highest.max(*time);
                let due = nanos(&mut schedule, *time);
                let offset = u128::try_from(highest - times[0]).expect("positive");
                prop_assert_eq!(due, offset * 1000 * 10 / u128::from(tenths));
                prop_assert!(due >= last);
                last = due;
            }
        }

        #[test]
        fn no_gap_is_longer_than_the_limit(
            gaps in proptest::collection::vec(0_i64..5_000_000, 1..100),
            limit in 1_u64..2_000_000,
        ) {
            let mut schedule = recorded("1", Some(Duration::from_micros(limit)));
            let (mut time, mut last) = (0, 0);
            nanos(&mut schedule, 0);
            for gap in gaps {
                time += gap;
                let due = nanos(&mut schedule, time);
                let expected = u128::try_from(gap).expect("positive").min(u128::from(limit)) * 1000;
                prop_assert_eq!(due - last, expected);
                last = due;
            }
        }
    }
}
