//! CloudEvents of another protocol arrive in the binding of the system they are sent to.

use eddy::endpoint::SourceOptions;
#[cfg(any(feature = "kafka", feature = "redis"))]
use eddy::endpoint::Start;
use eddy::event::{Event, Header};

use super::conformance::{collect, deliver, sink, source};

const STRUCTURED: &str = r#"{"specversion":"1.0","id":"1","source":"/shop","type":"order.placed","datacontenttype":"application/json","data":{"total":1}}"#;

/// An event with attributes marked like this, and the type of its data in this header.
fn event(channel: &str, prefix: &str, content_type: &str) -> Event {
    let attributes = [("specversion", "1.0"), ("id", "1"), ("source", "/shop"), ("type", "order.placed")];
    let mut headers: Vec<Header> =
        attributes.iter().map(|(name, value)| Header::text(format!("{prefix}{name}"), *value)).collect();
    headers.push(Header::text(content_type, "application/json"));
    Event { headers, ..Event::new(channel, r#"{"total":1}"#) }
}

/// As Kafka has it.
fn of_kafka(channel: &str) -> Event {
    event(channel, "ce_", "content-type")
}

/// The headers an event arrives with, by name, and its content type where that is a property.
fn described(event: &Event) -> (Vec<(String, String)>, Option<&str>) {
    let text =
        |header: &Header| String::from_utf8_lossy(header.value.as_deref().unwrap_or_default()).into_owned();
    let mut headers: Vec<_> =
        event.headers.iter().map(|header| (header.name.to_string(), text(header))).collect();
    headers.sort();
    (headers, event.attributes.get("content_type").and_then(|found| found.as_str()))
}

/// Sends one event, as is and in structured mode, and returns how both arrive.
async fn arrived(target: &str, from: &str, options: SourceOptions, event: Event) -> [Event; 2] {
    let mut reader = source(from, options).await;
    let sign = if target.contains('?') { '&' } else { '?' };
    for target in [target.to_owned(), format!("{target}{sign}mode=structured")] {
        let mut writer = sink(&target).await;
        deliver(&mut writer, std::slice::from_ref(&event)).await;
        writer.close().await.expect("a clean close");
    }
    let events = collect(&mut reader, 2).await;
    events.try_into().unwrap_or_else(|events| panic!("{events:?}"))
}

fn assert_structured(event: &Event, content_type: Option<&str>) {
    assert_eq!(event.payload.as_deref(), Some(STRUCTURED.as_bytes()));
    let (headers, property) = described(event);
    let typed = |name: &str| (name.to_owned(), "application/cloudevents+json".to_owned());
    assert_eq!(headers, content_type.map(typed).into_iter().collect::<Vec<_>>());
    assert_eq!(property.is_some(), content_type.is_none());
}

fn assert_binary(got: &Event, expected: &Event, property: Option<&str>) {
    assert_eq!(got.payload, expected.payload);
    let (headers, _) = described(expected);
    assert_eq!(described(got), (headers, property));
}

#[cfg(feature = "nats")]
#[tokio::test(flavor = "multi_thread")]
async fn over_nats() {
    let Some(server) = super::support::servers::nats(&[]) else { return };
    let (at, event) = (format!("nats://127.0.0.1:{}", server.port), of_kafka("orders"));
    let [binary, structured] = arrived(&at, &format!("{at}/orders"), SourceOptions::default(), event).await;
    assert_binary(&binary, &self::event("orders", "ce-", "ce-datacontenttype"), None);
    assert_structured(&structured, Some("Content-Type"));
}

#[cfg(feature = "nats")]
#[tokio::test(flavor = "multi_thread")]
async fn over_jetstream() {
    let Some(server) = super::support::servers::nats(&[]) else { return };
    super::nats::stream(&server, "ORDERS", &["orders"]).await;
    let at = format!("jetstream+nats://127.0.0.1:{}/ORDERS", server.port);
    let [binary, structured] = arrived(&at, &at, SourceOptions::default(), of_kafka("orders")).await;
    assert_binary(&binary, &event("orders", "ce-", "ce-datacontenttype"), None);
    assert_structured(&structured, Some("Content-Type"));
}

#[cfg(feature = "mqtt")]
#[tokio::test(flavor = "multi_thread")]
async fn over_mqtt() {
    let Some(server) = super::support::servers::mosquitto(&[]) else { return };
    let (at, event) = (format!("mqtt://127.0.0.1:{}", server.port), of_kafka("orders"));
    let [binary, structured] =
        arrived(&at, &format!("{at}/orders"), SourceOptions::default(), event.clone()).await;
    let mut expected = self::event("orders", "", "");
    expected.headers.pop();
    assert_binary(&binary, &expected, Some("application/json"));
    assert_structured(&structured, None);

    let older = format!("{at}?version=3.1.1");
    let [one, other] = arrived(&older, &format!("{at}/orders"), SourceOptions::default(), event).await;
    for event in [one, other] {
        assert_eq!(event.payload.as_deref(), Some(STRUCTURED.as_bytes()));
        assert_eq!(described(&event), (Vec::new(), None));
    }
}

#[cfg(feature = "amqp")]
#[tokio::test(flavor = "multi_thread")]
async fn over_rabbitmq() {
    let Some(node) = super::support::rabbitmq::rabbitmq() else { return };
    super::amqp::exchange(node, "cloud-events").await;
    let at = format!("amqp://127.0.0.1:{}/%2F/cloud-events", node.port);
    let [binary, structured] = arrived(&at, &at, SourceOptions::default(), of_kafka("orders")).await;
    let mut expected = event("orders", "cloudEvents:", "");
    expected.headers.pop();
    assert_binary(&binary, &expected, Some("application/json"));
    assert_structured(&structured, None);
}

#[cfg(feature = "kafka")]
#[tokio::test(flavor = "multi_thread")]
async fn over_kafka() {
    let Some(kafka) = super::support::kafka::shared() else { return };
    super::kafka::topic(kafka.port, "cloud-events", 1, &[]).await;
    let at = format!("kafka://127.0.0.1:{}/cloud-events", kafka.port);
    let options = SourceOptions { start: Start::Beginning, ..SourceOptions::default() };
    let event = event("orders", "ce-", "ce-datacontenttype");
    let [binary, structured] = arrived(&at, &at, options, event).await;
    assert_binary(&binary, &of_kafka("orders"), None);
    assert_structured(&structured, Some("content-type"));
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread")]
async fn over_redis_streams() {
    let Some(server) = super::support::redis::redis(&[]) else { return };
    let at = format!("redis://127.0.0.1:{}/orders", server.port);
    let mut writer = sink(&at).await;
    deliver(&mut writer, &[event("orders", "ce-", "ce-datacontenttype")]).await;
    let options = SourceOptions { start: Start::Beginning, ..SourceOptions::default() };
    let binary = collect(&mut source(&at, options).await, 1).await.remove(0);
    let mut expected = event("orders", "ce_", "");
    expected.headers.pop();
    assert_binary(&binary, &expected, Some("application/json"));
}
