//! `XADD` written straight into the bytes that go out, and the answers to it read straight out of those that come in
//! (<https://redis.io/docs/latest/develop/reference/protocol-spec/>): a value for each would cost more than the sending.

use bytes::{Buf, BytesMut};

use super::entry::{Content, FieldToWrite};
use super::id::EntryId;
use crate::endpoint::rope::Rope;

/// The longest answer that is waited for, in bytes; a refusal has some hundred.
const LONGEST: usize = 64 * 1024;

/// What the server says to one `XADD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The entry is there, under this id.
    Added(EntryId),
    /// It was refused: the code and the words.
    Refused(String, String),
    /// Something that is no answer to `XADD`.
    Odd,
}

/// What arrived is not the protocol of Redis.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Appends the command that adds an entry.
pub(super) fn put_xadd(
    out: &mut Rope,
    stream: &str,
    maxlen: Option<u32>,
    id: &str,
    fields: &[FieldToWrite<'_>],
) {
    let trimming = if maxlen.is_some() { 3 } else { 0 };
    put_head(out.copies(), b'*', 3 + trimming + fields.len() * 2);
    put_word(out.copies(), b"XADD");
    put_word(out.copies(), stream.as_bytes());
    if let Some(maxlen) = maxlen {
        put_word(out.copies(), b"MAXLEN");
        put_word(out.copies(), b"~");
        put_word(out.copies(), maxlen.to_string().as_bytes());
    }
    put_word(out.copies(), id.as_bytes());
    for (name, value) in fields {
        put_word(out.copies(), name);
        match value {
            Content::Shared(value) => {
                put_head(out.copies(), b'$', value.len());
                out.put_shared(value);
                out.copies().extend_from_slice(b"\r\n");
            }
            Content::Copied(value) => put_word(out.copies(), value),
        }
    }
}

fn put_word(out: &mut Vec<u8>, word: &[u8]) {
    put_head(out, b'$', word.len());
    out.extend_from_slice(word);
    out.extend_from_slice(b"\r\n");
}

/// A mark, a number in digits, and the end of the line.
fn put_head(out: &mut Vec<u8>, mark: u8, number: usize) {
    // The largest number has twenty digits.
    let mut line = [0; 23];
    let (mut at, mut left) = (line.len() - 2, number);
    line[at..].copy_from_slice(b"\r\n");
    loop {
        at -= 1;
        line[at] = b'0' + u8::try_from(left % 10).unwrap_or_default();
        left /= 10;
        if left == 0 {
            break;
        }
    }
    at -= 1;
    line[at] = mark;
    out.extend_from_slice(&line[at..]);
}

/// Takes one answer from the front; `None` when it is not whole yet.
pub(super) fn take_answer(arrived: &mut BytesMut) -> Result<Option<Answer>, Malformed> {
    let Some(end) = memchr::memchr(b'\n', arrived) else {
        return if arrived.len() > LONGEST { Err(Malformed) } else { Ok(None) };
    };
    let line = arrived[..end].strip_suffix(b"\r").ok_or(Malformed)?;
    let (mark, rest) = line.split_first().ok_or(Malformed)?;
    let (answer, used) = match mark {
        b'$' => match digits(rest) {
            Some(length) if length <= LONGEST => {
                let (from, to) = (end + 1, end + 1 + length);
                if arrived.len() < to + 2 {
                    return Ok(None);
                }
                if arrived[to..to + 2] != *b"\r\n" {
                    return Err(Malformed);
                }
                let id = std::str::from_utf8(&arrived[from..to]).ok().and_then(EntryId::parse);
                (id.map_or(Answer::Odd, Answer::Added), to + 2)
            }
            None if rest == b"-1" => (Answer::Odd, end + 1),
            Some(_) | None => return Err(Malformed),
        },
        b'-' => {
            let said = String::from_utf8_lossy(rest);
            let (code, words) = said.split_once(' ').unwrap_or((&said, ""));
            (Answer::Refused(code.to_owned(), words.to_owned()), end + 1)
        }
        b'+' | b':' | b'_' => (Answer::Odd, end + 1),
        _ => return Err(Malformed),
    };
    arrived.advance(used);
    Ok(Some(answer))
}

fn digits(text: &[u8]) -> Option<usize> {
    let text =
        std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use bytes::{Buf, Bytes, BytesMut};
    use proptest::prelude::*;

    use super::{Answer, Content, EntryId, Malformed, put_xadd, take_answer};
    use crate::endpoint::rope::Rope;

    fn all(mut rope: Rope) -> Bytes {
        rope.copy_to_bytes(rope.remaining())
    }

    #[test]
    fn a_command_is_written_as_the_client_library_writes_it() {
        let value = vec![b'x'; 1234];
        let fields = [(Cow::Borrowed(b"payload".as_slice()), Content::Copied(Cow::Borrowed(&value)))];
        let mut written = Rope::default();
        put_xadd(&mut written, "orders", Some(1000), "*", &fields);
        let mut command = redis::cmd("XADD");
        command.arg("orders").arg("MAXLEN").arg("~").arg(1000).arg("*").arg("payload").arg(&value);
        assert_eq!(all(written), command.get_packed_command());
        let mut written = Rope::default();
        put_xadd(&mut written, "", None, "7-0", &[]);
        assert_eq!(all(written), redis::cmd("XADD").arg("").arg("7-0").get_packed_command());
    }

    #[test]
    fn answers_are_taken_when_they_are_whole() {
        let said =
            b"$3\r\n7-1\r\n-WRONGTYPE Operation against a key\r\n-ODD\r\n$-1\r\n+OK\r\n:3\r\n$1\r\nx\r\n";
        let refused = |code: &str, words: &str| Answer::Refused(code.to_owned(), words.to_owned());
        let added = Answer::Added(EntryId { milliseconds: 7, sequence: 1 });
        let wrong = refused("WRONGTYPE", "Operation against a key");
        let odd = Answer::Odd;
        let expected = [added, wrong, refused("ODD", ""), odd.clone(), odd.clone(), odd.clone(), odd];
        let (mut arrived, mut taken) = (BytesMut::new(), Vec::new());
        for byte in said {
            arrived.extend_from_slice(&[*byte]);
            taken.extend(take_answer(&mut arrived).expect("well formed"));
        }
        assert_eq!((taken.as_slice(), arrived.len()), (expected.as_slice(), 0));
    }

    #[test]
    fn what_is_not_the_protocol_is_said() {
        for odd in ["HTTP/1.1 400\r\n", "\r\n", "$x\r\n", "$99999999\r\n", "$1\r\nxyz\r\n", "*1\r\n", "+OK\n"]
        {
            assert_eq!(take_answer(&mut odd.as_bytes().into()), Err(Malformed), "{odd:?}");
        }
        assert_eq!(take_answer(&mut BytesMut::from(vec![b'x'; 70_000].as_slice())), Err(Malformed));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut arrived = BytesMut::from(bytes.as_slice());
            while let Ok(Some(_)) = take_answer(&mut arrived) {}
        }
    }
}
