//! A name in an Avro schema is none, or is taken.
//!
//! Names begin with a letter or `_` and go on with letters, digits and `_`; a namespace is such names with dots between
//! them. Each type, each field of a record and each symbol of an enum is defined once.
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
//!               - {name: order-id, type: string}
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
//!               - {name: order_id, type: string}
//! ```

use super::avro_schema::report;
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::schema::{AvroFault, SchemaProblemKind};

pub const RULE: Rule = Rule {
    code: "ED2350",
    name: "avro-name",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "Apache Avro · Names",
    aliases: &[],
    source: include_str!("avro_name.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    report(input, &RULE, &SchemaProblemKind::Avro(AvroFault::Name), findings);
}
