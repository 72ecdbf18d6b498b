//! Tokens: a value becomes one that says nothing of it, and the same value always the same one under the same key.

use std::fmt;

use sha2::{Digest, Sha256};
use thiserror::Error;

/// Bytes SHA-256 takes at once.
const BLOCK: usize = 64;
/// Bytes a key has at least.
const SHORTEST: usize = 16;
/// Bytes of a token that are shown; two values share them by chance once in 2^64.
const SHOWN: usize = 16;

/// A key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it has {0} bytes, and {SHORTEST} are the least")]
pub struct KeyError(usize);

/// The key of tokens. It shows itself to nobody.
#[derive(Clone)]
pub struct MaskKey {
    inner: [u8; BLOCK],
    outer: [u8; BLOCK],
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MaskKey(***)")
    }
}

impl MaskKey {
    /// A key of these bytes, blanks and line ends around them left out.
    ///
    /// # Errors
    /// When it is too short to be one.
    pub fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes = bytes.trim_ascii();
        if bytes.len() < SHORTEST {
            return Err(KeyError(bytes.len()));
        }
        Ok(Self::padded(bytes))
    }

    fn padded(bytes: &[u8]) -> Self {
        let mut block = [0_u8; BLOCK];
        if bytes.len() > BLOCK {
            block[..32].copy_from_slice(&Sha256::digest(bytes));
        } else {
            block[..bytes.len()].copy_from_slice(bytes);
        }
        Self { inner: block.map(|byte| byte ^ 0x36), outer: block.map(|byte| byte ^ 0x5c) }
    }

    /// HMAC-SHA-256, RFC 2104.
    fn code(&self, value: &[u8]) -> [u8; 32] {
        let inner = Sha256::new().chain_update(self.inner).chain_update(value).finalize();
        Sha256::new().chain_update(self.outer).chain_update(inner).finalize().into()
    }

    /// The token of a value: `tok_` and 32 hexadecimal digits.
    #[must_use]
    pub fn token(&self, value: &[u8]) -> String {
        let mut token = String::with_capacity(4 + 2 * SHOWN);
        token.push_str("tok_");
        for byte in &self.code(value)[..SHOWN] {
            token.extend(
                [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])),
            );
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyError, MaskKey};

    fn hexadecimal(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn codes_are_those_of_rfc_4231() {
        let code = |key: &[u8], text: &[u8]| hexadecimal(&MaskKey::padded(key).code(text));
        assert_eq!(
            code(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            code(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn a_key_is_long_enough_and_shows_nothing() {
        assert_eq!(MaskKey::new(b"short\n").expect_err("short"), KeyError(5));
        let key = MaskKey::new(b"0123456789abcdef\n").expect("a key");
        assert_eq!(key.token(b"a"), MaskKey::new(b"0123456789abcdef").expect("a key").token(b"a"));
        assert_ne!(key.token(b"a"), key.token(b"b"));
        assert!(!format!("{key:?}").contains("0123") && key.token(b"a").len() == 36);
    }
}
