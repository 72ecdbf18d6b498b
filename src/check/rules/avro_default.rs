//! The default of an Avro field is not of the field's type.
//!
//! Readers fill a missing field with its default; one of another type makes the schema unusable. The default of a union
//! is of its first branch; since Avro 1.12 it may be of any. The default of an enum is one of its symbols.
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

use super::avro_schema::report;
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::schema::{AvroFault, SchemaProblemKind};

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
    report(input, &RULE, &SchemaProblemKind::Avro(AvroFault::Default), findings);
}
