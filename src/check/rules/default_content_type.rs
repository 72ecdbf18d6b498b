//! Messages without a content type have no default to fall back to.
//!
//! Where neither the message nor the document says how a payload is encoded, every reader has to guess.
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
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! defaultContentType: application/json
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed: {payload: {type: object}}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::presence::lacking;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3007",
    name: "default-content-type",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI · defaultContentType",
    aliases: &["asyncapi-defaultContentType"],
    source: include_str!("default_content_type.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    // A document whose messages all say it themselves needs no default.
    if input.document.messages.iter().any(|message| message.content_type.is_none()) {
        let help = "add `defaultContentType`, such as `application/json`";
        let documents = input.named("AsyncAPI");
        findings.extend(documents.filter_map(|object| lacking(&RULE, object, "defaultContentType", help)));
    }
}
