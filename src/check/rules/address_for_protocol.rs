//! The address of a channel is not one its broker can have.
//!
//! Kafka topics take letters, digits, `.`, `_` and `-`, at most 249 of them. MQTT topics have at most 65,535 bytes and no
//! null; `+` is a whole level, and only for subscriptions. NATS subjects have no spaces and no empty parts; `*` and
//! `>` are whole parts, and only for subscriptions. Solace topics have at most 250 bytes and 128 levels; `*` and `>` are
//! for subscriptions. AMQP 0-9-1 names have at most 255 bytes.
//!
//! Pulsar topics are `topic`, `tenant/namespace/topic`, or the latter with `persistent://` or `non-persistent://`. Google
//! Pub/Sub takes 3 to 255 letters, digits and `-_.~+%`, a letter first, not `goog`, or `projects/.../topics/...`. SQS and SNS
//! take letters, digits, `_` and `-`, at most 80 or 256, with `.fifo` at the end counted; or an ARN or URL. IBM MQ topics
//! have at most 10,240 bytes, and `+` is for subscriptions. HTTP and WebSocket take the path of a URL.
//!
//! AMQP 1.0, STOMP, JMS and Redis leave addresses to the broker. A name in the bindings of the channel counts instead of the
//! address. Whether an address is for subscriptions is decided by the operations: `send` in 3.x, `subscribe` in 2.x.
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

use super::address_query::MARKS;
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::legal_address::{Candidate, Fault, fault};
use crate::contract::{Action, Channel, ChannelIndex};
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
    for (index, channel) in input.document.channels.iter().enumerate() {
        let Some(fault) = on_its_servers(input, ChannelIndex(index), channel) else {
            continue;
        };
        let place = channel.node.get("address").map_or(channel.span, |address| address.span);
        findings
            .push(RULE.finding(fault.message, place).at(channel.pointer.clone()).help(fault.help));
    }
}

/// What is wrong with the address on the servers the channel lives on.
fn on_its_servers(input: &CheckInput, index: ChannelIndex, channel: &Channel) -> Option<Fault> {
    let address = channel.address.as_deref()?;
    // A query or fragment is an error by AsyncAPI itself, and told by its own rule.
    let bare = without_placeholders(address.split(MARKS).next().unwrap_or(address));
    let mut operations = input.document.operations.iter();
    let sends = operations.any(|operation| operation.channel == index && operation.action == Action::Send);
    let candidate = Candidate { address, bare: &bare, sends, bindings: channel.bindings.as_ref() };
    let lives_on =
        |name: &str| channel.servers.is_empty() || channel.servers.iter().any(|server| server == name);
    let mut servers = input.document.servers.iter().filter(|server| lives_on(&server.name));
    servers.find_map(|server| fault(&server.protocol, &candidate))
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
