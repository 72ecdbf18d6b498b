//! `--fix`: applies fixes until nothing changes, then writes the files, shows the difference, or prints the text.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::reading::{STDIN_NAME, Texts};
use crate::check::Report;
use crate::commands::{CommandError, Context};
use crate::diagnostic::fixing::apply;
use crate::edit::save;
use crate::source_text::{FileId, Sources};

/// Rounds of fixing and checking again; what is not stable by then is left as it is.
const ROUNDS: usize = 10;

/// Flags about fixing.
#[derive(Debug, clap::Args)]
pub struct FixArgs {
    /// Apply the fixes that keep the meaning or restore the obvious one
    #[arg(long)]
    pub fix: bool,
    /// Apply also the fixes that should be read before use
    #[arg(long = "unsafe", requires = "fix")]
    with_unsafe: bool,
    /// Show what `--fix` would change and write nothing
    #[arg(long, visible_alias = "diff", requires = "fix")]
    pub dry_run: bool,
}

/// What was fixed.
#[derive(Debug, Default)]
pub struct Fixed {
    /// Applied fixes of each code.
    pub applied: BTreeMap<&'static str, usize>,
    /// Files that changed: the text before and the text after.
    files: BTreeMap<PathBuf, (String, String)>,
}

/// Fixes in memory: `check` reads and checks with the texts it is given, in place of those of the files.
pub fn mend(
    args: &FixArgs,
    texts: &mut Texts,
    mut check: impl FnMut(&mut Texts) -> Result<(Report, Sources), CommandError>,
) -> Result<Fixed, CommandError> {
    let mut fixed = Fixed::default();
    let mut seen = BTreeSet::new();
    for _ in 0..ROUNDS {
        let (report, sources) = check(texts)?;
        let may_change = |file: FileId| is_ours(sources.get(file).path());
        let round = apply(&report.diagnostics, &sources, args.with_unsafe, &may_change);
        // Fixes that undo each other would go on for ever.
        if round.texts.is_empty() || !seen.insert(round.texts.clone()) {
            break;
        }
        for (code, count) in round.applied {
            *fixed.applied.entry(code).or_default() += count;
        }
        for (file, after) in round.texts {
            let source = sources.get(file);
            let before = || (source.text().to_owned(), String::new());
            fixed.files.entry(source.path().to_owned()).or_insert_with(before).1.clone_from(&after);
            texts.set(source.path(), after);
        }
    }
    Ok(fixed)
}

/// Files that were fetched or that are part of something else are not changed.
fn is_ours(path: &Path) -> bool {
    path == Path::new(STDIN_NAME) || path.is_file()
}

impl Fixed {
    /// Shows the changes as a unified difference.
    pub fn show_difference(&self, context: &Context) -> Result<(), CommandError> {
        let mut out = context.ui.data();
        for (path, (before, after)) in &self.files {
            let difference = TextDiff::from_lines(before.as_str(), after.as_str());
            let name = path.display();
            write!(out, "{}", difference.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")))?;
        }
        out.flush()?;
        Ok(())
    }

    /// Writes the files, each whole or not at all. A file that somebody changed meanwhile is left to them.
    pub fn write(&self) -> Result<(), CommandError> {
        for (path, (before, after)) in &self.files {
            let unwritable = |error: std::io::Error| {
                CommandError::usage(format!("cannot write `{}`: {error}", path.display())).hint(
                    "check the permissions of the file and its folder; files before it have been written",
                )
            };
            // A link stays a link: the file it leads to is written.
            let real = std::fs::canonicalize(path).map_err(unwritable)?;
            if std::fs::read(&real).map_err(unwritable)? != before.as_bytes() {
                let message =
                    format!("`{}` was changed while it was checked, and was not fixed", path.display());
                return Err(CommandError::usage(message).hint("run the command again"));
            }
            save::replace(&real, after).map_err(unwritable)?;
        }
        Ok(())
    }

    /// How many fixes in how many files, and of which codes.
    pub fn line(&self, dry_run: bool) -> String {
        let count: usize = self.applied.values().sum();
        if count == 0 {
            return "nothing to fix".to_owned();
        }
        let codes: Vec<String> =
            self.applied.iter().map(|(code, count)| format!("{count} × {code}")).collect();
        let verb = if dry_run { "would fix" } else { "fixed" };
        let findings = if count == 1 { "finding" } else { "findings" };
        let files = self.files.len();
        let noun = if files == 1 { "file" } else { "files" };
        format!("{verb} {count} {findings} in {files} {noun}: {}", codes.join(", "))
    }
}
