//! The thread that reads partitions ahead for a recording, and tells the group how far it has come.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;

use super::{Queue, Shared, commit};
use crate::endpoint::kafka::fetching::Fetched;
use crate::endpoint::kafka::listener::Listener;
use crate::endpoint::kafka::positions::{Lane, Span};
use crate::endpoint::kafka::reading::{ASK_AGAIN, LOOK, QUIET, ask_whether_it_is_back, trouble};
use crate::endpoint::kafka::removal::Removal;
use crate::endpoint::kafka::{failure, message};
use crate::endpoint::{End, EndpointError};
use crate::event::{Event, Timestamp};

/// Events of all partitions that wait to be taken, in bytes; each partition has its share.
const AHEAD_BYTES: usize = 32 * 1024 * 1024;
/// The least and the most of one partition.
const SHARE_BYTES: (usize, usize) = (256 * 1024, 4 * 1024 * 1024);
/// Most events of one partition that wait.
const SHARE_EVENTS: usize = 4096;
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

/// What came of the client.
#[derive(Default)]
struct Taken {
    events: Vec<Event>,
    /// Partitions that are at their end, with the topic where it is known.
    ends: Vec<(Option<String>, i32)>,
    failures: Vec<EndpointError>,
}

impl Taken {
    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.ends.is_empty() && self.failures.is_empty()
    }
}

/// How much may be taken of a partition.
struct Room {
    lane: Lane,
    events: usize,
    bytes: usize,
}

impl Drop for Reading {
    fn drop(&mut self) {
        // They hold the client, which holds who has them.
        self.shared.parts().clear();
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
        let mut taken = Taken::default();
        self.ask_client(&mut taken);
        self.take_of_partitions(&mut taken);
        if taken.is_empty() {
            self.wait(&mut taken);
        }
        if !taken.is_empty() {
            self.hand_on(taken);
        }
    }

    /// What the client has to say beside records, and those that came before their partition had a queue of its own. It is also
    /// how a group gives and takes partitions.
    fn ask_client(&self, taken: &mut Taken) {
        while taken.events.len() < TOGETHER {
            match self.consumer.poll(Duration::ZERO) {
                Some(Ok(found)) => taken.events.push(message::event(&found, Timestamp::now())),
                Some(Err(KafkaError::PartitionEOF(partition))) => taken.ends.push((None, partition)),
                Some(Err(error)) => taken.failures.extend(self.trouble(&error)),
                None => return,
            }
        }
    }

    fn trouble(&self, error: &KafkaError) -> Option<EndpointError> {
        trouble(error, (&self.consumer, self.in_group()), &self.shared.connected)
    }

    /// Takes what lies ready of each partition, as far as there is room for it.
    fn take_of_partitions(&self, taken: &mut Taken) {
        let state = self.shared.state();
        let most_bytes = (AHEAD_BYTES / state.queues.len().max(1)).clamp(SHARE_BYTES.0, SHARE_BYTES.1);
        let open = state.queues.iter().filter(|(_, queue)| !queue.ended);
        let room = open.map(|(lane, queue)| Room {
            lane: lane.clone(),
            events: SHARE_EVENTS.saturating_sub(queue.events.len()),
            bytes: most_bytes.saturating_sub(queue.bytes),
        });
        let room: Vec<Room> = room.filter(|room| room.events > 0 && room.bytes > 0).collect();
        drop(state);
        for room in room {
            self.take_of(&room, Duration::ZERO, taken);
        }
    }

    /// Takes what comes of a partition, until there is no more room for it.
    fn take_of(&self, Room { lane, events, bytes }: &Room, wait: Duration, taken: &mut Taken) {
        let mut parts = self.shared.parts();
        let Some(fetching) = parts.get_mut(lane) else { return };
        let (mut count, mut size) = (0, 0);
        fetching.take(wait, |fetched| {
            match fetched {
                Fetched::Event(event) => {
                    (count, size) = (count + 1, size + event.size());
                    taken.events.push(event);
                }
                Fetched::End { topic, partition, .. } => taken.ends.push((Some(topic), partition)),
                Fetched::Failure(code) => {
                    taken.failures.extend(self.trouble(&KafkaError::MessageConsumption(code)));
                    return false;
                }
            }
            count < *events && size < *bytes
        });
    }

    /// Waits a little for the first partition whose next event may be the earliest, or for room.
    fn wait(&self, taken: &mut Taken) {
        let state = self.shared.state();
        let is_awaited = |(_, queue): &(&Lane, &Queue)| !queue.ended && queue.events.is_empty();
        let awaited = state.queues.iter().find(is_awaited).map(|(lane, _)| lane.clone());
        // One without a queue of its own comes by the client.
        let awaited = awaited.filter(|lane| self.shared.parts().contains_key(lane));
        match awaited {
            Some(lane) => {
                drop(state);
                self.take_of(&Room { lane, events: 1, bytes: 1 }, LOOK, taken);
            }
            None => drop(self.shared.room.wait_timeout(state, LOOK)),
        }
    }

    /// Gives what was taken to who reads.
    fn hand_on(&mut self, Taken { events, ends, failures }: Taken) {
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
        for (topic, partition) in ends {
            let is_meant = |(lane, _): &(&Lane, &mut Queue)| {
                lane.1 == partition && topic.as_ref().is_none_or(|topic| lane.0 == *topic)
            };
            for (_, queue) in state.queues.iter_mut().filter(is_meant) {
                (queue.at_end, queue.is_named) = (true, topic.is_some());
            }
        }
        state.failures.extend(failures);
        drop(state);
        self.shared.changed.notify_one();
    }

    /// What is at its end has ended, though there are no events up to it (what lies there are marks of transactions, or it
    /// was compacted away). Where the client does not say of which topic a partition ended, and there are several, silence must
    /// confirm it.
    fn believe_ends(&mut self) {
        let mut state = self.shared.state();
        let mut numbers: Vec<i32> = state.queues.keys().map(|(_, partition)| *partition).collect();
        let count = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        let is_sure = numbers.len() == count || self.last.elapsed() > QUIET;
        let mut any = false;
        for (lane, queue) in &mut state.queues {
            if (is_sure || queue.is_named) && queue.at_end && !queue.ended {
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

    /// Asks for nothing more of partitions that were read to their end, and again for those that are ours anew.
    fn hold_back(&self) {
        let (mut pause, mut resume) = (TopicPartitionList::new(), TopicPartitionList::new());
        for ((topic, partition), queue) in &mut self.shared.state().queues {
            if queue.paused != queue.ended {
                queue.paused = queue.ended;
                let list = if queue.ended { &mut pause } else { &mut resume };
                list.add_partition(topic, *partition);
            }
        }
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
