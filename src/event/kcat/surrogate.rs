//! Bytes that are no text in the strings of a JSON line: on the way through the JSON reader they stand as halves of
//! characters (U+DC80 to U+DCFF, one for each byte), which no text has.

use std::fmt::{self, Write as _};

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// A line of JSON with such bytes as a line of JSON that is text.
///
/// # Errors
/// When it has halves of characters of its own, which could not be told from ours.
pub(super) fn escape(line: &[u8]) -> Result<String, String> {
    let mut text = String::with_capacity(line.len() + 64);
    for chunk in line.utf8_chunks() {
        check(chunk.valid().as_bytes(), !chunk.invalid().is_empty())?;
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\udc{byte:02x}");
        }
    }
    Ok(text)
}

/// Refuses escapes that stand for half a character, and one that is cut off by the byte that follows.
fn check(text: &[u8], is_followed: bool) -> Result<(), String> {
    let code = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut at = 0;
    while let Some(next) = memchr::memchr(b'\\', &text[at..]) {
        at += next;
        let length = match (code(at), code(at + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                return Err("beside bytes that are no text it has an escape for half a character".to_owned());
            }
            _ => 2,
        };
        if at + length > text.len() {
            let words = "an escape is cut off by a byte that is no text".to_owned();
            return if is_followed { Err(words) } else { Ok(()) };
        }
        at += length;
    }
    Ok(())
}

/// The bytes of a string, given as JSON within a line that went through [`escape`].
///
/// # Errors
/// When it is no string.
pub(super) fn bytes(json: &str) -> Result<Vec<u8>, serde_json::Error> {
    let Bytes(mut bytes) = serde_json::from_str(json)?;
    // Half a character takes three bytes, and such three are in no text.
    let (mut from, mut to) = (0, 0);
    while from < bytes.len() {
        let (byte, taken) = match bytes[from..] {
            [0xed, second @ (0xb2 | 0xb3), third, ..] => ((second << 6) | (third & 0x3f), 3),
            [byte, ..] => (byte, 1),
            [] => break,
        };
        bytes[to] = byte;
        (from, to) = (from + taken, to + 1);
    }
    bytes.truncate(to);
    Ok(bytes)
}

/// A string with halves of characters in it.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Taken;
        impl Visitor<'_> for Taken {
            type Value = Bytes;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Taken)
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, escape};

    fn read(string: &[u8]) -> Result<Vec<u8>, String> {
        bytes(&escape(string)?).map_err(|error| error.to_string())
    }

    #[test]
    fn every_byte_comes_back() {
        let mut string = vec![b'"'];
        let high: Vec<u8> = (0x20..=0xff).filter(|byte| *byte != b'"' && *byte != b'\\').collect();
        string.extend_from_slice(&high);
        string.push(b'"');
        assert_eq!(read(&string), Ok(high));
        // A half of a character as bytes, a whole one in two escapes, and a backslash before what looks like an escape.
        let mixed = b"\"\xed\xb2\x80\\ud83d\\ude00\\\\udc80\\u0000\xc3\xa9\"";
        let mut expected = b"\xed\xb2\x80".to_vec();
        expected.extend_from_slice("😀\\udc80\0é".as_bytes());
        assert_eq!(read(mixed), Ok(expected));
    }

    #[test]
    fn what_could_be_taken_for_another_thing_is_refused() {
        for (string, words) in [
            (&b"\"\xff\\udc80\""[..], "half a character"),
            (b"\"\\ud83d\xff\"", "half a character"),
            (b"\"\\ud83d\\u0041\xff\"", "half a character"),
            (b"\"\\\xff\"", "cut off"),
            (b"\"\\u00\xff\"", "invalid escape"),
            (b"\xff\"\"", "column 1"),
        ] {
            let error = read(string).expect_err(words);
            assert!(error.contains(words), "{error}");
        }
    }
}
