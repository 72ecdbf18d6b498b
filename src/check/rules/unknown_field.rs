//! An object has a field that its specification does not know.
//!
//! A field nobody reads is a promise nobody keeps: most often it is a slip of the pen or a field of another version.
//! Extensions are allowed everywhere and begin with `x-`.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info:
//!   title: Orders
//!   version: 1.0.0
//!   titel: Orders
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info:
//!   title: Orders
//!   version: 1.0.0
//!   x-owner: shop
//! ```

use super::{Category, Rule};
use crate::diagnostic::Severity;

pub const RULE: Rule = Rule {
    code: "ED1001",
    name: "unknown-field",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · fields of the object",
    aliases: &[
        "asyncapi-document-resolved",
        "asyncapi-document-unresolved",
        "asyncapi-schema",
        "asyncapi-3-document-resolved",
        "asyncapi-3-document-unresolved",
    ],
    source: include_str!("unknown_field.rs"),
    check: None,
};
