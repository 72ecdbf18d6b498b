//! Which branch of `oneOf` or `anyOf` a failing value was meant for, so that only its violations are reported.

use std::collections::BTreeMap;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

use super::violation::{Draft, Surroundings, Violation, explain as explain_error};
use crate::source_text::tree::Node;

/// The value is of another type than the branch.
const OTHER_TYPE: u64 = 1_000_000;
/// A tag of the value names another branch.
const OTHER_TAG: u64 = 10_000;

/// Adds the violations of the branch nearest to the value.
pub(super) fn explain(
    error: &ValidationError<'_>,
    branches: &[Vec<ValidationError<'static>>],
    around: Surroundings<'_>,
    found: &mut Vec<Violation>,
) {
    let depth = depth(error.instance_path().as_str());
    if let Some(named) = named_branch(error, around).and_then(|index| branches.get(index)) {
        return each(named, around, found);
    }
    let weights: Vec<u64> = branches.iter().map(|branch| weight(branch, depth)).collect();
    let least = weights.iter().min().copied().unwrap_or_default();
    if least >= OTHER_TYPE {
        let expected = expected_types(branches, depth);
        if !expected.is_empty() {
            found.push(Draft { error, around }.wrong_type(&expected));
            return;
        }
    }
    if least >= OTHER_TAG
        && let Some(violation) = unknown_tag(branches, depth, around)
    {
        found.push(violation);
        return;
    }
    let nearest = weights.iter().position(|weight| *weight == least).and_then(|index| branches.get(index));
    each(nearest.map_or(&[], Vec::as_slice), around, found);
}

fn each(errors: &[ValidationError<'static>], around: Surroundings<'_>, found: &mut Vec<Violation>) {
    for error in errors {
        explain_error(error, around, found);
    }
}

fn depth(pointer: &str) -> usize {
    pointer.matches('/').count()
}

/// How far a value is from a branch.
fn weight(errors: &[ValidationError<'static>], base: usize) -> u64 {
    errors.iter().map(|error| weight_of(error, base)).sum()
}

fn weight_of(error: &ValidationError<'_>, base: usize) -> u64 {
    let below = depth(error.instance_path().as_str()).saturating_sub(base);
    match error.kind() {
        Kind::Type { .. } | Kind::FalseSchema if below == 0 => OTHER_TYPE,
        Kind::Constant { expected_value } if below == 0 && other_kind(error, &[expected_value.as_ref()]) => {
            OTHER_TYPE
        }
        Kind::Enum { options } if below == 0 && other_kind(error, &items(options)) => OTHER_TYPE,
        Kind::Constant { .. } | Kind::Enum { .. } if below <= 1 => OTHER_TAG,
        Kind::Required { .. } if below == 0 => 20,
        Kind::AdditionalProperties { unexpected } => 10 * unexpected.len().max(1) as u64,
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            context.iter().map(|branch| weight(branch, base)).min().unwrap_or(1)
        }
        _ if below == 0 => 10,
        _ => 5,
    }
}

fn items(options: &Value) -> Vec<&Value> {
    options.as_array().into_iter().flatten().collect()
}

/// Whether the value is of another kind than all of these.
fn other_kind(error: &ValidationError<'_>, options: &[&Value]) -> bool {
    let kind = std::mem::discriminant(error.instance().as_ref());
    options.iter().all(|option| std::mem::discriminant(*option) != kind)
}

/// The branch a `discriminator` names by the name of the schema it refers to.
fn named_branch(error: &ValidationError<'_>, around: Surroundings<'_>) -> Option<usize> {
    let path = error.schema_path().as_str();
    let (parent, keyword) = path.rsplit_once('/')?;
    let schema = around.bundle?.node(parent)?;
    let discriminator = schema.get("discriminator")?;
    let property = discriminator.as_str().or_else(|| discriminator.get_str("propertyName"))?;
    let value = error.instance().get(property)?.as_str()?;
    let mapped = discriminator.get("mapping").and_then(|mapping| mapping.get_str(value));
    schema.get(keyword)?.items().iter().position(|branch| names(branch, mapped, value))
}

fn names(branch: &Node, mapped: Option<&str>, value: &str) -> bool {
    branch
        .get_str("$ref")
        .is_some_and(|reference| mapped == Some(reference) || reference.rsplit('/').next() == Some(value))
}

/// The types of all branches, when each failed by its type.
fn expected_types(branches: &[Vec<ValidationError<'static>>], base: usize) -> Vec<String> {
    let mut expected: Vec<String> = Vec::new();
    for error in branches.iter().flatten() {
        if depth(error.instance_path().as_str()) != base {
            continue;
        }
        let Kind::Type { kind } = error.kind() else { continue };
        let types = match kind {
            TypeKind::Single(single) => vec![single.to_string()],
            TypeKind::Multiple(several) => several.iter().map(|kind| kind.to_string()).collect(),
        };
        for kind in types {
            if !expected.contains(&kind) {
                expected.push(kind);
            }
        }
    }
    expected
}

/// One violation for a tag that is none of those of the branches, when all branches stumble over the same one.
fn unknown_tag(
    branches: &[Vec<ValidationError<'static>>],
    base: usize,
    around: Surroundings<'_>,
) -> Option<Violation> {
    let mut by_place: BTreeMap<&str, (usize, Vec<&Value>, &ValidationError<'static>)> = BTreeMap::new();
    for branch in branches {
        for error in branch {
            let pointer = error.instance_path().as_str();
            let below = depth(pointer).saturating_sub(base);
            let values: Vec<&Value> = match error.kind() {
                Kind::Constant { expected_value } if below <= 1 => vec![expected_value],
                Kind::Enum { options } if below <= 1 => items(options),
                _ => continue,
            };
            let entry = by_place.entry(pointer).or_insert((0, Vec::new(), error));
            entry.0 += 1;
            for value in values {
                if !entry.1.contains(&value) {
                    entry.1.push(value);
                }
            }
        }
    }
    let tagged = |branch: &&Vec<ValidationError<'static>>| weight(branch, base) < OTHER_TYPE;
    let asked = branches.iter().filter(tagged).count();
    let (_, (_, values, error)) =
        by_place.into_iter().find(|(_, (count, ..))| *count >= asked && asked > 1)?;
    Some(Draft { error, around }.outside(&values))
}
