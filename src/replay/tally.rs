//! Counts what becomes of every event handed over: receipts, lanes, times, failures. It waits for nothing.

use std::sync::Arc;
use std::time::Instant;

use super::handover::Handover;
use super::keeper::{Acknowledged, Keeper};
use super::lanes::{LaneId, LaneTable};
use super::progress::SharedCounts;
use super::results::{EventResult, Fate, Results};
use super::summary::Times;
use super::undelivered::UndeliveredList;
use crate::endpoint::{Delivery, EndpointError, EndpointErrorKind};
use crate::event::{Event, Place};

/// Different failures kept for the report.
const MOST_FAILURES: usize = 5;

/// What is remembered of an event on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note {
    /// Its number among the selected events, from 0.
    pub number: u64,
    pub lane: LaneId,
    pub intended: Instant,
    /// It failed in a way that may have left it on the target.
    pub uncertain: bool,
    /// It was handed over before.
    pub again: bool,
}

/// A batch on its way, kept until its receipts are there.
#[derive(Debug)]
pub(super) struct Batch {
    pub events: Vec<Event>,
    pub notes: Vec<Note>,
    pub bytes: usize,
    /// When it was handed over.
    pub sent: Option<Instant>,
}

/// The books of one run.
#[derive(Debug)]
pub(super) struct Tally {
    pub lanes: LaneTable,
    pub lag: Times,
    pub response: Times,
    pub sent: u64,
    pub acknowledged: u64,
    pub failed: u64,
    pub possible_duplicates: u64,
    /// Events without a receipt that may have arrived all the same, and are not sent again.
    pub left_open: u64,
    pub left_out_late: u64,
    pub bytes: u64,
    pub failures: Vec<EndpointError>,
    /// The first events that were not delivered.
    pub undelivered: UndeliveredList,
    /// When an event was last confirmed or given up.
    pub ended: Option<Instant>,
    shared: Arc<SharedCounts>,
    keeper: Option<Arc<Keeper>>,
    /// Who is told of every event that is dealt with.
    pub handover: Option<Arc<Handover>>,
    results: Option<Arc<Results>>,
    /// Events with a smaller number may have been handed over by an earlier part of the run.
    uncertain_before: u64,
}

impl Tally {
    pub fn new(shared: Arc<SharedCounts>) -> Self {
        Self {
            lanes: LaneTable::default(),
            lag: Times::new(),
            response: Times::new(),
            sent: 0,
            acknowledged: 0,
            failed: 0,
            possible_duplicates: 0,
            left_open: 0,
            left_out_late: 0,
            bytes: 0,
            failures: Vec::new(),
            undelivered: UndeliveredList::default(),
            ended: None,
            shared,
            keeper: None,
            handover: None,
            results: None,
            uncertain_before: 0,
        }
    }

    /// Tells the ledger of every receipt; batches have at most `batch` events.
    pub fn kept_by(&mut self, keeper: Option<Arc<Keeper>>, batch: u64) {
        self.uncertain_before = keeper.as_ref().map_or(0, |keeper| keeper.uncertain_before(batch));
        self.keeper = keeper;
    }

    /// Writes a line for each event.
    pub fn written_to(&mut self, results: Option<Arc<Results>>) {
        self.results = results;
    }

    /// The batch was handed over for the first time, its last event at `at`.
    pub fn handed_over(&mut self, batch: &Batch, at: Instant) {
        for note in &batch.notes {
            self.lanes.sent(note.lane);
            self.possible_duplicates += u64::from(note.number < self.uncertain_before);
            self.lag.record(at.saturating_duration_since(note.intended));
        }
        let count = batch.notes.len() as u64;
        self.sent += count;
        self.bytes += batch.bytes as u64;
        SharedCounts::add(&self.shared.sent, count);
        SharedCounts::add(&self.shared.bytes, batch.bytes as u64);
        if let Some(last) = batch.notes.last() {
            let lag = at.saturating_duration_since(last.intended);
            let mut standing = self.shared.standing();
            (standing.next, standing.went, standing.lag) = (None, Some(at), lag);
            drop(standing);
            let micros = u64::try_from(lag.as_micros()).unwrap_or(u64::MAX);
            self.shared.add_to_groups(&batch.events, micros);
        }
    }

    /// The event that goes next was to go at `next`, of a schedule that began then.
    pub fn stands(&self, began: Option<Instant>, next: Option<Instant>) {
        let mut standing = self.shared.standing();
        (standing.began, standing.next) = (began, next);
    }

    /// No receipt is waited for any more.
    pub fn closed(&self) {
        if let Some(keeper) = self.keeper.as_ref().filter(|_| self.left_open == 0) {
            keeper.nothing_left_open();
        }
    }

    /// Takes the receipts of a batch and returns those events that are worth another attempt, in order, with the
    /// last reason; `retry` says whether another attempt may be made at all.
    pub fn settle(
        &mut self,
        batch: Batch,
        deliveries: Vec<Delivery>,
        retry: bool,
    ) -> Vec<(Event, Note, EndpointError)> {
        let (mut again, mut settled, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let (mut results, sent) = (Vec::new(), batch.sent);
        let mut deliveries = deliveries.into_iter();
        let mut dealt_with = Vec::new();
        let before = self.acknowledged;
        // Events stay where they are: most of them are only forgotten.
        let Batch { mut events, notes, .. } = batch;
        if self.keeper.is_some() {
            settled.reserve_exact(notes.len());
        }
        for (event, mut note) in events.iter_mut().zip(notes) {
            let delivery = deliveries.next().unwrap_or_else(missing_receipt);
            match delivery.outcome {
                Ok(place) => {
                    self.acknowledge(&note, delivery.at);
                    if self.handover.is_some() {
                        dealt_with.push(note.number);
                    }
                    if self.results.is_some() {
                        results.push(EventResult {
                            note,
                            channel: event.channel.clone(),
                            key: event.key.take(),
                            sent,
                            fate: Fate::Acknowledged(delivery.at, place.clone()),
                        });
                    }
                    if self.keeper.is_some() {
                        let (number, channel) = (note.number, std::mem::take(&mut event.channel));
                        settled.push(Acknowledged { number, channel, place, steady: !note.again });
                    }
                }
                Err(error) if retry && error.retryable() => {
                    note.uncertain |= !error.leaves_nothing();
                    again.push((std::mem::take(event), note, *error));
                }
                Err(error) => {
                    refused.extend(self.is_refused(&note, &error).then_some(note.number));
                    self.undelivered.add(note.number, &event.channel, event.key.as_ref(), &error);
                    if self.results.is_some() {
                        let fate = Fate::Failed((*error).clone());
                        let Event { channel, key, .. } = std::mem::take(event);
                        results.push(EventResult { note, channel, key, sent, fate });
                    }
                    self.fail(&note, *error);
                }
            }
        }
        self.write(results);
        self.tell_acknowledged(self.acknowledged - before);
        if let Some(handover) = &self.handover {
            handover.settled(dealt_with.into_iter().chain(refused.iter().copied()));
        }
        if let Some(keeper) = &self.keeper {
            keeper.acknowledged(settled);
            keeper.refused(&refused);
        }
        again
    }

    /// Whether the target refused the event for good; of one that it did not, which is not sent again, it may stay open
    /// whether it arrived.
    fn is_refused(&mut self, note: &Note, error: &EndpointError) -> bool {
        let is_refused = !error.retryable() && !error.is_final();
        let is_open = !is_refused && (note.uncertain || !error.leaves_nothing());
        self.left_open += u64::from(is_open);
        is_refused
    }

    /// So many more were confirmed.
    fn tell_acknowledged(&self, more: u64) {
        if more > 0 {
            SharedCounts::add(&self.shared.acknowledged, more);
            let mut standing = self.shared.standing();
            standing.went = standing.went.max(self.ended);
        }
    }

    fn write(&self, results: Vec<EventResult>) {
        if let Some(file) = self.results.as_ref().filter(|_| !results.is_empty()) {
            file.add(results);
        }
    }

    /// The event does not go, because it is later than allowed.
    pub fn left_out_late(&mut self, event: Event, number: u64, intended: Instant) {
        self.left_out_late += 1;
        if self.results.is_some() {
            let lane = self.lanes.lane(&event);
            let note = Note { number, lane, intended, uncertain: false, again: false };
            let (channel, key) = (event.channel, event.key);
            self.write(vec![EventResult { note, channel, key, sent: None, fate: Fate::LeftOutLate }]);
        }
        if let Some(handover) = &self.handover {
            handover.settled([number]);
        }
        if let Some(keeper) = &self.keeper {
            keeper.left_out(number);
        }
    }

    /// The event, about to be sent again, lies on the target already.
    pub fn arrived(&mut self, event: Event, note: &Note) {
        let now = Instant::now();
        self.acknowledge(note, now);
        if self.results.is_some() {
            let (channel, key) = (event.channel.clone(), event.key.clone());
            let fate = Fate::Acknowledged(now, Place::default());
            self.write(vec![EventResult { note: *note, channel, key, sent: None, fate }]);
        }
        if let Some(keeper) = &self.keeper {
            let (number, channel, place) = (note.number, event.channel, Place::default());
            keeper.acknowledged(vec![Acknowledged { number, channel, place, steady: false }]);
        }
    }

    /// The event, which was to go again, does not.
    pub fn give_up(&mut self, event: Event, note: &Note, error: EndpointError) {
        self.left_open += u64::from(note.uncertain);
        self.undelivered.add(note.number, &event.channel, event.key.as_ref(), &error);
        if self.results.is_some() {
            let (channel, key) = (event.channel, event.key);
            let fate = Fate::Failed(error.clone());
            self.write(vec![EventResult { note: *note, channel, key, sent: None, fate }]);
        }
        self.fail(note, error);
    }

    /// The event will not be delivered, for this reason.
    pub fn fail(&mut self, note: &Note, error: EndpointError) {
        self.lanes.failed(note.lane);
        self.failed += 1;
        self.ended = self.ended.max(Some(Instant::now()));
        SharedCounts::add(&self.shared.failed, 1);
        let known = self.failures.iter().any(|each| each.message == error.message);
        if !known && self.failures.len() < MOST_FAILURES {
            self.failures.push(error);
        }
    }

    fn acknowledge(&mut self, note: &Note, at: Instant) {
        self.lanes.acknowledged(note.lane, note.number);
        self.response.record(at.saturating_duration_since(note.intended));
        self.acknowledged += 1;
        self.ended = self.ended.max(Some(at));
    }
}

fn missing_receipt() -> Delivery {
    Delivery::failed(no_receipt())
}

/// What was handed over has no receipt, and none is waited for any more.
pub(super) fn no_receipt() -> EndpointError {
    EndpointError::new(EndpointErrorKind::Timeout, "the target gave no receipt")
}
