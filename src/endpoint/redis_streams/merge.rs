//! Several streams read side by side and handed on by their times. It asks no server.

use std::collections::VecDeque;

use super::answer::Entry;
use super::entry;
use super::id::EntryId;
use super::removal::Removal;
use crate::event::Event;

/// One stream and how far it was read.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) name: String,
    /// The last entry read.
    pub(super) at: EntryId,
    /// The last id that is wanted.
    through: Option<EntryId>,
    waiting: VecDeque<Event>,
    /// More is known or may be expected to be there already.
    pub(super) more: bool,
    pub(super) ended: bool,
    /// What is known of entries that went before they were read.
    pub(super) removal: Removal,
}

impl Track {
    /// A stream to be read after the entry `at`.
    pub(super) fn new(name: String, at: EntryId, through: Option<EntryId>) -> Self {
        let ended = through.is_some_and(|through| at >= through);
        let (waiting, removal) = (VecDeque::new(), Removal::default());
        Self { name, at, through, waiting, more: !ended, ended, removal }
    }

    /// Takes what was read; `more` says that the answer was as long as it might be.
    pub(super) fn take_in(&mut self, entries: Vec<Entry>, more: bool, field: Option<&str>) {
        self.more = more;
        self.removal.were_read(entries.len());
        for read in entries {
            if self.through.is_some_and(|through| read.id > through) {
                self.end();
                return;
            }
            self.at = read.id;
            let fields = read.fields.unwrap_or_default();
            self.waiting.push_back(entry::event(&self.name, read.id, fields, field));
        }
        if self.through.is_some_and(|through| self.at >= through) {
            self.end();
        }
    }

    /// Nothing more is wanted of it.
    pub(super) fn end(&mut self) {
        self.ended = true;
        self.more = false;
    }

    /// Events that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// At most `max` events in the order of their times, as far as no earlier one can still come.
pub(super) fn take(tracks: &mut [Track], max: usize) -> Vec<Event> {
    let mut events = Vec::new();
    while events.len() < max {
        if tracks.iter().any(|track| track.more && track.waiting.is_empty()) {
            break;
        }
        let heads = tracks.iter().enumerate();
        let heads = heads.filter_map(|(at, track)| Some((track.waiting.front()?.broker_time?.time, at)));
        let Some((_, at)) = heads.min() else { break };
        events.extend(tracks[at].waiting.pop_front());
    }
    events
}

#[cfg(test)]
mod tests {
    use super::{Entry, EntryId, Event, Track, take};

    fn entries(times: &[u64]) -> Vec<Entry> {
        let field = |time: &u64| (b"payload".to_vec(), time.to_string().into_bytes());
        times
            .iter()
            .map(|time| Entry { id: EntryId::first_of(*time), fields: Some(vec![field(time)]) })
            .collect()
    }

    fn tracks(through: Option<u64>) -> [Track; 2] {
        ["a", "b"].map(|name| Track::new(name.to_owned(), EntryId::default(), through.map(EntryId::first_of)))
    }

    fn taken(tracks: &mut [Track], max: usize) -> Vec<(String, i64)> {
        let time = |event: &Event| event.broker_time.expect("a time").time.0 / 1000;
        take(tracks, max).into_iter().map(|event| (event.channel.to_string(), time(&event))).collect()
    }

    #[test]
    fn events_come_in_the_order_of_their_times() {
        let mut tracks = tracks(None);
        tracks[0].take_in(entries(&[1, 4, 6]), true, None);
        assert!(taken(&mut tracks, 10).is_empty(), "b may have an earlier one");
        tracks[1].take_in(entries(&[2, 4, 5]), false, None);
        let expected = [("a", 1), ("b", 2), ("a", 4), ("b", 4), ("b", 5), ("a", 6)];
        let expected = expected.map(|(name, time)| (name.to_owned(), time));
        assert_eq!(taken(&mut tracks, 2), expected[..2]);
        assert_eq!(taken(&mut tracks, 10), expected[2..]);
        assert_eq!(tracks[0].at, EntryId::first_of(6));
    }

    #[test]
    fn what_lies_beyond_the_end_is_left() {
        let mut tracks = tracks(Some(4));
        tracks[0].take_in(entries(&[1, 4]), true, None);
        tracks[1].take_in(entries(&[3, 5]), true, None);
        assert!(tracks.iter().all(|track| track.ended));
        assert_eq!(taken(&mut tracks, 10).len(), 3);
        assert!(Track::new("c".to_owned(), EntryId::first_of(4), Some(EntryId::first_of(4))).ended);
    }
}
