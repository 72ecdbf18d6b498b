//! Several archives as one, in order of the times of receipt; within each file the order stays as it is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;

use super::{ArchiveError, Header, Reader, Record};
use crate::event::Timestamp;

/// Reads several archives in order of time. A file with an index is opened only when its first event is near, so that
/// a thousand parts of one recording take no more memory than two.
pub struct Merged {
    inputs: Vec<Input>,
    /// The next event of each file, or the least time it may have: time, place in the list.
    heads: BinaryHeap<Reverse<(i64, usize)>>,
}

struct Input {
    path: PathBuf,
    state: State,
}

enum State {
    /// Not needed yet.
    Closed,
    Open {
        reader: Box<Reader>,
        next: Box<Record>,
    },
    Ended,
}

impl Merged {
    /// Looks at every file.
    ///
    /// # Errors
    /// When one of them cannot be read or is no recording.
    pub fn open(paths: &[PathBuf]) -> Result<Self, ArchiveError> {
        let mut merged = Self { inputs: Vec::new(), heads: BinaryHeap::new() };
        for (place, path) in paths.iter().enumerate() {
            merged.inputs.push(Input { path: path.clone(), state: State::Closed });
            let index = Reader::open_unread(path, true)?.index()?;
            let least = |index: super::Index| {
                index.frames.iter().filter_map(|frame| frame.t).map(|(least, _)| least).min()
            };
            match index.map(least) {
                Some(Some(least)) => merged.heads.push(Reverse((least, place))),
                // A recording without events.
                Some(None) => {}
                None => merged.begin(place)?,
            }
        }
        Ok(merged)
    }

    /// One header for all: what was recorded, from when on.
    ///
    /// # Errors
    /// When a file cannot be read, or has a header that cannot be used.
    pub fn header(paths: &[PathBuf]) -> Result<Header, ArchiveError> {
        let mut merged = Header::new(Vec::new());
        for path in paths {
            if let Some(header) = Reader::open(path)?.header() {
                merged.take_in(header);
            }
        }
        Ok(merged)
    }

    /// The next event and the place of its file in the list.
    ///
    /// # Errors
    /// Those of [`Reader::next_line`].
    pub fn next_record(&mut self) -> Result<Option<(usize, Record)>, ArchiveError> {
        while let Some(Reverse((_, place))) = self.heads.pop() {
            match std::mem::replace(&mut self.inputs[place].state, State::Closed) {
                State::Closed => self.begin(place)?,
                State::Open { reader, next } => {
                    self.go_on(place, reader)?;
                    return Ok(Some((place, *next)));
                }
                State::Ended => {}
            }
        }
        Ok(None)
    }

    /// Bytes passed of the files together.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        let bytes = |input: &Input| match &input.state {
            State::Closed => 0,
            State::Open { reader, .. } => reader.file_bytes(),
            State::Ended => std::fs::metadata(&input.path).map_or(0, |metadata| metadata.len()),
        };
        self.inputs.iter().map(bytes).sum()
    }

    fn begin(&mut self, place: usize) -> Result<(), ArchiveError> {
        let reader = Reader::open(&self.inputs[place].path)?;
        self.go_on(place, Box::new(reader))
    }

    fn go_on(&mut self, place: usize, mut reader: Box<Reader>) -> Result<(), ArchiveError> {
        self.inputs[place].state = match reader.next_entry()? {
            Some(next) => {
                let Timestamp(time) = next.event().received;
                self.heads.push(Reverse((time, place)));
                State::Open { reader, next: Box::new(next) }
            }
            None => State::Ended,
        };
        Ok(())
    }
}
