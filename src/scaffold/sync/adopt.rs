//! A project that eddy did not make comes under a template: what the template would make is its base, what is there its change.

use std::path::{Path, PathBuf};

use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use super::journal::{self, FileChange};
use super::project::{existing, read_file};
use crate::scaffold::error::ScaffoldError;
use crate::scaffold::lock::{self, BASE_FILE, LOCK_FILE};
use crate::scaffold::manifest::Policy;
use crate::scaffold::plan::Plan;

/// How a file of the project stands to the one the template would make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Byte for byte.
    Same,
    /// Otherwise.
    Differs,
    /// It is not there.
    Missing,
}

/// One file the template would make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdoptedFile {
    /// Its path.
    pub path: String,
    /// How it will fare.
    pub policy: Policy,
    /// How the project's stands to it.
    pub standing: Standing,
    /// Lines the project has more.
    pub added: usize,
    /// Lines the project lacks.
    pub removed: usize,
}

/// What adopting would write, and how far the project is from the template.
#[derive(Clone, Debug)]
pub struct Adoption {
    /// The project.
    root: PathBuf,
    /// Every file of the template, in order of path.
    pub files: Vec<AdoptedFile>,
    lock: Vec<u8>,
    base: Vec<u8>,
}

impl Adoption {
    /// How many files stand so.
    #[must_use]
    pub fn count(&self, standing: Standing) -> usize {
        self.files.iter().filter(|file| file.standing == standing).count()
    }
}

/// Compares a directory with what a template would make.
///
/// With `add_missing`, files that are not there are not known either, so that the next sync makes them; else they count as
/// deleted by the project.
///
/// # Errors
/// When the directory is of a project already, is none, or a file in it cannot be read.
pub fn adopt(root: &Path, plan: &Plan, add_missing: bool) -> Result<Adoption, ScaffoldError> {
    refuse_project(root)?;
    let mut files = Vec::new();
    for file in plan.files.iter().filter(|file| !lock::owns(&file.path)) {
        let there = read_file(root, &file.path)?;
        let (standing, added, removed) = match &there {
            None => (Standing::Missing, 0, 0),
            Some(there) if *there == file.bytes => (Standing::Same, 0, 0),
            Some(there) => {
                let (added, removed) = lines_between(&file.bytes, there);
                (Standing::Differs, added, removed)
            }
        };
        files.push(AdoptedFile { path: file.path.clone(), policy: file.policy, standing, added, removed });
    }
    let bytes_of = |path: &str| {
        plan.files.iter().find(|file| file.path == path).map(|file| file.bytes.clone()).unwrap_or_default()
    };
    let is_missing =
        |path: &str| files.iter().any(|file| file.path == path && file.standing == Standing::Missing);
    let bad = |message: String| ScaffoldError::BadMemory { path: LOCK_FILE.into(), message };
    let lock = if add_missing {
        lock::without(&bytes_of(LOCK_FILE), &is_missing).map_err(bad)?
    } else {
        bytes_of(LOCK_FILE)
    };
    Ok(Adoption { root: root.to_owned(), files, lock, base: bytes_of(BASE_FILE) })
}

/// A directory that is in a project, or is one, is not adopted.
///
/// # Errors
/// When it is, or when it is no directory.
pub fn refuse_project(root: &Path) -> Result<(), ScaffoldError> {
    let start = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    if let Some(project) = start.ancestors().find(|ancestor| ancestor.join(LOCK_FILE).exists()) {
        return Err(ScaffoldError::IsProject { project: project.to_owned() });
    }
    match std::fs::metadata(root) {
        Ok(metadata) if metadata.is_dir() => existing(root, BASE_FILE).map(drop),
        Ok(_) => {
            let source = std::io::Error::new(std::io::ErrorKind::NotADirectory, "it is no directory");
            Err(ScaffoldError::Unreadable { path: root.to_owned(), source })
        }
        Err(source) => Err(ScaffoldError::Unreadable { path: root.to_owned(), source }),
    }
}

/// Writes lock and base; no file of the project is touched.
///
/// # Errors
/// When they cannot be written; nothing is there then.
pub fn write(adoption: &Adoption) -> Result<(), ScaffoldError> {
    let change = |path, after| FileChange { path, before: None, after: Some(after), like: None };
    let changes = [change(BASE_FILE, adoption.base.as_slice()), change(LOCK_FILE, adoption.lock.as_slice())];
    journal::write(&adoption.root, &changes)
}

fn lines_between(template: &[u8], project: &[u8]) -> (usize, usize) {
    let (template, project) = (String::from_utf8_lossy(template), String::from_utf8_lossy(project));
    let difference = TextDiff::from_lines(template.as_ref(), project.as_ref());
    let count = |tag| difference.iter_all_changes().filter(|change| change.tag() == tag).count();
    (count(ChangeTag::Insert), count(ChangeTag::Delete))
}
