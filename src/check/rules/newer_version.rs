//! A field came with a later version than the document states.
//!
//! Tools that keep to the stated version pass over the field or refuse the document.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 2.1.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {url: 'localhost:1883', protocol: mqtt}
//! channels:
//!   orders:
//!     servers: [main]
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 2.2.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {url: 'localhost:1883', protocol: mqtt}
//! channels:
//!   orders:
//!     servers: [main]
//! ```

use super::{Category, Rule};
use crate::diagnostic::Severity;

pub const RULE: Rule = Rule {
    code: "ED1005",
    name: "newer-version",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · changes between versions",
    aliases: &[
        "asyncapi-document-resolved",
        "asyncapi-document-unresolved",
        "asyncapi-schema",
        "asyncapi-3-document-resolved",
        "asyncapi-3-document-unresolved",
    ],
    source: include_str!("newer_version.rs"),
    check: None,
};
