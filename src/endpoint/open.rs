//! From an address to an endpoint: the only place that matches schemes.

use std::time::Duration;

use super::address::Scheme;
use super::ahead::Ahead;
#[cfg(feature = "amqp")]
use super::amqp;
use super::cloud_events::{TranslatingSink, Translation};
use super::facts::{Refusal, TargetFacts};
use super::file::{FileSink, FileSource};
#[cfg(feature = "http")]
use super::http;
use super::inspect::{Inspect, ProbeReport};
#[cfg(feature = "kafka")]
use super::kafka;
#[cfg(not(feature = "kafka"))]
use super::left_out as kafka;
#[cfg(not(feature = "http"))]
use super::left_out as http;
#[cfg(not(feature = "amqp"))]
use super::left_out as amqp;
#[cfg(not(feature = "mqtt"))]
use super::left_out as mqtt;
#[cfg(not(feature = "nats"))]
use super::left_out as nats;
#[cfg(not(feature = "redis"))]
use super::left_out as redis_streams;
use super::memory::{MemorySink, MemorySource};
#[cfg(feature = "mqtt")]
use super::mqtt;
#[cfg(feature = "nats")]
use super::nats;
#[cfg(feature = "redis")]
use super::redis_streams;
use super::stdio::{StdioSink, StdioSource};
use super::{
    Address, Capabilities, Credentials, End, EndpointError, EndpointErrorKind, Sink, SinkOptions, Source,
    SourceOptions,
};

/// Options of an address that say how to be let in, for reading and for writing alike.
const ACCESS_OPTIONS: [&str; 10] =
    ["ca", "cert", "creds", "db", "field", "key", "management", "nkey", "sasl", "sentinel"];

/// Opens the source an address names.
///
/// # Errors
/// When it cannot be reached, does not let us in, does not exist, or cannot do what the options ask.
pub async fn open_source(
    address: &Address,
    options: &SourceOptions,
) -> Result<Box<dyn Source>, EndpointError> {
    if options.takes.is_some() && matches!(address.scheme, Scheme::Mqtt | Scheme::Nats | Scheme::Http) {
        return Err(nothing_to_take(address));
    }
    let opened = Box::pin(source_of(address, options)).await;
    opened.map_err(|error| address.explained(error))
}

async fn source_of(address: &Address, options: &SourceOptions) -> Result<Box<dyn Source>, EndpointError> {
    match address.scheme {
        Scheme::File => Ok(Box::new(FileSource::open(address, options)?)),
        Scheme::Memory => Ok(Box::new(MemorySource::open(address, options)?)),
        Scheme::Stdio => Ok(Box::new(StdioSource::open(options)?)),
        Scheme::Amqp => amqp::open_source(address, options).await,
        Scheme::Mqtt => mqtt::open_source(address, options).await,
        Scheme::Nats | Scheme::JetStream => nats::open_source(address, options).await,
        Scheme::Redis => redis_streams::open_source(address, options).await,
        Scheme::Kafka => kafka::open_source(address, options).await,
        Scheme::Http => http::open_source(address, options).await,
    }
}

/// Begins to connect for sending, where that takes long, without waiting for it: what is asked of the target meanwhile and the
/// sink that is opened then use it, when they have it among their options.
#[must_use]
pub fn begin(address: &Address, options: &SinkOptions) -> Option<Ahead> {
    match (address.scheme, options) {
        #[cfg(feature = "kafka")]
        (Scheme::Kafka, options) => kafka::begin(address, options),
        _ => None,
    }
}

/// Opens the sink an address names.
///
/// # Errors
/// When it cannot be reached, does not let us in, does not exist, or cannot be written.
pub async fn open_sink(address: &Address, options: &SinkOptions) -> Result<Box<dyn Sink>, EndpointError> {
    if options.transactions.is_some() && address.scheme != Scheme::Kafka {
        let message = format!("`{address}` has no transactions that hold the progress of a run");
        return Err(EndpointError::new(EndpointErrorKind::Unsupported, message));
    }
    let translation = translation(address)?;
    let sink = Box::pin(sink_of(address, options)).await;
    Ok(TranslatingSink::over(sink.map_err(|error| address.explained(error))?, translation))
}

async fn sink_of(address: &Address, options: &SinkOptions) -> Result<Box<dyn Sink>, EndpointError> {
    match address.scheme {
        Scheme::File => Ok(Box::new(FileSink::open(address, options)?)),
        Scheme::Memory => Ok(Box::new(MemorySink::open(address, options)?)),
        Scheme::Stdio => Ok(Box::new(StdioSink::open())),
        Scheme::Amqp => amqp::open_sink(address, options).await,
        Scheme::Mqtt => mqtt::open_sink(address, options).await,
        Scheme::Nats | Scheme::JetStream => nats::open_sink(address, options).await,
        Scheme::Redis => redis_streams::open_sink(address, options).await,
        Scheme::Kafka => kafka::open_sink(address, options).await,
        Scheme::Http => http::open_sink(address, options).await,
    }
}

/// What becomes of CloudEvents that go to an address, so that they arrive as its system has them.
///
/// # Errors
/// As [`capabilities`], and when the address asks for a mode there is not.
pub fn translation(address: &Address) -> Result<Translation, EndpointError> {
    Translation::of(address, &capabilities(address)?)
}

/// What the system an address names can carry, without asking it.
///
/// # Errors
/// When it is no system that takes events, or was left out of this build.
pub fn capabilities(address: &Address) -> Result<Capabilities, EndpointError> {
    match address.scheme {
        Scheme::File => Ok(super::file::CAPABILITIES),
        Scheme::Memory => Ok(super::memory::CAPABILITIES),
        Scheme::Stdio => Ok(super::stdio::CAPABILITIES),
        Scheme::Amqp => amqp::capabilities(address),
        Scheme::Mqtt => mqtt::capabilities(address),
        Scheme::Nats | Scheme::JetStream => nats::capabilities(address),
        Scheme::Redis => redis_streams::capabilities(address),
        Scheme::Kafka => kafka::capabilities(address),
        Scheme::Http => http::capabilities(address),
    }
}

/// Which events a system cannot be sent at all; `None` where every event can be written.
///
/// # Errors
/// When the address or the options cannot be used, or the system was left out of this build.
pub fn refusal(address: &Address, options: &SinkOptions) -> Result<Option<Refusal>, EndpointError> {
    let refusal = match address.scheme {
        Scheme::File | Scheme::Memory | Scheme::Stdio => return Ok(None),
        Scheme::Amqp => amqp::refusal(address, options)?,
        Scheme::Mqtt => mqtt::refusal(address, options)?,
        Scheme::Nats | Scheme::JetStream => nats::refusal(address, options)?,
        Scheme::Redis => redis_streams::refusal(address, options)?,
        Scheme::Kafka => kafka::refusal(address, options)?,
        Scheme::Http => http::refusal(address, options)?,
    };
    Ok(Some(translation(address)?.before(refusal)))
}

/// The present ends of channels, one for each partition; none where what is sent cannot be read again with its headers.
///
/// # Errors
/// When the system cannot be reached, does not let us in, or has no such channel.
pub async fn ends(
    address: &Address,
    options: &SinkOptions,
    channels: &[&str],
) -> Result<Option<Vec<End>>, EndpointError> {
    match address.scheme {
        Scheme::Memory => Ok(Some(vec![super::memory::end(address)?])),
        Scheme::JetStream => nats::ends(address, options, channels).await,
        Scheme::Kafka => kafka::ends(address, options, channels).await,
        Scheme::Redis => redis_streams::ends(address, options, channels).await,
        Scheme::File | Scheme::Stdio | Scheme::Amqp | Scheme::Http | Scheme::Mqtt | Scheme::Nats => Ok(None),
    }
}

/// Whether a channel still holds everything that has come to it since this place; false where the system cannot tell.
///
/// # Errors
/// When the system cannot be reached, does not let us in, or has no such channel.
pub async fn holds_all_since(
    address: &Address,
    options: &SinkOptions,
    place: &End,
) -> Result<bool, EndpointError> {
    match address.scheme {
        Scheme::Memory => Ok(true),
        Scheme::JetStream => nats::holds_all_since(address, options, place).await,
        Scheme::Kafka => kafka::holds_all_since(address, options, place).await,
        Scheme::Redis => redis_streams::holds_all_since(address, options, place).await,
        Scheme::File | Scheme::Stdio | Scheme::Amqp | Scheme::Http | Scheme::Mqtt | Scheme::Nats => Ok(false),
    }
}

/// What the system tells of the channels that events of these channels go to, before anything is sent. Sending to a file or
/// a pipe has nothing to tell.
///
/// # Errors
/// When it cannot be reached or does not let us in. What it does not tell otherwise stands in the facts.
pub async fn target_facts(
    address: &Address,
    options: &SinkOptions,
    channels: &[&str],
) -> Result<TargetFacts, EndpointError> {
    match address.scheme {
        Scheme::File | Scheme::Memory | Scheme::Stdio => Ok(TargetFacts::default()),
        Scheme::Amqp => amqp::target_facts(address, options, channels).await,
        Scheme::Mqtt => mqtt::target_facts(address, options, channels).await,
        Scheme::Nats | Scheme::JetStream => nats::target_facts(address, options, channels).await,
        Scheme::Redis => redis_streams::target_facts(address, options, channels).await,
        Scheme::Kafka => kafka::target_facts(address, options, channels).await,
        Scheme::Http => http::target_facts(address, options, channels).await,
    }
}

/// Where what a sink at `address` sent to `channel` is read: the same server, let in by the same means.
#[must_use]
pub fn reading_of(address: &Address, channel: &str, partition: Option<i32>) -> Address {
    let mut reading = address.clone();
    channel.clone_into(&mut reading.path);
    reading.options.retain(|(name, _)| ACCESS_OPTIONS.contains(&name.as_str()));
    if let Some(partition) = partition {
        reading.options.push(("partition".to_owned(), partition.to_string()));
    }
    reading
}

/// The server of an address, let in by the same means, for events that each go to their own channel there.
#[must_use]
pub fn server_of(address: &Address) -> Address {
    let mut server = reading_of(address, "", None);
    if address.scheme == Scheme::Amqp {
        // The virtual host without an exchange: a routing key is then the name of a queue.
        let host = address.path.split('/').next().unwrap_or_default();
        server.path = if host.is_empty() { "%2F".to_owned() } else { host.to_owned() };
    }
    server
}

/// What each system of this build can carry, in the order of the documentation.
#[must_use]
pub fn systems() -> Vec<Capabilities> {
    vec![
        super::file::CAPABILITIES,
        super::stdio::CAPABILITIES,
        super::memory::CAPABILITIES,
        #[cfg(feature = "mqtt")]
        mqtt::CAPABILITIES_5,
        #[cfg(feature = "mqtt")]
        mqtt::CAPABILITIES_3,
        #[cfg(feature = "nats")]
        nats::CORE,
        #[cfg(feature = "nats")]
        nats::JETSTREAM,
        #[cfg(feature = "redis")]
        redis_streams::CAPABILITIES,
        #[cfg(feature = "kafka")]
        kafka::CAPABILITIES,
        #[cfg(feature = "http")]
        http::BINARY,
        #[cfg(feature = "http")]
        http::STRUCTURED,
        #[cfg(feature = "http")]
        http::BATCH,
        #[cfg(feature = "http")]
        http::PLAIN,
        #[cfg(feature = "amqp")]
        amqp::CAPABILITIES,
        #[cfg(feature = "amqp")]
        amqp::STREAM,
    ]
}

/// Opens a system for questions about who sends and who receives.
///
/// # Errors
/// When it cannot be reached, or is no system that could be asked.
pub async fn open_inspect(
    address: &Address,
    options: &SinkOptions,
) -> Result<Box<dyn Inspect>, EndpointError> {
    match address.scheme {
        Scheme::Amqp => amqp::inspect(address, options).await,
        Scheme::Mqtt => mqtt::inspect(address, options).await,
        Scheme::Nats | Scheme::JetStream => nats::inspect(address, options).await,
        Scheme::Redis => redis_streams::inspect(address, options).await,
        Scheme::Kafka => kafka::inspect(address, options).await,
        Scheme::Http => http::inspect(address, options).await,
        Scheme::File | Scheme::Memory | Scheme::Stdio => Err(no_server(address)),
    }
}

/// Asks the server an address names whether it is there and lets us in; what is wrong stands in the report.
pub async fn probe(address: &Address, credentials: Option<&Credentials>, timeout: Duration) -> ProbeReport {
    let mut report = match address.scheme {
        Scheme::Amqp => amqp::probe(address, credentials, timeout).await,
        Scheme::Mqtt => mqtt::probe(address, credentials, timeout).await,
        Scheme::Nats | Scheme::JetStream => nats::probe(address, credentials, timeout).await,
        Scheme::Redis => redis_streams::probe(address, credentials, timeout).await,
        Scheme::Kafka => kafka::probe(address, credentials, timeout).await,
        Scheme::Http => http::probe(address, credentials, timeout).await,
        Scheme::File | Scheme::Memory | Scheme::Stdio => ProbeReport::failed(address, &no_server(address)),
    };
    if let Some(help) = address.help_of_a_secret().filter(|_| !report.reachable) {
        for problem in &mut report.problems {
            problem.help = Some(help.to_owned());
        }
    }
    report
}

/// A system that gives events away unasked, and keeps none of them.
fn nothing_to_take(address: &Address) -> EndpointError {
    EndpointError::new(
        EndpointErrorKind::Unsupported,
        format!("`{address}` keeps no events that could be taken out one by one"),
    )
    .help("record them first, `eddy record SOURCE --output FILE`, and take them out of the archive")
}

/// A file, a pipe or a log in this process has no server behind it.
fn no_server(address: &Address) -> EndpointError {
    EndpointError::new(
        EndpointErrorKind::Unsupported,
        format!("`{address}` has no server that could be asked"),
    )
    .help("name a server, such as `mqtt://host:1883` or `nats://host:4222`")
}

#[cfg(all(test, feature = "kafka", feature = "redis", feature = "nats", feature = "mqtt"))]
mod tests {
    use proptest::prelude::*;

    use super::{Address, SinkOptions, refusal};
    use crate::endpoint::facts::DecidedBy;
    use crate::event::Event;
    use crate::event::json_lines::tests::any_event;

    proptest! {
        /// A replay may take one event for many by it.
        #[test]
        fn nothing_decides_what_an_event_can_be_sent_by_but_what_is_said(event in any_event()) {
            for address in ["kafka://h", "kafka://h/t", "redis://h", "nats://h", "jetstream+nats://h", "mqtt://h", "mqtt://h?version=3.1.1"] {
                let parsed = Address::parse(address).expect("an address");
                let refusal = refusal(&parsed, &SinkOptions::default()).expect("options").expect("a judge");
                let bare = Event { channel: event.channel.clone(), ..Event::default() };
                let same = match refusal.decided_by() {
                    DecidedBy::Channel => bare,
                    DecidedBy::Labels => {
                        Event { headers: event.headers.clone(), attributes: event.attributes.clone(), ..bare }
                    }
                    DecidedBy::Everything => continue,
                };
                let words = |event| refusal.of(event).map(|error| error.message);
                prop_assert_eq!(words(&event), words(&same), "{}", address);
            }
        }
    }
}
