//! Lines of `kaf consume --output json`: no topic, payloads that are JSON stand as JSON, headers are base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{text_or_json, words};
use crate::event::{BrokerTime, Event, Header, Place, TimeKind, Timestamp};

#[derive(Deserialize)]
struct Message<'a> {
    partition: i32,
    offset: i64,
    timestamp: String,
    #[serde(default)]
    headers: Option<Vec<Pair>>,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pair {
    key: Option<String>,
    value: Option<String>,
}

pub(super) fn decode(text: &[u8]) -> Result<Event, String> {
    let message: Message<'_> = serde_json::from_slice(text).map_err(|error| words(&error))?;
    let time: Timestamp =
        message.timestamp.parse().map_err(|error| format!("`timestamp` is no time: {error}"))?;
    let headers = message.headers.unwrap_or_default().into_iter().map(header).collect::<Result<_, _>>()?;
    Ok(Event {
        channel: String::new(),
        // An empty key and none are written alike.
        key: text_or_json(message.key)?.filter(|key| !key.is_empty()),
        payload: text_or_json(message.payload)?,
        headers,
        received: time,
        broker_time: Some(BrokerTime { time, kind: TimeKind::Create }),
        place: Place { partition: Some(message.partition), offset: u64::try_from(message.offset).ok() },
        attributes: serde_json::Map::new(),
    })
}

fn header(pair: Pair) -> Result<Header, String> {
    let bytes = |text: String| {
        STANDARD.decode(text).map_err(|error| format!("a header is not base64, as kaf writes it: {error}"))
    };
    let name = bytes(pair.key.unwrap_or_default())?;
    let value = pair.value.map(bytes).transpose()?;
    Ok(Header { name: String::from_utf8_lossy(&name).into_owned(), value: value.map(Into::into) })
}
