//! Redis Streams as source and sink, with and without consumer groups.

use std::time::Duration;

use super::capabilities::{Assurance, Facts};
use super::facts::{DecidedBy, Refusal, RisingId, TargetFacts};
use super::inspect::{Inspect, ProbeReport};
use super::{
    Address, Capabilities, Credentials, End, EndpointError, Sink, SinkOptions, Source, SourceOptions,
};

mod answer;
mod connection;
mod entry;
mod facts;
mod failure;
mod group_source;
mod id;
mod merge;
mod observe;
mod permissions;
mod pipe;
mod removal;
mod sentinel;
mod settings;
mod sink;
mod source;
mod streams;
mod wire;

/// What a Redis stream carries; the limit is the server's `proto-max-bulk-len`.
pub const CAPABILITIES: Capabilities = Capabilities {
    name: "Redis Streams",
    assurance: Assurance::EffectivelyOnce,
    facts: Facts::Only(&["content_type"]),
    timestamps: false,
    time_unit: 1000,
    partitions: false,
    max_payload: Some(512 * 1024 * 1024),
    ..Capabilities::ALL
};

/// Reads the streams the path names; as a member of a consumer group when the address names one.
///
/// # Errors
/// When the server cannot be reached, does not let us in, or has no such stream or group.
pub async fn open_source(
    address: &Address,
    options: &SourceOptions,
) -> Result<Box<dyn Source>, EndpointError> {
    let credentials = options.credentials.as_ref();
    let role = settings::Role::Source;
    let settings = settings::Settings::read(address, credentials, options.connect_timeout, role)?;
    let taking = |group: &String| settings::Membership { group: group.clone(), consumer: "eddy".to_owned() };
    match settings.membership.clone().or_else(|| options.takes.as_ref().map(taking)) {
        Some(membership) => {
            Ok(Box::new(group_source::GroupSource::open(settings, membership, options).await?))
        }
        None => Ok(Box::new(source::StreamSource::open(settings, options).await?)),
    }
}

/// Connects for adding entries.
///
/// # Errors
/// When the server cannot be reached, does not let us in, takes no writes, or keeps no stream under that key.
pub async fn open_sink(address: &Address, options: &SinkOptions) -> Result<Box<dyn Sink>, EndpointError> {
    Ok(Box::new(sink::RedisSink::open(address, options).await?))
}

/// Which events have no stream to go to.
///
/// # Errors
/// When the address has options there are not.
pub fn refusal(address: &Address, _: &SinkOptions) -> Result<Refusal, EndpointError> {
    let options = settings::checked(address, settings::Role::Sink)?;
    let keeps_ids = options.text("id") == Some("keep");
    let address = address.clone();
    let refusal = Refusal::new(DecidedBy::Channel, move |event| address.channel_for(event).err());
    Ok(if keeps_ids { refusal.with_ids(sink::kept_id) } else { refusal })
}

/// What it takes from a sender.
///
/// # Errors
/// When the address has options there are not.
pub fn capabilities(address: &Address) -> Result<Capabilities, EndpointError> {
    let options = settings::checked(address, settings::Role::Sink)?;
    Ok(Capabilities { timestamps: options.text("id") == Some("keep"), ..CAPABILITIES })
}

impl From<id::EntryId> for RisingId {
    fn from(id: id::EntryId) -> Self {
        Self { milliseconds: id.milliseconds, number: Some(id.sequence) }
    }
}

/// Where the next entries of these streams will lie, at the earliest.
///
/// # Errors
/// When the server cannot be reached or does not let us in.
pub async fn ends(
    address: &Address,
    options: &SinkOptions,
    channels: &[&str],
) -> Result<Option<Vec<End>>, EndpointError> {
    streams::ends(address, options, channels).await.map(Some)
}

/// Whether a stream still holds everything that has come to it since this place.
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

/// Connects in order to ask the server about its streams, groups and consumers.
///
/// # Errors
/// When the server cannot be reached or does not let us in.
pub async fn inspect(address: &Address, options: &SinkOptions) -> Result<Box<dyn Inspect>, EndpointError> {
    Ok(Box::new(observe::RedisInspector::open(address, options).await?))
}
