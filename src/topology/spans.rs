//! Spans of OpenTelemetry out of a file of OTLP JSON: who sends to which destination and who receives from it.
//!
//! Spans are joined by destination, not by parentage: a consumer often only links to what was sent, or starts a trace of its
//! own. Attributes are those of the semantic conventions for messaging, new and old:
//! <https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/>.

use std::io::Read;

use serde::Deserialize;
use serde_json::Value;

use super::aliases::Identity;
use super::sightings::{Sighting, Sightings};
use crate::endpoint::inspect::Direction;

/// What a file of spans said besides who sends and receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Spans of any kind.
    pub spans: u64,
    /// Those about messages.
    pub messaging: u64,
    /// Those about destinations that exist for one answer only, which are left out.
    pub temporary: u64,
    /// Those about messages that do not say where, or which way they go.
    pub unclear: u64,
}

/// Whether a text begins as OTLP JSON does.
#[must_use]
pub fn is_spans(beginning: &str) -> bool {
    let beginning = beginning.trim_start_matches('\u{feff}').trim_start();
    let key = beginning.strip_prefix('{').and_then(|rest| rest.trim_start().strip_prefix('"'));
    let signals = ["resourceSpans\"", "resource_spans\"", "resourceMetrics\"", "resourceLogs\""];
    key.is_some_and(|key| signals.iter().any(|signal| key.starts_with(signal)))
}

/// Reads objects of OTLP JSON, one after the other, as the file exporter of the collector and `curl` write them. What came
/// before a fault is in `sightings`.
///
/// # Errors
/// Where a text is not OTLP JSON.
pub fn read(text: impl Read, sightings: &mut Sightings) -> Result<Passed, serde_json::Error> {
    let mut passed = Passed::default();
    for traces in serde_json::Deserializer::from_reader(text).into_iter::<Traces>() {
        for resource in traces?.resource_spans {
            let service = resource.resource.attributes;
            let scopes = resource.scope_spans.into_iter().chain(resource.instrumentation_library_spans);
            for span in scopes.flat_map(|scope| scope.spans) {
                passed.spans += 1;
                take(&service, &span, sightings, &mut passed);
            }
        }
    }
    Ok(passed)
}

fn take(resource: &[Attribute], span: &Span, sightings: &mut Sightings, passed: &mut Passed) {
    let Some(system) = span.text("messaging.system") else { return };
    passed.messaging += 1;
    if span.is_temporary() {
        passed.temporary += 1;
        return;
    }
    let addresses = span.addresses(system);
    let settles = span.operation().is_some_and(|word| SETTLING.contains(&word));
    if settles {
        return;
    }
    let (Some(direction), false) = (span.direction(), addresses.is_empty()) else {
        passed.unclear += 1;
        return;
    };
    let who = who(resource, span);
    if who.is_empty() {
        passed.unclear += 1;
        return;
    }
    let verb = if direction == Direction::Sends { "sent" } else { "received" };
    let group = first(&span.attributes, &GROUP).filter(|_| direction == Direction::Receives);
    let by =
        group.map_or_else(|| format!("{verb} in spans"), |group| format!("{verb} by group {group} in spans"));
    let sighting =
        Sighting { who, direction, protocols: vec![protocol(system)], addresses, by, confidence: 90 };
    let count = span.number("messaging.batch.message_count").unwrap_or(1).max(1);
    sightings.add(sighting, count, span.start.as_ref().and_then(microseconds));
}

const GROUP: [&str; 4] = [
    "messaging.consumer.group.name",
    "messaging.kafka.consumer.group",
    "messaging.kafka.consumer_group",
    "messaging.rocketmq.client_group",
];
const CLIENT: [&str; 4] =
    ["messaging.client.id", "messaging.client_id", "messaging.kafka.client_id", "messaging.consumer_id"];
/// Operations that only say that something was handled.
const SETTLING: [&str; 5] = ["settle", "ack", "nack", "commit", "complete"];

/// Names of the service: `service.name`, the group it receives with, the client.
fn who(resource: &[Attribute], span: &Span) -> Vec<(Identity, String)> {
    let named = first(resource, &["service.name"]).filter(|name| !name.starts_with("unknown_service"));
    let service = named.map(|name| (Identity::Service, name.to_owned()));
    let group = first(&span.attributes, &GROUP).map(|name| (Identity::Group, name.to_owned()));
    let client = first(&span.attributes, &CLIENT).map(|name| (Identity::Client, name.to_owned()));
    service.into_iter().chain(group).chain(client).collect()
}

/// The protocol of documents for what spans call the system.
fn protocol(system: &str) -> String {
    match system {
        "rabbitmq" | "AmqpNetLite" => "amqp",
        "jetstream" => "nats",
        "mosquitto" | "emqx" | "hivemq" => "mqtt",
        "aws_sqs" | "AmazonSQS" | "aws.sqs" => "sqs",
        "aws.sns" | "AmazonSNS" => "sns",
        "gcp_pubsub" => "googlepubsub",
        other => return other.to_lowercase(),
    }
    .to_owned()
}

/// An object of the file; metrics and logs may stand between.
#[derive(Deserialize)]
struct Traces {
    #[serde(default, alias = "resourceSpans")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    #[serde(default)]
    resource: Resource,
    #[serde(default, alias = "scope_spans")]
    scope_spans: Vec<ScopeSpans>,
    #[serde(default)]
    instrumentation_library_spans: Vec<ScopeSpans>,
}

#[derive(Default, Deserialize)]
struct Resource {
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct ScopeSpans {
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Attribute {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: Held,
}

/// A value of an attribute: one of the members is there.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Held {
    #[serde(rename = "stringValue", alias = "string_value")]
    text: Option<String>,
    #[serde(rename = "intValue", alias = "int_value")]
    whole: Option<Value>,
    #[serde(rename = "boolValue", alias = "bool_value")]
    truth: Option<bool>,
}

#[derive(Deserialize)]
struct Span {
    #[serde(default)]
    kind: Value,
    #[serde(default, rename = "startTimeUnixNano", alias = "start_time_unix_nano")]
    start: Option<Value>,
    #[serde(default)]
    attributes: Vec<Attribute>,
}

/// The first of several attributes that is there and is text.
fn first<'a>(attributes: &'a [Attribute], keys: &[&str]) -> Option<&'a str> {
    let text = |key: &&str| {
        let found = attributes.iter().find(|attribute| attribute.key == *key)?;
        found.value.text.as_deref().filter(|text| !text.is_empty())
    };
    keys.iter().find_map(text)
}

/// 64-bit numbers are texts in OTLP JSON, and numbers where somebody wrote them by hand.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn microseconds(value: &Value) -> Option<i64> {
    i64::try_from(whole(value)? / 1_000).ok().filter(|time| *time > 0)
}

impl Span {
    fn text(&self, key: &str) -> Option<&str> {
        first(&self.attributes, &[key])
    }

    fn number(&self, key: &str) -> Option<u64> {
        let found = self.attributes.iter().find(|attribute| attribute.key == key)?;
        whole(found.value.whole.as_ref()?)
    }

    fn is_temporary(&self) -> bool {
        const MARKS: [&str; 6] = [
            "messaging.destination.temporary",
            "messaging.destination.anonymous",
            "messaging.source.temporary",
            "messaging.source.anonymous",
            "messaging.temp_destination",
            "messaging.destination_temporary",
        ];
        let marked = |attribute: &Attribute| MARKS.contains(&attribute.key.as_str());
        self.attributes.iter().any(|attribute| marked(attribute) && attribute.value.truth == Some(true))
    }

    /// `messaging.operation.type`, before 1.26 `messaging.operation`; else the name of the operation in the system.
    fn operation(&self) -> Option<&str> {
        const KEYS: [&str; 3] =
            ["messaging.operation.type", "messaging.operation", "messaging.operation.name"];
        first(&self.attributes, &KEYS)
    }

    fn direction(&self) -> Option<Direction> {
        match self.operation().map(str::to_ascii_lowercase).as_deref() {
            Some("create" | "send" | "publish" | "produce") => return Some(Direction::Sends),
            Some("receive" | "process" | "deliver" | "poll" | "consume") => return Some(Direction::Receives),
            _ => {}
        }
        match (&self.kind, self.kind.as_u64()) {
            (_, Some(4)) => Some(Direction::Sends),
            (_, Some(5)) => Some(Direction::Receives),
            (Value::String(kind), _) if kind == "SPAN_KIND_PRODUCER" => Some(Direction::Sends),
            (Value::String(kind), _) if kind == "SPAN_KIND_CONSUMER" => Some(Direction::Receives),
            _ => None,
        }
    }

    /// Names of the destination: what it is called with its parameters, then as it was; routing keys of RabbitMQ first, as
    /// they are the addresses that documents have.
    fn addresses(&self, system: &str) -> Vec<String> {
        const NAMES: [&str; 6] = [
            "messaging.destination.template",
            "messaging.destination.name",
            "messaging.source.template",
            "messaging.source.name",
            "messaging.destination",
            "messaging.url",
        ];
        const KEYS: [&str; 2] =
            ["messaging.rabbitmq.destination.routing_key", "messaging.rabbitmq.routing_key"];
        let of = |keys: &'static [&'static str]| keys.iter().filter_map(|key| self.text(key));
        let names: Vec<&str> = of(&NAMES).collect();
        let mut addresses: Vec<&str> = Vec::new();
        if system == "rabbitmq" {
            addresses.extend(of(&KEYS));
            // Since 1.27 the name is `exchange:key`, or `exchange:key:queue` at the receiver.
            addresses.extend(names.iter().flat_map(|name| name.split(':').skip(1)));
            addresses.extend(names.iter().filter_map(|name| name.split(':').next()));
        }
        addresses.extend(names);
        let mut unique: Vec<String> = Vec::new();
        for address in addresses.into_iter().filter(|address| !address.is_empty()) {
            if !unique.iter().any(|known| known == address) {
                unique.push(address.to_owned());
            }
        }
        unique
    }
}

#[cfg(test)]
mod tests;
