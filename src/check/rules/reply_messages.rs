//! A reply lists a message that does not belong to the channel of the reply.
//!
//! The answer travels on the reply channel; its messages are a choice from those of that channel.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   request:
//!     address: request
//!     messages: {ask: {payload: {type: object}}}
//!   response:
//!     address: response
//!     messages: {answer: {payload: {type: string}}}
//! operations:
//!   askPrice:
//!     action: send
//!     channel: {$ref: '#/channels/request'}
//!     reply:
//!       channel: {$ref: '#/channels/response'}
//!       messages:
//!         - $ref: '#/channels/request/messages/ask'
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   request:
//!     address: request
//!     messages: {ask: {payload: {type: object}}}
//!   response:
//!     address: response
//!     messages: {answer: {payload: {type: string}}}
//! operations:
//!   askPrice:
//!     action: send
//!     channel: {$ref: '#/channels/request'}
//!     reply:
//!       channel: {$ref: '#/channels/response'}
//!       messages:
//!         - $ref: '#/channels/response/messages/answer'
//! ```

use super::operation_channel::is_root_channel;
use super::operation_messages::outsiders;
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2003",
    name: "reply-messages",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI 3.0 · Operation Reply Object · messages",
    aliases: &[],
    source: include_str!("reply_messages.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for reply in input.named("Reply") {
        let channel = reply.node.get("channel").and_then(|channel| channel.get_str("$ref"));
        if let Some(channel) = channel.filter(|channel| is_root_channel(channel)) {
            outsiders(&RULE, &reply.node, channel, &reply.pointer, findings);
        }
    }
}
