//! The address of a channel holds a parameter that `parameters` does not declare.
//!
//! Whoever sends to the channel must know what to put in place of `{name}`. A channel that declares no parameter at all
//! is reported as a warning, for tools commonly accept it.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders.{region}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders.{region}
//!     parameters:
//!       region: {enum: [eu, us]}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::contract::Channel;
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::source_text::tree::Entry;

pub const RULE: Rule = Rule {
    code: "ED2101",
    name: "parameter-undeclared",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Parameters Object",
    aliases: &["asyncapi2-channel-parameters", "asyncapi3-channel-parameters", "asyncapi-channel-parameters"],
    source: include_str!("parameter_undeclared.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for channel in &input.document.channels {
        let Some(address) = &channel.address else {
            continue;
        };
        let declared = parameters(input, channel);
        for name in placeholders(address) {
            if declared.iter().any(|entry| entry.key == name) {
                continue;
            }
            let node = channel.node.get("address");
            let place = node.map_or(channel.span, |node| input.place_inside(node, &format!("{{{name}}}")));
            let message = format!("the parameter `{name}` of the address `{address}` is not declared");
            let near = nearest(name, declared.iter().map(|entry| entry.key.as_str()));
            let help = near.map_or_else(
                || format!("add `{name}` to `parameters` of the channel"),
                |near| format!("did you mean `{{{near}}}`?"),
            );
            let mut finding = RULE.finding(message, place).at(channel.pointer.clone()).help(help);
            if declared.is_empty() {
                finding.severity = Severity::Warning;
            }
            findings.push(finding);
        }
    }
}

/// What the channel declares in `parameters`.
pub fn parameters(input: &CheckInput, channel: &Channel) -> Vec<Entry> {
    let target = channel.node.get("parameters").and_then(|parameters| input.behind(parameters));
    target.map_or_else(Vec::new, |target| target.node.entries().to_vec())
}

/// The names in braces, each once; empty ones are left to the rule about them.
pub fn placeholders(address: &str) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for part in address.split('{').skip(1) {
        if let Some((name, _)) = part.split_once('}')
            && !name.is_empty()
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}
