//! Where recordings lie: files, or objects of a bucket under `s3://`. The rest of the room does not care which.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::ArchiveError;
use crate::atomic_file;

#[cfg(not(feature = "lake"))]
mod left_out;
#[cfg(not(feature = "lake"))]
use left_out as objects;
#[cfg(feature = "lake")]
mod objects;

use objects::Upload;

/// How names of objects begin.
const OBJECT: &str = "s3://";

/// How a bucket is reached; what is not given here comes from the variables that AWS's own tools read.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ObjectAccess {
    /// The address of the server, where it is not that of AWS.
    pub endpoint: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The name of the key.
    pub access_key: Option<String>,
    /// The key itself.
    pub secret_key: Option<String>,
}

impl std::fmt::Debug for ObjectAccess {
    /// Without the key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ObjectAccess")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Says how buckets are reached, once, before the first of them is.
pub fn use_objects(access: ObjectAccess) {
    objects::configure(access);
}

/// Whether a path names an object of a bucket.
#[must_use]
pub fn is_object(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.starts_with(OBJECT))
}

/// Whether a path stands for standard input or output.
pub(super) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Refuses what stands for a stream where a file is needed, and addresses that name no object.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`].
pub(super) fn refuse_standard(path: &Path) -> io::Result<()> {
    let words = if is_standard(path) {
        "it stands for standard input or output, and this takes a file".to_owned()
    } else if is_object(path) && path.to_string_lossy().ends_with('/') {
        "a name is missing behind the slash, as in `s3://bucket/folder/orders.eddy.ndjson.zst`".to_owned()
    } else if let Some(scheme) = foreign_scheme(path) {
        let known =
            "recordings lie in files, or in buckets of S3 and of servers that speak like it, under `s3://`";
        if scheme.eq_ignore_ascii_case("s3") {
            format!("`{scheme}://` is written in small letters: `{OBJECT}`")
        } else {
            format!("`{scheme}://` is not known: {known}")
        }
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, words))
}

/// The scheme of an address under which no recordings lie; a directory that is called so is no address.
pub(super) fn foreign_scheme(path: &Path) -> Option<&str> {
    let (scheme, _) = path.to_str()?.split_once("://").filter(|_| !is_object(path))?;
    let is_scheme = scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    (is_scheme && !Path::new(&format!("{scheme}:")).exists()).then_some(scheme)
}

/// Whether there is a file or object.
#[must_use]
pub fn exists(path: &Path) -> bool {
    if is_object(path) { objects::length(path).is_ok() } else { path.exists() }
}

/// What a new file or object is put in the place of.
///
/// # Errors
/// When no file can take that place.
pub(super) fn replaceable(path: &Path) -> io::Result<PathBuf> {
    refuse_standard(path)?;
    if is_object(path) { Ok(path.to_owned()) } else { atomic_file::replaceable(path) }
}

/// The place of a file or object that is to be written under this name.
///
/// # Errors
/// When no file can take it, or, unless it may be replaced, there is one.
pub fn free_target(path: &Path, overwrite: bool) -> Result<PathBuf, ArchiveError> {
    let name = || path.display().to_string();
    let target = replaceable(path).map_err(|source| ArchiveError::Create { name: name(), source })?;
    if exists(path) && !overwrite {
        return Err(ArchiveError::Exists { name: name() });
    }
    Ok(target)
}

/// Bytes of a file or object; 0 where nobody knows.
pub(super) fn length(path: &Path) -> u64 {
    if is_object(path) {
        return objects::length(path).unwrap_or(0);
    }
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Takes a file or object away, if it is there.
pub(super) fn remove(path: &Path) {
    // What cannot be taken away is there to be seen.
    let _ = if is_object(path) { objects::remove(path) } else { std::fs::remove_file(path) };
}

/// Puts these bytes in the place of a file or object, whole.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if is_object(path) { objects::put(path, bytes) } else { atomic_file::write(path, bytes) }
}

/// Bytes that can be read from any place.
pub trait Seekable: Read + Seek + Send {}

impl<T: Read + Seek + Send> Seekable for T {}

/// Something to read, and its length where it has one.
pub struct Opened {
    /// Its bytes, from the first on.
    pub input: Box<dyn Seekable>,
    /// `None` of pipes and devices.
    pub length: Option<u64>,
}

/// Opens a file or object for reading.
///
/// # Errors
/// When it is not there, cannot be read, or is a directory.
pub fn open(path: &Path) -> io::Result<Opened> {
    refuse_standard(path)?;
    if is_object(path) {
        let (input, length) = objects::open(path)?;
        return Ok(Opened { input: Box::new(input), length: Some(length) });
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let length = metadata.is_file().then_some(metadata.len());
    Ok(Opened { input: Box::new(file), length })
}

/// A file or object that is being written.
pub(super) enum Medium {
    File(File),
    /// An object appears when it is whole; what is cut off leaves none.
    Upload(Upload),
}

impl Medium {
    /// Begins a file, or the upload of an object.
    pub(super) fn create(path: &Path, overwrite: bool) -> io::Result<Self> {
        if is_object(path) {
            return Upload::begin(path).map(Self::Upload);
        }
        let mut options = OpenOptions::new();
        options.write(true);
        if overwrite {
            options.create(true).truncate(true)
        } else {
            options.create_new(true)
        };
        options.open(path).map(Self::File)
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.write_all(bytes),
            Self::Upload(upload) => upload.write_all(bytes),
        }
    }

    /// Asks the disk to keep what was written; of an upload there is nothing to keep before its end.
    pub(super) fn sync(&self) -> io::Result<()> {
        match self {
            Self::File(file) => file.sync_data(),
            Self::Upload(_) => Ok(()),
        }
    }

    /// Cuts back what was written of a file.
    pub(super) fn cut_to(&mut self, length: u64) {
        if let Self::File(file) = self {
            let _ = file.set_len(length).and_then(|()| file.seek(SeekFrom::Start(length)));
        }
    }

    /// Gives what was written at `partial` its name.
    pub(super) fn publish(&mut self, partial: &Path, target: &Path) -> io::Result<()> {
        match self {
            Self::File(_) => std::fs::rename(partial, target),
            Self::Upload(upload) => upload.complete(),
        }
    }

    /// Gives it up.
    pub(super) fn discard(&mut self, partial: &Path) {
        match self {
            Self::File(_) => {
                let _ = std::fs::remove_file(partial);
            }
            Self::Upload(upload) => upload.abort(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::refuse_standard;

    #[test]
    fn an_address_that_names_no_object_is_refused() {
        let said = |path: &str| {
            refuse_standard(Path::new(path)).map_err(|error| error.to_string()).err().unwrap_or_default()
        };
        assert!(said("s3://lake/dir/").starts_with("a name is missing behind the slash"));
        assert!(said("gs://lake/a").starts_with("`gs://` is not known: recordings lie in files, or"));
        assert_eq!(said("S3://lake/a"), "`S3://` is written in small letters: `s3://`");
        assert_eq!(["s3://lake/a", "a", "c:/a", "/x/gs://y"].map(said), [""; 4]);
    }
}
