//! How far the events of a source have arrived, for a source that tells its system of nothing else.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::endpoint::Source;

/// How long a system that gives no more is waited for before what is held back at the target is asked to go.
const PATIENCE: Duration = Duration::from_millis(2);

/// The number of the first event of a run that has not arrived, as the writer knows it.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    number: AtomicU64,
    moved: Notify,
    /// The reader can go on only when receipts come.
    wanted: Notify,
}

impl Arrived {
    /// All events with a smaller number have arrived, or are not to go again.
    pub fn up_to(&self, number: u64) {
        if self.number.fetch_max(number, Ordering::Relaxed) < number {
            self.moved.notify_one();
        }
    }

    /// Waits until the reader can go on only when receipts come.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }
}

/// Says the word to one source.
#[derive(Debug)]
pub(super) struct Word {
    arrived: Arc<Arrived>,
    /// Events the source has given out.
    given: u64,
    told: u64,
    /// After so many of the source, the next event of the run has this number.
    marks: VecDeque<(u64, u64)>,
    /// The last mark that was reached.
    reached: (u64, u64),
    /// No event of the source becomes several of the run.
    one_by_one: bool,
}

impl Word {
    pub fn new(arrived: Arc<Arrived>, one_by_one: bool) -> Self {
        Self { arrived, given: 0, told: 0, marks: VecDeque::new(), reached: (0, 0), one_by_one }
    }

    /// A batch was given out and selected from; `next` is the number of the event that comes next.
    pub fn given(&mut self, events: usize, next: u64) {
        self.given += events as u64;
        self.marks.push_back((self.given, next));
    }

    /// Tells the source what has arrived by now.
    pub fn say(&mut self, source: &mut dyn Source) {
        let arrived = self.arrived.number.load(Ordering::Relaxed);
        let before = self.told;
        while let Some(mark) = self.marks.front().filter(|(_, next)| *next <= arrived) {
            self.reached = *mark;
            self.marks.pop_front();
        }
        let (given, next) = self.reached;
        // Those before the first that is missing have arrived or were left out.
        let part = if self.one_by_one && !self.marks.is_empty() { arrived.saturating_sub(next) } else { 0 };
        self.told = self.told.max(given + part);
        if self.told > before {
            source.dealt_with(self.told);
        }
    }

    /// Waits until there may be more to say. Where the source is held up, the target is asked for its receipts.
    pub async fn more_to_say(&self, is_held_up: bool) {
        if self.told == self.given {
            return std::future::pending().await;
        }
        let patience = if is_held_up { PATIENCE } else { Duration::MAX };
        if tokio::time::timeout(patience, self.arrived.moved.notified()).await.is_err() {
            self.arrived.wanted.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Arrived, Word};
    use crate::endpoint::{BoxFuture, EndpointError, Source};
    use crate::event::Event;

    #[derive(Default)]
    struct Told(u64);

    impl Source for Told {
        fn next_batch(&mut self, _: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
            Box::pin(std::future::ready(Ok(Vec::new())))
        }

        fn dealt_with(&mut self, events: u64) {
            self.0 = events;
        }

        fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
            Box::pin(std::future::ready(Ok(())))
        }
    }

    /// What the source is told as more arrives: of a batch of five that all go, and one of five of which two do.
    fn told(one_by_one: bool) -> Vec<u64> {
        let (arrived, mut source) = (Arc::new(Arrived::default()), Told::default());
        let mut word = Word::new(Arc::clone(&arrived), one_by_one);
        word.given(5, 5);
        word.given(5, 7);
        let after = |number| {
            arrived.up_to(number);
            word.say(&mut source);
            source.0
        };
        [0, 3, 5, 6, 7].map(after).to_vec()
    }

    #[test]
    fn a_source_is_told_of_each_event_where_none_becomes_several() {
        assert_eq!(told(true), [0, 3, 5, 6, 10]);
        assert_eq!(told(false), [0, 0, 5, 5, 10]);
    }
}
