//! The Kafka protocol for the few questions that the client library does not put: requests and answers as bytes over TCP.
//!
//! Layouts are those of <https://kafka.apache.org/protocol>: numbers are big-endian; flexible versions have lengths as
//! variable-length numbers, one more than they are, and tagged fields after each structure.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::endpoint::Credentials;

/// Bytes of one answer at most.
const LONGEST: usize = 64 << 20;

/// A connection to one broker.
pub(super) struct Wire {
    stream: TcpStream,
    number: i32,
}

/// What kind of question it is: its key, its version, and whether that version is flexible.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) key: i16,
    pub(super) version: i16,
    pub(super) flexible: bool,
}

const SASL_HANDSHAKE: Kind = Kind { key: 17, version: 1, flexible: false };
const SASL_AUTHENTICATE: Kind = Kind { key: 36, version: 0, flexible: false };

impl Wire {
    /// Connects without encryption, and logs in by SASL PLAIN where there is a login.
    pub(super) fn open(place: &str, login: Option<&Credentials>, timeout: Duration) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, format!("`{place}` is no address"));
        for address in place.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(timeout))?;
                    stream.set_write_timeout(Some(timeout))?;
                    let mut wire = Self { stream, number: 0 };
                    if let Some(login) = login {
                        wire.log_in(login)?;
                    }
                    return Ok(wire);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn log_in(&mut self, login: &Credentials) -> io::Result<()> {
        let refused = || io::Error::new(io::ErrorKind::PermissionDenied, "the login was refused");
        let answer = self.ask(SASL_HANDSHAKE, Question::default().text("PLAIN"))?;
        if Answer(&answer).short().ok_or_else(garbled)? != 0 {
            return Err(refused());
        }
        let token = format!("\0{}\0{}", login.username, login.password);
        let answer = self.ask(SASL_AUTHENTICATE, Question::default().bytes(token.as_bytes()))?;
        let code = Answer(&answer).short().ok_or_else(garbled)?;
        if code == 0 { Ok(()) } else { Err(refused()) }
    }

    /// Asks, and gives the answer behind its header.
    pub(super) fn ask(&mut self, kind: Kind, question: Question) -> io::Result<Vec<u8>> {
        self.number += 1;
        let mut text = Vec::with_capacity(question.0.len() + 32);
        text.extend(kind.key.to_be_bytes());
        text.extend(kind.version.to_be_bytes());
        text.extend(self.number.to_be_bytes());
        text.extend(b"\0\x04eddy");
        if kind.flexible {
            text.push(0);
        }
        text.extend(question.0);
        let length = i32::try_from(text.len()).map_err(|_| garbled())?;
        self.stream.write_all(&length.to_be_bytes())?;
        self.stream.write_all(&text)?;
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = usize::try_from(i32::from_be_bytes(length)).map_err(|_| garbled())?;
        if !(4..=LONGEST).contains(&length) {
            return Err(garbled());
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        let mut rest = Answer(&answer);
        if rest.int() != Some(self.number) {
            return Err(garbled());
        }
        if kind.flexible {
            rest.tags().ok_or_else(garbled)?;
        }
        Ok(rest.0.to_vec())
    }
}

/// An answer that is not as it should be.
pub(super) fn garbled() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the answer is not as the protocol has it")
}

/// The body of a question.
#[derive(Default)]
pub(super) struct Question(Vec<u8>);

impl Question {
    pub(super) fn byte(mut self, value: i8) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn int(mut self, value: i32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    /// A text, its length in two bytes.
    pub(super) fn text(mut self, text: &str) -> Self {
        self.0.extend(i16::try_from(text.len()).unwrap_or(i16::MAX).to_be_bytes());
        self.0.extend(text.as_bytes());
        self
    }

    /// No text.
    pub(super) fn no_text(mut self) -> Self {
        self.0.extend((-1i16).to_be_bytes());
        self
    }

    /// Bytes, their length in four.
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(i32::try_from(bytes.len()).unwrap_or(i32::MAX).to_be_bytes());
        self.0.extend(bytes);
        self
    }

    /// A text in flexible versions.
    pub(super) fn compact(self, text: &str) -> Self {
        let mut longer = self.count(text.len());
        longer.0.extend(text.as_bytes());
        longer
    }

    /// How many items follow, in flexible versions.
    pub(super) fn count(self, items: usize) -> Self {
        self.unsigned(items + 1)
    }

    /// No tagged fields.
    pub(super) fn end(self) -> Self {
        self.unsigned(0)
    }

    fn unsigned(mut self, mut value: usize) -> Self {
        while value > 0x7f {
            self.0.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
            value >>= 7;
        }
        self.0.push(u8::try_from(value).unwrap_or(0));
        self
    }
}

/// What is left to read of an answer; `None` from every method when it is too short.
pub(super) struct Answer<'a>(pub(super) &'a [u8]);

impl<'a> Answer<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Passes over so many bytes.
    pub(super) fn pass(&mut self, count: usize) -> Option<()> {
        self.take(count).map(|_| ())
    }

    pub(super) fn byte(&mut self) -> Option<i8> {
        Some(i8::from_be_bytes(self.take(1)?.try_into().ok()?))
    }

    pub(super) fn short(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    pub(super) fn int(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    pub(super) fn long(&mut self) -> Option<i64> {
        Some(i64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    /// A text, its length in two bytes; empty when there is none.
    pub(super) fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.short()?).unwrap_or(0);
        Some(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    /// A text in flexible versions; empty when there is none.
    pub(super) fn compact(&mut self) -> Option<String> {
        let length = self.count()?;
        Some(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    /// How many items follow, their number in four bytes.
    pub(super) fn items(&mut self) -> Option<usize> {
        Some(usize::try_from(self.int()?).unwrap_or(0))
    }

    /// How many items follow, in flexible versions.
    pub(super) fn count(&mut self) -> Option<usize> {
        Some(self.unsigned()?.saturating_sub(1))
    }

    /// Passes over tagged fields.
    pub(super) fn tags(&mut self) -> Option<()> {
        for _ in 0..self.unsigned()? {
            self.unsigned()?;
            let length = self.unsigned()?;
            self.take(length)?;
        }
        Some(())
    }

    fn unsigned(&mut self) -> Option<usize> {
        let mut value = 0usize;
        for place in 0..5 {
            let byte = *self.take(1)?.first()?;
            value |= usize::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Question};

    #[test]
    fn what_is_written_reads_back_and_too_little_is_nothing() {
        let long = "x".repeat(300);
        let text = Question::default().byte(-1).int(7).text("a").no_text().compact(&long).count(2).end().0;
        let mut rest = Answer(&text);
        assert_eq!((rest.byte(), rest.int()), (Some(-1), Some(7)));
        assert_eq!((rest.text().as_deref(), rest.text().as_deref()), (Some("a"), Some("")));
        assert_eq!(rest.compact(), Some(long));
        assert_eq!((rest.count(), rest.tags(), rest.byte()), (Some(2), Some(()), None));
        for cut in 0..text.len() {
            let mut rest = Answer(&text[..cut]);
            let all = (|| {
                rest.byte()?;
                rest.int()?;
                rest.text()?;
                rest.text()?;
                rest.compact()?;
                rest.count()?;
                rest.tags()
            })();
            assert_eq!(all, None, "{cut}");
        }
        assert_eq!(Answer(&[0xff; 9]).count(), None);
    }
}
