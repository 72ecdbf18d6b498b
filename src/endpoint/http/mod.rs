//! HTTP as source and sink: a receiver of webhooks and a sender, in every mode of the CloudEvents binding and without it.

use std::future::{Ready, ready};
use std::time::Duration;

use super::capabilities::{Acknowledgement, Assurance, Facts};
use super::facts::{ChannelFacts, DecidedBy, Refusal, TargetFacts};
use super::inspect::{Inspect, ProbeReport};
use super::{
    Address, Capabilities, Credentials, EndpointError, EndpointErrorKind, Sink, SinkOptions, Source,
    SourceOptions,
};

mod client;
mod date;
mod failure;
mod incoming;
mod observe;
mod outgoing;
mod queue;
mod server;
mod settings;
mod sink;
mod source;
mod waiting;

use settings::Mode;

/// What a request with the attributes among its headers carries.
pub const BINARY: Capabilities = Capabilities {
    name: "HTTP binary",
    keys: true,
    headers: true,
    repeated_headers: true,
    header_order: false,
    binary_headers: false,
    null_headers: false,
    null_payload: false,
    facts: Facts::Only(&["content_type"]),
    timestamps: true,
    time_unit: 1,
    partitions: false,
    acknowledgement: Acknowledgement::PerEvent,
    assurance: Assurance::AtLeastOnce,
    replayable: false,
    seek_time: false,
    max_payload: None,
};

/// What a request with attributes and data in its body carries.
pub const STRUCTURED: Capabilities = Capabilities { name: "HTTP structured", null_payload: true, ..BINARY };

/// What a request with many events in its body carries.
pub const BATCH: Capabilities = Capabilities {
    name: "HTTP batch",
    headers: false,
    repeated_headers: false,
    null_payload: true,
    ..BINARY
};

/// What a request carries that is no CloudEvent.
pub const PLAIN: Capabilities = Capabilities {
    name: "HTTP plain",
    keys: false,
    facts: Facts::Only(&["content_type", "method", "query"]),
    timestamps: false,
    ..BINARY
};

/// Listens at the host and port of the address for requests below its path.
///
/// # Errors
/// When nothing can listen there, or more is asked for than a receiver can do.
pub async fn open_source(
    address: &Address,
    options: &SourceOptions,
) -> Result<Box<dyn Source>, EndpointError> {
    Ok(Box::new(source::HttpSource::open(address, options).await?))
}

/// Asks the server whether it takes our events, and gets ready to send them.
///
/// # Errors
/// When the server cannot be reached or does not let us in.
pub async fn open_sink(address: &Address, options: &SinkOptions) -> Result<Box<dyn Sink>, EndpointError> {
    Ok(Box::new(sink::HttpSink::open(address, options).await?))
}

/// What the mode an address asks for can carry.
///
/// # Errors
/// When the address names a mode or an option that there is not.
pub fn capabilities(address: &Address) -> Result<Capabilities, EndpointError> {
    Ok(carried_in(settings::SinkSettings::mode_of(address)?))
}

fn carried_in(mode: Option<Mode>) -> Capabilities {
    match mode {
        None | Some(Mode::Binary) => BINARY,
        Some(Mode::Structured) => STRUCTURED,
        Some(Mode::Batch) => BATCH,
        Some(Mode::Plain) => PLAIN,
    }
}

/// Which events cannot be written as requests, by the same means that write them.
///
/// # Errors
/// When the address or the options cannot be used.
pub fn refusal(address: &Address, options: &SinkOptions) -> Result<Refusal, EndpointError> {
    let settings = settings::SinkSettings::new(address, options)?;
    Ok(Refusal::new(DecidedBy::Everything, move |event| sink::refusal(&settings, event)))
}

/// A web server tells nothing of what it takes before it is sent.
pub fn target_facts(
    _: &Address,
    _: &SinkOptions,
    channels: &[&str],
) -> Ready<Result<TargetFacts, EndpointError>> {
    ready(Ok(TargetFacts {
        cluster: None,
        channels: channels.iter().map(|channel| ChannelFacts::unknown(*channel)).collect(),
        not_told: vec!["sizes and permissions: a web server tells them with its answers".to_owned()],
    }))
}

/// Asks once, without any effect on the other side, and says what answered.
pub async fn probe(address: &Address, credentials: Option<&Credentials>, timeout: Duration) -> ProbeReport {
    observe::probe(address, credentials, timeout).await
}

/// A web server does not say who sends to it.
///
/// # Errors
/// Always.
pub fn inspect(address: &Address, _: &SinkOptions) -> Ready<Result<Box<dyn Inspect>, EndpointError>> {
    let message = format!("`{address}` is a web server, which does not show who sends and who receives");
    ready(Err(EndpointError::new(EndpointErrorKind::Unsupported, message)
        .help("`eddy doctor` says whether it answers; `eddy graph` shows what the contracts declare")))
}
