//! Percent-encoding, RFC 3986 section 2.1, as URLs and the headers of CloudEvents have it.

/// The text with every byte that is not to be kept written as `%XX`.
#[must_use]
pub fn encode(text: &str, is_kept: impl Fn(u8) -> bool) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii() && is_kept(byte) {
            encoded.push(char::from(byte));
        } else {
            let [high, low] = [byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)]));
            encoded.extend(['%', high, low]);
        }
    }
    encoded
}

/// The path of a URL.
#[must_use]
pub fn encode_path(path: &str) -> String {
    encode(path, |byte| byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=:@".contains(&byte))
}

/// The bytes of a text with `%XX`; a `%` without two digits stays.
#[must_use]
pub fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        let code = code.filter(|pair| pair.iter().all(u8::is_ascii_hexdigit));
        let code = code.and_then(|pair| std::str::from_utf8(pair).ok());
        if let Some(byte) = code.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    bytes
}

/// The text with `%XX` made into what they stand for; what is no UTF-8 then is replaced.
#[must_use]
pub fn decode_text(text: &str) -> String {
    String::from_utf8_lossy(&decode(text)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_text, encode_path};

    #[test]
    fn what_is_encoded_comes_back() {
        let text = "a/ü 100%?#\n";
        assert_eq!(encode_path(text), "a/%C3%BC%20100%25%3F%23%0A");
        assert_eq!(decode_text(&encode_path(text)), text);
        assert_eq!(decode("%zz%4%+1%FF"), b"%zz%4%+1\xff");
    }
}
