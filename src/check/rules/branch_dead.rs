//! A branch of `oneOf` or `anyOf` can never be the one that applies.
//!
//! What stands beside the keyword forbids every value of the branch, or every value of the branch fits another branch
//! of `oneOf` as well, and is refused for that: an integer is a number. It is told only where it is proved.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Amount:
//!       oneOf:
//!         - {type: number}
//!         - {type: integer}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Amount:
//!       oneOf:
//!         - {type: number}
//!         - {type: string}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::schema::contradiction::Reason;

pub const RULE: Rule = Rule {
    code: "ED2316",
    name: "branch-dead",
    severity: Severity::Warning,
    category: Category::Correctness,
    clause: "JSON Schema · oneOf, anyOf",
    aliases: &[],
    source: include_str!("branch_dead.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for contradiction in input.contradictions() {
        let (message, other, help) = match &contradiction.reason {
            Reason::Keywords(_) => continue,
            Reason::Surroundings => (
                "what stands beside the choice forbids this branch",
                None,
                "remove the branch, or loosen what stands beside it",
            ),
            Reason::Covered(other) => (
                "every value of this branch fits another branch too, and `oneOf` refuses what fits two",
                *other,
                "remove the branch, tell the two apart, or write `anyOf`",
            ),
        };
        let Some(whole) = contradiction.span else {
            continue;
        };
        let finding = RULE.finding(message, whole).at(contradiction.pointer.clone()).help(help);
        findings.push(match other {
            Some(other) => finding.related(other, "the other branch"),
            None => finding,
        });
    }
}
