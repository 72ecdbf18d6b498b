//! Events taken out of topics: a consumer group whose position moves over an event once its fate was told.

use std::collections::BTreeMap;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::cluster::Topic;
use super::failure;
use super::listener::Listener;
use super::positions::{Lane, Offsets, Span};
use crate::endpoint::{EndpointError, EndpointErrorKind, Fate, SourceOptions, Start, Stop};
use crate::event::Event;

/// What was given out, and which partitions stand still.
#[derive(Debug, Default)]
pub(super) struct Taking {
    /// The place of each event of the batch that was given out.
    given: Vec<(Lane, i64)>,
    /// Partitions with an event that is to be read again: their positions do not move any more.
    blocked: Vec<Lane>,
    left: u64,
}

impl Taking {
    /// Begins with these parts of the partitions.
    pub(super) fn new(spans: &BTreeMap<Lane, Span>) -> Self {
        let length = |span: &Span| span.end.map_or(0, |end| end.saturating_sub(span.next).max(0));
        let left = spans.values().map(length).sum::<i64>();
        Self { left: u64::try_from(left).unwrap_or(0), ..Self::default() }
    }

    /// Offsets that are still to be read; some of them may hold no event.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Notes a batch that the reader now has.
    pub(super) fn given_out(&mut self, batch: &[Event]) {
        self.left = self.left.saturating_sub(batch.len() as u64);
        let place = |event: &Event| {
            let offset = event.place.offset.and_then(|offset| i64::try_from(offset).ok()).unwrap_or(0);
            ((event.channel.to_string(), event.place.partition.unwrap_or(0)), offset)
        };
        self.given = batch.iter().map(place).collect();
    }

    /// The new positions, and how many events that were dealt with lie behind one that comes again.
    pub(super) fn settled(&mut self, fates: &[Fate]) -> (BTreeMap<Lane, i64>, u64) {
        let mut positions = BTreeMap::new();
        let mut repeated = 0;
        for ((lane, offset), fate) in self.given.iter().zip(fates) {
            if self.blocked.contains(lane) {
                repeated += u64::from(*fate == Fate::Done);
            } else if *fate == Fate::Again {
                self.blocked.push(lane.clone());
            } else {
                positions.insert(lane.clone(), offset + 1);
            }
        }
        (positions, repeated)
    }
}

/// From where each partition is read: the position of the group, where it has one, to the present end.
///
/// # Errors
/// When the cluster cannot be asked, or something else was wanted than everything that is there.
pub(super) fn spans(
    consumer: &BaseConsumer<Listener>,
    topics: &[Topic],
    options: &SourceOptions,
) -> Result<BTreeMap<Lane, Span>, EndpointError> {
    let address = consumer.client().context().address();
    if options.start != Start::Default || options.stop != Stop::PresentEnd {
        let message = format!("what is taken out of `{address}` is all that the group has not had");
        return Err(EndpointError::new(EndpointErrorKind::Unsupported, message));
    }
    let offsets = Offsets { consumer, timeout: options.connect_timeout };
    let mut spans = offsets.spans(topics, Start::Beginning, Stop::PresentEnd)?;
    let mut asked = TopicPartitionList::new();
    for (topic, partition) in spans.keys() {
        asked.add_partition(topic, *partition);
    }
    let refused = |error| failure::request("tell the position of the group", &error, address);
    let told = consumer.committed_offsets(asked, options.connect_timeout).map_err(refused)?;
    for element in told.elements() {
        let lane = (element.topic().to_owned(), element.partition());
        if let (Offset::Offset(position), Some(span)) = (element.offset(), spans.get_mut(&lane)) {
            span.next = span.next.max(position);
        }
    }
    Ok(spans)
}

/// Tells the cluster the positions.
///
/// # Errors
/// When it does not take them, such as after the partitions went to another member.
pub(super) fn commit(
    consumer: &BaseConsumer<Listener>,
    positions: &BTreeMap<Lane, i64>,
) -> Result<(), EndpointError> {
    let address = consumer.client().context().address();
    let refused = |error| failure::request("take the position of the group", &error, address);
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for ((topic, partition), offset) in positions {
        list.add_partition_offset(topic, *partition, Offset::Offset(*offset)).map_err(refused)?;
    }
    consumer.commit(&list, CommitMode::Sync).map_err(refused)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Taking;
    use crate::endpoint::Fate::{Again, Done, Left};
    use crate::event::{Event, Place};

    fn event(partition: i32, offset: u64) -> Event {
        let place = Place { partition: Some(partition), offset: Some(offset) };
        Event { place, ..Event::new("t", "x") }
    }

    #[test]
    fn a_position_passes_over_what_stays_and_stops_before_what_comes_again() {
        let mut taking = Taking::default();
        taking.given_out(&[event(0, 5), event(0, 6), event(1, 3), event(1, 4), event(1, 5)]);
        let (positions, repeated) = taking.settled(&[Done, Left, Done, Again, Done]);
        let lane = |partition| ("t".to_owned(), partition);
        assert_eq!(positions, BTreeMap::from([(lane(0), 7), (lane(1), 4)]));
        assert_eq!(repeated, 1);
        taking.given_out(&[event(0, 7), event(1, 6)]);
        let (positions, repeated) = taking.settled(&[Done, Done]);
        assert_eq!((positions, repeated), (BTreeMap::from([(lane(0), 8)]), 1));
    }
}
