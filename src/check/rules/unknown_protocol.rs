//! The protocol of a server is nearly, but not quite, a known one.
//!
//! Any protocol name is allowed, and yet bindings, code generators and brokers go by the known names.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {host: 'localhost:9092', protocol: kafak}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {host: 'localhost:9092', protocol: kafka}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2106",
    name: "unknown-protocol",
    severity: Severity::Warning,
    category: Category::Correctness,
    clause: "AsyncAPI · Server Object · protocol",
    aliases: &[],
    source: include_str!("unknown_protocol.rs"),
    check: Some(check),
};

const KNOWN: [&str; 39] = [
    "amqp",
    "amqps",
    "amqp1",
    "anypointmq",
    "googlepubsub",
    "grpc",
    "grpcs",
    "http",
    "https",
    "http2",
    "ibmmq",
    "ibmmqs",
    "ipc",
    "jms",
    "kafka",
    "kafka-secure",
    "mercure",
    "mqtt",
    "mqtts",
    "mqtt5",
    "nats",
    "nats-secure",
    "pulsar",
    "redis",
    "rediss",
    "ros2",
    "secure-mqtt",
    "smf",
    "sns",
    "solace",
    "sqs",
    "sse",
    "stomp",
    "stomps",
    "tcp",
    "udp",
    "unix",
    "ws",
    "wss",
];

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for server in input.named("Server") {
        let Some(protocol) = server.node.get("protocol") else {
            continue;
        };
        let text = protocol.as_str().unwrap_or_default();
        let is_known = KNOWN.iter().any(|known| known.eq_ignore_ascii_case(text));
        let mut finding = RULE.finding(format!("`{text}` is not a known protocol"), protocol.span);
        if !is_known && finding.respell(text, KNOWN, protocol.span).is_some() {
            findings.push(finding.at(format!("{}/protocol", server.pointer)));
        }
    }
}
