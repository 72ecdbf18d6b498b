//! CloudEvents read, written, recognised and wrapped.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{CloudEvent, Form, batch, form};
use crate::event::{BrokerTime, Event, Header, TimeKind, Timestamp};

const MINIMAL: &[u8] = br#"{"specversion":"1.0","id":"1","type":"t","source":"/s"}"#;

fn read(text: &str) -> Result<CloudEvent, String> {
    CloudEvent::from_json(text.as_bytes()).map_err(|error| error.to_string())
}

fn with(more: &str) -> Result<CloudEvent, String> {
    read(&format!(r#"{{"specversion":"1.0","id":"1","type":"t","source":"/s",{more}}}"#))
}

#[test]
fn data_is_read_by_its_content_type() {
    let data = |more: &str| with(more).expect("well formed").data;
    let bytes = |text: &'static [u8]| Some(Bytes::from_static(text));
    assert_eq!(data(r#""data": { "a" :1}"#), bytes(br#"{ "a" :1}"#));
    assert_eq!(data(r#""data":"x""#), bytes(b"\"x\""));
    assert_eq!(data(r#""datacontenttype":"text/plain","data":"\u00fc""#), bytes("ü".as_bytes()));
    assert_eq!(data(r#""data_base64":"AP8=""#), bytes(b"\x00\xff"));
    assert_eq!(data(r#""data_base64":"""#), bytes(b""));
    assert_eq!(data(r#""data":null"#), None);
    assert_eq!(data(r#""subject":null"#), None);
}

#[test]
fn what_is_malformed_is_said() {
    for (text, words) in [
        ("[]", "a JSON object"),
        (r#"{"specversion":"1.0","type":"t","source":"/s"}"#, "`id` is missing"),
        (r#"{"specversion":"1.0","id":"","type":"t","source":"/s"}"#, "`id` is no text or empty"),
        (r#"{"specversion":"0.3","id":"1","type":"t","source":"/s"}"#, "`0.3`"),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.contains(words), "{error}");
    }
    for (more, words) in [
        (r#""aB":"x""#, "`aB` has a name"),
        (r#""long":4247483647"#, "`long` is neither"),
        (r#""decimal":1.5"#, "`decimal` is neither"),
        (r#""time":"yesterday""#, "`yesterday`"),
        (r#""data":1,"data_base64":"""#, "both"),
        (r#""data_base64":"?""#, "not base64"),
        (r#""id":"2""#, "`id` is there twice"),
    ] {
        let error = with(more).expect_err(more);
        assert!(error.contains(words), "{error}");
    }
    assert!(batch(b"{}").is_err());
}

#[test]
fn the_json_format_gives_every_byte_back() {
    let types = [None, Some("application/json"), Some("text/plain"), Some("application/octet-stream")];
    let payloads: [&[u8]; 8] =
        [b"", b" {} ", b"{\"a\" : 1}", b"null", b"\"x\"", b"x", b"\x00\xff", "ü\n".as_bytes()];
    for (content_type, payload) in types.iter().flat_map(|each| payloads.map(|payload| (*each, payload))) {
        let mut event = CloudEvent::from_json(MINIMAL).expect("well formed");
        if let Some(content_type) = content_type {
            event.attributes.push(("datacontenttype".to_owned(), Value::from(content_type)));
        }
        event.data = Some(Bytes::from_static(payload));
        let text = event.to_json();
        assert_eq!(CloudEvent::from_json(&text), Ok(event), "{}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn every_binding_is_recognised() {
    for prefix in ["ce_", "ce-", "CE-", "cloudEvents:", "cloudEvents_", ""] {
        let mut event = Event::new("c", "x");
        for (name, value) in
            [("specversion", "1.0"), ("id", "1"), ("source", "/s"), ("type", "t"), ("other", "o")]
        {
            event.headers.push(Header::text(format!("{prefix}{name}"), value));
        }
        let Some(Form::Binary(found)) = form(&event) else { panic!("{prefix}") };
        let (cloud_event, others) = CloudEvent::from_headers(&event, found).expect("well formed");
        assert_eq!(cloud_event.text("id"), Some("1"));
        assert_eq!(others.len(), usize::from(prefix.is_empty()), "a bare name may be any header");
    }
    assert_eq!(form(&Event::new("c", MINIMAL)), Some(Form::Structured));
    assert_eq!(form(&Event::new("c", "{\"specversion\":1}")), None);
    let mut typed = Event::new("c", MINIMAL);
    typed.attributes.insert("content_type".to_owned(), json!("application/cloudevents+json; charset=utf-8"));
    assert_eq!(form(&typed), Some(Form::Structured));
    typed.attributes.insert("content_type".to_owned(), json!("text/plain"));
    assert_eq!(form(&typed), None);
}

#[test]
fn a_wrapped_event_has_the_same_identity_every_time() {
    let mut event = Event::new("shop/orders ü", "{}");
    event.received = Timestamp(1);
    event.broker_time = Some(BrokerTime { time: Timestamp(1_700_000_000_123_456), kind: TimeKind::Create });
    event.key = Some(Bytes::from_static(b"\xff"));
    let wrapped = CloudEvent::wrap(&event);
    assert_eq!(wrapped, CloudEvent::wrap(&event));
    assert!(wrapped.is_wrapped());
    assert_eq!(wrapped.text("source"), Some("/shop/orders%20%C3%BC"));
    assert_eq!(wrapped.text("type"), Some("shop/orders ü"));
    assert_eq!(wrapped.text("time"), Some("2023-11-14T22:13:20.123456Z"));
    assert_eq!(wrapped.key(), event.key);
    let mut back = Event::default();
    wrapped.tell(&mut back);
    assert_eq!((back.key, back.broker_time), (event.key.clone(), event.broker_time));
    // On a broker the place counts, not the time we happened to read it.
    event.place.offset = Some(7);
    let placed = super::identity(&event);
    event.received = Timestamp(2);
    assert_eq!(super::identity(&event), placed);
    event.place.offset = Some(8);
    assert_ne!(super::identity(&event), placed);
}
