//! Reading a line in the form it is written here: fields in their order, no spaces. It takes a fraction of the time of a reader
//! of any JSON, to which everything else is left: what is found here is what that one finds (but for one more level that `m` may
//! be nested).

use std::borrow::Cow;

use base64::Engine as _;
use bytes::Bytes;
use compact_str::CompactString;

use super::Line;
use super::decode::BASE64;
use crate::event::{Attributes, BrokerTime, Event, Header, Place, TimeKind, Timestamp};

/// The line has another form, right or wrong.
struct Otherwise;

type Read<T> = Result<T, Otherwise>;

/// The event of a line; none where the line has another form, right or wrong.
pub(super) fn decode(line: &[u8]) -> Option<Line> {
    read(line).ok()
}

fn read(line: &[u8]) -> Read<Line> {
    let text = std::str::from_utf8(line).map_err(|_| Otherwise)?.trim_end_matches(['\r', '\n']);
    let mut cursor = Cursor { text, at: 0 };
    cursor.pass("{\"n\":")?;
    let number = Some(cursor.unsigned()?);
    cursor.pass(",\"t\":")?;
    let received = Timestamp(cursor.signed()?);
    cursor.pass(",\"src\":")?;
    let channel = CompactString::from(&*cursor.text()?);
    let partition = cursor.when(",\"part\":", |cursor| fitting(cursor.signed()?))?;
    let offset = cursor.when(",\"off\":", Cursor::unsigned)?;
    let broker_time = cursor.when(",\"ts\":", Cursor::broker_time)?;
    let key = match cursor.when(",\"k\":", Cursor::bytes)? {
        Some(key) => Some(key),
        None => cursor.when(",\"k64\":", Cursor::base64)?,
    };
    let payload = match cursor.when(",\"v64\":", Cursor::base64)? {
        Some(payload) => Some(payload),
        None if cursor.take(",\"v\":null") => None,
        None => {
            cursor.pass(",\"v\":")?;
            Some(cursor.bytes()?)
        }
    };
    let headers = cursor.when(",\"h\":[", Cursor::headers)?.unwrap_or_default();
    let attributes = cursor.when(",\"m\":", Cursor::attributes)?.unwrap_or_default();
    cursor.pass("}")?;
    if cursor.at < text.len() {
        return Err(Otherwise);
    }
    let place = Place { partition, offset };
    let event = Event { channel, key, payload, headers, received, broker_time, place, attributes };
    Ok(Line { number, event })
}

fn fitting<T, U: TryFrom<T>>(number: T) -> Read<U> {
    U::try_from(number).map_err(|_| Otherwise)
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Goes behind these letters, if they come next.
    fn take(&mut self, letters: &str) -> bool {
        let is_next = self.rest().starts_with(letters.as_bytes());
        self.at += if is_next { letters.len() } else { 0 };
        is_next
    }

    /// Goes behind these letters.
    fn pass(&mut self, letters: &str) -> Read<()> {
        self.take(letters).then_some(()).ok_or(Otherwise)
    }

    /// What `read` finds behind these letters; nothing where they do not come next.
    fn when<T>(&mut self, letters: &str, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        if self.take(letters) { read(self).map(Some) } else { Ok(None) }
    }

    /// A number that fits whatever its digits are.
    fn unsigned(&mut self) -> Read<u64> {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).take(20).count();
        let text = &self.text[self.at..self.at + digits];
        if digits == 0 || digits > 19 || (digits > 1 && text.starts_with('0')) {
            return Err(Otherwise);
        }
        self.at += digits;
        Ok(text.bytes().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    }

    fn signed(&mut self) -> Read<i64> {
        let is_negative = self.take("-");
        let number: i64 = fitting(self.unsigned()?)?;
        match (is_negative, number) {
            (true, 0) => Err(Otherwise),
            (true, number) => Ok(-number),
            (false, number) => Ok(number),
        }
    }

    /// A time and who wrote it.
    fn broker_time(&mut self) -> Read<BrokerTime> {
        let time = Timestamp(self.signed()?);
        if self.take(",\"tst\":\"create\"") {
            return Ok(BrokerTime { time, kind: TimeKind::Create });
        }
        self.pass(",\"tst\":\"append\"")?;
        Ok(BrokerTime { time, kind: TimeKind::Append })
    }

    /// A string whose escapes stand for one byte each.
    fn text(&mut self) -> Read<Cow<'a, str>> {
        self.pass("\"")?;
        let begin = self.at;
        self.at += plain(self.rest());
        if self.take("\"") {
            return Ok(Cow::Borrowed(&self.text[begin..self.at - 1]));
        }
        let mut found = String::with_capacity(self.text.len() - begin);
        let mut from = begin;
        loop {
            found.push_str(&self.text[from..self.at]);
            match self.rest() {
                [b'"', ..] => {
                    self.at += 1;
                    return Ok(Cow::Owned(found));
                }
                [b'\\', letter, ..] => found.push(unescaped(*letter).ok_or(Otherwise)?),
                _ => return Err(Otherwise),
            }
            self.at += 2;
            from = self.at;
            self.at += plain(self.rest());
        }
    }

    fn bytes(&mut self) -> Read<Bytes> {
        Ok(match self.text()? {
            Cow::Borrowed(text) => Bytes::copy_from_slice(text.as_bytes()),
            Cow::Owned(text) => Bytes::from(text.into_bytes().into_boxed_slice()),
        })
    }

    fn base64(&mut self) -> Read<Bytes> {
        BASE64.decode(self.text()?.as_bytes()).map(Bytes::from).map_err(|_| Otherwise)
    }

    /// Headers, behind the bracket that opens their list.
    fn headers(&mut self) -> Read<Vec<Header>> {
        let mut headers = Vec::new();
        loop {
            self.pass("[")?;
            let name = CompactString::from(&*self.text()?);
            self.pass(",")?;
            let value = if self.take("null") {
                None
            } else if self.take("{\"b64\":") {
                let value = self.base64()?;
                self.pass("}")?;
                Some(value)
            } else {
                Some(self.bytes()?)
            };
            headers.push(Header { name, value });
            if self.take("]]") {
                return Ok(headers);
            }
            self.pass("],")?;
        }
    }

    /// Facts of a protocol, which stand last.
    fn attributes(&mut self) -> Read<Attributes> {
        let end = self.text.len() - 1;
        let facts = self.text.get(self.at..end).ok_or(Otherwise)?;
        self.at = end;
        serde_json::from_str(facts).map_err(|_| Otherwise)
    }
}

/// What stands for one byte behind a backslash.
fn unescaped(letter: u8) -> Option<char> {
    Some(match letter {
        b'"' | b'\\' | b'/' => letter.into(),
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        _ => return None,
    })
}

/// How many bytes there are before the first that is a quotation mark, a backslash or a control letter: eight at a time, each
/// tested without a branch of its own.
fn plain(bytes: &[u8]) -> usize {
    const EACH: u64 = u64::MAX / 255;
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let zero_in = |word: u64| word.wrapping_sub(EACH) & !word;
        let control = word.wrapping_sub(EACH * 0x20) & !word;
        let quote = zero_in(word ^ (EACH * u64::from(b'"')));
        let backslash = zero_in(word ^ (EACH * u64::from(b'\\')));
        let found = (control | quote | backslash) & (EACH << 7);
        if found != 0 {
            return at * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let is_plain = |byte: &&u8| **byte >= 0x20 && !matches!(**byte, b'"' | b'\\');
    words.len() * 8 + rest.iter().take_while(is_plain).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::encode;
    use super::super::tests::any_event;
    use super::{decode, plain};

    fn written(event: &crate::event::Event) -> Vec<u8> {
        let mut line = Vec::new();
        encode(event, 7, &mut line);
        line
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_the_reader_of_any_json_reads(
            event in any_event(),
            changes in proptest::collection::vec(
                (any::<prop::sample::Index>(), prop_oneof![any::<u8>(), "[\"\\\\{}\\[\\]:,0-9a-z -]".prop_map(|text| text.as_bytes()[0])]),
                0..3,
            ),
        ) {
            let mut line = written(&event);
            for (at, byte) in changes {
                let at = at.index(line.len());
                line[at] = byte;
            }
            if let Some(read) = decode(&line) {
                prop_assert_eq!(super::super::decode::decode(&line, None), Ok(read));
            }
        }

        #[test]
        fn control_letters_and_marks_end_what_is_plain(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let expected = bytes.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'));
            prop_assert_eq!(plain(&bytes), expected.unwrap_or(bytes.len()));
        }
    }

    #[test]
    fn lines_as_they_are_written_are_read_here_and_others_are_not() {
        for line in [
            r#"{"n":1,"t":-5,"src":"c","v":null}"#,
            r#"{"n":1,"t":5,"src":"a\tb","part":-1,"off":3,"ts":-1,"tst":"append","k":"","v":"{\"a\":\"\\n\"}"}"#,
            r#"{"n":1,"t":5,"src":"c","ts":1,"tst":"create","k64":"/w==","v64":"/wA=","h":[["b",{"b64":"/wA="}],["n",null],["t","x"]],"m":{"qos":1.5,"deep":[{"a":"}"}]}}"#,
        ] {
            let read = decode((line.to_owned() + "\r\n").as_bytes());
            assert_eq!(Ok(read.expect(line)), super::super::decode::decode(line.as_bytes(), None));
        }
        for line in [
            r#"{"n":1,"t":5,"src":"c","v":null"#,
            r#"{"n":01,"t":5,"src":"c","v":null}"#,
            r#"{"n":1,"t":-0,"src":"c","v":null}"#,
            r#"{"n":1,"t":99999999999999999999,"src":"c","v":null}"#,
            r#"{"n":1,"t":5,"src":"c","ts":1,"v":null}"#,
            r#"{"n":1,"t":5,"src":"\u0041","v":null}"#,
            r#"{"n":1,"t":5,"src":"c","v":"","h":[]}"#,
            r#"{"n":1,"t":5,"src":"c","v":"", "h":[]}"#,
            r#"{"n":1,"t":5,"src":"c","v":"a","x":1}"#,
            r#"{"n":1,"t":5,"src":"c","v":"a"}}"#,
            "{\"n\":1,\"t\":5,\"src\":\"c\",\"v\":\"\u{1}\"}",
            "{",
            "",
        ] {
            assert_eq!(decode(line.as_bytes()), None, "{line}");
        }
    }
}
