//! The default of an Avro field is not of the field's type.
//!
//! Readers fill a missing field with its default; one of another type makes the schema unusable. The default of a union
//! is of its first branch.
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
//!               - {name: amount, type: int, default: "x"}
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
//!               - {name: amount, type: int, default: 0}
//! ```

use super::avro_schema::schemas;
use super::{Category, Rule};
use crate::check::{CheckInput, avro};
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2313",
    name: "avro-default",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "Apache Avro · Records",
    aliases: &[],
    source: include_str!("avro_default.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for schema in schemas(input) {
        for fault in avro::read(&schema.node).faults {
            if fault.in_default {
                findings.push(RULE.finding(fault.message, fault.span).at(schema.pointer.clone()));
            }
        }
    }
}
