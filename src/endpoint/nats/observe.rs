//! What a NATS server tells of itself: its identity, its streams and their consumers.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt;

use super::connection::{Connection, connect};
use super::{failure, whoami};
use crate::endpoint::inspect::{Inspect, Observed, ObservedChannel, ObservedReader, ProbeReport, Problem};
use crate::endpoint::{Address, BoxFuture, Credentials, EndpointError, EndpointErrorKind, SinkOptions};

/// Options of the source and the sink; a probe takes every address they take.
const OPTIONS: [&str; 3] = ["queue", "subject", "window"];

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
    whoami::describe(&connection, &mut report).await;
    describe_streams(&connection, &mut report).await;
    report
}

async fn describe_streams(connection: &Connection, report: &mut ProbeReport) {
    let context = async_nats::jetstream::new(connection.client.clone());
    match context.query_account().await {
        Ok(account) => {
            report.fact("JetStream", &"yes");
            report.fact("streams", &account.streams);
            report.fact("consumers", &account.consumers);
        }
        Err(error) => {
            report.fact("JetStream", &"no");
            if connection.address.scheme == crate::endpoint::address::Scheme::JetStream {
                let error = failure::request("tell of JetStream", &error, &connection.address);
                report.problems.push(Problem::from(&error));
            }
        }
    }
}

/// A connection for questions about streams and consumers.
#[derive(Debug)]
pub(super) struct NatsInspector {
    connection: Connection,
}

impl NatsInspector {
    /// Connects.
    pub(super) async fn open(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        let connection =
            connect(address, options.credentials.as_ref(), options.connect_timeout, &OPTIONS).await?;
        Ok(Self { connection })
    }

    async fn ask(&self) -> Result<Observed, EndpointError> {
        let address = &self.connection.address;
        let context = async_nats::jetstream::new(self.connection.client.clone());
        let mut observed = Observed {
            not_observable: vec![
                "publishers: a NATS server does not tell who publishes to what".to_owned(),
                "core subscribers: shown only on the server's monitoring port".to_owned(),
            ],
            ..Observed::default()
        };
        let listed: Result<Vec<_>, _> = context.streams().try_collect().await;
        let listed = match listed.map_err(|error| failure::request("list its streams", &error, address)) {
            Ok(listed) => listed,
            Err(error) if error.kind == EndpointErrorKind::Unsupported => {
                observed.not_observable.push("streams: this server runs without JetStream".to_owned());
                return Ok(observed);
            }
            Err(error) => return Err(error),
        };
        for info in listed {
            let mut channel = ObservedChannel {
                name: info.config.name.clone(),
                addresses: info.config.subjects.clone(),
                events: Some(info.state.messages),
                bytes: Some(info.state.bytes),
                readers: Vec::new(),
            };
            let stream = context.get_stream_no_info(&info.config.name).await;
            let stream = stream.map_err(|error| failure::request("open a stream", &error, address))?;
            let consumers: Result<Vec<_>, _> = stream.consumers().try_collect().await;
            let consumers = consumers.map_err(|error| failure::request("list consumers", &error, address))?;
            channel.readers = consumers
                .into_iter()
                .map(|consumer| ObservedReader { name: consumer.name, waiting: Some(consumer.num_pending) })
                .collect();
            observed.channels.push(channel);
        }
        Ok(observed)
    }
}

impl Inspect for NatsInspector {
    fn topology(&mut self) -> BoxFuture<'_, Result<Observed, EndpointError>> {
        Box::pin(self.ask())
    }
}
