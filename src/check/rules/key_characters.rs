//! A name holds a character that names of its kind may not hold.
//!
//! Keys of components take letters, digits, `.`, `-` and `_`; names of servers and parameters take the same without `.`.
//! Other characters break the references that point to them.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order Line: {type: object}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     OrderLine: {type: object}
//! ```

use super::{Category, Rule};
use crate::diagnostic::Severity;

pub const RULE: Rule = Rule {
    code: "ED1007",
    name: "key-characters",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Components Object, Servers Object, Parameters Object",
    aliases: &[
        "asyncapi-document-resolved",
        "asyncapi-document-unresolved",
        "asyncapi-schema",
        "asyncapi-3-document-resolved",
        "asyncapi-3-document-unresolved",
    ],
    source: include_str!("key_characters.rs"),
    check: None,
};
