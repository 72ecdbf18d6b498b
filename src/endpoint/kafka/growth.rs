//! Partitions and topics that are made while a reader follows: found by asking now and then, and read from their beginning.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use regex::Regex;

use super::cluster::{self, Topic};
use super::fetching::Fetching;
use super::listener::Listener;
use super::positions::Lane;

/// How often the cluster is asked.
const EVERY: Duration = Duration::from_secs(5);
/// How long reading may be held up by the question.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a reader follows, and what of it is read already.
pub(super) struct Growth {
    names: BTreeSet<String>,
    pattern: Option<Regex>,
    only: Option<i32>,
    known: BTreeSet<Lane>,
    asked: Instant,
}

impl Growth {
    /// Follows these names, one of which may be a pattern; `topics` are read already.
    pub(super) fn new(names: &[String], only: Option<i32>, topics: &[Topic]) -> Self {
        let pattern = names.iter().find(|name| name.starts_with('^'));
        Self {
            names: names.iter().cloned().collect(),
            pattern: pattern.and_then(|pattern| Regex::new(pattern).ok()),
            only,
            known: topics.iter().flat_map(Topic::lanes).collect(),
            asked: Instant::now(),
        }
    }

    /// Reads what is new, when it is time to ask. A question that fails is asked again.
    pub(super) fn look(&mut self, consumer: &BaseConsumer<Listener>, fetching: &Fetching) {
        if self.asked.elapsed() < EVERY {
            return;
        }
        let one = self.names.first().filter(|_| self.names.len() == 1 && self.pattern.is_none());
        let cluster = cluster::ask(consumer.client(), one.map(String::as_str), PATIENCE, &|| {});
        let new = cluster.map(|cluster| self.unknown(&cluster.topics)).unwrap_or_default();
        self.asked = Instant::now();
        if new.is_empty() {
            return;
        }
        let mut list = TopicPartitionList::with_capacity(new.len());
        for (topic, partition) in &new {
            let _ = list.add_partition_offset(topic, *partition, Offset::Beginning);
            fetching.add(topic, *partition);
        }
        if consumer.incremental_assign(&list).is_ok() {
            self.known.extend(new);
        }
    }

    fn unknown(&self, topics: &[Topic]) -> Vec<Lane> {
        let wanted = |topic: &&Topic| {
            self.names.contains(&topic.name)
                || self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(&topic.name))
        };
        let lanes = topics.iter().filter(wanted).flat_map(Topic::lanes);
        lanes
            .filter(|lane| self.only.is_none_or(|only| lane.1 == only) && !self.known.contains(lane))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Growth;
    use crate::endpoint::kafka::cluster::Topic;

    fn topic(name: &str, partitions: i32) -> Topic {
        Topic { name: name.to_owned(), partitions: (0..partitions).collect() }
    }

    #[test]
    fn what_is_followed_and_not_yet_read_is_new() {
        let now = [topic("a", 3), topic("ab", 1), topic("c", 1)];
        let new = |name: &str, only| Growth::new(&[name.to_owned()], only, &[topic("a", 2)]).unknown(&now);
        assert_eq!(new("a", None), [("a".to_owned(), 2)]);
        assert_eq!(new("^a", None), [("a".to_owned(), 2), ("ab".to_owned(), 0)]);
        assert_eq!(new("^a", Some(2)), [("a".to_owned(), 2)]);
        assert_eq!(new("^a", Some(1)), []);
    }
}
