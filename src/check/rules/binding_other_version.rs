//! The bindings have a field that only another version of them has.
//!
//! Fields come and go between versions of the bindings, and `bindingVersion` says which count; without it the newest do.
//! In AsyncAPI 2 documents without `bindingVersion` it is a warning: the field was right when they were written.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     bindings:
//!       kafka:
//!         topicConfiguration: {retention.ms: 1000}
//!         bindingVersion: 0.3.0
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     bindings:
//!       kafka:
//!         topicConfiguration: {retention.ms: 1000}
//!         bindingVersion: 0.4.0
//! ```

use super::{Category, Rule};
use crate::diagnostic::Severity;

pub const RULE: Rule = Rule {
    code: "ED2704",
    name: "binding-other-version",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI bindings · bindingVersion",
    aliases: &["asyncapi-document-resolved", "asyncapi-document-unresolved"],
    source: include_str!("binding_other_version.rs"),
    check: None,
};
