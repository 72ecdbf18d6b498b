//! A value is not one of those its field allows.
//!
//! Some fields take only certain words, a number in a range, a URI or an e-mail address. Anything else is read as
//! nothing, or refused by the broker.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders: {address: orders}
//! operations:
//!   publishOrder:
//!     action: publish
//!     channel: {$ref: '#/channels/orders'}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders: {address: orders}
//! operations:
//!   sendOrder:
//!     action: send
//!     channel: {$ref: '#/channels/orders'}
//! ```

use super::{Category, Rule};
use crate::diagnostic::Severity;

pub const RULE: Rule = Rule {
    code: "ED1004",
    name: "value-not-allowed",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · values of fields",
    aliases: &[
        "asyncapi-document-resolved",
        "asyncapi-document-unresolved",
        "asyncapi-schema",
        "asyncapi-3-document-resolved",
        "asyncapi-3-document-unresolved",
    ],
    source: include_str!("value_not_allowed.rs"),
    check: None,
};
