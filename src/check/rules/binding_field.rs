//! The bindings of a protocol have a field that their specification does not know.
//!
//! Bindings may only hold the fields of their version, and extensions that begin with `x-`. A field that no version has is
//! read by nobody, on any AsyncAPI version.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     bindings:
//!       kafka: {partition: 3}
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
    code: "ED2702",
    name: "binding-field",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI bindings · fixed fields",
    aliases: &["asyncapi-document-resolved", "asyncapi-document-unresolved"],
    source: include_str!("binding_field.rs"),
    check: None,
};
