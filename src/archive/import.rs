//! Recordings of other tools read as events: one file per format, errors with the line they are at.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde::Serialize;
use serde_json::value::RawValue;

use super::convert::{ConvertFormat, avro, cloud_events, csv};
use super::{ArchiveError, Header, storage};
use crate::event::Timestamp;
use crate::event::json_lines::{Line, MAX_LINE};

mod gor;
mod guess;
mod har;
mod http_text;
mod json_texts;
mod kaf;
mod nats;
mod rpk;

/// A file that must be read as a whole may have so many bytes.
const MOST_WHOLE: u64 = 1 << 30;

/// A format of another tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportFormat {
    /// Lines of `kcat -J`.
    Kcat,
    /// `rpk topic consume`, pretty-printed or one object per line.
    Rpk,
    /// `kaf consume --output json` or `json-each-row`.
    Kaf,
    /// Captures of GoReplay.
    Gor,
    /// HTTP archives of browsers and proxies.
    Har,
    /// `nats sub --dump`: a folder of files, or standard output.
    NatsDump,
    /// Avro object container that `eddy archive convert` wrote, or another with its schema.
    Avro,
    /// A batch of CloudEvents in JSON.
    CloudEvents,
    /// Comma-separated values with the columns of `eddy archive convert`.
    Csv,
    /// Parquet that `eddy archive convert` wrote, or another with columns of these names.
    Parquet,
}

impl ImportFormat {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kcat => "kcat",
            Self::Rpk => "rpk",
            Self::Kaf => "kaf",
            Self::Gor => "gor",
            Self::Har => "har",
            Self::NatsDump => "nats-dump",
            Self::Avro => "avro",
            Self::CloudEvents => "cloudevents",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// Something in the input that is no event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BadInput {
    /// The file.
    pub file: String,
    /// Number of the line where it begins, from 1.
    pub line: u64,
    /// What is wrong, as a fragment.
    pub reason: String,
}

/// What reading gave.
pub enum Imported {
    /// An event, with its number where the format keeps it.
    Event(Box<Line>),
    /// Something else, which can be left out.
    Bad(BadInput),
}

/// Reads the events of one file, folder or stream.
pub struct Importer {
    format: ImportFormat,
    files: VecDeque<PathBuf>,
    name: String,
    current: Option<Box<dyn Events>>,
    channel: Option<String>,
    /// When the import began: the time of events that have none.
    arrival: Timestamp,
    passed: Rc<Cell<u64>>,
    lost: Option<String>,
    /// Messages of a dump without a time.
    timeless: u64,
}

/// The events of one input: each with the line where it begins.
pub(super) trait Events {
    fn next(&mut self) -> io::Result<Option<(u64, Result<Line, String>)>>;

    /// The header of the recording, where the format keeps it.
    fn header(&self) -> Option<Header> {
        None
    }

    /// What the input has lost, in words, where it can be seen that it did.
    fn lost(&self) -> Option<String> {
        None
    }
}

pub(super) type Input = Box<dyn BufRead>;

/// What is said of columns that an event has no part for.
pub(super) fn strange_columns(names: &[String]) -> Option<String> {
    let (columns, verb) = if names.len() == 1 { ("column", "is") } else { ("columns", "are") };
    let list = names.join(", ");
    (!list.is_empty()).then(|| format!("{columns} {list} {verb} left out: an event has no such part"))
}

impl Importer {
    /// Opens a file, an object, or a folder of files that `nats sub --dump` made; `-` is standard input. Input may be compressed
    /// by gzip or zstd. Without a format it is told from the first bytes. Events go to `channel`, if there is one.
    ///
    /// # Errors
    /// When the input cannot be opened, or its format cannot be told.
    pub fn open(
        path: &Path,
        format: Option<ImportFormat>,
        channel: Option<String>,
    ) -> Result<Self, ArchiveError> {
        let name = path.display().to_string();
        let arrival = Timestamp::now();
        let idle = Self {
            format: format.unwrap_or(ImportFormat::NatsDump),
            files: VecDeque::new(),
            name: name.clone(),
            current: None,
            channel,
            arrival,
            passed: Rc::new(Cell::new(0)),
            lost: None,
            timeless: 0,
        };
        if path.is_dir() {
            let files =
                nats::files(path).map_err(|source| ArchiveError::Read { name: name.clone(), source })?;
            return Ok(Self { files: files.into(), ..idle });
        }
        if is_parquet(path, format).map_err(|source| ArchiveError::Open { name: name.clone(), source })? {
            let current = Some(parquet_rows(path, arrival)?);
            return Ok(Self { format: ImportFormat::Parquet, current, ..idle });
        }
        let opened: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            let opened = storage::open(path);
            opened.map_err(|source| ArchiveError::Open { name: name.clone(), source })?.input
        };
        let mut input = unpacked(opened, &idle.passed)
            .map_err(|source| ArchiveError::Read { name: name.clone(), source })?;
        let format = match format {
            Some(format) => format,
            None => guess::format(path, &mut input)
                .map_err(|source| ArchiveError::Read { name: name.clone(), source })?
                .ok_or_else(|| ArchiveError::UnknownImport { name: name.clone() })?,
        };
        if format == ImportFormat::Kaf && idle.channel.is_none() {
            let first =
                input.fill_buf().map_err(|source| ArchiveError::Read { name: name.clone(), source })?;
            let end = memchr::memchr(b'\n', first).unwrap_or(first.len());
            if !kaf::names_its_topic(&String::from_utf8_lossy(&first[..end])) {
                return Err(ArchiveError::ImportChannel { name });
            }
        }
        let current = begin(format, input, (arrival, idle.channel.as_deref()));
        let current = Some(current.map_err(|source| ArchiveError::Read { name, source })?);
        Ok(Self { format, current, ..idle })
    }

    /// The format that was named or told.
    #[must_use]
    pub fn format(&self) -> ImportFormat {
        self.format
    }

    /// The header of the recording, where the format keeps it.
    #[must_use]
    pub fn header(&self) -> Option<Header> {
        self.current.as_ref().and_then(|current| current.header())
    }

    /// What the input has lost, in words, where it can be seen that it did.
    #[must_use]
    pub fn lost(&self) -> Option<String> {
        self.lost.clone().or_else(|| nats::lost(self.timeless))
    }

    /// Bytes of the input read so far, as they lie on the disk.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.passed.get()
    }

    /// The next event, or the next thing that is none; `None` at the end.
    ///
    /// # Errors
    /// When the input cannot be read on.
    pub fn next_imported(&mut self) -> Result<Option<Imported>, ArchiveError> {
        loop {
            let Some(current) = &mut self.current else {
                let Some(path) = self.files.pop_front() else {
                    return Ok(None);
                };
                self.name = path.display().to_string();
                let file = storage::open(&path).and_then(|file| unpacked(file.input, &self.passed));
                let known = (self.arrival, self.channel.as_deref());
                let begun = file.and_then(|input| begin(self.format, input, known));
                self.current = Some(begun.map_err(|source| self.unreadable(source))?);
                continue;
            };
            match current.next() {
                Err(source) => return Err(self.unreadable(source)),
                Ok(None) => {
                    self.lost = current.lost().or(self.lost.take());
                    self.current = None;
                }
                Ok(Some((line, Err(reason)))) => {
                    return Ok(Some(Imported::Bad(BadInput { file: self.name.clone(), line, reason })));
                }
                Ok(Some((_, Ok(mut line)))) => {
                    let is_timeless =
                        self.format == ImportFormat::NatsDump && line.event.broker_time.is_none();
                    self.timeless += u64::from(is_timeless);
                    if let Some(channel) = &self.channel {
                        line.event.channel = channel.into();
                    }
                    return Ok(Some(Imported::Event(Box::new(line))));
                }
            }
        }
    }

    fn unreadable(&self, source: io::Error) -> ArchiveError {
        ArchiveError::Read { name: self.name.clone(), source }
    }
}

fn begin(
    format: ImportFormat,
    input: Input,
    (arrival, channel): (Timestamp, Option<&str>),
) -> io::Result<Box<dyn Events>> {
    Ok(match format {
        ImportFormat::Kcat => Box::new(json_texts::Lines::new(input, crate::event::kcat::decode)),
        ImportFormat::Kaf => {
            let channel = channel.map(str::to_owned);
            Box::new(json_texts::Lines::new(input, move |text| kaf::decode(text, channel.as_deref())))
        }
        ImportFormat::NatsDump => {
            Box::new(json_texts::Lines::of_messages(input, move |text| nats::decode(text, arrival)))
        }
        ImportFormat::Rpk => Box::new(json_texts::Objects::new(input, rpk::decode)),
        ImportFormat::Gor => Box::new(gor::Captures::new(input, arrival)),
        ImportFormat::Har => Box::new(har::Entries::read(input)?),
        ImportFormat::Avro => Box::new(avro::Blocks::begin(input)?),
        ImportFormat::CloudEvents => Box::new(cloud_events::Elements::new(input, arrival)),
        ImportFormat::Csv => Box::new(csv::Rows::new(input, arrival)),
        ImportFormat::Parquet => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "Parquet is read from its end: it must be a file, not packed and no stream",
            ));
        }
    })
}

/// Parquet is read from its end, so it is no stream as the other formats are.
fn is_parquet(path: &Path, format: Option<ImportFormat>) -> io::Result<bool> {
    // A pipe gives its bytes only once.
    let has_end = path.is_file() || storage::is_object(path);
    if !has_end || format.is_some_and(|format| format != ImportFormat::Parquet) {
        return Ok(false);
    }
    // What is wrong with the file its reader knows best.
    if format.is_some() || ConvertFormat::of_name(path) == Some(ConvertFormat::Parquet) {
        return Ok(true);
    }
    let mut first = Vec::new();
    storage::open(path)?.input.take(4).read_to_end(&mut first)?;
    Ok(first == b"PAR1")
}

#[cfg(feature = "lake")]
fn parquet_rows(path: &Path, arrival: Timestamp) -> Result<Box<dyn Events>, ArchiveError> {
    let opened = super::convert::parquet::Groups::open(path, arrival);
    let opened = opened.map_err(|source| ArchiveError::Read { name: path.display().to_string(), source })?;
    Ok(Box::new(opened))
}

#[cfg(not(feature = "lake"))]
fn parquet_rows(_: &Path, _: Timestamp) -> Result<Box<dyn Events>, ArchiveError> {
    Err(ArchiveError::LeftOut { what: "Parquet" })
}

/// The content of what gzip or zstd packed; other input as it is.
fn unpacked(input: Box<dyn Read>, passed: &Rc<Cell<u64>>) -> io::Result<Input> {
    let counted = Counted { input, passed: Rc::clone(passed) };
    let mut input = BufReader::with_capacity(128 * 1024, counted);
    let first = input.fill_buf()?;
    Ok(match first {
        [0x1f, 0x8b, ..] => Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(input))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(input)?))
        }
        _ => Box::new(input),
    })
}

/// Counts what is read.
struct Counted {
    input: Box<dyn Read>,
    passed: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.passed.set(self.passed.get() + count as u64);
        Ok(count)
    }
}

/// Reads up to and with `end`, in bounded memory; false at the end of the input.
fn read_until(input: &mut Input, end: u8, text: &mut Vec<u8>) -> io::Result<bool> {
    let room = (MAX_LINE + 1).saturating_sub(text.len()) as u64;
    let read = input.by_ref().take(room).read_until(end, text)?;
    if text.len() > MAX_LINE {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("an event takes more than {} MiB", MAX_LINE >> 20),
        ));
    }
    Ok(read > 0)
}

/// Bytes of a JSON value: those of a string, or the text of another value as it is written; none of null.
fn text_or_json(value: Option<&RawValue>) -> Result<Option<bytes::Bytes>, String> {
    let Some(text) = value.map(RawValue::get).filter(|text| *text != "null") else {
        return Ok(None);
    };
    if !text.starts_with('"') {
        return Ok(Some(text.to_owned().into()));
    }
    let string: String = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(Some(string.into()))
}

/// Serde's words without the place, which is that of a text cut out of the input.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").map_or(text.clone(), |end| text[..end].to_owned())
}

#[cfg(test)]
mod tests;
