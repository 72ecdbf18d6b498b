//! Two operations have the same `operationId`.
//!
//! Tools use it to name functions and to link to the operation: it must be unique, letter case counted.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     publish: {operationId: handleOrder}
//!   invoices:
//!     publish: {operationId: handleOrder}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     publish: {operationId: handleOrder}
//!   invoices:
//!     publish: {operationId: handleInvoice}
//! ```

use std::collections::HashMap;

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::Span;

pub const RULE: Rule = Rule {
    code: "ED2201",
    name: "operation-id-unique",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI 2 · Operation Object · operationId",
    aliases: &["asyncapi2-operation-operationId-uniqueness", "asyncapi-operation-operationId-uniqueness"],
    source: include_str!("operation_id_unique.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for object in input.objects.iter().filter(|object| matches!(object.name, "Operation" | "OperationTrait"))
    {
        let Some(value) = object.node.get("operationId") else {
            continue;
        };
        let Some(text) = value.as_str() else {
            continue;
        };
        if let Some(first) = seen.get(text) {
            let finding = RULE.finding(format!("`operationId` `{text}` is used twice"), value.span);
            let finding =
                finding.related(*first, "first used here").at(format!("{}/operationId", object.pointer));
            findings.push(finding.help("give each operation an identifier of its own"));
        } else {
            seen.insert(text, value.span);
        }
    }
}
