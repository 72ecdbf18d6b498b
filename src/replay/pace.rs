//! How fast a run goes: speeds and rates as exact fractions.

use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

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
pub struct Speed(pub(super) Fraction);

impl Speed {
    /// As recorded.
    pub const RECORDED: Self = Self(Fraction { numerator: 1, denominator: 1 });

    /// A fraction, also one that nobody may ask for.
    #[cfg(test)]
    pub(super) const fn of(numerator: u64, denominator: u64) -> Self {
        Self(Fraction { numerator, denominator })
    }
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
    /// When the event of this index is due, in nanoseconds since the first.
    pub(super) fn nanos(self, index: u64) -> u128 {
        let nanos = self.per.as_nanos() * u128::from(self.events.denominator) * u128::from(index);
        nanos / u128::from(self.events.numerator)
    }

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
        /// The longest wait between two events, in time of the run; longer ones are cut to it.
        max_gap: Option<Duration>,
        /// Recorded gaps longer than this are left out.
        skip_idle: Option<Duration>,
    },
    /// Evenly spaced.
    Even(Rate),
}

#[cfg(test)]
mod tests {
    use super::{Rate, Speed};

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
}
