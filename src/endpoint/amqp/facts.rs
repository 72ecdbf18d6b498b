//! What a RabbitMQ broker tells before events are published: whether exchange and queues are there, and, where its management
//! interface answers, how long and how much the queues behind them keep.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::connection::{CHANNEL, Connection};
use super::management::{Binding, Management};
use super::settings::{Settings, short};
use super::wire::method;
use crate::endpoint::facts::{ChannelFacts, Presence, TargetFacts};
use crate::endpoint::{Address, EndpointError, EndpointErrorKind, SinkOptions};

/// Queues that are asked for one by one at most.
const MOST_ASKED: usize = 100;

/// What to do where the management interface does not answer.
const ELSEWHERE: &str = "; `management=URL` in the address names another place";

/// A queue with what limits it: its own arguments, and the policies that apply.
#[derive(Debug, Deserialize)]
struct Limited {
    name: String,
    #[serde(default)]
    arguments: Value,
    #[serde(default)]
    effective_policy_definition: Value,
}

/// Asks for the queues that events of these channels go to.
///
/// # Errors
/// When the broker cannot be reached or does not let us in.
pub(super) async fn ask(
    address: &Address,
    options: &SinkOptions,
    channels: &[&str],
) -> Result<TargetFacts, EndpointError> {
    let settings = Settings::read(address, options.credentials.as_ref(), options.connect_timeout)?;
    let mut connection = Connection::open(&settings, Box::new(|_| {})).await?;
    let mut facts = TargetFacts {
        cluster: connection.greeting.properties.text("cluster_name"),
        not_told: vec![
            "permissions and the largest message: RabbitMQ tells them with the first event".to_owned(),
        ],
        ..TargetFacts::default()
    };
    let only = settings.key_of_all();
    let names = only.map_or_else(|| channels.to_vec(), |only| vec![only]);
    facts.channels = names.into_iter().map(ChannelFacts::unknown).collect();
    let there = exists(&settings, &mut connection).await;
    connection.close().await;
    if let Err(error) = there {
        if error.kind != EndpointErrorKind::NotFound {
            return Err(error);
        }
        for channel in &mut facts.channels {
            (channel.against, channel.help) = (Some(error.message.clone()), error.help.clone());
        }
        return Ok(facts);
    }
    if let Err(error) = limits(&settings, &mut facts).await {
        let elsewhere = if error.kind == EndpointErrorKind::Unauthorised { "" } else { ELSEWHERE };
        facts.not_told.push(format!("limits of queues: {}{elsewhere}", error.message));
        if settings.exchange.is_empty() && only.is_none() {
            ask_for_queues(&settings, &mut facts.channels).await?;
        }
    }
    Ok(facts)
}

/// Whether the exchange, or the one queue, is there.
async fn exists(settings: &Settings, connection: &mut Connection) -> Result<(), EndpointError> {
    let question = if settings.exchange.is_empty() {
        let Some(queue) = settings.key_of_all() else {
            return Ok(());
        };
        method::queue_exists(CHANNEL, &short(queue, "name of the queue")?)
    } else {
        method::exchange_exists(CHANNEL, &short(&settings.exchange, "exchange")?)
    };
    connection.call(question, settings.connect_timeout).await.map(drop)
}

/// Which queues are there, asked one by one, where no management interface lists them.
async fn ask_for_queues(settings: &Settings, channels: &mut [ChannelFacts]) -> Result<(), EndpointError> {
    let mut connection = None;
    for channel in channels.iter_mut().take(MOST_ASKED) {
        let question = method::queue_exists(CHANNEL, &short(&channel.channel, "name of the queue")?);
        let mut asking = match connection.take() {
            Some(open) => open,
            None => Connection::open(settings, Box::new(|_| {})).await?,
        };
        match asking.call(question, settings.connect_timeout).await {
            Ok(_) => {
                channel.presence = Presence::There;
                connection = Some(asking);
            }
            Err(error) if error.kind == EndpointErrorKind::NotFound => {
                // The broker closes the channel over it.
                asking.close().await;
                channel.presence = Presence::Missing;
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(open) = connection {
        open.close().await;
    }
    Ok(())
}

async fn limits(settings: &Settings, facts: &mut TargetFacts) -> Result<(), EndpointError> {
    let management = Management::of(settings)?;
    let virtual_host = settings.virtual_host_name();
    let queues: Vec<Limited> = management.list("queues", &virtual_host).await?;
    let bindings: Vec<Binding> = if settings.exchange.is_empty() {
        Vec::new()
    } else {
        management.list("bindings", &virtual_host).await?
    };
    for channel in &mut facts.channels {
        if settings.exchange.is_empty() {
            // The default exchange leads to the queue of that name.
            match queues.iter().find(|queue| queue.name == channel.channel) {
                Some(queue) => {
                    channel.presence = Presence::There;
                    queue.limit(channel);
                }
                None => channel.presence = Presence::Missing,
            }
            continue;
        }
        channel.presence = Presence::There;
        let name = channel.channel.clone();
        let bound = |queue: &&Limited| {
            bindings.iter().any(|binding| {
                binding.source == settings.exchange
                    && binding.destination == queue.name
                    && (binding.routing_key == name || binding.routing_key.is_empty())
            })
        };
        for queue in queues.iter().filter(bound) {
            queue.limit(channel);
        }
    }
    Ok(())
}

impl Limited {
    /// The lowest number of this name: as an argument with `x-`, or in a policy without.
    fn least(&self, name: &str) -> Option<u64> {
        let empty = Map::new();
        let object = |value: &Value| value.as_object().unwrap_or(&empty).clone();
        let own = object(&self.arguments).get(&format!("x-{name}")).and_then(Value::as_u64);
        let policy = object(&self.effective_policy_definition).get(name).and_then(Value::as_u64);
        own.into_iter().chain(policy).min()
    }

    fn refuses(&self) -> bool {
        let says = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_str).is_some_and(|how| how.starts_with("reject-publish"))
        };
        says(&self.arguments, "x-overflow") || says(&self.effective_policy_definition, "overflow")
    }

    /// Adds what limits this queue to what is known already: the lower limit counts.
    fn limit(&self, channel: &mut ChannelFacts) {
        fn least<T: Ord + Copy>(one: Option<T>, other: Option<T>) -> Option<T> {
            one.into_iter().chain(other).min()
        }
        channel.kept_for = least(channel.kept_for, self.least("message-ttl").map(Duration::from_millis));
        channel.most_events = least(channel.most_events, self.least("max-length"));
        channel.most_bytes = least(channel.most_bytes, self.least("max-length-bytes"));
        channel.refuses_when_full |= self.refuses();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Limited;
    use crate::endpoint::facts::ChannelFacts;

    #[test]
    fn the_lower_of_arguments_and_policies_counts() {
        let queue: Limited = serde_json::from_str(
            r#"{"name":"q","arguments":{"x-max-length":10,"x-message-ttl":60000},
                "effective_policy_definition":{"max-length":7,"overflow":"reject-publish"}}"#,
        )
        .expect("a queue");
        let mut channel = ChannelFacts::unknown("q");
        queue.limit(&mut channel);
        assert_eq!((channel.most_events, channel.kept_for), (Some(7), Some(Duration::from_secs(60))));
        assert!(channel.refuses_when_full && channel.most_bytes.is_none());
        // Without a policy the interface shows an empty list.
        let bare: Limited =
            serde_json::from_str(r#"{"name":"q","arguments":{},"effective_policy_definition":[]}"#)
                .expect("a queue");
        assert_eq!(bare.least("max-length"), None);
    }
}
