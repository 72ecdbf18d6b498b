//! Where RabbitMQ moves events that a queue gives up: dead-letter exchanges, by arguments of the queue and by policy.

use super::clients::keys_to;
use super::management::{Binding, Queue};
use crate::endpoint::inspect::{Direction, KnownBy, ObservedFlow, SeenBy};

/// Where a queue's dead letters go.
struct Way<'a> {
    exchange: &'a str,
    /// The key they get; their own when there is none.
    key: Option<&'a str>,
    /// What says so.
    by: String,
}

/// The way that a queue has, if any; what its arguments say goes before a policy.
fn way(queue: &Queue) -> Option<Way<'_>> {
    let argument = |name: &str| queue.arguments.get(name).and_then(|value| value.as_str());
    let of_policy = |name: &str| queue.effective_policy_definition.get(name).and_then(|value| value.as_str());
    let by_policy = || format!("policy `{}`", queue.policy.as_deref().unwrap_or("of an operator"));
    let (exchange, by) = match argument("x-dead-letter-exchange") {
        Some(exchange) => (exchange, "its arguments".to_owned()),
        None => (of_policy("dead-letter-exchange")?, by_policy()),
    };
    let key = argument("x-dead-letter-routing-key").or_else(|| of_policy("dead-letter-routing-key"));
    Some(Way { exchange, key, by })
}

/// Two flows for each queue with dead letters: out of it, and to where they go. It is the broker that moves them.
pub(super) fn flows(queues: &[Queue], bindings: &[Binding]) -> Vec<ObservedFlow> {
    let mut flows = Vec::new();
    for queue in queues {
        let Some(Way { exchange, key, by }) = way(queue) else { continue };
        let addresses = addresses(exchange, key, bindings);
        if addresses.is_empty() {
            continue;
        }
        let to = if exchange.is_empty() { "the default exchange" } else { exchange };
        let flow = |direction, addresses| ObservedFlow {
            who: format!("dead letters of {}", queue.name),
            known_by: KnownBy::Client,
            clients: Vec::new(),
            direction,
            addresses,
            seen_by: SeenBy::AmqpDeadLetter,
            confidence: 95,
            waiting: None,
            remark: format!("queue {} gives events up to {to} by {by}", queue.name),
        };
        flows.push(flow(Direction::Receives, keys_to(&queue.name, bindings)));
        flows.push(flow(Direction::Sends, addresses));
    }
    flows
}

/// Queues bound to the exchange, which are where they end up, then the key and the exchange itself.
fn addresses(exchange: &str, key: Option<&str>, bindings: &[Binding]) -> Vec<String> {
    if exchange.is_empty() {
        return key.map(str::to_owned).into_iter().collect();
    }
    let bound = bindings.iter().filter(|binding| binding.source == exchange);
    let queues = bound.filter(|binding| binding.destination_type == "queue");
    let mut addresses: Vec<String> = queues.map(|binding| binding.destination.clone()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.extend(key.map(str::to_owned));
    addresses.push(exchange.to_owned());
    addresses
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::flows;
    use crate::endpoint::amqp::management::{Binding, Queue};

    #[test]
    fn arguments_go_before_a_policy_and_none_is_none() {
        let queue = |value| serde_json::from_value::<Queue>(value).expect("a queue");
        let queues = [
            queue(json!({ "name": "plain", "arguments": {}, "effective_policy_definition": [] })),
            queue(json!({
                "name": "billing", "arguments": { "x-dead-letter-exchange": "dlx" }, "policy": "p",
                "effective_policy_definition": { "dead-letter-exchange": "other" },
            })),
            queue(json!({
                "name": "stock", "policy": "p",
                "effective_policy_definition": { "dead-letter-exchange": "", "dead-letter-routing-key": "lost" },
            })),
            queue(json!({ "name": "own-key", "arguments": { "x-dead-letter-exchange": "" } })),
        ];
        let binding = |value| serde_json::from_value::<Binding>(value).expect("a binding");
        let bindings = [binding(json!({
            "source": "dlx", "destination": "graveyard", "destination_type": "queue", "routing_key": "#",
        }))];
        let found = flows(&queues, &bindings);
        let shown: Vec<(&str, &[String])> =
            found.iter().map(|flow| (flow.who.as_str(), flow.addresses.as_slice())).collect();
        assert_eq!(
            shown,
            [
                ("dead letters of billing", &["billing".to_owned()][..]),
                ("dead letters of billing", &["graveyard".to_owned(), "dlx".to_owned()][..]),
                ("dead letters of stock", &["stock".to_owned()][..]),
                ("dead letters of stock", &["lost".to_owned()][..]),
            ]
        );
        assert!(found[0].remark.ends_with("by its arguments") && found[2].remark.ends_with("by policy `p`"));
    }
}
