//! Every endpoint through one conformance suite, against real servers.

mod support;

#[path = "endpoint/conformance.rs"]
mod conformance;
#[cfg(feature = "mqtt")]
#[path = "endpoint/mqtt.rs"]
mod mqtt;
