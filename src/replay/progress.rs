//! Progress as data: what an observer is told while a transfer runs. How it is shown is no concern of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::clock::Clock;
use super::standing::Standing;
use super::stop::StopReason;
use super::summary::Outcome;
use crate::endpoint::Removed;
use crate::event::{Event, Timestamp};

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
    SourceBack {
        /// From which source, when there are several.
        source: Option<String>,
        /// It goes on where it stopped.
        goes_on: bool,
    },
    /// The source's system removed events before they were read; said once, when the first are known.
    Removed(Removed),
    /// The end was asked for; receipts under way are awaited.
    Stopping {
        /// Why.
        reason: StopReason,
        /// Events without a receipt.
        outstanding: u64,
    },
    /// The transfer has ended.
    Finished(&'a Outcome),
}

/// Counts at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events handed over.
    pub sent: u64,
    /// Events confirmed.
    pub acknowledged: u64,
    /// Events that will not be delivered.
    pub failed: u64,
    /// Bytes of the events handed over.
    pub bytes: u64,
    /// How late the last event was handed over, or the next one is by now, whichever is more.
    pub lag: Duration,
    /// An event is due and nothing goes: how long it takes is not known.
    pub still: bool,
    /// How far the schedule has come, which late events or a pause may have moved.
    pub scheduled: Option<Duration>,
    /// Since the first event.
    pub elapsed: Duration,
    /// The lanes of each channel together, as the channels were met; further ones are in the last.
    pub groups: Vec<GroupCounts>,
}

/// Counts of the lanes of one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GroupCounts {
    /// The channel.
    pub channel: String,
    /// Events handed over.
    pub sent: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// How late the last of them was handed over, in microseconds.
    pub lag_us: u64,
}

/// Channels counted one by one.
const MOST_GROUPS: usize = 64;
/// What stands for all further ones.
const OTHERS: &str = "(others)";

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

/// Counts the writer keeps and the observer's side reads.
#[derive(Debug, Default)]
pub(super) struct SharedCounts {
    pub sent: AtomicU64,
    pub acknowledged: AtomicU64,
    pub failed: AtomicU64,
    pub bytes: AtomicU64,
    clock: Clock,
    standing: Mutex<Standing>,
    groups: Mutex<Vec<GroupCounts>>,
}

impl SharedCounts {
    /// Counts of a run on this clock.
    pub fn by(clock: Clock) -> Self {
        Self { clock, ..Self::default() }
    }

    /// The counts of a run that has `begun` then.
    pub fn read(&self, begun: Instant) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (now, standing) = (self.clock.now(), *self.standing());
        Counts {
            sent: get(&self.sent),
            acknowledged: get(&self.acknowledged),
            failed: get(&self.failed),
            bytes: get(&self.bytes),
            lag: standing.lag(now),
            still: standing.is_still(now),
            scheduled: standing.scheduled(now),
            elapsed: now.saturating_duration_since(begun),
            groups: self.groups().clone(),
        }
    }

    /// Where the run stands in its schedule.
    pub fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn groups(&self) -> MutexGuard<'_, Vec<GroupCounts>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts events of a batch by their channel; the last of them was so late.
    pub fn add_to_groups(&self, events: &[Event], lag_us: u64) {
        let mut groups = self.groups();
        let mut last = 0;
        for event in events {
            if groups.get(last).is_none_or(|group| group.channel != event.channel) {
                last = place(&mut groups, &event.channel);
            }
            let group = &mut groups[last];
            group.sent += 1;
            group.bytes += event.size() as u64;
            group.lag_us = lag_us;
        }
    }

    pub fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }
}

/// Where a channel is counted.
fn place(groups: &mut Vec<GroupCounts>, channel: &str) -> usize {
    if let Some(at) = groups.iter().position(|group| group.channel == channel) {
        return at;
    }
    if groups.len() > MOST_GROUPS {
        return MOST_GROUPS;
    }
    let name = if groups.len() == MOST_GROUPS { OTHERS } else { channel };
    groups.push(GroupCounts { channel: name.to_owned(), ..GroupCounts::default() });
    groups.len() - 1
}

/// Rare news from the writer to the observer's side.
#[derive(Debug)]
pub(super) enum News {
    Retrying { events: usize, attempt: u32, wait: Duration, error: String },
    Recovered,
    SourceLost { error: String },
    SourceBack { source: Option<String>, goes_on: bool },
    Removed(Removed),
    Stopping { reason: StopReason, outstanding: u64 },
}

impl From<News> for Progress<'_> {
    fn from(news: News) -> Self {
        match news {
            News::Retrying { events, attempt, wait, error } => {
                Self::Retrying { events, attempt, wait, error }
            }
            News::Recovered => Self::Recovered,
            News::SourceLost { error } => Self::SourceLost { error },
            News::SourceBack { source, goes_on } => Self::SourceBack { source, goes_on },
            News::Removed(removed) => Self::Removed(removed),
            News::Stopping { reason, outstanding } => Self::Stopping { reason, outstanding },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{MOST_GROUPS, OTHERS, SharedCounts};
    use crate::event::Event;

    #[test]
    fn channels_beyond_the_most_are_counted_together() {
        let shared = SharedCounts::default();
        let events: Vec<Event> = (0..MOST_GROUPS + 5)
            .map(|index| Event::new(format!("c{}", index % (MOST_GROUPS + 3)), "x"))
            .collect();
        shared.add_to_groups(&events, 7);
        let groups = shared.read(Instant::now()).groups;
        assert_eq!(groups.len(), MOST_GROUPS + 1);
        assert_eq!((groups[0].sent, groups[1].sent, groups[2].sent, groups[0].lag_us), (2, 2, 1, 7));
        assert_eq!((groups[MOST_GROUPS].channel.as_str(), groups[MOST_GROUPS].sent), (OTHERS, 3));
    }
}
