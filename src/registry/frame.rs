//! The wire format of schema registries: a zero byte, four bytes that name a schema, for Protobuf the indexes of a message,
//! and the payload; or the name of the schema in a header, and the payload as it is.

use std::fmt;

use uuid::Uuid;

/// The first byte before the number of a schema.
const MAGIC: u8 = 0;
/// The first byte before the GUID of a schema.
const MAGIC_OF_GUIDS: u8 = 1;
/// The header that names the schema of the payload, as clients of Confluent's registry write it since 8.0.
pub const HEADER_OF_PAYLOADS: &str = "__value_schema_id";
/// The header that names the schema of the key.
pub const HEADER_OF_KEYS: &str = "__key_schema_id";
/// Levels of messages inside messages a Protobuf payload may name.
const MOST_INDEXES: u64 = 64;

/// What a schema of a registry is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaId {
    /// Its number, which another registry gives to another schema.
    Number(u32),
    /// What it is called everywhere.
    Guid(Uuid),
}

impl fmt::Display for SchemaId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Guid(guid) => guid.fmt(formatter),
        }
    }
}

/// The schema that a header names, and the bytes before the message indexes of a Protobuf payload.
#[must_use]
pub fn split_header(value: &[u8]) -> Option<(SchemaId, usize)> {
    let (magic, rest) = value.split_first()?;
    if *magic == MAGIC_OF_GUIDS {
        let (guid, _) = rest.split_first_chunk::<16>()?;
        return Some((SchemaId::Guid(Uuid::from_bytes(*guid)), 17));
    }
    split(value).map(|(number, start)| (SchemaId::Number(number), start))
}

/// The number in front of a payload, and the bytes before the rest.
#[must_use]
pub fn split(payload: &[u8]) -> Option<(u32, usize)> {
    let (magic, rest) = payload.split_first()?;
    let (id, _) = rest.split_first_chunk::<4>()?;
    (*magic == MAGIC).then(|| (u32::from_be_bytes(*id), 5))
}

/// The message indexes in front of a Protobuf message and their bytes: their count and each of them as zigzag varints,
/// where a single zero stands for the first message.
#[must_use]
pub fn indexes(payload: &[u8]) -> Option<(Vec<usize>, usize)> {
    let (count, mut at) = varint(payload)?;
    let count = count >> 1;
    if count > MOST_INDEXES {
        return None;
    }
    let mut indexes = Vec::new();
    for _ in 0..count {
        let (index, length) = varint(payload.get(at..)?)?;
        indexes.push(usize::try_from(index >> 1).ok()?);
        at += length;
    }
    if indexes.is_empty() {
        indexes.push(0);
    }
    Some((indexes, at))
}

/// The frame of a payload by the schema `id`; `indexes` lead to the message of a Protobuf text, and are empty otherwise.
#[must_use]
pub fn frame(id: SchemaId, indexes: &[usize]) -> Vec<u8> {
    let mut frame = match id {
        SchemaId::Number(number) => [&[MAGIC][..], &number.to_be_bytes()].concat(),
        SchemaId::Guid(guid) => [&[MAGIC_OF_GUIDS][..], guid.as_bytes()].concat(),
    };
    match indexes {
        [] => {}
        [0] => frame.push(0),
        _ => {
            push_varint(&mut frame, indexes.len());
            for index in indexes {
                push_varint(&mut frame, *index);
            }
        }
    }
    frame
}

fn push_varint(bytes: &mut Vec<u8>, number: usize) {
    let mut rest = (number as u64) << 1;
    while rest > 0x7f {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
}

fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(at).ok()? * 7)?;
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{SchemaId, frame, indexes, split, split_header, varint};

    #[test]
    fn frames_are_taken_apart() {
        assert_eq!(split(&[0, 0, 0, 1, 2, 9]), Some((258, 5)));
        assert_eq!(split(&[0, 0, 0, 1]), None);
        assert_eq!(split(&[1, 0, 0, 1, 2]), None);
        assert_eq!(indexes(&[0, 10, 1]), Some((vec![0], 1)));
        assert_eq!(indexes(&[4, 2, 0, 10]), Some((vec![1, 0], 3)));
        assert_eq!(indexes(&[4, 2]), None);
        assert_eq!(indexes(&[0xff; 12]), None);
        assert_eq!(varint(&[0xac, 0x02]), Some((300, 2)));
    }

    #[test]
    fn frames_are_made_as_they_are_taken_apart() {
        assert_eq!(frame(SchemaId::Number(258), &[]), [0, 0, 0, 1, 2]);
        assert_eq!(frame(SchemaId::Number(1), &[0]), [0, 0, 0, 0, 1, 0]);
        for path in [vec![0], vec![1, 0], vec![0, 0], vec![200, 3, 70]] {
            let made = frame(SchemaId::Number(7), &path);
            assert_eq!(split(&made), Some((7, 5)));
            assert_eq!(indexes(&made[5..]), Some((path, made.len() - 5)));
        }
    }

    #[test]
    fn headers_name_a_number_or_a_guid() {
        let guid = SchemaId::Guid(uuid::Uuid::from_u128(0x8955_0d4f_8b42_4f14_9e1f_7d1a_0c0b_0a09));
        assert_eq!(split_header(&frame(guid, &[])), Some((guid, 17)));
        assert_eq!(split_header(&frame(SchemaId::Number(9), &[0])), Some((SchemaId::Number(9), 5)));
        assert_eq!(guid.to_string(), "89550d4f-8b42-4f14-9e1f-7d1a0c0b0a09");
        for cut in [&[][..], &[1], &[1; 16], &[0; 4], &[2; 17]] {
            assert_eq!(split_header(cut), None, "{cut:?}");
        }
    }
}
