//! A project follows its template and its contract: one plan, decided file by file, written all at once.

mod adopt;
mod differences;
mod journal;
mod lines;
mod merge;
mod migrate;
mod outcome;
mod project;
mod structure;

use std::path::Path;

use serde_json::{Map, Value};

pub use adopt::{AdoptedFile, Adoption, Standing, adopt, refuse_project, write as write_adoption};
pub use merge::{Merged, merge};
pub use migrate::{Moves, migrated};
pub use outcome::{Outcome, SyncedFile};
pub use project::Project;

use self::journal::FileChange;
use super::error::ScaffoldError;
use super::lock::{self, BASE_FILE, LOCK_FILE, Lock};
use super::manifest::Manifest;
use super::plan::Plan;
use super::surface::{self, Change};

/// Everything a sync would do.
#[derive(Clone, Debug)]
pub struct Sync {
    /// Version of the template before and after.
    pub template: (String, String),
    /// Version of the contract before and after, where there is one.
    pub contract: (Option<String>, Option<String>),
    /// What the contract changes; `None` when the project does not remember the earlier one.
    pub changes: Option<Vec<Change>>,
    /// Every file, in order of path; eddy's own are not among them.
    pub files: Vec<SyncedFile>,
    /// What versions of the template on the way have to tell, each with its version.
    pub messages: Vec<(String, String)>,
    /// The new lock and base, when they differ from those of the project.
    own: Vec<(String, Vec<u8>)>,
}

impl Sync {
    /// Whether a write would change anything.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        !self.own.is_empty() || self.files.iter().any(SyncedFile::changes)
    }

    /// Files a person has to look at.
    #[must_use]
    pub fn conflicts(&self) -> Vec<&SyncedFile> {
        self.files.iter().filter(|file| file.outcome == Outcome::Conflict).collect()
    }

    /// Changes of the contract that break somebody.
    #[must_use]
    pub fn breaking(&self) -> Vec<&Change> {
        self.changes.iter().flatten().filter(|change| change.breaking).collect()
    }
}

/// Answers the project gave, without those that are computed and those the template no longer asks for.
#[must_use]
pub fn answers_of(lock: &Lock, manifest: &Manifest) -> Map<String, Value> {
    let asked = |name: &str| {
        manifest.variables.iter().any(|(known, variable)| known == name && variable.compute.is_none())
    };
    lock.answers
        .iter()
        .filter(|(name, _)| asked(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Finishes what an interrupted sync left in the project at or above a directory; says whether there was something.
///
/// # Errors
/// When there is no project, or a step fails.
pub fn finish(directory: &Path) -> Result<bool, ScaffoldError> {
    let start = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    match start.ancestors().find(|ancestor| ancestor.join(LOCK_FILE).is_file()) {
        Some(root) => journal::finish(root),
        None => Err(ScaffoldError::NoProject { directory: directory.to_owned() }),
    }
}

/// Decides what a new plan does to a project.
///
/// # Errors
/// When a file cannot be read or is in the way, or an earlier sync is half done.
pub fn plan(project: &Project, plan: &Plan) -> Result<Sync, ScaffoldError> {
    if journal::is_half_done(&project.root) {
        return Err(ScaffoldError::HalfDone { project: project.root.clone() });
    }
    let bytes_of = |path: &str| {
        plan.files.iter().find(|file| file.path == path).map(|file| file.bytes.as_slice()).unwrap_or_default()
    };
    let bad = |message: String| ScaffoldError::BadMemory { path: LOCK_FILE.into(), message };
    let new_lock = lock::read(&String::from_utf8_lossy(bytes_of(LOCK_FILE))).map_err(bad)?;
    let new_base = lock::read_base(bytes_of(BASE_FILE)).map_err(bad)?;
    let files = outcome::decide(project, &plan.files)?;
    // Another version of eddy alone is no reason to write, nor that it notes more.
    let is_same_lock = Lock { eddy: project.lock.eddy.clone(), ..new_lock.clone() } == project.lock;
    let is_same_surface = match (&project.base.surface, &new_base.surface) {
        (Some(before), Some(after)) if before.form < after.form => surface::changes(before, after).is_empty(),
        (before, after) => before == after,
    };
    let own = if is_same_lock && is_same_surface && new_base.texts == project.base.texts {
        Vec::new()
    } else {
        [BASE_FILE, LOCK_FILE].map(|path| (path.to_owned(), bytes_of(path).to_vec())).to_vec()
    };
    let version = |lock: &Lock| lock.contract.as_ref().map(|contract| contract.version.clone());
    let changes = match (&project.base.surface, &new_base.surface) {
        (Some(before), Some(after)) => Some(surface::changes(before, after)),
        (None, None) => Some(Vec::new()),
        _ => None,
    };
    Ok(Sync {
        template: (project.lock.template.version.clone(), new_lock.template.version.clone()),
        contract: (version(&project.lock), version(&new_lock)),
        changes,
        files,
        messages: project.moves.messages.clone(),
        own,
    })
}

/// Writes what was decided: all of it, or nothing.
///
/// # Errors
/// When something cannot be written; the project is as before then.
pub fn write(project: &Project, sync: &Sync) -> Result<(), ScaffoldError> {
    let mut changes: Vec<FileChange<'_>> = Vec::new();
    for file in sync.files.iter().filter(|file| file.changes()) {
        let (before, after) = (file.before.as_deref(), file.after.as_deref());
        if let Some(old) = &file.moved_from {
            if after.is_some() {
                changes.push(FileChange { path: &file.path, before: None, after, like: Some(old) });
            }
            changes.push(FileChange { path: old, before, after: None, like: None });
        } else {
            changes.push(FileChange { path: &file.path, before, after, like: None });
        }
    }
    let mut earlier = Vec::new();
    for (path, _) in &sync.own {
        earlier.push(project.read(path)?);
    }
    for ((path, bytes), before) in sync.own.iter().zip(&earlier) {
        changes.push(FileChange { path, before: before.as_deref(), after: Some(bytes), like: None });
    }
    journal::write(&project.root, &changes)
}
