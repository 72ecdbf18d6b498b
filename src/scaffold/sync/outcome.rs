//! What a sync would do to every file: decided from the pristine text, the project's text and the new text.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::merge::{self, Merged};
use super::project::Project;
use crate::scaffold::error::ScaffoldError;
use crate::scaffold::lock::{self, LockedFile};
use crate::scaffold::manifest::Policy;
use crate::scaffold::plan::PlannedFile;
use crate::scaffold::source::sha256;

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It stays as it is.
    Keep,
    /// It is new.
    Create,
    /// It was as the template had written it, and is as the template writes it now.
    Update,
    /// Both had changed it; the changes are joined.
    Merge,
    /// Both had changed the same; the file has markers where.
    Conflict,
    /// Nothing writes it any more, and nobody had changed it.
    Delete,
    /// It has another place, and stays as it is.
    Move,
}

/// One file of a sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncedFile {
    /// Its path.
    pub path: String,
    /// How it fares.
    pub policy: Policy,
    /// What becomes of it.
    pub outcome: Outcome,
    /// What a reader should know.
    pub note: Option<String>,
    /// Its bytes now.
    pub before: Option<Vec<u8>>,
    /// Its bytes afterwards.
    pub after: Option<Vec<u8>>,
    /// Where it is now, when a migration moves it.
    pub moved_from: Option<String>,
}

impl SyncedFile {
    /// Whether writing would change it.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.before != self.after || self.moved_from.is_some()
    }
}

/// Decides for every file the lock knows or the template writes now, in order of path.
///
/// # Errors
/// When a file cannot be read, is a link, or one of the user's is in the way.
pub fn decide(project: &Project, planned: &[PlannedFile]) -> Result<Vec<SyncedFile>, ScaffoldError> {
    let known: BTreeMap<&str, &LockedFile> =
        project.lock.files.iter().map(|file| (file.path.as_str(), file)).collect();
    let wanted: BTreeMap<&str, &PlannedFile> = planned
        .iter()
        .filter(|file| !lock::owns(&file.path))
        .map(|file| (file.path.as_str(), file))
        .collect();
    let paths: BTreeSet<&str> = known.keys().chain(wanted.keys()).copied().collect();
    let decided = paths.into_iter().map(|path| {
        let before = project.read(path)?;
        let decided = match (known.get(path), wanted.get(path)) {
            (known, Some(wanted)) => written(project, known.copied(), wanted, before)?,
            (Some(known), None) => left(project, known, before),
            (None, None) => None,
        };
        let moved_from = project.moved_from(path)?.map(str::to_owned);
        Ok(decided.map(|file| with_move(file, moved_from)))
    });
    decided.filter_map(Result::transpose).collect()
}

fn with_move(file: SyncedFile, moved_from: Option<String>) -> SyncedFile {
    // What is deleted is deleted where it is.
    let Some(old) = moved_from else { return file };
    let outcome = if file.outcome == Outcome::Keep { Outcome::Move } else { file.outcome };
    let from = format!("from `{old}`");
    let note = file.note.map_or_else(|| from.clone(), |note| format!("{from}; {note}"));
    SyncedFile { outcome, note: Some(note), moved_from: Some(old), ..file }
}

/// A file the template writes now.
fn written(
    project: &Project,
    known: Option<&LockedFile>,
    wanted: &PlannedFile,
    before: Option<Vec<u8>>,
) -> Result<Option<SyncedFile>, ScaffoldError> {
    let file = |outcome, note: Option<&str>, before, after| SyncedFile {
        path: wanted.path.clone(),
        policy: wanted.policy,
        outcome,
        note: note.map(str::to_owned),
        before,
        after,
        moved_from: None,
    };
    let Some(current) = before else {
        let is_deleted = known.is_some() && wanted.policy != Policy::Generated;
        return Ok(Some(if is_deleted {
            file(Outcome::Keep, Some("you deleted it; it stays deleted"), None, None)
        } else {
            file(Outcome::Create, None, None, Some(wanted.bytes.clone()))
        }));
    };
    if current == wanted.bytes || wanted.policy == Policy::Once {
        return Ok(Some(file(Outcome::Keep, None, Some(current.clone()), Some(current))));
    }
    let is_pristine = known.is_some_and(|known| known.sha256 == sha256(&current));
    let is_as_before = known.is_some_and(|known| known.sha256 == sha256(&wanted.bytes));
    let new = Some(wanted.bytes.clone());
    Ok(Some(match wanted.policy {
        Policy::Generated | Policy::Raw if known.is_none() => {
            return Err(ScaffoldError::InTheWay { path: wanted.path.clone() });
        }
        Policy::Generated | Policy::Raw if is_pristine => file(Outcome::Update, None, Some(current), new),
        Policy::Generated => {
            let note = "it had been edited; generated files are written anew";
            file(Outcome::Update, Some(note), Some(current), new)
        }
        Policy::Raw if is_as_before => file(Outcome::Keep, None, Some(current.clone()), Some(current)),
        Policy::Raw => {
            let note = "both changed it, and it is no text to merge: yours stays";
            file(Outcome::Conflict, Some(note), Some(current.clone()), Some(current))
        }
        Policy::Once | Policy::Merge => merged(project, wanted, &current),
    }))
}

fn merged(project: &Project, wanted: &PlannedFile, current: &[u8]) -> SyncedFile {
    let file = |outcome, note: Option<String>, after: Vec<u8>| SyncedFile {
        path: wanted.path.clone(),
        policy: wanted.policy,
        outcome,
        note,
        before: Some(current.to_vec()),
        after: Some(after),
        moved_from: None,
    };
    let base = project.base.texts.get(&wanted.path).map_or("", String::as_str);
    let (Ok(ours), Ok(theirs)) = (std::str::from_utf8(current), std::str::from_utf8(&wanted.bytes)) else {
        return file(Outcome::Conflict, Some("it is not UTF-8: yours stays".to_owned()), current.to_vec());
    };
    if merge::has_markers(ours) {
        let note = "it still has the markers of an earlier conflict: yours stays";
        return file(Outcome::Conflict, Some(note.to_owned()), current.to_vec());
    }
    let Merged { text, conflicts, fault } = merge::merge(&wanted.path, base, ours, theirs);
    let outcome = match (conflicts, &fault) {
        (0, None) if text == ours => Outcome::Keep,
        (0, None) if text == theirs => Outcome::Update,
        (0, None) => Outcome::Merge,
        _ => Outcome::Conflict,
    };
    let counted =
        (conflicts > 0).then(|| format!("{conflicts} {}", if conflicts == 1 { "place" } else { "places" }));
    file(outcome, fault.or(counted), text.into_bytes())
}

/// A file the template no longer writes.
fn left(project: &Project, known: &LockedFile, before: Option<Vec<u8>>) -> Option<SyncedFile> {
    let current = before?;
    let pristine = project.base.texts.get(&known.path).is_some_and(|text| text.as_bytes() == current);
    let is_pristine = pristine || known.sha256 == sha256(&current);
    let is_to_go = project.moves.removed.contains(&known.path);
    let is_yours = known.policy == Policy::Once && !is_to_go || !is_pristine;
    let note = match (known.policy, is_yours) {
        (Policy::Once, true) if is_to_go => {
            Some("the template has no use for it any more, and you had changed it: it stays")
        }
        (Policy::Once, false) => None,
        (Policy::Once, _) => Some("the template writes it no more; it is yours to keep or delete"),
        (_, true) => Some("the template writes it no more, and you had changed it: it stays"),
        (_, false) => None,
    };
    Some(SyncedFile {
        path: known.path.clone(),
        policy: known.policy,
        outcome: if is_yours { Outcome::Keep } else { Outcome::Delete },
        note: note.map(str::to_owned),
        after: is_yours.then(|| current.clone()),
        before: Some(current),
        moved_from: None,
    })
}
