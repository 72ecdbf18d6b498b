//! The most that one run may send to an environment.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::replay::preflight::Caps;
use crate::replay::{size, time_point};

/// The most that one run may send to an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    /// Events.
    #[serde(default, rename = "max-events")]
    pub max_events: Option<u64>,
    /// Bytes of keys, payloads and headers.
    #[serde(default, rename = "max-bytes", deserialize_with = "bytes")]
    pub max_bytes: Option<u64>,
    /// Time from the first to the last event.
    #[serde(default, rename = "max-duration", deserialize_with = "duration")]
    pub max_duration: Option<Duration>,
}

impl LimitSettings {
    /// The same as caps of a run.
    #[must_use]
    pub fn caps(&self) -> Caps {
        Caps { events: self.max_events, bytes: self.max_bytes, duration: self.max_duration }
    }
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a size such as `100MiB` is expected")]
    enum Written {
        Number(u64),
        Text(String),
    }
    match Written::deserialize(deserializer)? {
        Written::Number(bytes) => Ok(Some(bytes)),
        Written::Text(text) => size::parse_size(&text)
            .map(Some)
            .ok_or_else(|| Error::custom(format!("`{text}` is no size such as `100MiB`"))),
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    time_point::parse_duration(&text).map(Some).map_err(|error| Error::custom(error.message))
}
