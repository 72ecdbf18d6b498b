//! The address of a channel is not one its broker can have.
//!
//! Kafka topics take letters, digits, `.`, `_` and `-`, at most 249 of them; NATS subjects have no spaces and no empty
//! parts; AMQP names have at most 255 bytes.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {host: 'localhost:9092', protocol: kafka}
//! channels:
//!   orders: {address: shop/orders placed}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {host: 'localhost:9092', protocol: kafka}
//! channels:
//!   orders: {address: shop.orders-placed}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::contract::Channel;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2107",
    name: "address-for-protocol",
    severity: Severity::Warning,
    category: Category::Interop,
    clause: "AsyncAPI · Channel Object · address",
    aliases: &[],
    source: include_str!("address_for_protocol.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for channel in &input.document.channels {
        let Some(fault) = fault(input, channel) else {
            continue;
        };
        let place = channel.node.get("address").map_or(channel.span, |address| address.span);
        findings.push(
            RULE.finding(fault, place).at(channel.pointer.clone()).help(
                "choose an address the broker takes, or name the real one in the bindings of the channel",
            ),
        );
    }
}

/// What is wrong with the address on the servers the channel lives on.
pub fn fault(input: &CheckInput, channel: &Channel) -> Option<String> {
    let address = channel.address.as_deref()?;
    let bare = without_placeholders(address);
    let lives_on =
        |name: &str| channel.servers.is_empty() || channel.servers.iter().any(|server| server == name);
    let mut servers = input.document.servers.iter().filter(|server| lives_on(&server.name));
    let named_elsewhere = channel.bindings.as_ref().and_then(|bindings| bindings.get("kafka"));
    let has_topic = named_elsewhere.is_some_and(|kafka| kafka.get("topic").is_some());
    servers.find_map(|server| match server.protocol.as_str() {
        "kafka" | "kafka-secure" if !has_topic => kafka(address, &bare),
        "nats" => nats(address, &bare),
        "amqp" | "amqps" => amqp(address, &bare),
        _ => None,
    })
}

fn kafka(address: &str, bare: &str) -> Option<String> {
    if let Some(wrong) = bare.chars().find(|c| !c.is_ascii_alphanumeric() && !"._-".contains(*c)) {
        return Some(format!("a Kafka topic cannot hold `{wrong}`, as `{address}` does"));
    }
    if bare.len() > 249 {
        return Some(format!("a Kafka topic has at most 249 characters, `{address}` has {}", bare.len()));
    }
    matches!(bare, "." | "..").then(|| format!("a Kafka topic cannot be called `{address}`"))
}

fn nats(address: &str, bare: &str) -> Option<String> {
    if bare.contains(char::is_whitespace) {
        return Some(format!("a NATS subject cannot hold a space, as `{address}` does"));
    }
    bare.split('.').any(str::is_empty).then(|| format!("the NATS subject `{address}` has an empty part"))
}

fn amqp(address: &str, bare: &str) -> Option<String> {
    (bare.len() > 255).then(|| format!("an AMQP name has at most 255 bytes, `{address}` has {}", bare.len()))
}

/// Each `{name}` becomes one letter, for any value will do.
fn without_placeholders(address: &str) -> String {
    let mut bare = String::new();
    let mut rest = address;
    while let Some((before, after)) = rest.split_once('{') {
        bare.push_str(before);
        bare.push('x');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    bare + rest
}
