//! The NATS message between the event and the wire.

use std::str::FromStr;

use async_nats::{HeaderMap, HeaderName, HeaderValue, Message, Subject};
use serde_json::{Map, Value};

use super::failure;
use crate::endpoint::{EndpointError, EndpointErrorKind};
use crate::event::{BrokerTime, Event, Header, NUMBER_HEADER, Place, RUN_HEADER, TimeKind, Timestamp};

/// The headers of an event as NATS carries them; `None` where there are none.
///
/// # Errors
/// When a name or a value cannot be written.
pub(super) fn headers(event: &Event) -> Result<Option<HeaderMap>, EndpointError> {
    if event.headers.is_empty() {
        return Ok(None);
    }
    let mut map = HeaderMap::new();
    for header in &event.headers {
        let name = name(&header.name).ok_or_else(|| {
            refused(&header.name, "has a name NATS cannot write: visible ASCII without `:` is allowed")
        })?;
        let value = std::str::from_utf8(header.value.as_deref().unwrap_or_default())
            .map_err(|_| refused(&header.name, "is not text, and NATS headers carry text only"))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| refused(&header.name, "has a line break, which NATS headers cannot carry"))?;
        map.append(name, value);
    }
    Ok(Some(map))
}

/// The name of a header as the client has it; our own marks, which every event of a run carries, take no memory.
fn name(name: &str) -> Option<HeaderName> {
    match name {
        "" => None,
        RUN_HEADER => Some(HeaderName::from_static(RUN_HEADER)),
        NUMBER_HEADER => Some(HeaderName::from_static(NUMBER_HEADER)),
        _ => HeaderName::from_str(name).ok(),
    }
}

fn refused(name: &str, what: &str) -> EndpointError {
    EndpointError::new(EndpointErrorKind::Rejected, format!("header `{name}` {what}"))
}

/// The name by which JetStream recognises an event of a run that comes a second time within its window; none where
/// the event is of no run, or brings a name of its own.
pub(super) fn name_for_repeats(event: &Event) -> Option<String> {
    if event.header_text("Nats-Msg-Id").is_some() {
        return None;
    }
    Some(format!("{}:{}", event.header_text(RUN_HEADER)?, event.header_text(NUMBER_HEADER)?))
}

/// A subject to publish to.
///
/// # Errors
/// When it has blanks, empty words or wildcards.
pub(super) fn check_subject(subject: &str) -> Result<(), EndpointError> {
    let words_are_good = subject.split('.').all(|word| !word.is_empty() && word != "*" && word != ">");
    if words_are_good && !subject.contains([' ', '\t', '\r', '\n', '\0']) {
        return Ok(());
    }
    Err(failure::bad_subject(subject))
}

/// A subject for the client; `before` is that of the event before, which is taken again where it is the same.
///
/// # Errors
/// As [`check_subject`].
pub(super) fn subject(subject: &str, before: Option<&Subject>) -> Result<Subject, EndpointError> {
    if let Some(before) = before.filter(|before| before.as_str() == subject) {
        return Ok(before.clone());
    }
    check_subject(subject)?;
    Ok(Subject::from(subject.to_owned()))
}

/// Refuses what the server would refuse, because it ends the connection over it.
///
/// # Errors
/// When payload and headers together are larger than `limit`.
pub(super) fn check_size(event: &Event, limit: usize) -> Result<(), EndpointError> {
    // A header is written as `Name: value\r\n` below a line `NATS/1.0`.
    let framing = if event.headers.is_empty() { 0 } else { 12 + event.headers.len() * 4 };
    let size = event.size() - event.key.as_ref().map_or(0, bytes::Bytes::len) + framing;
    if size > limit { Err(failure::too_large(size, limit)) } else { Ok(()) }
}

/// The event a message carries, received now. Headers are sorted by name: the client keeps no order among names.
pub(super) fn event(message: Message) -> Event {
    let mut attributes = Map::new();
    if let Some(reply) = &message.reply {
        attributes.insert("reply".to_owned(), Value::from(reply.as_str()));
    }
    if let Some(status) = message.status {
        attributes.insert("status".to_owned(), Value::from(status.as_u16()));
    }
    Event {
        channel: message.subject.into_string().into(),
        key: None,
        payload: Some(message.payload),
        headers: message.headers.as_ref().map(read_headers).unwrap_or_default(),
        received: Timestamp::now(),
        broker_time: None,
        place: Place::default(),
        attributes: attributes.into(),
    }
}

fn read_headers(map: &HeaderMap) -> Vec<Header> {
    let mut names: Vec<_> = map.iter().collect();
    names.sort_by(|(one, _), (other, _)| {
        let (one, other): (&str, &str) = (one.as_ref(), other.as_ref());
        one.cmp(other)
    });
    let pairs = names.into_iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    pairs.map(|(name, value)| Header::text(name.to_string(), value.as_str())).collect()
}

/// The event a stored message carries.
///
/// # Errors
/// When the server's note on where it lies cannot be read.
pub(super) fn stored_event(message: async_nats::jetstream::Message) -> Result<(Event, u64), EndpointError> {
    let (stream, sequence, pending, published) = {
        let info = message.info().map_err(|error| {
            EndpointError::new(
                EndpointErrorKind::Malformed,
                format!("a stored event without a place: {error}"),
            )
        })?;
        let micros = info.published.unix_timestamp_nanos().div_euclid(1000);
        let published = Timestamp(i64::try_from(micros).unwrap_or(i64::MAX));
        (info.stream.to_owned(), info.stream_sequence, info.pending, published)
    };
    let mut event = event(message.message);
    // The reply of a stored message is the address of its acknowledgement, which means nothing to anyone else.
    event.attributes.shift_remove("reply");
    event.attributes.insert("stream".to_owned(), Value::from(stream));
    event.place.offset = Some(sequence);
    event.broker_time = Some(BrokerTime { time: published, kind: TimeKind::Append });
    Ok((event, pending))
}

#[cfg(test)]
mod tests {
    use super::{check_size, check_subject, headers};
    use crate::event::{Event, Header};

    #[test]
    fn subjects_are_checked() {
        assert!(check_subject("a.b-c.名前").is_ok());
        for bad in ["", "a..b", ".a", "a.", "a b", "a.*", ">", "a\r\nPUB x 0"] {
            assert!(check_subject(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn headers_that_cannot_be_written_are_refused() {
        let mut event = Event::new("a", "x");
        event.headers = vec![Header::text("A", "1"), Header::text("A", "2"), Header::text("b", "")];
        let map = headers(&event).expect("written").expect("there");
        assert_eq!(map.get_all("A").count(), 2);
        for (name, value) in
            [("é", b"x".as_slice()), ("", b"x"), ("a:b", b"x"), ("a", b"\r\n"), ("a", b"\xff")]
        {
            event.headers = vec![Header { name: name.into(), value: Some(value.to_vec().into()) }];
            assert!(headers(&event).is_err(), "{name:?} {value:?}");
        }
    }

    #[test]
    fn sizes_count_headers() {
        let mut event = Event::new("a", vec![0; 100]);
        assert!(check_size(&event, 100).is_ok());
        event.headers = vec![Header::text("A", "1")];
        assert!(check_size(&event, 100).is_err());
    }
}
