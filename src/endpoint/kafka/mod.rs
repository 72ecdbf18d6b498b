//! Kafka as source and sink, over librdkafka.

use std::time::Duration;

use super::address_options::AddressOptions;
use super::ahead::Ahead;
use super::capabilities::{Assurance, Facts};
use super::facts::{DecidedBy, Refusal, TargetFacts};
use super::inspect::{Inspect, ProbeReport};
use super::{
    Address, Capabilities, Credentials, End, EndpointError, EndpointErrorKind, Sink, SinkOptions, Source,
    SourceOptions,
};

mod ahead;
mod by_time;
mod checkpoint;
mod cluster;
mod facts;
mod failure;
mod fetching;
mod groups;
mod growth;
mod last;
mod listener;
mod message;
mod observe;
mod permissions;
mod positions;
mod producer;
mod question;
mod reading;
mod recording;
mod removal;
mod senders;
mod settings;
mod sink;
mod source;
mod taking;
mod topic_settings;
mod transactions;
mod wire;

/// What Kafka carries. The largest payload is what the default `message.max.bytes` of a broker leaves of a batch with
/// one event that has neither key nor headers.
pub const CAPABILITIES: Capabilities = Capabilities {
    name: "Kafka",
    assurance: Assurance::ExactlyOnce,
    max_payload: Some(1_048_516),
    facts: Facts::Only(&[]),
    time_unit: 1000,
    ..Capabilities::ALL
};

/// Reads the topics in the path: all their partitions, merged as they come, or their past by its times.
///
/// # Errors
/// When no broker can be reached or lets us in, or when there is no such topic.
pub async fn open_source(
    address: &Address,
    options: &SourceOptions,
) -> Result<Box<dyn Source>, EndpointError> {
    let (address, options) = (address.clone(), options.clone());
    let Some(recording) = options.recording.clone() else {
        return Ok(Box::new(blocking(move || source::KafkaSource::open(&address, &options)).await?));
    };
    let opened = blocking(move || recording::RecordingSource::open(&address, &options, &recording));
    Ok(Box::new(opened.await?))
}

/// Connects for sending.
///
/// # Errors
/// When no broker can be reached or lets us in, or when the topic in the path does not exist.
pub async fn open_sink(address: &Address, options: &SinkOptions) -> Result<Box<dyn Sink>, EndpointError> {
    if let Some(wanted) = &options.transactions {
        settings::transacting(&mut rdkafka::ClientConfig::new(), address, &wanted.run)?;
        checkpoint::make_topic(address, options).await?;
    }
    let (address, options) = (address.clone(), options.clone());
    let opened = blocking(move || sink::KafkaSink::open(&address, &options)).await?;
    Ok(Box::new(opened))
}

/// Begins to connect for sending, without waiting for it.
pub fn begin(address: &Address, options: &SinkOptions) -> Option<Ahead> {
    ahead::begin(address, options)
}

/// Which events have no topic to go to; which names and times are taken, the cluster is asked.
///
/// # Errors
/// When the address has options there are not.
pub fn refusal(address: &Address, _: &SinkOptions) -> Result<Refusal, EndpointError> {
    capabilities(address)?;
    let address = address.clone();
    Ok(Refusal::new(DecidedBy::Channel, move |event| address.channel_for(event).err()))
}

/// What it takes from a sender.
///
/// # Errors
/// When the address has options there are not.
pub fn capabilities(address: &Address) -> Result<Capabilities, EndpointError> {
    AddressOptions::new(address, &settings::ALL_OPTIONS)?;
    Ok(CAPABILITIES)
}

/// The offsets that the next events of each partition of these topics get.
///
/// # Errors
/// When no broker can be reached or lets us in, or there is no such topic.
pub async fn ends(
    address: &Address,
    options: &SinkOptions,
    channels: &[&str],
) -> Result<Option<Vec<End>>, EndpointError> {
    let (address, options) = (address.clone(), options.clone());
    let topics: Vec<String> = channels.iter().map(|&topic| topic.to_owned()).collect();
    blocking(move || source::ends(&address, &options, &topics)).await.map(Some)
}

/// Whether a partition still holds everything that has come to it since this place.
///
/// # Errors
/// When no broker can be reached or lets us in, or the topic is not there.
pub async fn holds_all_since(
    address: &Address,
    options: &SinkOptions,
    place: &End,
) -> Result<bool, EndpointError> {
    let (address, options, place) = (address.clone(), options.clone(), place.clone());
    blocking(move || source::holds_all_since(&address, &options, &place)).await
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
    let (of, credentials) = (address.clone(), credentials.cloned());
    let probed = blocking(move || Ok(observe::probe(&of, credentials.as_ref(), timeout))).await;
    probed.unwrap_or_else(|error| ProbeReport::failed(address, &error))
}

/// Connects in order to ask about topics and consumer groups.
///
/// # Errors
/// When no broker can be reached or lets us in.
pub async fn inspect(address: &Address, options: &SinkOptions) -> Result<Box<dyn Inspect>, EndpointError> {
    let (address, options) = (address.clone(), options.clone());
    let opened = blocking(move || observe::KafkaInspector::open(&address, &options)).await?;
    Ok(Box::new(opened))
}

/// Runs what waits for the network without yielding, which is how librdkafka asks questions, where it holds up nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EndpointError> + Send + 'static,
) -> Result<T, EndpointError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        let message = format!("a question to Kafka ended early: {error}");
        Err(EndpointError::new(EndpointErrorKind::Disconnected, message))
    })
}

/// Lets go of a client whose goodbye nobody waits for: it takes until all its threads have ended.
fn let_go<T: Send + 'static>(client: T) {
    // Where no thread can be started the client goes with the closure, and is waited for.
    drop(std::thread::Builder::new().name("eddy-goodbye".to_owned()).spawn(move || drop(client)));
}

#[cfg(test)]
mod testing {
    use crate::event::{BrokerTime, Event, Place, TimeKind, Timestamp};

    /// An event of the topic `t` with the time that its producer wrote, in microseconds.
    pub(super) fn event(partition: i32, offset: u64, time: i64) -> Event {
        Event {
            place: Place { partition: Some(partition), offset: Some(offset) },
            broker_time: Some(BrokerTime { time: Timestamp(time), kind: TimeKind::Create }),
            ..Event::new("t", "x")
        }
    }
}
