//! Names and identifiers by which things of many sources meet, and what two of them say about one thing.

use std::fmt::Write as _;

use super::graph::{Node, NodeKind};
use crate::contract::Message;
use crate::source_text::tree::NodeRef;

/// The protocol without its transport security and version, so that `kafka` and `kafka-secure` meet.
pub(in crate::topology) fn family(protocol: &str) -> String {
    let protocol = protocol.to_lowercase();
    match protocol.as_str() {
        "mqtts" | "mqtt5" | "secure-mqtt" | "mqtt-secure" => "mqtt",
        "amqps" => "amqp",
        "kafka-secure" => "kafka",
        "wss" => "ws",
        "https" => "http",
        "rediss" => "redis",
        "stomps" => "stomp",
        "jmss" => "jms",
        other => other,
    }
    .to_owned()
}

/// The address with its parameters unnamed: `orders/{id}` and `orders/{orderId}` are the same channel.
pub(in crate::topology) fn shape(address: &str) -> String {
    let mut shape = String::with_capacity(address.len());
    let mut rest = address;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, after)) = after.split_once('}') else { break };
        shape.push_str(before);
        shape.push_str("{}");
        rest = after;
    }
    shape.push_str(rest);
    shape
}

/// Percent-encodes what RFC 3986 does not call unreserved, except `/` when asked to keep it. `~` is encoded too: it
/// marks addresses that are only known at run time.
pub(in crate::topology) fn encoded(text: &str, keep_slash: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._".contains(&byte) || (keep_slash && byte == b'/');
        if plain {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The identifier of a message: its name, and its version where it has one.
pub(in crate::topology) fn message_id(message: &Message) -> String {
    let mut id = format!("message:{}", encoded(&message.name, false));
    if let Some(version) = &message.version {
        id.push('@');
        id.push_str(&encoded(version, false));
    }
    id
}

pub(in crate::topology) fn owners(node: &NodeRef) -> Vec<String> {
    let Some(written) = node.get("x-owner").or_else(|| node.get("x-owners")) else { return Vec::new() };
    let single = written.as_str().into_iter();
    single.chain(written.items().iter().filter_map(|item| item.as_str())).map(str::to_owned).collect()
}

pub(in crate::topology) fn own_domain(node: &NodeRef) -> Option<String> {
    let first_tag = || node.get("tags")?.items().first()?.get_str("name");
    node.get_str("x-domain").or_else(first_tag).map(str::to_owned)
}

pub(in crate::topology) fn blank(id: String, kind: NodeKind, name: String) -> Node {
    Node {
        id,
        kind,
        name,
        title: None,
        version: None,
        description: None,
        protocol: None,
        domain: None,
        owners: Vec::new(),
        schema: None,
        defined_at: Vec::new(),
        change: None,
    }
}

/// Takes what `more` says where `node` says nothing yet.
pub(in crate::topology) fn merge(node: &mut Node, more: Node) {
    fn fill<T>(old: &mut Option<T>, new: Option<T>) {
        if old.is_none() {
            *old = new;
        }
    }
    fill(&mut node.title, more.title);
    fill(&mut node.version, more.version);
    fill(&mut node.description, more.description);
    fill(&mut node.domain, more.domain);
    fill(&mut node.schema, more.schema);
    extend_new(&mut node.owners, more.owners);
    extend_new(&mut node.defined_at, more.defined_at);
}

pub(in crate::topology) fn extend_new<T: PartialEq>(list: &mut Vec<T>, more: impl IntoIterator<Item = T>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}
