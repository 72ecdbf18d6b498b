//! A recording in numbered files: a new one begins at a size, a count, or a full hour; a manifest lists them.

use std::path::{Path, PathBuf};

use super::manifest::{Manifest, Part, manifest_path, stem};
use super::{ArchiveError, EXTENSION, Header, Record, Summary, Writer, WriterOptions};
use crate::event::{Event, Timestamp};

/// The smallest frame that a small size asks for; smaller ones would pack badly.
const SMALLEST_FRAME: usize = 64 * 1024;

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
        let manifest = manifest_path(base);
        if manifest.exists() && !options.overwrite {
            return Err(ArchiveError::Exists { name: manifest.display().to_string() });
        }
        let whole = options.frame_bytes;
        let frame =
            |bytes: u64| usize::try_from(bytes / 4).unwrap_or(whole).clamp(SMALLEST_FRAME.min(whole), whole);
        let options = WriterOptions { frame_bytes: limits.bytes.map_or(whole, frame), hash: true, ..options };
        let mut parts = Self {
            base: base.to_path_buf(),
            header: header.clone(),
            options,
            limits,
            manifest: Manifest::new(header),
            open: None,
            next_number: 1,
            totals: Summary::default(),
        };
        parts.begin(None)?;
        Ok(parts)
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
            write(&mut open.writer)?;
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

    fn next_name(&self) -> String {
        format!("{}-{:05}{EXTENSION}", stem(&self.base), self.manifest.parts.len() + 1)
    }

    fn begin(&mut self, slot: Option<i64>) -> Result<(), ArchiveError> {
        let name = self.next_name();
        let path = self.base.with_file_name(&name);
        let writer = Writer::create(&path, &self.header, self.options)?;
        self.open = Some(OpenPart { writer, name, events: 0, slot });
        Ok(())
    }

    fn finish_part(&mut self) -> Result<(), ArchiveError> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let summary = open.writer.finish_or_discard()?;
        self.totals.events += summary.events;
        self.totals.text_bytes += summary.text_bytes;
        self.totals.file_bytes += summary.file_bytes;
        self.manifest.push(part(open.name, summary, None));
        self.manifest.write(&manifest_path(&self.base))
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
        self.manifest.complete = true;
        self.manifest.write(&manifest_path(&self.base))?;
        Ok((self.totals.clone(), self.manifest.clone()))
    }

    /// Gives everything up, finished parts too.
    pub fn discard(mut self) {
        if let Some(open) = self.open.take() {
            open.writer.discard();
        }
        remove(&self.base, &self.manifest);
    }
}

/// Takes away the parts of a manifest and the manifest itself.
pub(super) fn remove(base: &Path, manifest: &Manifest) {
    for part in &manifest.parts {
        let _ = std::fs::remove_file(base.with_file_name(&part.file));
    }
    if !manifest.parts.is_empty() {
        let _ = std::fs::remove_file(manifest_path(base));
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
