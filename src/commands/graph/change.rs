//! `--at` and `--diff`: the documents of another time, and what became of the system since.

use std::path::{Path, PathBuf};

use super::super::{CommandError, Context};
use super::reading::Read;
use crate::topology::difference::Difference;
use crate::topology::inversion::View;
use crate::topology::{Change, Graph};

/// Flags about other states of the system.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Change")]
pub(super) struct ChangeArgs {
    /// Read the documents as a revision of git has them
    #[arg(long, value_name = "REF", conflicts_with = "diff")]
    pub at: Option<String>,
    /// Show what changed between two revisions of git or two saved graphs; nothing after `..` means the files as they are here
    #[arg(long, value_name = "A..B", conflicts_with_all = ["focus", "path", "observe", "drift", "systems"])]
    pub diff: Option<String>,
}

/// Two states compared.
pub(super) struct Compared {
    pub difference: Difference,
    /// Errors found while reading either.
    pub errors: usize,
}

/// Reads both states that `A..B` names and compares them.
pub(super) fn compare(
    words: &str,
    paths: &[PathBuf],
    view: Option<View>,
    context: &Context,
) -> Result<Compared, CommandError> {
    let (before, after) = ends(words)?;
    let (before, first) = state(before, paths, view, context)?;
    let (after, second) = state(after, paths, view, context)?;
    Ok(Compared { difference: Difference::new(&before, &after), errors: first + second })
}

/// The graph of a saved file, of a revision, or of the files as they are here, and the errors found on the way.
fn state(
    word: &str,
    paths: &[PathBuf],
    view: Option<View>,
    context: &Context,
) -> Result<(Graph, usize), CommandError> {
    let read = if word.is_empty() {
        Read::new(paths, view, context)?
    } else if Path::new(word).is_file() {
        Read::new(&[PathBuf::from(word)], view, context)?
    } else {
        Read::at(word, paths, view, context)?
    };
    let errors = read.warn(context)?;
    Ok((read.graph, errors))
}

/// What changed, in one line.
pub(super) fn summary(difference: &Difference) -> String {
    if difference.is_empty() {
        return "nothing differs".to_owned();
    }
    let graph = &difference.graph;
    let nodes = graph.nodes.iter().filter_map(|node| node.change);
    let changes: Vec<Change> = nodes.chain(graph.flows().filter_map(|edge| edge.change)).collect();
    let count = |wanted: &[Change]| changes.iter().filter(|change| wanted.contains(change)).count();
    let starved = match difference.starved.len() {
        0 => String::new(),
        count => format!(", {count} left without a source"),
    };
    format!(
        "{} added, {} removed, {} different{starved}",
        count(&[Change::Added]),
        count(&[Change::Removed]),
        count(&[Change::Modified, Change::Versioned])
    )
}

/// The two ends; names of files may have `..` in them too.
fn ends(words: &str) -> Result<(&str, &str), CommandError> {
    let splits: Vec<(&str, &str)> = words
        .match_indices("..")
        .map(|(at, _)| (&words[..at], &words[at + 2..]))
        .filter(|(before, _)| !before.is_empty())
        .collect();
    let is_file = |word: &str| Path::new(word).is_file();
    let of_files =
        splits.iter().find(|(before, after)| is_file(before) && (after.is_empty() || is_file(after)));
    let Some((before, after)) = of_files.or(splits.first()).copied() else {
        return Err(CommandError::usage(format!("`--diff {words}` does not name two states"))
            .hint("write it as `--diff main..HEAD`, `--diff main..` for the files as they are here, or `--diff old.json..new.json`"));
    };
    if after.starts_with('.') && !is_file(after) {
        return Err(CommandError::usage(format!("`--diff {words}` has three dots")).hint(format!(
            "write two; for what came since the branch began: `--diff $(git merge-base {before} {})..`",
            after.trim_start_matches('.')
        )));
    }
    for word in [before, after] {
        if Path::new(word).extension().is_some_and(|ending| ending == "json") && !is_file(word) {
            return Err(CommandError::usage(format!("there is no file `{word}`")).hint("check the path"));
        }
    }
    Ok((before, after))
}

#[cfg(test)]
mod tests {
    use super::ends;

    #[test]
    fn two_ends_are_two_ends() {
        assert_eq!(ends("main..HEAD").expect("two"), ("main", "HEAD"));
        assert_eq!(ends("main..").expect("two"), ("main", ""));
        for bad in ["main", "..main", "main...HEAD", "", "a.json..HEAD"] {
            assert!(ends(bad).is_err(), "{bad}");
        }
    }
}
