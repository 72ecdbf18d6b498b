//! Events out of an archive, of any zstd file of event lines, or of plain event lines.

use std::collections::VecDeque;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::frame_reader::{FrameReader, Input, PlannedFrame, Step};
use super::header::HeaderProblem;
use super::index::{self, Index};
use super::{ArchiveError, Header, Manifest, Part, Record, is_archive_name, storage};
use crate::event::json_lines::{self, Line, MAX_LINE};
use crate::event::{Event, Timestamp};

mod last;

/// Text of a frame that is held back until its checksum is known to be right, when the frame does not say that it
/// holds no more than a line may have. Frames of our own writer are always held whole.
const HELD: usize = 4 * 1024 * 1024;

/// Which events are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Received at this time or later.
    pub from: Option<Timestamp>,
    /// Received at this time or earlier.
    pub to: Option<Timestamp>,
    /// Numbered so or higher.
    pub first_number: Option<u64>,
    /// Numbered lower than this.
    pub end_number: Option<u64>,
}

impl Selection {
    /// Whether a line is wanted; lines without a number are judged by their time alone.
    #[must_use]
    pub fn wants(&self, number: Option<u64>, event: &Event) -> bool {
        let time = event.received;
        let in_time = self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time <= to);
        let in_numbers = number.is_none_or(|number| {
            self.first_number.is_none_or(|first| number >= first)
                && self.end_number.is_none_or(|end| number < end)
        });
        in_time && in_numbers
    }

    /// Whether a frame with these ranges may hold wanted events.
    fn may_want(&self, times: Option<(i64, i64)>, numbers: Option<(u64, u64)>) -> bool {
        let Some((earliest, latest)) = times else {
            return false;
        };
        let in_time =
            self.from.is_none_or(|from| latest >= from.0) && self.to.is_none_or(|to| earliest <= to.0);
        let in_numbers = numbers.is_none_or(|(least, greatest)| {
            self.first_number.is_none_or(|first| greatest >= first)
                && self.end_number.is_none_or(|end| least < end)
        });
        in_time && in_numbers
    }
}

/// Reads events in order, in bounded memory. After an error there is nothing more, unless it was a single line.
pub struct Reader {
    frames: FrameReader,
    text: Vec<u8>,
    /// First byte of `text` not given out yet.
    begin: usize,
    /// Bytes of `text` known to hold no newline after `begin`.
    searched: usize,
    /// End of the text that may be given out.
    trusted: usize,
    ended: bool,
    line_number: u64,
    header: Option<Header>,
    selection: Selection,
    /// The first event, read on opening while looking for the header, and where its line stands.
    first: Option<(Range<usize>, Line)>,
    /// Bytes of the lines passed so far, newlines included.
    text_bytes: u64,
    /// The parts of a recording that come after the present file.
    coming: VecDeque<Coming>,
    /// Bytes of the parts before the present file.
    passed_bytes: u64,
}

/// A part that is not read yet.
struct Coming {
    path: PathBuf,
    /// Where the manifest lies.
    list: PathBuf,
    /// What the manifest says about it.
    part: Option<Part>,
}

impl Reader {
    /// Opens a file and reads its header, where it has one. A manifest stands for its parts, one after another.
    ///
    /// # Errors
    /// When the file cannot be read, is neither zstd nor event lines, or has a header that cannot be used.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let mut reader = match Manifest::read(path)? {
            Some(manifest) => Self::open_parts(path, &manifest)?,
            None if storage::is_standard(path) => {
                Self::from_stream(super::STANDARD_INPUT, Box::new(std::io::stdin()))?
            }
            None => Self::open_unread(path, is_archive_name(path))?,
        };
        reader.first = reader.next_record()?;
        Ok(reader)
    }

    fn open_parts(path: &Path, manifest: &Manifest) -> Result<Self, ArchiveError> {
        manifest.refuse_channels(path)?;
        let members = manifest.members(path).into_iter();
        let mut coming: VecDeque<Coming> = members
            .map(|member| Coming { path: member.path, list: path.to_owned(), part: member.part.cloned() })
            .collect();
        let Some(first) = coming.pop_front() else {
            return Err(ArchiveError::Empty { name: path.display().to_string() });
        };
        let mut reader = Self::open_unread(&first.path, true).map_err(|error| error.of_part(path))?;
        reader.coming = coming;
        Ok(reader)
    }

    /// Goes on with the next part of the recording, if there is one.
    fn next_part(&mut self) -> Result<bool, ArchiveError> {
        let Some(next) = self.coming.pop_front() else {
            return Ok(false);
        };
        let opened = Self::open_unread(&next.path, true).map_err(|error| error.of_part(&next.list));
        let opened = opened.inspect_err(|_| self.coming.clear())?;
        self.passed_bytes += self.frames.offset();
        self.frames = opened.frames;
        self.text.clear();
        (self.begin, self.searched, self.trusted) = (0, 0, 0);
        self.line_number = 0;
        self.ended = false;
        self.plan_frames()?;
        Ok(true)
    }

    /// Opens a file and reads nothing of it.
    pub(super) fn open_unread(path: &Path, refuse_empty: bool) -> Result<Self, ArchiveError> {
        let name = path.display().to_string();
        let opened = storage::open(path);
        let opened = opened.map_err(|source| ArchiveError::Open { name: name.clone(), source })?;
        // Event lines may still be to come; an archive has at least its header.
        if opened.length == Some(0) && refuse_empty {
            return Err(ArchiveError::Empty { name });
        }
        Self::new(name, Input::File(opened.input))
    }

    /// Reads a stream, such as standard input; nothing is read before the first event is asked for.
    ///
    /// # Errors
    /// When the decoder cannot be made.
    pub fn from_stream(name: impl Into<String>, stream: Box<dyn Read + Send>) -> Result<Self, ArchiveError> {
        Self::new(name.into(), Input::Stream(stream))
    }

    pub(super) fn new(name: String, input: Input) -> Result<Self, ArchiveError> {
        Ok(Self {
            frames: FrameReader::new(name, input)?,
            text: Vec::new(),
            begin: 0,
            searched: 0,
            trusted: 0,
            ended: false,
            line_number: 0,
            header: None,
            selection: Selection::default(),
            first: None,
            text_bytes: 0,
            coming: VecDeque::new(),
            passed_bytes: 0,
        })
    }

    /// The header; `None` for plain event lines, and for a stream before its first event.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Whether the file is compressed.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.frames.has_frames()
    }

    /// Number of the line read last, from 1, the header's included.
    #[must_use]
    pub fn line_number(&self) -> u64 {
        self.line_number
    }

    /// The index at the end of the file, when it has one that fits the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn index(&mut self) -> Result<Option<Index>, ArchiveError> {
        let name = self.frames.name().to_owned();
        let Some(file) = self.frames.file() else {
            return Ok(None);
        };
        let trailer = index::read_trailer(file).map_err(|source| ArchiveError::Read { name, source })?;
        self.frames.reposition()?;
        Ok(trailer.and_then(Result::ok))
    }

    /// Where the frames with lines end, by the seek table.
    pub(super) fn data_end(&mut self) -> Result<Option<u64>, ArchiveError> {
        let name = self.frames.name().to_owned();
        let Some(file) = self.frames.file() else {
            return Ok(None);
        };
        let end = index::data_end(file).map_err(|source| ArchiveError::Read { name, source })?;
        self.frames.reposition()?;
        Ok(end)
    }

    /// The index, also where only the end behind it is damaged; everything must have been read under
    /// [`FrameReader::watch_frames`].
    pub(super) fn any_index(&mut self) -> Result<Option<Index>, ArchiveError> {
        if let Some(index) = self.index()? {
            return Ok(Some(index));
        }
        let skippable = self.frames.seen().iter().rev().filter(|frame| frame.text.is_none());
        let candidates: Vec<_> = skippable.take(4).copied().collect();
        let name = self.frames.name().to_owned();
        let Some(file) = self.frames.file() else {
            return Ok(None);
        };
        for frame in candidates {
            let found = index::read_stray(file, frame.at, frame.len);
            let found = found.map_err(|source| ArchiveError::Read { name: name.clone(), source })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Gives only these events from now on; with an index, frames without any are not even read.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn select(&mut self, selection: Selection) -> Result<(), ArchiveError> {
        self.selection = selection;
        self.first = self.first.take().filter(|(_, line)| selection.wants(line.number, &line.event));
        self.coming.retain(|next| {
            next.part.as_ref().is_none_or(|part| part.t.is_none() || selection.may_want(part.t, part.n))
        });
        self.plan_frames()
    }

    fn plan_frames(&mut self) -> Result<(), ArchiveError> {
        let selection = self.selection;
        if selection == Selection::default() {
            return Ok(());
        }
        if let Some(index) = self.index()? {
            let numbered = (1..).zip(&index.frames);
            let wanted = numbered.filter(|(_, frame)| selection.may_want(frame.t, frame.n));
            self.frames
                .keep_to(wanted.map(|(number, frame)| PlannedFrame { at: frame.at, number }).collect());
        }
        Ok(())
    }

    /// The next event with its number, or `None` at the end.
    ///
    /// # Errors
    /// A frame that is cut off or damaged, or a line that is not an event. No event of a frame is given out before the
    /// whole frame proved right, as long as the frame holds no more than 4 MiB or says how much it holds.
    pub fn next_line(&mut self) -> Result<Option<Line>, ArchiveError> {
        Ok(self.next_record()?.map(|(_, line)| line))
    }

    /// The next event with its line, to be written into another archive.
    ///
    /// # Errors
    /// As [`Reader::next_line`].
    pub fn next_entry(&mut self) -> Result<Option<Record>, ArchiveError> {
        Ok(self.next_record()?.map(|(range, line)| {
            // Lines without a header may lack what an archive needs; others keep even fields we do not know.
            if line.number.is_some() && self.header.is_some() {
                Record::of_line(line, self.line_text(range))
            } else {
                Record::new(line.number, line.event)
            }
        }))
    }

    /// The next event and where its line stands, for [`Self::line_text`].
    pub(super) fn next_record(&mut self) -> Result<Option<(Range<usize>, Line)>, ArchiveError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        while let Some(range) = self.next_range()? {
            if let Some(line) = self.read_line(range.clone())?
                && self.selection.wants(line.number, &line.event)
            {
                return Ok(Some((range, line)));
            }
        }
        Ok(None)
    }

    /// The bytes of a line just read.
    pub(super) fn line_text(&self, range: Range<usize>) -> &[u8] {
        &self.text[range]
    }

    /// Bytes of the lines read so far, newlines included.
    #[must_use]
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// Bytes of the file passed so far.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.passed_bytes + self.frames.offset()
    }

    /// The frames beneath.
    pub(super) fn frames(&mut self) -> &mut FrameReader {
        &mut self.frames
    }

    /// After a damaged frame: leaves it out and goes on with the next one that can be found.
    pub(super) fn go_on(&mut self) -> Result<(), ArchiveError> {
        self.forget();
        self.frames.recover()
    }

    /// After a frame that seems to be cut off: leaves it out and goes on, where a whole frame follows it. Then it is damaged,
    /// and the file goes on behind it.
    pub(super) fn go_on_behind(&mut self) -> Result<bool, ArchiveError> {
        if !self.frames.has_frames() || !self.frames.find_whole()? {
            return Ok(false);
        }
        self.forget();
        Ok(true)
    }

    /// After a line that is too long: leaves its frame out, where nothing more would come otherwise.
    pub(super) fn go_on_behind_line(&mut self) -> Result<(), ArchiveError> {
        if self.ended && self.frames.has_frames() { self.go_on() } else { Ok(()) }
    }

    fn forget(&mut self) {
        self.text.clear();
        (self.begin, self.searched, self.trusted) = (0, 0, 0);
        self.ended = false;
    }

    /// After a frame that is cut off: gives out the whole lines of what could be unpacked of it.
    pub(super) fn trust_whole_lines(&mut self) {
        self.trusted = memchr::memrchr(b'\n', &self.text).map_or(0, |newline| newline + 1).max(self.trusted);
        self.text.truncate(self.trusted);
    }

    /// Whether a whole line lies ready, so that the next event needs no waiting for input.
    #[must_use]
    pub fn has_ready_line(&self) -> bool {
        self.first.is_some() || memchr::memchr(b'\n', &self.text[self.begin..self.trusted]).is_some()
    }

    /// An event, or `None` for the header and for blank lines.
    fn read_line(&mut self, range: Range<usize>) -> Result<Option<Line>, ArchiveError> {
        let line = &self.text[range];
        if line.trim_ascii().is_empty() {
            return Ok(None);
        }
        // Archives that were put one after another have headers in the middle too.
        if (self.line_number == 1 || line.starts_with(b"{\"eddy\":"))
            && let Some(header) = Header::from_line(line)
        {
            let header = header.map_err(|problem| self.header_error(problem))?;
            self.header.get_or_insert(header);
            return Ok(None);
        }
        let arrival = if self.header.is_some() { None } else { Some(Timestamp::of_arrival()) };
        json_lines::decode(line, arrival).map(Some).map_err(|source| ArchiveError::Line {
            name: self.frames.name().to_owned(),
            line: self.line_number,
            source,
        })
    }

    fn header_error(&self, problem: HeaderProblem) -> ArchiveError {
        let name = self.frames.name().to_owned();
        match problem {
            HeaderProblem::Version(version) => ArchiveError::Version { name, version },
            HeaderProblem::Other(reason) => ArchiveError::Header { name, reason },
        }
    }

    /// The place in `text` of the next line, without its newline.
    fn next_range(&mut self) -> Result<Option<Range<usize>>, ArchiveError> {
        loop {
            let found = memchr::memchr(b'\n', &self.text[self.searched..self.trusted]);
            if let Some(length) = found {
                let range = self.begin..self.searched + length;
                return self.give(range, 1).map(Some);
            }
            self.searched = self.trusted;
            if self.ended {
                let range = self.begin..self.trusted;
                if !range.is_empty() {
                    return self.give(range, 0).map(Some);
                }
                if !self.next_part()? {
                    return Ok(None);
                }
                continue;
            }
            self.read_more()?;
        }
    }

    fn give(&mut self, range: Range<usize>, newline: usize) -> Result<Range<usize>, ArchiveError> {
        self.line_number += 1;
        self.text_bytes += (range.len() + newline) as u64;
        self.begin = range.end + newline;
        self.searched = self.begin;
        if range.len() > MAX_LINE {
            return Err(self.long_line());
        }
        Ok(range)
    }

    fn long_line(&self) -> ArchiveError {
        ArchiveError::LongLine { name: self.frames.name().to_owned(), line: self.line_number }
    }

    fn read_more(&mut self) -> Result<(), ArchiveError> {
        self.text.drain(..self.begin);
        self.trusted -= self.begin;
        self.begin = 0;
        self.searched = self.trusted;
        if self.text.len() > MAX_LINE + HELD {
            self.end();
            self.line_number += 1;
            return Err(self.long_line());
        }
        match self.frames.step(&mut self.text) {
            Ok(Step::Text { trusted: true }) => self.trusted = self.text.len(),
            Ok(Step::Text { trusted: false }) if self.must_let_go() => self.trusted = self.text.len(),
            Ok(Step::Text { trusted: false } | Step::Skipped) => {}
            Ok(Step::End) => self.ended = true,
            Err(error) => {
                self.end();
                return Err(error);
            }
        }
        Ok(())
    }

    fn must_let_go(&self) -> bool {
        let promised = self.frames.promised().is_some_and(|bytes| bytes <= (MAX_LINE + HELD) as u64);
        self.text.len() > if promised { MAX_LINE + HELD } else { HELD }
    }

    /// Nothing more is given out, unless somebody asks for what is left.
    fn end(&mut self) {
        self.ended = true;
        self.coming.clear();
        self.text.drain(..self.trusted);
        (self.begin, self.searched, self.trusted) = (0, 0, 0);
    }
}

impl Iterator for Reader {
    type Item = Result<Line, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_line().transpose()
    }
}
