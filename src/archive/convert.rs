//! Recordings in the formats of other programs: written beside the target and renamed when whole, read back by the imports.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::NamedTempFile;

use super::header::HeaderProblem;
use super::import::ImportFormat;
use super::storage::{self, Medium};
use super::{ArchiveError, Header, Record, Summary, VERSION};
use crate::event::{Event, kcat};

pub(super) mod avro;
pub(super) mod cloud_events;
pub(super) mod csv;
mod loss;
#[cfg(feature = "lake")]
pub(super) mod parquet;

#[cfg(test)]
mod tests;

pub use loss::{LossCounts, LostPart};

/// A format that recordings are converted into; `docs/archive.md` describes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvertFormat {
    /// Avro object container with the envelope schema.
    Avro,
    /// A batch of CloudEvents in JSON.
    CloudEvents,
    /// Comma-separated values, RFC 4180.
    Csv,
    /// Lines of `kcat -J`.
    Kcat,
    /// Parquet with the columns of the envelope.
    Parquet,
}

impl ConvertFormat {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.import().name()
    }

    /// The import that reads it.
    #[must_use]
    pub fn import(self) -> ImportFormat {
        match self {
            Self::Avro => ImportFormat::Avro,
            Self::CloudEvents => ImportFormat::CloudEvents,
            Self::Csv => ImportFormat::Csv,
            Self::Kcat => ImportFormat::Kcat,
            Self::Parquet => ImportFormat::Parquet,
        }
    }

    /// The format that a file of this name has, where its ending tells.
    #[must_use]
    pub fn of_name(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "avro" => Some(Self::Avro),
            "csv" => Some(Self::Csv),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// Whether every event comes back from it as it was.
    #[must_use]
    pub fn is_lossless(self) -> bool {
        self != Self::Kcat
    }

    /// Whether it has room for the header of a recording.
    #[must_use]
    pub fn keeps_header(self) -> bool {
        matches!(self, Self::Avro | Self::Parquet)
    }
}

/// Writes events in one format, to the output it was made with.
trait Encode {
    /// Takes one event.
    fn event(&mut self, number: u64, event: &Event) -> io::Result<()>;

    /// Writes what is still held, and the end of the file.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// The header of a recording from the entry of a file that holds it; as in lines, what is not known is refused.
fn recorded_header(entry: &[u8]) -> io::Result<Header> {
    let reason = match Header::from_line(entry) {
        Some(Ok(header)) => return Ok(header),
        Some(Err(HeaderProblem::Version(version))) => {
            format!("is of version {version}; this program reads up to {VERSION}: use a newer eddy")
        }
        Some(Err(HeaderProblem::Other(reason))) => format!("cannot be used: {reason}"),
        None => "is no header of a recording: take the entry out, or convert the recording anew".to_owned(),
    };
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("its entry `eddy.header` {reason}")))
}

type Output = BufWriter<Destination>;

/// Where the bytes of a format go until the file or object is whole.
enum Destination {
    File(std::fs::File),
    Object(Arc<Mutex<Uploading>>),
}

/// An object on its way, and its bytes so far.
struct Uploading {
    medium: Medium,
    bytes: u64,
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Object(object) => {
                let mut object = object.lock().unwrap_or_else(PoisonError::into_inner);
                object.medium.write_all(bytes)?;
                object.bytes += bytes.len() as u64;
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            // Parts go when they are full.
            Self::Object(_) => Ok(()),
        }
    }
}

/// What will have the name of the target when it is whole.
enum Unfinished {
    File(NamedTempFile),
    Object(Arc<Mutex<Uploading>>),
}

impl Unfinished {
    fn begin(path: &Path, overwrite: bool) -> io::Result<(Self, Output)> {
        let (unfinished, destination) = if storage::is_object(path) {
            let medium = Medium::create(path, overwrite)?;
            let object = Arc::new(Mutex::new(Uploading { medium, bytes: 0 }));
            (Self::Object(Arc::clone(&object)), Destination::Object(object))
        } else {
            let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let file = temporary(folder.unwrap_or(Path::new(".")))?;
            let output = file.as_file().try_clone()?;
            (Self::File(file), Destination::File(output))
        };
        Ok((unfinished, BufWriter::with_capacity(128 * 1024, destination)))
    }

    /// Gives it its name and returns its bytes.
    fn publish(self, target: &Path, overwrite: bool) -> io::Result<u64> {
        match self {
            Self::File(file) => {
                file.as_file().sync_all()?;
                let bytes = file.as_file().metadata()?.len();
                let published = if overwrite { file.persist(target) } else { file.persist_noclobber(target) };
                published.map_err(|error| error.error)?;
                Ok(bytes)
            }
            Self::Object(_) if !overwrite && storage::exists(target) => {
                Err(io::ErrorKind::AlreadyExists.into())
            }
            Self::Object(object) => {
                let mut object = object.lock().unwrap_or_else(PoisonError::into_inner);
                object.medium.publish(target, target)?;
                Ok(object.bytes)
            }
        }
    }
}

fn encoder(format: ConvertFormat, header: Option<&Header>, output: Output) -> io::Result<Box<dyn Encode>> {
    Ok(match format {
        ConvertFormat::Avro => Box::new(avro::Encoder::begin(header, output)?),
        ConvertFormat::CloudEvents => Box::new(cloud_events::Encoder::new(output)),
        ConvertFormat::Csv => Box::new(csv::Encoder::begin(output)?),
        ConvertFormat::Kcat => Box::new(KcatLines { output, line: Vec::new() }),
        #[cfg(feature = "lake")]
        ConvertFormat::Parquet => Box::new(parquet::Encoder::begin(header, output)?),
        #[cfg(not(feature = "lake"))]
        ConvertFormat::Parquet => return Err(io::ErrorKind::Unsupported.into()),
    })
}

/// Lines of `kcat -J`.
struct KcatLines<W: Write> {
    output: W,
    line: Vec<u8>,
}

impl<W: Write> Encode for KcatLines<W> {
    fn event(&mut self, _: u64, event: &Event) -> io::Result<()> {
        self.line.clear();
        kcat::encode(event, &mut self.line);
        self.line.push(b'\n');
        self.output.write_all(&self.line)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.output.flush()
    }
}

/// Writes one file or object in the format of other programs. Until [`ForeignWriter::finish`] there is nothing under its name.
pub struct ForeignWriter {
    target: PathBuf,
    unfinished: Unfinished,
    encoder: Box<dyn Encode>,
    overwrite: bool,
    events: u64,
}

impl ForeignWriter {
    /// Begins the file; `header` is that of the recording, if there is one.
    ///
    /// # Errors
    /// When a file of the name is there and must not be replaced, it cannot be made, or the format was left out of this
    /// build.
    pub fn create(
        path: &Path,
        format: ConvertFormat,
        header: Option<&Header>,
        overwrite: bool,
    ) -> Result<Self, ArchiveError> {
        let name = path.display().to_string();
        if format == ConvertFormat::Parquet && cfg!(not(feature = "lake")) {
            return Err(ArchiveError::LeftOut { what: "Parquet" });
        }
        let path = storage::free_target(path, overwrite)?;
        let cannot_create = |source| ArchiveError::Create { name: name.clone(), source };
        let (unfinished, output) = Unfinished::begin(&path, overwrite).map_err(cannot_create)?;
        let encoder = encoder(format, header, output).map_err(cannot_create)?;
        Ok(Self { target: path, unfinished, encoder, overwrite, events: 0 })
    }

    /// Takes an event under this number.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_record(&mut self, record: &Record, number: u64) -> Result<(), ArchiveError> {
        let written = self.encoder.event(number, record.event());
        written.map_err(|source| unwritable(&self.target, self.events, source))?;
        self.events += 1;
        Ok(())
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// When it cannot be written, or a file of the name has come into being meanwhile. Nothing stays then.
    pub fn finish(self) -> Result<Summary, ArchiveError> {
        let Self { target, unfinished, encoder, overwrite, events } = self;
        encoder.finish().map_err(|source| unwritable(&target, events, source))?;
        let file_bytes = unfinished.publish(&target, overwrite).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => ArchiveError::Exists { name: target.display().to_string() },
            _ => unwritable(&target, events, source),
        })?;
        Ok(Summary { events, text_bytes: file_bytes, file_bytes, ..Summary::default() })
    }
}

fn unwritable(target: &Path, kept: u64, source: io::Error) -> ArchiveError {
    let name = target.display().to_string();
    if storage::is_object(target) {
        return ArchiveError::Upload { name, kept, source };
    }
    ArchiveError::Write { name, kept, source }
}

fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".eddy-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The process umask applies, as for any new file.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    // The error would name a file nobody has heard of.
    builder.tempfile_in(folder).map_err(|error| match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::from(error.kind()),
    })
}
