//! The Kafka record between the event and the client.

use bytes::Bytes;
use rdkafka::Timestamp as RecordTime;
use rdkafka::message::{BorrowedMessage, Header as RecordHeader, Message, OwnedHeaders};

use super::fetching::{self, FOREIGN_NAMES};
use crate::endpoint::{EndpointError, EndpointErrorKind};
use crate::event::{BrokerTime, Event, Place, TimeKind, Timestamp};

/// The earliest time that Kafka carries: the client takes 0 for "now", and nothing lies before that.
pub(super) const EARLIEST: Timestamp = Timestamp(1_000);

/// A record on its way to the client.
#[derive(Debug)]
pub(super) struct Record<'a> {
    /// None is for the client to choose.
    pub(super) partition: Option<i32>,
    pub(super) key: Option<&'a [u8]>,
    pub(super) payload: Option<&'a [u8]>,
    pub(super) headers: Option<OwnedHeaders>,
    /// In milliseconds.
    pub(super) time: i64,
    /// The number that comes back with its receipt.
    pub(super) sequence: usize,
}

/// The record of an event. Its time is the one its producer gave it, and `now`, the moment of sending, when none did.
///
/// # Errors
/// When the time or the name of a header cannot be written.
pub(super) fn record(
    partition: Option<i32>,
    event: &Event,
    (sequence, now): (usize, Timestamp),
) -> Result<Record<'_>, EndpointError> {
    Ok(Record {
        partition,
        key: event.key.as_deref(),
        payload: event.payload.as_deref(),
        headers: if event.headers.is_empty() { None } else { Some(headers(event)?) },
        time: time_to_send(event)?.unwrap_or_else(|| now.0.div_euclid(1000)),
        sequence,
    })
}

fn time_to_send(event: &Event) -> Result<Option<i64>, EndpointError> {
    let Some(BrokerTime { time, kind: TimeKind::Create }) = event.broker_time else {
        return Ok(None);
    };
    if time < EARLIEST {
        let message = format!("Kafka cannot carry the time {time}");
        return Err(EndpointError::new(EndpointErrorKind::Rejected, message)
            .help("its times begin one millisecond after 1970-01-01T00:00:00Z"));
    }
    Ok(Some(time.0.div_euclid(1000)))
}

fn headers(event: &Event) -> Result<OwnedHeaders, EndpointError> {
    let refused = |what: &str| Err(EndpointError::new(EndpointErrorKind::Rejected, what));
    let foreign = event.attributes.get(FOREIGN_NAMES).and_then(serde_json::Value::as_object);
    let is_changed = |place: &String| {
        let header = place.parse().ok().and_then(|place: usize| event.headers.get(place));
        header.is_some_and(|header| header.name.contains(char::REPLACEMENT_CHARACTER))
    };
    if foreign.is_some_and(|foreign| foreign.keys().any(is_changed)) {
        return refused("the name of a header is not UTF-8 (its bytes stand in `header_names` of the event)");
    }
    let mut headers = OwnedHeaders::new_with_capacity(event.headers.len());
    for header in &event.headers {
        if header.name.as_bytes().contains(&0) {
            return refused(
                "the name of a header has a zero byte, at which the Kafka client would cut it off when it is read",
            );
        }
        headers = headers.insert(RecordHeader { key: &header.name, value: header.value.as_deref() });
    }
    Ok(headers)
}

/// The event a record carries.
pub(super) fn event(message: &BorrowedMessage<'_>, received: Timestamp) -> Event {
    let broker_time = match message.timestamp() {
        RecordTime::NotAvailable => None,
        RecordTime::CreateTime(time) => Some((time, TimeKind::Create)),
        RecordTime::LogAppendTime(time) => Some((time, TimeKind::Append)),
    };
    let (headers, attributes) = fetching::headers_of(message);
    Event {
        channel: message.topic().into(),
        key: message.key().map(Bytes::copy_from_slice),
        payload: message.payload().map(Bytes::copy_from_slice),
        headers,
        received,
        broker_time: broker_time
            .map(|(time, kind)| BrokerTime { time: Timestamp(time.saturating_mul(1000)), kind }),
        place: Place { partition: Some(message.partition()), offset: u64::try_from(message.offset()).ok() },
        attributes,
    }
}

#[cfg(test)]
mod tests {
    use super::record;
    use crate::event::{BrokerTime, Event, TimeKind, Timestamp};

    #[test]
    fn only_the_producers_time_is_sent_again() {
        let mut event = Event::new("t", "x");
        for (time, expected) in [
            (None, 7),
            (Some(BrokerTime { time: Timestamp(5_999), kind: TimeKind::Create }), 5),
            (Some(BrokerTime { time: Timestamp(5_999), kind: TimeKind::Append }), 7),
        ] {
            event.broker_time = time;
            let sent = record(None, &event, (0, Timestamp(7_999))).expect("a record");
            assert_eq!(sent.time, expected);
        }
        for early in [0, 999, -1] {
            event.broker_time = Some(BrokerTime { time: Timestamp(early), kind: TimeKind::Create });
            let error = record(None, &event, (0, Timestamp(7_999))).expect_err("too early");
            assert!(error.message.contains("1970-01-01") || error.message.contains("1969-12-31"), "{error}");
        }
    }
}
