//! Bytes of a file or stream into text, frame by frame, in bounded memory. It knows frames, not lines.

use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use super::ArchiveError;
use super::frame::{self, Start};
use super::storage::Seekable;

const BUFFER: usize = 128 * 1024;
/// What some editors write before text; it says nothing in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where the bytes come from.
pub(super) enum Input {
    File(Box<dyn Seekable>),
    Stream(Box<dyn Read + Send>),
}

/// What one step gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Text was appended; whether it may be trusted already, because its frame is whole and its checksum right.
    Text { trusted: bool },
    /// A frame without text was passed.
    Skipped,
    /// Nothing more.
    End,
}

/// The kind of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Not known before the first bytes.
    Unknown,
    Frames,
    Plain,
}

/// Where in the frames reading stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Between,
    Inside { text: Option<u64>, checked: bool },
}

/// Reads frames, or plain text as it comes.
pub(super) struct FrameReader {
    name: String,
    input: Input,
    buffer: Box<[u8]>,
    filled: Range<usize>,
    decoder: Decoder<'static>,
    form: Form,
    state: State,
    /// Bytes taken from the input so far.
    offset: u64,
    frame_at: u64,
    /// Where to look for the next frame when this one is damaged.
    search_from: u64,
    /// The frame before had no data, so that nothing proved its length.
    behind_skippable: bool,
    frames: u64,
    /// Bytes of text of the present frame so far.
    frame_text: u64,
    /// The frames passed so far, when somebody wants to know.
    seen: Option<Vec<SeenFrame>>,
    /// The frames worth reading, when the index told.
    plan: Option<VecDeque<PlannedFrame>>,
}

/// A whole frame that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeenFrame {
    /// Its first byte.
    pub at: u64,
    /// Its bytes.
    pub len: u64,
    /// Its bytes of text; `None` for a skippable one.
    pub text: Option<u64>,
}

/// A frame worth reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlannedFrame {
    /// Its first byte.
    pub at: u64,
    /// Its number, from 1.
    pub number: u64,
}

impl FrameReader {
    /// # Errors
    /// When the decoder cannot be made.
    pub(super) fn new(name: String, input: Input) -> Result<Self, ArchiveError> {
        let decoder = Decoder::new().map_err(|source| ArchiveError::Read { name: name.clone(), source })?;
        Ok(Self {
            name,
            input,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            filled: 0..0,
            decoder,
            form: Form::Unknown,
            state: State::Between,
            offset: 0,
            frame_at: 0,
            search_from: 1,
            behind_skippable: false,
            frames: 0,
            frame_text: 0,
            seen: None,
            plan: None,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the bytes are zstd frames; known after the first step.
    pub(super) fn has_frames(&self) -> bool {
        self.form == Form::Frames
    }

    /// Bytes passed so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Number of the present frame, from 1, and its first byte.
    pub(super) fn position(&self) -> (u64, u64) {
        (self.frames, self.frame_at)
    }

    /// Bytes of text the present frame says it holds.
    pub(super) fn promised(&self) -> Option<u64> {
        match self.state {
            State::Inside { text, .. } => text,
            State::Between => None,
        }
    }

    /// The file itself, to look at its end; reading must be taken up by [`Self::reposition`].
    pub(super) fn file(&mut self) -> Option<&mut dyn Seekable> {
        match &mut self.input {
            Input::File(file) => Some(file.as_mut()),
            Input::Stream(_) => None,
        }
    }

    /// From here on reads only these frames, which are in order; those passed already are left out.
    pub(super) fn keep_to(&mut self, plan: VecDeque<PlannedFrame>) {
        self.plan = Some(plan);
    }

    /// Keeps a list of the frames from here on.
    pub(super) fn watch_frames(&mut self) {
        self.seen = Some(Vec::new());
    }

    /// The list of [`Self::watch_frames`].
    pub(super) fn seen(&self) -> &[SeenFrame] {
        self.seen.as_deref().unwrap_or_default()
    }

    /// Puts the file back to where reading stood.
    pub(super) fn reposition(&mut self) -> Result<(), ArchiveError> {
        self.seek_to(self.offset)
    }

    /// Appends a piece of text, or passes a frame without any.
    ///
    /// # Errors
    /// When the input fails, or a frame is cut off or damaged.
    pub(super) fn step(&mut self, text: &mut Vec<u8>) -> Result<Step, ArchiveError> {
        if self.form == Form::Unknown {
            self.tell_form()?;
        }
        match (self.form, self.state) {
            (Form::Frames, State::Between) => self.begin_frame(),
            (Form::Frames, State::Inside { .. }) => self.decode(text),
            _ => self.plain(text),
        }
    }

    fn tell_form(&mut self) -> Result<(), ArchiveError> {
        self.fill(4)?;
        if self.buffer[self.filled.clone()].starts_with(BYTE_ORDER_MARK) {
            self.take(BYTE_ORDER_MARK.len());
            self.fill(4)?;
        }
        let first = &self.buffer[self.filled.clone()];
        self.form = match first {
            [] => Form::Plain,
            [b'{' | b' ' | b'\t' | b'\r' | b'\n', ..] if !frame::hides_frames(first) => Form::Plain,
            _ if frame::looks_like_frames(first) => Form::Frames,
            _ => {
                let found =
                    first.iter().take(4).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
                return Err(ArchiveError::Foreign { name: self.name.clone(), found });
            }
        };
        Ok(())
    }

    fn plain(&mut self, text: &mut Vec<u8>) -> Result<Step, ArchiveError> {
        self.fill(1)?;
        if self.filled.is_empty() {
            return Ok(Step::End);
        }
        text.extend_from_slice(&self.buffer[self.filled.clone()]);
        self.take(self.filled.len());
        Ok(Step::Text { trusted: true })
    }

    fn begin_frame(&mut self) -> Result<Step, ArchiveError> {
        if !self.go_to_planned()? {
            return Ok(Step::End);
        }
        self.fill(frame::LONGEST_HEADER)?;
        if self.filled.is_empty() {
            return Ok(Step::End);
        }
        self.frame_at = self.offset;
        self.frame_text = 0;
        self.frames += 1;
        let behind_skippable = std::mem::take(&mut self.behind_skippable);
        match frame::start(&self.buffer[self.filled.clone()]) {
            Some(Start::Data { text, checked }) => {
                self.search_from = self.frame_at + 1;
                self.state = State::Inside { text, checked };
                Ok(Step::Skipped)
            }
            Some(Start::Skippable { magic, length }) => {
                self.search_from = frame::behind_header(magic, self.frame_at);
                self.skip(frame::SKIPPABLE_HEADER as u64 + u64::from(length))?;
                self.behind_skippable = true;
                self.end_frame(None);
                Ok(Step::Skipped)
            }
            None if self.filled.len() < 4 => Err(self.truncated()),
            None => {
                // The length of a frame without data may be what is damaged: then frames were passed over with it.
                if !behind_skippable {
                    self.search_from = self.frame_at + 1;
                }
                Err(self.damaged("no zstd frame begins here"))
            }
        }
    }

    /// Goes to the next frame of the plan; false when the plan has no more.
    fn go_to_planned(&mut self) -> Result<bool, ArchiveError> {
        let Some(plan) = &mut self.plan else {
            return Ok(true);
        };
        while plan.front().is_some_and(|planned| planned.at < self.offset) {
            plan.pop_front();
        }
        let Some(planned) = plan.pop_front() else {
            return Ok(false);
        };
        if planned.at > self.offset {
            self.seek_to(planned.at)?;
            self.frames = planned.number - 1;
        }
        Ok(true)
    }

    fn decode(&mut self, text: &mut Vec<u8>) -> Result<Step, ArchiveError> {
        self.fill(1)?;
        let mut input = InBuffer::around(&self.buffer[self.filled.clone()]);
        let at_end = self.filled.is_empty();
        let known = text.len();
        text.reserve(BUFFER);
        let unpacked = self.decoder.run(&mut input, &mut OutBuffer::around_pos(text, known));
        let read = input.pos();
        let remaining = match unpacked {
            Ok(remaining) => remaining,
            Err(error) => {
                text.truncate(known);
                return Err(self.not_unpacked(&error));
            }
        };
        let written = text.len() - known;
        // At the end of the input the decoder may still hold text of the last block.
        if at_end && written == 0 && remaining != 0 {
            return Err(self.truncated());
        }
        self.take(read);
        self.frame_text += written as u64;
        if remaining == 0 {
            self.refuse_lost_checksum()?;
            self.state = State::Between;
            self.end_frame(Some(self.frame_text));
        }
        Ok(Step::Text { trusted: remaining == 0 })
    }

    /// Where a frame says that no checksum ends it, and no frame follows, the saying is what is damaged. Only where frames
    /// are watched: a stream must not wait for what may never come.
    fn refuse_lost_checksum(&mut self) -> Result<(), ArchiveError> {
        if self.seen.is_none() || !matches!(self.state, State::Inside { checked: false, .. }) {
            return Ok(());
        }
        self.fill(4)?;
        let follows = &self.buffer[self.filled.clone()];
        if follows.is_empty() || frame::start(follows).is_some() {
            return Ok(());
        }
        Err(self.damaged("its checksum is not where it should be"))
    }

    fn end_frame(&mut self, text: Option<u64>) {
        let seen = SeenFrame { at: self.frame_at, len: self.offset - self.frame_at, text };
        if let Some(list) = &mut self.seen {
            list.push(seen);
        }
    }

    /// After a damaged frame: goes on at the next place that looks like a frame with data.
    ///
    /// # Errors
    /// When the input fails.
    pub(super) fn recover(&mut self) -> Result<(), ArchiveError> {
        self.decoder.reinit().map_err(|source| self.read_error(source))?;
        self.state = State::Between;
        self.form = Form::Frames;
        self.behind_skippable = false;
        self.seek_to(self.search_from)?;
        loop {
            self.fill(BUFFER)?;
            let bytes = &self.buffer[self.filled.clone()];
            let (step, found) = match frame::find(bytes) {
                Some(place) => (place, true),
                None if bytes.len() < BUFFER => (bytes.len(), true),
                None => (bytes.len() - frame::FIND_OVERLAP, false),
            };
            self.take(step);
            if found {
                return Ok(());
            }
        }
    }

    /// After a frame that seems to be cut off: goes on at the next frame that is whole. False, and at the end, where none is:
    /// then the file does end in this one.
    ///
    /// # Errors
    /// When the input fails.
    pub(super) fn find_whole(&mut self) -> Result<bool, ArchiveError> {
        let (frame_at, frames, seen) = (self.frame_at, self.frames, self.seen.take());
        let found = loop {
            self.recover()?;
            self.fill(1)?;
            if self.filled.is_empty() {
                break false;
            }
            let place = self.offset;
            if self.is_whole_here()? {
                self.decoder.reinit().map_err(|source| self.read_error(source))?;
                (self.state, self.behind_skippable) = (State::Between, false);
                self.seek_to(place)?;
                break true;
            }
            self.search_from = place + 1;
        };
        (self.frame_at, self.frames, self.seen) = (frame_at, frames, seen);
        Ok(found)
    }

    fn is_whole_here(&mut self) -> Result<bool, ArchiveError> {
        let mut text = Vec::new();
        loop {
            match self.step(&mut text) {
                Ok(Step::Text { trusted: true }) => return Ok(true),
                Ok(Step::Skipped) if self.state == State::Between => return Ok(true),
                Ok(Step::Text { .. } | Step::Skipped) => text.clear(),
                Ok(Step::End)
                | Err(
                    ArchiveError::Damaged { .. }
                    | ArchiveError::Truncated { .. }
                    | ArchiveError::Window { .. },
                ) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes at least `wanted` bytes available, fewer only at the end of the input.
    fn fill(&mut self, wanted: usize) -> Result<(), ArchiveError> {
        if self.filled.len() >= wanted {
            return Ok(());
        }
        self.buffer.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        while self.filled.len() < wanted {
            let room = &mut self.buffer[self.filled.end..];
            let read = match &mut self.input {
                Input::File(file) => file.read(room),
                Input::Stream(stream) => stream.read(room),
            };
            match read {
                Ok(0) => break,
                Ok(count) => self.filled.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(self.read_error(source)),
            }
        }
        Ok(())
    }

    fn take(&mut self, count: usize) {
        self.filled.start += count;
        self.offset += count as u64;
    }

    /// Passes over bytes that must be there.
    fn skip(&mut self, count: u64) -> Result<(), ArchiveError> {
        let mut left = count;
        while left > 0 {
            self.fill(1)?;
            if self.filled.is_empty() {
                return Err(self.truncated());
            }
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(self.filled.len());
            self.take(step);
            left -= step as u64;
        }
        Ok(())
    }

    fn seek_to(&mut self, offset: u64) -> Result<(), ArchiveError> {
        if let Input::File(file) = &mut self.input {
            let sought = file.seek(SeekFrom::Start(offset));
            sought.map_err(|source| self.read_error(source))?;
            self.filled = 0..0;
            self.offset = offset;
            return Ok(());
        }
        self.skip(offset.saturating_sub(self.offset))
    }

    fn read_error(&self, source: io::Error) -> ArchiveError {
        ArchiveError::Read { name: self.name.clone(), source }
    }

    fn truncated(&self) -> ArchiveError {
        let (frame, offset) = self.position();
        ArchiveError::Truncated { name: self.name.clone(), frame, offset }
    }

    fn not_unpacked(&self, error: &io::Error) -> ArchiveError {
        let words = error.to_string();
        if words.contains("too much memory") {
            let (frame, offset) = self.position();
            return ArchiveError::Window { name: self.name.clone(), frame, offset };
        }
        self.damaged(&words.to_lowercase())
    }

    fn damaged(&self, reason: &str) -> ArchiveError {
        let (frame, offset) = self.position();
        ArchiveError::Damaged { name: self.name.clone(), frame, offset, reason: reason.to_owned() }
    }
}
