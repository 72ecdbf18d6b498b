//! Payloads described by Avro or Protobuf: in binary or as JSON, plain or behind the schema id of a registry.

use crate::event::{Event, cloud_event};
use crate::schema::{PayloadSchema, Violation};

/// How payloads of such a message are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// In the binary encoding of the language.
    Binary,
    /// In its JSON encoding.
    Json,
    /// Nobody says: as JSON when a payload is JSON, else in binary.
    Either,
}

/// Words in media types that mean a binary encoding.
const BINARY: [&str; 5] = ["avro", "protobuf", "octet-stream", "x-protobuffer", "binary"];

impl Encoding {
    /// The encoding a media type means; none for one that has nothing to do with these languages.
    pub(super) fn of(content_type: &str) -> Option<Self> {
        let content_type = content_type.to_ascii_lowercase();
        if content_type.contains("json") {
            return Some(Self::Json);
        }
        BINARY.iter().any(|word| content_type.contains(word)).then_some(Self::Binary)
    }
}

/// The encoding an event states itself.
pub(super) fn stated(event: &Event) -> Option<Encoding> {
    cloud_event::content_type(event).and_then(Encoding::of)
}

/// What a payload does wrong; `frame` is the length of a registry's frame in front of it that is known to be one.
///
/// Registries frame binary payloads and JSON alike. A payload in binary that fits as it is was not framed, whatever its
/// first byte; one that fits only behind a frame was.
pub(super) fn violations(
    schema: &PayloadSchema,
    encoding: Encoding,
    payload: &[u8],
    frame: Option<usize>,
) -> Vec<Violation> {
    let start = frame.unwrap_or(0);
    let value = payload.get(start..).unwrap_or_default();
    let is_json = is_json(value);
    if encoding == Encoding::Json && (is_json || frame.is_none()) || encoding == Encoding::Either && is_json {
        return schema.check_bytes(value).err().unwrap_or_default();
    }
    let Err(mut found) = schema.check_binary(payload, start) else {
        return Vec::new();
    };
    if frame.is_none()
        && let Some(start) = super::wire::frame_of(payload, schema)
        && schema.check_binary(payload, start).is_ok()
    {
        return Vec::new();
    }
    if is_json && let Some(first) = found.first_mut() {
        first.help = Some("the payload is JSON, and its content type says it is binary".to_owned());
    }
    found
}

/// Whether a payload is a JSON object, array or text as a whole.
fn is_json(payload: &[u8]) -> bool {
    let begins = payload.trim_ascii_start().first().is_some_and(|byte| matches!(byte, b'{' | b'[' | b'"'));
    begins && serde_json::from_slice::<serde::de::IgnoredAny>(payload).is_ok()
}
