//! RabbitMQ over AMQP 0-9-1 as source and sink: exchanges, queues and streams. The protocol is spoken here, without a
//! client library; `docs/decisions/0002-amqp-client.md` says why.

use std::time::Duration;

use super::capabilities::Acknowledgement;
use super::inspect::{Inspect, ProbeReport};
use super::{Address, Capabilities, Credentials, EndpointError, Sink, SinkOptions, Source, SourceOptions};

mod connection;
mod failure;
mod handshake;
mod management;
mod message;
mod observe;
mod place;
mod settings;
mod sink;
mod source;
mod window;
mod wire;

use settings::Settings;

/// What AMQP 0-9-1 carries.
pub const CAPABILITIES: Capabilities = Capabilities {
    name: "RabbitMQ",
    keys: false,
    headers: true,
    repeated_headers: false,
    header_order: true,
    binary_headers: true,
    null_headers: true,
    null_payload: false,
    timestamps: true,
    partitions: false,
    acknowledgement: Acknowledgement::PerEvent,
    replayable: false,
    seek_time: false,
    max_payload: None,
};

/// What a stream of RabbitMQ carries, over the same protocol. It keeps messages in the form of AMQP 1.0, with sorted headers.
pub const STREAM: Capabilities = Capabilities {
    name: "RabbitMQ stream",
    header_order: false,
    replayable: true,
    seek_time: true,
    ..CAPABILITIES
};

/// Reads what an exchange passes on, or the queue or stream that `queue` names.
///
/// # Errors
/// When the broker cannot be reached, does not let us in, or has no such exchange or queue.
pub async fn open_source(
    address: &Address,
    options: &SourceOptions,
) -> Result<Box<dyn Source>, EndpointError> {
    let settings = Settings::read(address, options.credentials.as_ref(), options.connect_timeout)?;
    Ok(Box::new(source::AmqpSource::open(settings, options).await?))
}

/// Connects for publishing.
///
/// # Errors
/// When the broker cannot be reached, does not let us in, or has no such exchange or queue.
pub async fn open_sink(address: &Address, options: &SinkOptions) -> Result<Box<dyn Sink>, EndpointError> {
    let settings = Settings::read(address, options.credentials.as_ref(), options.connect_timeout)?;
    Ok(Box::new(sink::AmqpSink::open(settings, options).await?))
}

/// What it carries, whatever the address.
///
/// # Errors
/// When the address has options there are not.
pub fn capabilities(address: &Address) -> Result<Capabilities, EndpointError> {
    settings::check(address)?;
    Ok(CAPABILITIES)
}

/// Connects once and says what answered.
pub async fn probe(address: &Address, credentials: Option<&Credentials>, timeout: Duration) -> ProbeReport {
    observe::probe(address, credentials, timeout).await
}

/// Connects in order to ask the broker about its exchanges, queues and consumers.
///
/// # Errors
/// When the broker cannot be reached or does not let us in.
pub async fn inspect(address: &Address, options: &SinkOptions) -> Result<Box<dyn Inspect>, EndpointError> {
    let settings = Settings::read(address, options.credentials.as_ref(), options.connect_timeout)?;
    Ok(Box::new(observe::AmqpInspector::open(settings).await?))
}
