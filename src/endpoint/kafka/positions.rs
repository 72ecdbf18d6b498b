//! Where reading begins and ends in each partition.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};

use super::cluster::Topic;
use super::failure;
use super::listener::Listener;
use crate::endpoint::{EndpointError, Start, Stop};

/// The offsets asked for by a time that is none: before the first event, and behind the last.
const FIRST: Offset = Offset::Beginning;
const BEHIND_LAST: Offset = Offset::End;

/// How soon it is asked again where partitions without a leader lie.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// The offset that means the oldest event kept, whichever it is.
const OLDEST: i64 = -2;

/// A topic's name and a partition's number.
pub(super) type Lane = (String, i32);

/// An offset of each partition that was asked about, or what stands against it.
pub(super) type Answers = BTreeMap<Lane, Result<i64, Code>>;

/// What is read of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The offset of the first event.
    pub(super) next: i64,
    /// The offset behind the last event, where there is one.
    pub(super) end: Option<i64>,
}

/// Questions about offsets.
pub(super) struct Offsets<'a> {
    pub(super) consumer: &'a BaseConsumer<Listener>,
    pub(super) timeout: Duration,
}

impl Offsets<'_> {
    /// A question about the same offset of each partition, and the words for one that is not answered.
    fn asked(
        &self,
        topics: &[Topic],
        what: Offset,
    ) -> Result<(TopicPartitionList, impl Fn(KafkaError) -> EndpointError), EndpointError> {
        let address = self.consumer.client().context().address();
        let refused = move |error| failure::request("tell where events lie", &error, address);
        let mut asked = TopicPartitionList::new();
        for (topic, partition) in topics.iter().flat_map(Topic::lanes) {
            asked.add_partition_offset(&topic, partition, what).map_err(refused)?;
        }
        Ok((asked, refused))
    }

    /// Asks for one offset per partition; what has none (no event that late) is left out.
    fn list(&self, topics: &[Topic], what: Offset) -> Result<BTreeMap<Lane, i64>, EndpointError> {
        let (asked, refused) = self.asked(topics, what)?;
        let deadline = Instant::now() + self.timeout;
        loop {
            match self.told(asked.clone()) {
                Err(error) if is_between_leaders(&error) && Instant::now() < deadline => {
                    std::thread::sleep(ASK_AGAIN);
                }
                outcome => return outcome.map_err(refused),
            }
        }
    }

    /// One answer to a question about offsets, with what stands against it for each partition that cannot be asked.
    pub(super) fn told_singly(&self, asked: TopicPartitionList) -> Result<Answers, KafkaError> {
        let told = self.consumer.offsets_for_times(asked, self.timeout)?;
        let answers = told.elements().into_iter().filter_map(|element| {
            let answer = match (element.error(), element.offset()) {
                (Err(error), _) => Err(error.rdkafka_error_code()?),
                (Ok(()), Offset::Offset(offset)) => Ok(offset),
                _ => return None,
            };
            Some(((element.topic().to_owned(), element.partition()), answer))
        });
        Ok(answers.collect())
    }

    /// One answer to a question about offsets, with none for the partitions that have no such offset.
    pub(super) fn told(&self, asked: TopicPartitionList) -> Result<BTreeMap<Lane, i64>, KafkaError> {
        let told = self.consumer.offsets_for_times(asked, self.timeout)?;
        let mut offsets = BTreeMap::new();
        for element in told.elements() {
            element.error()?;
            if let Offset::Offset(offset) = element.offset() {
                offsets.insert((element.topic().to_owned(), element.partition()), offset);
            }
        }
        Ok(offsets)
    }

    /// The offset of the oldest event kept.
    pub(super) fn first(&self, topics: &[Topic]) -> Result<BTreeMap<Lane, i64>, EndpointError> {
        self.list(topics, FIRST)
    }

    /// The offset the next event will have.
    pub(super) fn behind_last(&self, topics: &[Topic]) -> Result<BTreeMap<Lane, i64>, EndpointError> {
        self.list(topics, BEHIND_LAST)
    }

    /// The same of the partitions that can be asked just now.
    pub(super) fn those_behind_last(&self, topics: &[Topic]) -> Result<BTreeMap<Lane, i64>, EndpointError> {
        let (asked, refused) = self.asked(topics, BEHIND_LAST)?;
        let told = self.told_singly(asked).map_err(refused)?;
        Ok(told.into_iter().filter_map(|(lane, offset)| Some((lane, offset.ok()?))).collect())
    }

    /// The offset of the first event at or after a time; that behind the last where there is none.
    fn at(
        &self,
        topics: &[Topic],
        milliseconds: i64,
        behind_last: &BTreeMap<Lane, i64>,
    ) -> Result<BTreeMap<Lane, i64>, EndpointError> {
        let mut found = self.list(topics, Offset::Offset(milliseconds.max(0)))?;
        for (lane, behind) in behind_last {
            found.entry(lane.clone()).or_insert(*behind);
        }
        Ok(found)
    }

    /// What is read of each partition. `Start::Last` begins behind the last event: what lies before is read by itself.
    pub(super) fn spans(
        &self,
        topics: &[Topic],
        start: Start,
        stop: Stop,
    ) -> Result<BTreeMap<Lane, Span>, EndpointError> {
        if matches!(start, Start::Default | Start::Beginning) && stop == Stop::Never {
            // The client finds the oldest events by itself, one question sooner.
            let lanes = topics.iter().flat_map(Topic::lanes);
            return Ok(lanes.map(|lane| (lane, Span { next: OLDEST, end: None })).collect());
        }
        let is_past = stop.is_past();
        let behind_last = self.behind_last(topics)?;
        let first = match start {
            Start::End | Start::Last(_) | Start::Time(_) => BTreeMap::new(),
            _ => self.first(topics)?,
        };
        let begin = match start {
            Start::Default | Start::Beginning => first.clone(),
            Start::End | Start::Last(_) => behind_last.clone(),
            // The first event at or after the time: one within the same millisecond is not before it.
            Start::Time(time) => self.at(topics, ceiling(time.0), &behind_last)?,
            Start::Offset(offset) => {
                let wanted = i64::try_from(offset).unwrap_or(i64::MAX);
                let within = |(lane, behind): (&Lane, &i64)| {
                    let first = first.get(lane).copied().unwrap_or(0);
                    (lane.clone(), wanted.clamp(first, (*behind).max(first)))
                };
                behind_last.iter().map(within).collect()
            }
        };
        let end = match stop {
            Stop::Never => BTreeMap::new(),
            Stop::PresentEnd => behind_last.clone(),
            Stop::Offset(offset) => {
                let wanted = i64::try_from(offset).unwrap_or(i64::MAX);
                behind_last.iter().map(|(lane, behind)| (lane.clone(), wanted.min(*behind))).collect()
            }
            // What lies there is all there is before a time that has passed.
            Stop::Time(time) if is_past => self.at(topics, time.0.div_euclid(1000) + 1, &behind_last)?,
            // What comes later may still be before the time; the reader judges that event by event.
            Stop::Time(time) => self.list(topics, Offset::Offset((time.0.div_euclid(1000) + 1).max(0)))?,
        };
        let span = |(lane, next): (Lane, i64)| {
            let end = end.get(&lane).copied();
            (lane, Span { next, end })
        };
        Ok(begin.into_iter().map(span).collect())
    }
}

/// Whether a partition has no leader just now, as when it was made a moment ago or its broker went, or one that does not know yet
/// what it leads, as when it has just come back.
fn is_between_leaders(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::ReplicaNotAvailable
                | Code::UnknownLeaderEpoch
                | Code::FencedLeaderEpoch
                | Code::OffsetNotAvailable
        )
    )
}

/// Microseconds as the first whole millisecond not before them.
fn ceiling(microseconds: i64) -> i64 {
    microseconds.div_euclid(1000) + i64::from(microseconds.rem_euclid(1000) > 0)
}

/// The list by which a consumer is told to read these partitions.
pub(super) fn assignment(
    spans: &BTreeMap<Lane, Span>,
    consumer: &BaseConsumer<Listener>,
) -> Result<TopicPartitionList, EndpointError> {
    let mut list = TopicPartitionList::with_capacity(spans.len());
    for ((topic, partition), span) in spans {
        list.add_partition_offset(topic, *partition, Offset::from_raw(span.next)).map_err(|error| {
            failure::request("be read from there", &error, consumer.client().context().address())
        })?;
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use rdkafka::Offset;

    use super::{OLDEST, ceiling};

    #[test]
    fn the_oldest_event_is_the_beginning() {
        assert_eq!(Offset::from_raw(OLDEST), Offset::Beginning);
    }

    #[test]
    fn a_time_within_a_millisecond_begins_with_the_next() {
        assert_eq!([ceiling(1000), ceiling(1001), ceiling(1999), ceiling(0)], [1, 2, 2, 0]);
    }
}
