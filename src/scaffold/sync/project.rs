//! A project that eddy made: its lock, its pristine texts, and its files as they are now.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::migrate::Moves;
use crate::scaffold::error::ScaffoldError;
use crate::scaffold::lock::{self, BASE_FILE, Base, LOCK_FILE, Lock};

/// Most bytes of one file of a project that is looked at.
const MAX_FILE: u64 = 64 << 20;

/// A project and what it remembers.
#[derive(Clone, Debug)]
pub struct Project {
    /// The directory with the lock.
    pub root: PathBuf,
    /// The lock.
    pub lock: Lock,
    /// The pristine texts.
    pub base: Base,
    /// What migrations move and remove; nothing before [`super::migrated`].
    pub moves: Moves,
}

impl Project {
    /// Opens the project that a directory is in.
    ///
    /// # Errors
    /// When there is none, or what it remembers cannot be used.
    pub fn find(directory: &Path) -> Result<Self, ScaffoldError> {
        let start = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
        let root = start.ancestors().find(|ancestor| ancestor.join(LOCK_FILE).is_file());
        let root = root.ok_or_else(|| ScaffoldError::NoProject { directory: directory.to_owned() })?;
        // As short as it was given, when it is the directory itself.
        let root = if root == start { directory } else { root };
        Self::open(root)
    }

    fn open(root: &Path) -> Result<Self, ScaffoldError> {
        let bad = |name: &str, message: String| ScaffoldError::BadMemory { path: root.join(name), message };
        let text = read_file(root, LOCK_FILE)?.unwrap_or_default();
        let text = String::from_utf8(text).map_err(|_| bad(LOCK_FILE, "it is not UTF-8".to_owned()))?;
        let lock = lock::read(&text).map_err(|message| bad(LOCK_FILE, message))?;
        // Without it every merged file is taken as written anew by both.
        let bytes = read_file(root, BASE_FILE)?;
        let bytes = bytes.ok_or_else(|| bad(BASE_FILE, "it is missing".to_owned()))?;
        let base = lock::read_base(&bytes).map_err(|message| bad(BASE_FILE, message))?;
        Ok(Self { root: root.to_owned(), lock, base, moves: Moves::default() })
    }

    /// A file of the project as it is now, or `None` when it is not there.
    ///
    /// # Errors
    /// When it is no plain file, is reached through a link, or cannot be read.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ScaffoldError> {
        read_file(&self.root, self.moved_from(path)?.unwrap_or(path))
    }

    /// Where a file still is that migrations move here; `None` when somebody has moved it already.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn moved_from(&self, path: &str) -> Result<Option<&str>, ScaffoldError> {
        let Some(old) = self.moves.moved.get(path) else { return Ok(None) };
        let is_old = existing(&self.root, path)?.is_none() && existing(&self.root, old)?.is_some();
        Ok(is_old.then_some(old.as_str()))
    }
}

/// Reads a file below a directory without following links.
///
/// # Errors
/// When it is no plain file, is reached through a link, or cannot be read.
pub fn read_file(root: &Path, path: &str) -> Result<Option<Vec<u8>>, ScaffoldError> {
    let Some(place) = existing(root, path)? else { return Ok(None) };
    let unreadable = |source| ScaffoldError::Unreadable { path: place.clone(), source };
    let mut bytes = Vec::new();
    let file = fs::File::open(&place).map_err(unreadable)?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(unreadable(io::Error::other(format!("it is larger than {} MiB", MAX_FILE >> 20))));
    }
    Ok(Some(bytes))
}

/// Where a plain file below a directory is, or `None` when there is nothing.
///
/// # Errors
/// When a part of the path is a link or no directory, or the end is no plain file.
pub fn existing(root: &Path, path: &str) -> Result<Option<PathBuf>, ScaffoldError> {
    let mut place = root.to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    for (at, part) in parts.iter().enumerate() {
        place.push(part);
        let metadata = match fs::symlink_metadata(&place) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ScaffoldError::Unreadable { path: place, source }),
        };
        let is_end = at + 1 == parts.len();
        let what = match (metadata.is_symlink(), is_end) {
            (true, _) => "is a link",
            (false, true) if !metadata.is_file() => "is no plain file",
            (false, false) if !metadata.is_dir() => "is no directory",
            _ => continue,
        };
        return Err(ScaffoldError::NoFile { path: parts[..=at].join("/"), what });
    }
    Ok(Some(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn nothing_is_read_through_links_of_any_kind() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let outside = tempfile::tempdir().expect("temporary directory");
        let root = dir.path();
        std::fs::create_dir(root.join("real")).expect("made");
        std::fs::write(root.join("real/a"), "a").expect("written");
        let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, root.join(name)).expect("linked");
        link(&root.join("real/a"), "file");
        link(outside.path(), "directory");
        link(&root.join("file"), "chain");
        link(Path::new("/nowhere/at/all"), "dangling");
        for path in ["file", "directory/x", "chain", "dangling"] {
            let error = read_file(root, path).expect_err(path);
            assert!(error.to_string().contains("is a link"), "{error}");
        }
        assert!(read_file(root, "real").expect_err("a directory").to_string().contains("no plain file"));
        assert!(read_file(root, "real/a/b").expect_err("a file").to_string().contains("no directory"));
        assert_eq!(read_file(root, "real/a").expect("reads"), Some(b"a".to_vec()));
        assert_eq!(read_file(root, "real/b").expect("reads"), None);
    }
}
