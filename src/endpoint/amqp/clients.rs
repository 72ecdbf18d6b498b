//! Who is behind the channels of a RabbitMQ broker: consumers of queues and publishers to exchanges, by name.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::management::Binding;
use crate::endpoint::inspect::{Direction, KnownBy, NotObservable, ObservedFlow, SeenBy, Why};

/// A consumer of a queue.
#[derive(Debug, Deserialize)]
pub(super) struct Consumer {
    #[serde(rename = "consumer_tag")]
    pub(super) tag: String,
    pub(super) queue: QueueName,
    pub(super) channel_details: Option<ChannelDetails>,
}

#[derive(Debug, Deserialize)]
pub(super) struct QueueName {
    pub(super) name: String,
}

/// An empty list instead of an object while the broker still gathers it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ChannelDetails {
    Known {
        connection_name: String,
        #[serde(default)]
        user: String,
    },
    Unknown(serde::de::IgnoredAny),
}

/// A connection.
#[derive(Debug, Deserialize)]
pub(super) struct Client {
    name: String,
    #[serde(default)]
    user_provided_name: Option<String>,
}

/// What of the overview matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Overview {
    #[serde(default)]
    pub(super) rates_mode: String,
    #[serde(default)]
    pub(super) cluster_name: String,
}

/// An exchange with who publishes to it.
#[derive(Debug, Deserialize)]
pub(super) struct Incoming {
    #[serde(default)]
    pub(super) incoming: Vec<Publisher>,
}

/// A channel that publishes to an exchange.
#[derive(Debug, Deserialize)]
pub(super) struct Publisher {
    channel_details: Option<ChannelDetails>,
}

/// Names that connections gave themselves.
#[derive(Debug, Default)]
pub(super) struct Clients {
    names: BTreeMap<String, String>,
}

impl Clients {
    pub(super) fn new(connections: Vec<Client>) -> Self {
        let named = connections.into_iter().filter_map(|client| {
            let given = client.user_provided_name.filter(|name| !name.is_empty())?;
            Some((client.name, given))
        });
        Self { names: named.collect() }
    }

    /// The name a connection gave itself, else its user; `guest` says nothing.
    fn who(&self, details: Option<&ChannelDetails>, otherwise: &str) -> (String, KnownBy) {
        let Some(ChannelDetails::Known { connection_name, user }) = details else {
            return (otherwise.to_owned(), KnownBy::Client);
        };
        if let Some(name) = self.names.get(connection_name) {
            return (name.clone(), KnownBy::Client);
        }
        if user.is_empty() || user == "guest" {
            let name = if otherwise.is_empty() { connection_name } else { otherwise };
            return (name.to_owned(), KnownBy::Client);
        }
        (user.clone(), KnownBy::User)
    }
}

/// Keys by which events get to a queue, also over exchanges bound to exchanges.
pub(super) fn keys_to(queue: &str, bindings: &[Binding]) -> Vec<String> {
    let mut addresses = vec![queue.to_owned()];
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::from([("queue", queue)]);
    let mut open = vec![("queue", queue)];
    while let Some((kind, name)) = open.pop() {
        for binding in bindings {
            let leads_here = binding.destination_type == kind && binding.destination == name;
            if !leads_here || binding.source.is_empty() {
                continue;
            }
            for address in [binding.routing_key.clone(), binding.source.clone()] {
                if !address.is_empty() && !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            if seen.insert(("exchange", &binding.source)) {
                open.push(("exchange", &binding.source));
            }
        }
    }
    addresses
}

/// What consumers of queues receive.
pub(super) fn consuming(
    consumers: &[Consumer],
    bindings: &[Binding],
    clients: &Clients,
    waiting: &BTreeMap<&str, Option<u64>>,
) -> Vec<ObservedFlow> {
    let flow = |consumer: &Consumer| {
        let queue = consumer.queue.name.as_str();
        let (who, known_by) = clients.who(consumer.channel_details.as_ref(), &consumer.tag);
        ObservedFlow {
            who,
            known_by,
            clients: Vec::new(),
            direction: Direction::Receives,
            addresses: keys_to(queue, bindings),
            seen_by: SeenBy::AmqpConsumer,
            confidence: 95,
            waiting: waiting.get(queue).copied().flatten(),
            remark: format!("consumer {} of queue {queue}", consumer.tag),
        }
    };
    consumers.iter().map(flow).collect()
}

/// What channels publish, and what stays unknown of it: the broker tells the exchange, not the routing key.
pub(super) fn publishing(
    publishers: &[(String, Vec<Publisher>)],
    bindings: &[Binding],
    clients: &Clients,
) -> (Vec<ObservedFlow>, Vec<NotObservable>) {
    let mut flows: Vec<ObservedFlow> = Vec::new();
    let mut unseen = Vec::new();
    for (exchange, channels) in publishers.iter().filter(|(_, channels)| !channels.is_empty()) {
        let bound = bindings.iter().filter(|binding| binding.source == *exchange);
        let keys: BTreeSet<&str> = bound.map(|binding| binding.routing_key.as_str()).collect();
        let shown = if exchange.is_empty() {
            "the default exchange".to_owned()
        } else {
            format!("exchange `{exchange}`")
        };
        let mut addresses = vec![exchange.clone()];
        match keys.first().filter(|_| keys.len() == 1 && !exchange.is_empty()) {
            Some(key) if !key.is_empty() => addresses.push((*key).to_owned()),
            Some(_) => {}
            None => {
                let words = format!(
                    "routing keys: RabbitMQ does not tell by which of its {} keys events get to {shown}",
                    keys.len()
                );
                unseen.push(NotObservable::of(Direction::Sends, Why::Unsupported, words));
            }
        }
        if exchange.is_empty() {
            continue;
        }
        let names: BTreeSet<(String, KnownBy)> =
            channels.iter().map(|channel| clients.who(channel.channel_details.as_ref(), "")).collect();
        flows.extend(names.into_iter().filter(|(who, _)| !who.is_empty()).map(|(who, known_by)| {
            ObservedFlow {
                who,
                known_by,
                clients: Vec::new(),
                direction: Direction::Sends,
                addresses: addresses.clone(),
                seen_by: SeenBy::AmqpPublisher,
                confidence: 90,
                waiting: None,
                remark: format!("publishes to {shown}"),
            }
        }));
    }
    (flows, unseen)
}

#[cfg(test)]
mod tests {
    use super::{Binding, keys_to};

    #[test]
    fn keys_are_found_through_exchanges_and_cycles_end() {
        let binding = |source: &str, kind: &str, destination: &str, key: &str| Binding {
            source: source.to_owned(),
            destination: destination.to_owned(),
            destination_type: kind.to_owned(),
            routing_key: key.to_owned(),
        };
        let bindings = [
            binding("", "queue", "billing", "billing"),
            binding("shop", "queue", "billing", "orders.*"),
            binding("world", "exchange", "shop", "#"),
            binding("shop", "exchange", "world", "#"),
            binding("other", "queue", "stock", "x"),
        ];
        assert_eq!(keys_to("billing", &bindings), ["billing", "orders.*", "shop", "#", "world"]);
    }
}
