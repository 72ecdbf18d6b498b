//! A recording in numbered files: a new one begins at a size, a count, or a full hour; a manifest lists them.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::manifest::{Manifest, Part, is_part_of, manifest_path, part_name};
use super::writer::with_ending;
use super::{ArchiveError, Header, PARTIAL_EXTENSION, Record, Summary, Writer, WriterOptions, storage};
use crate::event::{Event, Timestamp};

/// The smallest frame that a small size asks for; smaller ones would pack badly.
const SMALLEST_FRAME: usize = 64 * 1024;

/// Parts of this size and more may be a few frames larger, for the sake of compression by several threads.
const SMALLEST_THREADED: u64 = 256 * 1024 * 1024;

/// Microseconds that an event may take from its receipt into a part before the clock ends the part.
const GRACE: i64 = 2_000_000;

/// Where one part ends and the next begins; without any limit there is one part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartLimits {
    /// Bytes of the file; a part ends with the frame that reaches it.
    pub bytes: Option<u64>,
    /// Microseconds: parts begin at whole multiples of it since 1970 in UTC, by the time of receipt.
    pub span: Option<i64>,
    /// Events.
    pub count: Option<u64>,
}

impl PartLimits {
    fn slot(&self, time: Timestamp) -> Option<i64> {
        self.span.map(|span| time.0.div_euclid(span.max(1)))
    }
}

/// Writes `NAME-00001.eddy.ndjson.zst`, `NAME-00002…` and `NAME.manifest.json`.
///
/// A part gets its name when it is whole, and the manifest is renewed then.
pub struct PartWriter {
    base: PathBuf,
    header: Header,
    options: WriterOptions,
    limits: PartLimits,
    manifest: Manifest,
    open: Option<OpenPart>,
    next_number: u64,
    totals: Summary,
    /// Events in closed frames of a part that could not be finished.
    unfinished: u64,
    /// The list is to be written again.
    is_stale: bool,
    /// Parts of an earlier recording of the same name, which go once this one is whole.
    stale: Vec<Part>,
}

struct OpenPart {
    writer: Writer,
    name: String,
    events: u64,
    slot: Option<i64>,
}

impl PartWriter {
    /// Begins the first part beside `base`, which gives the name and is never written itself.
    ///
    /// # Errors
    /// When there is a part or manifest of the name already, or it cannot be made.
    pub fn create(
        base: &Path,
        header: &Header,
        options: WriterOptions,
        limits: PartLimits,
    ) -> Result<Self, ArchiveError> {
        storage::refuse_standard(base)
            .map_err(|source| ArchiveError::Create { name: base.display().to_string(), source })?;
        let manifest = manifest_path(base);
        if storage::exists(&manifest) && !options.overwrite {
            return Err(ArchiveError::Exists { name: manifest.display().to_string() });
        }
        if !options.overwrite {
            refuse_orphans(base)?;
        }
        let stale = stale_parts(&manifest, options);
        let whole = options.frame_bytes;
        let frame =
            |bytes: u64| usize::try_from(bytes / 4).unwrap_or(whole).clamp(SMALLEST_FRAME.min(whole), whole);
        // Of frames that are still being compressed nobody knows the size.
        let threads =
            if limits.bytes.is_some_and(|bytes| bytes < SMALLEST_THREADED) { 0 } else { options.threads };
        let frame_bytes = limits.bytes.map_or(whole, frame);
        let options = WriterOptions { frame_bytes, threads, hash: true, ..options };
        let mut parts = Self {
            base: base.to_path_buf(),
            header: header.clone(),
            options,
            limits,
            manifest: Manifest::new(header),
            open: None,
            next_number: 1,
            totals: Summary::default(),
            unfinished: 0,
            is_stale: false,
            stale,
        };
        if let Err(error) = parts.begin(None) {
            if let Some(open) = parts.open.take() {
                open.writer.discard();
            }
            return Err(error);
        }
        Ok(parts)
    }

    /// Closes the open frame, so that a crash after this loses nothing that came before it.
    ///
    /// # Errors
    /// As [`Writer::flush`].
    pub fn flush(&mut self) -> Result<(), ArchiveError> {
        let flushed = self.open.as_mut().map_or(Ok(()), |open| open.writer.flush());
        flushed.map_err(|error| self.of_all(error))
    }

    /// Whether parts are objects, of which nothing is there before they are whole.
    #[must_use]
    pub fn is_object(&self) -> bool {
        storage::is_object(&self.base)
    }

    /// A failure as one of the whole recording.
    fn of_all(&self, error: ArchiveError) -> ArchiveError {
        match error {
            ArchiveError::Write { kept, source, .. } => ArchiveError::WriteParts {
                manifest: manifest_path(&self.base).display().to_string(),
                kept: self.totals.events + kept,
                source,
            },
            other => other,
        }
    }

    /// As [`Writer::tick`]; a part whose time is over ends too, so that it does not wait for the next event.
    ///
    /// # Errors
    /// When a frame cannot be written, or a part cannot be finished.
    pub fn tick(&mut self, now: Instant) -> Result<(), ArchiveError> {
        let over = self.limits.slot(Timestamp(Timestamp::now().0.saturating_sub(GRACE)));
        let is_over =
            |open: &OpenPart| open.events > 0 && over.zip(open.slot).is_some_and(|(now, begun)| now > begun);
        if self.open.as_ref().is_some_and(is_over) {
            self.finish_part()?;
            return self.begin(None);
        }
        if self.is_stale {
            self.renew_list()?;
        }
        let ticked = self.open.as_mut().map_or(Ok(()), |open| open.writer.tick(now));
        ticked.map_err(|error| self.of_all(error))
    }

    /// Events in closed frames of all parts.
    #[must_use]
    pub fn closed_events(&self) -> u64 {
        self.totals.events
            + self.unfinished
            + self.open.as_ref().map_or(0, |open| open.writer.closed_events())
    }

    /// Takes an event and returns its number, which rises by one over all parts.
    ///
    /// # Errors
    /// As [`Writer::write`], and when a part cannot be begun or finished.
    pub fn write(&mut self, event: &Event) -> Result<u64, ArchiveError> {
        let number = self.next_number;
        self.take(number, event.received, |writer| writer.write_numbered(event, number))?;
        Ok(number)
    }

    /// Takes an event under a number of its own, which must be higher than those before.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_record(&mut self, record: &Record, number: u64) -> Result<(), ArchiveError> {
        self.take(number, record.event().received, |writer| writer.write_record(record, number))
    }

    fn take(
        &mut self,
        number: u64,
        time: Timestamp,
        write: impl FnOnce(&mut Writer) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let slot = self.limits.slot(time);
        if self.open.as_ref().is_some_and(|open| open.events > 0 && self.is_full(open, slot)) {
            self.finish_part()?;
        }
        if self.open.is_none() {
            self.begin(slot)?;
        }
        if let Some(open) = &mut self.open {
            if let Err(error) = write(&mut open.writer) {
                return Err(self.of_all(error));
            }
            open.events += 1;
            open.slot = open.slot.or(slot);
        }
        self.next_number = number.saturating_add(1);
        Ok(())
    }

    fn is_full(&self, open: &OpenPart, slot: Option<i64>) -> bool {
        let by_size = self.limits.bytes.is_some_and(|bytes| open.writer.closed_bytes() >= bytes);
        let by_count = self.limits.count.is_some_and(|count| open.events >= count);
        // A time before that of the part does not end it: order of arrival wins.
        let by_time = slot.zip(open.slot).is_some_and(|(now, begun)| now > begun);
        by_size || by_count || by_time
    }

    fn begin(&mut self, slot: Option<i64>) -> Result<(), ArchiveError> {
        let name = part_name(&self.base, self.manifest.parts.len() + 1);
        let path = self.base.with_file_name(&name);
        let writer = Writer::create(&path, &self.header, self.options)?;
        self.open = Some(OpenPart { writer, name: name.clone(), events: 0, slot });
        self.manifest.open = Some(name);
        self.renew_list()
    }

    fn finish_part(&mut self) -> Result<(), ArchiveError> {
        // A part that cannot be written further stays open, to be ended as it is.
        self.flush()?;
        let Some(open) = &mut self.open else { return Ok(()) };
        match open.writer.try_finish() {
            Ok(summary) => {
                let name = std::mem::take(&mut open.name);
                self.open = None;
                self.count(name, summary);
            }
            // It is there in whole, and the server may be back soon.
            Err(error) if error.is_about_a_server() => return Err(error),
            Err(error) => {
                self.unfinished = open.writer.closed_events();
                self.open = None;
                return Err(self.of_all(error));
            }
        }
        self.manifest.open = None;
        self.renew_list()
    }

    /// Writes the list; a server that is away gets it with what follows.
    fn renew_list(&mut self) -> Result<(), ArchiveError> {
        let written = self.manifest.write(&manifest_path(&self.base));
        self.is_stale = written.as_ref().is_err_and(ArchiveError::is_about_a_server);
        if self.is_stale { Ok(()) } else { written }
    }

    fn count(&mut self, name: String, summary: Summary) {
        self.totals.events += summary.events;
        self.totals.text_bytes += summary.text_bytes;
        self.totals.file_bytes += summary.file_bytes;
        self.manifest.push(part(name, summary, None));
    }

    fn complete(&mut self) -> Result<(), ArchiveError> {
        self.manifest.open = None;
        self.manifest.complete = true;
        self.manifest.write(&manifest_path(&self.base))?;
        remove_stale(&self.base, &self.stale, &self.manifest);
        Ok(())
    }

    /// Ends the last part and completes the manifest.
    ///
    /// # Errors
    /// When either cannot be written; finished parts stay.
    pub fn finish(&mut self) -> Result<(Summary, Manifest), ArchiveError> {
        match self.open.take() {
            // A part that nothing came for is no part, unless it is the only one.
            Some(open) if open.events == 0 && !self.manifest.parts.is_empty() => open.writer.discard(),
            open => {
                self.open = open;
                self.finish_part()?;
            }
        }
        self.complete()?;
        Ok((self.totals.clone(), self.manifest.clone()))
    }

    /// As [`Writer::finish_early`]; a part that nothing was written to is left out.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub fn finish_early(&mut self) -> Result<(), ArchiveError> {
        match self.open.take() {
            Some(open) if open.writer.closed_events() == 0 && !self.manifest.parts.is_empty() => {
                open.writer.discard();
            }
            Some(open) => {
                let summary = open.writer.finish_early().map_err(|error| self.of_all(error))?;
                self.count(open.name, summary);
            }
            // A part that could not be finished is still to be repaired.
            None => {
                if let Some(name) = self.manifest.open.as_ref().filter(|_| self.unfinished > 0) {
                    return Err(ArchiveError::Unfinished { name: name.clone() });
                }
            }
        }
        self.complete()
    }

    /// What the recording is listed in.
    #[must_use]
    pub fn list(&self) -> PathBuf {
        manifest_path(&self.base)
    }

    /// Gives everything up, finished parts too.
    pub fn discard(mut self) {
        if let Some(open) = self.open.take() {
            open.writer.discard();
        }
        // A part that could not be finished is still there.
        let unfinished = self.base.with_file_name(part_name(&self.base, self.manifest.parts.len() + 1));
        storage::remove(&with_ending(&unfinished, PARTIAL_EXTENSION));
        remove(&self.base, &self.manifest);
    }
}

/// Refuses to begin beside parts of the name that no manifest lists, which would be met in mid-run.
fn refuse_orphans(base: &Path) -> Result<(), ArchiveError> {
    if storage::is_object(base) {
        return Ok(());
    }
    let folder = base.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let whole = name.strip_suffix(PARTIAL_EXTENSION);
        let file = whole.unwrap_or(&name);
        // A number of more digits is that of a part only after a hundred thousand of them, and often a date.
        if file.len() == part_name(base, 1).len() && is_part_of(base, Path::new(file), false) {
            let name = base.with_file_name(&name).display().to_string();
            return Err(match whole {
                Some(_) => ArchiveError::Unfinished { name },
                None => ArchiveError::Exists { name },
            });
        }
    }
    Ok(())
}

/// Takes away the parts of a manifest and the manifest itself.
pub(super) fn remove(base: &Path, manifest: &Manifest) {
    for part in &manifest.parts {
        storage::remove(&base.with_file_name(&part.file));
    }
    storage::remove(&manifest_path(base));
}

/// The parts that a manifest to be replaced lists.
pub(super) fn stale_parts(manifest: &Path, options: WriterOptions) -> Vec<Part> {
    let old = if options.overwrite { Manifest::read(manifest).ok().flatten() } else { None };
    old.map(|manifest| manifest.parts).unwrap_or_default()
}

/// Takes away what an earlier recording of the same name left and this one did not write over.
pub(super) fn remove_stale(base: &Path, stale: &[Part], manifest: &Manifest) {
    let is_ours = |file: &str| manifest.parts.iter().any(|part| part.file == file);
    for part in stale.iter().filter(|part| !is_ours(&part.file)) {
        storage::remove(&base.with_file_name(&part.file));
    }
}

pub(super) fn part(file: String, summary: Summary, channel: Option<String>) -> Part {
    Part {
        file,
        sha256: summary.sha256.unwrap_or_default(),
        bytes: summary.file_bytes,
        events: summary.events,
        n: summary.numbers,
        t: summary.times,
        channel,
    }
}
