//! Two messages of a channel accept the same event.
//!
//! A reader must be able to tell which message an event is: the schemas of the messages must differ in something that
//! events show, such as a constant, a required property or a header.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed: {payload: {type: object}}
//!       cancelled: {payload: {type: object}}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed: {payload: {type: object, properties: {kind: {const: placed}}, required: [kind]}}
//!       cancelled: {payload: {type: object, properties: {kind: {const: cancelled}}, required: [kind]}}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::contract::{Channel, Example, MessageIndex, SchemaRef};
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2405",
    name: "messages-ambiguous",
    severity: Severity::Warning,
    category: Category::Spec,
    clause: "AsyncAPI · Channel Object · messages",
    aliases: &[],
    source: include_str!("messages_ambiguous.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let groups: Vec<Vec<MessageIndex>> = if input.is_version(2) {
        input.document.operations.iter().map(|operation| operation.messages.clone()).collect()
    } else {
        let messages = |channel: &Channel| channel.messages.iter().map(|(_, index)| *index).collect();
        input.document.channels.iter().map(messages).collect()
    };
    for group in groups {
        for (at, right) in group.iter().enumerate() {
            let earlier = group[..at].iter().find_map(|left| pair(input, *left, *right));
            findings.extend(earlier);
        }
    }
}

/// Tells when both messages accept one event: they have the same schemas, or one takes an example of the other.
fn pair(input: &CheckInput, left: MessageIndex, right: MessageIndex) -> Option<Diagnostic> {
    let messages = &input.document.messages;
    let (left, right) = (messages.get(left.0)?, messages.get(right.0)?);
    let same_node = left.pointer == right.pointer && left.file == right.file;
    if same_node
        || left.content_type != right.content_type
        || !same(input, left.headers.as_ref(), right.headers.as_ref())
    {
        return None;
    }
    let (first, second) = (left.payload.as_ref()?, right.payload.as_ref()?);
    let (one, other) = (input.compiled_reference(first)?, input.compiled_reference(second)?);
    let accepted = |example: &Example| {
        let payload = example.payload.as_ref();
        payload
            .is_some_and(|payload| one.check_tree(payload).is_empty() && other.check_tree(payload).is_empty())
    };
    let is_same = one.self_contained() == other.self_contained();
    if !is_same && !left.examples.iter().chain(&right.examples).any(accepted) {
        return None;
    }
    let how = if is_same { "their schemas are the same" } else { "an example of one conforms to both" };
    let message = format!("the messages `{}` and `{}` cannot be told apart: {how}", left.name, right.name);
    let help = "let a constant, a required property or a header tell them apart";
    Some(
        RULE.finding(message, right.span)
            .related(left.span, "the other message")
            .at(right.pointer.clone())
            .help(help),
    )
}

fn same(input: &CheckInput, left: Option<&SchemaRef>, right: Option<&SchemaRef>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => {
            let compiled = (input.compiled_reference(left), input.compiled_reference(right));
            matches!(compiled, (Some(one), Some(other)) if one.self_contained() == other.self_contained())
        }
        _ => false,
    }
}
