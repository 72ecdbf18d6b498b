//! Files that are whole or absent: written beside the target, synced, then renamed over it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Replaces `path` by these bytes, or leaves it as it was. A link stays a link, and the file it leads to is replaced; devices,
/// pipes and terminals are written to.
///
/// # Errors
/// Those of the file system; nothing half-written stays behind.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if is_special(path) {
        return OpenOptions::new().append(true).open(path)?.write_all(bytes);
    }
    replace(&followed(path), bytes)
}

/// What a new file is put in the place of: where a link leads to, for it stays a link.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for devices, pipes and terminals, which no file may take the place of.
pub fn replaceable(path: &Path) -> io::Result<PathBuf> {
    if is_special(path) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is a device or a pipe, and only a file can be replaced",
        ));
    }
    Ok(followed(path))
}

fn followed(path: &Path) -> PathBuf {
    let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    let target = if is_link { path.canonicalize().ok() } else { None };
    target.unwrap_or_else(|| path.to_owned())
}

/// Whether there is something at the path that no file may be put in place of; `/dev/stdout` is such, whatever it leads to.
fn is_special(path: &Path) -> bool {
    let is_no_file = |metadata: fs::Metadata| !metadata.is_file() && !metadata.is_dir();
    let is_open_already =
        ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"].iter().any(|at| path.starts_with(at));
    path.metadata().is_ok_and(|metadata| is_open_already || is_no_file(metadata))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".eddy-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The process umask applies, as for any new file.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(parent.unwrap_or(Path::new("."))).map_err(without_path)?;
    file.write_all(bytes).map_err(without_path)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Why writing failed, in words and without the name of a temporary file.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let words = match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full",
        io::ErrorKind::QuotaExceeded => "the disk quota is used up",
        io::ErrorKind::NotFound => "there is no such directory",
        io::ErrorKind::PermissionDenied => "permission denied",
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        io::ErrorKind::NotADirectory => "a part of the path is not a directory",
        io::ErrorKind::IsADirectory => "it is a directory",
        _ => return error.to_string(),
    };
    words.to_owned()
}

/// What to do next when writing to `path` failed.
#[must_use]
pub fn next_step(path: &Path, error: &io::Error) -> String {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let words = match (error.kind(), parent.filter(|parent| !parent.exists())) {
        (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, _) => NO_SPACE,
        (io::ErrorKind::ReadOnlyFilesystem, _) => "name a place on another file system",
        (io::ErrorKind::IsADirectory, _) => "name a file in it",
        (io::ErrorKind::InvalidInput, _) => "name a file",
        (io::ErrorKind::NotFound, Some(parent)) => {
            return format!("make the directory first: `mkdir -p {}`", parent.display());
        }
        (io::ErrorKind::NotADirectory, _) => "name a path below a directory",
        _ => "check the path and its permissions",
    };
    words.to_owned()
}

/// What to do when there is no space.
pub const NO_SPACE: &str = "make room on the disk, or write to another one";

/// The file beside the target has a name nobody has heard of; callers name the target.
fn without_path(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() { error } else { io::Error::from(error.kind()) }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::{NO_SPACE, next_step, reason, write};

    #[cfg(unix)]
    #[test]
    fn links_stay_links_and_devices_stay_devices() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::fs::write(&real, "before").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&link, b"after").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "after");
        // A link of our own, so that a failure puts a file in its place and not in that of the device.
        let device = folder.path().join("device");
        std::os::unix::fs::symlink("/dev/null", &device).unwrap();
        write(&device, b"gone").unwrap();
        assert!(device.is_symlink());
        let dangling = folder.path().join("dangling");
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &dangling).unwrap();
        write(&dangling, b"here").unwrap();
        assert_eq!(std::fs::read_to_string(&dangling).unwrap(), "here");
    }

    #[test]
    fn a_full_disk_is_about_space_and_a_missing_directory_about_the_directory() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(
            (reason(&full), next_step(Path::new("a"), &full)),
            ("the disk is full".into(), NO_SPACE.into())
        );
        let path = Path::new("no/such/file");
        let error = write(path, b"text").expect_err("no directory");
        assert_eq!(next_step(path, &error), "make the directory first: `mkdir -p no/such`");
    }
}
