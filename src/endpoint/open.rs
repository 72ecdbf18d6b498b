//! From an address to an endpoint: the only place that matches schemes.

use std::time::Duration;

use super::address::Scheme;
use super::file::{FileSink, FileSource};
use super::inspect::{Inspect, ProbeReport};
use super::memory::{MemorySink, MemorySource};
use super::stdio::{StdioSink, StdioSource};
use super::{
    Address, Capabilities, Credentials, EndpointError, EndpointErrorKind, Sink, SinkOptions, Source,
    SourceOptions,
};

/// Opens the source an address names.
///
/// # Errors
/// When it cannot be reached, does not let us in, does not exist, or cannot do what the options ask.
pub async fn open_source(
    address: &Address,
    options: &SourceOptions,
) -> Result<Box<dyn Source>, EndpointError> {
    match address.scheme {
        Scheme::File => Ok(Box::new(FileSource::open(address, options)?)),
        Scheme::Memory => Ok(Box::new(MemorySource::open(address, options)?)),
        Scheme::Stdio => Ok(Box::new(StdioSource::open(options)?)),
        #[cfg(feature = "mqtt")]
        Scheme::Mqtt => super::mqtt::open_source(address, options).await,
        #[cfg(feature = "nats")]
        Scheme::Nats => super::nats::open_source(address, options).await,
        #[cfg(feature = "nats")]
        Scheme::JetStream => super::nats::open_stream_source(address, options).await,
        #[cfg(not(feature = "mqtt"))]
        Scheme::Mqtt => Err(left_out(address)),
        #[cfg(not(feature = "nats"))]
        Scheme::Nats | Scheme::JetStream => Err(left_out(address)),
    }
}

/// Opens the sink an address names.
///
/// # Errors
/// When it cannot be reached, does not let us in, does not exist, or cannot be written.
pub async fn open_sink(address: &Address, options: &SinkOptions) -> Result<Box<dyn Sink>, EndpointError> {
    match address.scheme {
        Scheme::File => Ok(Box::new(FileSink::open(address, options)?)),
        Scheme::Memory => Ok(Box::new(MemorySink::open(address, options)?)),
        Scheme::Stdio => Ok(Box::new(StdioSink::open())),
        #[cfg(feature = "mqtt")]
        Scheme::Mqtt => super::mqtt::open_sink(address, options).await,
        #[cfg(feature = "nats")]
        Scheme::Nats => super::nats::open_sink(address, options).await,
        #[cfg(feature = "nats")]
        Scheme::JetStream => super::nats::open_stream_sink(address, options).await,
        #[cfg(not(feature = "mqtt"))]
        Scheme::Mqtt => Err(left_out(address)),
        #[cfg(not(feature = "nats"))]
        Scheme::Nats | Scheme::JetStream => Err(left_out(address)),
    }
}

/// What the system an address names can carry, without asking it.
///
/// # Errors
/// When it is no system that takes events.
pub fn capabilities(address: &Address) -> Result<Capabilities, EndpointError> {
    match address.scheme {
        Scheme::File => Ok(super::file::CAPABILITIES),
        Scheme::Memory => Ok(super::memory::CAPABILITIES),
        Scheme::Stdio => Ok(super::stdio::CAPABILITIES),
        #[cfg(feature = "mqtt")]
        Scheme::Mqtt => Ok(super::mqtt::capabilities(address)),
        #[cfg(feature = "nats")]
        Scheme::Nats => Ok(super::nats::CORE),
        #[cfg(feature = "nats")]
        Scheme::JetStream => Ok(super::nats::JETSTREAM),
        #[cfg(not(feature = "mqtt"))]
        Scheme::Mqtt => Err(left_out(address)),
        #[cfg(not(feature = "nats"))]
        Scheme::Nats | Scheme::JetStream => Err(left_out(address)),
    }
}

/// What each system of this build can carry, in the order of the documentation.
#[must_use]
pub fn systems() -> Vec<Capabilities> {
    vec![
        super::file::CAPABILITIES,
        super::stdio::CAPABILITIES,
        super::memory::CAPABILITIES,
        #[cfg(feature = "mqtt")]
        super::mqtt::CAPABILITIES_5,
        #[cfg(feature = "mqtt")]
        super::mqtt::CAPABILITIES_3,
        #[cfg(feature = "nats")]
        super::nats::CORE,
        #[cfg(feature = "nats")]
        super::nats::JETSTREAM,
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
        #[cfg(feature = "mqtt")]
        Scheme::Mqtt => super::mqtt::inspect(address, options).await,
        #[cfg(feature = "nats")]
        Scheme::Nats | Scheme::JetStream => super::nats::inspect(address, options).await,
        Scheme::File | Scheme::Memory | Scheme::Stdio => Err(no_server(address)),
        #[cfg(not(feature = "mqtt"))]
        Scheme::Mqtt => Err(left_out(address)),
        #[cfg(not(feature = "nats"))]
        Scheme::Nats | Scheme::JetStream => Err(left_out(address)),
    }
}

/// Asks the server an address names whether it is there and lets us in; what is wrong stands in the report.
pub async fn probe(address: &Address, credentials: Option<&Credentials>, timeout: Duration) -> ProbeReport {
    match address.scheme {
        #[cfg(feature = "mqtt")]
        Scheme::Mqtt => super::mqtt::probe(address, credentials, timeout).await,
        #[cfg(feature = "nats")]
        Scheme::Nats | Scheme::JetStream => super::nats::probe(address, credentials, timeout).await,
        Scheme::File | Scheme::Memory | Scheme::Stdio => ProbeReport::failed(address, &no_server(address)),
        #[cfg(not(feature = "mqtt"))]
        Scheme::Mqtt => ProbeReport::failed(address, &left_out(address)),
        #[cfg(not(feature = "nats"))]
        Scheme::Nats | Scheme::JetStream => ProbeReport::failed(address, &left_out(address)),
    }
}

/// A file, a pipe or a log in this process has no server behind it.
fn no_server(address: &Address) -> EndpointError {
    EndpointError::new(
        EndpointErrorKind::Unsupported,
        format!("`{address}` has no server that could be asked"),
    )
    .help("name a server, such as `mqtt://host:1883` or `nats://host:4222`")
}

/// The system is known but was left out when this program was built.
#[cfg(not(all(feature = "mqtt", feature = "nats")))]
fn left_out(address: &Address) -> EndpointError {
    EndpointError::new(EndpointErrorKind::Unsupported, format!("this build of eddy cannot reach `{address}`"))
        .help("build it with its default features to have every system")
}
