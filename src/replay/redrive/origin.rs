//! Where a dead letter came from, as those who put it there say in its headers.

use serde_json::Value;

use super::headers::number;
use crate::event::Event;

/// How the origin is found.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// The header that names it, instead of those that are known.
    pub header: Option<String>,
    /// What died in a queue of an AMQP broker goes through its exchange again, and so to every queue that is bound there;
    /// else to its queue alone.
    pub through_exchange: bool,
}

/// Where an event came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Topic, subject, stream, queue, or routing key of the exchange.
    pub channel: String,
    /// The exchange, where the event is to go through one.
    pub exchange: Option<String>,
    /// The partition, where it is known.
    pub partition: Option<i32>,
}

impl Origin {
    /// As people write it.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.exchange {
            Some(exchange) => format!("{exchange}: {}", self.channel),
            None => self.channel.clone(),
        }
    }
}

/// The header of eddy's envelope with the address.
const ENVELOPE_ADDRESS: &str = "dead-letter-address";
/// The header of eddy's envelope with the exchange, where the address is a routing key.
const ENVELOPE_EXCHANGE: &str = "dead-letter-exchange";

/// The header of a topic and that of a partition, as several programs write them.
const TOPICS: [(&str, &str); 6] = [
    ("__connect.errors.topic", "__connect.errors.partition"),
    ("kafka_dlt-original-topic", "kafka_dlt-original-partition"),
    // Spring Cloud Stream.
    ("x-original-topic", "x-original-partition"),
    // Quarkus and other users of SmallRye.
    ("dead-letter-topic", "dead-letter-partition"),
    // The envelope of eddy.
    (ENVELOPE_ADDRESS, "dead-letter-partition"),
    // What JetStream republishes.
    ("Nats-Subject", ""),
];

/// Headers with the reason, the most telling first.
const REASONS: [&str; 11] = [
    "dead-letter-reason",
    "__connect.errors.exception.message",
    "__connect.errors.exception.class.name",
    "kafka_dlt-exception-message",
    "kafka_dlt-exception-cause-fqcn",
    "kafka_dlt-exception-fqcn",
    "x-exception-message",
    "x-first-death-reason",
    "dead-letter-cause",
    "dead-letter-exception-class-name",
    "retry_topic-exception",
];

/// Longest reason that is told apart from others, in characters.
const LONGEST_REASON: usize = 120;

/// Where the event came from, when it says so.
pub(super) fn origin(event: &Event, way: &Way) -> Option<Origin> {
    let text = |name: &str| event.header_text(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let plain = |channel: String, partition: Option<i32>| Origin { channel, exchange: None, partition };
    if let Some(header) = &way.header {
        return text(header).map(|channel| plain(channel, None));
    }
    if let Some(found) = of_rabbitmq(event, way) {
        return Some(found);
    }
    for (topic, partition) in TOPICS {
        if let Some(channel) = text(topic) {
            let partition = number(event, partition).and_then(|number| i32::try_from(number).ok());
            let exchange = text(ENVELOPE_EXCHANGE).filter(|_| topic == ENVELOPE_ADDRESS);
            return Some(Origin { channel, exchange, partition });
        }
    }
    let (exchange, key) = (text("x-original-exchange"), text("x-original-routingKey"));
    exchange.zip(key).map(|(exchange, channel)| Origin { channel, exchange: Some(exchange), partition: None })
}

/// The first death counts: a later one happened on the way through queues that only wait.
fn first_death(event: &Event) -> Option<Value> {
    let deaths: Value = serde_json::from_str(event.header_text("x-death")?).ok()?;
    let deaths = deaths.as_array()?;
    let first = event.header_text("x-first-death-queue");
    // The latest death stands first.
    let named = deaths.iter().rev().find(|death| first.is_some() && death["queue"].as_str() == first);
    named.or_else(|| deaths.last()).cloned()
}

fn of_rabbitmq(event: &Event, way: &Way) -> Option<Origin> {
    let death = first_death(event)?;
    let queue = death["queue"].as_str().filter(|queue| !queue.is_empty())?;
    let key = death["routing-keys"].get(0).and_then(Value::as_str);
    match (way.through_exchange, death["exchange"].as_str(), key) {
        (true, Some(exchange), Some(key)) if !exchange.is_empty() => {
            Some(Origin { channel: key.to_owned(), exchange: Some(exchange.to_owned()), partition: None })
        }
        _ => Some(Origin { channel: queue.to_owned(), exchange: None, partition: None }),
    }
}

/// Why it died, in one line.
pub(super) fn reason(event: &Event) -> Option<String> {
    let mut texts = REASONS.iter().filter_map(|name| event.header_text(name));
    let told = texts.find(|text| !text.trim().is_empty()).map(str::to_owned);
    let text = told.or_else(|| first_death(event)?["reason"].as_str().map(str::to_owned))?;
    let line = text.trim().lines().next().unwrap_or_default();
    Some(line.chars().take(LONGEST_REASON).collect())
}

#[cfg(test)]
mod tests {
    use super::{Origin, Way, origin, reason};
    use crate::event::{Event, Header};

    fn event(headers: &[(&str, &[u8])]) -> Event {
        let header = |(name, value): &(&str, &[u8])| Header {
            name: (*name).into(),
            value: Some(value.to_vec().into()),
        };
        Event { headers: headers.iter().map(header).collect(), ..Event::new("dead", "x") }
    }

    fn at(channel: &str, exchange: Option<&str>, partition: Option<i32>) -> Origin {
        Origin { channel: channel.to_owned(), exchange: exchange.map(str::to_owned), partition }
    }

    #[test]
    fn origins_of_programs_around_kafka() {
        let way = Way::default();
        let connect = event(&[("__connect.errors.topic", b"orders"), ("__connect.errors.partition", b"3")]);
        assert_eq!(origin(&connect, &way), Some(at("orders", None, Some(3))));
        let spring = event(&[
            ("kafka_dlt-original-topic", b"orders"),
            ("kafka_dlt-original-partition", &[0, 0, 0, 5]),
        ]);
        assert_eq!(origin(&spring, &way), Some(at("orders", None, Some(5))));
        let own =
            event(&[("dead-letter-address", b"shop/orders"), ("dead-letter-reason", b"no stock\nat all")]);
        assert_eq!(origin(&own, &way), Some(at("shop/orders", None, None)));
        assert_eq!(reason(&own).as_deref(), Some("no stock"));
        assert_eq!(origin(&event(&[("trace", b"1")]), &way), None);
        let named = Way { header: Some("came-from".to_owned()), ..Way::default() };
        assert_eq!(origin(&connect, &named), None);
        assert_eq!(origin(&event(&[("Came-From", b"orders")]), &named), Some(at("orders", None, None)));
    }

    #[test]
    fn the_first_death_in_rabbitmq_counts() {
        let deaths = br#"[{"queue":"wait","exchange":"retry","routing-keys":["w"],"reason":"expired","count":1},
            {"queue":"orders","exchange":"shop","routing-keys":["orders.new"],"reason":"rejected","count":2}]"#;
        let died = event(&[("x-death", deaths), ("x-first-death-queue", b"orders")]);
        assert_eq!(origin(&died, &Way::default()), Some(at("orders", None, None)));
        let through = Way { through_exchange: true, ..Way::default() };
        assert_eq!(origin(&died, &through), Some(at("orders.new", Some("shop"), None)));
        assert_eq!(origin(&event(&[("x-death", deaths)]), &Way::default()), Some(at("orders", None, None)));
        assert_eq!(reason(&died).as_deref(), Some("rejected"));
        let told = event(&[("x-death", deaths), ("x-first-death-reason", b"maxlen")]);
        assert_eq!(reason(&told).as_deref(), Some("maxlen"));
        for odd in [&b"none"[..], b"[]", b"[7]", b"{}"] {
            let odd = event(&[("x-death", odd)]);
            assert_eq!((origin(&odd, &Way::default()), reason(&odd)), (None, None));
        }
    }
}
