//! What a newer version of a template asks of a project: files and answers that have another name. Only declared, nothing is run.

use std::collections::{BTreeMap, BTreeSet};

use super::project::Project;
use crate::scaffold::manifest::{Manifest, Migration};

/// What migrations do to a project, besides the names in its lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Where a file was, by where it is to be.
    pub moved: BTreeMap<String, String>,
    /// Files that are to go although they were the user's.
    pub removed: BTreeSet<String>,
    /// What to tell, with the version that says it.
    pub messages: Vec<(String, String)>,
}

/// A project as migrations between its version and the manifest's name it; nothing is written.
#[must_use]
pub fn migrated(project: &Project, manifest: &Manifest) -> Project {
    let mut project = project.clone();
    if project.lock.template.name != manifest.name {
        return project;
    }
    let (from, to) = (numbers(&project.lock.template.version), numbers(&manifest.version));
    let mut due: Vec<&Migration> =
        manifest.migrations.iter().filter(|one| numbers(&one.to) > from && numbers(&one.to) <= to).collect();
    due.sort_by_key(|one| numbers(&one.to));
    for migration in due {
        apply(&mut project, migration);
    }
    project
}

fn apply(project: &mut Project, migration: &Migration) {
    for (from, to) in &migration.rename {
        let is_taken = project.lock.files.iter().any(|file| file.path == *to);
        let Some(file) = project.lock.files.iter_mut().find(|file| file.path == *from && !is_taken) else {
            continue;
        };
        file.path.clone_from(to);
        if let Some(text) = project.base.texts.remove(from) {
            project.base.texts.insert(to.clone(), text);
        }
        // What moved before moves on from where it was at first.
        let first = project.moves.moved.remove(from).unwrap_or_else(|| from.clone());
        project.moves.moved.insert(to.clone(), first);
    }
    for (from, to) in &migration.answers {
        if let Some(answer) = project.lock.answers.shift_remove(from) {
            project.lock.answers.entry(to.clone()).or_insert(answer);
        }
    }
    project.moves.removed.extend(migration.remove.iter().cloned());
    let message = migration.message.as_ref().map(|message| (migration.to.clone(), message.clone()));
    project.moves.messages.extend(message);
}

/// A version as numbers, so that 0.10 comes after 0.9; missing ones are 0.
fn numbers(version: &str) -> [u64; 3] {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts = plain.split('.').map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(numbers("0.10.0") > numbers("0.9.3"));
        assert_eq!(numbers("1.2"), numbers("1.2.0"));
        assert_eq!(numbers("1.2.0-rc.1"), numbers("1.2.0"));
    }
}
