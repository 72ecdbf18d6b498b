//! A stream cut into chunks of whole events: lines, the items of a JSON list, JSON values over several lines, or the
//! events of an archive. What does not fit into memory is passed over and named.

use std::io::{self, Read};
use std::ops::Range;

use super::StreamError;
use super::split::{Form, Splitter};
use crate::archive::Reader;
use crate::event::{Event, json_lines};

/// Bytes of text a chunk aims at.
const TARGET: usize = 256 * 1024;
/// Bytes asked for at once.
const STEP: usize = 64 * 1024;
/// Events of a chunk out of an archive.
const EVENTS: usize = 512;

/// What stands between events that should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A line, or a value, larger than any event may be.
    TooLong,
    /// A list without its closing bracket.
    Unclosed,
    /// Something after the closing bracket of a list.
    AfterList,
}

/// Where the events of a chunk are.
#[derive(Debug)]
pub(super) enum Content {
    /// One on every line of the text.
    Lines,
    /// At these places of the text.
    Values(Vec<Range<usize>>),
    /// Here, read already, each with its line.
    Events(Vec<(u64, Event)>),
}

/// Some events on end.
#[derive(Debug)]
pub struct Chunk {
    pub(super) text: Vec<u8>,
    pub(super) content: Content,
    /// Bytes of the stream before the text.
    pub(super) offset: u64,
    /// What is wrong at the end of the text.
    pub(super) flaw: Option<Flaw>,
    /// Line feeds passed over after the text.
    pub(super) skipped_lines: u64,
    /// Whether the stream ends with this text.
    pub(super) is_last: bool,
}

impl Chunk {
    /// Events that were read by somebody else, with the lines, or the numbers, they have there.
    #[must_use]
    pub fn of_events(events: Vec<(u64, Event)>) -> Self {
        Self::new(Vec::new(), Content::Events(events), 0)
    }

    fn new(text: Vec<u8>, content: Content, offset: u64) -> Self {
        Self { text, content, offset, flaw: None, skipped_lines: 0, is_last: false }
    }
}

/// Where chunks come from.
pub trait Chunks: Send {
    /// The next chunk; `None` after the last.
    ///
    /// # Errors
    /// When the stream cannot be read any further.
    fn next_chunk(&mut self) -> Result<Option<Chunk>, StreamError>;
}

/// Text as it comes.
pub(super) struct Text {
    name: String,
    input: Box<dyn Read + Send>,
    /// Text read and not given out.
    buffer: Vec<u8>,
    /// Bytes given out or passed over.
    offset: u64,
    ended: bool,
    /// Whether little came the last time, as from a pipe somebody types into: what is there is passed on at once.
    is_slow: bool,
    mode: Option<Mode>,
    longest: usize,
}

enum Mode {
    Lines,
    Values(Splitter),
    /// Nothing more is read after this.
    Done,
}

impl Text {
    /// Reads text that begins with what has been read of it already.
    pub(super) fn new(name: String, begin: Vec<u8>, input: Box<dyn Read + Send>) -> Self {
        let longest = json_lines::MAX_LINE;
        Self { name, input, buffer: begin, offset: 0, ended: false, is_slow: false, mode: None, longest }
    }

    /// Reads more.
    fn fill(&mut self) -> Result<(), StreamError> {
        let before = self.buffer.len();
        self.buffer.resize(before + STEP, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(before + read.as_ref().copied().unwrap_or(0));
        let read = read.map_err(|source| StreamError::Read { name: self.name.clone(), source })?;
        self.ended = read == 0;
        self.is_slow = read < STEP / 16;
        Ok(())
    }

    /// Reads until the form of the text can be told by its beginning.
    fn detect(&mut self) -> Result<Mode, StreamError> {
        loop {
            let mut rest = self.buffer.as_slice();
            if let Some(without_mark) = rest.strip_prefix("\u{feff}".as_bytes()) {
                rest = without_mark;
            }
            let rest = rest.trim_ascii_start();
            match rest.first() {
                Some(b'[') => return Ok(Mode::Values(Splitter::new(Form::List))),
                Some(b'{') => {
                    if let Some(spreads) = spreads_over_lines(rest) {
                        return Ok(if spreads {
                            Mode::Values(Splitter::new(Form::Sequence))
                        } else {
                            Mode::Lines
                        });
                    }
                }
                Some(_) => return Ok(Mode::Lines),
                None => {}
            }
            if self.ended || self.buffer.len() > TARGET {
                return Ok(Mode::Lines);
            }
            self.fill()?;
        }
    }

    /// Takes the text up to `end` out of the buffer.
    fn give(&mut self, end: usize, content: Content) -> Chunk {
        let rest = self.buffer.split_off(end);
        let text = std::mem::replace(&mut self.buffer, rest);
        self.buffer.reserve(TARGET);
        let offset = self.offset;
        self.offset += text.len() as u64;
        Chunk { is_last: self.ended && self.buffer.is_empty(), ..Chunk::new(text, content, offset) }
    }

    fn lines(&mut self) -> Result<Option<Chunk>, StreamError> {
        let mut searched = 0;
        let mut last = None;
        loop {
            if let Some(at) = memchr::memrchr(b'\n', &self.buffer[searched..]) {
                last = Some(searched + at + 1);
            }
            searched = self.buffer.len();
            let is_enough = last.is_some() && (searched >= TARGET || self.is_slow);
            if is_enough || self.ended {
                break;
            }
            if searched > self.longest && last.is_none() {
                return self.long_line().map(Some);
            }
            self.fill()?;
        }
        let end = match last {
            Some(end) if !self.ended => end,
            _ => self.buffer.len(),
        };
        if end == 0 {
            return Ok(None);
        }
        Ok(Some(self.give(end, Content::Lines)))
    }

    /// Passes over a line that is too long, in bounded memory.
    fn long_line(&mut self) -> Result<Chunk, StreamError> {
        let mut chunk = Chunk::new(Vec::new(), Content::Lines, self.offset);
        chunk.flaw = Some(Flaw::TooLong);
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer) {
                self.buffer.drain(..=at);
                self.offset += at as u64 + 1;
                chunk.skipped_lines = 1;
                return Ok(chunk);
            }
            self.offset += self.buffer.len() as u64;
            self.buffer.clear();
            if self.ended {
                return Ok(chunk);
            }
            self.fill()?;
        }
    }

    fn values(&mut self, mut splitter: Splitter) -> Result<Option<Chunk>, StreamError> {
        let mut values = Vec::new();
        loop {
            splitter.advance(&self.buffer, &mut values);
            let is_enough = !values.is_empty() && (self.buffer.len() >= TARGET || self.is_slow);
            if is_enough || self.ended || splitter.stray.is_some() {
                break;
            }
            if self.buffer.len() > self.longest {
                return Ok(Some(self.end(values, Some(Flaw::TooLong))));
            }
            self.fill()?;
        }
        if splitter.stray.is_some() {
            return Ok(Some(self.end_at(splitter.stray, values, Some(Flaw::AfterList))));
        }
        if self.ended {
            values.extend(splitter.unfinished().map(|from| from..self.buffer.len()));
            let flaw = (splitter.is_balanced() && !splitter.may_end()).then_some(Flaw::Unclosed);
            return Ok((!values.is_empty() || flaw.is_some()).then(|| self.end(values, flaw)));
        }
        let end = splitter.unfinished().unwrap_or(splitter.place());
        splitter.forget(end);
        self.mode = Some(Mode::Values(splitter));
        Ok(Some(self.give(end, Content::Values(values))))
    }

    fn end(&mut self, values: Vec<Range<usize>>, flaw: Option<Flaw>) -> Chunk {
        self.end_at(None, values, flaw)
    }

    /// The last chunk of a list.
    fn end_at(&mut self, at: Option<usize>, values: Vec<Range<usize>>, flaw: Option<Flaw>) -> Chunk {
        let end = match flaw {
            // What was read of a value too long is not worth keeping.
            Some(Flaw::TooLong) => values.last().map_or(0, |last| last.end),
            _ => at.unwrap_or(self.buffer.len()),
        };
        let mut chunk = self.give(end, Content::Values(values));
        chunk.flaw = flaw;
        self.mode = Some(Mode::Done);
        chunk
    }
}

impl Chunks for Text {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, StreamError> {
        let mode = match self.mode.take() {
            Some(mode) => mode,
            None => self.detect()?,
        };
        match mode {
            Mode::Lines => {
                self.mode = Some(Mode::Lines);
                self.lines()
            }
            Mode::Values(splitter) => {
                self.mode = Some(Mode::Done);
                self.values(splitter)
            }
            Mode::Done => {
                self.mode = Some(Mode::Done);
                Ok(None)
            }
        }
    }
}

/// Whether a JSON value goes on after its first line, told once the line after it has begun. A first line that is
/// merely cut off is followed by one that begins a value of its own.
fn spreads_over_lines(text: &[u8]) -> Option<bool> {
    let end = memchr::memchr(b'\n', text)?;
    let mut splitter = Splitter::new(Form::Sequence);
    splitter.advance(&text[..end], &mut Vec::new());
    if splitter.unfinished().is_none() {
        return Some(false);
    }
    let next = text[end..].iter().find(|byte| !byte.is_ascii_whitespace())?;
    Some(*next != b'{')
}

/// The events of an archive.
pub(super) struct Archive(pub Reader);

impl Chunks for Archive {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, StreamError> {
        let mut events = Vec::with_capacity(EVENTS);
        while events.len() < EVENTS {
            let Some(line) = self.0.next_line()? else { break };
            events.push((self.0.line_number(), line.event));
        }
        Ok((!events.is_empty()).then(|| Chunk::of_events(events)))
    }
}
