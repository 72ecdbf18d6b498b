//! What must not go although it was selected: events that a replay sent already, too often, or against the contract.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::event::{Event, LOOPS_HEADER, RUN_HEADER};

/// Events against the contract that are kept to be shown.
const MOST_SHOWN: usize = 10;

/// What must not go; the default lets everything go.
#[derive(Clone, Debug, Default)]
pub struct Guards {
    /// Leave out events that a replay has marked.
    pub skip_replayed: bool,
    /// Leave out events by how many replays they have been through.
    pub loops: Option<Loops>,
    /// Look whether events fit the contract.
    pub contract: Option<Contract>,
}

/// Which events go, by how many replays they have been through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loops {
    /// Those that have been through fewer.
    Below(u64),
    /// Those that have been through so many or more: the rest of the other.
    AtLeast(u64),
}

/// Says what is wrong with an event, a line each; nothing when it fits.
type Judge = dyn Fn(&Event) -> Vec<String> + Send + Sync;

/// A contract that events are held against as they are sent.
#[derive(Clone)]
pub struct Contract {
    judge: Arc<Judge>,
    /// Events that do not fit stay out; else they are counted and go.
    leaves_out: bool,
    /// The one channel that all events go to, whatever theirs was.
    only: Option<String>,
}

impl Contract {
    /// Judges by a function, which says what is wrong with an event.
    pub fn new(judge: impl Fn(&Event) -> Vec<String> + Send + Sync + 'static, leaves_out: bool) -> Self {
        Self { judge: Arc::new(judge), leaves_out, only: None }
    }

    /// Judges all events as those of one channel, when the target has just that one.
    #[must_use]
    pub fn of_channel(self, only: Option<&str>) -> Self {
        Self { only: only.map(str::to_owned), ..self }
    }

    /// What is wrong with an event where it goes to.
    fn findings(&self, event: &mut Event) -> Vec<String> {
        let Some(only) = self.only.as_ref().filter(|only| **only != event.channel) else {
            return (self.judge)(event);
        };
        let recorded = std::mem::replace(&mut event.channel, only.clone().into());
        let findings = (self.judge)(event);
        event.channel = recorded;
        findings
    }
}

impl fmt::Debug for Contract {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Contract").field("leaves_out", &self.leaves_out).finish_non_exhaustive()
    }
}

/// What guards have found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Events left out because a replay had marked them.
    pub replayed: u64,
    /// Events left out because they have been through too many replays.
    pub looped: u64,
    /// Events that do not fit the contract, left out or not.
    pub invalid: u64,
    /// The first of those.
    pub first_invalid: Vec<Invalid>,
    /// Events held against the contract.
    #[serde(skip)]
    pub judged: u64,
}

impl LeftOut {
    /// Adds what was found in another round.
    pub(super) fn add(&mut self, other: &Self) {
        self.replayed += other.replayed;
        self.looped += other.looped;
        self.invalid += other.invalid;
        self.judged += other.judged;
        if self.first_invalid.is_empty() {
            self.first_invalid.clone_from(&other.first_invalid);
        }
    }
}

/// An event that does not fit the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Invalid {
    /// Its number among those held against the contract, from 1.
    pub number: u64,
    /// Where it would go.
    pub channel: String,
    /// What is wrong, a line each.
    pub findings: Vec<String>,
}

/// How many replays an event has been through.
#[must_use]
pub fn loops(event: &Event) -> u64 {
    let counted = event.header_text(LOOPS_HEADER).and_then(|text| text.parse().ok());
    counted.unwrap_or_else(|| u64::from(event.header_text(RUN_HEADER).is_some()))
}

impl Guards {
    /// Whether there is any.
    #[must_use]
    pub fn any(&self) -> bool {
        self.skip_replayed || self.loops.is_some() || self.contract.is_some()
    }

    /// The guards that are still needed once a survey has seen everything: a contract that leaves nothing out is not.
    #[must_use]
    pub fn after_survey(&self) -> Self {
        let contract = self.contract.clone().filter(|contract| contract.leaves_out);
        Self { contract, ..self.clone() }
    }

    /// Which events may go, by their marks.
    pub(super) fn admitted(&self, batch: &[Event], left_out: &mut LeftOut) -> Vec<bool> {
        let mut verdict = |event: &Event| {
            if self.skip_replayed && loops(event) > 0 {
                left_out.replayed += 1;
                return false;
            }
            let goes = match self.loops {
                None => true,
                Some(Loops::Below(most)) => loops(event) < most,
                Some(Loops::AtLeast(least)) => return loops(event) >= least,
            };
            left_out.looped += u64::from(!goes);
            goes
        };
        batch.iter().map(&mut verdict).collect()
    }

    /// The events that may go by the contract, as they are sent.
    pub(super) fn fitting(&self, mut events: Vec<Event>, left_out: &mut LeftOut) -> Vec<Event> {
        let Some(contract) = &self.contract else {
            return events;
        };
        events.retain_mut(|event| {
            left_out.judged += 1;
            let findings = contract.findings(event);
            if findings.is_empty() {
                return true;
            }
            left_out.invalid += 1;
            if left_out.first_invalid.len() < MOST_SHOWN {
                let channel = contract.only.as_deref().unwrap_or(&event.channel).to_owned();
                let number = left_out.judged;
                left_out.first_invalid.push(Invalid { number, channel, findings });
            }
            !contract.leaves_out
        });
        events
    }
}

#[cfg(test)]
mod tests {
    use super::{Contract, Guards, LeftOut, Loops, loops};
    use crate::event::{Event, Header, LOOPS_HEADER, RUN_HEADER};

    fn event(headers: &[(&str, &str)]) -> Event {
        let headers = headers.iter().map(|(name, value)| Header::text(*name, *value)).collect();
        Event { headers, ..Event::new("a", "x") }
    }

    #[test]
    fn replays_are_counted_by_the_marks() {
        for (headers, expected) in [
            (&[][..], 0),
            (&[(RUN_HEADER, "r")][..], 1),
            (&[(RUN_HEADER, "r"), (LOOPS_HEADER, "4")][..], 4),
            (&[(RUN_HEADER, "r"), (LOOPS_HEADER, "many")][..], 1),
        ] {
            assert_eq!(loops(&event(headers)), expected, "{headers:?}");
        }
    }

    #[test]
    fn what_has_been_through_too_often_stays_out_and_is_the_rest_of_the_other() {
        let batch: Vec<Event> =
            [0, 1, 2, 3].map(|loops: u64| event(&[(LOOPS_HEADER, &loops.to_string())])).into();
        let admitted = |loops, skip_replayed| {
            let mut left_out = LeftOut::default();
            let guards = Guards { skip_replayed, loops, contract: None };
            (guards.admitted(&batch, &mut left_out), left_out.looped, left_out.replayed)
        };
        assert_eq!(admitted(Some(Loops::Below(2)), false), (vec![true, true, false, false], 2, 0));
        assert_eq!(admitted(Some(Loops::AtLeast(2)), false), (vec![false, false, true, true], 0, 0));
        assert_eq!(admitted(None, true), (vec![true, false, false, false], 0, 3));
    }

    #[test]
    fn events_that_go_to_one_channel_are_judged_as_its_own() {
        let judge = |event: &Event| match event.channel.as_str() {
            "orders" => vec!["wrong".to_owned()],
            _ => Vec::new(),
        };
        for (only, found) in [(None, None), (Some("orders"), Some("orders")), (Some("a"), None)] {
            let contract = Contract::new(judge, false).of_channel(only);
            let guards = Guards { contract: Some(contract), ..Guards::default() };
            let mut left_out = LeftOut::default();
            let fitting = guards.fitting(vec![event(&[])], &mut left_out);
            assert_eq!(fitting[0].channel, "a");
            assert_eq!(left_out.first_invalid.first().map(|one| one.channel.as_str()), found);
        }
    }

    #[test]
    fn what_does_not_fit_is_counted_and_goes_or_stays() {
        let judge = |event: &Event| match event.payload.as_deref() {
            Some(b"bad") => vec!["wrong".to_owned()],
            _ => Vec::new(),
        };
        for (leaves_out, expected) in [(true, 12), (false, 24)] {
            let events = (0..24).map(|each| Event::new("a", if each % 2 == 0 { "bad" } else { "good" }));
            let mut left_out = LeftOut::default();
            let guards = Guards { contract: Some(Contract::new(judge, leaves_out)), ..Guards::default() };
            assert_eq!(guards.fitting(events.collect(), &mut left_out).len(), expected);
            assert_eq!((left_out.invalid, left_out.first_invalid.len()), (12, 10));
            assert_eq!(left_out.first_invalid[1].number, 3);
        }
    }
}
