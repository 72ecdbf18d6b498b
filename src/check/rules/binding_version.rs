//! Bindings name a version that does not exist.
//!
//! `bindingVersion` chooses the fields that may stand beside it. When nobody knows the version, nobody can read the rest.
//! Leave it out, or write `latest`, for the newest.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     bindings:
//!       kafka: {partitions: 3, bindingVersion: 0.9.0}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     bindings:
//!       kafka: {partitions: 3, bindingVersion: 0.5.0}
//! ```

use super::{Category, Rule};
use crate::diagnostic::Severity;

pub const RULE: Rule = Rule {
    code: "ED2703",
    name: "binding-version",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI bindings · bindingVersion",
    aliases: &["asyncapi-document-resolved", "asyncapi-document-unresolved"],
    source: include_str!("binding_version.rs"),
    check: None,
};
