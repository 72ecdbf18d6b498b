//! MQTT 5 and 3.1.1 as source and sink. One session per endpoint. Reading is in `reader`, sending over a session that ends with
//! its connection in `publisher`, both over `connection`; all else goes through a client library, in `v4` and `v5`.

use std::sync::Arc;

use super::capabilities::{Acknowledgement, Assurance, Facts};
use super::facts::{DecidedBy, Refusal, TargetFacts};
use super::inspect::{Inspect, ProbeReport};
use super::{Address, Capabilities, Credentials, EndpointError, Sink, SinkOptions, Source, SourceOptions};

mod connection;
mod dynamic_security;
mod failure;
mod message;
mod observe;
mod packet;
mod publisher;
mod reader;
mod reason;
mod session;
mod settings;
mod sink;
mod v4;
mod v5;
mod wire;

use session::{Link, Session};
use settings::{Settings, Version};

/// The user property that the embedded broker adds, last, to every MQTT 5 message it passes on: the sender's client id.
/// A source makes it the attribute `sender`, so that headers come out as they went in.
pub const SENDER_PROPERTY: &str = "x-mqtt-client-id";

/// What MQTT 5 carries.
pub const CAPABILITIES_5: Capabilities = Capabilities {
    name: "MQTT 5",
    keys: false,
    headers: true,
    repeated_headers: true,
    header_order: true,
    binary_headers: false,
    null_headers: false,
    null_payload: false,
    facts: Facts::Only(&[
        "content_type",
        "correlation_data",
        "message_expiry_interval",
        "payload_format_indicator",
        "response_topic",
    ]),
    timestamps: false,
    time_unit: 1,
    partitions: false,
    acknowledgement: Acknowledgement::PerEvent,
    assurance: Assurance::AtLeastOnce,
    replayable: false,
    seek_time: false,
    max_payload: None,
};

/// What MQTT 3.1.1 carries.
pub const CAPABILITIES_3: Capabilities = Capabilities {
    name: "MQTT 3.1.1",
    headers: false,
    repeated_headers: false,
    header_order: false,
    facts: Facts::Only(&[]),
    ..CAPABILITIES_5
};

/// Largest packet taken and sent: the protocol's own limit, 256 MiB.
const MAX_PACKET: u32 = 268_435_455;

/// Messages of a kept session under way at once, unless the broker takes fewer. At each flush the client looks at every slot, taken or not:
/// with the protocol's 65,535 slots sending was nine times slower than with these.
const IN_FLIGHT: u16 = 200;

/// Requests that wait between us and the session; more wait in `send`.
const REQUESTS: usize = 1024;

/// Subscribes to the filter in the path of the address.
///
/// # Errors
/// When the broker cannot be reached, does not let us in, or refuses the subscription.
pub async fn open_source(
    address: &Address,
    options: &SourceOptions,
) -> Result<Box<dyn Source>, EndpointError> {
    let settings = Settings::for_source(address, options)?;
    Ok(Box::new(reader::MqttSource::open(settings, options).await?))
}

/// Connects for publishing.
///
/// # Errors
/// When the broker cannot be reached or does not let us in.
pub async fn open_sink(address: &Address, options: &SinkOptions) -> Result<Box<dyn Sink>, EndpointError> {
    let settings = Settings::for_sink(address, options)?;
    if settings.clean {
        return Ok(Box::new(publisher::Publisher::open(settings, options).await?));
    }
    if settings.qos.is_none_or(|quality| quality == 2) {
        publisher::forget_session(&settings).await?;
    }
    let session = start(settings).await?;
    Ok(Box::new(sink::MqttSink::new(session, options.receipt_timeout)))
}

/// What the protocol version an address asks for can carry.
///
/// # Errors
/// When the address names a version or an option that there is not.
pub fn capabilities(address: &Address) -> Result<Capabilities, EndpointError> {
    Ok(match settings::version_of(address)? {
        Version::V3 => CAPABILITIES_3,
        Version::V5 => CAPABILITIES_5,
    })
}

/// Which events cannot be written as messages, by the same means that write them.
///
/// # Errors
/// When the address or the options cannot be used.
pub fn refusal(address: &Address, options: &SinkOptions) -> Result<Refusal, EndpointError> {
    let settings = Settings::for_sink(address, options)?;
    Ok(Refusal::new(DecidedBy::Labels, move |event| message::refusal(event, &settings)))
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
    let settings = Settings::for_probe(address, options.credentials.as_ref(), options.connect_timeout)?;
    publisher::target_facts(settings, channels).await
}

/// Connects once and says what answered.
pub async fn probe(
    address: &Address,
    credentials: Option<&Credentials>,
    timeout: std::time::Duration,
) -> ProbeReport {
    observe::probe(address, credentials, timeout).await
}

/// Connects in order to ask the broker about itself.
///
/// # Errors
/// When the broker cannot be reached or does not let us in.
pub async fn inspect(address: &Address, options: &SinkOptions) -> Result<Box<dyn Inspect>, EndpointError> {
    let settings = Settings::for_sink(address, options)?;
    Ok(Box::new(observe::MqttInspector::new(start(settings).await?)))
}

/// Starts the session's task and waits for the broker's greeting.
async fn start(settings: Settings) -> Result<Session, EndpointError> {
    let link = Arc::new(Link::new(&settings));
    let timeout = settings.connect_timeout;
    let (client, task) = match settings.version {
        Version::V5 => v5::start(&settings, &link)?,
        Version::V3 => v4::start(&settings, &link)?,
    };
    let session = Session { client, link, settings, task };
    match tokio::time::timeout(timeout, session.link.greeting()).await {
        Ok(Ok(())) => Ok(session),
        Ok(Err(error)) => {
            session.task.abort();
            Err(error)
        }
        Err(_) => {
            session.task.abort();
            Err(failure::silent(&session.settings))
        }
    }
}
