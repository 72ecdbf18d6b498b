//! Files that are whole or absent: written beside the target, synced, then renamed over it.

use std::io::{self, Write};
use std::path::Path;

/// Replaces `path` by these bytes, or leaves it as it was.
///
/// # Errors
/// Those of the file system; nothing half-written stays behind.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
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

/// The file beside the target has a name nobody has heard of; callers name the target.
fn without_path(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() { error } else { io::Error::from(error.kind()) }
}
