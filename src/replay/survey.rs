//! Looks through a selection before anything is sent: how much, where to, how long, and what the target would lose.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::change::{InRun, UnusedNames};
use super::fault::FaultCount;
use super::guard::LeftOut;
use super::schedule::Timetable;
use super::select::{Selection, Selector};
use super::shard::Shard;
use super::stop::StopToken;
use super::timing::{Timed, Timing};
use crate::endpoint::cloud_events::Translation;
use crate::endpoint::facts::{Refusal, RisingId};
use crate::endpoint::{Capabilities, EndpointError, Source};
use crate::event::{BrokerTime, Event, TimeKind, Timestamp};

/// Counts of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelCounts {
    /// Events.
    pub events: u64,
    /// Bytes of keys, payloads and headers.
    pub bytes: u64,
    /// Bytes of the largest.
    pub largest: u64,
    /// The number of the largest in the selection, from 1.
    pub largest_number: u64,
    /// The highest partition one was recorded in.
    pub highest_partition: Option<i32>,
    /// The earliest time that one carries by itself, as its producer gave it.
    pub oldest_time: Option<Timestamp>,
    /// The latest such time.
    pub newest_time: Option<Timestamp>,
    /// The lowest id that one will have, where the target takes only rising ones.
    pub lowest_id: Option<RisingId>,
}

impl ChannelCounts {
    /// Counts an event under its number.
    pub(super) fn add(&mut self, event: &Event, number: u64) {
        let size = event.size() as u64;
        self.events += 1;
        self.bytes += size;
        if size > self.largest || self.largest_number == 0 {
            (self.largest, self.largest_number) = (size, number);
        }
        self.highest_partition = self.highest_partition.max(event.place.partition);
        if let Some(BrokerTime { time, kind: TimeKind::Create }) = event.broker_time {
            self.oldest_time = Some(self.oldest_time.map_or(time, |oldest| oldest.min(time)));
            self.newest_time = self.newest_time.max(Some(time));
        }
    }

    /// The counts of both.
    #[must_use]
    pub fn with(self, other: &Self) -> Self {
        let larger = if other.largest > self.largest || self.largest_number == 0 { other } else { &self };
        let oldest = [self.oldest_time, other.oldest_time].into_iter().flatten().min();
        let lowest_id = [self.lowest_id, other.lowest_id].into_iter().flatten().min();
        Self {
            events: self.events + other.events,
            bytes: self.bytes + other.bytes,
            largest: larger.largest,
            largest_number: larger.largest_number,
            highest_partition: self.highest_partition.max(other.highest_partition),
            oldest_time: oldest,
            newest_time: self.newest_time.max(other.newest_time),
            lowest_id,
        }
    }

    /// Notes the id that an event will have, where ids rise.
    fn note_id(&mut self, id: Option<RisingId>) {
        self.lowest_id = [self.lowest_id, id].into_iter().flatten().min();
    }

    /// Moves all times by so many microseconds.
    fn move_times(&mut self, by: i64) {
        let moved = |time: Timestamp| Timestamp(time.0.saturating_add(by));
        self.oldest_time = self.oldest_time.map(moved);
        self.newest_time = self.newest_time.map(moved);
        if let Some(id) = &mut self.lowest_id {
            id.milliseconds = id.milliseconds.saturating_add_signed(by.div_euclid(1000));
        }
    }
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

impl Loss {
    /// Counts what an event of this number would lose among what others do.
    pub fn note(losses: &mut Vec<Self>, kinds: &[&str], number: u64) {
        for what in kinds {
            match losses.iter_mut().find(|loss| loss.what == *what) {
                Some(loss) => loss.events += 1,
                None => losses.push(Self { what: (*what).to_owned(), events: 1, first: number }),
            }
        }
    }
}

/// What a target carries, and which events it cannot be sent.
pub struct Carriage {
    /// What its system carries of events.
    pub capabilities: Capabilities,
    /// Which events cannot be written for it; none where all can.
    pub refusal: Option<Refusal>,
    /// What becomes of CloudEvents on their way to it.
    pub translation: Translation,
}

/// Kinds of refusals told apart; further ones are counted together.
const MOST_REFUSALS: usize = 20;
const OTHER_REASONS: &str = "for other reasons";

/// Events that cannot be sent for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why, in words.
    pub why: String,
    /// What to do about it, where that is known.
    pub help: Option<String>,
    /// How many there are.
    pub events: u64,
    /// The number of the first of them in the selection, from 1.
    pub first: u64,
}

/// What a selection holds.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Events selected, of which this process sends its share.
    pub selected: u64,
    /// Events to send.
    pub events: u64,
    /// Bytes of keys, payloads and headers.
    pub bytes: u64,
    /// Channels events were recorded from, selected or not.
    pub recorded: BTreeSet<String>,
    /// Most events that are due within one second of the run; none without a pace. Over several rounds they are those of the
    /// first: seconds of later ones hold other events.
    pub busiest_second: Option<u64>,
    /// The second that is being counted.
    pub(crate) second: Second,
    /// What guards left out.
    pub left_out: LeftOut,
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
    /// Facts that a sender gave events and that the target has no place for.
    pub facts_left: Vec<Loss>,
    /// Events whose sender's time is finer than the target keeps it.
    pub shortened: Option<Loss>,
    /// What the target cannot be sent.
    pub refused: Vec<Refused>,
    /// Events with a time before that of an earlier one.
    pub held_back: u64,
    /// Events left out because they have nothing that the sample could choose by.
    pub unsampled: u64,
    /// Names in changes that no event had.
    pub unused: UnusedNames,
    /// Events with a fault on purpose.
    pub faults: Vec<FaultCount>,
    /// When the run begins, where all times move with it; the times of channels have moved already.
    pub moved_to: Option<Timestamp>,
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
        shard: Option<Shard>,
        timetable: &Timetable,
        target: Carriage,
        stop: &StopToken,
    ) -> Result<Self, EndpointError> {
        let mut survey = Self::default();
        let mut selector = Selector::in_run(selection, &InRun { shard, ..InRun::default() });
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
            survey.note_origins(&batch);
            let selected = selector.select(batch);
            let (timed, failure) = timing.time(selected.events);
            survey.see(&timed, shard, &target);
            if let Some(failure) = failure.or(selected.failure) {
                return Err(failure);
            }
        }
        let (timed, failure) = timing.time(selector.rest());
        if let Some(failure) = failure {
            return Err(failure);
        }
        survey.see(&timed, shard, &target);
        survey.see(&timing.rest(), shard, &target);
        survey.faults = selector.faults();
        (survey.held_back, survey.unsampled) = (timing.clamped(), selector.unsampled());
        survey.left_out = selector.left_out().clone();
        survey.unused = selector.unused().clone();
        survey.repeat(timetable.rounds());
        survey.length = timing.length_of(timetable.rounds());
        // Everything needed was read.
        let _ = source.close().await;
        Ok(survey)
    }

    /// Moves the times of events as a run does that begins at this time and moves the earliest of them to it.
    pub fn move_times(&mut self, begins: Timestamp) {
        let by = begins.since(self.earliest.unwrap_or(begins));
        for channel in self.channels.values_mut() {
            channel.move_times(by);
        }
        self.moved_to = Some(begins);
    }

    /// The same once for each round.
    pub(super) fn repeat(&mut self, rounds: u64) {
        self.rounds = rounds;
        let counts =
            [&mut self.selected, &mut self.events, &mut self.bytes, &mut self.held_back, &mut self.unsampled];
        let channels = self.channels.values_mut().flat_map(|counts| [&mut counts.events, &mut counts.bytes]);
        let losses = self.losses.iter_mut().chain(&mut self.facts_left).chain(&mut self.shortened);
        let losses = losses.map(|loss| &mut loss.events);
        let refused = self.refused.iter_mut().map(|refused| &mut refused.events);
        let faults = self.faults.iter_mut().map(|fault| &mut fault.events);
        for count in counts.into_iter().chain(channels).chain(losses).chain(refused).chain(faults) {
            *count = count.saturating_mul(rounds);
        }
    }

    fn note_origins(&mut self, batch: &[Event]) {
        let mut before = None;
        for event in batch {
            // Most often it is that of the event before it.
            if before != Some(&event.channel) && !self.recorded.contains(event.channel.as_str()) {
                self.recorded.insert(event.channel.to_string());
            }
            before = Some(&event.channel);
        }
    }

    /// All processes have the same schedule; each counts what it sends.
    fn see(&mut self, timed: &[Timed], shard: Option<Shard>, target: &Carriage) {
        for (event, due) in timed {
            self.length = due.unwrap_or_default();
            self.selected += 1;
            let time = event.time();
            self.earliest = Some(self.earliest.map_or(time, |earliest| earliest.min(time)));
            self.first = Some(self.first.map_or(event.received, |first| first.min(event.received)));
            self.last = self.last.max(Some(event.received));
            if shard.is_none_or(|shard| shard.has(event)) {
                if let Some(due) = *due {
                    self.busiest_second = self.busiest_second.max(Some(self.second.count(due)));
                }
                self.add(event, target);
            }
        }
    }

    fn add(&mut self, event: &Event, target: &Carriage) {
        let event = &*target.translation.apply(event);
        let size = event.size() as u64;
        self.events += 1;
        self.bytes += size;
        let id = target.refusal.as_ref().and_then(|refusal| refusal.id_of(event));
        let number = self.events;
        let count = |channel: &mut ChannelCounts| {
            channel.add(event, number);
            channel.note_id(id);
        };
        if let Some(channel) = self.channels.get_mut(event.channel.as_str()) {
            count(channel);
        } else {
            let mut channel = ChannelCounts::default();
            count(&mut channel);
            self.channels.insert(event.channel.to_string(), channel);
        }
        let losses = target.capabilities.losses(event);
        // What would be lost is told as such, and not as what cannot be sent.
        let refused = target.refusal.as_ref().and_then(|refusal| {
            if losses.is_empty() {
                return refusal.of(event);
            }
            let mut carried = event.clone();
            target.capabilities.narrow(&mut carried);
            refusal.of(&carried)
        });
        Loss::note(&mut self.losses, &losses, self.events);
        Loss::note(&mut self.facts_left, &target.capabilities.facts_left(event), self.events);
        if target.capabilities.shortens_time(event) {
            let first = self.events;
            let new = || Loss { what: "times".to_owned(), events: 0, first };
            self.shortened.get_or_insert_with(new).events += 1;
        }
        if let Some(error) = refused {
            self.refuse(error);
        }
    }

    fn refuse(&mut self, error: EndpointError) {
        let is_known = self.refused.iter().any(|known| known.why == error.message);
        let is_one_too_many = !is_known && self.refused.len() >= MOST_REFUSALS;
        let (why, help) =
            if is_one_too_many { (OTHER_REASONS.to_owned(), None) } else { (error.message, error.help) };
        match self.refused.iter_mut().find(|known| known.why == why) {
            Some(known) => known.events += 1,
            None => self.refused.push(Refused { why, help, events: 1, first: self.events }),
        }
    }
}

/// The second of the run that is being counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Second {
    number: u64,
    events: u64,
}

impl Second {
    /// Counts an event that is due at this time, and says how many are due in its second so far.
    fn count(&mut self, due: Duration) -> u64 {
        if due.as_secs() != self.number {
            (self.number, self.events) = (due.as_secs(), 0);
        }
        self.events += 1;
        self.events
    }
}
