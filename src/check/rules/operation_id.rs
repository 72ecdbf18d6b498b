//! An operation has no `operationId`.
//!
//! AsyncAPI 2 names operations by `operationId`; without it code generators, reports and conversions make up a name.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     publish: {message: {payload: {type: object}}}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     publish: {operationId: placeOrder, message: {payload: {type: object}}}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::presence::lacking;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3013",
    name: "operation-id",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI 2 · Operation Object · operationId",
    aliases: &["asyncapi-operation-operationId", "asyncapi2-operation-operationId"],
    source: include_str!("operation_id.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let operations = input.named("Operation").filter(|_| input.is_version(2));
    let help = "add a name that is unique among the operations";
    findings.extend(operations.filter_map(|object| lacking(&RULE, object, "operationId", help)));
}
