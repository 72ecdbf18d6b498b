//! A channel names a server that the document does not have.
//!
//! The servers of a channel are a choice from `servers` of the document: names in AsyncAPI 2, references to
//! `#/servers/…` in AsyncAPI 3.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {url: 'localhost:1883', protocol: mqtt}
//! channels:
//!   orders:
//!     servers: [mian]
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {url: 'localhost:1883', protocol: mqtt}
//! channels:
//!   orders:
//!     servers: [main]
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::grammar::Placed;
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::source_text::tree::NodeRef;

pub const RULE: Rule = Rule {
    code: "ED2006",
    name: "channel-servers",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Channel Object · servers",
    aliases: &[
        "asyncapi2-channel-servers",
        "asyncapi3-channel-servers",
        "asyncapi3-required-channel-servers-unambiguity",
        "asyncapi-channel-servers",
        "asyncapi-3-channel-servers",
    ],
    source: include_str!("channel_servers.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let servers = input.document.root.get("servers");
    let known: Vec<&str> =
        servers.map_or(&[][..], |servers| servers.entries()).iter().map(|entry| entry.key.as_str()).collect();
    for channel in input.named("Channel").filter(|channel| channel.node.span.file == input.file()) {
        let listed = channel.node.get("servers").map_or(&[][..], |servers| servers.items());
        for (index, item) in listed.iter().enumerate() {
            let fault = match item.get("$ref") {
                Some(reference) => foreign(input, channel, reference),
                None => unknown(item, &known),
            };
            findings.extend(fault.map(|finding| finding.at(format!("{}/servers/{index}", channel.pointer))));
        }
    }
}

/// AsyncAPI 2: a name.
fn unknown(item: &NodeRef, known: &[&str]) -> Option<Diagnostic> {
    let name = item.as_str().filter(|name| !known.contains(name))?;
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "the document has no `servers`".to_owned(),
        None => format!("the document has {}", known.join(", ")),
    };
    Some(RULE.finding(format!("there is no server `{name}`"), item.span).help(help))
}

/// AsyncAPI 3: a channel of the document points to a server of the document.
fn foreign(input: &CheckInput, channel: &Placed, reference: &NodeRef) -> Option<Diagnostic> {
    let text = reference.as_str()?;
    let is_root = channel.pointer.starts_with("/channels/") && input.is_version(3);
    if !is_root || text.starts_with("#/servers/") {
        return None;
    }
    let finding = RULE.finding("`servers` of a channel must point to `#/servers/…`", reference.span);
    Some(finding.help("add the server to `servers` and point to it there"))
}
