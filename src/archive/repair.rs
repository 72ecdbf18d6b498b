//! What can be kept of a damaged or unfinished recording, written anew as a whole one.

use std::path::{Path, PathBuf};

mod parts;

use serde::Serialize;

use super::loss::{Expected, LossTracker, LostRange};
use super::manifest::stem;
use super::{
    ArchiveError, EXTENSION, Header, Manifest, PARTIAL_EXTENSION, Reader, Record, Summary, Watch, Writer,
    WriterOptions, is_archive_name, is_recording_name, told,
};

/// How the file is called until it is whole; a recording of the same name may be running.
const ENDING: &str = ".repairing";

/// What a repair came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
    /// Events that were left out, because they lay in the place of others and are in a part of their own.
    pub doubled: u64,
}

/// What could not be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// Frames whose bytes are not what was written.
    pub damaged_frames: u64,
    /// The file ends inside a frame; its whole lines were kept as far as it could be unpacked.
    pub cut_off: bool,
    /// Lines that are no events.
    pub lines: u64,
    /// The header was lost, and a new one written.
    pub header: bool,
    /// Parts that are missing, or hold nothing that could be read.
    pub parts: u64,
    /// Parts that lie beside a manifest which does not list them, and were not read.
    pub unlisted: Vec<String>,
    /// Events that are lost, in order.
    pub ranges: Vec<LostRange>,
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

/// Writes all that is whole in `source` to `target`, which appears only when it is complete. A manifest stands for all
/// its parts, the one that was being written included.
///
/// # Errors
/// When the source cannot be read, is no recording at all or holds nothing whole, the target cannot be written, or the watch
/// ends it; then there is no target.
pub fn repair(source: &Path, target: &Path, overwrite: bool, watch: Watch) -> Result<Repaired, ArchiveError> {
    let mut repair = Repair { target: target.to_path_buf(), overwrite, ..Repair::default() };
    let copied = match Manifest::read(source)? {
        Some(manifest) => repair.copy_parts(source, &manifest, watch),
        None => repair.copy(source, None, &mut |_| false, watch),
    };
    let copied = copied.and_then(|()| repair.refuse_nothing(source)).and_then(|()| repair.writer());
    match (copied, repair.writer.take()) {
        (Ok(()), Some(writer)) => Ok(Repaired {
            source: source.display().to_string(),
            target: target.display().to_string(),
            kept: writer.finish_or_discard()?,
            lost: repair.lost,
            renumbered: repair.renumbered,
            doubled: repair.doubled,
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

#[derive(Default)]
struct Repair {
    target: PathBuf,
    overwrite: bool,
    /// Made with the first event, when the header is known.
    writer: Option<Writer>,
    header: Option<Header>,
    lost: Loss,
    kept: u64,
    last_number: u64,
    renumbered: u64,
    doubled: u64,
    /// Numbers that came, where they tell which did not.
    runs: Option<parts::Runs>,
    header_broken: bool,
    foreign: Option<ArchiveError>,
}

impl Repair {
    /// Keeps what is whole in one file, apart from numbers that are doubled.
    fn copy(
        &mut self,
        source: &Path,
        expected: Option<Expected>,
        is_double: &mut dyn FnMut(u64) -> bool,
        watch: Watch,
    ) -> Result<(), ArchiveError> {
        let mut reader = Reader::open_unread(source, true)?;
        reader.frames().watch_frames();
        let data_end = reader.data_end()?;
        let mut losses = LossTracker::default();
        let mut kept: u64 = 0;
        self.foreign = None;
        loop {
            let read = reader.next_entry();
            let (_, at) = reader.frames().position();
            match read {
                Ok(None) => break,
                Ok(Some(record)) => {
                    if self.header.is_none() {
                        self.header = reader.header().cloned();
                    }
                    losses.event(at, record.number, record.event().received.0);
                    kept += 1;
                    if record.number.is_some_and(&mut *is_double) {
                        self.doubled += 1;
                    } else {
                        self.keep(&record)?;
                        self.kept += 1;
                    }
                    told(watch, reader.file_bytes(), self.kept)?;
                }
                Err(error) => {
                    if data_end.is_none_or(|end| at < end) {
                        losses.broke();
                    }
                    self.survive(error, &mut reader)?;
                    if !watch(reader.file_bytes(), self.kept) {
                        return Err(ArchiveError::Interrupted);
                    }
                }
            }
        }
        if self.header.is_none() {
            self.header = reader.header().cloned();
        }
        if let Some(foreign) = self.foreign.take().filter(|_| kept == 0 && reader.header().is_none()) {
            return Err(foreign);
        }
        let index = if reader.is_compressed() { reader.any_index()? } else { None };
        // The damage may have taken the header.
        let was_ours = expected.is_some() || self.lost.damaged_frames > 0 && is_recording_name(source);
        let is_ours = reader.header().is_some() || was_ours;
        let is_cut = is_ours && reader.is_compressed() && reader.data_end()?.is_none();
        self.lost.ranges.extend(losses.end(index.as_ref(), is_cut, expected));
        Ok(())
    }

    fn keep(&mut self, record: &Record) -> Result<(), ArchiveError> {
        self.writer()?;
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        let number = record.number.filter(|number| *number > self.last_number);
        self.renumbered += u64::from(number.is_none() && record.number.is_some());
        self.last_number = number.unwrap_or(self.last_number + 1);
        if let Some((runs, number)) = self.runs.as_mut().zip(record.number) {
            runs.note(number);
        }
        writer.write_record(record, self.last_number)
    }

    /// Counts what is lost and goes on, where that is possible.
    fn survive(&mut self, error: ArchiveError, reader: &mut Reader) -> Result<(), ArchiveError> {
        match error {
            ArchiveError::Damaged { .. } => {
                self.lost.damaged_frames += 1;
                reader.go_on()
            }
            // A damaged length may reach beyond the end of the file.
            ArchiveError::Truncated { .. } => {
                if reader.go_on_behind()? {
                    self.lost.damaged_frames += 1;
                } else {
                    self.lost.cut_off = true;
                    reader.trust_whole_lines();
                }
                Ok(())
            }
            ArchiveError::Line { .. } => {
                self.lost.lines += 1;
                Ok(())
            }
            ArchiveError::LongLine { .. } => {
                self.lost.lines += 1;
                reader.go_on_behind_line()
            }
            ArchiveError::Header { .. } => {
                self.header_broken = true;
                Ok(())
            }
            // The very first bytes may be what is damaged, or the size of a window.
            foreign @ (ArchiveError::Foreign { .. } | ArchiveError::Window { .. }) => {
                self.lost.damaged_frames += 1;
                self.foreign = Some(foreign);
                reader.go_on()
            }
            other => Err(other),
        }
    }

    /// A recording of which neither its header nor one event is whole is not mended by an empty one.
    fn refuse_nothing(&self, source: &Path) -> Result<(), ArchiveError> {
        let Loss { damaged_frames, cut_off, lines, parts, ranges, .. } = &self.lost;
        let has_lost = *damaged_frames + *lines + *parts > 0 || *cut_off || !ranges.is_empty();
        if self.kept == 0 && self.header.is_none() && has_lost {
            return Err(ArchiveError::NothingKept { name: source.display().to_string() });
        }
        Ok(())
    }

    /// Begins the new file, if that is not done yet.
    fn writer(&mut self) -> Result<(), ArchiveError> {
        if self.writer.is_some() {
            return Ok(());
        }
        let damaged = self.header_broken || self.lost.damaged_frames > 0 || self.lost.cut_off;
        self.lost.header = damaged && self.header.is_none();
        let header = self.header.clone().unwrap_or_else(|| Header::new(Vec::new()));
        let options = WriterOptions { overwrite: self.overwrite, ..WriterOptions::default() };
        self.writer = Some(Writer::create_beside(&self.target, ENDING, &header, options)?);
        Ok(())
    }
}
