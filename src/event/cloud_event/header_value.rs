//! Attributes as values of headers that are ASCII: section 3.1.3.2 of the HTTP binding, which the one for NATS repeats.

use bytes::Bytes;

use crate::event::percent;

/// The value with everything percent-encoded that is no visible ASCII, and `"` and `%`.
#[must_use]
pub fn encode(text: &str) -> String {
    percent::encode(text, |byte| matches!(byte, 0x21..=0x7e) && byte != b'"' && byte != b'%')
}

/// The value as it was: quotes go, then percent-encoding.
#[must_use]
pub fn decode(value: &[u8]) -> Bytes {
    let Ok(text) = std::str::from_utf8(value) else {
        return Bytes::copy_from_slice(value);
    };
    percent::decode(&unquoted(text)).into()
}

/// A quoted string without its quotes; another text as it is.
#[must_use]
pub fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn attributes_are_encoded_and_decoded() {
        assert_eq!(encode("Euro € \"50%\""), "Euro%20%E2%82%AC%20%2250%25%22");
        assert_eq!(&decode(b"Euro%20%E2%82%AC")[..], "Euro €".as_bytes());
        assert_eq!(&decode(br#""a \"b\" %25""#)[..], br#"a "b" %"#);
        assert_eq!(&decode(b"100%")[..], b"100%");
    }
}
