//! The last events of a recording, found by its index or its manifest where it has one.

use std::path::Path;

use super::{Reader, Selection};
use crate::archive::{ArchiveError, Manifest};

/// A piece of a recording: how many events it has, and their least and greatest number.
type Piece = (u64, Option<(u64, u64)>);

impl Reader {
    /// Selects the last events of the file and returns how many of those that come then are to be left out first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn select_last(
        &mut self,
        path: &Path,
        count: u64,
        mut selection: Selection,
    ) -> Result<u64, ArchiveError> {
        let pieces: Option<Vec<Piece>> = if self.coming.is_empty() {
            self.index()?.map(|index| index.frames.iter().map(|frame| (frame.count, frame.n)).collect())
        } else {
            Manifest::read(path)?
                .filter(|manifest| manifest.complete)
                .map(|manifest| manifest.parts.iter().map(|part| (part.events, part.n)).collect())
        };
        let Some(pieces) = pieces else {
            self.select(selection)?;
            return skipped_by_counting(path, count, selection);
        };
        let mut skip = 0;
        let mut held = 0;
        for (events, numbers) in pieces.into_iter().rev() {
            held += events;
            if held >= count {
                selection.first_number = numbers.map(|(least, _)| least);
                skip = held - count;
                break;
            }
        }
        self.select(selection)?;
        Ok(skip)
    }
}

fn skipped_by_counting(path: &Path, count: u64, selection: Selection) -> Result<u64, ArchiveError> {
    let mut reader = Reader::open(path)?;
    reader.select(selection)?;
    let mut total: u64 = 0;
    while reader.next_line()?.is_some() {
        total += 1;
    }
    Ok(total.saturating_sub(count))
}
