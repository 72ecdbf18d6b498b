//! An Avro schema is not one.
//!
//! Every type is a primitive, a named type defined before, or a record, enum, array, map, union or fixed; records have
//! fields with names, enums have symbols.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed:
//!         payload:
//!           schemaFormat: application/vnd.apache.avro;version=1.9.0
//!           schema:
//!             type: record
//!             name: Placed
//!             fields:
//!               - {name: id, type: strin}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed:
//!         payload:
//!           schemaFormat: application/vnd.apache.avro;version=1.9.0
//!           schema:
//!             type: record
//!             name: Placed
//!             fields:
//!               - {name: id, type: string}
//! ```

use std::sync::Arc;

use super::{Category, Rule};
use crate::check::{CheckInput, avro};
use crate::contract::{SchemaFormat, SchemaRef};
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2312",
    name: "avro-schema",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "Apache Avro · Schemas",
    aliases: &[],
    source: include_str!("avro_schema.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for schema in schemas(input) {
        for fault in avro::read(&schema.node).faults {
            if !fault.in_default {
                let finding = RULE.finding(fault.message, fault.span).at(schema.pointer.clone());
                findings.push(if let Some(help) = fault.help { finding.help(help) } else { finding });
            }
        }
    }
}

/// Every Avro schema of the document, each once.
pub fn schemas<'a>(input: &'a CheckInput) -> Vec<&'a SchemaRef> {
    let messages = &input.document.messages;
    let mut found: Vec<&'a SchemaRef> = Vec::new();
    for schema in messages.iter().flat_map(|message| message.payload.iter().chain(&message.headers)) {
        let is_known = found.iter().any(|other| Arc::ptr_eq(&other.node, &schema.node));
        if schema.format == SchemaFormat::Avro && !is_known {
            found.push(schema);
        }
    }
    found
}
