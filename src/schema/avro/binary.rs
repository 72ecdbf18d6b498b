//! Avro's binary encoding, read beside the types: into plain JSON, or up to the first byte that cannot be right.

use serde_json::{Map, Value};

use super::logical::{Logical, word};
use super::{Field, Place, Type, TypeId};
use super::{Shape, names};
use crate::schema::Violation;
use crate::schema::binary::{at_byte, bytes_left, violation};
use crate::schema::words::{alternatives, place};
use crate::source_text::tree::pointer_push;

/// Levels of types inside types a value may have.
const DEPTH: usize = 128;
/// Values a payload may hold beyond one for each of its bytes: an array of a million nulls takes no more than its count.
const FREE_VALUES: usize = 100_000;

/// Reads one value that must take up all of the payload from `start` on.
pub(super) fn decode(
    types: &[Type],
    root: TypeId,
    payload: &[u8],
    start: usize,
) -> Result<Value, Box<Violation>> {
    let mut reader = Reader::new(types, payload, start);
    let value = reader.value(root)?;
    reader.at_end(root)?;
    Ok(value)
}

/// Reads so many values that must take up all of the bytes.
pub(super) fn decode_all(
    types: &[Type],
    root: TypeId,
    bytes: &[u8],
    count: usize,
) -> Result<Vec<Value>, Box<Violation>> {
    let mut reader = Reader::new(types, bytes, 0);
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(reader.value(root)?);
    }
    reader.at_end(root)?;
    Ok(values)
}

struct Reader<'a> {
    types: &'a [Type],
    payload: &'a [u8],
    at: usize,
    /// JSON Pointer of what is read.
    pointer: String,
    depth: usize,
    /// Values that may still come.
    left: usize,
}

type Read<T> = Result<T, Box<Violation>>;

impl<'a> Reader<'a> {
    fn new(types: &'a [Type], payload: &'a [u8], start: usize) -> Self {
        let left = payload.len().saturating_add(FREE_VALUES);
        Self { types, payload, at: start, pointer: String::new(), depth: 0, left }
    }

    /// Sees that nothing is left.
    fn at_end(&self, root: TypeId) -> Read<()> {
        let from = self.at;
        if from >= self.payload.len() {
            return Ok(());
        }
        let left = bytes_left(self.payload.len() - from);
        let text = format!("the value ends at byte {from}, and {left} of the payload");
        let mut found = self.wrong("trailing", text, root, from);
        found.help = Some("was it written with another version of the schema?".to_owned());
        Err(found)
    }

    fn wrong(&self, keyword: &str, message: String, kind: TypeId, at: usize) -> Box<Violation> {
        let Place { file, pointer, span } = &self.types[kind].place;
        let mut found = violation(keyword, message, &self.pointer, at);
        found.schema_file = Some(*file);
        found.schema_pointer.clone_from(pointer);
        found.schema_span = Some(*span);
        Box::new(found)
    }

    /// `` `count` at byte 7 ``.
    fn here(&self, at: usize) -> String {
        at_byte(&place(&self.pointer), at)
    }

    fn cut_off(&self, kind: TypeId) -> Box<Violation> {
        let end = self.payload.len();
        let text = format!(
            "the payload ends at byte {end}, within {} of the Avro type `{}`",
            place(&self.pointer),
            word(&self.types[kind].shape)
        );
        self.wrong("truncated", text, kind, end)
    }

    fn take(&mut self, count: usize, kind: TypeId) -> Read<&[u8]> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.payload.len());
        let end = end.ok_or_else(|| self.cut_off(kind))?;
        let taken = &self.payload[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, kind: TypeId) -> Read<[u8; N]> {
        let taken = self.take(N, kind)?;
        let mut bytes = [0; N];
        bytes.copy_from_slice(taken);
        Ok(bytes)
    }

    /// A whole number: seven bits a byte, the lowest first, zigzag.
    fn long(&mut self, kind: TypeId) -> Read<i64> {
        let from = self.at;
        let mut number = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.take(1, kind)?[0];
            // Of the tenth byte one bit is left.
            if shift == 63 && byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
            }
        }
        let text = format!("{} is no number: it has more than 64 bits", self.here(from));
        Err(self.wrong("type", text, kind, from))
    }

    fn length(&mut self, kind: TypeId) -> Read<usize> {
        let from = self.at;
        let length = self.long(kind)?;
        let left = self.payload.len() - self.at;
        match usize::try_from(length) {
            Ok(length) if length <= left => Ok(length),
            Ok(length) => {
                let text = format!(
                    "{} says it has {length} bytes, and {} of the payload",
                    self.here(from),
                    bytes_left(left)
                );
                Err(self.wrong("truncated", text, kind, from))
            }
            Err(_) => {
                let text = format!("{} says it has {length} bytes", self.here(from));
                Err(self.wrong("length", text, kind, from))
            }
        }
    }

    fn value(&mut self, kind: TypeId) -> Read<Value> {
        let from = self.at;
        if self.depth > DEPTH || self.left == 0 {
            let limit = if self.left == 0 { "holds too many values" } else { "is nested too deep" };
            let text = format!("{} {limit}", self.here(from));
            return Err(self.wrong("limit", text, kind, from));
        }
        self.left -= 1;
        self.depth += 1;
        let value = self.shape(kind, from)?;
        self.depth -= 1;
        Ok(value)
    }

    fn shape(&mut self, kind: TypeId, from: usize) -> Read<Value> {
        let types = self.types;
        Ok(match &types[kind].shape {
            Shape::Null | Shape::Unknown => Value::Null,
            Shape::Boolean => self.boolean(kind)?.into(),
            Shape::Int => {
                let number = self.long(kind)?;
                let Ok(number) = i32::try_from(number) else {
                    let text = format!("{} is {number}, too large for the Avro type `int`", self.here(from));
                    return Err(self.wrong("type", text, kind, from));
                };
                number.into()
            }
            Shape::Long => self.long(kind)?.into(),
            Shape::Float => float(f64::from(f32::from_le_bytes(self.array(kind)?))),
            Shape::Double => float(f64::from_le_bytes(self.array(kind)?)),
            Shape::Bytes => {
                let length = self.length(kind)?;
                text(self.take(length, kind)?, types[kind].logical)
            }
            Shape::String => self.string(kind)?.into(),
            Shape::Fixed { size, .. } => {
                let size = usize::try_from(*size).unwrap_or(usize::MAX);
                text(self.take(size, kind)?, types[kind].logical)
            }
            Shape::Enum { name, symbols } => self.symbol(kind, name, symbols)?,
            Shape::Union(branches) => self.union(kind, branches)?,
            Shape::Record { fields, .. } => self.record(fields)?,
            Shape::Array(items) => self.items(kind, *items)?,
            Shape::Map(values) => self.map(kind, *values)?,
        })
    }

    fn boolean(&mut self, kind: TypeId) -> Read<bool> {
        let from = self.at;
        match self.take(1, kind)?[0] {
            0 => Ok(false),
            1 => Ok(true),
            other => {
                let text = format!("{} is the byte {other}, and a boolean is 0 or 1", self.here(from));
                Err(self.wrong("type", text, kind, from))
            }
        }
    }

    fn string(&mut self, kind: TypeId) -> Read<String> {
        let length = self.length(kind)?;
        let from = self.at;
        let bytes = self.take(length, kind)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => {
                let at = from + error.valid_up_to();
                let text = format!("{} is no UTF-8 from byte {at} on", place(&self.pointer));
                Err(self.wrong("utf-8", text, kind, at))
            }
        }
    }

    /// One of a list, by its number.
    fn choice(&mut self, kind: TypeId, what: &str, whose: &str, names: &[String]) -> Read<usize> {
        let from = self.at;
        let number = self.long(kind)?;
        if let Some(index) = usize::try_from(number).ok().filter(|index| *index < names.len()) {
            return Ok(index);
        }
        let text = format!(
            "{} is {what} number {number} of {whose}, which has {}: {}",
            self.here(from),
            names.len(),
            alternatives(names).replace(" or ", " and ")
        );
        let mut found = self.wrong("enum", text, kind, from);
        found.expected = Some(alternatives(names));
        found.actual = Some(number.to_string());
        Err(found)
    }

    fn symbol(&mut self, kind: TypeId, name: &str, symbols: &[String]) -> Read<Value> {
        let index = self.choice(kind, "symbol", &format!("`{name}`"), symbols)?;
        Ok(symbols[index].as_str().into())
    }

    fn union(&mut self, kind: TypeId, branches: &[TypeId]) -> Read<Value> {
        let types = self.types;
        let names: Vec<String> =
            branches.iter().map(|branch| names::simple(word(&types[*branch].shape)).to_owned()).collect();
        let index = self.choice(kind, "branch", "a union", &names)?;
        self.value(branches[index])
    }

    /// What stands under a name or an index.
    fn part(&mut self, token: &str, kind: TypeId) -> Read<Value> {
        let outer = self.pointer.len();
        self.pointer = pointer_push(&self.pointer, token);
        let value = self.value(kind)?;
        self.pointer.truncate(outer);
        Ok(value)
    }

    fn record(&mut self, fields: &[Field]) -> Read<Value> {
        let mut members = Map::with_capacity(fields.len());
        for field in fields {
            members.insert(field.name.clone(), self.part(&field.name, field.kind)?);
        }
        Ok(Value::Object(members))
    }

    /// The number of items in the next block; 0 after the last. A negative one is followed by the block's bytes.
    fn block(&mut self, kind: TypeId) -> Read<u64> {
        let count = self.long(kind)?;
        if count < 0 {
            self.long(kind)?;
        }
        Ok(count.unsigned_abs())
    }

    fn items(&mut self, kind: TypeId, items: TypeId) -> Read<Value> {
        let mut values = Vec::new();
        loop {
            let count = self.block(kind)?;
            if count == 0 {
                return Ok(Value::Array(values));
            }
            for _ in 0..count {
                values.push(self.part(&values.len().to_string(), items)?);
            }
        }
    }

    fn map(&mut self, kind: TypeId, inner: TypeId) -> Read<Value> {
        let mut values = Map::new();
        loop {
            let count = self.block(kind)?;
            if count == 0 {
                values.sort_keys();
                return Ok(Value::Object(values));
            }
            for _ in 0..count {
                let key = self.string(kind)?;
                let value = self.part(&key, inner)?;
                values.insert(key, value);
            }
        }
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
