//! Faults on purpose: which events of a run go twice, late, in the wrong order, not at all, or damaged. Everything follows
//! from a seed, so that a run can be had again.

mod draw;
mod injector;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(super) use injector::Injector;

use super::pattern::{Condition, PatternError};
use super::sample::Share;
use super::time_point::parse_duration;

/// What happens to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultKind {
    /// It goes twice.
    Duplicate,
    /// It goes later; others overtake it.
    Delay,
    /// It goes after the next event of its lane.
    Reorder,
    /// It does not go.
    Drop,
    /// Some bytes of its payload are flipped.
    Corrupt,
}

impl FaultKind {
    const ALL: [Self; 5] = [Self::Duplicate, Self::Delay, Self::Reorder, Self::Drop, Self::Corrupt];

    /// Its name in flags, marks and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Delay => "delay",
            Self::Reorder => "reorder",
            Self::Drop => "drop",
            Self::Corrupt => "corrupt",
        }
    }

    /// Whether a time belongs to it: `Some(true)` when it must be said.
    fn takes_time(self) -> Option<bool> {
        match self {
            Self::Delay => Some(true),
            Self::Duplicate => Some(false),
            Self::Reorder | Self::Drop | Self::Corrupt => None,
        }
    }
}

/// One kind of fault, on a share of the events.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    text: String,
    /// What happens.
    pub kind: FaultKind,
    /// To how many of those it is for.
    pub share: Share,
    /// How much later, in time of the recording.
    pub time: Option<Duration>,
    /// Only to events that match.
    pub only: Option<Condition>,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// A fault that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FaultError {
    /// Its form.
    #[error("`{text}` is no fault: {reason}")]
    Form {
        /// What was written.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// Its condition.
    #[error(transparent)]
    Condition(#[from] PatternError),
}

/// How a fault is written.
pub const HELP: &str = "write `duplicate:5%`, `duplicate:5%:2s`, `delay:1%:200ms`, `reorder:1%`, `drop:1%` or `corrupt:0.5%`; \
                        ` if EXPR` behind it names the events it is for, as `--match` does";

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason: String| FaultError::Form { text: text.to_owned(), reason };
        let (form, condition) = match text.split_once(" if ") {
            Some((form, condition)) => (form.trim(), Some(condition.trim())),
            None => (text.trim(), None),
        };
        let mut parts = form.split(':');
        let name = parts.next().unwrap_or_default();
        let kind = FaultKind::ALL.into_iter().find(|kind| kind.name() == name);
        let kind = kind.ok_or_else(|| error(format!("there is no kind `{name}`")))?;
        let share = parts.next().ok_or_else(|| error("it says no share".to_owned()))?;
        let share = share.parse().map_err(|found: super::pace::PaceError| error(found.message))?;
        let time = match (parts.next(), kind.takes_time()) {
            (Some(_), None) => return Err(error(format!("`{name}` takes no time"))),
            (None, Some(true)) => return Err(error("it does not say how long".to_owned())),
            (None, _) => None,
            (Some(time), Some(_)) => Some(parse_duration(time).map_err(|found| error(found.to_string()))?),
        };
        if parts.next().is_some() {
            return Err(error("it has too many parts".to_owned()));
        }
        let only = condition.map(Condition::parse).transpose()?;
        Ok(Self { text: text.to_owned(), kind, share, time, only })
    }
}

/// All faults of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// Each kind by itself; an event may have several.
    pub list: Vec<Fault>,
    /// What decides which events have them.
    pub seed: u64,
    /// Events say so in the header `eddy-fault`.
    pub mark: bool,
}

/// How many events had a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultCount {
    /// The fault as it was written.
    pub fault: String,
    /// What happened.
    pub kind: FaultKind,
    /// To how many events.
    pub events: u64,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Fault, FaultKind};

    fn parsed(text: &str) -> Fault {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn faults_are_read() {
        assert_eq!(parsed("duplicate:5%").kind, FaultKind::Duplicate);
        assert_eq!(parsed("duplicate:5%:2s").time, Some(Duration::from_secs(2)));
        assert_eq!(parsed("delay:1%:200ms").time, Some(Duration::from_millis(200)));
        assert!(parsed("corrupt:0.5%").only.is_none());
        assert!(parsed("drop:1% if .payload.total > 100").only.is_some());
        assert!(parsed("reorder:100% if channel=orders*").only.is_some());
    }

    #[test]
    fn what_is_no_fault_says_why() {
        for (text, part) in [
            ("lose:1%", "there is no kind `lose`"),
            ("drop", "it says no share"),
            ("drop:1", "`1` is not a share"),
            ("drop:0%", "`0%` is not a share"),
            ("delay:1%", "does not say how long"),
            ("delay:1%:soon", "soon"),
            ("drop:1%:2s", "`drop` takes no time"),
            ("delay:1%:2s:3s", "too many parts"),
            ("drop:1% if .payload.[", ""),
            ("", "there is no kind ``"),
        ] {
            let message = text.parse::<Fault>().expect_err(text).to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
