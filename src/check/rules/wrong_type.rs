//! A value has another type than its field asks for.
//!
//! YAML decides by looks: `1.0` is a number, `yes` is a string, `null` is nothing. Quote what must be text.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info:
//!   title: Orders
//!   version: 1.0
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info:
//!   title: Orders
//!   version: "1.0"
//! ```

use super::{Category, Rule};
use crate::diagnostic::Severity;

pub const RULE: Rule = Rule {
    code: "ED1003",
    name: "wrong-type",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · types of fields",
    aliases: &[
        "asyncapi-document-resolved",
        "asyncapi-document-unresolved",
        "asyncapi-schema",
        "asyncapi-3-document-resolved",
        "asyncapi-3-document-unresolved",
    ],
    source: include_str!("wrong_type.rs"),
    check: None,
};
