//! What is done about an event whose time has passed before it could go.

use std::str::FromStr;
use std::time::Duration;

use super::pace::PaceError;
use super::time_point::parse_duration;

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

    /// Whether a run that is taken up again goes on from where its schedule stood, instead of where it would be by now.
    pub(super) fn moves_over_a_break(self) -> bool {
        matches!(self, Self::Stretch(_) | Self::AbortOver(_))
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

    use super::{Late, TOLERANCE};

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
}
