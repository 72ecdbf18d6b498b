//! One process keeps a ledger at a time: two that go on from the same one would send the same events.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::LedgerError;

/// The right to keep a ledger, until it is dropped. The system takes it back from a process that dies.
#[derive(Debug)]
pub struct LedgerLock {
    path: PathBuf,
    /// None where the file system knows no locks.
    held: Option<File>,
}

impl LedgerLock {
    /// Takes the right to keep the ledger at this path. It is a lock on a file beside it, for the ledger itself is another file
    /// each time it is written.
    ///
    /// # Errors
    /// When another process has it, or the file cannot be made.
    pub fn take(ledger: &Path) -> Result<Self, LedgerError> {
        let mut name = ledger.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let unwritable = |source| LedgerError::Unwritable { path: ledger.into(), source };
        loop {
            let mut file = OpenOptions::new()
                .create(true)
                .read(true)
                .write(true)
                .truncate(false)
                .open(&path)
                .map_err(unwritable)?;
            match file.try_lock() {
                Ok(()) if !is_still_there(&file, &path) => {}
                Ok(()) => {
                    // For people only; the lock is what counts.
                    let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
                    return Ok(Self { path, held: Some(file) });
                }
                Err(TryLockError::WouldBlock) => {
                    let mut process = String::new();
                    let _ = file.read_to_string(&mut process);
                    return Err(LedgerError::InUse { path: ledger.into(), process: process.parse().ok() });
                }
                // What else goes wrong is that the file system has no locks, or none just now.
                Err(TryLockError::Error(_)) => return Ok(Self { path, held: None }),
            }
        }
    }
}

impl Drop for LedgerLock {
    fn drop(&mut self) {
        // While it is held, so that nobody's lock is taken away.
        if self.held.is_some() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether the file is still the one of this name: whoever had the lock before took the name away.
#[cfg(unix)]
fn is_still_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let of = |metadata: io::Result<std::fs::Metadata>| metadata.map(|found| (found.dev(), found.ino())).ok();
    of(file.metadata()) == of(std::fs::metadata(path))
}

#[cfg(not(unix))]
fn is_still_there(_file: &File, _path: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::LedgerLock;
    use crate::replay::LedgerError;

    #[test]
    fn only_one_at_a_time_keeps_a_ledger_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = folder.path().join("run.ledger");
        let first = LedgerLock::take(&ledger).expect("free");
        let taken = LedgerLock::take(&ledger).expect_err("in use");
        assert!(
            matches!(taken, LedgerError::InUse { process: Some(id), .. } if id == std::process::id()),
            "{taken}"
        );
        LedgerLock::take(&folder.path().join("other.ledger")).expect("another one");
        drop(first);
        drop(LedgerLock::take(&ledger).expect("free again"));
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
        assert!(LedgerLock::take(&folder.path().join("none/run.ledger")).is_err());
    }
}
