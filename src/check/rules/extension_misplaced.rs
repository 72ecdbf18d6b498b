//! An extension of eddy stands where nobody reads it.
//!
//! Extensions of eddy belong on a channel or on an operation.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! x-eddy-retry: {attempts: 3}
//! channels:
//!   orders: {address: orders}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     x-eddy-retry: {attempts: 3}
//! ```

use super::{Category, Rule};
use crate::diagnostic::Severity;

pub const RULE: Rule = Rule {
    code: "ED2722",
    name: "extension-misplaced",
    severity: Severity::Warning,
    category: Category::Correctness,
    clause: "",
    aliases: &[],
    source: include_str!("extension_misplaced.rs"),
    check: None,
};
