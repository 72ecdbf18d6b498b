//! Bindings are given for a protocol that has none.
//!
//! The specification lists the protocols with bindings. What stands under any other name is read by no tool: most often the
//! name is a slip of the pen. A protocol of your own goes under a name that begins with `x-`. AsyncAPI 2 leaves the list open,
//! so there an unknown name is a warning unless it is nearly a known one.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     bindings:
//!       kakfa: {partitions: 3}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     bindings:
//!       kafka: {partitions: 3}
//! ```

use super::{Category, Rule};
use crate::diagnostic::Severity;

pub const RULE: Rule = Rule {
    code: "ED2701",
    name: "unknown-binding",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Server, Channel, Operation and Message Bindings Object",
    aliases: &["asyncapi-document-resolved", "asyncapi-document-unresolved"],
    source: include_str!("unknown_binding.rs"),
    check: None,
};
