//! A plan becomes files: made beside the target, then moved into place, so that there is all of it or nothing. So do other files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::ScaffoldError;
use super::plan::Plan;

/// Writes a plan into a directory that is new or empty.
///
/// A new directory appears in one step. An empty one that is there keeps its identity (it may be somebody's current
/// directory): its entries are moved in one by one, and taken out again when one of them fails.
///
/// # Errors
/// When the directory is not empty or cannot be written; it is as before then.
pub fn write(plan: &Plan, target: &Path) -> Result<(), ScaffoldError> {
    let files: Vec<(&str, &[u8])> =
        plan.files.iter().map(|file| (file.path.as_str(), file.bytes.as_slice())).collect();
    write_files(&files, target)
}

/// Writes files, as paths with `/` between parts and bytes, as [`write()`] does those of a plan.
///
/// # Errors
/// As [`write()`].
pub fn write_files(files: &[(&str, &[u8])], target: &Path) -> Result<(), ScaffoldError> {
    check_target(target)?;
    let target = std::path::absolute(target).map_err(|source| unwritable(target, source))?;
    let parent = target.parent().unwrap_or(&target).to_owned();
    let made = create_parents(&parent)?;
    write_into(files, &target, &parent).inspect_err(|_| {
        // Only directories made a moment ago are removed, and only while they are empty.
        made.iter().rev().for_each(|directory| drop(fs::remove_dir(directory)));
    })
}

/// Whether a plan may be written here.
///
/// # Errors
/// When the target is a file, or a directory with something in it.
pub fn check_target(target: &Path) -> Result<(), ScaffoldError> {
    match fs::read_dir(target) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(ScaffoldError::NotEmpty { directory: target.to_owned() }),
            None => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unwritable(target, error)),
    }
}

fn create_parents(parent: &Path) -> Result<Vec<PathBuf>, ScaffoldError> {
    let missing: Vec<&Path> = parent.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    let mut made = Vec::new();
    for directory in missing.into_iter().rev() {
        fs::create_dir(directory).map_err(|source| unwritable(directory, source))?;
        made.push(directory.to_owned());
    }
    Ok(made)
}

fn write_into(files: &[(&str, &[u8])], target: &Path, parent: &Path) -> Result<(), ScaffoldError> {
    let stage = tempfile::Builder::new()
        .prefix(".eddy-new-")
        .tempdir_in(parent)
        .map_err(|source| unwritable(parent, source))?;
    // The temporary directory is private; what is moved out of it must have the usual permissions.
    let root = stage.path().join("project");
    fs::create_dir(&root).map_err(|source| unwritable(&root, source))?;
    for (file, bytes) in files {
        let path = root.join(file);
        let directory = path.parent().unwrap_or(&root);
        fs::create_dir_all(directory)
            .and_then(|()| fs::write(&path, bytes))
            .map_err(|source| unwritable(&target.join(file), source))?;
    }
    if target.exists() {
        move_entries(&root, target)
    } else {
        fs::rename(&root, target).map_err(|source| unwritable(target, source))
    }
}

fn move_entries(root: &Path, target: &Path) -> Result<(), ScaffoldError> {
    let mut moved: Vec<(PathBuf, PathBuf)> = Vec::new();
    let result = (|| {
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            let place = target.join(entry.file_name());
            fs::rename(entry.path(), &place)?;
            moved.push((entry.path(), place));
        }
        Ok(())
    })();
    result.map_err(|source: io::Error| {
        for (from, to) in &moved {
            drop(fs::rename(to, from));
        }
        unwritable(target, source)
    })
}

fn unwritable(path: &Path, source: io::Error) -> ScaffoldError {
    ScaffoldError::Unwritable { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaffold::manifest::Policy;
    use crate::scaffold::plan::{Action, PlannedFile};

    fn plan() -> Plan {
        let file = |path: &str| PlannedFile {
            path: path.to_owned(),
            policy: Policy::Once,
            origin: String::new(),
            bytes: path.as_bytes().to_vec(),
        };
        Plan {
            template: ("x".to_owned(), "1".to_owned()),
            files: vec![file("a"), file("src/b")],
            next_steps: String::new(),
            notes: Vec::new(),
            projects: Vec::new(),
        }
    }

    #[test]
    fn a_new_directory_has_everything_and_nothing_stays_beside_it() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let target = dir.path().join("deep/shop");
        assert_eq!(plan().actions(&target), [Action::Create, Action::Create]);
        write(&plan(), &target).expect("written");
        assert_eq!(fs::read(target.join("src/b")).expect("there"), b"src/b");
        assert_eq!(plan().actions(&target), [Action::Keep, Action::Keep]);
        let beside = fs::read_dir(dir.path().join("deep")).expect("listed").count();
        assert_eq!(beside, 1);
    }

    #[test]
    fn an_empty_directory_is_filled_and_a_full_one_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let target = dir.path().join("shop");
        fs::create_dir(&target).expect("made");
        write(&plan(), &target).expect("written");
        let error = write(&plan(), &target).expect_err("not empty");
        assert!(matches!(error, ScaffoldError::NotEmpty { .. }), "{error}");
        fs::write(target.join("a"), "mine").expect("written");
        assert_eq!(plan().actions(&target), [Action::Conflict, Action::Keep]);
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mut broken = plan();
        broken.files.push(PlannedFile { path: "a/under-a-file".to_owned(), ..broken.files[0].clone() });
        assert!(write(&broken, &dir.path().join("new/shop")).is_err());
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 0);
    }
}
