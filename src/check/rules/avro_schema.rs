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

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::schema::{AvroFault, SchemaProblemKind};

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
    report(input, &RULE, &SchemaProblemKind::Avro(AvroFault::Type), findings);
}

/// Turns the problems of one kind into findings of a rule.
pub fn report(input: &CheckInput, rule: &Rule, kind: &SchemaProblemKind, findings: &mut Vec<Diagnostic>) {
    for problem in input.payload_problems().into_iter().filter(|problem| problem.kind == *kind) {
        let mut finding = rule.finding(problem.message, problem.span).at(problem.pointer);
        finding.help = problem.help;
        finding.expected = problem.expected;
        finding.actual = problem.actual;
        findings.push(finding);
    }
}
