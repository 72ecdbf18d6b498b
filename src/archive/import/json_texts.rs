//! Input made of JSON objects: one per line or message, or one after another over several lines.

use std::io;

use super::{Events, Input, read_until};
use crate::event::Event;
use crate::event::json_lines::Line;

type Decoded = io::Result<Option<(u64, Result<Line, String>)>>;

/// An event whose number the format does not know.
pub(super) fn unnumbered(event: Event) -> Line {
    Line { number: None, event }
}

/// One object per line, or per message with a zero byte behind it.
pub(super) struct Lines<D> {
    input: Input,
    end: u8,
    line: u64,
    decode: D,
    text: Vec<u8>,
}

impl<D: FnMut(&[u8]) -> Result<Event, String>> Lines<D> {
    pub(super) fn new(input: Input, decode: D) -> Self {
        Self { input, end: b'\n', line: 0, decode, text: Vec::new() }
    }

    /// Objects with a zero byte behind each; line breaks do as well.
    pub(super) fn of_messages(input: Input, decode: D) -> Self {
        Self { end: 0, ..Self::new(input, decode) }
    }
}

impl<D: FnMut(&[u8]) -> Result<Event, String>> Events for Lines<D> {
    fn next(&mut self) -> Decoded {
        loop {
            self.text.clear();
            if !read_until(&mut self.input, self.end, &mut self.text)? {
                return Ok(None);
            }
            self.line += 1;
            let text = self.text.strip_suffix(&[self.end]).unwrap_or(&self.text).trim_ascii();
            if !text.is_empty() {
                let decoded = (self.decode)(text);
                // The line of the input is told beside it.
                return Ok(Some((
                    self.line,
                    decoded
                        .map(unnumbered)
                        .map_err(|reason| reason.replace(" at line 1 column ", " at column ")),
                )));
            }
        }
    }
}

/// Objects that may go over several lines, each beginning at the left edge. One that is broken costs no other.
pub(super) struct Objects<D> {
    input: Input,
    line: u64,
    decode: D,
    /// The first line of the next object, when it was read already.
    ahead: Option<Vec<u8>>,
}

impl<D: FnMut(&[u8]) -> Result<Event, String>> Objects<D> {
    pub(super) fn new(input: Input, decode: D) -> Self {
        Self { input, line: 0, decode, ahead: None }
    }

    /// The next line that is not blank.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(line) = self.ahead.take() {
            return Ok(Some(line));
        }
        loop {
            let mut line = Vec::new();
            if !read_until(&mut self.input, b'\n', &mut line)? {
                return Ok(None);
            }
            self.line += 1;
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

impl<D: FnMut(&[u8]) -> Result<Event, String>> Events for Objects<D> {
    fn next(&mut self) -> Decoded {
        let Some(mut text) = self.line()? else {
            return Ok(None);
        };
        let begun = self.line;
        // A pretty-printed object has its first brace alone on a line, and its last one at the left edge.
        if text.trim_ascii() == b"{" {
            while let Some(line) = self.line()? {
                if line.first() == Some(&b'{') {
                    self.ahead = Some(line);
                    break;
                }
                text.extend_from_slice(&line);
                if line.first() == Some(&b'}') {
                    break;
                }
                if text.len() > crate::event::json_lines::MAX_LINE {
                    break;
                }
            }
        }
        Ok(Some((begun, (self.decode)(text.trim_ascii()).map(unnumbered))))
    }
}
