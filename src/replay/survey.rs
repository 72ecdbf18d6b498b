//! Looks through a selection before anything is sent: how much, where to, how long, and what the target would lose.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::fault::FaultCount;
use super::schedule::Timetable;
use super::select::{Selection, Selector};
use super::stop::StopToken;
use super::timing::{Timed, Timing};
use crate::endpoint::{Capabilities, EndpointError, Source};
use crate::event::{Event, Timestamp};

/// Counts of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChannelCounts {
    /// Events.
    pub events: u64,
    /// Bytes of keys, payloads and headers.
    pub bytes: u64,
}

/// One thing the target cannot carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// What would be lost, in words.
    pub what: String,
    /// How many events have it.
    pub events: u64,
    /// The number of the first of them in the selection, from 1.
    pub first: u64,
}

/// What a selection holds.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Events selected.
    pub events: u64,
    /// Bytes of keys, payloads and headers.
    pub bytes: u64,
    /// By channel, as they are sent.
    pub channels: BTreeMap<String, ChannelCounts>,
    /// The earliest receive time.
    pub first: Option<Timestamp>,
    /// The earliest time written on an event, or of its receipt where none is: what times are moved from.
    pub earliest: Option<Timestamp>,
    /// The latest receive time.
    pub last: Option<Timestamp>,
    /// How often the selection is sent; all counts are of all rounds.
    pub rounds: u64,
    /// From the first to the last event at the pace asked for; zero without one.
    pub length: Duration,
    /// What the target cannot carry.
    pub losses: Vec<Loss>,
    /// Events with a time before that of an earlier one.
    pub held_back: u64,
    /// Events left out because they have nothing that the sample could choose by.
    pub unsampled: u64,
    /// Events with a fault on purpose.
    pub faults: Vec<FaultCount>,
    /// The end was asked for before everything was seen.
    pub interrupted: bool,
}

impl Survey {
    /// Reads the whole selection; `target` says what would be carried.
    ///
    /// # Errors
    /// Those of the source.
    pub async fn of(
        mut source: Box<dyn Source>,
        selection: Selection,
        timetable: &Timetable,
        target: Capabilities,
        stop: &StopToken,
    ) -> Result<Self, EndpointError> {
        let mut survey = Self::default();
        let mut selector = Selector::new(selection);
        let mut timing = Timing::new(timetable);
        while !selector.complete() {
            let batch = tokio::select! {
                biased;
                _ = stop.requested() => {
                    survey.interrupted = true;
                    break;
                }
                batch = source.next_batch(1024) => batch?,
            };
            if batch.is_empty() {
                break;
            }
            let selected = selector.select(batch);
            let (timed, failure) = timing.time(selected.events);
            survey.add_all(&timed, &target);
            if let Some(failure) = failure.or(selected.failure) {
                return Err(failure);
            }
        }
        let (timed, failure) = timing.time(selector.rest());
        if let Some(failure) = failure {
            return Err(failure);
        }
        survey.add_all(&timed, &target);
        survey.add_all(&timing.rest(), &target);
        survey.faults = selector.faults();
        (survey.held_back, survey.unsampled) = (timing.clamped(), selector.unsampled());
        survey.repeat(timetable.rounds());
        survey.length = timing.length_of(timetable.rounds());
        // Everything needed was read.
        let _ = source.close().await;
        Ok(survey)
    }

    /// The same once for each round.
    fn repeat(&mut self, rounds: u64) {
        self.rounds = rounds;
        let counts = [&mut self.events, &mut self.bytes, &mut self.held_back, &mut self.unsampled];
        let channels = self.channels.values_mut().flat_map(|counts| [&mut counts.events, &mut counts.bytes]);
        let losses = self.losses.iter_mut().map(|loss| &mut loss.events);
        let faults = self.faults.iter_mut().map(|fault| &mut fault.events);
        for count in counts.into_iter().chain(channels).chain(losses).chain(faults) {
            *count = count.saturating_mul(rounds);
        }
    }

    fn add_all(&mut self, timed: &[Timed], target: &Capabilities) {
        for (event, due) in timed {
            self.length = due.unwrap_or_default();
            self.add(event, target);
        }
    }

    fn add(&mut self, event: &Event, target: &Capabilities) {
        let size = event.size() as u64;
        self.events += 1;
        self.bytes += size;
        if !self.channels.contains_key(&event.channel) {
            self.channels.insert(event.channel.clone(), ChannelCounts::default());
        }
        if let Some(channel) = self.channels.get_mut(&event.channel) {
            channel.events += 1;
            channel.bytes += size;
        }
        self.first = Some(self.first.map_or(event.received, |first| first.min(event.received)));
        let time = event.time();
        self.earliest = Some(self.earliest.map_or(time, |earliest| earliest.min(time)));
        self.last = self.last.max(Some(event.received));
        for what in target.losses(event) {
            match self.losses.iter_mut().find(|loss| loss.what == what) {
                Some(loss) => loss.events += 1,
                None => self.losses.push(Loss { what: what.to_owned(), events: 1, first: self.events }),
            }
        }
    }
}
