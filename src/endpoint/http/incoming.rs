//! From a request to events: what came, byte-exact, with what HTTP and the CloudEvents binding say about it.

use axum::http::header::HeaderMap;
use axum::http::request::Parts;
use axum::http::uri::Uri;
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::event::cloud_event::header_value::{decode, unquoted};
use crate::event::cloud_event::{self, CloudEvent, Malformed, STRUCTURED_TYPE, text_of};
use crate::event::{Event, Header, Timestamp, percent};

/// Headers about the connection, the client and its credentials; they are no part of the event.
const ABOUT_THE_REQUEST: [&str; 18] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// What a request holds.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) events: Vec<Event>,
    /// Why it is no CloudEvent although it says so; it is an event all the same.
    pub(super) problem: Option<String>,
}

/// Reads a request; with `as_binary` structured events are made binary ones.
pub(super) fn read(parts: &Parts, remote: &str, body: Bytes, as_binary: bool) -> Received {
    let event = as_it_came(parts, remote, body);
    match interpret(&event, as_binary) {
        Ok(events) => Received { events, problem: None },
        Err(Malformed(problem)) => {
            let mut event = event;
            event.attributes.insert("status".to_owned(), Value::from(400));
            event.attributes.insert("problem".to_owned(), Value::from(problem.as_str()));
            Received { events: vec![event], problem: Some(problem) }
        }
    }
}

fn as_it_came(parts: &Parts, remote: &str, body: Bytes) -> Event {
    Event {
        channel: channel_of(&parts.uri).into(),
        key: None,
        payload: Some(body),
        headers: headers_of(&parts.headers),
        received: Timestamp::of_arrival(),
        broker_time: None,
        place: crate::event::Place::default(),
        attributes: facts(parts, remote).into(),
    }
}

/// The path without its first slash.
fn channel_of(uri: &Uri) -> String {
    percent::decode_text(uri.path().strip_prefix('/').unwrap_or(uri.path()))
}

/// Headers in the order in which their names came; attributes of CloudEvents are decoded.
fn headers_of(headers: &HeaderMap) -> Vec<Header> {
    let kept = headers.iter().filter(|(name, _)| !ABOUT_THE_REQUEST.contains(&name.as_str()));
    let pairs = kept.map(|(name, value)| Header {
        name: name.as_str().into(),
        value: Some(if name.as_str().starts_with("ce-") {
            decode(value.as_bytes())
        } else {
            Bytes::copy_from_slice(value.as_bytes())
        }),
    });
    pairs.collect()
}

fn facts(parts: &Parts, remote: &str) -> Map<String, Value> {
    let mut facts = Map::new();
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            facts.insert(name.to_owned(), Value::from(value));
        }
    };
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    add("method", Some(parts.method.as_str()));
    add("path", Some(parts.uri.path()));
    add("query", parts.uri.query());
    add("remote", Some(remote));
    // HTTP/2 says it in the URI (`:authority`), with the port as HTTP/1.1 does in its header.
    let authority = parts.uri.authority().map(axum::http::uri::Authority::as_str);
    let authority = authority.map(|text| text.rsplit_once('@').map_or(text, |(_, place)| place));
    add("host", header("host").or(authority));
    add("content_type", header("content-type"));
    add("user_agent", header("user-agent"));
    add("idempotency_key", header("idempotency-key").map(unquoted).as_deref());
    facts.insert("status".to_owned(), Value::from(204));
    facts
}

/// The events in a request, if they are as they say.
fn interpret(event: &Event, as_binary: bool) -> Result<Vec<Event>, Malformed> {
    if event.header_text("content-encoding").is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Ok(vec![event.clone()]);
    }
    let body = event.payload.clone().unwrap_or_default();
    let content_type = cloud_event::content_type(event).unwrap_or_default();
    if cloud_event::is_batch_type(content_type) {
        let parts = cloud_event::batch(&body)?;
        let parts = parts.into_iter().enumerate().map(|(at, part)| {
            let element = Event { payload: Some(body.slice_ref(part.as_bytes())), ..event.clone() };
            structured(element, Some(STRUCTURED_TYPE), as_binary)
                .map_err(|Malformed(problem)| Malformed(format!("event {} of the batch: {problem}", at + 1)))
        });
        return parts.collect();
    }
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case(STRUCTURED_TYPE) {
        return Ok(vec![structured(event.clone(), None, as_binary)?]);
    }
    if event.headers.iter().any(|header| header.name == "ce-specversion") {
        return Ok(vec![binary(event)?]);
    }
    Ok(vec![event.clone()])
}

/// A CloudEvent in the payload, which now has the content type `is_now`.
fn structured(mut event: Event, is_now: Option<&str>, as_binary: bool) -> Result<Event, Malformed> {
    let mut found = CloudEvent::from_json(event.payload.as_deref().unwrap_or_default())?;
    if let Some(content_type) = is_now {
        event.attributes.insert("content_type".to_owned(), Value::from(content_type));
    }
    if found.is_wrapped() {
        return Ok(unwrapped(event, found));
    }
    found.tell(&mut event);
    if as_binary {
        set_content_type(&mut event, &found);
        found.take("datacontenttype");
        let marked =
            found.attributes.iter().map(|(name, value)| Header::text(format!("ce-{name}"), text_of(value)));
        event.headers = marked.chain(std::mem::take(&mut event.headers)).collect();
        event.payload = found.data;
    }
    Ok(event)
}

fn binary(event: &Event) -> Result<Event, Malformed> {
    let (found, others) = CloudEvent::from_headers(event, "ce-")?;
    if found.is_wrapped() {
        let headers = others.into_iter().cloned().collect();
        return Ok(unwrapped(Event { headers, ..event.clone() }, found));
    }
    let mut event = event.clone();
    found.tell(&mut event);
    Ok(event)
}

/// What was carried as a CloudEvent and is none.
fn unwrapped(mut event: Event, found: CloudEvent) -> Event {
    found.tell(&mut event);
    set_content_type(&mut event, &found);
    event.payload = found.data;
    event
}

fn set_content_type(event: &mut Event, found: &CloudEvent) {
    match found.text("datacontenttype") {
        Some(content_type) => {
            event.attributes.insert("content_type".to_owned(), Value::from(content_type));
        }
        None => {
            event.attributes.shift_remove("content_type");
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use bytes::Bytes;
    use serde_json::json;

    use super::{Received, read};
    use crate::event::Header;

    fn receive(headers: &[(&str, &str)], body: &'static str, as_binary: bool) -> Received {
        let mut request = Request::post("/hooks/a%20b?x=1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        read(&parts, "127.0.0.1:9", Bytes::from_static(body.as_bytes()), as_binary)
    }

    #[test]
    fn a_plain_request_is_an_event_as_it_came() {
        let headers = [("Host", "h"), ("X-B", "1"), ("Authorization", "s"), ("X-A", "2"), ("x-b", "3")];
        let event = receive(&headers, "not {json", false).events.remove(0);
        assert_eq!(event.channel, "hooks/a b");
        assert_eq!(event.payload.as_deref(), Some(&b"not {json"[..]));
        let names: Vec<&str> = event.headers.iter().map(|header| header.name.as_str()).collect();
        assert_eq!(names, ["x-b", "x-b", "x-a"]);
        assert_eq!(event.attributes["path"], json!("/hooks/a%20b"));
        assert_eq!((&event.attributes["query"], &event.attributes["status"]), (&json!("x=1"), &json!(204)));
    }

    #[test]
    fn the_host_has_its_port_also_where_it_stands_in_the_uri() {
        let host = |uri: &str, header: Option<&str>| {
            let mut request = Request::post(uri);
            if let Some(host) = header {
                request = request.header("host", host);
            }
            let (parts, ()) = request.body(()).expect("a request").into_parts();
            read(&parts, "127.0.0.1:9", Bytes::new(), false).events.remove(0).attributes["host"].clone()
        };
        assert_eq!(host("/x", Some("h:8080")), json!("h:8080"));
        assert_eq!(host("http://h:8080/x", None), json!("h:8080"));
        assert_eq!(host("http://me:s3cret@[::1]:8080/x", None), json!("[::1]:8080"));
        assert_eq!(host("http://h/x", None), json!("h"));
    }

    #[test]
    fn structured_events_are_made_binary_on_request() {
        let body = r#"{"specversion":"1.0","id":"1","type":"t","source":"/s","n":7,"partitionkey":"k","data":{"a":1}}"#;
        let headers = [("content-type", "application/cloudevents+json; charset=utf-8"), ("x", "y")];
        let event = receive(&headers, body, false).events.remove(0);
        assert_eq!(
            (event.payload.as_deref(), event.key.as_deref()),
            (Some(body.as_bytes()), Some(&b"k"[..]))
        );
        let event = receive(&headers, body, true).events.remove(0);
        assert_eq!(event.payload.as_deref(), Some(&b"{\"a\":1}"[..]));
        assert!(
            event.headers.contains(&Header::text("ce-n", "7"))
                && event.headers.contains(&Header::text("x", "y"))
        );
    }

    #[test]
    fn what_is_malformed_is_kept_and_said() {
        let batch = r#"[{"specversion":"1.0","id":"1","type":"t","source":"/s"},{"id":"2"}]"#;
        let cases = [
            (("content-type", "application/cloudevents+json"), "{", "no CloudEvent in JSON"),
            (("content-type", "application/cloudevents-batch+json"), batch, "event 2 of the batch"),
            (("ce-specversion", "1.0"), "x", "`id` is missing"),
        ];
        for (header, body, words) in cases {
            let received = receive(&[header], body, false);
            assert!(received.problem.as_ref().is_some_and(|problem| problem.contains(words)), "{received:?}");
            assert_eq!(received.events[0].payload.as_deref(), Some(body.as_bytes()));
            assert_eq!(received.events[0].attributes["status"], json!(400));
        }
    }
}
