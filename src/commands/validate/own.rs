//! A team's own rules: which files they are in, and running their tests.

use std::io::Write;
use std::path::PathBuf;

use super::summary::counted;
use crate::check::own::{Outcome, OwnRuleError, OwnRules, OwnTest, read};
use crate::commands::{CommandError, Context, Status};

/// Flags about rules of one's own.
#[derive(Debug, clap::Args)]
pub struct OwnArgs {
    /// Run also the rules in this file, beside those that the workspace names in `rules-from`
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Run the tests in the files of rules, and nothing else
    #[arg(long)]
    pub test_rules: bool,
}

/// The rules of the workspace and of the flags.
pub fn own_rules(args: &OwnArgs, context: &Context) -> Result<OwnRules, CommandError> {
    let mut files = args.rules.clone();
    if let Some(workspace) = context.workspace()? {
        let named = workspace.rule_files()?;
        if named.is_empty() && !workspace.settings.rules_from.is_empty() {
            let message = format!("no file matches `rules-from` of `{}`", workspace.file().display());
            return Err(CommandError::usage(message).hint("change the pattern there, or add a file of rules"));
        }
        let shown = |path: PathBuf| path.strip_prefix(&context.directory).map(PathBuf::from).unwrap_or(path);
        files.extend(named.into_iter().map(shown));
    }
    files.sort();
    files.dedup();
    let mut own = OwnRules::default();
    for file in files {
        own.extend(read(&file)?);
    }
    let mut codes: Vec<&str> = own.about().iter().map(|about| about.code).collect();
    codes.sort_unstable();
    let twice = codes.iter().zip(codes.iter().skip(1)).find(|(one, next)| one == next);
    if let Some((code, _)) = twice {
        return Err(CommandError::usage(format!("two rules have the code `{code}`"))
            .hint("give one of them another code"));
    }
    for note in &own.notes {
        context.ui.warn(note);
    }
    Ok(own)
}

/// Runs the tests of the rules and lists what came of them.
pub fn test_rules(own: &OwnRules, context: &Context) -> Result<Status, CommandError> {
    if own.tests.is_empty() {
        return Err(CommandError::usage("there are no tests of rules").hint(
            "name a file with `--rules FILE`, or in `rules-from` of eddy.yaml; tests stand under `tests:`",
        ));
    }
    let mut out = context.ui.data();
    let mut failed = 0;
    for test in &own.tests {
        let outcome = own.run(test);
        failed += usize::from(!outcome.is_passed());
        write!(out, "{}", lines(test, &outcome, context))?;
    }
    out.flush()?;
    let passed = own.tests.len() - failed;
    context.ui.say(format!("{} passed, {failed} failed", counted(passed, "test")));
    Ok(if failed == 0 { Status::Done } else { Status::Findings })
}

fn lines(test: &OwnTest, outcome: &Outcome, context: &Context) -> String {
    let (word, color) = if outcome.is_passed() { ("ok", "green") } else { ("FAILED", "red") };
    let first = format!("{} {}: {}\n", context.ui.tint(word, color), test.file, test.name);
    let missing = outcome.missing.iter();
    let missing = missing.map(|(line, code)| format!("    line {line}: {code} was expected and not found\n"));
    let unexpected = outcome
        .unexpected
        .iter()
        .map(|(line, code, message)| format!("    line {line}: {code} was not expected: {message}\n"));
    std::iter::once(first).chain(missing).chain(unexpected).collect()
}

impl From<OwnRuleError> for CommandError {
    fn from(error: OwnRuleError) -> Self {
        let hint = match &error {
            OwnRuleError::Unreadable(_) => "check the name after `--rules`, or `rules-from` in eddy.yaml",
            OwnRuleError::Wrong(_) => "see docs/validate.md for the shape of a rule",
        };
        Self::usage(error.to_string()).hint(hint)
    }
}
