//! What is done about an event whose time has passed before it could go.

use std::str::FromStr;
use std::time::Duration;

use super::pace::PaceError;
use super::time_point::parse_duration;
use crate::endpoint::{EndpointError, EndpointErrorKind};

/// Lateness that is not acted upon unless another one is given: what a busy machine may add.
const TOLERANCE: Duration = Duration::from_millis(100);

/// What is done about late events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Late {
    /// They go at once and in order; the schedule stays where it is.
    #[default]
    Burst,
    /// An event later than this moves itself and the rest of the schedule by its lateness.
    Stretch(Duration),
    /// An event later than this does not go.
    Drop(Duration),
    /// An event later than this ends the run.
    AbortOver(Duration),
}

impl Late {
    /// Lateness beyond which something is done.
    pub(super) fn limit(self) -> Option<Duration> {
        match self {
            Self::Burst => None,
            Self::Stretch(limit) | Self::Drop(limit) | Self::AbortOver(limit) => Some(limit),
        }
    }

    /// Why a run ends that must not be so late.
    pub(super) fn ends_the_run(lateness: Duration, limit: Duration) -> EndpointError {
        let message = format!(
            "an event is {} late, and more than {} is not allowed (`--late abort-over`)",
            spoken(lateness),
            spoken(limit)
        );
        EndpointError::new(EndpointErrorKind::Timeout, message).help(
            "the target or the machine is too slow for this pace: a lower `--speed` or `--rate` gives it time",
        )
    }

    /// Whether a run that is taken up again goes on from where its schedule stood, instead of where it would be by now.
    pub(super) fn moves_over_a_break(self) -> bool {
        matches!(self, Self::Stretch(_) | Self::AbortOver(_))
    }
}

/// A short time in the unit that shows it.
fn spoken(time: Duration) -> String {
    match time.as_micros() {
        micros @ 0..1_000 => format!("{micros} µs"),
        micros @ 1_000..1_000_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        _ => format!("{}.{:03} s", time.as_secs(), time.subsec_millis()),
    }
}

impl FromStr for Late {
    type Err = PaceError;

    /// Reads `burst`, `stretch`, `drop` or `abort-over:5s`; a tolerance may follow `stretch` and `drop`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |why: String| PaceError {
            message: format!("`{text}` does not say what is done about late events{why}"),
            help: "write `burst`, `stretch`, `drop`, `drop:2s` or `abort-over:5s`",
        };
        let (name, limit) = match text.split_once(':') {
            Some((name, limit)) => {
                let limit = parse_duration(limit).map_err(|wrong| error(format!(": {}", wrong.message)))?;
                (name, Some(limit))
            }
            None => (text, None),
        };
        match (name, limit) {
            ("burst", None) => Ok(Self::Burst),
            ("stretch", limit) => Ok(Self::Stretch(limit.unwrap_or(TOLERANCE))),
            ("drop", limit) => Ok(Self::Drop(limit.unwrap_or(TOLERANCE))),
            ("abort-over", Some(limit)) => Ok(Self::AbortOver(limit)),
            ("abort-over", None) => Err(error(": over how much is missing".to_owned())),
            ("burst", Some(_)) => Err(error(": `burst` has no limit".to_owned())),
            _ => Err(error(String::new())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Late, TOLERANCE, spoken};

    #[test]
    fn every_choice_is_read_and_nothing_else() {
        assert_eq!("burst".parse(), Ok(Late::Burst));
        assert_eq!("drop".parse(), Ok(Late::Drop(TOLERANCE)));
        assert_eq!("stretch:0s".parse(), Ok(Late::Stretch(Duration::ZERO)));
        assert_eq!("abort-over:5s".parse(), Ok(Late::AbortOver(Duration::from_secs(5))));
        for wrong in ["", "abort-over", "burst:1s", "drop:", "drop:x", "skip"] {
            assert!(wrong.parse::<Late>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn lateness_is_said_in_a_unit_that_shows_it() {
        let (late, limit) = (Duration::from_micros(3_870), Duration::from_millis(2));
        let message = Late::ends_the_run(late, limit).message;
        assert!(message.starts_with("an event is 3.8 ms late, and more than 2.0 ms"), "{message}");
        assert_eq!(
            (spoken(Duration::from_micros(7)), spoken(Duration::from_secs(5))),
            ("7 µs".into(), "5.000 s".into())
        );
    }
}
