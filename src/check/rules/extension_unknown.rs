//! An extension has a name that begins with `x-eddy-` and is none of eddy's.
//!
//! Extensions of eddy describe what AsyncAPI cannot: streams and consumers of JetStream, groups of Redis Streams, retries and
//! dead letters. A name that is nearly one of them is read by nobody.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     x-eddy-jetsream:
//!       stream: {name: ORDERS}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     x-eddy-jetstream:
//!       stream: {name: ORDERS}
//! ```

use super::{Category, Rule};
use crate::diagnostic::Severity;

pub const RULE: Rule = Rule {
    code: "ED2721",
    name: "extension-unknown",
    severity: Severity::Warning,
    category: Category::Correctness,
    clause: "",
    aliases: &[],
    source: include_str!("extension_unknown.rs"),
    check: None,
};
