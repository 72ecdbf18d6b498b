//! Fields stand together that exclude each other, or one stands without another it needs.
//!
//! Some fields only make sense beside others: a queue belongs to `is: queue`, an exchange to `is: routingKey`. A tool that
//! reads one of them must ignore the other, and which one differs from tool to tool.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     bindings:
//!       amqp:
//!         is: queue
//!         queue: {name: orders}
//!         exchange: {name: shop}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     bindings:
//!       amqp:
//!         is: queue
//!         queue: {name: orders}
//! ```

use super::{Category, Rule};
use crate::diagnostic::Severity;

pub const RULE: Rule = Rule {
    code: "ED2705",
    name: "field-conflict",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI bindings · constraints of the fields",
    aliases: &["asyncapi-document-resolved", "asyncapi-document-unresolved"],
    source: include_str!("field_conflict.rs"),
    check: None,
};
