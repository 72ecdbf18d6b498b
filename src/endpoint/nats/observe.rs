//! What a NATS server tells of itself: its identity, its streams and their consumers.

use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::Info;
use async_nats::jetstream::stream::Stream;
use futures_util::TryStreamExt;

use super::connection::{Connection, connect};
use super::streams::{self, API, Meaning};
use super::whoami::{self, User};
use super::{failure, monitoring};
use crate::endpoint::address::Scheme;
use crate::endpoint::inspect::{
    Count, Direction, Inspect, KnownBy, NotObservable, Observed, ObservedChannel, ObservedFlow,
    ObservedReader, ProbeReport, Problem, SeenBy, Why,
};
use crate::endpoint::{Address, BoxFuture, Credentials, EndpointError, EndpointErrorKind, SinkOptions};

/// Options of the source and the sink; a probe takes every address they take.
const OPTIONS: [&str; 4] = ["mode", "queue", "subject", "window"];

/// How long the answer about JetStream may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it may take until what the server has said before is heard.
const HEARD: Duration = Duration::from_millis(100);

/// Connects once and says what answered.
pub(super) async fn probe(
    address: &Address,
    credentials: Option<&Credentials>,
    timeout: Duration,
) -> ProbeReport {
    let began = Instant::now();
    let connection = match connect(address, credentials, timeout, &OPTIONS).await {
        Ok(connection) => connection,
        Err(error) => return ProbeReport::failed(address, &error),
    };
    let mut report = ProbeReport::greeted(address, began.elapsed());
    let info = connection.client.server_info();
    report.server = Some(format!("nats-server {}", info.version));
    report.protocol = Some(format!("NATS protocol {}", info.proto));
    report.fact("server name", &info.server_name);
    if let Some(cluster) = &info.cluster {
        report.fact("cluster", cluster);
    }
    report.fact("largest payload", &format!("{} bytes", info.max_payload));
    let user = whoami::describe(&connection, &mut report).await;
    if address.scheme == Scheme::Nats && !address.path.is_empty() {
        try_subject(&connection, user.as_ref(), &mut report).await;
    }
    describe_streams(&connection, &mut report).await;
    report
}

/// Subscribes to the subject of the address for a moment: the server says at once when that is forbidden. Who may publish to it
/// can use it all the same.
async fn try_subject(connection: &Connection, user: Option<&User>, report: &mut ProbeReport) {
    let subject = &connection.address.path;
    let Ok(mut trial) = connection.client.subscribe(subject.clone()).await else {
        return report.unusable(&failure::bad_subject(subject));
    };
    // Who may not use inboxes gets no answer.
    let _ = connection.round_trip(PATIENCE).await;
    let refusal = tokio::time::timeout(HEARD, connection.subscription_refused(subject)).await;
    // Events that come meanwhile are nobody's.
    let _ = trial.unsubscribe().await;
    let Ok(refusal) = refusal else { return };
    let is_one = !subject.split('.').any(|word| word == "*" || word == ">");
    if is_one && user.is_some_and(|user| user.may_publish(subject)) {
        report.fact("subject", &"may be published to, and not be subscribed to");
    } else {
        report.unusable(&refusal);
    }
}

async fn describe_streams(connection: &Connection, report: &mut ProbeReport) {
    let context = async_nats::jetstream::new(connection.client.clone());
    let address = &connection.address;
    let account = async {
        context.query_account().await.map_err(|error| failure::request("tell of JetStream", &error, address))
    };
    let reads_streams = address.scheme == Scheme::JetStream;
    match soon(connection, account).await {
        Ok(account) => {
            report.fact("JetStream", &"yes");
            report.fact("streams", &account.streams);
            report.fact("consumers", &account.consumers);
        }
        Err(error) => {
            let is_there = match error.kind {
                EndpointErrorKind::Unauthorised => "not observable: we may not ask",
                EndpointErrorKind::Timeout => "not observable: the server does not answer",
                _ => "no",
            };
            report.fact("JetStream", &is_there);
            // What is named is asked for besides, and the same is said of it.
            if reads_streams && address.path.is_empty() {
                report.problems.push(Problem::from(&error));
            }
        }
    }
    if !reads_streams || address.path.is_empty() {
        return;
    }
    match soon(connection, streams::find(&context, &address.path, address)).await {
        Ok(Meaning::Stream(stream) | Meaning::Subject(stream)) => {
            report.fact("stream", &stream.cached_info().config.name);
        }
        Err(error) => report.unusable(&error),
    }
}

/// The answer to a question about JetStream, which may be forbidden or not come.
async fn soon<T>(
    connection: &Connection,
    question: impl Future<Output = Result<T, EndpointError>>,
) -> Result<T, EndpointError> {
    let asked = tokio::time::timeout(PATIENCE, connection.unless_refused(API, question)).await;
    asked.unwrap_or_else(|_| {
        let address = &connection.address;
        let message = format!("`{address}` did not tell of JetStream within {} s", PATIENCE.as_secs());
        Err(EndpointError::new(EndpointErrorKind::Timeout, message))
    })
}

/// A connection for questions about streams and consumers.
#[derive(Debug)]
pub(super) struct NatsInspector {
    connection: Connection,
    monitoring: Option<String>,
}

impl NatsInspector {
    /// Connects.
    pub(super) async fn open(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        let connection =
            connect(address, options.credentials.as_ref(), options.connect_timeout, &OPTIONS).await?;
        let monitoring = address.option("monitor").map(str::to_owned);
        Ok(Self { connection, monitoring })
    }

    /// What is known without a question. A server has its own identity only: the name of its cluster is the same wherever one chart was used.
    fn unasked(&self) -> Observed {
        let publishers = "publishers: a NATS server does not tell who publishes to what";
        Observed {
            identity: Some(self.connection.client.server_info().server_id),
            not_observable: vec![NotObservable::of(Direction::Sends, Why::Unsupported, publishers)],
            ..Observed::default()
        }
    }

    async fn ask(&self) -> Result<Observed, EndpointError> {
        let address = &self.connection.address;
        let context = async_nats::jetstream::new(self.connection.client.clone());
        let mut observed = self.unasked();
        self.ask_monitoring(&mut observed).await;
        let list = async {
            let listed: Result<Vec<_>, _> = context.streams().try_collect().await;
            listed.map_err(|error| failure::request("list its streams", &error, address))
        };
        let listed = match self.connection.unless_refused(API, list).await {
            Ok(listed) => listed,
            Err(error) if error.kind == EndpointErrorKind::Unsupported => {
                let words = "streams: this server runs without JetStream";
                observed.not_observable.push(NotObservable::remark(Why::Unsupported, words));
                return Ok(observed);
            }
            Err(error) if error.kind == EndpointErrorKind::Unauthorised => {
                observed.not_observable.push(NotObservable::error(Direction::Receives, "streams", &error));
                return Ok(observed);
            }
            Err(error) => return Err(error),
        };
        for info in listed {
            observed.counts.push(count(&info.config.name, None, info.state.last_sequence));
            let mut channel = ObservedChannel {
                name: info.config.name.clone(),
                addresses: info.config.subjects.clone(),
                events: Some(info.state.messages),
                bytes: Some(info.state.bytes),
                readers: Vec::new(),
            };
            let stream = context.get_stream_no_info(&info.config.name).await;
            let stream = stream.map_err(|error| failure::request("open a stream", &error, address))?;
            match self.consumers(&stream).await {
                Ok(consumers) => {
                    let taken = consumers.iter().filter_map(|consumer| {
                        let given = consumer.delivered.consumer_sequence;
                        Some(count(&info.config.name, Some(name_of(consumer)?), given))
                    });
                    observed.counts.extend(taken);
                    let flows = consumers.iter().filter_map(|consumer| flow(consumer, &channel.addresses));
                    observed.flows.extend(flows);
                    let reader = |consumer: Info| ObservedReader {
                        name: consumer.name,
                        waiting: Some(consumer.num_pending),
                    };
                    channel.readers = consumers.into_iter().map(reader).collect();
                }
                Err(error) if error.kind == EndpointErrorKind::Unauthorised => {
                    let what = format!("consumers of stream `{}`", info.config.name);
                    observed.not_observable.push(NotObservable::error(Direction::Receives, &what, &error));
                }
                Err(error) => return Err(error),
            }
            observed.channels.push(channel);
        }
        Ok(observed)
    }

    async fn consumers(&self, stream: &Stream<()>) -> Result<Vec<Info>, EndpointError> {
        let list = async {
            let consumers: Result<Vec<_>, _> = stream.consumers().try_collect().await;
            consumers.map_err(|error| failure::request("list consumers", &error, &self.connection.address))
        };
        self.connection.unless_refused(API, list).await
    }

    /// Subscriptions, where the address names the monitoring port.
    async fn ask_monitoring(&self, observed: &mut Observed) {
        let unseen = match self.monitoring.as_deref() {
            None => NotObservable::of(
                Direction::Receives,
                Why::Off,
                "subscribers without a stream: shown on the monitoring port only; name it with `?monitor=http://HOST:8222`",
            ),
            Some(url) => match monitoring::subscriptions(url).await {
                Ok((flows, complete)) => {
                    observed.flows.extend(flows);
                    if complete {
                        return;
                    }
                    let words = "subscribers without a stream: there are more than were asked for";
                    NotObservable::of(Direction::Receives, Why::Incomplete, words)
                }
                Err(error) => {
                    NotObservable::error(Direction::Receives, "subscribers without a stream", &error)
                }
            },
        };
        observed.not_observable.push(unseen);
    }
}

fn count(channel: &str, reader: Option<String>, events: u64) -> Count {
    Count { channel: channel.to_owned(), reader, events }
}

/// What a consumer is known by. One without a name of its own belongs to a program that looks once, such as ours.
fn name_of(consumer: &Info) -> Option<String> {
    let group = consumer.config.deliver_group.clone().filter(|group| !group.is_empty());
    group.or_else(|| consumer.config.durable_name.clone()).filter(|name| !name.is_empty())
}

/// A consumer as a reader.
fn flow(consumer: &Info, subjects: &[String]) -> Option<ObservedFlow> {
    let config = &consumer.config;
    let who = name_of(consumer)?;
    let mut addresses = config.filter_subjects.clone();
    if !config.filter_subject.is_empty() {
        addresses.push(config.filter_subject.clone());
    }
    if addresses.is_empty() {
        addresses = subjects.to_vec();
    }
    let busy = consumer.num_waiting > 0 || consumer.num_ack_pending > 0 || consumer.push_bound;
    Some(ObservedFlow {
        who,
        known_by: KnownBy::Group,
        clients: Vec::new(),
        direction: Direction::Receives,
        addresses,
        seen_by: SeenBy::JetstreamConsumer,
        confidence: if busy { 95 } else { 70 },
        waiting: Some(consumer.num_pending),
        remark: format!("consumer {} of stream {}", consumer.name, consumer.stream_name),
    })
}

impl Inspect for NatsInspector {
    fn topology(&mut self) -> BoxFuture<'_, Result<Observed, EndpointError>> {
        Box::pin(self.ask())
    }
}
