//! NATS core and JetStream as source and sink: reading and asking over the official client, publishing over a connection of
//! our own.

use std::time::Duration;

use super::address::Scheme;
use super::address_options::AddressOptions;
use super::capabilities::{Acknowledgement, Assurance, Facts};
use super::facts::{DecidedBy, Refusal, TargetFacts};
use super::inspect::{Inspect, ProbeReport};
use super::{
    Address, Capabilities, Credentials, End, EndpointError, Sink, SinkOptions, Source, SourceOptions,
};

mod access;
mod acknowledgements;
mod connection;
mod facts;
mod failure;
mod greeting;
mod listening;
mod message;
mod monitoring;
mod observe;
mod part;
mod pipe;
mod reader;
mod sink;
mod source;
mod stream_sink;
mod stream_source;
mod streams;
mod taking_source;
mod whoami;
mod wire;

/// What NATS core carries.
pub const CORE: Capabilities = Capabilities {
    name: "NATS",
    keys: false,
    headers: true,
    repeated_headers: true,
    header_order: false,
    binary_headers: false,
    null_headers: false,
    null_payload: false,
    facts: Facts::Only(&["reply"]),
    timestamps: false,
    time_unit: 1,
    partitions: false,
    acknowledgement: Acknowledgement::None,
    assurance: Assurance::AtMostOnce,
    replayable: false,
    seek_time: false,
    max_payload: Some(1_048_576),
};

/// What JetStream carries.
pub const JETSTREAM: Capabilities = Capabilities {
    name: "NATS JetStream",
    acknowledgement: Acknowledgement::PerEvent,
    assurance: Assurance::EffectivelyOnce,
    replayable: true,
    seek_time: true,
    // A stream answers in its place.
    facts: Facts::Only(&[]),
    ..CORE
};

/// Subscribes to the subject in the path; with the scheme of JetStream, reads the stream that the path names, or the one
/// that keeps the subject in the path.
///
/// # Errors
/// When the server cannot be reached, does not let us in, refuses the subscription, or has no such stream.
pub async fn open_source(
    address: &Address,
    options: &SourceOptions,
) -> Result<Box<dyn Source>, EndpointError> {
    message::check_path(address, true)?;
    match (address.scheme, &options.takes) {
        (Scheme::JetStream, Some(durable)) => {
            Ok(Box::new(taking_source::TakingSource::open(address, durable, options).await?))
        }
        (Scheme::JetStream, None) => Ok(Box::new(stream_source::StreamSource::open(address, options).await?)),
        _ => Ok(Box::new(source::NatsSource::open(address, options).await?)),
    }
}

/// Connects for publishing; with the scheme of JetStream, into streams.
///
/// # Errors
/// When the server cannot be reached, does not let us in, or no stream takes the subject.
pub async fn open_sink(address: &Address, options: &SinkOptions) -> Result<Box<dyn Sink>, EndpointError> {
    message::check_path(address, address.scheme == Scheme::JetStream)?;
    match address.scheme {
        Scheme::JetStream => Ok(Box::new(stream_sink::StreamSink::open(address, options).await?)),
        _ => Ok(Box::new(sink::NatsSink::open(address, options).await?)),
    }
}

/// What the one or the other takes from a sender.
///
/// # Errors
/// When the address has options there are not.
pub fn capabilities(address: &Address) -> Result<Capabilities, EndpointError> {
    let (carried, known): (_, &[&str]) = match address.scheme {
        Scheme::JetStream => (JETSTREAM, &stream_sink::OPTIONS),
        _ => (CORE, &sink::OPTIONS),
    };
    AddressOptions::of_role(address, &connection::known(known), (&["queue", "subject"], "reading"))?;
    Ok(carried)
}

/// Which events cannot be published, by the same means that write them.
///
/// # Errors
/// When the address has options there are not.
pub fn refusal(address: &Address, _: &SinkOptions) -> Result<Refusal, EndpointError> {
    capabilities(address)?;
    let address = address.clone();
    let into_jetstream = address.scheme == Scheme::JetStream;
    // A path may also be the name of a stream; which subject of it an event goes to, only the server can say.
    Ok(Refusal::new(DecidedBy::Labels, move |event| {
        let subject = address.channel_for(event);
        subject.and_then(|subject| message::check(event, subject, into_jetstream)).err()
    }))
}

/// The present ends of the streams that keep these subjects, or have these names.
///
/// # Errors
/// When the server cannot be reached, does not let us in, or no stream keeps a subject.
pub async fn ends(
    address: &Address,
    options: &SinkOptions,
    channels: &[&str],
) -> Result<Option<Vec<End>>, EndpointError> {
    streams::ends(address, options, channels).await
}

/// Whether the stream of a channel still holds everything that has come to it since this place.
///
/// # Errors
/// When the server cannot be reached or does not let us in.
pub async fn holds_all_since(
    address: &Address,
    options: &SinkOptions,
    place: &End,
) -> Result<bool, EndpointError> {
    streams::holds_all_since(address, options, place).await
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

/// Connects in order to ask the server about its streams and consumers.
///
/// # Errors
/// When the server cannot be reached or does not let us in.
pub async fn inspect(address: &Address, options: &SinkOptions) -> Result<Box<dyn Inspect>, EndpointError> {
    Ok(Box::new(observe::NatsInspector::open(address, options).await?))
}
