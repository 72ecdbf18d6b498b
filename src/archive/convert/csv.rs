//! Comma-separated values (RFC 4180): one row per event, columns that keep null, empty and binary apart.

use std::io::{self, BufRead, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::Encode;
use crate::archive::import::{Events, Input, strange_columns};
use crate::event::json_lines::{Line, MAX_LINE};
use crate::event::{Attributes, BrokerTime, Event, Header, Place, TimeKind, Timestamp};

/// The columns, in order of writing.
const COLUMNS: [&str; 13] = [
    "number",
    "received_us",
    "channel",
    "partition",
    "offset",
    "time_us",
    "time_kind",
    "key",
    "key_form",
    "payload",
    "payload_form",
    "headers",
    "attributes",
];

/// Writes rows.
pub(super) struct Encoder<W: Write> {
    output: W,
    row: Vec<u8>,
}

impl<W: Write> Encoder<W> {
    pub(super) fn begin(mut output: W) -> io::Result<Self> {
        output.write_all(COLUMNS.join(",").as_bytes())?;
        output.write_all(b"\n")?;
        Ok(Self { output, row: Vec::new() })
    }
}

impl<W: Write> Encode for Encoder<W> {
    fn event(&mut self, number: u64, event: &Event) -> io::Result<()> {
        let row = &mut self.row;
        row.clear();
        row.extend_from_slice(number.to_string().as_bytes());
        plain(row, Some(event.received.0));
        text(row, &event.channel);
        plain(row, event.place.partition);
        plain(row, event.place.offset);
        plain(row, event.broker_time.map(|stamp| stamp.time.0));
        text(
            row,
            match event.broker_time.map(|stamp| stamp.kind) {
                Some(TimeKind::Create) => "create",
                Some(TimeKind::Append) => "append",
                None => "",
            },
        );
        content(row, event.key.as_deref());
        content(row, event.payload.as_deref());
        text(row, &headers_json(&event.headers));
        let attributes = if event.attributes.is_empty() {
            String::new()
        } else {
            serde_json::to_string(&event.attributes)?
        };
        text(row, &attributes);
        row.push(b'\n');
        self.output.write_all(row)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.output.flush()
    }
}

fn plain(row: &mut Vec<u8>, value: Option<impl ToString>) {
    row.push(b',');
    row.extend_from_slice(value.map(|value| value.to_string()).unwrap_or_default().as_bytes());
}

/// A field, in quotes where it must be.
fn text(row: &mut Vec<u8>, text: &str) {
    row.push(b',');
    let blank_ends = text.starts_with([' ', '\t']) || text.ends_with([' ', '\t']);
    if !blank_ends && !text.contains([',', '"', '\n', '\r']) {
        row.extend_from_slice(text.as_bytes());
        return;
    }
    row.push(b'"');
    row.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    row.push(b'"');
}

/// Bytes and the form they have in the field: `none`, `text` or `base64`.
fn content(row: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let (value, form) = match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => (String::new(), "none"),
        Some((_, Ok(text))) => (text.to_owned(), "text"),
        Some((bytes, Err(_))) => (STANDARD.encode(bytes), "base64"),
    };
    text(row, &value);
    text(row, form);
}

/// Headers as the lines of archives have them; nothing when there are none.
fn headers_json(headers: &[Header]) -> String {
    if headers.is_empty() {
        return String::new();
    }
    let pairs = headers.iter().map(|header| {
        let value = match header.value.as_deref().map(|bytes| (bytes, std::str::from_utf8(bytes))) {
            None => serde_json::Value::Null,
            Some((_, Ok(text))) => text.into(),
            Some((bytes, Err(_))) => serde_json::json!({ "b64": STANDARD.encode(bytes) }),
        };
        serde_json::json!([header.name, value])
    });
    serde_json::Value::from(pairs.collect::<Vec<_>>()).to_string()
}

/// Reads rows. The first one names the columns, which may come in any order; of ours only `channel` and `payload` must be
/// there, others are passed over.
pub(in crate::archive) struct Rows {
    input: Input,
    line: u64,
    /// For each column of [`COLUMNS`] its place in the row.
    places: Option<[Option<usize>; COLUMNS.len()]>,
    /// How many columns the first row names, and those among them that an event has no place for.
    width: usize,
    strange: Vec<String>,
    arrival: Timestamp,
    fields: Fields,
}

/// The fields of one row, in one buffer.
#[derive(Default)]
struct Fields {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Fields {
    fn get(&self, place: usize) -> Option<&[u8]> {
        let end = *self.ends.get(place)?;
        let begin = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[begin..end])
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }
}

impl Rows {
    pub(in crate::archive) fn new(input: Input, arrival: Timestamp) -> Self {
        let (places, strange, fields) = (None, Vec::new(), Fields::default());
        Self { input, line: 1, places, width: 0, strange, arrival, fields }
    }

    /// Reads one row into `fields`; the line it begins at, or `None` at the end.
    fn read_row(&mut self) -> io::Result<Option<u64>> {
        self.fields.clear();
        let begun = self.line;
        let (mut quoted, mut after_quote, mut any) = (false, false, false);
        loop {
            let bytes = self.input.fill_buf()?;
            let Some(&byte) = bytes.first() else {
                return self.last_row(any, quoted.then_some(begun)).map(|found| found.then_some(begun));
            };
            // Most bytes stand for themselves: they are taken together.
            let run = if quoted {
                memchr::memchr2(b'"', b'\n', bytes).unwrap_or(bytes.len())
            } else if after_quote {
                0
            } else {
                let stop = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
                bytes.iter().position(stop).unwrap_or(bytes.len())
            };
            if run > 0 {
                self.fields.text.extend_from_slice(&bytes[..run]);
                self.input.consume(run);
                any = true;
                self.check_size()?;
                continue;
            }
            self.input.consume(1);
            any = true;
            self.line += u64::from(byte == b'\n');
            match byte {
                b'"' if quoted => (quoted, after_quote) = (false, true),
                _ if quoted => self.fields.text.push(byte),
                b'"' if after_quote => {
                    self.fields.text.push(byte);
                    (quoted, after_quote) = (true, false);
                }
                b'"' => quoted = true,
                b',' => {
                    self.fields.ends.push(self.fields.text.len());
                    after_quote = false;
                }
                b'\n' => {
                    self.fields.ends.push(self.fields.text.len());
                    return Ok(Some(begun));
                }
                // Before a line feed it is a part of the end of the row.
                b'\r' if self.input.fill_buf()?.first() == Some(&b'\n') => {}
                _ => self.fields.text.push(byte),
            }
        }
    }

    /// What stands before the end of the input; `unclosed` is the line of a row that ends inside quotes.
    fn last_row(&mut self, any: bool, unclosed: Option<u64>) -> io::Result<bool> {
        if let Some(line) = unclosed {
            let words = format!("the last field has no closing quote, in the row that begins at line {line}");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, words));
        }
        if any {
            self.fields.ends.push(self.fields.text.len());
        }
        Ok(any)
    }

    fn check_size(&self) -> io::Result<()> {
        if self.fields.text.len() > 2 * MAX_LINE {
            let words = format!("the row at line {} takes more than {} MiB", self.line, (2 * MAX_LINE) >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, words));
        }
        Ok(())
    }

    fn read_columns(&mut self) -> io::Result<[Option<usize>; COLUMNS.len()]> {
        let mut places = [None; COLUMNS.len()];
        if self.read_row()?.is_none() {
            return Ok(places);
        }
        for (place, known) in places.iter_mut().zip(COLUMNS) {
            // Spreadsheets put a byte order mark before the first name.
            let is_it = |at: &usize| {
                let name = self.fields.get(*at).unwrap_or_default();
                name.strip_prefix("\u{feff}".as_bytes()).unwrap_or(name) == known.as_bytes()
            };
            *place = (0..self.fields.ends.len()).find(is_it);
        }
        if places[2].is_none() || places[9].is_none() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "its first row does not name the columns `channel` and `payload`",
            ));
        }
        self.width = self.fields.ends.len();
        let strange = (0..self.width).filter(|at| !places.contains(&Some(*at)));
        let names = strange.filter_map(|at| self.fields.get(at)).map(String::from_utf8_lossy);
        self.strange = names.filter(|name| !name.is_empty()).map(|name| format!("`{name}`")).collect();
        Ok(places)
    }
}

impl Events for Rows {
    fn next(&mut self) -> io::Result<Option<(u64, Result<Line, String>)>> {
        let places = match self.places {
            Some(places) => places,
            None => self.read_columns()?,
        };
        self.places = Some(places);
        loop {
            let Some(line) = self.read_row()? else {
                return Ok(None);
            };
            let found = self.fields.ends.len();
            if found == 1 && self.fields.text.is_empty() {
                continue;
            }
            // A row that is cut off must not become another event.
            let event = if found == self.width {
                Row { fields: &self.fields, places: &places }.event(self.arrival)
            } else {
                let fields = if found == 1 { "field" } else { "fields" };
                Err(format!("it has {found} {fields}, and there are {} columns", self.width))
            };
            return Ok(Some((line, event)));
        }
    }

    fn lost(&self) -> Option<String> {
        strange_columns(&self.strange)
    }
}

/// One row and what its columns are.
struct Row<'a> {
    fields: &'a Fields,
    places: &'a [Option<usize>; COLUMNS.len()],
}

impl Row<'_> {
    fn text(&self, column: usize) -> Result<&str, String> {
        let bytes = self.places[column].and_then(|place| self.fields.get(place)).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|_| format!("`{}` is no UTF-8", COLUMNS[column]))
    }

    fn number<T: std::str::FromStr>(&self, column: usize) -> Result<Option<T>, String> {
        let text = self.text(column)?;
        if text.is_empty() {
            return Ok(None);
        }
        let read = text.parse().map_err(|_| format!("`{}` is no number: `{text}`", COLUMNS[column]))?;
        Ok(Some(read))
    }

    /// Bytes of a field by the form in the column behind it; `default` stands where that is missing.
    fn content(&self, column: usize, default: &str) -> Result<Option<Bytes>, String> {
        let text = self.text(column)?;
        let form = if self.places[column + 1].is_none() { default } else { self.text(column + 1)? };
        match form {
            "none" => Ok(None),
            "" if text.is_empty() => Ok(None),
            "" | "text" => Ok(Some(Bytes::copy_from_slice(text.as_bytes()))),
            "base64" => {
                let bytes = STANDARD.decode(text);
                bytes
                    .map(|bytes| Some(bytes.into()))
                    .map_err(|error| format!("`{}` is not base64: {error}", COLUMNS[column]))
            }
            other => {
                Err(format!("`{}` is neither `none` nor `text` nor `base64`: `{other}`", COLUMNS[column + 1]))
            }
        }
    }

    fn event(&self, arrival: Timestamp) -> Result<Line, String> {
        let kind = match self.text(6)? {
            "" | "create" => TimeKind::Create,
            "append" => TimeKind::Append,
            other => return Err(format!("`time_kind` is neither `create` nor `append`: `{other}`")),
        };
        let event = Event {
            channel: self.text(2)?.into(),
            key: self.content(7, "")?,
            payload: self.content(9, "text")?,
            headers: headers(self.text(11)?)?,
            received: self.number(1)?.map_or(arrival, Timestamp),
            broker_time: self.number(5)?.map(|time| BrokerTime { time: Timestamp(time), kind }),
            place: Place { partition: self.number(3)?, offset: self.number(4)? },
            attributes: match self.text(12)? {
                "" => Attributes::default(),
                text => serde_json::from_str(text).map_err(|error| format!("`attributes`: {error}"))?,
            },
        };
        Ok(Line { number: self.number(0)?, event })
    }
}

/// Headers as [`headers_json`] writes them.
fn headers(text: &str) -> Result<Vec<Header>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    // The reader of event lines knows this form.
    let line = format!("{{\"src\":\"\",\"v\":null,\"h\":{text}}}");
    let read = crate::event::json_lines::decode(line.as_bytes(), Some(Timestamp(0)));
    read.map(|line| line.event.headers).map_err(|error| format!("`headers`: {}", error.message))
}
