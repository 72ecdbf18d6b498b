//! The last N events of several partitions together, read before what comes next.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;

use super::cluster::Topic;
use super::listener::Listener;
use super::positions::{Lane, Offsets, Span, assignment};
use super::{failure, message};
use crate::endpoint::{EndpointError, EndpointErrorKind};
use crate::event::{Event, Timestamp};

/// So many are looked for across partitions; they are kept in memory until the newest are known.
pub(super) const MOST: u64 = 10_000;

/// The newest `count` events before `behind`, in the order of their times; within a partition in the order of offsets.
///
/// Offsets have gaps (compaction, transactions), so more is read when too little was found.
pub(super) fn read(
    offsets: &Offsets<'_>,
    topics: &[Topic],
    behind: &BTreeMap<Lane, Span>,
    count: u64,
) -> Result<Vec<Event>, EndpointError> {
    if count > MOST {
        let message = format!("the last {count} events cannot be looked for across partitions");
        return Err(EndpointError::new(EndpointErrorKind::Unsupported, message)
            .help(format!("begin with at most the last {MOST}, or at a time or an offset")));
    }
    let first = offsets.first(topics)?;
    let mut reach = i64::try_from(count).unwrap_or(i64::MAX);
    loop {
        let spans: BTreeMap<Lane, Span> = behind
            .iter()
            .map(|(lane, span)| {
                let oldest = first.get(lane).copied().unwrap_or(0).min(span.next);
                (
                    lane.clone(),
                    Span { next: span.next.saturating_sub(reach).max(oldest), end: Some(span.next) },
                )
            })
            .filter(|(_, span)| span.end > Some(span.next))
            .collect();
        let all_there_is =
            spans.iter().all(|(lane, span)| span.next <= first.get(lane).copied().unwrap_or(0));
        let mut events = Vec::new();
        read_whole(offsets.consumer, spans, offsets.timeout, |event| events.push(event))?;
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        if events.len() >= wanted || all_there_is {
            sort(&mut events);
            return Ok(events.split_off(events.len().saturating_sub(wanted)));
        }
        reach = reach.saturating_mul(4);
    }
}

/// Reads these spans whole, and gives each event to `take`.
pub(super) fn read_whole(
    consumer: &BaseConsumer<Listener>,
    mut open: BTreeMap<Lane, Span>,
    timeout: Duration,
    mut take: impl FnMut(Event),
) -> Result<(), EndpointError> {
    let address = consumer.client().context().address();
    let refused = |error: KafkaError| failure::request("be read", &error, address);
    if open.is_empty() {
        return Ok(());
    }
    consumer.assign(&assignment(&open, consumer)?).map_err(refused)?;
    let mut deadline = Instant::now() + timeout;
    while !open.is_empty() {
        match consumer.poll(Duration::from_millis(20)) {
            Some(Ok(found)) => {
                deadline = Instant::now() + timeout;
                let event = message::event(&found, Timestamp::now());
                let lane = (event.channel.to_string(), event.place.partition.unwrap_or(0));
                let end = open.get(&lane).and_then(|span| span.end);
                let offset = event.place.offset.and_then(|offset| i64::try_from(offset).ok()).unwrap_or(0);
                if end.is_some_and(|end| offset < end) {
                    take(event);
                }
                if end.is_some_and(|end| offset + 1 >= end) {
                    open.remove(&lane);
                }
            }
            // The end of a partition, behind marks that are no events.
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                if open.keys().filter(|(_, number)| *number == partition).count() == 1 {
                    open.retain(|(_, number), _| *number != partition);
                }
            }
            Some(Err(_)) | None => {}
        }
        if let Some(refusal) = consumer.client().context().refusal() {
            return Err(refusal);
        }
        if Instant::now() > deadline {
            return Err(failure::silence(address, timeout.as_secs_f32()));
        }
    }
    consumer.unassign().map_err(refused)
}

fn sort(events: &mut Vec<Event>) {
    let mut newest: BTreeMap<Lane, Timestamp> = BTreeMap::new();
    let mut keyed: Vec<(Timestamp, Event)> = std::mem::take(events)
        .into_iter()
        .map(|event| {
            let time = event.broker_time.map_or(event.received, |found| found.time);
            let lane = (event.channel.to_string(), event.place.partition.unwrap_or(0));
            // A time that runs backwards does not change the order within a partition.
            let newest = newest.entry(lane).or_insert(time);
            *newest = (*newest).max(time);
            (*newest, event)
        })
        .collect();
    keyed.sort_by_key(|(time, _)| *time);
    events.extend(keyed.into_iter().map(|(_, event)| event));
}
