//! How far the parts of a shared recording were dealt with: the position of each moves over an event once everything made
//! of it has its receipt, and nothing goes of a part that another process has taken over.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::endpoint::End;
use crate::endpoint::recording::{Carrier, Part};
use crate::event::Event;

/// The attribute that says of which event one was made, on its way through selection and changes.
const ORIGIN: &str = "eddy.replay.origin";
/// Bits of an origin that count the events of its part; the others are the number of the part.
const COUNT_BITS: u32 = 40;
/// How long a part that is taken over waits for receipts: what has none by then goes again elsewhere.
const PATIENCE: Duration = Duration::from_secs(5);

/// One event that was read and not yet dealt with, or that waits for one before it.
#[derive(Debug)]
struct Pending {
    origin: u64,
    offset: i64,
    /// Events made of it without a receipt, and one as long as it is being selected.
    open: u32,
    /// Something made of it was handed over.
    sent: bool,
}

#[derive(Debug, Default)]
struct Book {
    owned: bool,
    /// The offset of the next event that may be new to us.
    next: i64,
    position: i64,
    /// Nothing lies between these offsets.
    empty: Option<(i64, i64)>,
    pending: VecDeque<Pending>,
}

impl Book {
    fn find(&mut self, origin: u64) -> Option<&mut Pending> {
        let place = self.pending.binary_search_by_key(&origin, |pending| pending.origin).ok()?;
        self.pending.get_mut(place)
    }

    fn close_one(&mut self, origin: u64) {
        if let Some(pending) = self.find(origin) {
            pending.open = pending.open.saturating_sub(1);
        }
        while let Some(done) = self.pending.front().filter(|pending| pending.open == 0) {
            self.position = done.offset + 1;
            self.pending.pop_front();
        }
    }

    fn position(&self) -> i64 {
        match self.empty {
            Some((read, end)) if self.pending.is_empty() && self.next >= read => self.position.max(end),
            _ => self.position,
        }
    }

    /// Leaves only what was handed over, up to the first that was not: the position must not pass that one.
    fn keep_what_went(&mut self) {
        let stays = |pending: &Pending| pending.sent || pending.open == 0;
        let first = self.pending.iter().position(|pending| !stays(pending));
        self.pending.truncate(first.unwrap_or(self.pending.len()));
        self.empty = None;
    }
}

#[derive(Debug, Default)]
struct Books {
    parts: Vec<Book>,
    names: Vec<Part>,
    index: HashMap<String, HashMap<i32, usize>>,
    /// Of which event each event of the run was made.
    numbers: HashMap<u64, u64>,
    origins: u64,
    /// No receipt comes any more.
    finished: bool,
}

impl Books {
    fn part(&mut self, channel: &str, partition: i32) -> usize {
        if let Some(found) = self.index.get(channel).and_then(|partitions| partitions.get(&partition)) {
            return *found;
        }
        self.parts.push(Book::default());
        self.names.push((channel.to_owned(), partition));
        let place = self.parts.len() - 1;
        self.index.entry(channel.to_owned()).or_default().insert(partition, place);
        place
    }

    fn book(&mut self, origin: u64) -> Option<&mut Book> {
        self.parts.get_mut(usize::try_from(origin >> COUNT_BITS).ok()?)
    }

    fn end(&self, place: usize) -> End {
        let (channel, partition) = self.names[place].clone();
        let offset = u64::try_from(self.parts[place].position()).unwrap_or(0);
        End { channel, partition: Some(partition), offset }
    }
}

/// The books of one process.
#[derive(Debug, Default)]
pub struct Handover {
    books: Mutex<Books>,
    moved: Condvar,
}

impl Handover {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes events that were read into the books and marks them; leaves out what is another's, or was read before.
    pub(super) fn admit(&self, batch: &mut Vec<Event>) -> Vec<u64> {
        let mut books = self.books();
        let mut origins = Vec::with_capacity(batch.len());
        batch.retain_mut(|event| {
            let offset = event.place.offset.and_then(|offset| i64::try_from(offset).ok()).unwrap_or(0);
            let place = books.part(&event.channel, event.place.partition.unwrap_or(0));
            let count = books.origins;
            let book = &mut books.parts[place];
            if !book.owned || offset < book.next {
                return false;
            }
            let origin = ((place as u64) << COUNT_BITS) | count;
            book.next = offset + 1;
            book.pending.push_back(Pending { origin, offset, open: 1, sent: false });
            books.origins += 1;
            event.attributes.insert(ORIGIN.to_owned(), origin.into());
            origins.push(origin);
            true
        });
        origins
    }

    /// Of which event one was made, as it still says.
    pub(super) fn origin(event: &Event) -> Option<u64> {
        event.attributes.get(ORIGIN).and_then(Value::as_u64)
    }

    /// Gives an event its number and takes the mark away; false when its part is another's by now.
    pub(super) fn link(&self, event: &mut Event, number: u64) -> bool {
        let origin = event.attributes.shift_remove(ORIGIN).as_ref().and_then(Value::as_u64);
        let mut books = self.books();
        let Some(origin) = origin else { return false };
        let Some(pending) = books.book(origin).and_then(|book| book.find(origin)) else { return false };
        pending.open += 1;
        books.numbers.insert(number, origin);
        true
    }

    /// Nothing more is made of these.
    pub(super) fn selected(&self, origins: &[u64]) {
        let mut books = self.books();
        for origin in origins {
            if let Some(book) = books.book(*origin) {
                book.close_one(*origin);
            }
        }
    }

    /// Whether an event may be handed over now; not when its part is another's by now.
    pub(super) fn may_go(&self, number: u64) -> bool {
        let mut books = self.books();
        let Some(origin) = books.numbers.get(&number).copied() else { return false };
        let pending = books.book(origin).and_then(|book| book.find(origin));
        let Some(pending) = pending else {
            books.numbers.remove(&number);
            return false;
        };
        pending.sent = true;
        true
    }

    /// No receipt comes any more: nothing waits for one.
    pub(super) fn finish(&self) {
        self.books().finished = true;
        self.moved.notify_all();
    }

    /// These arrived, or are not to go again.
    pub(super) fn settled(&self, numbers: impl IntoIterator<Item = u64>) {
        let mut books = self.books();
        for number in numbers {
            if let Some(origin) = books.numbers.remove(&number)
                && let Some(book) = books.book(origin)
            {
                book.close_one(origin);
            }
        }
        drop(books);
        self.moved.notify_all();
    }
}

impl Carrier for Handover {
    fn gained(&self, parts: &[End]) {
        let mut books = self.books();
        for part in parts {
            let place = books.part(&part.channel, part.partition.unwrap_or(0));
            let offset = i64::try_from(part.offset).unwrap_or(i64::MAX);
            books.parts[place] = Book { owned: true, next: offset, position: offset, ..Book::default() };
        }
    }

    fn lost(&self, parts: &[Part]) -> Vec<End> {
        let deadline = Instant::now() + PATIENCE;
        let mut books = self.books();
        let places: Vec<usize> =
            parts.iter().map(|(channel, partition)| books.part(channel, *partition)).collect();
        for place in &places {
            let book = &mut books.parts[*place];
            book.owned = false;
            book.keep_what_went();
        }
        while places.iter().any(|place| !books.parts[*place].pending.is_empty()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || books.finished {
                break;
            }
            books = match self.moved.wait_timeout(books, left) {
                Ok((books, _)) => books,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        for place in &places {
            books.parts[*place].pending.clear();
        }
        places.into_iter().map(|place| books.end(place)).collect()
    }

    fn positions(&self) -> Vec<End> {
        let books = self.books();
        let owned = (0..books.parts.len()).filter(|place| books.parts[*place].owned);
        owned.map(|place| books.end(place)).collect()
    }

    fn nothing_until(&self, (channel, partition): &Part, read: i64, end: i64) {
        let mut books = self.books();
        let place = books.part(channel, *partition);
        books.parts[place].empty = Some((read, end));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::Handover;
    use crate::endpoint::End;
    use crate::endpoint::recording::Carrier;
    use crate::event::{Event, Place};

    fn event(partition: i32, offset: u64) -> Event {
        let place = Place { partition: Some(partition), offset: Some(offset) };
        Event { place, ..Event::new("t", "x") }
    }

    fn at(partition: i32, offset: u64) -> End {
        End { channel: "t".to_owned(), partition: Some(partition), offset }
    }

    fn part(partition: i32) -> (String, i32) {
        ("t".to_owned(), partition)
    }

    /// Reads events and gives them numbers from `first` on.
    fn read(handover: &Handover, events: impl IntoIterator<Item = Event>, first: u64) -> usize {
        let mut batch: Vec<Event> = events.into_iter().collect();
        let origins = handover.admit(&mut batch);
        for (number, event) in (first..).zip(&mut batch) {
            assert!(handover.link(event, number) && event.attributes.is_empty());
        }
        handover.selected(&origins);
        batch.len()
    }

    #[test]
    fn a_position_passes_over_what_has_its_receipt_and_over_what_was_not_selected() {
        let handover = Handover::default();
        handover.gained(&[at(0, 5), at(1, 0)]);
        assert_eq!(read(&handover, [event(0, 5), event(0, 6), event(1, 0), event(0, 7)], 0), 4);
        assert!((0..4).all(|number| handover.may_go(number)));
        handover.settled([3, 2, 1]);
        assert_eq!(handover.positions(), [at(0, 5), at(1, 1)]);
        // Of this one nothing is made, and what was made of the next twice is open until both have arrived.
        let mut batch = vec![event(0, 8), event(0, 9)];
        let origins = handover.admit(&mut batch);
        let mut both = [batch[1].clone(), batch[1].clone()];
        assert!(both.iter_mut().zip(4..).all(|(event, number)| handover.link(event, number)));
        handover.selected(&origins);
        handover.settled([0]);
        assert_eq!(handover.positions(), [at(0, 9), at(1, 1)]);
        handover.settled([5]);
        assert_eq!(handover.positions(), [at(0, 9), at(1, 1)]);
        handover.settled([4]);
        assert_eq!(handover.positions(), [at(0, 10), at(1, 1)]);
        handover.nothing_until(&part(0), 11, 15);
        assert_eq!(handover.positions()[0], at(0, 10), "an event was given out that is not in the books yet");
        handover.nothing_until(&part(0), 10, 15);
        assert_eq!(handover.positions()[0], at(0, 15));
    }

    #[test]
    fn nothing_goes_of_a_part_that_was_taken_over_and_what_is_on_its_way_is_waited_for() {
        let handover = Arc::new(Handover::default());
        handover.gained(&[at(0, 0)]);
        read(&handover, (0..6).map(|offset| event(0, offset)), 0);
        assert!((0..3).all(|number| handover.may_go(number)));
        let other = Arc::clone(&handover);
        let receipts = std::thread::spawn(move || {
            // Beside the wait or before it: the receipts end it either way.
            other.settled([0, 1, 2]);
        });
        let begun = Instant::now();
        assert_eq!(handover.lost(&[part(0)]), [at(0, 3)]);
        assert!(begun.elapsed() < Duration::from_secs(5));
        receipts.join().expect("joined");
        assert!((3..6).all(|number| !handover.may_go(number)));
        assert_eq!(read(&handover, [event(0, 6)], 6), 0, "it is not ours");
        assert!(handover.positions().is_empty());
        // What comes back begins where the other one left it; what was read before that does not go again.
        handover.gained(&[at(0, 5)]);
        assert_eq!(read(&handover, [event(0, 4), event(0, 5), event(0, 5), event(0, 6)], 10), 2);
    }
}
