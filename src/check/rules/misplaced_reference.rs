//! A reference stands where the specification does not foresee one.
//!
//! Some tools follow a `$ref` anywhere, others read it as an unknown field. Where the field is not said to take a
//! Reference Object, write the object itself.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     $ref: '#/x-schemas'
//! x-schemas:
//!   Order: {type: object}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order: {$ref: '#/x-schemas/Order'}
//! x-schemas:
//!   Order: {type: object}
//! ```

use super::{Category, Rule};
use crate::diagnostic::Severity;

pub const RULE: Rule = Rule {
    code: "ED1008",
    name: "misplaced-reference",
    severity: Severity::Warning,
    category: Category::Interop,
    clause: "AsyncAPI · Reference Object",
    aliases: &[
        "asyncapi-document-resolved",
        "asyncapi-document-unresolved",
        "asyncapi-schema",
        "asyncapi-3-document-resolved",
        "asyncapi-3-document-unresolved",
    ],
    source: include_str!("misplaced_reference.rs"),
    check: None,
};
