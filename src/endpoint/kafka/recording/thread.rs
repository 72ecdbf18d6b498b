//! The thread that reads partitions ahead for a recording, and tells the group how far it has come.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;

use super::{Queue, Shared, commit};
use crate::endpoint::End;
use crate::endpoint::kafka::listener::Listener;
use crate::endpoint::kafka::positions::{Lane, Span};
use crate::endpoint::kafka::reading::{ASK_AGAIN, LOOK, QUIET, ask_whether_it_is_back, trouble};
use crate::endpoint::kafka::removal::Removal;
use crate::endpoint::kafka::{failure, message};
use crate::event::Timestamp;

/// Events of all partitions that wait to be taken, in bytes; each partition has its share.
const AHEAD_BYTES: usize = 32 * 1024 * 1024;
/// The least and the most of one partition.
const SHARE_BYTES: (usize, usize) = (256 * 1024, 4 * 1024 * 1024);
/// Most events of one partition that wait.
const SHARE_EVENTS: usize = 8192;
/// Records taken from the client before they are handed on.
const TOGETHER: usize = 512;
/// How often positions are told to the group, and it is asked how far its other members are.
const TELL: Duration = Duration::from_millis(500);

/// The thread's side.
pub(super) struct Reading {
    consumer: Arc<BaseConsumer<Listener>>,
    shared: Arc<Shared>,
    /// When something came last.
    last: Instant,
    /// When the group was told of positions last, and which.
    told: Instant,
    positions: Vec<End>,
    /// When a lost cluster was asked last.
    asked: Instant,
    removal: Removal,
}

impl Drop for Reading {
    fn drop(&mut self) {
        // Nobody must wait for a thread that is gone.
        if std::thread::panicking() {
            self.shared.state().failures.push_back(failure::reader_lost());
            self.shared.changed.notify_one();
        }
    }
}

impl Reading {
    pub(super) fn new(consumer: Arc<BaseConsumer<Listener>>, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        let removal = Removal::new(Arc::clone(&consumer), shared.removed.clone());
        Self { consumer, shared, last: now, told: now, positions: Vec::new(), asked: now, removal }
    }

    /// Polls until nobody wants more: it is also how a group knows that we are there.
    pub(super) fn run(mut self) {
        while !self.shared.closing.load(Ordering::Relaxed) {
            self.take();
            self.believe_ends();
            self.hold_back();
            if self.told.elapsed() >= TELL {
                self.told = Instant::now();
                self.tell();
                self.look_around();
            }
            if !self.shared.connected.load(Ordering::Relaxed) && self.asked.elapsed() > ASK_AGAIN {
                ask_whether_it_is_back(&self.consumer, &self.shared.connected);
                self.asked = Instant::now();
            }
        }
        self.tell();
    }

    fn in_group(&self) -> bool {
        self.shared.carrier.is_some()
    }

    fn take(&mut self) {
        let (mut events, mut ends, mut failures) = (Vec::new(), Vec::new(), Vec::new());
        let mut wait = LOOK;
        while events.len() < TOGETHER {
            match self.consumer.poll(wait) {
                Some(Ok(found)) => events.push(message::event(&found, Timestamp::now())),
                Some(Err(KafkaError::PartitionEOF(partition))) => ends.push(partition),
                Some(Err(error)) => {
                    let told = trouble(&error, (&self.consumer, self.in_group()), &self.shared.connected);
                    failures.extend(told);
                }
                None => break,
            }
            wait = Duration::ZERO;
        }
        if events.is_empty() && ends.is_empty() && failures.is_empty() {
            return;
        }
        if !events.is_empty() {
            self.last = Instant::now();
            self.shared.connected.store(true, Ordering::Relaxed);
        }
        // Who reads is told of what is missing before what comes behind it.
        for event in &events {
            self.removal.came(event);
        }
        self.removal.look();
        let mut state = self.shared.state();
        let mut lane: Lane = Default::default();
        for event in events {
            if lane.0 != event.channel || Some(lane.1) != event.place.partition {
                lane = (event.channel.to_string(), event.place.partition.unwrap_or(0));
            }
            // What a rebalance has taken away in the meantime is another's.
            if let Some(queue) = state.queues.get_mut(&lane) {
                queue.put(event);
            }
        }
        for partition in ends {
            let is_meant = |(lane, _): &(&Lane, &mut Queue)| lane.1 == partition;
            state.queues.iter_mut().filter(is_meant).for_each(|(_, queue)| queue.at_end = true);
        }
        state.failures.extend(failures);
        drop(state);
        self.shared.changed.notify_one();
    }

    /// What is at its end has ended, though there are no events up to it (what lies there are marks of transactions, or it
    /// was compacted away). The client does not say of which topic a partition ended: with several, silence must confirm it.
    fn believe_ends(&mut self) {
        let mut state = self.shared.state();
        let mut numbers: Vec<i32> = state.queues.keys().map(|(_, partition)| *partition).collect();
        let count = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        let is_sure = numbers.len() == count || self.last.elapsed() > QUIET;
        let mut any = false;
        for (lane, queue) in &mut state.queues {
            if is_sure && queue.at_end && !queue.ended {
                (queue.ended, any) = (true, true);
                if let (None, Some(end)) = (&self.shared.carrier, queue.span.end) {
                    self.removal.ended(lane, queue.span.next, end);
                }
            }
        }
        let is_over = self.shared.carrier.is_none() && !state.over && state.has_read_all();
        drop(state);
        if is_over {
            self.removal.look_at_last();
            self.shared.state().over = true;
        }
        if any || is_over {
            self.shared.changed.notify_one();
        }
    }

    /// Asks for nothing more of partitions that have enough waiting, or all of it.
    fn hold_back(&self) {
        let mut state = self.shared.state();
        let share = (AHEAD_BYTES / state.queues.len().max(1)).clamp(SHARE_BYTES.0, SHARE_BYTES.1);
        let (mut pause, mut resume) = (TopicPartitionList::new(), TopicPartitionList::new());
        for ((topic, partition), queue) in &mut state.queues {
            let is_full = queue.bytes >= share || queue.events.len() >= SHARE_EVENTS;
            let is_low = queue.bytes <= share / 2 && queue.events.len() <= SHARE_EVENTS / 2;
            if !queue.paused && (is_full || queue.ended) {
                queue.paused = true;
                pause.add_partition(topic, *partition);
            } else if queue.paused && is_low && !queue.ended {
                queue.paused = false;
                resume.add_partition(topic, *partition);
            }
        }
        drop(state);
        if pause.count() > 0 {
            let _ = self.consumer.pause(&pause);
        }
        if resume.count() > 0 {
            let _ = self.consumer.resume(&resume);
        }
    }

    /// Tells the group how far its events were dealt with.
    fn tell(&mut self) {
        let Some(carrier) = &self.shared.carrier else { return };
        for (lane, queue) in &self.shared.state().queues {
            if let (true, true, Some(end)) = (queue.ended, queue.events.is_empty(), queue.span.end) {
                carrier.nothing_until(lane, queue.span.next, end);
            }
        }
        let positions = carrier.positions();
        let moved: Vec<End> =
            positions.iter().filter(|position| !self.positions.contains(position)).cloned().collect();
        // What a rebalance that is under way refuses is told again.
        if commit(&self.consumer, &moved).is_ok() {
            self.positions = positions;
        }
    }

    /// In a group: whether everything of ours was dealt with, and whether the others have dealt with theirs. Until then theirs
    /// may become ours, and ours theirs and ours again.
    fn look_around(&self) {
        let Some(carrier) = &self.shared.carrier else { return };
        let state = self.shared.state();
        if state.over || !state.has_read_all() || !state.is_dealt_with(&carrier.positions()) {
            return;
        }
        let is_open = |(lane, span): &(&Lane, &Span)| {
            !state.queues.contains_key(*lane) && span.end.is_some_and(|end| span.next < end)
        };
        let others: Vec<Lane> =
            self.shared.spans.iter().filter(is_open).map(|(lane, _)| lane.clone()).collect();
        drop(state);
        if !others.is_empty() {
            let Ok(committed) = self.shared.committed(&self.consumer, others.clone(), Duration::ZERO) else {
                return;
            };
            let is_done = |lane: &Lane| {
                let end = self.shared.spans.get(lane).and_then(|span| span.end).unwrap_or(0);
                committed.get(lane).is_some_and(|position| *position >= end)
            };
            if !others.iter().all(is_done) {
                return;
            }
        }
        let mut state = self.shared.state();
        // A rebalance in between may have given us more.
        state.over = state.has_read_all()
            && state.is_dealt_with(&carrier.positions())
            && others.iter().all(|lane| !state.queues.contains_key(lane));
        drop(state);
        self.shared.changed.notify_one();
    }
}
