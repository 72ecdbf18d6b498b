//! A pattern is not a regular expression.
//!
//! Readers refuse the schema, or pass over the pattern and let everything through.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: string
//!       pattern: '([a-z'
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: string
//!       pattern: '([a-z]+)'
//! ```

use super::schema_invalid::problems;
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::schema::SchemaProblemKind;

pub const RULE: Rule = Rule {
    code: "ED2304",
    name: "pattern-invalid",
    severity: Severity::Error,
    category: Category::Correctness,
    clause: "JSON Schema · pattern, patternProperties",
    aliases: &[],
    source: include_str!("pattern_invalid.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for problem in problems(input).into_iter().filter(|problem| problem.kind == SchemaProblemKind::Pattern) {
        let mut finding = RULE.finding(problem.message, problem.span).at(problem.pointer);
        finding.help = problem
            .help
            .or_else(|| Some("close every bracket, and escape what is meant as it is".to_owned()));
        findings.push(finding);
    }
}
