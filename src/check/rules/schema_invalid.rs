//! A schema is not a valid schema.
//!
//! Its keywords do not have the values their draft asks for, or it reaches something that is no schema. No event can be
//! checked by it.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: object
//!       required: [id, id]
//!       properties: {id: {type: string}}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: object
//!       required: [id]
//!       properties: {id: {type: string}}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::schema::{SchemaProblem, SchemaProblemKind};
use crate::source_text::Span;

pub const RULE: Rule = Rule {
    code: "ED2301",
    name: "schema-invalid",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Schema Object; JSON Schema",
    aliases: &["asyncapi2-schemas", "asyncapi-payload", "asyncapi-schemas-v2", "asyncapi-schemas-v3"],
    source: include_str!("schema_invalid.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for problem in problems(input) {
        let is_told_elsewhere = matches!(
            problem.kind,
            SchemaProblemKind::Pattern | SchemaProblemKind::Circle | SchemaProblemKind::Reference(_)
        );
        let is_told_already = input.faults.iter().any(|span| overlaps(*span, problem.span));
        if is_told_elsewhere || is_told_already {
            continue;
        }
        let mut finding = RULE.finding(problem.message, problem.span).at(problem.pointer);
        finding.help = problem.help;
        finding.expected = problem.expected;
        finding.actual = problem.actual;
        findings.push(finding);
    }
}

/// What is wrong with the schemas of the document, as the compiler sees it.
pub fn problems(input: &CheckInput) -> Vec<SchemaProblem> {
    input.schema_places().iter().flat_map(|(place, dialect)| input.problems(place, *dialect)).collect()
}

fn overlaps(left: Span, right: Span) -> bool {
    left.file == right.file && left.start <= right.end && right.start <= left.end
}
