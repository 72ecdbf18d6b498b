//! CloudEvents in structured mode: the payload is a whole event, whose `data` is what the contract often describes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sonic_rs::JsonValueTrait;

use super::encoded::{self, Encoding};
use super::{EventMessage, Language};
use crate::event::{Event, cloud_event};
use crate::schema::{Compiled, PayloadSchema, Violation, bare};
use crate::source_text::Position;

/// Whether the payload of an event is a whole CloudEvents event.
pub(super) fn is_structured(event: &Event) -> bool {
    cloud_event::content_type(event).is_some_and(|kind| kind.starts_with(cloud_event::STRUCTURED_TYPE))
}

impl EventMessage {
    /// Checks a CloudEvents event that stands alone. Positions count from the beginning of the event.
    #[must_use]
    pub fn check_cloud_event(&self, event: &[u8]) -> (Vec<Violation>, Option<String>) {
        match &self.payload {
            Language::Json(schema) => (violations(schema, event, self.is_envelope), None),
            Language::Encoded(schema, encoding) => encoded_data(schema, *encoding, event),
            Language::Any => (Vec::new(), None),
            Language::Unchecked(reason) => (Vec::new(), Some(reason.clone())),
            Language::Text(_) => {
                match sonic_rs::get_from_slice(event, ["data"]).ok().as_ref().and_then(text_of) {
                    Some(text) => self.check_payload(text.as_bytes()),
                    None => (Vec::new(), Some("its `data` is no text".to_owned())),
                }
            }
        }
    }
}

/// The data of an event by a schema of Avro or Protobuf: JSON as it stands, bytes in base64.
fn encoded_data(
    schema: &PayloadSchema,
    encoding: Encoding,
    event: &[u8],
) -> (Vec<Violation>, Option<String>) {
    if let Ok(data) = sonic_rs::get_from_slice(event, ["data"]) {
        let data = data.as_raw_str().as_bytes();
        let from = (data.as_ptr() as usize).saturating_sub(event.as_ptr() as usize);
        return (seen_from_event(schema.check_bytes(data), "/data", place_of(event, from)), None);
    }
    let text = |name: &str| sonic_rs::get_from_slice(event, [name]).ok().as_ref().and_then(text_of);
    let Some(written) = text("data_base64") else {
        return (Vec::new(), Some("the event has no `data`".to_owned()));
    };
    let Ok(bytes) = STANDARD.decode(written) else {
        let mut found = bare("json", "`data_base64` is no base64".to_owned());
        "/data_base64".clone_into(&mut found.instance_pointer);
        return (vec![found], None);
    };
    let stated = text("datacontenttype").as_deref().and_then(Encoding::of).unwrap_or(encoding);
    let found = encoded::violations(schema, stated, &bytes, None);
    (seen_from_event(Err(found), "/data_base64", None), None)
}

fn text_of(value: &sonic_rs::LazyValue<'_>) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// What a structured event does wrong by a schema of the whole of it, or of its `data`.
pub(super) fn violations(schema: &Compiled, event: &[u8], is_envelope: bool) -> Vec<Violation> {
    let whole = || schema.check_bytes(event).err().unwrap_or_default();
    if is_envelope {
        return whole();
    }
    if let Ok(data) = sonic_rs::get_from_slice(event, ["data"]) {
        let data = data.as_raw_str().as_bytes();
        let from = (data.as_ptr() as usize).saturating_sub(event.as_ptr() as usize);
        return seen_from_event(schema.check_bytes(data), "/data", place_of(event, from));
    }
    let encoded = sonic_rs::get_from_slice(event, ["data_base64"]).ok().as_ref().and_then(text_of);
    if let Some(data) = encoded.and_then(|text| STANDARD.decode(text).ok()) {
        return seen_from_event(schema.check_bytes(&data), "/data_base64", None);
    }
    whole()
}

/// The violations of the data, which stands at `place`, as those of the event.
fn seen_from_event(
    data: Result<(), Vec<Violation>>,
    pointer: &str,
    place: Option<Position>,
) -> Vec<Violation> {
    let found = data.err().unwrap_or_default();
    found.into_iter().map(|violation| within(violation, pointer, place)).collect()
}

/// The same violation, seen from the whole event.
fn within(mut violation: Violation, pointer: &str, place: Option<Position>) -> Violation {
    violation.instance_pointer.insert_str(0, pointer);
    violation.position = match (violation.position, place) {
        (Some(inner), Some(outer)) => Some(Position {
            line: outer.line + inner.line - 1,
            column: if inner.line == 1 { outer.column + inner.column - 1 } else { inner.column },
            offset: outer.offset + inner.offset,
        }),
        _ => None,
    };
    violation
}

fn place_of(text: &[u8], at: usize) -> Option<Position> {
    let before = text.get(..at)?;
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |feed| feed + 1);
    let narrow = |number: usize| u32::try_from(number).ok();
    Some(Position {
        line: narrow(memchr::memchr_iter(b'\n', before).count() + 1)?,
        column: narrow(String::from_utf8_lossy(&before[line_start..]).chars().count() + 1)?,
        offset: narrow(at)?,
    })
}
