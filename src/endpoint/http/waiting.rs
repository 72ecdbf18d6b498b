//! Requests that wait for the reader: bounded in number and in bytes, taken or given back but never both.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};

use crate::event::Event;

/// Requests that may wait.
pub(super) const MOST_WAITING: usize = 1024;
/// Bytes of their bodies that may wait: 64 MiB.
const MOST_BYTES: usize = 64 * 1024 * 1024;

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const WITHDRAWN: u8 = 2;

/// Whether a request is still there to be taken.
#[derive(Debug, Default)]
pub(super) struct Ticket(AtomicU8);

impl Ticket {
    fn change(&self, to: u8) -> bool {
        self.0.compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The reader takes it; false when the sender has given up.
    fn take(&self) -> bool {
        self.change(TAKEN)
    }

    /// The sender gives up; false when the reader has it already.
    pub(super) fn withdraw(&self) -> bool {
        self.change(WITHDRAWN)
    }
}

/// A request with its events.
#[derive(Debug)]
pub(super) struct Waiting {
    events: Vec<Event>,
    ticket: Arc<Ticket>,
    answer: oneshot::Sender<()>,
    _bytes: Bytes,
}

/// The events of a request, taken; the sender is told once the reader comes back for more.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) events: Vec<Event>,
    pub(super) answer: oneshot::Sender<()>,
}

impl Waiting {
    /// Puts events in line; the receiver resolves when the reader has them and came back.
    pub(super) fn new(events: Vec<Event>, bytes: Bytes) -> (Self, Arc<Ticket>, oneshot::Receiver<()>) {
        let (answer, answered) = oneshot::channel();
        let ticket = Arc::new(Ticket::default());
        (Self { events, ticket: Arc::clone(&ticket), answer, _bytes: bytes }, ticket, answered)
    }

    /// Takes the events, unless the sender has gone or given up: it has been told no, or will send them again.
    pub(super) fn take(self) -> Option<Taken> {
        let is_there = !self.answer.is_closed() && self.ticket.take();
        is_there.then_some(Taken { events: self.events, answer: self.answer })
    }
}

/// The line.
pub(super) fn line() -> (mpsc::Sender<Waiting>, mpsc::Receiver<Waiting>) {
    mpsc::channel(MOST_WAITING)
}

/// Counts the bytes of bodies that are read or wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Budget(Arc<AtomicUsize>);

/// Bytes taken from a budget, given back on drop.
#[derive(Debug)]
pub(super) struct Bytes {
    budget: Budget,
    count: usize,
}

impl Budget {
    /// Nothing taken yet.
    pub(super) fn start(&self) -> Bytes {
        Bytes { budget: self.clone(), count: 0 }
    }
}

impl Bytes {
    /// Takes more; false when there are none left. One body alone may be as large as its limit allows.
    pub(super) fn more(&mut self, count: usize) -> bool {
        let taken = |used: usize| (used <= self.count || used + count <= MOST_BYTES).then_some(used + count);
        let is_there = self.budget.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, taken).is_ok();
        self.count += if is_there { count } else { 0 };
        is_there
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.count, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, MOST_BYTES, Waiting};
    use crate::event::Event;

    #[test]
    fn a_request_is_taken_or_given_back() {
        let waiting = || Waiting::new(vec![Event::new("c", "x")], Budget::default().start());
        let (line, ticket, _answered) = waiting();
        assert!(ticket.withdraw() && line.take().is_none());
        let (line, ticket, _answered) = waiting();
        assert!(line.take().is_some() && !ticket.withdraw());
        let (line, _, answered) = waiting();
        drop(answered);
        assert!(line.take().is_none(), "the sender has gone");
    }

    #[test]
    fn bytes_come_back() {
        let budget = Budget::default();
        let mut one = budget.start();
        assert!(one.more(MOST_BYTES + 1), "one alone may be large");
        let mut other = budget.start();
        assert!(!other.more(1));
        drop(one);
        assert!(other.more(MOST_BYTES) && other.more(1));
        let mut third = budget.start();
        assert!(!third.more(1));
    }
}
