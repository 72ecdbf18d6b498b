//! The management interface of RabbitMQ over HTTP, read only: exchanges, queues, bindings and consumers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::clients::{self, ChannelDetails, Client, Clients, Consumer, Incoming, Overview, Publisher};
use super::dead_letters;
use super::settings::{Login, Settings};
use crate::endpoint::inspect::{
    Count, Direction, NotObservable, Observed, ObservedChannel, ObservedReader, Why,
};
use crate::endpoint::{Credentials, EndpointError, EndpointErrorKind};

/// Its port, and the one with encryption.
const PORTS: (u16, u16) = (15672, 15671);
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Exchanges asked about at most: each takes a question.
const EXCHANGES: usize = 500;

/// The interface of one broker.
#[derive(Debug)]
pub(super) struct Management {
    client: reqwest::Client,
    base: url::Url,
    login: Option<Credentials>,
}

#[derive(Debug, Deserialize)]
struct Exchange {
    name: String,
    message_stats: Option<Stats>,
}

/// What the broker has counted; it leaves out what is zero.
#[derive(Debug, Deserialize)]
struct Stats {
    publish_in: Option<u64>,
    publish: Option<u64>,
}

/// Patterns of names; an empty one fits none.
#[derive(Debug, Deserialize)]
struct Permissions {
    configure: String,
    write: String,
    read: String,
}

/// A queue.
#[derive(Debug, Deserialize)]
pub(super) struct Queue {
    pub(super) name: String,
    messages: Option<u64>,
    message_bytes: Option<u64>,
    messages_ready: Option<u64>,
    message_stats: Option<Stats>,
    #[serde(default)]
    pub(super) arguments: serde_json::Value,
    #[serde(default)]
    pub(super) policy: Option<String>,
    /// An empty list where there is none.
    #[serde(default)]
    pub(super) effective_policy_definition: serde_json::Value,
}

/// Where an exchange leads to.
#[derive(Debug, Deserialize)]
pub(super) struct Binding {
    pub(super) source: String,
    pub(super) destination: String,
    pub(super) destination_type: String,
    pub(super) routing_key: String,
}

impl Management {
    /// Where the address says, or on the usual port of the same host with the same login.
    ///
    /// # Errors
    /// When that is no URL, or no client can be made.
    pub(super) fn of(settings: &Settings) -> Result<Self, EndpointError> {
        let address = &settings.address;
        let host =
            if address.host.contains(':') { format!("[{}]", address.host) } else { address.host.clone() };
        let usual = || {
            let (scheme, port) = if address.tls { ("https", PORTS.1) } else { ("http", PORTS.0) };
            url::Url::parse(&format!("{scheme}://{host}:{port}"))
        };
        let unusable = |cause: &dyn std::fmt::Display| {
            let message = format!("the management interface of `{address}` cannot be asked: {cause}");
            EndpointError::new(EndpointErrorKind::Unsupported, message)
                .help("name it with `management=URL`, such as `http://HOST:15672`")
        };
        let mut base =
            settings.management.clone().map_or_else(usual, Ok).map_err(|cause| unusable(&cause))?;
        let decode = crate::event::percent::decode_text;
        let written = (!base.username().is_empty()).then(|| Credentials {
            username: decode(base.username()),
            password: decode(base.password().unwrap_or_default()),
        });
        let login = written.or_else(|| match &settings.login {
            Login::Plain(known) => Some(known.clone()),
            Login::External => None,
        });
        // Neither fails for a URL with a host.
        let _ = (base.set_username(""), base.set_password(None));
        // A provider installed before, by a driver for another broker, is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("eddy/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none());
        let builder = match &settings.encryption {
            Some(encryption) => builder.tls_backend_preconfigured(encryption.as_ref().clone()),
            None => builder,
        };
        let client = builder.build().map_err(|cause| unusable(&cause))?;
        Ok(Self { client, base, login })
    }

    /// What is in a virtual host.
    ///
    /// # Errors
    /// When the interface does not answer or forbids the question.
    pub(super) async fn topology(&self, virtual_host: &str) -> Result<Observed, EndpointError> {
        let exchanges: Vec<Exchange> = self.list("exchanges", virtual_host).await?;
        let queues: Vec<Queue> = self.list("queues", virtual_host).await?;
        let bindings: Vec<Binding> = self.list("bindings", virtual_host).await?;
        let consumers: Vec<Consumer> = self.list("consumers", virtual_host).await?;
        let connections: Result<Vec<Client>, _> = self.vhost_list(virtual_host, "connections").await;
        let mut not_observable = Vec::new();
        let clients = Clients::new(connections.unwrap_or_else(|error| {
            not_observable.push(NotObservable::remark(Why::Denied, format!("names of connections: {error}")));
            Vec::new()
        }));
        let waiting: BTreeMap<&str, Option<u64>> =
            queues.iter().map(|queue| (queue.name.as_str(), queue.messages_ready)).collect();
        let mut flows = clients::consuming(&consumers, &bindings, &clients, &waiting);
        flows.extend(dead_letters::flows(&queues, &bindings));
        match self.publishers(virtual_host, &exchanges).await {
            Ok(publishers) => {
                let (sending, unseen) = clients::publishing(&publishers, &bindings, &clients);
                flows.extend(sending);
                not_observable.extend(unseen);
            }
            Err(unseen) => not_observable.push(unseen),
        }
        let counts = counts(&exchanges, &queues);
        let mut channels = exchange_channels(exchanges, &queues, &bindings);
        channels.extend(queue_channels(queues, &bindings, consumers));
        let overview: Result<Overview, _> = self.get(&["overview"]).await;
        let cluster = overview.ok().map(|told| told.cluster_name).filter(|name| !name.is_empty());
        let identity = cluster.map(|name| format!("{name}/{virtual_host}"));
        Ok(Observed { identity, channels, flows, not_observable, counts, ..Observed::default() })
    }

    /// What a user may do in a virtual host, in words: patterns of the names it may configure, write and read. Only
    /// administrators are told.
    ///
    /// # Errors
    /// When the interface does not answer or forbids the question.
    pub(super) async fn permissions(&self, user: &str, virtual_host: &str) -> Result<String, EndpointError> {
        let told: Permissions = self.get(&["permissions", virtual_host, user]).await?;
        let shown =
            |pattern: &str| if pattern.is_empty() { "nothing".to_owned() } else { format!("`{pattern}`") };
        let (configure, write, read) = (shown(&told.configure), shown(&told.write), shown(&told.read));
        Ok(format!("configure {configure}, write {write}, read {read}"))
    }

    /// Who publishes to each exchange, where the broker counts that.
    async fn publishers(
        &self,
        virtual_host: &str,
        exchanges: &[Exchange],
    ) -> Result<Vec<(String, Vec<Publisher>)>, NotObservable> {
        let unseen = |error: &EndpointError| NotObservable::error(Direction::Sends, "publishers", error);
        let overview: Overview = self.get(&["overview"]).await.map_err(|error| unseen(&error))?;
        if overview.rates_mode != "detailed" {
            let words = format!(
                "publishers: the broker counts by `management.rates_mode = {}`; `detailed` tells who publishes",
                overview.rates_mode
            );
            return Err(NotObservable::of(Direction::Sends, Why::Off, words));
        }
        if exchanges.len() > EXCHANGES {
            let words = format!("publishers: there are {} exchanges, more than {EXCHANGES}", exchanges.len());
            return Err(NotObservable::of(Direction::Sends, Why::Incomplete, words));
        }
        let mut publishers = Vec::new();
        for exchange in exchanges {
            let name = if exchange.name.is_empty() { "amq.default" } else { &exchange.name };
            let told: Incoming =
                self.get(&["exchanges", virtual_host, name]).await.map_err(|error| unseen(&error))?;
            publishers.push((exchange.name.clone(), told.incoming));
        }
        Ok(publishers)
    }

    /// Everything of a kind in a virtual host.
    ///
    /// # Errors
    /// When the interface does not answer or forbids the question.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        what: &str,
        virtual_host: &str,
    ) -> Result<Vec<T>, EndpointError> {
        self.get(&[what, virtual_host]).await
    }

    async fn vhost_list<T: DeserializeOwned>(
        &self,
        virtual_host: &str,
        what: &str,
    ) -> Result<Vec<T>, EndpointError> {
        self.get(&["vhosts", virtual_host, what]).await
    }

    async fn get<T: DeserializeOwned>(&self, place: &[&str]) -> Result<T, EndpointError> {
        let what = if place.first() == Some(&"vhosts") { place.last() } else { place.first() };
        let what = what.copied().unwrap_or_default();
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("api").extend(place);
        }
        let mut request = self.client.get(url);
        if let Some(login) = &self.login {
            request = request.basic_auth(&login.username, Some(&login.password));
        }
        let answer = request.send().await.map_err(|error| self.silent(&error))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(self.forbidden(what, status));
        }
        let bytes = answer.bytes().await.map_err(|error| self.silent(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let message =
                format!("`{}` does not answer as the management interface of RabbitMQ: {error}", self.base);
            EndpointError::new(EndpointErrorKind::Malformed, message).help("name it with `?management=URL`")
        })
    }

    fn silent(&self, error: &reqwest::Error) -> EndpointError {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let message = format!("the management interface at `{}` does not answer: {cause}", self.base);
        EndpointError::new(EndpointErrorKind::Unreachable, message).help(
            "`rabbitmq-plugins enable rabbitmq_management` starts it; `?management=URL` names another place",
        )
    }

    fn forbidden(&self, what: &str, status: reqwest::StatusCode) -> EndpointError {
        let message = format!("the management interface at `{}` does not show {what} ({status})", self.base);
        let kind = match status.as_u16() {
            401 | 403 => EndpointErrorKind::Unauthorised,
            404 => EndpointErrorKind::NotFound,
            _ => EndpointErrorKind::Rejected,
        };
        EndpointError::new(kind, message)
            .help("give the user the tag `monitoring` with `rabbitmqctl set_user_tags`, or use another user")
    }
}

/// What went into each exchange and each queue.
fn counts(exchanges: &[Exchange], queues: &[Queue]) -> Vec<Count> {
    let count = |name: &str, events: Option<u64>| {
        Some(Count { channel: name.to_owned(), reader: None, events: events? })
    };
    let into = exchanges.iter().filter(|exchange| !exchange.name.is_empty()).filter_map(|exchange| {
        count(&exchange.name, exchange.message_stats.as_ref().and_then(|stats| stats.publish_in))
    });
    let kept = queues
        .iter()
        .filter_map(|queue| count(&queue.name, queue.message_stats.as_ref().and_then(|stats| stats.publish)));
    into.chain(kept).collect()
}

/// An exchange takes events for the keys bound to it; its readers are the queues and exchanges behind.
fn exchange_channels(
    exchanges: Vec<Exchange>,
    queues: &[Queue],
    bindings: &[Binding],
) -> Vec<ObservedChannel> {
    let waiting: BTreeMap<&str, Option<u64>> =
        queues.iter().map(|queue| (queue.name.as_str(), queue.messages_ready)).collect();
    let channels = exchanges.into_iter().map(|exchange| {
        let bound = || bindings.iter().filter(|binding| binding.source == exchange.name);
        let mut addresses: Vec<String> = bound().map(|binding| binding.routing_key.clone()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let mut readers: Vec<ObservedReader> = bound()
            .map(|binding| ObservedReader {
                name: format!("{} {}", binding.destination_type, binding.destination),
                waiting: (binding.destination_type == "queue")
                    .then(|| waiting.get(binding.destination.as_str()).copied().flatten())
                    .flatten(),
            })
            .collect();
        readers.sort_by(|one, other| one.name.cmp(&other.name));
        readers.dedup();
        ObservedChannel { name: exchange.name, addresses, events: None, bytes: None, readers }
    });
    // The default exchange leads to every queue by its name, and those the broker brings along say nothing unless used.
    let unused = |channel: &ObservedChannel| channel.name.starts_with("amq.") && channel.readers.is_empty();
    channels.filter(|channel| !channel.name.is_empty()).filter(|channel| !unused(channel)).collect()
}

/// A queue takes events from exchanges by keys; its readers are the consumers.
fn queue_channels(
    queues: Vec<Queue>,
    bindings: &[Binding],
    consumers: Vec<Consumer>,
) -> Vec<ObservedChannel> {
    let mut readers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for consumer in consumers {
        let name = match consumer.channel_details {
            Some(ChannelDetails::Known { connection_name, .. }) => {
                format!("{} ({connection_name})", consumer.tag)
            }
            _ => consumer.tag,
        };
        readers.entry(consumer.queue.name).or_default().push(name);
    }
    let channels = queues.into_iter().map(|queue| {
        let bound = bindings.iter().filter(|binding| {
            binding.destination_type == "queue"
                && binding.destination == queue.name
                && !binding.source.is_empty()
        });
        let names = readers.remove(&queue.name).unwrap_or_default();
        ObservedChannel {
            addresses: bound.map(|binding| format!("{}/{}", binding.source, binding.routing_key)).collect(),
            events: queue.messages,
            bytes: queue.message_bytes,
            readers: names
                .into_iter()
                .map(|name| ObservedReader { name, waiting: queue.messages_ready })
                .collect(),
            name: queue.name,
        }
    });
    channels.collect()
}
