//! Offsets that did not come, and which of them the cluster had removed before they were read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};

use super::listener::Listener;
use super::positions::{Lane, Offsets};
use crate::endpoint::Removed;
use crate::endpoint::removed::Gaps;
use crate::event::Event;

/// How soon the cluster is asked again what it keeps, and how long reading may be held up by the question.
const ASK_AGAIN: Duration = Duration::from_secs(1);
const ANSWER: Duration = Duration::from_millis(500);

/// What was removed before it was read; the thread that reads adds to it.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedRemoved {
    removed: Arc<Mutex<Removed>>,
}

impl SharedRemoved {
    /// What was removed so far.
    pub(super) fn get(&self) -> Removed {
        *self.removed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, more: Removed) {
        *self.removed.lock().unwrap_or_else(PoisonError::into_inner) += more;
    }
}

/// One partition.
#[derive(Debug)]
struct Followed {
    lane: Lane,
    /// The offset behind that of the last event.
    behind: u64,
    gaps: Gaps,
}

/// The partitions that are read.
pub(super) struct Removal {
    consumer: Arc<BaseConsumer<Listener>>,
    followed: Vec<Followed>,
    index: HashMap<String, HashMap<i32, usize>>,
    /// The partition of the event before: most often that of the next one too.
    last: usize,
    /// Of some partition, offsets did not come.
    are_open: bool,
    asked: Option<Instant>,
    /// How often a group had shared out its partitions when the last event came.
    rebalances: u64,
    removed: SharedRemoved,
}

impl Removal {
    /// Follows no partition yet; what was removed is added to `removed`.
    pub(super) fn new(consumer: Arc<BaseConsumer<Listener>>, removed: SharedRemoved) -> Self {
        Self {
            consumer,
            followed: Vec::new(),
            index: HashMap::new(),
            last: 0,
            are_open: false,
            asked: None,
            rebalances: 0,
            removed,
        }
    }

    /// An event has come.
    pub(super) fn came(&mut self, event: &Event) {
        let (Some(partition), Some(offset)) = (event.place.partition, event.place.offset) else { return };
        self.forget_before_a_rebalance();
        match self.find(&event.channel, partition) {
            Some(followed) if followed.behind >= offset => followed.behind = offset + 1,
            Some(_) => self.jumped(&event.channel, partition, offset),
            None => self.follow(&event.channel, partition, offset + 1),
        }
    }

    /// Nothing comes any more of a partition that was read from `next` on, before this offset.
    pub(super) fn ended(&mut self, (topic, partition): &Lane, next: i64, end: i64) {
        let (Ok(next), Ok(end)) = (u64::try_from(next), u64::try_from(end)) else { return };
        if self.find(topic, *partition).is_none() {
            self.follow(topic, *partition, next);
        }
        if let Some(followed) = self.find(topic, *partition)
            && followed.behind < end
        {
            followed.gaps.jumped(followed.behind, end);
            followed.behind = end;
            self.are_open = true;
        }
    }

    /// What does not come of a partition between two times that it was ours, others may have read.
    fn forget_before_a_rebalance(&mut self) {
        let rebalances = self.consumer.client().context().rebalances();
        if std::mem::replace(&mut self.rebalances, rebalances) != rebalances {
            self.followed.clear();
            self.index.clear();
            self.are_open = false;
        }
    }

    /// Offsets of a partition did not come.
    fn jumped(&mut self, topic: &str, partition: i32, offset: u64) {
        if let Some(followed) = self.find(topic, partition) {
            followed.gaps.jumped(followed.behind, offset);
            followed.behind = offset + 1;
            self.are_open = true;
        }
    }

    fn follow(&mut self, topic: &str, partition: i32, behind: u64) {
        self.last = self.followed.len();
        self.index.entry(topic.to_owned()).or_default().insert(partition, self.last);
        self.followed.push(Followed { lane: (topic.to_owned(), partition), behind, gaps: Gaps::of_marks() });
    }

    fn find(&mut self, topic: &str, partition: i32) -> Option<&mut Followed> {
        let is_this = |followed: &Followed| followed.lane.1 == partition && followed.lane.0 == topic;
        if !self.followed.get(self.last).is_some_and(is_this) {
            self.last = *self.index.get(topic)?.get(&partition)?;
        }
        self.followed.get_mut(self.last)
    }

    /// Asks the cluster, where offsets did not come and not more often than once a second, which of them it removed. A question
    /// that fails is asked again.
    pub(super) fn look(&mut self) {
        if self.are_open && self.asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN) {
            self.ask();
        }
    }

    /// The same at the end, when it cannot be asked again later.
    pub(super) fn look_at_last(&mut self) {
        if self.are_open {
            self.ask();
        }
    }

    fn ask(&mut self) {
        self.asked = Some(Instant::now());
        let mut asked = TopicPartitionList::new();
        for Followed { lane: (topic, partition), .. } in
            self.followed.iter().filter(|each| each.gaps.are_open())
        {
            let _ = asked.add_partition_offset(topic, *partition, Offset::Beginning);
        }
        let offsets = Offsets { consumer: &self.consumer, timeout: ANSWER };
        let Ok(told) = offsets.told_singly(asked) else { return };
        for followed in self.followed.iter_mut().filter(|each| each.gaps.are_open()) {
            match told.get(&followed.lane) {
                Some(Ok(first)) => {
                    self.removed.add(followed.gaps.settle(u64::try_from(*first).unwrap_or(0)));
                }
                // The topic was deleted.
                Some(Err(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition)) => {
                    followed.gaps.forget();
                }
                _ => {}
            }
        }
        self.are_open = self.followed.iter().any(|each| each.gaps.are_open());
    }
}
