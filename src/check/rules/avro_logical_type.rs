//! An Avro logical type is ignored by every reader.
//!
//! A logical type annotates the types the specification names, with the attributes it asks for, inside the type it
//! annotates. Readers pass over any other without a word, and hand out bare numbers and bytes.
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
//!               - {name: placed, type: {type: string, logicalType: timestamp-millis}}
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
//!               - {name: placed, type: {type: long, logicalType: timestamp-millis}}
//! ```

use super::avro_schema::report;
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::schema::{AvroFault, SchemaProblemKind};

pub const RULE: Rule = Rule {
    code: "ED2351",
    name: "avro-logical-type",
    severity: Severity::Warning,
    category: Category::Correctness,
    clause: "Apache Avro · Logical Types",
    aliases: &[],
    source: include_str!("avro_logical_type.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    report(input, &RULE, &SchemaProblemKind::Avro(AvroFault::Logical), findings);
}
