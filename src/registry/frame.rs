//! The wire format of schema registries: a zero byte, four bytes that name a schema, for Protobuf the indexes of a message,
//! and the payload.

/// The first byte of a payload in this format.
const MAGIC: u8 = 0;
/// Levels of messages inside messages a Protobuf payload may name.
const MOST_INDEXES: u64 = 64;

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
pub fn frame(id: u32, indexes: &[usize]) -> Vec<u8> {
    let mut frame = vec![MAGIC];
    frame.extend(id.to_be_bytes());
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
    use super::{frame, indexes, split, varint};

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
        assert_eq!(frame(258, &[]), [0, 0, 0, 1, 2]);
        assert_eq!(frame(1, &[0]), [0, 0, 0, 0, 1, 0]);
        for path in [vec![0], vec![1, 0], vec![0, 0], vec![200, 3, 70]] {
            let made = frame(7, &path);
            assert_eq!(split(&made), Some((7, 5)));
            assert_eq!(indexes(&made[5..]), Some((path, made.len() - 5)));
        }
    }
}
