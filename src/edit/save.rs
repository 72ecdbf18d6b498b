//! Puts a changed text where the old one was: whole or not at all, behind links, with the permissions it had.

use std::io;
use std::path::Path;

use crate::atomic_file;

/// Replaces the text of a file that exists.
///
/// # Errors
/// Those of the file system, and when the file may not be written; the file is then as it was.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let real = path.canonicalize()?;
    let permissions = real.metadata()?.permissions();
    if permissions.readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    atomic_file::write(&real, text.as_bytes())?;
    std::fs::set_permissions(&real, permissions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.yaml"), folder.path().join("link.yaml"));
        std::fs::write(&real, "a:  1\n").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, "a: 1\n").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "a: 1\n");
        assert_eq!(real.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn what_is_read_only_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        std::fs::write(&path, "a:  1\n").unwrap();
        let mut permissions = path.metadata().unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(&path, permissions).unwrap();
        assert_eq!(replace(&path, "a: 1\n").unwrap_err().to_string(), "it is read-only");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a:  1\n");
    }
}
