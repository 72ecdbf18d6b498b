//! Values in Avro's JSON encoding, written in its binary encoding: what fits the types, so that few things are left to say.

use std::sync::Arc;

use super::check::branch_of;
use super::logical::{Logical, word};
use super::{Field, Place, Shape, Type, TypeId};
use crate::schema::Violation;
use crate::schema::compiled::bare;
use crate::schema::words::place;
use crate::source_text::tree::{NodeRef, Number, Value, pointer_push};

/// Levels of types inside types a value may have, those of defaults included.
const DEPTH: usize = 128;

/// Writes one value that was found to fit its type.
pub(super) fn encode(types: &[Type], root: TypeId, value: &NodeRef) -> Result<Vec<u8>, Box<Violation>> {
    let mut writer = Writer { types, out: Vec::new(), pointer: String::new(), depth: 0 };
    writer.value(root, value)?;
    Ok(writer.out)
}

struct Writer<'a> {
    types: &'a [Type],
    out: Vec<u8>,
    /// JSON Pointer of what is written.
    pointer: String,
    depth: usize,
}

type Written = Result<(), Box<Violation>>;

impl Writer<'_> {
    fn wrong(&self, keyword: &str, message: String, kind: TypeId, value: &NodeRef) -> Box<Violation> {
        let Place { file, pointer, span } = &self.types[kind].place;
        let mut found = bare(keyword, message);
        found.instance_pointer.clone_from(&self.pointer);
        found.schema_file = Some(*file);
        found.schema_pointer.clone_from(pointer);
        found.schema_span = Some(*span);
        found.span = Some(value.span);
        Box::new(found)
    }

    fn misfit(&self, kind: TypeId, value: &NodeRef) -> Box<Violation> {
        let name = word(&self.types[kind].shape);
        let message = format!("{} cannot be written as the Avro type `{name}`", place(&self.pointer));
        self.wrong("type", message, kind, value)
    }

    fn long(&mut self, number: i64) {
        let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
        while rest > 0x7f {
            self.out.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        self.out.push(rest.to_le_bytes()[0]);
    }

    fn count(&mut self, count: usize) {
        self.long(i64::try_from(count).unwrap_or(i64::MAX));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.out.extend_from_slice(bytes);
    }

    fn value(&mut self, kind: TypeId, value: &NodeRef) -> Written {
        if self.depth > DEPTH {
            let message = format!("{} is nested too deep", place(&self.pointer));
            return Err(self.wrong("limit", message, kind, value));
        }
        self.depth += 1;
        let written = self.shape(kind, value);
        self.depth -= 1;
        written
    }

    fn shape(&mut self, kind: TypeId, value: &NodeRef) -> Written {
        let types = self.types;
        match (&types[kind].shape, &value.value) {
            (Shape::Null, Value::Null) => {}
            (Shape::Boolean, Value::Bool(truth)) => self.out.push(u8::from(*truth)),
            (Shape::Int | Shape::Long, Value::Number(Number::Integer(number))) => self.long(*number),
            (Shape::Float, _) => {
                let number = float(value).ok_or_else(|| self.misfit(kind, value))?;
                #[allow(clippy::cast_possible_truncation, reason = "it is what the schema asks for")]
                self.out.extend((number as f32).to_le_bytes());
            }
            (Shape::Double, _) => {
                let number = float(value).ok_or_else(|| self.misfit(kind, value))?;
                self.out.extend(number.to_le_bytes());
            }
            (Shape::String, Value::String(text)) => self.bytes(text.as_bytes()),
            (Shape::Bytes, _) => {
                let bytes = self.octets(kind, value, None)?;
                self.bytes(&bytes);
            }
            (Shape::Fixed { size, .. }, _) => {
                let size = usize::try_from(*size).unwrap_or(usize::MAX);
                let bytes = self.octets(kind, value, Some(size))?;
                self.out.extend(bytes);
            }
            (Shape::Enum { symbols, .. }, Value::String(text)) => {
                let index = symbols.iter().position(|symbol| symbol == text);
                self.count(index.ok_or_else(|| self.misfit(kind, value))?);
            }
            (Shape::Union(branches), _) => {
                let found = branch_of(types, branches, value);
                let (index, inner) = found.ok_or_else(|| self.misfit(kind, value))?;
                self.count(index);
                self.value(branches[index], &inner)?;
            }
            (Shape::Record { fields, .. }, Value::Object(_)) => self.record(kind, fields, value)?,
            (Shape::Array(items), Value::Array(values)) => {
                self.block_of(values.len());
                for (index, value) in values.iter().enumerate() {
                    self.part(&index.to_string(), *items, value)?;
                }
                self.count(0);
            }
            (Shape::Map(values), Value::Object(entries)) => {
                self.block_of(entries.len());
                for entry in entries {
                    self.bytes(entry.key.as_bytes());
                    self.part(&entry.key, *values, &entry.value)?;
                }
                self.count(0);
            }
            _ => return Err(self.misfit(kind, value)),
        }
        Ok(())
    }

    /// All items in one block; an empty one would be the end already.
    fn block_of(&mut self, count: usize) {
        if count > 0 {
            self.count(count);
        }
    }

    /// What stands under a name or an index.
    fn part(&mut self, token: &str, kind: TypeId, value: &NodeRef) -> Written {
        let outer = self.pointer.len();
        self.pointer = pointer_push(&self.pointer, token);
        let written = self.value(kind, value);
        self.pointer.truncate(outer);
        written
    }

    fn record(&mut self, kind: TypeId, fields: &[Field], value: &NodeRef) -> Written {
        for field in fields {
            let inner = value.get(&field.name).or(field.default.as_ref());
            let inner = Arc::clone(inner.ok_or_else(|| self.misfit(kind, value))?);
            self.part(&field.name, field.kind, &inner)?;
        }
        Ok(())
    }

    /// Bytes: a decimal in digits, an identifier of 16 bytes in its usual form, else a character for each byte.
    fn octets(&self, kind: TypeId, value: &NodeRef, size: Option<usize>) -> Result<Vec<u8>, Box<Violation>> {
        let wrong = |message| Err(self.wrong("logicalType", message, kind, value));
        if let Some(Logical::Decimal { scale }) = self.types[kind].logical
            && let Some(digits) = digits(value)
        {
            return match decimal(&digits, scale, size) {
                Ok(bytes) => Ok(bytes),
                Err(reason) => wrong(format!("{} {reason}", place(&self.pointer))),
            };
        }
        let Value::String(text) = &value.value else {
            return Err(self.misfit(kind, value));
        };
        let bytes: Option<Vec<u8>> = text.chars().map(|each| u8::try_from(u32::from(each)).ok()).collect();
        match (bytes, size) {
            (Some(bytes), Some(size)) if bytes.len() == size => Ok(bytes),
            (Some(bytes), None) => Ok(bytes),
            (_, Some(16)) => match uuid::Uuid::parse_str(text) {
                Ok(id) => Ok(id.as_bytes().to_vec()),
                Err(_) => Err(self.misfit(kind, value)),
            },
            _ => Err(self.misfit(kind, value)),
        }
    }
}

/// The number a value is; JSON has no infinities, and writes them as words.
fn float(value: &NodeRef) -> Option<f64> {
    Some(match &value.value {
        #[allow(clippy::cast_precision_loss, reason = "JSON does not tell whole numbers from others")]
        Value::Number(Number::Integer(number)) => *number as f64,
        #[allow(clippy::cast_precision_loss, reason = "JSON does not tell whole numbers from others")]
        Value::Number(Number::Unsigned(number)) => *number as f64,
        Value::Number(Number::Float(number)) => *number,
        Value::String(text) => match text.as_str() {
            "NaN" => f64::NAN,
            "Infinity" | "INF" => f64::INFINITY,
            "-Infinity" | "-INF" => f64::NEG_INFINITY,
            _ => return None,
        },
        _ => return None,
    })
}

/// Whether a number survives 32 bits.
pub(super) fn is_single(number: f64) -> bool {
    #[allow(clippy::cast_possible_truncation, clippy::float_cmp, reason = "that is the question")]
    let same = f64::from(number as f32) == number;
    same || number.is_nan()
}

/// A decimal as it is written, when it is one.
fn digits(value: &NodeRef) -> Option<String> {
    let text = match &value.value {
        Value::Number(Number::Integer(number)) => number.to_string(),
        Value::Number(Number::Unsigned(number)) => number.to_string(),
        Value::Number(Number::Float(number)) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let plain = text.strip_prefix('-').unwrap_or(&text);
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (are_digits(whole) && are_digits(fraction)).then_some(text)
}

/// A big-endian signed number of the fewest bytes, or of exactly `size`; why not, as a fragment.
fn decimal(digits: &str, scale: u32, size: Option<usize>) -> Result<Vec<u8>, String> {
    let scale = scale as usize;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > scale {
        return Err(format!("is {digits}, and the decimal keeps {scale} digits after the point"));
    }
    let number: i128 = format!("{whole}{fraction:0<scale$}")
        .parse()
        .map_err(|_| format!("is {digits}, too large for a decimal of 16 bytes"))?;
    let bytes = number.to_be_bytes();
    let sign = if number < 0 { 0xff } else { 0 };
    let is_spare = |at: usize| bytes[at] == sign && (bytes[at + 1] & 0x80 == sign & 0x80);
    let first = (0..15).find(|at| !is_spare(*at)).unwrap_or(15);
    let shortest = &bytes[first..];
    match size {
        None => Ok(shortest.to_vec()),
        Some(size) if shortest.len() <= size => {
            let mut filled = vec![sign; size - shortest.len()];
            filled.extend_from_slice(shortest);
            Ok(filled)
        }
        Some(size) => Err(format!("is {digits}, too large for {size} bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimals_take_the_bytes_they_need() {
        assert_eq!(decimal("12.34", 2, None).unwrap(), [0x04, 0xd2]);
        assert_eq!(decimal("-0.01", 2, None).unwrap(), [0xff]);
        assert_eq!(decimal("-0.01", 2, Some(3)).unwrap(), [0xff, 0xff, 0xff]);
        assert_eq!(decimal("128", 0, None).unwrap(), [0, 0x80]);
        assert_eq!(decimal("-128", 0, None).unwrap(), [0x80]);
        assert_eq!(decimal("0", 0, None).unwrap(), [0]);
        assert_eq!(decimal("1.2300", 2, None).unwrap(), [0x7b]);
        assert!(decimal("1.234", 2, None).unwrap_err().contains("2 digits"));
        assert!(decimal("128", 0, Some(1)).unwrap_err().contains("1 bytes"));
        assert!(decimal(&"9".repeat(40), 0, None).is_err());
    }
}
