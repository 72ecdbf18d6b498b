//! Many files at once: all are made beside the project's first, then moved; who is killed in between is finished by the next.
//!
//! The directory `.eddy/sync` is the point of no return: it appears whole, with every new file and the list of steps.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::project::existing;
use crate::scaffold::error::ScaffoldError;
use crate::scaffold::lock::{self, BASE_FILE, LOCK_FILE};

/// Where the new files wait.
const PENDING: &str = ".eddy/sync";
/// The list of steps in it.
const STEPS: &str = "steps.json";

/// One file to write or to delete.
#[derive(Clone, Debug)]
pub struct FileChange<'a> {
    /// The file.
    pub path: &'a str,
    /// Its bytes now, put back when a later step fails.
    pub before: Option<&'a [u8]>,
    /// Its bytes afterwards; nothing deletes it.
    pub after: Option<&'a [u8]>,
    /// The file whose permissions it takes over when it is new.
    pub like: Option<&'a str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    path: String,
    /// The waiting file that is moved there, or nothing to delete what is there.
    from: Option<usize>,
    /// The file whose permissions it takes over when it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    like: Option<String>,
}

/// Writes all of these, or none.
///
/// # Errors
/// When something cannot be written; everything is as before then.
pub fn write(root: &Path, changes: &[FileChange<'_>]) -> Result<(), ScaffoldError> {
    for change in changes {
        existing(root, change.path)?;
    }
    let steps = prepare(root, changes)?;
    for (at, step) in steps.iter().enumerate() {
        if let Err(error) = carry_out(root, step) {
            for change in changes[..=at].iter().rev() {
                // The first error is the one to tell; a file that cannot be put back was not replaced either.
                drop(put_back(root, change));
            }
            drop(fs::remove_dir_all(root.join(PENDING)));
            return Err(error);
        }
    }
    remove_pending(root)
}

/// Whether an earlier write was interrupted after its point of no return.
#[must_use]
pub fn is_half_done(root: &Path) -> bool {
    fs::symlink_metadata(root.join(PENDING)).is_ok()
}

/// Carries out what an interrupted write left, if any; says whether there was something.
///
/// # Errors
/// When the list of steps cannot be used, or a step fails; it can be tried again then.
pub fn finish(root: &Path) -> Result<bool, ScaffoldError> {
    if !is_half_done(root) {
        return Ok(false);
    }
    let place = root.join(PENDING).join(STEPS);
    let bad = |message: String| ScaffoldError::BadMemory { path: place.clone(), message };
    let text = super::project::read_file(root, &format!("{PENDING}/{STEPS}"))?;
    let text = text.ok_or_else(|| bad("it is missing".to_owned()))?;
    let steps: Vec<Step> = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
    for step in &steps {
        let is_own = [LOCK_FILE, BASE_FILE].contains(&step.path.as_str());
        let faults = [Some(&step.path).filter(|_| !is_own), step.like.as_ref()];
        for path in faults.into_iter().flatten() {
            if let Some(fault) = lock::fault_of_path(path) {
                return Err(bad(format!("`{path}`: {fault}")));
            }
        }
    }
    steps.iter().try_for_each(|step| carry_out(root, step))?;
    remove_pending(root).map(|()| true)
}

fn prepare(root: &Path, changes: &[FileChange<'_>]) -> Result<Vec<Step>, ScaffoldError> {
    let home = root.join(".eddy");
    let fail = |source| unwritable(&home, source);
    existing(root, &format!("{PENDING}/{STEPS}"))?;
    fs::create_dir_all(&home).map_err(fail)?;
    let stage = tempfile::Builder::new().prefix(".sync-").tempdir_in(&home).map_err(fail)?;
    let mut steps = Vec::new();
    for (at, change) in changes.iter().enumerate() {
        if let Some(bytes) = change.after {
            write_synced(&stage.path().join(at.to_string()), bytes).map_err(fail)?;
        }
        steps.push(Step {
            path: change.path.to_owned(),
            from: change.after.map(|_| at),
            like: change.like.map(str::to_owned),
        });
    }
    let list = serde_json::to_vec(&steps).map_err(|error| fail(error.into()))?;
    write_synced(&stage.path().join(STEPS), &list).map_err(fail)?;
    fs::rename(stage.path(), root.join(PENDING)).map_err(fail)?;
    sync_directory(&home);
    Ok(steps)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A rename is sure to outlive a crash of the machine only then; systems that cannot do it do not need it.
fn sync_directory(path: &Path) {
    if let Ok(directory) = fs::File::open(path) {
        drop(directory.sync_all());
    }
}

fn carry_out(root: &Path, step: &Step) -> Result<(), ScaffoldError> {
    let place = root.join(&step.path);
    let there = existing(root, &step.path)?;
    let fail = |source| unwritable(&place, source);
    let Some(from) = step.from else {
        if there.is_some() {
            fs::remove_file(&place).map_err(fail)?;
            remove_empty_parents(root, &place);
        }
        return Ok(());
    };
    let waiting = root.join(PENDING).join(from.to_string());
    if !waiting.is_file() {
        // Moved before the interruption.
        return Ok(());
    }
    let pattern = match (there, &step.like) {
        (None, Some(like)) => existing(root, like)?,
        (there, _) => there,
    };
    if let Some(there) = pattern {
        // Such as the right to be run.
        fs::metadata(there)
            .and_then(|metadata| fs::set_permissions(&waiting, metadata.permissions()))
            .map_err(fail)?;
    }
    fs::create_dir_all(place.parent().unwrap_or(root)).map_err(fail)?;
    fs::rename(&waiting, &place).map_err(fail)
}

fn put_back(root: &Path, change: &FileChange<'_>) -> io::Result<()> {
    let place = root.join(change.path);
    match change.before {
        Some(bytes) if fs::read(&place).is_ok_and(|there| there == bytes) => Ok(()),
        Some(bytes) => crate::atomic_file::write(&place, bytes),
        None => {
            fs::remove_file(&place)?;
            remove_empty_parents(root, &place);
            Ok(())
        }
    }
}

fn remove_empty_parents(root: &Path, place: &Path) {
    let parents = place.ancestors().skip(1).take_while(|parent| *parent != root);
    let parents: Vec<PathBuf> = parents.map(Path::to_owned).collect();
    // The first one with something in it ends it.
    let _ = parents.iter().try_for_each(fs::remove_dir);
}

fn remove_pending(root: &Path) -> Result<(), ScaffoldError> {
    let pending = root.join(PENDING);
    fs::remove_dir_all(&pending).map_err(|source| unwritable(&pending, source))
}

fn unwritable(path: &Path, source: io::Error) -> ScaffoldError {
    ScaffoldError::Unwritable { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::create_dir_all(dir.path().join("src/old")).expect("made");
        fs::write(dir.path().join("a"), "1").expect("written");
        fs::write(dir.path().join("src/old/b"), "1").expect("written");
        dir
    }

    fn changes() -> [FileChange<'static>; 3] {
        [
            FileChange { path: "a", before: Some(b"1"), after: Some(b"2"), like: None },
            FileChange { path: "new/c", before: None, after: Some(b"2"), like: None },
            FileChange { path: "src/old/b", before: Some(b"1"), after: None, like: None },
        ]
    }

    fn is_new(root: &Path) -> bool {
        let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
        read("a") == "2" && read("new/c") == "2" && !root.join("src").exists() && !root.join(PENDING).exists()
    }

    #[test]
    fn everything_is_written_and_nothing_stays_behind() {
        let dir = project();
        write(dir.path(), &changes()).expect("written");
        assert!(is_new(dir.path()));
        assert_eq!(fs::read_dir(dir.path().join(".eddy")).expect("listed").count(), 0);
        assert!(!finish(dir.path()).expect("nothing to do"));
    }

    #[test]
    fn whoever_is_killed_at_any_step_is_finished_by_the_next() {
        for done in 0..=changes().len() {
            let dir = project();
            let steps = prepare(dir.path(), &changes()).expect("prepared");
            steps[..done].iter().for_each(|step| carry_out(dir.path(), step).expect("carried out"));
            assert!(is_half_done(dir.path()));
            assert!(finish(dir.path()).expect("finishes"));
            assert!(is_new(dir.path()), "after {done} steps");
        }
    }

    #[test]
    fn a_failing_step_leaves_everything_as_it_was() {
        let dir = project();
        let blocked = FileChange { path: "a/under-a-file", before: None, after: Some(b"2"), like: None };
        assert!(write(dir.path(), &[changes()[1].clone(), blocked]).is_err());
        // Found out only while moving: a directory appears where a file is to be.
        let steps = [changes()[0].clone(), changes()[1].clone()];
        let prepared = prepare(dir.path(), &steps).expect("prepared");
        fs::create_dir_all(dir.path().join("new/c/d")).expect("made");
        assert!(prepared.iter().try_for_each(|step| carry_out(dir.path(), step)).is_err());
        put_back(dir.path(), &steps[0]).expect("put back");
        assert_eq!(fs::read(dir.path().join("a")).expect("there"), b"1");
    }

    #[test]
    fn a_list_of_steps_that_leads_out_of_the_project_is_refused() {
        let dir = project();
        fs::create_dir_all(dir.path().join(PENDING)).expect("made");
        for path in ["../x", "/etc/x", ".eddy/x", ".git/../../x"] {
            let list = serde_json::json!([{ "path": path, "from": null }]).to_string();
            fs::write(dir.path().join(PENDING).join(STEPS), list).expect("written");
            assert!(matches!(finish(dir.path()), Err(ScaffoldError::BadMemory { .. })), "{path}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn what_may_be_run_stays_so_and_links_are_not_followed() {
        use std::os::unix::fs::PermissionsExt;
        let dir = project();
        let mode = |mode| fs::Permissions::from_mode(mode);
        fs::set_permissions(dir.path().join("a"), mode(0o755)).expect("set");
        write(dir.path(), &changes()[..1]).expect("written");
        assert_eq!(fs::metadata(dir.path().join("a")).expect("there").permissions().mode() & 0o777, 0o755);
        let outside = tempfile::tempdir().expect("temporary directory");
        std::os::unix::fs::symlink(outside.path(), dir.path().join("new")).expect("linked");
        let error = write(dir.path(), &changes()[1..2]).expect_err("refused");
        assert!(error.to_string().contains("is a link"), "{error}");
        assert_eq!(fs::read_dir(outside.path()).expect("listed").count(), 0);
    }
}
