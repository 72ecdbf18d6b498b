//! Progress as data: what an observer is told while a transfer runs. How it is shown is no concern of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::summary::Outcome;
use crate::event::Timestamp;

/// What happened.
#[derive(Debug)]
pub enum Progress<'a> {
    /// The transfer begins.
    Started {
        /// Events to send, when known.
        planned: Option<u64>,
        /// How long the schedule takes, when known.
        length: Option<Duration>,
        /// When the schedule begins, when that was said.
        start_at: Option<Timestamp>,
    },
    /// A regular report.
    Running(Counts),
    /// Failed events wait to be sent again.
    Retrying {
        /// How many.
        events: usize,
        /// Attempts so far.
        attempt: u32,
        /// The wait before this one.
        wait: Duration,
        /// Why they failed.
        error: String,
    },
    /// Sending works again.
    Recovered,
    /// The source does not answer; reading is tried again.
    SourceLost {
        /// Why.
        error: String,
    },
    /// Reading works again.
    SourceBack,
    /// The end was asked for; receipts under way are awaited.
    Stopping {
        /// Events without a receipt.
        outstanding: u64,
    },
    /// The transfer has ended.
    Finished(&'a Outcome),
}

/// Counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events handed over.
    pub sent: u64,
    /// Events confirmed.
    pub acknowledged: u64,
    /// Events that will not be delivered.
    pub failed: u64,
    /// Bytes of the events handed over.
    pub bytes: u64,
    /// How late the last event was handed over.
    pub lag: Duration,
    /// Since the first event.
    pub elapsed: Duration,
}

/// Someone who is told of progress, at most some ten times a second.
pub trait Observer: Send {
    /// Takes note.
    fn note(&mut self, progress: Progress<'_>);
}

/// An observer who does not care.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn note(&mut self, _progress: Progress<'_>) {}
}

/// Counts the writer keeps and the observer's side reads, without a lock.
#[derive(Debug, Default)]
pub(super) struct SharedCounts {
    pub sent: AtomicU64,
    pub acknowledged: AtomicU64,
    pub failed: AtomicU64,
    pub bytes: AtomicU64,
    pub lag_micros: AtomicU64,
}

impl SharedCounts {
    pub fn read(&self, elapsed: Duration) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            sent: get(&self.sent),
            acknowledged: get(&self.acknowledged),
            failed: get(&self.failed),
            bytes: get(&self.bytes),
            lag: Duration::from_micros(get(&self.lag_micros)),
            elapsed,
        }
    }

    pub fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }
}

/// Rare news from the writer to the observer's side.
#[derive(Debug)]
pub(super) enum News {
    Retrying { events: usize, attempt: u32, wait: Duration, error: String },
    Recovered,
    SourceLost { error: String },
    SourceBack,
    Stopping { outstanding: u64 },
}

impl From<News> for Progress<'_> {
    fn from(news: News) -> Self {
        match news {
            News::Retrying { events, attempt, wait, error } => {
                Self::Retrying { events, attempt, wait, error }
            }
            News::Recovered => Self::Recovered,
            News::SourceLost { error } => Self::SourceLost { error },
            News::SourceBack => Self::SourceBack,
            News::Stopping { outstanding } => Self::Stopping { outstanding },
        }
    }
}
