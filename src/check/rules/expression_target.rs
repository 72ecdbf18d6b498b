//! A location points at a place that no event of the message can have.
//!
//! The schema of the headers or of the payload is closed (`additionalProperties: false`) and has no such property, so the
//! value can never be found.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed:
//!         correlationId: {location: '$message.payload#/orderId'}
//!         payload:
//!           type: object
//!           properties: {order-id: {type: string}}
//!           additionalProperties: false
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed:
//!         correlationId: {location: '$message.payload#/order-id'}
//!         payload:
//!           type: object
//!           properties: {order-id: {type: string}}
//!           additionalProperties: false
//! ```

use super::expression_syntax::Expression;
use super::parameter_undeclared::parameters;
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::contract::{Message, SchemaFormat, SchemaRef};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::tree::NodeRef;

pub const RULE: Rule = Rule {
    code: "ED2502",
    name: "expression-target",
    severity: Severity::Error,
    category: Category::Correctness,
    clause: "AsyncAPI · Runtime Expression",
    aliases: &[],
    source: include_str!("expression_target.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for message in &input.document.messages {
        let correlation = message.node.get("correlationId").and_then(|node| input.behind(node));
        let location = correlation.as_ref().and_then(|target| target.node.get("location"));
        if let Some(location) = location {
            judge(input, location, &[message], &message.pointer, findings);
        }
    }
    for channel in &input.document.channels {
        let messages: Vec<&Message> =
            channel.messages.iter().filter_map(|(_, index)| input.document.messages.get(index.0)).collect();
        for entry in parameters(input, channel) {
            let target = input.behind(&entry.value);
            let location = target.as_ref().and_then(|target| target.node.get("location"));
            if let Some(location) = location.filter(|_| !messages.is_empty()) {
                judge(input, location, &messages, &channel.pointer, findings);
            }
        }
    }
}

/// Tells when none of the messages can have the place.
fn judge(
    input: &CheckInput,
    location: &NodeRef,
    messages: &[&Message],
    pointer: &str,
    findings: &mut Vec<Diagnostic>,
) {
    let text = location.as_str().unwrap_or_default();
    let Some(expression) = Expression::read(text) else {
        return;
    };
    let possible = |message: &&Message| {
        let schema = if expression.header { &message.headers } else { &message.payload };
        schema
            .as_ref()
            .is_none_or(|schema| !is_json_schema(schema) || allows(input, &schema.node, &expression.tokens))
    };
    if messages.iter().any(possible) {
        return;
    }
    let part = if expression.header { "headers" } else { "payload" };
    let finding = RULE
        .finding(format!("`{text}` points at nothing: the schema of the {part} forbids it"), location.span);
    findings.push(finding.at(pointer).help(format!("point at a property of the {part}, or add this one")));
}

fn is_json_schema(schema: &SchemaRef) -> bool {
    matches!(schema.format, SchemaFormat::AsyncApi | SchemaFormat::JsonSchema)
}

/// Whether an event may have this place; in doubt yes.
fn allows(input: &CheckInput, schema: &NodeRef, tokens: &[String]) -> bool {
    let Some((token, rest)) = tokens.split_first() else {
        return true;
    };
    let Some(target) = input.behind(schema) else {
        return true;
    };
    let schema = target.node;
    if let Some(property) = schema.get("properties").and_then(|properties| properties.get(token)) {
        return allows(input, property, rest);
    }
    let is_closed = schema.get("additionalProperties").and_then(|node| node.as_bool()) == Some(false);
    !is_closed || schema.get("patternProperties").is_some()
}
