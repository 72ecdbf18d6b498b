//! RabbitMQ over AMQP 0-9-1 as source and sink: exchanges, queues and streams. The protocol is spoken here, without a
//! client library; `docs/decisions/0002-amqp-client.md` says why.

use std::time::Duration;

use super::capabilities::{Acknowledgement, Assurance, Facts};
use super::facts::{DecidedBy, Refusal, TargetFacts};
use super::inspect::{Inspect, ProbeReport};
use super::{Address, Capabilities, Credentials, EndpointError, Sink, SinkOptions, Source, SourceOptions};

mod clients;
mod connection;
mod consumer;
mod dead_letters;
mod facts;
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
use wire::method::{Assembly, Method};
use wire::{FrameKind, take_frame};

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
    facts: Facts::Only(&[
        "app_id",
        "cluster_id",
        "content_encoding",
        "content_type",
        "correlation_id",
        "expiration",
        "message_id",
        "priority",
        "reply_to",
        "type",
        "user_id",
    ]),
    timestamps: true,
    time_unit: 1000,
    partitions: false,
    acknowledgement: Acknowledgement::PerEvent,
    assurance: Assurance::AtLeastOnce,
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

/// Takes bytes as a broker sends them for what they are, up to the first that are not AMQP, and counts the events in
/// them. No connection reads like this; it is here for fuzzing.
#[doc(hidden)]
#[must_use]
pub fn events_in(bytes: &[u8]) -> usize {
    let (mut buffer, mut assembly, mut events) = (bytes.into(), Assembly::default(), 0);
    while let Ok(Some(frame)) = take_frame(&mut buffer) {
        match frame.kind {
            FrameKind::Heartbeat => {}
            FrameKind::Method => match Method::read(frame.payload) {
                Ok(method @ (Method::Deliver { .. } | Method::Return { .. })) => assembly.begin(method),
                Ok(_) => {}
                Err(_) => break,
            },
            FrameKind::Header | FrameKind::Body => match assembly.add(frame) {
                Ok(Some((method, properties, body))) => {
                    events += usize::from(message::event(method, &properties, body).is_some());
                }
                Ok(None) => {}
                Err(_) => break,
            },
        }
    }
    events
}

/// Reads what an exchange passes on, or the queue or stream that `queue` names.
///
/// # Errors
/// When the broker cannot be reached, does not let us in, or has no such exchange or queue.
pub async fn open_source(
    address: &Address,
    options: &SourceOptions,
) -> Result<Box<dyn Source>, EndpointError> {
    settings::check_reading(address)?;
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

/// Which events cannot be written as messages, by the same means that write them.
///
/// # Errors
/// When the address or the options cannot be used.
pub fn refusal(address: &Address, options: &SinkOptions) -> Result<Refusal, EndpointError> {
    let settings = Settings::read(address, options.credentials.as_ref(), options.connect_timeout)?;
    Ok(Refusal::new(DecidedBy::Everything, move |event| {
        let key = sink::routing_key(&settings, event);
        key.and_then(|_| message::properties(event, &settings.login)).err()
    }))
}

/// What it carries, whatever the address.
///
/// # Errors
/// When the address has options there are not.
pub fn capabilities(address: &Address) -> Result<Capabilities, EndpointError> {
    settings::check(address)?;
    Ok(CAPABILITIES)
}

/// What it tells of the channels that events of these channels go to.
///
/// # Errors
/// When it cannot be reached or does not let us in.
pub async fn target_facts(
    address: &Address,
    options: &SinkOptions,
    channels: &[&str],
) -> Result<TargetFacts, EndpointError> {
    facts::ask(address, options, channels).await
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
