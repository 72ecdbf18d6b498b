//! Several archives as one, in order of the times of receipt; within each file the order stays as it is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};

use super::manifest::recorded_bytes;
use super::{ArchiveError, Header, Manifest, Reader, Record};
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
        for (place, path) in expanded(paths)?.into_iter().enumerate() {
            let earliest = earliest(&path)?;
            merged.inputs.push(Input { path, state: State::Closed });
            match earliest {
                Earliest::At(least) => merged.heads.push(Reverse((least, place))),
                // A recording without events.
                Earliest::Never => {}
                Earliest::Unknown => merged.begin(place)?,
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
        for path in expanded(paths)? {
            if let Some(header) = Reader::open(&path)?.header() {
                merged.take_in(header);
            }
        }
        Ok(merged)
    }

    /// The next event and the place of its file in the list; parts by channel count one by one.
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
            State::Ended => recorded_bytes(&input.path),
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

/// The paths, with parts by channel in the place of their manifest: they are recordings side by side.
fn expanded(paths: &[PathBuf]) -> Result<Vec<PathBuf>, ArchiveError> {
    let mut all = Vec::with_capacity(paths.len());
    for path in paths {
        match Manifest::read(path)? {
            Some(manifest) if manifest.refuse_channels(path).is_err() => {
                all.extend(manifest.members(path).into_iter().map(|member| member.path));
            }
            _ => all.push(path.clone()),
        }
    }
    Ok(all)
}

/// When the first event was received.
enum Earliest {
    /// Neither index nor manifest tells.
    Unknown,
    At(i64),
    /// There are no events.
    Never,
}

fn earliest(path: &Path) -> Result<Earliest, ArchiveError> {
    let times: Vec<Option<(i64, i64)>> = match Manifest::read(path)? {
        Some(manifest) if manifest.complete => manifest.parts.iter().map(|part| part.t).collect(),
        Some(_) => return Ok(Earliest::Unknown),
        None => match Reader::open_unread(path, true)?.index()? {
            Some(index) => index.frames.iter().map(|frame| frame.t).collect(),
            None => return Ok(Earliest::Unknown),
        },
    };
    Ok(times.into_iter().flatten().map(|(least, _)| least).min().map_or(Earliest::Never, Earliest::At))
}
