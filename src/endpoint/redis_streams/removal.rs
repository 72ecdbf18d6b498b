//! How many entries of a stream were removed before they were read, by the counts a server keeps of it. It asks no server.
//!
//! Ids have gaps wherever time passes, so that they do not show what is missing; the count of all entries ever added does.

use std::time::{Duration, Instant};

use redis::Value;

use super::answer;
use super::id::EntryId;
use crate::endpoint::Removed;

/// How soon a stream is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// What a server says of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Entries that were ever added.
    added: u64,
    /// Entries that are kept, the first and the last of them.
    length: u64,
    first: EntryId,
    last: EntryId,
    /// The highest of those that were deleted one by one.
    deleted: EntryId,
}

impl Told {
    /// The answer to `XINFO STREAM`; `None` where we may not ask, or the server does not count what was added (before 7.0).
    pub(super) fn read(value: Value) -> Option<Self> {
        let values = match value {
            // There is no such stream yet, or no more.
            Value::ServerError(error) if error.code() == "ERR" => return Some(Self::default()),
            other => answer::list(other)?,
        };
        let count = |name| answer::named(&values, name).and_then(answer::number);
        let entry = |name| match answer::named(&values, name) {
            Some(Value::Array(parts)) => parts.first().cloned().and_then(answer::id).unwrap_or_default(),
            _ => EntryId::default(),
        };
        Some(Self {
            added: count("entries-added")?,
            length: count("length")?,
            first: entry("first-entry"),
            last: entry("last-entry"),
            deleted: answer::named(&values, "max-deleted-entry-id")
                .cloned()
                .and_then(answer::id)
                .unwrap_or_default(),
        })
    }

    /// Entries that are kept behind a place; `None` where it lies between the first and the last of them.
    fn kept_behind(&self, place: EntryId) -> Option<u64> {
        if self.length == 0 || place >= self.last {
            Some(0)
        } else {
            (place < self.first).then_some(self.length)
        }
    }

    /// Whether nothing is kept up to a place.
    fn begins_behind(&self, place: EntryId) -> bool {
        self.length == 0 || place < self.first
    }
}

/// What is known of the entries of one stream.
#[derive(Debug, Default)]
pub(super) struct Removal {
    /// Entries that were ever added, up to the place where the reader stands, as far as it has counted them.
    counted: Option<u64>,
    /// The highest of those deleted one by one, when the server was last asked.
    deleted: EntryId,
    removed: Removed,
    asked: Option<Instant>,
    cannot_tell: bool,
}

impl Removal {
    /// Whether the server is to be asked of the stream now.
    pub(super) fn is_time_to_ask(&mut self) -> bool {
        let is_time = !self.cannot_tell && self.asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN);
        if is_time {
            self.asked = Some(Instant::now());
        }
        is_time
    }

    /// So many entries were read.
    pub(super) fn were_read(&mut self, entries: usize) {
        self.counted = self.counted.map(|counted| counted + entries as u64);
    }

    /// Compares what was read, up to a place, with what the server says.
    pub(super) fn compare(&mut self, told: Option<Told>, place: EntryId) {
        let Some(told) = told else {
            self.cannot_tell = true;
            return;
        };
        let Some(added) = told.kept_behind(place).and_then(|kept| told.added.checked_sub(kept)) else {
            return;
        };
        let counted = self.counted.replace(added).unwrap_or(added);
        // Entries deleted one by one are no loss. Where some were, what is missing may be them, unless all of the stream has gone
        // that lay before one that was deleted ahead of the reader.
        let at_most = told.deleted != std::mem::replace(&mut self.deleted, told.deleted);
        if !at_most || told.begins_behind(place) && told.deleted > place {
            self.removed += Removed { events: added.saturating_sub(counted), at_most };
        }
    }

    /// What was removed before it was read.
    pub(super) fn removed(&self) -> Removed {
        self.removed
    }
}

#[cfg(test)]
mod tests {
    use super::{EntryId, Removal, Removed, Told};

    /// Entries 1 to `added`, of which those from `first` on are kept.
    fn told(added: u64, first: u64) -> Told {
        let (first, last) = (EntryId::first_of(first), EntryId::first_of(added));
        Told { added, length: added + 1 - first.milliseconds, first, last, deleted: EntryId::default() }
    }

    fn exactly(events: u64) -> Removed {
        Removed { events, at_most: false }
    }

    #[test]
    fn what_was_trimmed_ahead_of_the_reader_is_counted_once() {
        let mut removal = Removal::default();
        let at = EntryId::first_of;
        removal.compare(Some(told(10, 4)), at(0));
        assert_eq!(removal.removed(), exactly(0), "what was gone before the beginning");
        removal.were_read(3);
        removal.compare(Some(told(20, 5)), at(6));
        assert_eq!(removal.removed(), exactly(0), "what was read may go");
        removal.compare(Some(told(20, 7)), at(6));
        assert_eq!(removal.removed(), exactly(0), "up to what was read");
        removal.compare(Some(told(20, 10)), at(6));
        assert_eq!(removal.removed(), exactly(3));
        removal.compare(Some(told(20, 10)), at(6));
        assert_eq!(removal.removed(), exactly(3));
        removal.were_read(11);
        removal.compare(Some(told(20, 10)), at(20));
        assert_eq!(removal.removed(), exactly(3));
        removal.compare(Some(Told { added: 30, ..Told::default() }), at(20));
        assert_eq!(removal.removed(), exactly(13), "all of what came");
    }

    #[test]
    fn what_was_missed_between_two_questions_shows_at_the_end() {
        let mut removal = Removal::default();
        removal.compare(Some(told(10, 1)), EntryId::default());
        removal.were_read(5);
        removal.were_read(2);
        removal.compare(Some(told(12, 8)), EntryId::first_of(12));
        assert_eq!(removal.removed(), exactly(5));
    }

    #[test]
    fn entries_deleted_one_by_one_are_no_loss() {
        let deleted =
            |told: Told, id| Told { deleted: EntryId::first_of(id), length: told.length - 1, ..told };
        let mut removal = Removal::default();
        removal.compare(Some(told(10, 1)), EntryId::default());
        removal.were_read(9);
        removal.compare(Some(deleted(told(10, 1), 5)), EntryId::first_of(10));
        assert_eq!(removal.removed(), exactly(0));
        let mut removal = Removal::default();
        removal.compare(Some(told(10, 1)), EntryId::default());
        removal.were_read(9);
        let emptied = Told { added: 10, deleted: EntryId::first_of(5), ..Told::default() };
        removal.compare(Some(emptied), EntryId::first_of(10));
        assert_eq!(removal.removed(), exactly(0), "what was read may go, too");
        let mut removal = Removal::default();
        removal.compare(Some(told(10, 1)), EntryId::default());
        removal.were_read(2);
        removal.compare(Some(deleted(told(10, 6), 8)), EntryId::first_of(2));
        assert_eq!(removal.removed(), Removed { events: 4, at_most: true });
    }

    #[test]
    fn a_stream_that_was_made_anew_is_counted_anew() {
        let mut removal = Removal::default();
        removal.compare(Some(told(10, 1)), EntryId::first_of(10));
        removal.compare(Some(Told::default()), EntryId::first_of(10));
        removal.compare(Some(told(20, 19)), EntryId::first_of(20));
        assert!(removal.removed().events <= 20);
        removal.compare(None, EntryId::first_of(20));
        assert!(!removal.is_time_to_ask(), "it cannot tell");
    }
}
