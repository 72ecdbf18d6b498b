//! A line for every event of a run: when it was due, when it went, when and where it arrived, or why not. Lines are
//! written by a thread of their own, whole ones only, and soon: what a crash leaves behind can be read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine;
use bytes::Bytes;
use compact_str::CompactString;
use serde::Serialize;

use super::tally::Note;
use crate::endpoint::EndpointError;
use crate::event::{Place, Timestamp};

/// Batches that may wait to be written; beyond them the run waits.
const BATCHES_AHEAD: usize = 256;
/// Bytes written at once.
const WRITE_BYTES: usize = 256 * 1024;
/// Nothing waits longer to be written.
const WRITE_EVERY: Duration = Duration::from_millis(200);

/// What became of one event.
#[derive(Debug)]
pub(super) struct EventResult {
    pub note: Note,
    pub channel: CompactString,
    pub key: Option<Bytes>,
    pub sent: Option<Instant>,
    pub fate: Fate,
}

/// How it ended for it.
#[derive(Debug)]
pub(super) enum Fate {
    Acknowledged(Instant, Place),
    Failed(EndpointError),
    LeftOutLate,
}

/// A line as it is written; `docs/schemas/replay-result.schema.json`.
#[derive(Serialize)]
struct Line<'a> {
    n: u64,
    channel: &'a str,
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_base64: Option<String>,
    due_us: i64,
    sent_us: Option<i64>,
    acknowledged_us: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sent_again: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    left_out_late: bool,
    error: Option<&'a str>,
}

/// A file of results that follows a run.
#[derive(Debug)]
pub struct Results {
    path: PathBuf,
    lines: Mutex<Option<SyncSender<Vec<EventResult>>>>,
    thread: Mutex<Option<JoinHandle<io::Result<()>>>>,
}

impl Results {
    /// Begins the file; a run that goes on adds to it, after taking away a line that a crash cut off.
    ///
    /// # Errors
    /// When it is there already and is not to be gone on with, or cannot be written.
    pub fn begin(path: &Path, goes_on: bool) -> io::Result<Self> {
        let file = if goes_on { whole_lines(path)? } else { File::create_new(path)? };
        let (lines, taken) = sync_channel(BATCHES_AHEAD);
        let thread = std::thread::Builder::new()
            .name("eddy-results".to_owned())
            .spawn(move || Writing::new(file).follow(&taken))?;
        Ok(Self { path: path.into(), lines: Mutex::new(Some(lines)), thread: Mutex::new(Some(thread)) })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the results of a batch.
    pub(super) fn add(&self, results: Vec<EventResult>) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        // After a failure nobody listens; `finish` says why.
        let _ = lines.as_ref().map(|lines| lines.send(results));
    }

    /// Writes what waits, and says whether everything was written.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(&self) -> io::Result<()> {
        drop(self.lines.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.map_or(Ok(()), |thread| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that writes was lost")))
        })
    }
}

/// Opens a file behind its last whole line.
fn whole_lines(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let mut end = file.metadata()?.len();
    let mut block = vec![0; 64 * 1024];
    while end > 0 {
        let size = block.len().min(usize::try_from(end).unwrap_or(usize::MAX));
        let start = end - size as u64;
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut block[..size])?;
        if let Some(at) = memchr::memrchr(b'\n', &block[..size]) {
            end = start + at as u64 + 1;
            break;
        }
        end = start;
    }
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    Ok(file)
}

struct Writing {
    file: File,
    buffer: Vec<u8>,
    written: Instant,
    /// The same moment on both clocks.
    epoch: (Instant, Timestamp),
}

impl Writing {
    fn new(file: File) -> Self {
        let now = Instant::now();
        Self { file, buffer: Vec::new(), written: now, epoch: (now, Timestamp::now()) }
    }

    fn follow(mut self, taken: &Receiver<Vec<EventResult>>) -> io::Result<()> {
        loop {
            match taken.recv_timeout(WRITE_EVERY) {
                Ok(results) => {
                    for result in &results {
                        self.line(result)?;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.buffer.len() >= WRITE_BYTES || self.written.elapsed() >= WRITE_EVERY {
                self.write()?;
            }
        }
        self.write()?;
        self.file.sync_data()
    }

    fn write(&mut self) -> io::Result<()> {
        self.written = Instant::now();
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn line(&mut self, result: &EventResult) -> io::Result<()> {
        let key = result.key.as_deref();
        let text = key.and_then(|key| std::str::from_utf8(key).ok());
        let (place, acknowledged, error) = match &result.fate {
            Fate::Acknowledged(at, place) => (place.clone(), Some(self.micros(*at)), None),
            Fate::Failed(error) => (Place::default(), None, Some(error.message.as_str())),
            Fate::LeftOutLate => (Place::default(), None, None),
        };
        let line = Line {
            n: result.note.number,
            channel: &result.channel,
            key: text,
            key_base64: key
                .filter(|_| text.is_none())
                .map(|key| base64::prelude::BASE64_STANDARD.encode(key)),
            due_us: self.micros(result.note.intended),
            sent_us: result.sent.map(|at| self.micros(at)),
            acknowledged_us: acknowledged,
            partition: place.partition,
            offset: place.offset,
            sent_again: result.note.again,
            left_out_late: matches!(result.fate, Fate::LeftOutLate),
            error,
        };
        serde_json::to_writer(&mut self.buffer, &line)?;
        self.buffer.push(b'\n');
        Ok(())
    }

    fn micros(&self, moment: Instant) -> i64 {
        let (instant, time) = self.epoch;
        let span = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let later = span(moment.saturating_duration_since(instant));
        time.0 + later - span(instant.saturating_duration_since(moment))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::Value;

    use super::{EventResult, Fate, Note, Results};
    use crate::endpoint::{EndpointError, EndpointErrorKind};
    use crate::event::{Event, Place};
    use crate::replay::lanes::LaneTable;

    fn result(number: u64, key: &'static [u8], fate: Fate) -> EventResult {
        let intended = Instant::now();
        let lane = LaneTable::default().lane(&Event::new("a", "x"));
        EventResult {
            note: Note { number, lane, intended, uncertain: false, again: false },
            channel: "a".into(),
            key: Some(key.into()),
            sent: Some(intended),
            fate,
        }
    }

    #[test]
    fn every_line_is_what_its_schema_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results");
        let results = Results::begin(&path, false).expect("begun");
        let place = Place { partition: Some(2), offset: Some(7) };
        results.add(vec![
            result(0, b"k", Fate::Acknowledged(Instant::now(), place)),
            result(
                1,
                b"\xff",
                Fate::Failed(EndpointError::new(EndpointErrorKind::TooLarge, "too \"large\"")),
            ),
            result(2, b"k", Fate::LeftOutLate),
        ]);
        results.finish().expect("written");
        let schema = include_str!("../../docs/schemas/replay-result.schema.json");
        let schema = serde_json::from_str(schema).expect("a schema");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let text = std::fs::read_to_string(&path).expect("read");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        for line in &lines {
            let errors: Vec<String> = validator.iter_errors(line).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{line}: {errors:?}");
        }
        assert_eq!(
            (lines.len(), &lines[0]["offset"], &lines[1]["key_base64"]),
            (3, &7.into(), &"/w==".into())
        );
        assert_eq!((&lines[1]["error"], &lines[2]["left_out_late"]), (&"too \"large\"".into(), &true.into()));
    }

    #[test]
    fn a_file_that_is_there_is_only_gone_on_with_when_that_was_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results");
        std::fs::write(&path, "{\"n\":0}\n{\"n\":1,\"cha").expect("written");
        assert!(Results::begin(&path, false).is_err());
        let results = Results::begin(&path, true).expect("begun");
        results.add(vec![result(1, b"k", Fate::LeftOutLate)]);
        results.finish().expect("written");
        let text = std::fs::read_to_string(&path).expect("read");
        assert!(text.starts_with("{\"n\":0}\n{\"n\":1,\"channel\":\"a\"") && text.ends_with("}\n"), "{text}");
    }
}
