//! A Protobuf schema does not compile.
//!
//! The text follows the grammar of proto2 or proto3, its numbers and names are each used once, and what it imports is
//! beside it or in a folder above.
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
//!           schemaFormat: application/vnd.google.protobuf;version=3
//!           schema: |
//!             syntax = "proto3";
//!             message Placed {
//!               string id = 1;
//!               string sku = 1;
//!             }
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
//!           schemaFormat: application/vnd.google.protobuf;version=3
//!           schema: |
//!             syntax = "proto3";
//!             message Placed {
//!               string id = 1;
//!               string sku = 2;
//!             }
//! ```

use super::avro_schema::report;
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::schema::SchemaProblemKind;

pub const RULE: Rule = Rule {
    code: "ED2352",
    name: "protobuf-schema",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "Protocol Buffers · Language Specification",
    aliases: &[],
    source: include_str!("protobuf_schema.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    report(input, &RULE, &SchemaProblemKind::Protobuf, findings);
}
