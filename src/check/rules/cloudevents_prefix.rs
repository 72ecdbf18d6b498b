//! CloudEvents attributes are marked in another way than the protocol of the server marks them.
//!
//! In binary mode the attributes are headers: `ce_` before each on Kafka, `ce-` on HTTP and NATS, `cloudEvents:` or
//! `cloudEvents_` on AMQP, nothing before user properties of MQTT 5. Libraries overlook the others.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {host: 'localhost:9092', protocol: kafka}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed:
//!         headers:
//!           type: object
//!           required: [ce-id, ce-source, ce-specversion, ce-type]
//!           properties:
//!             ce-id: {type: string}
//!             ce-source: {type: string}
//!             ce-specversion: {const: '1.0'}
//!             ce-type: {const: order.placed}
//!         payload: {type: object}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {host: 'localhost:9092', protocol: kafka}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed:
//!         headers:
//!           type: object
//!           required: [ce_id, ce_source, ce_specversion, ce_type]
//!           properties:
//!             ce_id: {type: string}
//!             ce_source: {type: string}
//!             ce_specversion: {const: '1.0'}
//!             ce_type: {const: order.placed}
//!         payload: {type: object}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::cloudevents::{Mode, channels_of, envelopes};
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3105",
    name: "cloudevents-prefix",
    severity: Severity::Warning,
    category: Category::Interop,
    clause: "CloudEvents · protocol bindings",
    aliases: &[],
    source: include_str!("cloudevents_prefix.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for envelope in envelopes(input).iter().filter(|envelope| envelope.mode == Mode::Binary) {
        let channels = channels_of(input, envelope.message);
        let lives_on = |name: &str| {
            channels.iter().any(|channel| {
                channel.servers.is_empty() || channel.servers.iter().any(|server| server == name)
            })
        };
        let servers = input.document.servers.iter().filter(|server| lives_on(&server.name));
        let wrong = servers
            .filter_map(|server| Some((server, marks(&server.protocol)?)))
            .find(|(_, marks)| !marks.contains(&envelope.prefix));
        if let (Some((server, marks)), Some((name, entry))) = (wrong, envelope.attributes().next()) {
            let message = format!("`{}` is no CloudEvents attribute over {}", entry.key, server.protocol);
            let finding = RULE.finding(message, entry.key_span).related(server.span, "the server");
            let right = marks.first().copied().unwrap_or_default();
            findings
                .push(finding.at(envelope.message.pointer.clone()).help(format!("write `{right}{name}`")));
        }
    }
}

/// What marks attributes over a protocol; `None` when CloudEvents has no binding for it.
fn marks(protocol: &str) -> Option<&'static [&'static str]> {
    match protocol {
        "kafka" | "kafka-secure" => Some(&["ce_"]),
        "amqp" | "amqps" | "amqp1" => Some(&["cloudEvents:", "cloudEvents_"]),
        "http" | "https" | "nats" | "nats-secure" => Some(&["ce-"]),
        "mqtt" | "mqtts" | "mqtt5" | "secure-mqtt" => Some(&[""]),
        _ => None,
    }
}
