//! An archive being written: into a `.partial` file beside the target, renamed when it is finished.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::encoder::Encoder;
use super::manifest::hex;
use super::packing::{PackedFrame, Packing, usual_threads};
use super::storage::{self, Medium};
use super::{ArchiveError, Header, PARTIAL_EXTENSION, Record};
use crate::event::Event;
use crate::event::json_lines::{self, MAX_LINE};

/// How an archive is written.
#[derive(Clone, Copy, Debug)]
pub struct WriterOptions {
    /// zstd level, negative for faster.
    pub level: i32,
    /// Bytes of text after which a frame is closed.
    pub frame_bytes: usize,
    /// How long an event may wait in an open frame; [`Writer::tick`] keeps to it.
    pub flush_after: Duration,
    /// Ask the disk to keep each frame before going on.
    pub sync_frames: bool,
    /// Replace a file, or a partial one, that is there.
    pub overwrite: bool,
    /// Keep a SHA-256 of the file while it is written.
    pub hash: bool,
    /// Hold no more memory between frames than their text, for many writers at once.
    pub spare: bool,
    /// Threads that compress full frames beside the caller; without any the caller does it.
    pub threads: usize,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            level: 1,
            frame_bytes: 1024 * 1024,
            flush_after: Duration::from_secs(1),
            sync_frames: false,
            overwrite: false,
            hash: false,
            spare: false,
            threads: usual_threads(),
        }
    }
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Events.
    pub events: u64,
    /// Bytes of text before compression.
    pub text_bytes: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// SHA-256 of the file in hexadecimal, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Least and greatest number of the events.
    #[serde(skip)]
    pub numbers: Option<(u64, u64)>,
    /// Least and greatest time of receipt, in microseconds.
    #[serde(skip)]
    pub times: Option<(i64, i64)>,
}

/// Writes one archive. Dropped without [`Writer::finish`], what came so far stays in the `.partial` file, readable.
pub struct Writer {
    target: PathBuf,
    partial: PathBuf,
    medium: Medium,
    encoder: Encoder,
    packing: Packing,
    options: WriterOptions,
    next_number: u64,
    /// When the clock first saw the open frame with something in it.
    waiting_since: Option<Instant>,
    hash: Option<Sha256>,
    /// What follows the frames, once it is written.
    trailer: Option<Vec<u8>>,
    /// The server of an object did not take a frame, which waits: it goes before anything else is taken.
    stalled: bool,
    finished: bool,
}

impl Writer {
    /// Begins an archive at `path`; until [`Writer::finish`] it is called `path.partial`.
    ///
    /// # Errors
    /// When the file or a partial one is there already, or cannot be made.
    pub fn create(path: &Path, header: &Header, options: WriterOptions) -> Result<Self, ArchiveError> {
        Self::create_beside(path, PARTIAL_EXTENSION, header, options)
    }

    /// As [`Writer::create`], with another ending for the file until it is finished; one that was left behind is nobody's loss,
    /// and is replaced.
    pub(super) fn create_beside(
        path: &Path,
        ending: &str,
        header: &Header,
        options: WriterOptions,
    ) -> Result<Self, ArchiveError> {
        let target = storage::free_target(path, options.overwrite)?;
        let path = target.as_path();
        // An object has no name before it is whole.
        let partial = if storage::is_object(path) { path.to_path_buf() } else { with_ending(path, ending) };
        let name = partial.display().to_string();
        let medium =
            Medium::create(&partial, options.overwrite || ending != PARTIAL_EXTENSION).map_err(|source| {
                match source.kind() {
                    io::ErrorKind::AlreadyExists => ArchiveError::Unfinished { name: name.clone() },
                    _ => ArchiveError::Create { name: name.clone(), source },
                }
            })?;
        let packing = Packing::new(options.level, options.spare, options.threads)
            .map_err(|source| ArchiveError::Compress { name, source })?;
        let mut writer = Self {
            target,
            partial,
            medium,
            encoder: Encoder::new(),
            packing,
            options,
            next_number: 1,
            waiting_since: None,
            hash: options.hash.then(Sha256::new),
            trailer: None,
            stalled: false,
            finished: false,
        };
        writer.encoder.text().extend_from_slice(&header.to_line());
        writer.encoder.text().push(b'\n');
        if let Err(error) = writer.flush() {
            let name = writer.partial.display().to_string();
            writer.discard();
            return Err(match error {
                ArchiveError::Write { source, .. } => ArchiveError::Create { name, source },
                other => other,
            });
        }
        Ok(writer)
    }

    /// Takes an event and returns its number in the archive; the first has 1.
    ///
    /// # Errors
    /// When the event is too large for a line, or a full frame cannot be written.
    pub fn write(&mut self, event: &Event) -> Result<u64, ArchiveError> {
        let number = self.next_number;
        self.write_numbered(event, number)?;
        Ok(number)
    }

    /// Takes an event under a number of its own, which must be higher than those before.
    pub(super) fn write_numbered(&mut self, event: &Event, number: u64) -> Result<(), ArchiveError> {
        self.go_on()?;
        let text = self.encoder.text();
        let before = text.len();
        json_lines::encode(event, number, text);
        let size = text.len() - before;
        if size > MAX_LINE {
            text.truncate(before);
            return Err(ArchiveError::LargeEvent { channel: event.channel.to_string(), size });
        }
        self.took_line(number, event)
    }

    /// Takes an event out of another archive under this number, which must be higher than those before. Fields of its
    /// line that this program does not know stay.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn write_record(&mut self, record: &Record, number: u64) -> Result<(), ArchiveError> {
        self.go_on()?;
        let text = self.encoder.text();
        let before = text.len();
        if !record.write_line(number, text) {
            return self.write_numbered(record.event(), number);
        }
        let size = text.len() - before;
        if size > MAX_LINE {
            text.truncate(before);
            return Err(ArchiveError::LargeEvent { channel: record.event().channel.to_string(), size });
        }
        self.took_line(number, record.event())
    }

    fn took_line(&mut self, number: u64, event: &Event) -> Result<(), ArchiveError> {
        self.encoder.text().push(b'\n');
        self.encoder.note(number, event);
        self.next_number = number.saturating_add(1);
        if self.encoder.open_bytes() >= self.options.frame_bytes {
            self.waiting_since = None;
            if let Some(frame) = self.encoder.take_frame(self.packing.buffer()) {
                self.packing.submit(frame).map_err(|source| self.cannot_compress(source))?;
            }
            match self.write_packed(false) {
                // The event was taken: who comes next is told.
                Err(error) if error.is_about_a_server() => self.stalled = true,
                written => written?,
            }
        }
        Ok(())
    }

    /// Writes what a server did not take before.
    fn go_on(&mut self) -> Result<(), ArchiveError> {
        if self.stalled {
            self.write_packed(false)?;
            self.stalled = false;
        }
        Ok(())
    }

    /// Writes the compressed frames that are ready, or all of them.
    fn write_packed(&mut self, all: bool) -> Result<(), ArchiveError> {
        loop {
            match self.packing.next(all) {
                Ok(Some(frame)) => self.write_frame(frame)?,
                Ok(None) => return Ok(()),
                Err(source) => return Err(self.cannot_compress(source)),
            }
        }
    }

    fn write_frame(&mut self, frame: PackedFrame) -> Result<(), ArchiveError> {
        let offset = self.encoder.offset();
        let written = self.medium.write_all(&frame.bytes);
        let kept = written.and_then(|()| if self.options.sync_frames { self.medium.sync() } else { Ok(()) });
        if let Err(source) = kept {
            // Half a frame would have to be repaired; without it the file is whole up to here.
            self.medium.cut_to(offset);
            self.packing.put_back(frame);
            let kept = self.encoder.closed_events();
            return Err(unwritable(&self.partial, kept, source));
        }
        if let Some(hash) = &mut self.hash {
            hash.update(&frame.bytes);
        }
        self.encoder.accept(frame.entry);
        Ok(())
    }

    fn cannot_compress(&self, source: io::Error) -> ArchiveError {
        ArchiveError::Compress { name: self.partial.display().to_string(), source }
    }

    /// Closes the open frame, so that a crash after this loses nothing that came before it.
    ///
    /// # Errors
    /// When writing fails; the file is then cut back to its last whole frame and stays readable.
    pub fn flush(&mut self) -> Result<(), ArchiveError> {
        self.waiting_since = None;
        self.write_packed(true)?;
        if let Some(frame) = self.encoder.take_frame(self.packing.buffer()) {
            self.packing.pack(frame).map_err(|source| self.cannot_compress(source))?;
        }
        self.write_packed(true)
    }

    /// Closes the open frame when events have waited in it for long enough; call it a few times per `flush_after`.
    ///
    /// # Errors
    /// As [`Writer::flush`].
    pub fn tick(&mut self, now: Instant) -> Result<(), ArchiveError> {
        self.write_packed(false)?;
        if self.encoder.open_bytes() == 0 {
            return Ok(());
        }
        let since = *self.waiting_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= self.options.flush_after {
            self.flush()?;
        }
        Ok(())
    }

    /// Events in closed frames: what [`Writer::write`] numbered up to this is in the file.
    #[must_use]
    pub fn closed_events(&self) -> u64 {
        self.encoder.closed_events()
    }

    /// Bytes of closed frames.
    #[must_use]
    pub fn closed_bytes(&self) -> u64 {
        self.encoder.offset()
    }

    /// Bytes of text in the open frame.
    #[must_use]
    pub fn open_bytes(&self) -> usize {
        self.encoder.open_bytes()
    }

    /// The file that the recording becomes.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The file that holds the recording until it is finished.
    #[must_use]
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// Closes the last frame, writes index and seek table, and gives the file its name.
    ///
    /// # Errors
    /// When writing fails, or a file of the name has come into being meanwhile; the `.partial` file stays.
    pub fn finish(mut self) -> Result<Summary, ArchiveError> {
        self.try_finish()
    }

    /// As [`Writer::finish`]; where a server is away it may be asked for again.
    ///
    /// # Errors
    /// As [`Writer::finish`].
    pub fn try_finish(&mut self) -> Result<Summary, ArchiveError> {
        self.flush()?;
        self.complete()
    }

    /// Ends an archive that could not be written further: what is in closed frames is then whole.
    ///
    /// # Errors
    /// As [`Writer::finish`].
    pub fn finish_early(mut self) -> Result<Summary, ArchiveError> {
        self.packing.forget();
        self.encoder.forget();
        self.complete()
    }

    /// Writes what follows the frames, and gives the file its name.
    fn complete(&mut self) -> Result<Summary, ArchiveError> {
        self.finished = true;
        let kept = self.encoder.closed_events();
        let offset = self.encoder.offset();
        if self.trailer.is_none() {
            let name = || self.partial.display().to_string();
            let trailer =
                self.encoder.trailer().map_err(|source| ArchiveError::Compress { name: name(), source })?;
            if let Err(source) = self.medium.write_all(&trailer).and_then(|()| self.medium.sync()) {
                self.medium.cut_to(offset);
                return Err(unwritable(&self.partial, kept, source));
            }
            self.trailer = Some(trailer);
            if storage::exists(&self.target) && !self.options.overwrite {
                return Err(ArchiveError::Exists { name: self.target.display().to_string() });
            }
        }
        let published = self.medium.publish(&self.partial, &self.target);
        published.map_err(|source| unwritable(&self.partial, kept, source))?;
        let trailer = self.trailer.take().unwrap_or_default();
        let hash = self.hash.take().map(|hash| hex(&hash.chain_update(&trailer).finalize()));
        Ok(Summary {
            events: kept,
            text_bytes: self.encoder.closed_text(),
            file_bytes: offset + trailer.len() as u64,
            sha256: hash,
            numbers: self.encoder.closed_numbers(),
            times: self.encoder.closed_times(),
        })
    }

    /// As [`Writer::finish`], but nothing stays after a failure.
    ///
    /// # Errors
    /// As [`Writer::finish`].
    pub fn finish_or_discard(self) -> Result<Summary, ArchiveError> {
        let partial = self.partial.clone();
        self.finish().inspect_err(|_| {
            // An upload that was not completed has left nothing, and the name may be that of an older object.
            if !storage::is_object(&partial) {
                storage::remove(&partial);
            }
        })
    }

    /// Gives the recording up and removes the partial file.
    pub fn discard(mut self) {
        self.finished = true;
        self.medium.discard(&self.partial);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished {
            // Nobody is left to tell; a crash would have lost the open frame as well.
            let _ = self.flush();
        }
    }
}

pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn unwritable(path: &Path, kept: u64, source: io::Error) -> ArchiveError {
    let name = path.display().to_string();
    if storage::is_object(path) {
        return ArchiveError::Upload { name, kept, source };
    }
    ArchiveError::Write { name, kept, source }
}
