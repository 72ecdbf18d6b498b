//! A batch of CloudEvents in JSON, with what CloudEvents have no place for in an extension attribute.

use std::io::{self, BufRead, Write};

use super::Encode;
use crate::archive::import::{Events, Input};
use crate::event::cloud_event::{CloudEvent, Form, form};
use crate::event::json_lines::{self, Line, MAX_LINE};
use crate::event::{Event, Timestamp};

/// The extension attribute with the event line of an archive, without a payload that `data` has byte by byte.
const ENVELOPE: &str = "eddyenvelope";

/// Writes the list.
pub(super) struct Encoder<W: Write> {
    output: W,
    begun: bool,
    line: Vec<u8>,
}

impl<W: Write> Encoder<W> {
    pub(super) fn new(output: W) -> Self {
        Self { output, begun: false, line: Vec::new() }
    }
}

impl<W: Write> Encode for Encoder<W> {
    fn event(&mut self, number: u64, event: &Event) -> io::Result<()> {
        self.output.write_all(if self.begun { b",\n" } else { b"[\n" })?;
        self.begun = true;
        let element = cloud_event(event);
        let mut json = element.to_json();
        let comes_back = CloudEvent::from_json(&json).is_ok_and(|read| read.data == event.payload);
        self.line.clear();
        if comes_back {
            json_lines::encode(&Event { payload: None, ..event.clone() }, number, &mut self.line);
        } else {
            json_lines::encode(event, number, &mut self.line);
        }
        json.pop();
        self.output.write_all(&json)?;
        write!(self.output, ",\"{ENVELOPE}\":{}}}", serde_json::Value::from(escaped(&self.line)))
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.output.write_all(if self.begun { b"\n]\n" } else { b"[]\n" })?;
        self.output.flush()
    }
}

/// What the event is as a CloudEvent: its own attributes where it is one, made-up ones where it is none.
fn cloud_event(event: &Event) -> CloudEvent {
    let found = match form(event) {
        Some(Form::Binary(prefix)) => CloudEvent::from_headers(event, prefix).map(|(found, _)| found).ok(),
        Some(Form::Structured) => {
            event.payload.as_deref().and_then(|payload| CloudEvent::from_json(payload).ok())
        }
        None => None,
    };
    let mut found = found.unwrap_or_else(|| CloudEvent::wrap(event));
    found.take(ENVELOPE);
    found.add_key(event.key.as_ref());
    found
}

/// A JSON text in which characters that an attribute must not have (CloudEvents 1.0.2, type system: control characters and
/// what is no character) are written as escapes, which mean the same there.
fn escaped(json: &[u8]) -> String {
    use std::fmt::Write as _;

    let text = String::from_utf8_lossy(json);
    let refused = |letter: char| {
        letter.is_control()
            || (0xfdd0..=0xfdef).contains(&u32::from(letter))
            || u32::from(letter) & 0xfffe == 0xfffe
    };
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if refused(letter) {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                // A text cannot refuse.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(letter);
        }
    }
    out
}

/// Reads the elements of a list one by one, in bounded memory.
pub(in crate::archive) struct Elements {
    input: Input,
    line: u64,
    place: Place,
    arrival: Timestamp,
    text: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the bracket.
    Before,
    /// Where an element may begin.
    Inside,
    After,
}

impl Elements {
    pub(in crate::archive) fn new(input: Input, arrival: Timestamp) -> Self {
        Self { input, line: 1, place: Place::Before, arrival, text: Vec::new() }
    }

    /// Reads the next element into `text`; the line it begins at, or `None` behind the last one.
    fn read_element(&mut self) -> io::Result<Option<u64>> {
        self.text.clear();
        let (mut depth, mut in_string, mut escape) = (0_u32, false, false);
        let mut begun = self.line;
        loop {
            let Some(&byte) = self.input.fill_buf()?.first() else {
                return match self.place {
                    Place::After => Ok(None),
                    _ => Err(malformed(self.line, "the list of CloudEvents has no end")),
                };
            };
            self.input.consume(1);
            self.line += u64::from(byte == b'\n');
            if depth == 0 {
                match (byte, self.place) {
                    (b' ' | b'\t' | b'\r' | b'\n', _) | (b',', Place::Inside) => continue,
                    (b'[', Place::Before) => {
                        self.place = Place::Inside;
                        continue;
                    }
                    (b']', Place::Inside) => {
                        self.place = Place::After;
                        continue;
                    }
                    (b'{', Place::Inside) => begun = self.line,
                    _ => return Err(malformed(self.line, "it is no list of CloudEvents in JSON")),
                }
            }
            self.text.push(byte);
            match byte {
                _ if escape => escape = false,
                b'\\' if in_string => escape = true,
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(Some(begun));
            }
            if self.text.len() > 3 * MAX_LINE {
                return Err(malformed(begun, "a CloudEvent is larger than an event may be"));
            }
        }
    }

    fn event(&self) -> Result<Line, String> {
        let mut element = CloudEvent::from_json(&self.text).map_err(|malformed| malformed.0)?;
        let Some(envelope) = element.take(ENVELOPE) else {
            return Ok(Line { number: None, event: foreign(&element, &self.text, self.arrival) });
        };
        let line = envelope.as_str().unwrap_or_default();
        let mut line = json_lines::decode(line.as_bytes(), Some(self.arrival))
            .map_err(|error| format!("its attribute `{ENVELOPE}`: {}", error.message))?;
        if line.event.payload.is_none() {
            line.event.payload = element.data;
        }
        Ok(line)
    }
}

impl Events for Elements {
    fn next(&mut self) -> io::Result<Option<(u64, Result<Line, String>)>> {
        let Some(line) = self.read_element()? else {
            return Ok(None);
        };
        Ok(Some((line, self.event())))
    }
}

fn malformed(line: u64, words: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{words} (line {line})"))
}

/// The CloudEvent of somebody else: it stays whole, as one in structured form, on the channel that is its type.
fn foreign(element: &CloudEvent, text: &[u8], arrival: Timestamp) -> Event {
    let mut event = Event {
        channel: element.text("type").unwrap_or_default().into(),
        payload: Some(bytes::Bytes::copy_from_slice(text)),
        received: element.time().unwrap_or(arrival),
        ..Event::default()
    };
    element.tell(&mut event);
    event.attributes.insert("content_type".to_owned(), "application/cloudevents+json".into());
    event
}
