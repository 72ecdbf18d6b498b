//! No event can satisfy a part of a schema.
//!
//! The keywords of the part contradict each other: whatever the event holds, one of them refuses it. Where the part
//! describes a required property, no event conforms at all. It is told only where it is proved.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       allOf:
//!         - {type: object, required: [id], properties: {id: {type: string}}}
//!         - {type: object, properties: {id: {type: integer}}}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       allOf:
//!         - {type: object, required: [id], properties: {id: {type: string}}}
//!         - {type: object, properties: {total: {type: integer}}}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::schema::contradiction::Reason;
use crate::source_text::Span;

pub const RULE: Rule = Rule {
    code: "ED2315",
    name: "schema-unsatisfiable",
    severity: Severity::Warning,
    category: Category::Correctness,
    clause: "JSON Schema · Validation",
    aliases: &[],
    source: include_str!("schema_unsatisfiable.rs"),
    check: Some(check),
};

/// What rules of their own tell better.
const TOLD_ALREADY: [&str; 5] = ["ED2301", "ED2304", "ED2305", "ED2306", "ED2307"];

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for contradiction in input.contradictions() {
        let Reason::Keywords(causes) = &contradiction.reason else {
            continue;
        };
        let is_told = |finding: &Diagnostic| {
            let place = finding.primary.as_ref().map(|label| label.span);
            TOLD_ALREADY.contains(&finding.code)
                && contradiction.span.zip(place).is_some_and(|(whole, part)| holds(whole, part))
        };
        let Some(place) = input.key_at(contradiction.file, &contradiction.pointer).or(contradiction.span)
        else {
            continue;
        };
        if findings.iter().any(is_told) {
            continue;
        }
        let finding = RULE.finding(message(&contradiction.pointer, causes), place);
        let mut finding = finding.at(contradiction.pointer.clone()).help("loosen one of them, or remove it");
        for (_, span) in causes {
            if let Some(span) = span {
                finding = finding.related(*span, "this is one of them");
            }
        }
        findings.push(finding);
    }
}

fn holds(whole: Span, part: Span) -> bool {
    whole.file == part.file && whole.start <= part.start && part.end <= whole.end
}

fn message(pointer: &str, causes: &[(String, Option<Span>)]) -> String {
    let token = pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
    let name = if token.is_empty() { "the schema".to_owned() } else { format!("`{token}`") };
    let named = |cause: &String| match cause.parse::<usize>() {
        Ok(number) => format!("branch {}", number + 1),
        Err(_) => format!("`{cause}`"),
    };
    let parts: Vec<String> = causes.iter().map(|(cause, _)| named(cause)).collect();
    match parts.as_slice() {
        [] => format!("no value can satisfy {name}"),
        [first, others @ ..] if !others.is_empty() && others.iter().all(|other| other == first) => {
            format!("no value can satisfy {name}: the {first} of its parts contradict each other")
        }
        [one] => format!("no value can satisfy {name}: {one} allows none"),
        [before @ .., last] => {
            format!("no value can satisfy {name}: {} and {last} contradict each other", before.join(", "))
        }
    }
}
