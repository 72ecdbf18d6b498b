//! CloudEvents from each binding into each other one.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::json;

use super::Translation;
use crate::endpoint::facts::{DecidedBy, Refusal};
use crate::endpoint::{Address, Capabilities};
use crate::event::{Event, Header};

const DATA: &str = r#"{ "total" : 1.50 }"#;

/// What becomes of events for an address.
fn to(text: &str) -> Translation {
    let address = Address::parse(text).expect("an address");
    let keys = text.starts_with("kafka") || text.starts_with("redis");
    let headers = !text.contains("version=3.1.1");
    Translation::of(&address, &Capabilities { keys, headers, ..Capabilities::ALL }).expect("a mode there is")
}

fn sent(text: &str, event: &Event) -> Event {
    to(text).apply(event).into_owned()
}

fn is_left_alone(text: &str, event: &Event) -> bool {
    matches!(to(text).apply(event), Cow::Borrowed(_))
}

/// A CloudEvent with a header beside its attributes; `content_type` is where the type of its data stands.
fn event(prefix: &str, content_type: &str) -> Event {
    let attributes = [("specversion", "1.0"), ("id", "1"), ("source", "/shop"), ("type", "order.placed")];
    let mut event = Event { key: None, ..Event::new("orders", DATA) };
    event.headers = attributes.map(|(name, value)| Header::text(format!("{prefix}{name}"), value)).into();
    event.headers.push(Header::text(format!("{prefix}subject"), "Euro € 50%"));
    if content_type.is_empty() {
        event.attributes.insert("content_type".to_owned(), json!("application/json"));
    } else {
        event.headers.push(Header::text(content_type, "application/json"));
    }
    event.headers.push(Header::text("attempt-number", "3"));
    event
}

fn of_nats() -> Event {
    let mut event = event("ce-", "ce-datacontenttype");
    event.headers[4] = Header::text("ce-subject", "Euro%20%E2%82%AC%2050%25");
    event
}

/// The event as each system has it, by an address there.
fn forms() -> Vec<(&'static str, Event)> {
    vec![
        ("kafka://h", event("ce_", "content-type")),
        ("nats://h", of_nats()),
        ("jetstream+nats://h", of_nats()),
        ("mqtt://h", event("", "")),
        ("amqp://h", event("cloudEvents:", "")),
        ("redis://h", event("ce_", "")),
    ]
}

fn same(one: &Event, other: &Event) -> bool {
    let same_facts = one.attributes == other.attributes;
    (&one.channel, &one.key, &one.payload, &one.headers)
        == (&other.channel, &other.key, &other.payload, &other.headers)
        && same_facts
}

#[test]
fn each_binding_becomes_each_other_one() {
    for (from, event) in forms() {
        for (target, expected) in forms() {
            // Fields of Redis are read with the content type as a field or a header.
            if from == target || (from, target) == ("kafka://h", "redis://h") {
                assert!(is_left_alone(target, &event), "{from} to {target}");
                continue;
            }
            let arrived = sent(target, &event);
            assert!(same(&arrived, &expected), "{from} to {target}: {arrived:#?}");
        }
    }
}

#[test]
fn an_event_that_went_round_is_the_same() {
    let mut event = event("ce_", "content-type");
    event.headers.insert(5, Header::text("ce_partitionkey", "shop-7"));
    event.key = Some("shop-7".into());
    let way = ["nats://h", "mqtt://h", "amqp://h", "jetstream+nats://h", "redis://h", "kafka://h"];
    let back = way.iter().fold(event.clone(), |event, target| sent(target, &event));
    assert!(same(&back, &event), "{back:#?}");
    let structured =
        ["nats://h?mode=structured", "mqtt://h?version=3.1.1", "amqp://h", "kafka://h?mode=binary"];
    let mut bare = event.clone();
    bare.headers.pop();
    let back = structured.iter().fold(bare.clone(), |event, target| sent(target, &event));
    assert!(same(&back, &bare), "{back:#?}");
}

#[test]
fn the_key_is_an_attribute_where_there_are_no_keys() {
    for key in [&b"shop-7"[..], b"", b"\xff"] {
        let event = Event { key: Some(Bytes::copy_from_slice(key)), ..event("ce_", "content-type") };
        for target in
            ["nats://h", "mqtt://h", "amqp://h", "mqtt://h?version=3.1.1", "amqp://h?mode=structured"]
        {
            let arrived = sent(target, &event);
            assert_eq!(arrived.key, None, "{target}");
            let back = sent("kafka://h", &arrived);
            let back =
                if arrived.payload == event.payload { back } else { sent("kafka://h?mode=binary", &back) };
            assert_eq!(back.key, event.key, "{target}: {arrived:#?}");
        }
    }
}

#[test]
fn an_address_asks_for_a_mode() {
    let text =
        r#"{"specversion":"1.0","id":"1","source":"/shop","type":"order.placed","subject":"Euro € 50%","#;
    let text = format!(r#"{text}"datacontenttype":"application/json","data":{DATA}}}"#);
    for (from, event) in forms() {
        for (target, header) in [
            ("kafka://h?mode=structured", Some("content-type")),
            ("nats://h?mode=structured", Some("Content-Type")),
            ("jetstream+nats://h?mode=structured", Some("Content-Type")),
            ("amqp://h?mode=structured", None),
            ("mqtt://h?mode=structured", None),
        ] {
            let arrived = sent(target, &event);
            assert_eq!(arrived.payload, Some(text.clone().into()), "{from} to {target}");
            let mut headers = vec![Header::text("attempt-number", "3")];
            match header {
                Some(name) => headers.insert(0, Header::text(name, "application/cloudevents+json")),
                None => assert_eq!(arrived.attributes["content_type"], "application/cloudevents+json"),
            }
            assert_eq!(arrived.headers, headers, "{from} to {target}");
            assert!(is_left_alone(target, &arrived), "it is so already");
            let binary = target.replace("structured", "binary");
            let (_, expected) = forms().into_iter().find(|(name, _)| binary.starts_with(name)).expect("one");
            assert!(same(&sent(&binary, &arrived), &expected), "{from} to {target} and back");
        }
    }
}

#[test]
fn mqtt_3_takes_structured_events_only() {
    let mut event = event("ce_", "content-type");
    event.headers.pop();
    let arrived = sent("mqtt://h?version=3.1.1", &event);
    assert!(arrived.headers.is_empty() && arrived.attributes.is_empty(), "{arrived:?}");
    assert!(arrived.payload.is_some_and(|payload| payload.starts_with(b"{\"specversion\":\"1.0\"")));
    let address = Address::parse("mqtt://h?version=3.1.1&mode=binary").expect("an address");
    let error = Translation::of(&address, &Capabilities { headers: false, ..Capabilities::ALL });
    let error = error.expect_err("no properties");
    assert!(error.message.contains("`mode=binary`") && error.wrong.is_some(), "{error:?}");
}

#[test]
fn a_structured_event_keeps_its_payload_and_its_type_goes_where_it_is_looked_for() {
    let text = r#" { "specversion":"1.0", "id":"1","type":"t","source":"/s" } "#;
    let written = "application/cloudevents+json; charset=utf-8";
    let mut of_kafka = Event::new("c", text);
    of_kafka.headers = vec![Header::text("a", "1"), Header::text("content-type", written)];
    let mut of_mqtt = Event::new("c", text);
    of_mqtt.headers = vec![Header::text("a", "1")];
    of_mqtt.attributes.insert("content_type".to_owned(), json!(written));
    for target in ["mqtt://h", "amqp://h"] {
        assert!(same(&sent(target, &of_kafka), &of_mqtt), "{target}");
        assert!(is_left_alone(target, &of_mqtt));
    }
    assert!(same(&sent("kafka://h", &of_mqtt), &of_kafka));
    assert!(is_left_alone("kafka://h", &of_kafka) && is_left_alone("nats://h", &of_kafka));
    let bare = sent("mqtt://h?version=3.1.1", &of_kafka);
    assert_eq!((bare.headers, bare.payload), (of_mqtt.headers.clone(), of_mqtt.payload.clone()));
}

#[test]
fn what_is_no_cloud_event_or_has_the_form_already_is_left_alone() {
    let targets = ["kafka://h", "nats://h", "mqtt://h", "amqp://h", "redis://h", "mqtt://h?version=3.1.1"];
    let mut incomplete = event("ce_", "content-type");
    incomplete.headers.remove(1);
    let mut plain = Event::new("c", "{}");
    plain.headers = vec![Header::text("x-specversion", "1.0"), Header::text("content-type", "text/plain")];
    let mut property = Event::new("c", "{}");
    property.attributes.insert("content_type".to_owned(), json!("application/json"));
    for target in targets {
        for event in [&plain, &property, &incomplete] {
            assert!(is_left_alone(target, event), "{target}: {event:?}");
        }
    }
    for mode in ["binary", "structured"] {
        assert!(is_left_alone(&format!("kafka://h?mode={mode}"), &plain));
    }
    assert!(is_left_alone("amqp://h", &event("cloudEvents_", "")), "the other spelling");
    let mut of_both = event("ce_", "content-type");
    of_both.headers.extend(of_nats().headers);
    assert!(is_left_alone("nats://h", &of_both) && is_left_alone("kafka://h", &of_both));
}

#[test]
fn a_header_that_would_be_an_attribute_makes_the_event_structured() {
    for (target, name) in [("mqtt://h", "id"), ("nats://h", "ce-other"), ("amqp://h", "cloudEvents_other")] {
        let mut event = event("ce_", "content-type");
        event.headers.push(Header::text(name, "x"));
        let arrived = sent(target, &event);
        assert!(arrived.payload.expect("a payload").starts_with(b"{\"specversion\""), "{target}");
        assert_eq!(arrived.headers.last(), event.headers.last());
    }
}

#[test]
fn an_event_of_a_request_is_decoded_already() {
    let mut event = event("ce-", "");
    event.attributes.insert("method".to_owned(), json!("POST"));
    let arrived = sent("nats://h", &event);
    assert_eq!(arrived.headers, of_nats().headers);
    assert_eq!(sent("kafka://h", &event).headers, self::event("ce_", "content-type").headers);
}

#[test]
fn events_are_judged_as_they_go() {
    let judge = || {
        Refusal::new(DecidedBy::Labels, |event| {
            Some(super::EndpointError::new(
                super::EndpointErrorKind::Rejected,
                event.headers[0].name.as_str(),
            ))
        })
    };
    let event = event("ce_", "content-type");
    let judged = to("nats://h").before(judge());
    assert_eq!(judged.of(&event).expect("refused").message, "ce-specversion");
    assert_eq!(judged.decided_by(), DecidedBy::Labels);
    assert_eq!(to("nats://h?mode=binary").before(judge()).decided_by(), DecidedBy::Everything);
}
