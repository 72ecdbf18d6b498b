//! The event as jq sees it.
//!
//! | field | what |
//! |---|---|
//! | `.channel` | its address |
//! | `.key` | a string, `null` without one, `{"b64": "…"}` when it is no text |
//! | `.payload` | the value when it is JSON, else a string, `null`, or `{"b64": "…"}` when it is no text |
//! | `.payload_is` | `"json"`, `"text"`, `"binary"` or `"null"` |
//! | `.headers` | by name; of a name that repeats the first |
//! | `.header_pairs` | all of them in order, as `[name, value]` |
//! | `.time`, `.time_us` | when it was received: RFC 3339, and microseconds since 1970 |
//! | `.broker_time` | the time the broker or producer gave it, or `null` |
//! | `.partition`, `.offset` | where it lies, or `null` |
//! | `.attributes` | facts of its protocol |

use base64::Engine;
use bytes::Bytes;
use jaq_json::{Map, Val, read};

use crate::event::Event;
use crate::event::coding;
use crate::schema::nested_deeper;

/// The fields of the event.
pub const FIELDS: [&str; 12] = [
    "channel",
    "key",
    "payload",
    "payload_is",
    "headers",
    "header_pairs",
    "time",
    "time_us",
    "broker_time",
    "partition",
    "offset",
    "attributes",
];

/// Nesting beyond which JSON is taken as text.
const DEEPEST: usize = 512;

/// The event as one value.
pub(super) fn value(event: &Event) -> Val {
    let (payload, payload_is) = payload(event);
    let attributes = serde_json::to_vec(&event.attributes).unwrap_or_default();
    let members = [
        text(event.channel.to_string()),
        event.key.as_ref().map_or(Val::Null, bytes),
        payload,
        text(payload_is),
        headers(event),
        header_pairs(event),
        text(event.received.to_string()),
        integer(event.received.0),
        event.broker_time.map_or(Val::Null, |stamp| text(stamp.time.to_string())),
        event.place.partition.map_or(Val::Null, integer),
        event.place.offset.map_or(Val::Null, integer),
        read::parse_single(&attributes).unwrap_or_default(),
    ];
    object(FIELDS.into_iter().map(text).zip(members))
}

/// What counts as true in a condition.
pub(super) fn is_true(value: &Val) -> bool {
    !matches!(value, Val::Null | Val::Bool(false))
}

/// Whether no part of a JSON text is nested beyond [`DEEPEST`].
pub(super) fn is_shallow(json: &[u8]) -> bool {
    !nested_deeper(json, DEEPEST)
}

fn payload(event: &Event) -> (Val, &'static str) {
    let Some(payload) = coding::plain_payload(event) else {
        return (Val::Null, "null");
    };
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&payload).is_ok() && is_shallow(&payload);
    match is_json.then(|| read::parse_single(&payload)) {
        Some(Ok(value)) => (value, "json"),
        _ if std::str::from_utf8(&payload).is_ok() => (text(payload), "text"),
        _ => (bytes(&payload), "binary"),
    }
}

fn headers(event: &Event) -> Val {
    let mut members = Map::default();
    for header in &event.headers {
        let value = || header.value.as_ref().map_or(Val::Null, bytes);
        members.entry(text(header.name.to_string())).or_insert_with(value);
    }
    Val::obj(members)
}

fn header_pairs(event: &Event) -> Val {
    let pair = |header: &crate::event::Header| {
        let value = header.value.as_ref().map_or(Val::Null, bytes);
        [text(header.name.to_string()), value].into_iter().collect::<Val>()
    };
    event.headers.iter().map(pair).collect()
}

/// Text as it is, anything else as `{"b64": "…"}`.
fn bytes(bytes: &Bytes) -> Val {
    if std::str::from_utf8(bytes).is_ok() {
        return text(bytes.clone());
    }
    let encoded = base64::prelude::BASE64_STANDARD.encode(bytes);
    object([(text("b64"), text(encoded))])
}

fn text(text: impl Into<Bytes>) -> Val {
    Val::utf8_str(text)
}

fn integer<T: Copy + TryInto<isize> + ToString>(number: T) -> Val {
    match number.try_into() {
        Ok(number) => Val::from(number),
        Err(_) => read::parse_single(number.to_string().as_bytes()).unwrap_or_default(),
    }
}

fn object(members: impl IntoIterator<Item = (Val, Val)>) -> Val {
    Val::obj(members.into_iter().collect())
}
