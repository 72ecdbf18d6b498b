//! CloudEvents 1.0: the event a message carries in its headers or in its payload, and its JSON form. It knows no protocol
//! but by how attributes are marked.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use super::{Event, Header, Timestamp};

mod carried;
pub mod header_value;
mod wrapped;

pub use carried::{carried, is_content_type, other_headers, text_of};
pub use wrapped::identity;

/// The attributes every CloudEvent has.
pub const REQUIRED: [&str; 4] = ["id", "source", "specversion", "type"];
/// Attributes that one event may have, each of which is compared with the others.
const MOST_ATTRIBUTES: usize = 1000;

/// How the protocol bindings mark attributes among headers: Kafka, HTTP and NATS, AMQP twice; MQTT 5 does not.
pub const PREFIXES: [&str; 4] = ["ce_", "ce-", "cloudEvents:", "cloudEvents_"];

/// The content type of an event with attributes and data in one JSON object.
pub const STRUCTURED_TYPE: &str = "application/cloudevents+json";
/// The content type of a JSON list of such objects.
pub const BATCH_TYPE: &str = "application/cloudevents-batch+json";

/// Why something that should be a CloudEvent is none, as a fragment.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Malformed(pub String);

/// A CloudEvent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CloudEvent {
    /// Attributes in order of writing: text, a boolean or a whole number.
    pub attributes: Vec<(String, Value)>,
    /// The data as bytes; `None` is no data.
    pub data: Option<Bytes>,
}

/// How an event says that it is a CloudEvent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Attributes are headers whose names begin with this, data is the payload.
    Binary(&'static str),
    /// The payload is the whole of it.
    Structured,
}

/// The name of an attribute; names of headers differ in capitals at will over HTTP.
#[must_use]
pub fn without_prefix<'n>(name: &'n str, prefix: &str) -> Option<&'n str> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    let is_same = if prefix == "ce-" { start.eq_ignore_ascii_case(prefix) } else { start == prefix };
    is_same.then_some(rest)
}

/// Whether the content type says that the payload holds the attributes.
#[must_use]
pub fn is_structured_type(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|written| starts_with(written.trim_start(), "application/cloudevents"))
}

/// Whether the content type says that the payload is one whole event as JSON.
#[must_use]
pub fn is_json_event_type(content_type: &str) -> bool {
    media_type(content_type).eq_ignore_ascii_case(STRUCTURED_TYPE)
}

/// Whether the content type says that the payload is a JSON list of events.
#[must_use]
pub fn is_batch_type(content_type: &str) -> bool {
    media_type(content_type).eq_ignore_ascii_case(BATCH_TYPE)
}

/// The content type of an event: its header, or the fact of its protocol.
#[must_use]
pub fn content_type(event: &Event) -> Option<&str> {
    let attribute = event.attributes.get("content_type").and_then(Value::as_str);
    event.header_text("content-type").or(attribute)
}

/// Whether data of this content type is JSON; without one it is.
#[must_use]
pub fn is_json_type(content_type: Option<&str>) -> bool {
    let Some(written) = content_type else {
        return true;
    };
    let media_type = media_type(written).to_ascii_lowercase();
    media_type.ends_with("/json") || media_type.ends_with("+json")
}

fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}

/// How an event is a CloudEvent, if it is one.
#[must_use]
pub fn form(event: &Event) -> Option<Form> {
    let content_type = content_type(event);
    if content_type.is_some_and(|found| media_type(found).eq_ignore_ascii_case(STRUCTURED_TYPE)) {
        return Some(Form::Structured);
    }
    let has = |prefix: &str, attribute: &str| {
        let names = event.headers.iter().filter_map(|header| without_prefix(&header.name, prefix));
        names.into_iter().any(|name| name.eq_ignore_ascii_case(attribute))
    };
    let marked = PREFIXES.into_iter().find(|prefix| has(prefix, "specversion"));
    if let Some(prefix) = marked.or_else(|| REQUIRED.iter().all(|name| has("", name)).then_some("")) {
        return Some(Form::Binary(prefix));
    }
    let payload = event.payload.as_deref().filter(|_| content_type.is_none())?;
    let speaks = memchr::memmem::find(payload, b"\"specversion\"").is_some();
    (speaks && CloudEvent::from_json(payload).is_ok()).then_some(Form::Structured)
}

/// Whether attributes marked by `ce-` were decoded when they were received, as only those are that came in requests.
#[must_use]
pub fn is_decoded(event: &Event) -> bool {
    event.attributes.contains_key("method")
}

impl CloudEvent {
    /// Takes attributes from the headers that begin with `prefix`; the other headers are returned beside it.
    ///
    /// # Errors
    /// When an attribute that must be there is missing, or one is not as it must be.
    pub fn from_headers<'e>(event: &'e Event, prefix: &str) -> Result<(Self, Vec<&'e Header>), Malformed> {
        let mut attributes: Vec<(String, Value)> = Vec::new();
        let mut others = Vec::new();
        let is_encoded = prefix == "ce-" && !is_decoded(event);
        for header in &event.headers {
            let name = without_prefix(&header.name, prefix).map(str::to_ascii_lowercase);
            let attribute = name.filter(|name| !prefix.is_empty() || is_well_known(name));
            let Some(name) = attribute else {
                if !header.name.eq_ignore_ascii_case("content-type") {
                    others.push(header);
                }
                continue;
            };
            let Some(value) = header.value.as_deref() else {
                continue;
            };
            let decoded = is_encoded.then(|| header_value::decode(value));
            let text = std::str::from_utf8(decoded.as_deref().unwrap_or(value))
                .map_err(|_| Malformed(format!("its attribute `{name}` is not text")))?;
            if attributes.iter().any(|(known, _)| *known == name) {
                return Err(Malformed(format!("it has two attributes `{name}`")));
            }
            if attributes.len() == MOST_ATTRIBUTES {
                return Err(too_many());
            }
            attributes.push((name, Value::from(text)));
        }
        let declared = attributes.iter().any(|(name, _)| name == "datacontenttype");
        if let Some(content_type) = content_type(event).filter(|_| !declared) {
            attributes.push(("datacontenttype".to_owned(), Value::from(content_type)));
        }
        let found = Self { attributes, data: event.payload.clone() };
        found.check()?;
        Ok((found, others))
    }

    /// Reads the JSON format of one event.
    ///
    /// # Errors
    /// When it is no JSON object, an attribute that must be there is missing, or one is not as it must be.
    pub fn from_json(text: &[u8]) -> Result<Self, Malformed> {
        let (mut attributes, mut data, mut encoded) = (Vec::new(), None, None);
        for (name, raw) in members(text)? {
            match name.as_str() {
                "data" => data = Some(raw),
                "data_base64" => encoded = Some(raw),
                _ => attributes.extend(attribute(name, raw)?),
            }
        }
        let mut found = Self { attributes, data: None };
        found.check()?;
        found.data = match (data, encoded) {
            (Some(_), Some(_)) => {
                return Err(Malformed("it has both `data` and `data_base64`".to_owned()));
            }
            (None, Some(raw)) => {
                let text: Option<String> = serde_json::from_str(raw.get()).ok();
                let bytes = text.and_then(|text| STANDARD.decode(text).ok());
                Some(bytes.ok_or_else(|| Malformed("its `data_base64` is not base64".to_owned()))?.into())
            }
            (Some(raw), None) if raw.get() != "null" => Some(found.plain_data(raw)),
            _ => None,
        };
        Ok(found)
    }

    /// JSON data is its text as written; other data is the content of the string.
    fn plain_data(&self, raw: &RawValue) -> Bytes {
        let string = || serde_json::from_str::<String>(raw.get()).ok();
        let text = if is_json_type(self.text("datacontenttype")) { None } else { string() };
        text.map_or_else(|| Bytes::copy_from_slice(raw.get().as_bytes()), Bytes::from)
    }

    /// The text of an attribute.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name)?.1.as_str()
    }

    /// Takes an attribute away.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.attributes.iter().position(|(known, _)| known == name)?;
        Some(self.attributes.remove(at).1)
    }

    /// The time it says it happened.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        self.text("time")?.parse().ok()
    }

    fn check(&self) -> Result<(), Malformed> {
        for name in REQUIRED {
            match self.attributes.iter().find(|(known, _)| known == name) {
                None => return Err(Malformed(format!("its attribute `{name}` is missing"))),
                Some((_, Value::String(text))) if !text.is_empty() => {}
                Some(_) => return Err(Malformed(format!("its attribute `{name}` is no text or empty"))),
            }
        }
        let version = self.text("specversion").unwrap_or_default();
        if version != "1.0" {
            return Err(Malformed(format!("its `specversion` is `{version}`, not `1.0`")));
        }
        let well_named = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'))
        };
        if let Some((name, _)) = self.attributes.iter().find(|(name, _)| !well_named(name)) {
            return Err(Malformed(format!(
                "its attribute `{name}` has a name that is not made of a to z and 0 to 9"
            )));
        }
        match self.text("time") {
            Some(time) if time.parse::<Timestamp>().is_err() => {
                Err(Malformed(format!("its `time` `{time}` is not as RFC 3339 writes times")))
            }
            _ => Ok(()),
        }
    }

    /// The JSON format.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = vec![b'{'];
        for (name, value) in &self.attributes {
            write_member(&mut out, name, value.to_string().as_bytes());
        }
        if let Some(data) = &self.data {
            let text = std::str::from_utf8(data).ok();
            let content = if is_json_type(self.text("datacontenttype")) {
                text.filter(|text| is_bare_json(text)).map(str::to_owned)
            } else {
                text.map(|text| Value::from(text).to_string())
            };
            match content {
                Some(content) => write_member(&mut out, "data", content.as_bytes()),
                None => {
                    write_member(
                        &mut out,
                        "data_base64",
                        format!("\"{}\"", STANDARD.encode(data)).as_bytes(),
                    );
                }
            }
        }
        out.push(b'}');
        out
    }
}

/// One JSON value without blanks around it, and not the `null` that means that there is no data.
fn is_bare_json(text: &str) -> bool {
    let has_blanks = text.starts_with([' ', '\t', '\r', '\n']) || text.ends_with([' ', '\t', '\r', '\n']);
    !has_blanks && text != "null" && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn write_member(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    if out.len() > 1 {
        out.push(b',');
    }
    // Names are checked, or ours: nothing in them needs escaping.
    out.extend_from_slice(format!("\"{name}\":").as_bytes());
    out.extend_from_slice(value);
}

/// Bare names, in lower case, are taken for attributes only where the specification defines them.
#[must_use]
pub fn is_well_known(name: &str) -> bool {
    const OPTIONAL: [&str; 4] = ["datacontenttype", "dataschema", "subject", "time"];
    const EXTENSIONS: [&str; 3] = ["eddykey", "partitionkey", "traceparent"];
    REQUIRED.contains(&name) || OPTIONAL.contains(&name) || EXTENSIONS.contains(&name)
}

/// An attribute of the JSON format; `null` is none.
fn attribute(name: String, raw: &RawValue) -> Result<Option<(String, Value)>, Malformed> {
    let value: Value = serde_json::from_str(raw.get()).map_err(|error| Malformed(error.to_string()))?;
    match &value {
        Value::Null => Ok(None),
        Value::String(_) | Value::Bool(_) => Ok(Some((name, value))),
        Value::Number(number) if number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) => {
            Ok(Some((name, value)))
        }
        _ => Err(Malformed(format!(
            "its attribute `{name}` is neither text nor a boolean nor a whole number of 32 bits"
        ))),
    }
}

fn too_many() -> Malformed {
    Malformed(format!("it has more than {MOST_ATTRIBUTES} attributes"))
}

fn members(text: &[u8]) -> Result<Vec<(String, &RawValue)>, Malformed> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members: Self::Value = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                if members.iter().any(|(known, _)| *known == name) {
                    return Err(serde::de::Error::custom(format!("`{name}` is there twice")));
                }
                if members.len() == MOST_ATTRIBUTES {
                    return Err(serde::de::Error::custom(too_many()));
                }
                members.push((name, value));
            }
            Ok(members)
        }
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = reader.deserialize_map(Members).and_then(|members| reader.end().map(|()| members));
    read.map_err(|error| Malformed(format!("it is no CloudEvent in JSON: {error}")))
}

/// The JSON text of each event of a batch.
///
/// # Errors
/// When it is no JSON list.
pub fn batch(text: &[u8]) -> Result<Vec<&str>, Malformed> {
    let parts: Vec<&RawValue> = serde_json::from_slice(text)
        .map_err(|error| Malformed(format!("it is no batch of CloudEvents in JSON: {error}")))?;
    Ok(parts.into_iter().map(RawValue::get).collect())
}

#[cfg(test)]
#[path = "cloud_event/tests.rs"]
mod tests;
