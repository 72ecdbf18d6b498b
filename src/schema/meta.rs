//! Checks a schema against the meta-schema of its dialect, over the span tree, so that a finding has its place.

use std::sync::OnceLock;

use jsonschema::Validator;

use super::Dialect;
use super::problem::{SchemaProblem, SchemaProblemKind};
use super::tree_json::Tree;
use super::violation::{Surroundings, Violation, violations};
use crate::diagnostic::nearest;
use crate::source_text::Resolved;

/// The names of types, which people misspell most.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

static DRAFT_4: OnceLock<Option<Validator<Tree>>> = OnceLock::new();
static DRAFT_6: OnceLock<Option<Validator<Tree>>> = OnceLock::new();
static DRAFT_7: OnceLock<Option<Validator<Tree>>> = OnceLock::new();
static DRAFT_2019: OnceLock<Option<Validator<Tree>>> = OnceLock::new();
static DRAFT_2020: OnceLock<Option<Validator<Tree>>> = OnceLock::new();

fn validator(dialect: Dialect) -> Option<&'static Validator<Tree>> {
    let cell = match dialect {
        Dialect::Draft4 | Dialect::OpenApi30 => &DRAFT_4,
        Dialect::Draft6 => &DRAFT_6,
        Dialect::Draft7 | Dialect::AsyncApi => &DRAFT_7,
        Dialect::Draft201909 => &DRAFT_2019,
        Dialect::Draft202012 => &DRAFT_2020,
    };
    let build = || {
        let schema = serde_json::json!({ "$ref": dialect.meta_schema() });
        let options = jsonschema::options_for::<Tree>().with_draft(dialect.draft());
        options.should_validate_formats(true).offline().build(&schema).ok()
    };
    cell.get_or_init(build).as_ref()
}

/// What the meta-schema has against the schema at `place`.
pub(super) fn problems(place: &Resolved, dialect: Dialect) -> Vec<SchemaProblem> {
    let Some(validator) = validator(dialect) else {
        return Vec::new();
    };
    if validator.is_valid(&place.node) {
        return Vec::new();
    }
    let around = Surroundings { bundle: None, instance: Some(&place.node) };
    let found = violations(validator.iter_errors(&place.node), around);
    found.into_iter().map(|violation| problem(violation, place)).collect()
}

fn problem(violation: Violation, place: &Resolved) -> SchemaProblem {
    let pointer = &violation.instance_pointer;
    let keyword = pointer.rsplit('/').find(|token| !token.bytes().all(|byte| byte.is_ascii_digit()));
    let is_pattern = violation.expected.as_deref() == Some("`regex`");
    let is_type = keyword == Some("type") && violation.keyword == "enum";
    let written = violation.actual.clone().unwrap_or_default();
    let (message, help) = if is_pattern {
        (format!("{written} is no regular expression"), pattern_reason(place, pointer))
    } else if is_type {
        let name = written.trim_matches('"').to_owned();
        let help = match nearest(&name, TYPES) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "the types are `array`, `boolean`, `integer`, `null`, `number`, `object` and `string`"
                .to_owned(),
        };
        (format!("`{name}` is no type"), Some(help))
    } else {
        (violation.message, violation.help)
    };
    let kind = if is_pattern {
        SchemaProblemKind::Pattern
    } else {
        SchemaProblemKind::Keyword(keyword.unwrap_or_default().to_owned())
    };
    SchemaProblem {
        kind,
        message,
        span: violation.span.unwrap_or(place.node.span),
        pointer: format!("{}{pointer}", place.pointer),
        expected: violation.expected,
        actual: violation.actual,
        help,
    }
}

/// Why a pattern cannot be compiled, in the last line of what the engine says.
fn pattern_reason(place: &Resolved, pointer: &str) -> Option<String> {
    let node = place.node.pointer(pointer)?;
    let error = regex::Regex::new(node.as_str()?).err()?.to_string();
    let reason = error.lines().last()?.trim().trim_start_matches("error: ").to_owned();
    Some(reason)
}
