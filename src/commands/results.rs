//! A file with a line for each event of a run: begun before it, whole after it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{CommandError, ErrorKind};
use crate::atomic_file;
use crate::replay::Results;

/// Begins the file of results, where one is named; a run that goes on adds to it. `else_what` is what to do about one that
/// is there already.
///
/// # Errors
/// When it is there already, or cannot be written.
pub fn begin(
    path: Option<&PathBuf>,
    goes_on: bool,
    else_what: &str,
) -> Result<Option<Arc<Results>>, CommandError> {
    let Some(path) = path else {
        return Ok(None);
    };
    match Results::begin(path, goes_on) {
        Ok(results) => Ok(Some(Arc::new(results))),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(CommandError::usage(format!("there is already a file `{}`", path.display())).hint(else_what))
        }
        Err(error) => Err(CommandError::unwritable(path, &error)),
    }
}

/// Writes what waits.
///
/// # Errors
/// When results could not be written; events went all the same.
pub fn written(results: Option<&Results>) -> Result<(), CommandError> {
    let Some(results) = results else {
        return Ok(());
    };
    results.finish().map_err(|error| unwritten(results.path(), &error))
}

fn unwritten(path: &Path, error: &io::Error) -> CommandError {
    let message = format!("cannot write `{}`: {}", path.display(), atomic_file::reason(error));
    CommandError::new(ErrorKind::Delivery, message)
        .hint("the events went all the same; only lines about them are missing")
        .hint(atomic_file::next_step(path, error))
}

#[cfg(test)]
mod tests {
    use std::{io, path::Path};

    #[test]
    fn a_full_disk_is_said_in_words() {
        let error = io::Error::from_raw_os_error(28);
        let error = super::unwritten(Path::new("r.ndjson"), &error);
        assert_eq!(error.message, "cannot write `r.ndjson`: the disk is full");
        assert_eq!(error.hints.len(), 2);
    }
}
