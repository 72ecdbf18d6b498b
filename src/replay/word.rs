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
}

impl Word {
    pub fn new(arrived: Arc<Arrived>) -> Self {
        Self { arrived, given: 0, told: 0, marks: VecDeque::new() }
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
        while let Some((given, _)) = self.marks.front().filter(|(_, next)| *next <= arrived) {
            self.told = *given;
            self.marks.pop_front();
        }
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
