//! The CloudEvent that an event is, taken out of it and written as JSON. It knows no protocol.

use bytes::Bytes;
use serde_json::Value;

use super::{CloudEvent, Form, Malformed};
use crate::event::{Event, Header};

/// The CloudEvent an event of this form is, and the headers that are no part of it.
///
/// # Errors
/// When it says that it is one and is not.
pub fn carried(event: &Event, form: Form) -> Result<(CloudEvent, Vec<&Header>), Malformed> {
    match form {
        Form::Binary(prefix) => CloudEvent::from_headers(event, prefix),
        Form::Structured => {
            let found = CloudEvent::from_json(event.payload.as_deref().unwrap_or_default())?;
            Ok((found, other_headers(event)))
        }
    }
}

/// The headers of an event whose attributes do not stand among them.
#[must_use]
pub fn other_headers(event: &Event) -> Vec<&Header> {
    event.headers.iter().filter(|header| !is_content_type(header)).collect()
}

/// Whether a header says what the payload is.
#[must_use]
pub fn is_content_type(header: &Header) -> bool {
    header.name.eq_ignore_ascii_case("content-type")
}

/// The text of an attribute.
#[must_use]
pub fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl CloudEvent {
    /// The JSON format with the key of the event it was taken from. An event that is structured already keeps its text; only
    /// a key that does not stand in it is added.
    #[must_use]
    pub fn to_json_of(mut self, event: &Event, form: Option<Form>) -> Bytes {
        let known = self.attributes.len();
        self.add_key(event.key.as_ref());
        match (form, &event.payload) {
            (Some(Form::Structured), Some(payload)) => with_members(payload, &self.attributes[known..]),
            _ => self.to_json().into(),
        }
    }

    /// Takes the content type of the data away. Data of an event that was structured is JSON where it does not say what it is.
    pub fn take_content_type(&mut self, form: Option<Form>) -> Option<String> {
        let written = self.take("datacontenttype").as_ref().map(text_of);
        let is_json = form == Some(Form::Structured) && self.data.is_some();
        written.or_else(|| is_json.then(|| "application/json".to_owned()))
    }
}

fn with_members(object: &Bytes, members: &[(String, Value)]) -> Bytes {
    let Some(begin) = memchr::memchr(b'{', object).filter(|_| !members.is_empty()) else {
        return object.clone();
    };
    let mut text = object[..=begin].to_vec();
    for (name, value) in members {
        text.extend_from_slice(format!("\"{name}\":{value},").as_bytes());
    }
    text.extend_from_slice(&object[begin + 1..]);
    text.into()
}
