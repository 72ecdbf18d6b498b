//! Refuses a run of which two files are one and the same: what it reads, what it writes events to, and what it keeps about
//! them.

use std::path::{Path, PathBuf};

use super::CommandError;
use crate::archive;

/// A file that a run writes, by the flag that names it.
pub type Written<'a> = (&'a str, PathBuf);

/// Refuses to write over what is read, and to write two things into one file. Devices and pipes may be named twice.
///
/// # Errors
/// When a file is named for two purposes, by whatever names.
pub fn refuse_shared(read: Option<&Path>, written: &[Written<'_>]) -> Result<(), CommandError> {
    let parts = read.map(|read| archive::files_of(read).unwrap_or_default()).unwrap_or_default();
    let read: Vec<PathBuf> = read.map(Path::to_owned).into_iter().chain(parts).collect();
    let sources: Vec<PathBuf> = read.iter().filter_map(|path| location(path)).collect();
    let mut found: Vec<(&str, PathBuf)> = Vec::new();
    for (flag, path) in written {
        let Some(place) = location(path) else { continue };
        let name = path.display();
        if sources.contains(&place) {
            let message = format!("`{name}` would be written over itself: {flag} names what is read");
            return Err(CommandError::usage(message).hint(format!("name another file for {flag}")));
        }
        if let Some((other, _)) = found.iter().find(|(_, known)| *known == place) {
            let message = format!("{other} and {flag} both name the same file, `{name}`");
            return Err(CommandError::usage(message).hint("give each a file of its own"));
        }
        found.push((flag, place));
    }
    Ok(())
}

/// The one name of a file, whether it is there or would be made; none of what is no file.
fn location(path: &Path) -> Option<PathBuf> {
    if archive::is_object(path) {
        return Some(path.to_owned());
    }
    if let Ok(found) = path.canonicalize() {
        return found.is_file().then_some(found);
    }
    let name = path.file_name()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    Some(folder.unwrap_or(Path::new(".")).canonicalize().ok()?.join(name))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::refuse_shared;

    fn refused(read: &Path, written: &[(&str, &Path)]) -> Option<String> {
        let written: Vec<_> = written.iter().map(|(flag, path)| (*flag, path.to_path_buf())).collect();
        refuse_shared(Some(read), &written).err().map(|error| error.message)
    }

    #[test]
    fn a_file_is_known_by_each_of_its_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("in")).expect("made");
        std::fs::write(at("read"), "").expect("written");
        let (read, new, same) = (at("read"), at("new"), at("in/../new"));
        let both = [("`--ledger`", new.as_path()), ("`--results`", same.as_path())];
        let message = refused(&read, &both).expect("one file");
        assert!(message.starts_with("`--ledger` and `--results` both name the same file"), "{message}");
        let over = at("in/../read");
        let message = refused(&read, &[("`--to`", &over)]).expect("itself");
        assert!(message.contains("written over itself: `--to` names what is read"), "{message}");
        assert_eq!(refused(&read, &[("`--ledger`", &new), ("`--results`", &at("in/new"))]), None);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&read, at("link")).expect("linked");
            assert!(refused(&at("link"), &[("`--to`", &read)]).is_some(), "by a link");
            let device = Path::new("/dev/null");
            assert_eq!(refused(device, &[("`--to`", device), ("`--results`", device)]), None);
        }
    }
}
