//! A template in a directory: plain files, read whole; symbolic links and special files are refused, not followed.

use std::collections::BTreeMap;
use std::path::Path;

use super::Collected;
use crate::scaffold::error::ScaffoldError;

/// Deepest directory a template may have.
const MAX_DEPTH: usize = 32;

/// Every file below a directory, by its path with `/`.
///
/// # Errors
/// When something cannot be read, is no plain file, or is too much.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, ScaffoldError> {
    let mut reader = Reader { collected: Collected::new(path.display().to_string()) };
    reader.read(path, "", 0)?;
    Ok(reader.collected.files)
}

struct Reader {
    collected: Collected,
}

impl Reader {
    fn read(&mut self, directory: &Path, prefix: &str, depth: usize) -> Result<(), ScaffoldError> {
        let unreadable = |source| ScaffoldError::Unreadable { path: directory.to_owned(), source };
        if depth > MAX_DEPTH {
            return Err(self.collected.refuse(format!("it is more than {MAX_DEPTH} directories deep")));
        }
        for entry in std::fs::read_dir(directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let kind = entry.file_type().map_err(unreadable)?;
            let name = entry.file_name().into_string().map_err(|name| {
                self.collected.refuse(format!("the name of `{}` is not UTF-8", name.to_string_lossy()))
            })?;
            let inside = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            if kind.is_dir() {
                // A template kept under version control is read as it would be when exported.
                if name != ".git" {
                    self.read(&entry.path(), &inside, depth + 1)?;
                }
            } else if kind.is_file() {
                self.take(&entry.path(), &inside)?;
            } else {
                return Err(self
                    .collected
                    .refuse(format!("`{inside}` is a symbolic link or a special file")));
            }
        }
        Ok(())
    }

    fn take(&mut self, path: &Path, inside: &str) -> Result<(), ScaffoldError> {
        let unreadable = |source| ScaffoldError::Unreadable { path: path.to_owned(), source };
        self.collected.expect(std::fs::symlink_metadata(path).map_err(unreadable)?.len())?;
        self.collected.put(inside, std::fs::read(path).map_err(unreadable)?)
    }
}
