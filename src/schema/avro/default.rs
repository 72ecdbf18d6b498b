//! Holds the defaults of fields against their types.

use super::check::Checker;
use super::read::Default;
use super::{Shape, Type, TypeId};
use crate::schema::problem::{AvroFault, SchemaProblem, SchemaProblemKind};

/// What is wrong with the defaults. Up to 1.11 the default of a union is of its first branch, since then of any.
pub(super) fn problems(types: &[Type], defaults: &[Default], version: (u32, u32)) -> Vec<SchemaProblem> {
    defaults.iter().filter_map(|default| problem(types, default, version)).collect()
}

fn problem(types: &[Type], default: &Default, version: (u32, u32)) -> Option<SchemaProblem> {
    let branches: Vec<TypeId> = match &types[default.kind].shape {
        Shape::Union(branches) => branches.clone(),
        _ => vec![default.kind],
    };
    let allowed = if version >= (1, 12) { &branches[..] } else { branches.get(..1).unwrap_or_default() };
    let checked = |branch: &TypeId| Checker::new(types).all(*branch, &default.value);
    let mut found = allowed.iter().map(checked);
    let first = found.next()?;
    if first.is_empty() || found.any(|found| found.is_empty()) {
        return None;
    }
    let violation = first.into_iter().next()?;
    let fits_later = branches.iter().skip(1).any(|branch| checked(branch).is_empty());
    let help = if fits_later {
        Some(
            "the default of a union is of its first branch; write the branch of the default first".to_owned(),
        )
    } else {
        violation.help
    };
    let reason = match violation.instance_pointer.as_str() {
        "" => violation.message.strip_prefix("the value ").unwrap_or(&violation.message).to_owned(),
        _ => format!("does not fit its type: {}", violation.message),
    };
    Some(SchemaProblem {
        kind: SchemaProblemKind::Avro(AvroFault::Default),
        message: format!("the default of `{}` {reason}", default.field),
        span: violation.span.unwrap_or(default.value.span),
        pointer: format!("{}{}", default.pointer, violation.instance_pointer),
        expected: violation.expected,
        actual: violation.actual,
        help,
    })
}
