//! Objects of `rpk topic consume`: keys, payloads and headers as text, times in milliseconds.

use serde::Deserialize;

use super::words;
use crate::event::{Attributes, BrokerTime, Event, Header, Place, TimeKind, Timestamp};

#[derive(Deserialize)]
struct Record {
    topic: String,
    /// Left out when it is empty, which cannot be told from none.
    key: Option<String>,
    value: Option<String>,
    /// Stands in for the payload where only metadata was asked for.
    value_size: Option<u64>,
    #[serde(default)]
    headers: Vec<Pair>,
    timestamp: i64,
    partition: i32,
    offset: i64,
}

#[derive(Deserialize)]
struct Pair {
    key: String,
    #[serde(default)]
    value: String,
}

pub(super) fn decode(text: &[u8]) -> Result<Event, String> {
    let record: Record = serde_json::from_slice(text).map_err(|error| words(&error))?;
    if record.value.is_none() && record.value_size.is_some() {
        return Err("it has no payload, only its size: `rpk` was run with `--meta-only`".to_owned());
    }
    let time = Timestamp(record.timestamp.saturating_mul(1000));
    Ok(Event {
        channel: record.topic.into(),
        key: record.key.filter(|key| !key.is_empty()).map(Into::into),
        payload: record.value.map(Into::into),
        headers: record.headers.into_iter().map(|pair| Header::text(pair.key, pair.value)).collect(),
        received: time,
        broker_time: Some(BrokerTime { time, kind: TimeKind::Create }),
        place: Place { partition: Some(record.partition), offset: u64::try_from(record.offset).ok() },
        attributes: Attributes::default(),
    })
}
