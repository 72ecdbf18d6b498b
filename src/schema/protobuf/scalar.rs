//! Scalars in Protobuf's JSON mapping: what each kind of field takes.

use base64::Engine;
use prost_reflect::Kind;

use crate::diagnostic::nearest;
use crate::source_text::tree::{Node, Number, Value};

/// The scalar types of proto2 and proto3.
const SCALARS: [&str; 15] = [
    "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
    "sfixed32", "sfixed64", "bool", "string", "bytes",
];

/// What a type that does not exist was meant to be.
pub(super) fn meant(name: &str) -> Option<String> {
    nearest(name, SCALARS).map(|near| format!("did you mean `{near}`?"))
}

/// Why a value is none of a scalar kind; nothing when it is one.
pub(super) fn fault(kind: &Kind, node: &Node) -> Option<String> {
    let fits = match kind {
        Kind::Double => is_float(node, f64::MAX),
        Kind::Float => is_float(node, f64::from(f32::MAX)),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            is_whole(node, i128::from(i32::MIN), i128::from(i32::MAX))
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            is_whole(node, i128::from(i64::MIN), i128::from(i64::MAX))
        }
        Kind::Uint32 | Kind::Fixed32 => is_whole(node, 0, i128::from(u32::MAX)),
        Kind::Uint64 | Kind::Fixed64 => is_whole(node, 0, i128::from(u64::MAX)),
        Kind::Bool => node.as_bool().is_some(),
        Kind::String => node.as_str().is_some(),
        Kind::Bytes => node.as_str().is_some_and(is_base64),
        Kind::Message(_) | Kind::Enum(_) => true,
    };
    (!fits).then(|| format!("not {}", word(kind)))
}

/// What a kind is called.
pub(super) fn word(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => format!("a `{}`", message.full_name()),
        Kind::Enum(kind) => format!("a value of `{}`", kind.full_name()),
        Kind::Bytes => "bytes in base64".to_owned(),
        Kind::Bool => "a bool".to_owned(),
        Kind::String => "a string".to_owned(),
        other => format!("of the type `{}`", format!("{other:?}").to_lowercase()),
    }
}

/// A whole number as a number or as text, as the mapping allows.
fn is_whole(node: &Node, least: i128, most: i128) -> bool {
    let number = match &node.value {
        Value::Number(Number::Integer(number)) => Some(i128::from(*number)),
        Value::Number(Number::Unsigned(number)) => Some(i128::from(*number)),
        Value::Number(Number::Float(number)) => whole(*number),
        Value::String(text) => text.parse::<i128>().ok().or_else(|| whole(text.parse().ok()?)),
        _ => None,
    };
    number.is_some_and(|number| (least..=most).contains(&number))
}

#[allow(clippy::cast_possible_truncation, reason = "a whole number below 2^64 is exact")]
fn whole(number: f64) -> Option<i128> {
    (number.fract() == 0.0 && number.abs() <= 18_446_744_073_709_551_616.0).then_some(number as i128)
}

fn is_float(node: &Node, most: f64) -> bool {
    match &node.value {
        Value::Number(Number::Float(number)) => number.abs() <= most,
        Value::Number(_) => true,
        Value::String(text) => {
            matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity")
                || text.parse::<f64>().is_ok_and(|number| number.abs() <= most)
        }
        _ => false,
    }
}

/// Standard or URL-safe base64, with or without padding.
fn is_base64(text: &str) -> bool {
    let bare = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
    base64::engine::general_purpose::STANDARD_NO_PAD.decode(bare).is_ok()
}
