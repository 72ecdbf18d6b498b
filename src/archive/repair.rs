//! What can be kept of a damaged or unfinished recording, written anew as a whole one.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::manifest::stem;
use super::{
    ArchiveError, EXTENSION, Header, PARTIAL_EXTENSION, Reader, Record, Summary, Writer, WriterOptions,
    is_archive_name,
};

/// How the file is called until it is whole; a recording of the same name may be running.
const ENDING: &str = ".repairing";

/// What a repair came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// The file that was read.
    pub source: String,
    /// The file that was written.
    pub target: String,
    /// What was kept.
    #[serde(flatten)]
    pub kept: Summary,
    /// What was lost.
    pub lost: Loss,
    /// Events that got a new number, because theirs had been used before.
    pub renumbered: u64,
}

/// What could not be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// Frames whose bytes are not what was written.
    pub damaged_frames: u64,
    /// The file ends inside a frame; its whole lines were kept as far as it could be unpacked.
    pub cut_off: bool,
    /// Lines that are no events.
    pub lines: u64,
    /// The header was lost, and a new one written.
    pub header: bool,
}

/// Where a repaired file goes when nobody says: the name without `.partial`, or with `-repaired` before its ending.
#[must_use]
pub fn repaired_path(source: &Path) -> PathBuf {
    let name = source.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let finished = name.strip_suffix(PARTIAL_EXTENSION).filter(|name| is_archive_name(Path::new(name)));
    if let Some(finished) = finished {
        return source.with_file_name(finished);
    }
    source.with_file_name(format!("{}-repaired{EXTENSION}", stem(source)))
}

/// Writes all that is whole in `source` to `target`, which appears only when it is complete.
///
/// # Errors
/// When the source cannot be read or is no recording at all, or the target cannot be written.
pub fn repair(source: &Path, target: &Path, overwrite: bool) -> Result<Repaired, ArchiveError> {
    let mut repair = Repair {
        reader: Reader::open_unread(source, true)?,
        target: target.to_path_buf(),
        overwrite,
        writer: None,
        lost: Loss::default(),
        last_number: 0,
        renumbered: 0,
        header_broken: false,
        foreign: None,
    };
    let finished = repair.copy();
    match (finished, repair.writer.take()) {
        (Ok(()), Some(writer)) => Ok(Repaired {
            source: source.display().to_string(),
            target: target.display().to_string(),
            kept: writer.finish()?,
            lost: repair.lost,
            renumbered: repair.renumbered,
        }),
        (Err(error), Some(writer)) => {
            writer.discard();
            Err(error)
        }
        (result, None) => {
            Err(result.err().unwrap_or(ArchiveError::Exists { name: target.display().to_string() }))
        }
    }
}

struct Repair {
    reader: Reader,
    target: PathBuf,
    overwrite: bool,
    /// Made with the first event, when the header is known.
    writer: Option<Writer>,
    lost: Loss,
    last_number: u64,
    renumbered: u64,
    header_broken: bool,
    foreign: Option<ArchiveError>,
}

impl Repair {
    fn copy(&mut self) -> Result<(), ArchiveError> {
        loop {
            match self.reader.next_entry() {
                Ok(None) => break,
                Ok(Some(record)) => self.keep(&record)?,
                Err(error) => self.survive(error)?,
            }
        }
        match self.foreign.take() {
            Some(foreign) if self.writer.is_none() => Err(foreign),
            _ => self.writer(),
        }
    }

    fn keep(&mut self, record: &Record) -> Result<(), ArchiveError> {
        self.writer()?;
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        let number = record.number.filter(|number| *number > self.last_number);
        self.renumbered += u64::from(number.is_none() && record.number.is_some());
        self.last_number = number.unwrap_or(self.last_number + 1);
        writer.write_record(record, self.last_number)
    }

    /// Counts what is lost and goes on, where that is possible.
    fn survive(&mut self, error: ArchiveError) -> Result<(), ArchiveError> {
        match error {
            ArchiveError::Damaged { .. } => {
                self.lost.damaged_frames += 1;
                self.reader.go_on()
            }
            ArchiveError::Truncated { .. } => {
                self.lost.cut_off = true;
                self.reader.trust_whole_lines();
                Ok(())
            }
            ArchiveError::Line { .. } | ArchiveError::LongLine { .. } => {
                self.lost.lines += 1;
                Ok(())
            }
            ArchiveError::Header { .. } => {
                self.header_broken = true;
                Ok(())
            }
            // The very first bytes may be what is damaged.
            foreign @ ArchiveError::Foreign { .. } => {
                self.lost.damaged_frames += 1;
                self.foreign = Some(foreign);
                self.reader.go_on()
            }
            other => Err(other),
        }
    }

    /// Begins the new file, if that is not done yet.
    fn writer(&mut self) -> Result<(), ArchiveError> {
        if self.writer.is_some() {
            return Ok(());
        }
        let damaged = self.header_broken || self.lost.damaged_frames > 0 || self.lost.cut_off;
        self.lost.header = damaged && self.reader.header().is_none();
        let header = self.reader.header().cloned().unwrap_or_else(|| Header::new(Vec::new()));
        let options = WriterOptions { overwrite: self.overwrite, ..WriterOptions::default() };
        self.writer = Some(Writer::create_beside(&self.target, ENDING, &header, options)?);
        Ok(())
    }
}
