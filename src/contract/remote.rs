//! Schemas at addresses: whoever gives them, once given they are locked by their hash and kept, so that later runs need
//! no network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::atomic_file;
use crate::source_text::RemoteRefusal;

/// The name of the lock beside the workspace file.
pub const LOCK_FILE: &str = "eddy.refs.lock";
/// Where the copies are kept, beside the lock.
const COPIES: &str = ".eddy/refs";
/// Bytes a lock may have.
const LARGEST_LOCK: u64 = 16 * 1024 * 1024;

/// Gives the documents that references name by address.
pub trait Remotes {
    /// The text at an address; nothing when this run does not ask for it.
    ///
    /// # Errors
    /// Why there is none that may be used.
    fn get(&mut self, address: &str) -> Option<Result<String, RemoteRefusal>>;
}

/// Remote references are not followed.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRemotes;

impl Remotes for NoRemotes {
    fn get(&mut self, _address: &str) -> Option<Result<String, RemoteRefusal>> {
        None
    }
}

/// One address in the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Locked {
    /// Hash of the text in hexadecimal digits.
    sha256: String,
    /// The copy, relative to the lock.
    copy: String,
}

/// The lock as written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LockFile {
    /// The format of this file: 1.
    version: u32,
    /// What is locked, by address.
    #[serde(default)]
    refs: BTreeMap<String, Locked>,
}

/// Why the lock cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// The lock.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// It is none.
    #[error("`{path}` is no lock of references: {reason}")]
    Malformed {
        /// The lock.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It, or a copy, cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
}

/// How a text is fetched from an address, or why it is not, as a fragment.
pub type Fetch<'a> = Box<dyn FnMut(&str) -> Result<String, String> + 'a>;

/// Texts by the lock, and by fetching where that is allowed and the lock has none.
pub struct LockedRemotes<'a> {
    folder: PathBuf,
    file: LockFile,
    fetch: Option<Fetch<'a>>,
    /// What was fetched in this run.
    fetched: BTreeMap<String, String>,
}

impl<'a> LockedRemotes<'a> {
    /// Reads the lock in `folder`, where there may be none; without `fetch` nothing is fetched.
    ///
    /// # Errors
    /// When there is a lock that cannot be used.
    pub fn open(folder: &Path, fetch: Option<Fetch<'a>>) -> Result<Self, LockError> {
        let path = folder.join(LOCK_FILE);
        let unreadable = |source| LockError::Unreadable { path: path.clone(), source };
        let malformed = |reason: String| LockError::Malformed { path: path.clone(), reason };
        let file = match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                LockFile { version: 1, refs: BTreeMap::new() }
            }
            Err(error) => return Err(unreadable(error)),
            Ok(found) if found.len() > LARGEST_LOCK => return Err(malformed("it is too large".to_owned())),
            Ok(_) => {
                let text = std::fs::read_to_string(&path).map_err(unreadable)?;
                serde_yaml::from_str(&text).map_err(|error| malformed(error.to_string()))?
            }
        };
        if file.version != 1 {
            return Err(malformed(format!("its version {} is not known", file.version)));
        }
        Ok(Self { folder: folder.to_owned(), file, fetch, fetched: BTreeMap::new() })
    }

    /// Writes what was fetched, and the lock, when there is something new.
    ///
    /// # Errors
    /// When a file cannot be written; the lock names no copy that is not there.
    pub fn save(&mut self) -> Result<usize, LockError> {
        let fetched = std::mem::take(&mut self.fetched);
        if fetched.is_empty() {
            return Ok(0);
        }
        let unwritable = |path: &Path| {
            let path = path.to_owned();
            move |source| LockError::Unwritable { path, source }
        };
        let copies = self.folder.join(COPIES);
        std::fs::create_dir_all(&copies).map_err(unwritable(&copies))?;
        for (address, text) in &fetched {
            let locked = locked(text);
            let path = self.folder.join(&locked.copy);
            atomic_file::write(&path, text.as_bytes()).map_err(unwritable(&path))?;
            self.file.refs.insert(address.clone(), locked);
        }
        let path = self.folder.join(LOCK_FILE);
        let text = serde_yaml::to_string(&self.file)
            .map_err(|error| LockError::Malformed { path: path.clone(), reason: error.to_string() })?;
        atomic_file::write(&path, text.as_bytes()).map_err(unwritable(&path))?;
        Ok(fetched.len())
    }

    /// The copy of a locked text; nothing when it is not there.
    fn copy(&self, address: &str, locked: &Locked) -> Option<Result<String, RemoteRefusal>> {
        // The lock is read as written: a copy elsewhere is none of ours.
        let is_ours = locked.copy.strip_prefix(COPIES).and_then(|rest| rest.strip_prefix('/'));
        let is_ours = is_ours.is_some_and(|name| !name.contains(['/', '\\']) && name != "..");
        if !is_ours {
            return Some(Err(changed(format!(
                "the copy of `{address}` in the lock is not below `{COPIES}`"
            ))));
        }
        let text = std::fs::read_to_string(self.folder.join(&locked.copy)).ok()?;
        if hash(&text) == locked.sha256 {
            return Some(Ok(text));
        }
        Some(Err(changed(format!("`{}` is no longer what `{address}` was when it was locked", locked.copy))))
    }
}

impl Remotes for LockedRemotes<'_> {
    fn get(&mut self, address: &str) -> Option<Result<String, RemoteRefusal>> {
        let locked = self.file.refs.get(address).cloned();
        if let Some(copy) = locked.as_ref().and_then(|locked| self.copy(address, locked)) {
            return Some(copy);
        }
        let fetch = self.fetch.as_mut()?;
        let text = match fetch(address) {
            Ok(text) => text,
            Err(reason) => return Some(Err(RemoteRefusal { reason, changed: false })),
        };
        if locked.is_some_and(|locked| locked.sha256 != hash(&text)) {
            return Some(Err(changed(format!("`{address}` is no longer what it was when it was locked"))));
        }
        self.fetched.insert(address.to_owned(), text.clone());
        Some(Ok(text))
    }
}

fn changed(reason: String) -> RemoteRefusal {
    RemoteRefusal { reason, changed: true }
}

fn locked(text: &str) -> Locked {
    let sha256 = hash(text);
    Locked { copy: format!("{COPIES}/{sha256}"), sha256 }
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetcher(text: &'static str) -> Fetch<'static> {
        Box::new(move |_| Ok(text.to_owned()))
    }

    #[test]
    fn what_was_fetched_is_locked_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let address = "https://example.org/a.json";
        let mut first = LockedRemotes::open(folder.path(), Some(fetcher("{}"))).unwrap();
        assert_eq!(first.get(address), Some(Ok("{}".to_owned())));
        assert_eq!(first.save().unwrap(), 1);
        let mut later = LockedRemotes::open(folder.path(), None).unwrap();
        assert_eq!(later.get(address), Some(Ok("{}".to_owned())));
        assert_eq!(later.get("https://example.org/b.json"), None);
        assert_eq!(later.save().unwrap(), 0);
    }

    #[test]
    fn another_hash_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let address = "https://example.org/a.json";
        let mut first = LockedRemotes::open(folder.path(), Some(fetcher("{}"))).unwrap();
        first.get(address);
        first.save().unwrap();
        let copy = folder.path().join(COPIES).join(hash("{}"));
        std::fs::write(&copy, "{\"type\": \"string\"}").unwrap();
        let refusal = LockedRemotes::open(folder.path(), None).unwrap().get(address).unwrap().unwrap_err();
        assert!(refusal.changed, "{refusal:?}");
        std::fs::remove_file(&copy).unwrap();
        assert_eq!(LockedRemotes::open(folder.path(), None).unwrap().get(address), None);
        let mut other = LockedRemotes::open(folder.path(), Some(fetcher("[]"))).unwrap();
        assert!(other.get(address).unwrap().unwrap_err().changed);
    }

    #[test]
    fn a_lock_that_leads_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let lock = "version: 1\nrefs: {'https://e.org/a': {sha256: '00', copy: .eddy/refs/../../secret}}\n";
        std::fs::write(folder.path().join(LOCK_FILE), lock).unwrap();
        let mut remotes = LockedRemotes::open(folder.path(), None).unwrap();
        assert!(remotes.get("https://e.org/a").unwrap().is_err());
        std::fs::write(folder.path().join(LOCK_FILE), "version: 2\n").unwrap();
        assert!(LockedRemotes::open(folder.path(), None).is_err());
    }
}
