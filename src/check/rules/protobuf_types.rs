//! A Protobuf schema names a type that it does not have.
//!
//! The type of a field is a scalar, or a message or enum defined in the same text or in an imported file.
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
//!               strin id = 1;
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
//!             }
//! ```

use super::avro_schema::report;
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::schema::SchemaProblemKind;

pub const RULE: Rule = Rule {
    code: "ED2314",
    name: "protobuf-types",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "Protocol Buffers · Scalar Value Types",
    aliases: &[],
    source: include_str!("protobuf_types.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    report(input, &RULE, &SchemaProblemKind::ProtobufType, findings);
}
