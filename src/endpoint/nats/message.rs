//! The NATS message between the event and the wire.

use async_nats::{HeaderMap, Message};
use serde_json::{Map, Value};

use super::failure;
use crate::endpoint::address_path::parts;
use crate::endpoint::{Address, EndpointError, EndpointErrorKind};
use crate::event::{
    BrokerTime, Event, Header, NUMBER_HEADER, Place, REPEAT_HEADER, RUN_HEADER, TimeKind, Timestamp,
};

/// Writes the headers of an event as NATS carries them into `out`, in the place of what it holds; nothing where there are
/// none. With `recognised`, the event of a run goes by its number there when it comes a second time, and by no other name: it
/// is no repeat of what it was recorded from. True when it goes by a name of its own, which another event may have, too.
///
/// # Errors
/// When a name or a value cannot be written.
pub(super) fn put_headers(out: &mut Vec<u8>, event: &Event, recognised: bool) -> Result<bool, EndpointError> {
    out.clear();
    if event.headers.is_empty() {
        return Ok(false);
    }
    let marks = if recognised { marks(event) } else { None };
    let mut has_name = false;
    out.extend_from_slice(b"NATS/1.0\r\n");
    for header in &event.headers {
        let value = value_of(header)?;
        if header.name.eq_ignore_ascii_case(REPEAT_HEADER) {
            if marks.is_some() {
                continue;
            }
            has_name = true;
        }
        put_header(out, &header.name, &[value]);
    }
    if let Some((run, number)) = marks {
        put_header(out, REPEAT_HEADER, &[run, b":", number]);
    }
    out.extend_from_slice(b"\r\n");
    Ok(has_name)
}

/// The run an event is sent by, and its number there.
fn marks(event: &Event) -> Option<(&[u8], &[u8])> {
    let value = |name: &str| event.headers.iter().find(|header| header.name == name)?.value.as_deref();
    Some((value(RUN_HEADER)?, value(NUMBER_HEADER)?))
}

/// The value of a header as it is written.
fn value_of(Header { name, value }: &Header) -> Result<&[u8], EndpointError> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
        return Err(refused(name, "has a name NATS cannot write: visible ASCII without `:` is allowed"));
    }
    let value = value.as_deref().unwrap_or_default();
    if std::str::from_utf8(value).is_err() {
        return Err(refused(name, "is not text, and NATS headers carry text only"));
    }
    if memchr::memchr2(b'\r', b'\n', value).is_some() {
        return Err(refused(name, "has a line break, which NATS headers cannot carry"));
    }
    Ok(value)
}

fn put_header(out: &mut Vec<u8>, name: &str, value: &[&[u8]]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    for part in value {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
}

fn refused(name: &str, what: &str) -> EndpointError {
    EndpointError::new(EndpointErrorKind::Rejected, format!("header `{name}` {what}"))
}

/// Whether an event can be published to a subject: what is asked of every message before it is written, but for the limits of
/// the server. What goes into JetStream is answered to us, and not to the subject that the event names.
///
/// # Errors
/// When its subject, its headers or the subject for an answer cannot be written.
pub(super) fn check(event: &Event, subject: &str, into_jetstream: bool) -> Result<(), EndpointError> {
    check_subject(subject)?;
    event.headers.iter().try_for_each(|header| value_of(header).map(drop))?;
    let reply = if into_jetstream { "" } else { reply_of(event) };
    if !reply.is_empty() {
        check_reply(reply)?;
    }
    check_length(subject, reply.as_bytes())
}

/// Where an answer to the event goes; empty when it wants none.
pub(super) fn reply_of(event: &Event) -> &str {
    event.attributes.get("reply").and_then(Value::as_str).unwrap_or_default()
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

/// Refuses an address whose path is no subject, before anything is asked; with `wildcards` it may stand for several.
///
/// # Errors
/// When it has blanks, empty words, or wildcards where none may be.
pub(super) fn check_path(address: &Address, wildcards: bool) -> Result<(), EndpointError> {
    let path = address.path.as_str();
    if path.is_empty() {
        return Ok(());
    }
    let blank = path.char_indices().find(|(_, each)| each.is_whitespace() || *each == '\0');
    let last = path.split('.').count() - 1;
    let is_wrong = |number: usize, word: &str| match word {
        "" => true,
        "*" => !wildcards,
        ">" => !wildcards || number != last,
        _ => false,
    };
    let word = parts(path, '.').enumerate().find(|(number, (_, word))| is_wrong(*number, word));
    let blank = blank.map(|(at, each)| at..at + each.len_utf8());
    match blank.or_else(|| word.map(|(_, (place, _))| place)) {
        Some(wrong) => Err(address.refuse_path(wrong, failure::bad_subject(path))),
        None => Ok(()),
    }
}

/// As [`check_subject`], for where an answer goes.
///
/// # Errors
/// As that.
pub(super) fn check_reply(reply: &str) -> Result<(), EndpointError> {
    check_subject(reply).map_err(|mut error| {
        error.message = format!("its `reply` cannot be used: {}", error.message);
        error
    })
}

/// Bytes that subjects may have in the line before a message: servers take lines of 4096 unless told otherwise.
const LONGEST_SUBJECTS: usize = 4000;

/// Refuses subjects for which the server would end the connection.
///
/// # Errors
/// When they are too long together.
pub(super) fn check_length(subject: &str, reply: &[u8]) -> Result<(), EndpointError> {
    if subject.len() + reply.len() > LONGEST_SUBJECTS {
        return Err(failure::too_long(subject.len(), LONGEST_SUBJECTS));
    }
    Ok(())
}

/// Refuses what the server would refuse, because it ends the connection over it.
///
/// # Errors
/// When payload and headers together are larger than `limit`.
pub(super) fn check_size(headers: &[u8], payload: &[u8], limit: usize) -> Result<(), EndpointError> {
    let size = headers.len() + payload.len();
    if size > limit { Err(failure::too_large(size, limit)) } else { Ok(()) }
}

/// The event a message carries, with the time at which it came. Headers are sorted by name: the client keeps no order among names.
pub(super) fn event(message: Message, received: Timestamp) -> Event {
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
        received,
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

/// An event out of a stream.
#[derive(Debug)]
pub(super) struct Stored {
    /// The event, with its sequence number as its offset.
    pub(super) event: Event,
    /// How many the server still has for the reader behind it.
    pub(super) pending: u64,
    /// How many the server has sent the reader with it.
    pub(super) count: u64,
}

impl Stored {
    /// Its sequence number in the stream.
    pub(super) fn sequence(&self) -> u64 {
        self.event.place.offset.unwrap_or(0)
    }
}

/// The event a stored message carries.
///
/// # Errors
/// When the server's note on where it lies cannot be read.
pub(super) fn stored(message: async_nats::jetstream::Message) -> Result<Stored, EndpointError> {
    let (stream, sequence, (pending, count), published) = {
        let info = message.info().map_err(|error| {
            EndpointError::new(
                EndpointErrorKind::Malformed,
                format!("a stored event without a place: {error}"),
            )
        })?;
        let micros = info.published.unix_timestamp_nanos().div_euclid(1000);
        let published = Timestamp(i64::try_from(micros).unwrap_or(i64::MAX));
        let progress = (info.pending, info.consumer_sequence);
        (info.stream.to_owned(), info.stream_sequence, progress, published)
    };
    let mut event = event(message.message, Timestamp::of_arrival());
    // The reply of a stored message is the address of its acknowledgement, which means nothing to anyone else.
    event.attributes.shift_remove("reply");
    event.attributes.insert("stream".to_owned(), Value::from(stream));
    event.place.offset = Some(sequence);
    event.broker_time = Some(BrokerTime { time: published, kind: TimeKind::Append });
    Ok(Stored { event, pending, count })
}

#[cfg(test)]
mod tests {
    use super::{check_length, check_size, check_subject, put_headers};
    use crate::event::{Event, Header, NUMBER_HEADER, RUN_HEADER};

    #[test]
    fn subjects_are_checked() {
        assert!(check_subject("a.b-c.名前").is_ok());
        for bad in ["", "a..b", ".a", "a.", "a b", "a.*", ">", "a\r\nPUB x 0"] {
            assert!(check_subject(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn headers_are_written_in_order_and_those_that_cannot_be_are_refused() {
        let written = |event: &Event, recognised| {
            let mut out = b"what was there before".to_vec();
            put_headers(&mut out, event, recognised).ok().map(|_| String::from_utf8(out).expect("text"))
        };
        let mut event = Event::new("a", "x");
        assert_eq!(written(&event, true), Some(String::new()));
        event.headers = vec![Header::text("A", "1"), Header::text("b", ""), Header::text("A", "2 é")];
        assert_eq!(written(&event, true), Some("NATS/1.0\r\nA: 1\r\nb: \r\nA: 2 é\r\n\r\n".into()));
        event.headers = vec![Header::text(RUN_HEADER, "r"), Header::text(NUMBER_HEADER, "7")];
        let marks = format!("NATS/1.0\r\n{RUN_HEADER}: r\r\n{NUMBER_HEADER}: 7\r\n");
        assert_eq!(written(&event, false), Some(format!("{marks}\r\n")));
        assert_eq!(written(&event, true), Some(format!("{marks}Nats-Msg-Id: r:7\r\n\r\n")));
        event.headers.push(Header::text("Nats-Msg-Id", "own"));
        assert_eq!(written(&event, true), Some(format!("{marks}Nats-Msg-Id: r:7\r\n\r\n")));
        assert_eq!(written(&event, false), Some(format!("{marks}Nats-Msg-Id: own\r\n\r\n")));
        event.headers.remove(0);
        let one = format!("NATS/1.0\r\n{NUMBER_HEADER}: 7\r\nNats-Msg-Id: own\r\n\r\n");
        assert_eq!(written(&event, true), Some(one));
        for (name, value) in
            [("é", b"x".as_slice()), ("", b"x"), ("a:b", b"x"), ("a b", b"x"), ("a", b"\r\n"), ("a", b"\xff")]
        {
            event.headers = vec![Header { name: name.into(), value: Some(value.to_vec().into()) }];
            assert!(written(&event, false).is_none(), "{name:?} {value:?}");
        }
    }

    #[test]
    fn sizes_count_headers_and_subjects_have_a_length() {
        assert!(check_length(&"a".repeat(4000), b"").is_ok());
        assert!(check_length(&"a".repeat(3999), b"rr").is_err());
        assert!(check_size(b"", &[0; 100], 100).is_ok());
        assert!(check_size(b"x", &[0; 100], 100).is_err());
    }
}
