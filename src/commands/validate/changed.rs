//! Which documents changed since a revision of git, themselves or by a file they refer to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::reading::Read;
use crate::commands::paths::Input;
use crate::commands::{CommandError, Context};

/// The inputs that differ from `revision`, or refer, through whatever files, to one that does.
pub fn changed(
    read: &Read,
    inputs: &[Input],
    revision: &str,
    context: &Context,
) -> Result<Vec<Input>, CommandError> {
    let changed = changed_files(revision, &context.directory)?;
    let differs = |path: &PathBuf| changed.contains(&real(path));
    let is_affected = |input: &&Input| match input {
        Input::Stdin => true,
        Input::Named(path) | Input::Found(path) => {
            differs(path) || read.loaded.documents.reached_from(path).iter().any(differs)
        }
    };
    Ok(inputs.iter().filter(is_affected).cloned().collect())
}

/// The path by which files are compared: links followed where the file is there.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path)
        .unwrap_or_else(|_| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
}

/// Files of the working tree that differ from the revision, and those git does not know yet.
fn changed_files(revision: &str, directory: &Path) -> Result<BTreeSet<PathBuf>, CommandError> {
    let root = git(directory, &["rev-parse", "--show-toplevel"])?;
    let root = PathBuf::from(root.trim_end());
    // A revision that looks like a flag must not be read as one.
    let commit = format!("{revision}^{{commit}}");
    let known = git(directory, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]);
    let commit = known.map_err(|_| {
        CommandError::usage(format!("git knows no revision `{revision}`")).hint(
            "name a branch, a tag or a commit, such as `main` or `HEAD~1`; a shallow clone lacks older ones",
        )
    })?;
    let differing = git(&root, &["diff", "--name-only", "-z", "--no-renames", commit.trim_end(), "--"])?;
    let unknown = git(&root, &["ls-files", "--others", "--exclude-standard", "-z"])?;
    let names = differing.split('\0').chain(unknown.split('\0')).filter(|name| !name.is_empty());
    Ok(names.map(|name| real(&root.join(name))).collect())
}

fn git(directory: &Path, arguments: &[&str]) -> Result<String, CommandError> {
    let output = Command::new("git").arg("-C").arg(directory).args(arguments).output().map_err(|error| {
        CommandError::usage(format!("cannot run `git`: {error}"))
            .hint("`--changed-since` asks git what changed; install it, or name the documents")
    })?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        let reason = reason.lines().next().unwrap_or_default().trim_start_matches("fatal: ");
        return Err(CommandError::usage(format!("git refuses: {reason}"))
            .hint("`--changed-since` works inside a git repository"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
