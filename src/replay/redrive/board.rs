//! What became of each event of the batch that is under way, and the counts of the whole run.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::Notify;

use crate::endpoint::Fate;
use crate::event::Event;
use crate::replay::survey::ChannelCounts;

/// Rows told apart; further origins and reasons are counted together.
const MOST_ROWS: usize = 1000;
/// Places that are named of events that stay.
const MOST_PLACES: usize = 10;

/// What a redrive came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Dead letters looked at.
    pub read: u64,
    /// Back at their origin, confirmed.
    pub redriven: u64,
    /// In the quarantine, confirmed.
    pub quarantined: u64,
    /// Left in their place because they were not chosen.
    pub not_chosen: u64,
    /// Left in their place because nothing says where they came from.
    pub without_origin: u64,
    /// Left in their place because they had been sent back too often.
    pub sent_back_too_often: u64,
    /// Left in their place because they say that they came from there.
    pub from_here: u64,
    /// Not taken by their origin; they stay.
    pub refused: u64,
    /// Confirmed at their origin, and still in their place: a later run sends them again.
    pub repeated_later: u64,
    /// Where the first of those lie that were left although they were chosen.
    pub left_at: Vec<String>,
}

impl Counts {
    /// Dead letters about which it is decided: they are elsewhere now, or were left on purpose.
    #[must_use]
    pub fn decided(&self) -> u64 {
        self.redriven + self.quarantined + self.not_chosen + self.stuck()
    }

    /// Dead letters that were chosen, and that stay because none of them can go back.
    #[must_use]
    pub fn stuck(&self) -> u64 {
        self.without_origin + self.sent_back_too_often + self.from_here
    }
}

/// How many events came from one place for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Where they came from; none when they do not say.
    pub origin: Option<String>,
    /// Why they died, when they say.
    pub reason: Option<String>,
    /// How many.
    pub events: u64,
}

/// What would go to each channel, by the exchange it goes through.
pub type Ways = BTreeMap<Option<String>, BTreeMap<String, ChannelCounts>>;

/// One event of the batch.
#[derive(Debug)]
struct Item {
    event: Event,
    fate: Option<Fate>,
    /// Events made of it that are not confirmed yet.
    open: u32,
}

#[derive(Debug, Default)]
struct State {
    items: Vec<Item>,
    counts: Counts,
    rows: BTreeMap<(Option<String>, Option<String>), u64>,
    ways: Ways,
    finished: bool,
}

/// Shared by the two ends of a redrive.
#[derive(Debug, Default)]
pub struct Board {
    state: Mutex<State>,
    changed: Notify,
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state().counts.clone()
    }

    /// Where what was looked at would go: by exchange, where there are any, and channel.
    #[must_use]
    pub fn ways(&self) -> Ways {
        self.state().ways.clone()
    }

    /// Notes where an event would go.
    pub(super) fn would_go(&self, exchange: Option<String>, event: &Event) {
        let mut state = self.state();
        let number = state.counts.read;
        let known = state.ways.values().map(BTreeMap::len).sum::<usize>();
        let channels = state.ways.entry(exchange).or_default();
        if channels.contains_key(event.channel.as_str()) || known < MOST_ROWS {
            channels.entry(event.channel.to_string()).or_default().add(event, number);
        }
    }

    /// Events by origin and reason, most first.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let state = self.state();
        let row = |((origin, reason), events): (&(Option<String>, Option<String>), &u64)| Row {
            origin: origin.clone(),
            reason: reason.clone(),
            events: *events,
        };
        let mut rows: Vec<Row> = state.rows.iter().map(row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.events));
        rows
    }

    /// A batch begins.
    pub(super) fn begin(&self, batch: &[Event]) {
        let item = |event: &Event| Item { event: event.clone(), fate: None, open: 0 };
        self.state().items = batch.iter().map(item).collect();
    }

    /// Counts what was read.
    pub(super) fn note(&self, origin: Option<String>, reason: Option<String>) {
        let mut state = self.state();
        state.counts.read += 1;
        let mut key = (origin, reason);
        if state.rows.len() >= MOST_ROWS && !state.rows.contains_key(&key) {
            key = (Some("other origins and reasons".to_owned()), None);
        }
        *state.rows.entry(key).or_default() += 1;
    }

    /// So many events were made of this one, which are to be confirmed.
    pub(super) fn expect(&self, index: usize, events: u32) {
        if let Some(item) = self.state().items.get_mut(index) {
            item.open = events;
        }
    }

    /// Decides about an event without anything being sent.
    pub(super) fn decide(&self, index: usize, fate: Fate, count: impl FnOnce(&mut Counts) -> &mut u64) {
        let mut state = self.state();
        *count(&mut state.counts) += 1;
        if let Some(item) = state.items.get_mut(index) {
            item.fate.get_or_insert(fate);
        }
    }

    /// Notes where an event lies that was left although it was chosen.
    pub(super) fn left_at(&self, event: &Event) {
        let mut state = self.state();
        let Some(offset) = event.place.offset.filter(|_| state.counts.left_at.len() < MOST_PLACES) else {
            return;
        };
        let partition = event.place.partition.map(|partition| format!(" partition {partition}"));
        // An entry of Redis is known there by its id, not by the number we make of it.
        let own = event.attributes.get("id").and_then(|id| id.as_str()).filter(|_| partition.is_none());
        let offset = own.map_or_else(|| format!("offset {offset}"), |id| format!("id {id}"));
        let place = format!("{}{} {offset}", event.channel, partition.unwrap_or_default());
        state.counts.left_at.push(place);
    }

    /// An event made of this one was confirmed; `count` is where the whole of it is counted.
    pub(super) fn confirmed(&self, index: usize, count: impl FnOnce(&mut Counts) -> &mut u64) {
        let mut state = self.state();
        let Some(item) = state.items.get_mut(index) else { return };
        item.open = item.open.saturating_sub(1);
        if item.open == 0 && item.fate.is_none() {
            item.fate = Some(Fate::Done);
            *count(&mut state.counts) += 1;
            self.changed.notify_waiters();
        }
    }

    /// An event made of this one was refused for good.
    pub(super) fn refused(&self, index: usize) {
        self.decide(index, Fate::Again, |counts| &mut counts.refused);
        self.changed.notify_waiters();
    }

    /// The event as it was read.
    pub(super) fn event(&self, index: usize) -> Option<Event> {
        self.state().items.get(index).map(|item| item.event.clone())
    }

    /// Nothing more is confirmed: what is open comes again.
    pub(super) fn finish(&self) {
        self.state().finished = true;
        self.changed.notify_waiters();
    }

    /// Counts events that come again although they arrived.
    pub(super) fn repeat(&self, events: u64) {
        self.state().counts.repeated_later += events;
    }

    fn fates(&self) -> Option<Vec<Fate>> {
        let state = self.state();
        let fate = |item: &Item| item.fate.or(state.finished.then_some(Fate::Again));
        state.items.iter().map(fate).collect()
    }

    /// Waits until the fate of each event of the batch is known.
    pub(super) async fn settled(&self) -> Vec<Fate> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(fates) = self.fates() {
                return fates;
            }
            changed.await;
        }
    }

    /// The batch was settled with its system.
    pub(super) fn end(&self) {
        self.state().items.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Board;
    use crate::event::{Event, Place};

    #[test]
    fn places_are_named_as_their_system_names_them() {
        let board = Board::default();
        let place = |partition, offset| Place { partition, offset: Some(offset) };
        let kafka = Event { channel: "dead".into(), place: place(Some(3), 7), ..Event::default() };
        let mut redis = Event { channel: "dead".into(), place: place(None, 8_192), ..Event::default() };
        redis.attributes.insert("id".to_owned(), "2-0".into());
        let jetstream = Event { channel: "dead".into(), place: place(None, 5), ..Event::default() };
        for event in [&kafka, &redis, &jetstream] {
            board.left_at(event);
        }
        let left = &board.counts().left_at;
        assert_eq!(left, &["dead partition 3 offset 7", "dead id 2-0", "dead offset 5"]);
    }
}
