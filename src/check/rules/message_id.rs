//! A message has no `messageId`.
//!
//! Since AsyncAPI 2.4 `messageId` names a message wherever it is used; without it reports and generated code make up a
//! name.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     publish: {message: {payload: {type: object}}}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     publish: {message: {messageId: orderPlaced, payload: {type: object}}}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::presence::lacking;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3014",
    name: "message-id",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI 2 · Message Object · messageId",
    aliases: &["asyncapi2-message-messageId"],
    source: include_str!("message_id.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let messages = input.named("Message").filter(|_| input.is_version(2) && input.minor >= 4);
    let help = "add a name that is unique among the messages";
    findings.extend(messages.filter_map(|object| lacking(&RULE, object, "messageId", help)));
}
