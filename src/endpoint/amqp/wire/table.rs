//! Field tables with the order of their fields and the exact bytes of their values.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Map, Number, Value};

use super::{Malformed, Reader, ShortText, put_sized};

/// Tables and lists deeper than this are shown as bytes.
const DEEPEST: usize = 32;

/// The type of text and of bytes alike.
pub(in super::super) const LONG_STRING: u8 = b'S';
/// The type of bytes that are not meant as text.
pub(in super::super) const BYTE_ARRAY: u8 = b'x';
/// The type of no value.
pub(in super::super) const VOID: u8 = b'V';
/// The type of a list.
pub(in super::super) const ARRAY: u8 = b'A';
/// The type of a table within a table.
pub(in super::super) const TABLE: u8 = b'F';

/// One field: the type as its letter on the wire, and the value as its bytes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Field {
    pub(in super::super) name: String,
    pub(in super::super) kind: u8,
    pub(in super::super) wire: Bytes,
}

/// Fields in the order of the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Table(pub(in super::super) Vec<Field>);

impl Table {
    /// Reads the fields; `bytes` is the table without its length.
    ///
    /// # Errors
    /// When a field has an unknown type or ends too early.
    pub(in super::super) fn read(bytes: Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut fields = Vec::new();
        while !reader.is_empty() {
            let name = reader.short_text()?;
            let kind = reader.octet()?;
            let wire = value_bytes(&mut reader, kind)?;
            fields.push(Field { name, kind, wire });
        }
        Ok(Self(fields))
    }

    /// The field of this name.
    pub(in super::super) fn get(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.name == name)
    }

    /// The text of a field, when it has that.
    pub(in super::super) fn text(&self, name: &str) -> Option<String> {
        let field = self.get(name).filter(|field| field.kind == LONG_STRING)?;
        Some(String::from_utf8_lossy(&field.content()).into_owned())
    }

    /// Adds a text.
    pub(in super::super) fn with_text(mut self, name: &str, text: &str) -> Self {
        self.0.push(Field::of_bytes(name, LONG_STRING, text.as_bytes()));
        self
    }

    /// Adds a yes.
    pub(in super::super) fn with_yes(mut self, name: &str) -> Self {
        self.0.push(Field { name: name.to_owned(), kind: b't', wire: Bytes::from_static(&[1]) });
        self
    }

    /// Adds a table.
    pub(in super::super) fn with_table(mut self, name: &str, table: &Self) -> Self {
        let mut wire = BytesMut::new();
        table.put(&mut wire);
        self.0.push(Field { name: name.to_owned(), kind: TABLE, wire: wire.freeze() });
        self
    }

    /// Writes the table behind its length. Names longer than 255 bytes are left out, which [`ShortText`] refuses before.
    pub(in super::super) fn put(&self, buffer: &mut BytesMut) {
        put_sized(buffer, |buffer| {
            for field in &self.0 {
                if let Some(name) = ShortText::new(&field.name) {
                    name.put(buffer);
                    buffer.put_u8(field.kind);
                    buffer.put_slice(&field.wire);
                }
            }
        });
    }
}

impl Field {
    /// A field of a type whose value is bytes behind their length.
    pub(in super::super) fn of_bytes(name: &str, kind: u8, content: &[u8]) -> Self {
        let mut wire = BytesMut::with_capacity(content.len() + 4);
        put_sized(&mut wire, |wire| wire.put_slice(content));
        Self { name: name.to_owned(), kind, wire: wire.freeze() }
    }

    /// A field of one of the types that are no text, from the text [`Field::shown`] made of it; `None` when it is no such
    /// value.
    pub(in super::super) fn of_shown(name: &str, kind: u8, shown: &str) -> Option<Self> {
        let mut wire = BytesMut::new();
        match kind {
            b't' => wire.put_u8(u8::from(shown.parse::<bool>().ok()?)),
            b'b' => wire.put_i8(shown.parse().ok()?),
            b'B' => wire.put_u8(shown.parse().ok()?),
            b's' => wire.put_i16(shown.parse().ok()?),
            b'u' => wire.put_u16(shown.parse().ok()?),
            b'I' => wire.put_i32(shown.parse().ok()?),
            b'i' => wire.put_u32(shown.parse().ok()?),
            b'l' => wire.put_i64(shown.parse().ok()?),
            b'L' | b'T' => wire.put_u64(shown.parse().ok()?),
            b'f' => wire.put_f32(shown.parse().ok()?),
            b'd' => wire.put_f64(shown.parse().ok()?),
            _ => return None,
        }
        Some(Self { name: name.to_owned(), kind, wire: wire.freeze() })
    }

    /// The bytes of a text or of bytes, without their length.
    pub(in super::super) fn content(&self) -> Bytes {
        self.wire.slice(4.min(self.wire.len())..)
    }

    /// A whole number that is not negative, whatever its type.
    pub(in super::super) fn number(&self) -> Option<u64> {
        value(self.kind, &self.wire, 0).as_u64()
    }

    /// The value as text: numbers in decimal, tables and lists as JSON.
    pub(in super::super) fn shown(&self) -> String {
        match value(self.kind, &self.wire, 0) {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }
}

/// The bytes of the value of this type at the front of `reader`.
fn value_bytes(reader: &mut Reader, kind: u8) -> Result<Bytes, Malformed> {
    let length = match kind {
        VOID => 0,
        b't' | b'b' | b'B' => 1,
        b's' | b'u' => 2,
        b'I' | b'i' | b'f' => 4,
        b'D' => 5,
        b'l' | b'L' | b'd' | b'T' => 8,
        LONG_STRING | BYTE_ARRAY | ARRAY | TABLE => {
            let mut ahead = Reader::new(reader.bytes.clone());
            usize::try_from(ahead.long()?).unwrap_or(usize::MAX).saturating_add(4)
        }
        _ => return Err(Malformed("a field of an unknown type")),
    };
    reader.take(length)
}

/// The value as JSON, for people to read.
fn value(kind: u8, wire: &Bytes, depth: usize) -> Value {
    read_value(kind, wire, depth).unwrap_or_else(|_| Value::from(STANDARD.encode(wire)))
}

fn read_value(kind: u8, wire: &Bytes, depth: usize) -> Result<Value, Malformed> {
    if depth > DEEPEST {
        return Err(Malformed("a table deeper than anyone reads"));
    }
    let mut reader = Reader::new(wire.clone());
    let float =
        |float: f64| Number::from_f64(float).map_or_else(|| Value::from(float.to_string()), Value::from);
    Ok(match kind {
        b't' => Value::from(reader.octet()? != 0),
        b'b' => Value::from(reader.octet()?.cast_signed()),
        b'B' => Value::from(reader.octet()?),
        b's' => Value::from(reader.short()?.cast_signed()),
        b'u' => Value::from(reader.short()?),
        b'I' => Value::from(reader.long()?.cast_signed()),
        b'i' => Value::from(reader.long()?),
        b'l' => Value::from(reader.long_long()?.cast_signed()),
        b'L' | b'T' => Value::from(reader.long_long()?),
        // The shortest digits that mean this value in its own precision.
        b'f' => Value::from(f32::from_bits(reader.long()?).to_string()),
        b'd' => float(f64::from_bits(reader.long_long()?)),
        b'D' => Value::from(decimal(reader.octet()?, reader.long()?.cast_signed())),
        LONG_STRING | BYTE_ARRAY => {
            let bytes = reader.long_bytes()?;
            let text = std::str::from_utf8(&bytes).ok();
            Value::from(text.map_or_else(|| STANDARD.encode(&bytes), str::to_owned))
        }
        ARRAY => {
            let mut items = Reader::new(reader.long_bytes()?);
            let mut list = Vec::new();
            while !items.is_empty() {
                let kind = items.octet()?;
                let wire = value_bytes(&mut items, kind)?;
                list.push(value(kind, &wire, depth + 1));
            }
            Value::from(list)
        }
        TABLE => {
            let fields = Table::read(reader.long_bytes()?)?.0;
            let pairs = fields.into_iter().map(|field| {
                let shown = value(field.kind, &field.wire, depth + 1);
                (field.name, shown)
            });
            Value::from(pairs.collect::<Map<_, _>>())
        }
        _ => Value::Null,
    })
}

fn decimal(scale: u8, digits: i32) -> String {
    let scale = usize::from(scale);
    if scale == 0 {
        return digits.to_string();
    }
    let sign = if digits < 0 { "-" } else { "" };
    let padded = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, part) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{part}")
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, Bytes, BytesMut};
    use proptest::prelude::*;

    use super::{ARRAY, Field, LONG_STRING, TABLE, Table};

    fn there_and_back(table: &Table) -> Table {
        let mut wire = BytesMut::new();
        table.put(&mut wire);
        Table::read(wire.freeze().slice(4..)).expect("a table")
    }

    #[test]
    fn order_types_and_bytes_are_kept() {
        let inner = Table::default().with_text("b", "2").with_yes("a");
        let table = Table::default()
            .with_text("z", "text")
            .with_table("inner", &inner)
            .with_yes("a")
            .with_text("z", "again");
        assert_eq!(there_and_back(&table), table);
        assert_eq!(table.get("inner").expect("there").shown(), r#"{"b":"2","a":true}"#);
        assert_eq!(table.text("z").as_deref(), Some("text"));
    }

    #[test]
    fn scalars_are_shown_and_read_again() {
        for (kind, shown) in [
            (b't', "true"),
            (b'b', "-128"),
            (b'B', "255"),
            (b's', "-32768"),
            (b'u', "65535"),
            (b'I', "-2147483648"),
            (b'i', "4294967295"),
            (b'l', "-9223372036854775808"),
            (b'T', "1700000000"),
            (b'f', "0.1"),
            (b'd', "1.5"),
        ] {
            let field = Field::of_shown("n", kind, shown).expect("a value");
            assert_eq!(field.shown(), shown, "{}", char::from(kind));
            assert_eq!(there_and_back(&Table(vec![field.clone()])).0, [field]);
        }
        assert_eq!(Field::of_shown("n", b'B', "256"), None);
        let price =
            Field { name: "price".to_owned(), kind: b'D', wire: vec![2, 0xff, 0xff, 0xff, 0xfb].into() };
        assert_eq!(price.shown(), "-0.05");
    }

    #[test]
    fn nesting_without_end_is_shown_as_bytes() {
        let mut wire = BytesMut::new();
        for level in (0..5000_u32).rev() {
            wire.put_u8(ARRAY);
            wire.put_u32(level * 5);
        }
        let field = Field { name: "deep".to_owned(), kind: ARRAY, wire: wire.freeze().slice(1..) };
        assert!(field.shown().starts_with("[["), "{}", &field.shown()[..40]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_table_or_refused(bytes: Vec<u8>) {
            if let Ok(table) = Table::read(Bytes::from(bytes.clone())) {
                for field in &table.0 {
                    let _ = field.shown();
                }
                if table.0.iter().all(|field| !field.name.contains('\u{fffd}')) {
                    prop_assert_eq!(there_and_back(&table), table);
                }
            }
            for kind in [ARRAY, TABLE, LONG_STRING] {
                let _ = Field { name: String::new(), kind, wire: bytes.clone().into() }.shown();
            }
        }
    }
}
