//! From an event to a request: headers and body in each mode of the CloudEvents binding, and without it.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::http::Method;
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use serde_json::Value;

use super::failure;
use super::settings::Mode;
use crate::endpoint::{EndpointError, EndpointErrorKind};
use crate::event::carriage::HEADERS_OF_TRANSFER;
use crate::event::cloud_event::header_value::encode;
use crate::event::cloud_event::{
    self, BATCH_TYPE, CloudEvent, Form, STRUCTURED_TYPE, is_content_type, other_headers, text_of,
};
use crate::event::{Event, Header, percent};

/// How attributes are marked among the headers of a request.
const PREFIX: &str = "ce-";
/// Lets a receiver recognise a request that comes again.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What a request consists of beside its address.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// `POST`, unless the event is sent as the request that it was recorded as.
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Outgoing {
    /// What remains of a request that was made, for the case that it fails.
    pub(super) fn mark(&self) -> Mark {
        Mark { key: self.headers.get(&IDEMPOTENCY_KEY).cloned(), body: self.body.clone() }
    }
}

/// What a request is recognised by when it is sent again.
#[derive(Debug)]
pub(super) struct Mark {
    key: Option<HeaderValue>,
    body: Bytes,
}

impl Mark {
    /// The same for the same request sent again.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.key.as_ref().map(HeaderValue::as_bytes).hash(&mut hasher);
        self.body.hash(&mut hasher);
        hasher.finish()
    }
}

/// One event of a batch.
#[derive(Debug)]
pub(super) struct Element {
    id: String,
    pub(super) json: Bytes,
}

/// The request for one event; without a mode it is binary, unless the event is structured already.
///
/// # Errors
/// When HTTP cannot carry the event, or it says that it is a CloudEvent and is none.
pub(super) fn single(event: &Event, mode: Option<Mode>) -> Result<Outgoing, EndpointError> {
    if mode == Some(Mode::Plain) {
        return plain(event);
    }
    let form = cloud_event::form(event);
    match (mode, form) {
        (None, Some(Form::Structured)) | (Some(Mode::Structured | Mode::Batch), _) => structured(event, form),
        _ => binary(event, form),
    }
}

/// An event as one of a batch; headers that are no attributes are left out.
///
/// # Errors
/// When it says that it is a CloudEvent and is none.
pub(super) fn element(event: &Event) -> Result<Element, EndpointError> {
    let (json, id, _) = json(event, cloud_event::form(event))?;
    Ok(Element { id, json })
}

/// The request for a batch.
pub(super) fn batch(elements: &[Element]) -> Outgoing {
    let mut body = vec![b'['];
    let mut ids = Vec::new();
    for element in elements {
        if body.len() > 1 {
            body.push(b',');
        }
        body.extend_from_slice(&element.json);
        ids.extend_from_slice(&(element.id.len() as u64).to_le_bytes());
        ids.extend_from_slice(element.id.as_bytes());
    }
    body.push(b']');
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(BATCH_TYPE));
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &ids).to_string();
    headers.extend(quoted(&id).map(|value| (IDEMPOTENCY_KEY, value)));
    Outgoing { method: Method::POST, headers, body: body.into() }
}

fn plain(event: &Event) -> Result<Outgoing, EndpointError> {
    let mut headers = HeaderMap::new();
    if let Some(written) = cloud_event::content_type(event) {
        headers.insert(CONTENT_TYPE, content_type(written)?);
    }
    let others = event.headers.iter().filter(|header| !is_content_type(header));
    add_others(&mut headers, others, false)?;
    add_idempotency_key(&mut headers, event, &cloud_event::identity(event));
    Ok(Outgoing { method: method(event)?, headers, body: event.payload.clone().unwrap_or_default() })
}

/// How the event was requested, where that was recorded.
fn method(event: &Event) -> Result<Method, EndpointError> {
    let Some(text) = event.attributes.get("method").and_then(Value::as_str) else {
        return Ok(Method::POST);
    };
    let method = Method::from_bytes(text.as_bytes()).ok();
    method.filter(|method| ![Method::CONNECT, Method::TRACE].contains(method)).ok_or_else(|| {
        let message = format!("a request with the method `{text}` carries no event");
        EndpointError::new(EndpointErrorKind::Rejected, message)
            .help("leave such events out with `--filter`, or have `--map '.attributes.method = \"POST\"'` post them")
    })
}

fn binary(event: &Event, form: Option<Form>) -> Result<Outgoing, EndpointError> {
    let (mut found, others) = cloud_event(event, form)?;
    found.add_key(event.key.as_ref());
    let mut headers = HeaderMap::with_capacity(found.attributes.len() + others.len() + 2);
    if let Some(written) = found.take_content_type(form) {
        headers.insert(CONTENT_TYPE, content_type(&written)?);
    }
    for (name, value) in &found.attributes {
        let value = match value.as_str() {
            Some(text) => encode(text),
            None => text_of(value),
        };
        // Names are checked and values are encoded, so that both can be written.
        let value = HeaderValue::try_from(value).ok();
        headers.extend(attribute_header(name).zip(value));
    }
    add_others(&mut headers, others.into_iter(), true)?;
    add_idempotency_key(&mut headers, event, found.text("id").unwrap_or_default());
    Ok(Outgoing { method: Method::POST, headers, body: found.data.unwrap_or_default() })
}

/// The header of an attribute; those that most events have are known beforehand.
fn attribute_header(name: &str) -> Option<HeaderName> {
    Some(match name {
        "id" => HeaderName::from_static("ce-id"),
        "source" => HeaderName::from_static("ce-source"),
        "specversion" => HeaderName::from_static("ce-specversion"),
        "time" => HeaderName::from_static("ce-time"),
        "type" => HeaderName::from_static("ce-type"),
        _ => return HeaderName::from_bytes(format!("{PREFIX}{name}").as_bytes()).ok(),
    })
}

fn structured(event: &Event, form: Option<Form>) -> Result<Outgoing, EndpointError> {
    let (body, id, others) = json(event, form)?;
    let mut headers = HeaderMap::new();
    let as_written = cloud_event::content_type(event).filter(|_| form == Some(Form::Structured));
    headers.insert(CONTENT_TYPE, content_type(as_written.unwrap_or(STRUCTURED_TYPE))?);
    add_others(&mut headers, others.into_iter(), true)?;
    add_idempotency_key(&mut headers, event, &id);
    Ok(Outgoing { method: Method::POST, headers, body })
}

/// The JSON format of an event, its id, and the headers that are no attributes.
fn json(event: &Event, form: Option<Form>) -> Result<(Bytes, String, Vec<&Header>), EndpointError> {
    let (found, others) = cloud_event(event, form)?;
    let id = found.text("id").unwrap_or_default().to_owned();
    Ok((found.to_json_of(event, form), id, others))
}

/// The CloudEvent an event is, or is carried as, and its other headers.
fn cloud_event(event: &Event, form: Option<Form>) -> Result<(CloudEvent, Vec<&Header>), EndpointError> {
    match form {
        Some(form) => cloud_event::carried(event, form).map_err(|error| failure::no_cloud_event(&error)),
        None => Ok((CloudEvent::wrap(event), other_headers(event))),
    }
}

fn content_type(written: &str) -> Result<HeaderValue, EndpointError> {
    HeaderValue::from_bytes(written.as_bytes())
        .map_err(|_| failure::unwritable("the content type of the event cannot be written into a header"))
}

/// Adds the headers that are no attributes; null values are left out.
fn add_others<'e>(
    headers: &mut HeaderMap,
    others: impl Iterator<Item = &'e Header>,
    is_cloud_event: bool,
) -> Result<(), EndpointError> {
    for header in others {
        let refused = |what: &str| failure::unwritable(&format!("header `{}` {what}", header.name));
        let Some(value) = &header.value else {
            continue;
        };
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| {
            refused("has a name HTTP cannot write: ASCII letters, digits and a few signs are allowed")
        })?;
        if HEADERS_OF_TRANSFER.contains(&name.as_str()) {
            return Err(refused("belongs to HTTP itself, so that an event cannot carry it"));
        }
        if is_cloud_event && name.as_str().starts_with(PREFIX) {
            return Err(refused("would be taken for an attribute of a CloudEvent")
                .help("`#mode=plain` sends it as it is"));
        }
        let text = std::str::from_utf8(value).map_err(|_| refused("is not text"))?;
        let value = HeaderValue::from_bytes(value).map_err(|_| {
            refused("has a line break or another control character, which HTTP headers cannot carry")
        })?;
        if text.trim_matches([' ', '\t']).len() != text.len() {
            return Err(refused("begins or ends with a blank, which HTTP headers cannot carry"));
        }
        headers.append(name, value);
    }
    Ok(())
}

fn add_idempotency_key(headers: &mut HeaderMap, event: &Event, id: &str) {
    let recorded = event.attributes.get("idempotency_key").and_then(Value::as_str);
    if !headers.contains_key(&IDEMPOTENCY_KEY) {
        headers.extend(quoted(recorded.unwrap_or(id)).map(|value| (IDEMPOTENCY_KEY, value)));
    }
}

/// A string of structured fields, RFC 8941 section 3.3.3, which knows printable ASCII only.
fn quoted(text: &str) -> Option<HeaderValue> {
    if text.bytes().all(|byte| matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\') {
        return HeaderValue::try_from(format!("\"{text}\"")).ok();
    }
    let printable = percent::encode(text, |byte| matches!(byte, 0x20..=0x7e));
    let escaped = printable.replace('\\', "\\\\").replace('"', "\\\"");
    HeaderValue::from_str(&format!("\"{escaped}\"")).ok()
}

#[cfg(test)]
mod tests {
    use super::{Mode, single};
    use crate::event::{Event, Header};

    fn cloud_event(prefix: &str) -> Event {
        let mut event = Event::new("c", "{}");
        for (name, value) in [("specversion", "1.0"), ("id", "1"), ("source", "/s"), ("type", "t")] {
            event.headers.push(Header::text(format!("{prefix}{name}"), value));
        }
        event
    }

    #[test]
    fn a_plain_request_is_made_as_it_was_recorded() {
        let mut event = Event::new("c", "{}");
        let made = |event: &Event, mode| single(event, mode).map(|made| made.method.to_string());
        assert_eq!(made(&event, Some(Mode::Plain)).ok().as_deref(), Some("POST"));
        event.attributes.insert("method".to_owned(), "PUT".into());
        assert_eq!(made(&event, Some(Mode::Plain)).ok().as_deref(), Some("PUT"));
        assert_eq!(made(&event, None).ok().as_deref(), Some("POST"), "a CloudEvent is posted");
        for method in ["CONNECT", "TRACE", "a b", ""] {
            event.attributes.insert("method".to_owned(), method.into());
            let error = made(&event, Some(Mode::Plain)).expect_err(method);
            assert!(error.message.contains("carries no event"), "{error}");
        }
    }

    #[test]
    fn attributes_are_percent_encoded() {
        let mut event = cloud_event("ce_");
        event.headers.push(Header::text("ce_subject", "Euro € \"50%\""));
        event.headers.push(Header::text("content-type", "application/json"));
        let made = single(&event, None).expect("written");
        assert_eq!(made.headers["ce-subject"], "Euro%20%E2%82%AC%20%2250%25%22");
        assert_eq!(made.headers["content-type"], "application/json");
        assert_eq!(made.headers["idempotency-key"], "\"1\"");
        assert!(!made.headers.contains_key("ce-datacontenttype") && !made.headers.contains_key("ce_id"));
    }

    #[test]
    fn a_structured_event_keeps_its_text() {
        let text = r#" { "specversion":"1.0", "id":"1","type":"t","source":"/s", "data": {"a" : 1} }"#;
        let mut event = Event::new("c", text);
        assert_eq!(single(&event, None).expect("written").body, text);
        event.key = Some("k".into());
        let keyed = single(&event, Some(Mode::Structured)).expect("written").body;
        assert_eq!(keyed, text.replace(" { ", " {\"partitionkey\":\"k\", "));
        let made = single(&event, Some(Mode::Binary)).expect("written");
        assert_eq!(made.headers["content-type"], "application/json");
        assert_eq!(&made.body[..], b"{\"a\" : 1}");
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let refusals = [
            ("ümlaut", "x", "has a name"),
            ("Host", "x", "belongs to HTTP"),
            ("a", "x\ny", "line break"),
            ("a", " x", "begins or ends with a blank"),
            ("ce-x", "x", "taken for an attribute"),
        ];
        for (name, value, words) in refusals {
            let mut event = Event::new("c", "");
            event.headers.push(Header::text(name, value));
            let error = single(&event, None).expect_err(name);
            assert!(error.message.contains(words), "{error:?}");
        }
        let mut broken = cloud_event("ce-");
        broken.headers.remove(1);
        let error = single(&broken, None).expect_err("no id");
        assert!(error.message.contains("`id` is missing") && error.help.is_some(), "{error:?}");
        assert!(single(&broken, Some(Mode::Plain)).is_ok());
    }
}
