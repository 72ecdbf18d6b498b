//! Lines of `kaf consume --output json` and `json-each-row`. The first has no topic, and payloads that are JSON stand in it as
//! JSON; the second has the topic, and payloads as text. Headers have had three forms: base64 pairs, a map, and text pairs.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{text_or_json, words};
use crate::event::{Attributes, BrokerTime, Event, Header, Place, TimeKind, Timestamp};

#[derive(Deserialize)]
struct Message<'a> {
    topic: Option<String>,
    partition: i32,
    offset: i64,
    timestamp: Time,
    headers: Option<Headers>,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

/// RFC 3339, or milliseconds since 1970.
#[derive(Deserialize)]
#[serde(untagged)]
enum Time {
    Text(String),
    Milliseconds(i64),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Headers {
    Map(BTreeMap<String, String>),
    Text(Vec<TextPair>),
    Base64(Vec<Base64Pair>),
}

#[derive(Deserialize)]
struct TextPair {
    key: String,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Base64Pair {
    key: Option<String>,
    value: Option<String>,
}

/// Whether a first line names its topic.
pub(super) fn names_its_topic(text: &str) -> bool {
    text.contains("\"topic\":")
}

/// Without a topic of its own a line needs the channel of all.
pub(super) fn decode(text: &[u8], channel: Option<&str>) -> Result<Event, String> {
    let message: Message<'_> = serde_json::from_slice(text).map_err(|error| words(&error))?;
    let channel = channel.map(str::to_owned).or(message.topic);
    let channel = channel.ok_or("it has no topic; `--channel TOPIC` names it")?;
    let time = match message.timestamp {
        Time::Text(text) => text.parse().map_err(|error| format!("`timestamp` is no time: {error}"))?,
        Time::Milliseconds(time) => Timestamp(time.saturating_mul(1000)),
    };
    Ok(Event {
        channel: channel.into(),
        // An empty key and none are written alike.
        key: text_or_json(message.key)?.filter(|key| !key.is_empty()),
        payload: text_or_json(message.payload)?,
        headers: message.headers.map_or_else(|| Ok(Vec::new()), headers)?,
        received: time,
        broker_time: Some(BrokerTime { time, kind: TimeKind::Create }),
        place: Place { partition: Some(message.partition), offset: u64::try_from(message.offset).ok() },
        attributes: Attributes::default(),
    })
}

fn headers(headers: Headers) -> Result<Vec<Header>, String> {
    let text = |name, value: Option<String>| Header { name, value: value.map(Into::into) };
    match headers {
        Headers::Map(map) => {
            Ok(map.into_iter().map(|(name, value)| text(name.into(), Some(value))).collect())
        }
        Headers::Text(pairs) => Ok(pairs.into_iter().map(|pair| text(pair.key.into(), pair.value)).collect()),
        Headers::Base64(pairs) => pairs.into_iter().map(from_base64).collect(),
    }
}

fn from_base64(pair: Base64Pair) -> Result<Header, String> {
    let bytes = |text: String| {
        STANDARD.decode(text).map_err(|error| format!("a header is not base64, as kaf writes it: {error}"))
    };
    let name = bytes(pair.key.unwrap_or_default())?;
    let value = pair.value.map(bytes).transpose()?;
    Ok(Header { name: String::from_utf8_lossy(&name).into(), value: value.map(Into::into) })
}
