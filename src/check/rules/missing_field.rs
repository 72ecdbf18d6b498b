//! An object lacks a field that its specification requires.
//!
//! Readers of the document rely on required fields: without them a service has no name, a server no host, an operation
//! no channel.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info:
//!   title: Orders
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info:
//!   title: Orders
//!   version: 1.0.0
//! ```

use super::{Category, Rule};
use crate::diagnostic::Severity;

pub const RULE: Rule = Rule {
    code: "ED1002",
    name: "missing-field",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · required fields of the object",
    aliases: &[
        "asyncapi-document-resolved",
        "asyncapi-document-unresolved",
        "asyncapi-schema",
        "asyncapi-3-document-resolved",
        "asyncapi-3-document-unresolved",
    ],
    source: include_str!("missing_field.rs"),
    check: None,
};
