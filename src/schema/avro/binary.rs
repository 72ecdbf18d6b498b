//! Avro's binary encoding, read by the library made for it, turned into plain JSON by our own types.

use std::collections::HashSet;

use apache_avro::types::Value as Datum;
use serde_json::{Map, Value, json};

use super::logical::Logical;
use super::{Shape, Type, TypeId};

/// The schema as the library knows it; logical types are left to us, and each named type is written out once.
pub(super) fn schema(types: &[Type], root: TypeId) -> Result<apache_avro::Schema, String> {
    let plain = written(types, root, &mut HashSet::new());
    apache_avro::Schema::parse(&plain).map_err(|error| error.to_string())
}

fn written(types: &[Type], kind: TypeId, known: &mut HashSet<TypeId>) -> Value {
    let shape = &types[kind].shape;
    let name = match shape {
        Shape::Record { name, .. } | Shape::Enum { name, .. } | Shape::Fixed { name, .. } => name,
        other => return unnamed(types, other, known),
    };
    if !known.insert(kind) {
        return name.as_str().into();
    }
    // The library reads a name without dot in the namespace around it; ours have none around them.
    let (namespace, simple) = (super::names::namespace_of(name), super::names::simple(name));
    let mut schema = match shape {
        Shape::Enum { symbols, .. } => json!({ "type": "enum", "symbols": symbols }),
        Shape::Fixed { size, .. } => json!({ "type": "fixed", "size": size }),
        Shape::Record { fields, .. } => {
            let fields: Vec<Value> = fields
                .iter()
                .map(|field| json!({ "name": field.name, "type": written(types, field.kind, known) }))
                .collect();
            json!({ "type": "record", "fields": fields })
        }
        _ => Value::Null,
    };
    schema["name"] = simple.into();
    schema["namespace"] = namespace.into();
    schema
}

fn unnamed(types: &[Type], shape: &Shape, known: &mut HashSet<TypeId>) -> Value {
    match shape {
        Shape::Array(items) => json!({ "type": "array", "items": written(types, *items, known) }),
        Shape::Map(values) => json!({ "type": "map", "values": written(types, *values, known) }),
        Shape::Union(branches) => branches.iter().map(|branch| written(types, *branch, known)).collect(),
        other => super::logical::word(other).into(),
    }
}

/// Reads one value that must take up all of the payload.
pub(super) fn decode(
    schema: &apache_avro::Schema,
    types: &[Type],
    root: TypeId,
    payload: &[u8],
) -> Result<Value, String> {
    let mut rest = payload;
    let reader = apache_avro::reader::datum::GenericDatumReader::builder(schema)
        .build()
        .map_err(|error| error.to_string())?;
    let datum = reader
        .read_value(&mut rest)
        .map_err(|error| if rest.is_empty() { "it ends too early".to_owned() } else { error.to_string() })?;
    if !rest.is_empty() {
        let end = payload.len() - rest.len();
        return Err(format!("the value ends after {end} of {} bytes", payload.len()));
    }
    Ok(plain(types, root, datum))
}

fn plain(types: &[Type], kind: TypeId, datum: Datum) -> Value {
    match (&types[kind].shape, datum) {
        (Shape::Union(branches), Datum::Union(index, inner)) => {
            let branch = branches.get(index as usize).copied().unwrap_or(kind);
            plain(types, branch, *inner)
        }
        (Shape::Record { fields, .. }, Datum::Record(values)) => {
            let values = values.into_iter().zip(fields);
            values.map(|((name, value), field)| (name, plain(types, field.kind, value))).collect()
        }
        (Shape::Array(items), Datum::Array(values)) => {
            values.into_iter().map(|value| plain(types, *items, value)).collect()
        }
        (Shape::Map(inner), Datum::Map(values)) => {
            let mut sorted: Vec<_> = values.into_iter().collect();
            sorted.sort_by(|left, right| left.0.cmp(&right.0));
            let values = sorted.into_iter().map(|(key, value)| (key, plain(types, *inner, value)));
            Value::Object(values.collect::<Map<_, _>>())
        }
        (_, Datum::Bytes(bytes) | Datum::Fixed(_, bytes)) => text(&bytes, types[kind].logical),
        (_, scalar) => plain_scalar(&scalar),
    }
}

fn plain_scalar(datum: &Datum) -> Value {
    match datum {
        Datum::Boolean(truth) => (*truth).into(),
        Datum::Int(number) => (*number).into(),
        Datum::Long(number) => (*number).into(),
        Datum::Float(number) => float(f64::from(*number)),
        Datum::Double(number) => float(*number),
        Datum::String(text) | Datum::Enum(_, text) => text.as_str().into(),
        _ => Value::Null,
    }
}

/// JSON has no infinities; Avro writes them as words.
fn float(number: f64) -> Value {
    let word = if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    if number.is_finite() { number.into() } else { word.into() }
}

/// Bytes as text of the characters 0 to 255, a decimal in digits.
fn text(bytes: &[u8], logical: Option<Logical>) -> Value {
    if let Some(Logical::Decimal { scale }) = logical
        && let Some(digits) = decimal(bytes, scale)
    {
        return digits.into();
    }
    bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into()
}

/// A big-endian signed number with its point; none past 128 bits.
fn decimal(bytes: &[u8], scale: u32) -> Option<String> {
    if bytes.is_empty() || bytes.len() > 16 {
        return None;
    }
    let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
    let number = bytes.iter().fold(i128::from(sign), |number, byte| (number << 8) | i128::from(*byte));
    let scale = scale as usize;
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let minus = if number < 0 { "-" } else { "" };
    Some(if fraction.is_empty() { format!("{minus}{whole}") } else { format!("{minus}{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimals_are_written_in_digits() {
        assert_eq!(decimal(&[0x04, 0xd2], 2).unwrap(), "12.34");
        assert_eq!(decimal(&[0xff], 2).unwrap(), "-0.01");
        assert_eq!(decimal(&[0x07], 0).unwrap(), "7");
        assert_eq!(decimal(&[], 0), None);
    }
}
