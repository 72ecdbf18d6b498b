//! Which rule weighs how much in this run, which findings are known, and which rules a team has of its own.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::check::Policy;
use crate::check::baseline::{Baseline, BaselineError};
use crate::check::page::About;
use crate::check::rules::{all, codes_of};
use crate::commands::{CommandError, Context};
use crate::diagnostic::{Severity, nearest};
use crate::settings::RuleLevel;

/// Flags about levels and known findings.
#[derive(Debug, Default, clap::Args)]
pub struct PolicyArgs {
    /// Level of a code, rule, category or official identifier, over that of the workspace: `ED2106=off`
    #[arg(long, value_name = "CODE=LEVEL")]
    rule: Vec<String>,
    /// Lightest findings to show
    #[arg(long, value_enum, value_name = "LEVEL")]
    level: Option<Least>,
    /// Count warnings as errors
    #[arg(long)]
    deny_warnings: bool,
    /// Findings in this file are known: only others are shown and fail
    #[arg(long, value_name = "FILE", conflicts_with = "write_baseline")]
    baseline: Option<PathBuf>,
    /// Write all findings into this file, for `--baseline`
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Least {
    /// All
    Hint,
    /// No hints
    Info,
    /// Neither hints nor notes
    Warning,
    /// Errors only
    Error,
}

impl From<Least> for Severity {
    fn from(least: Least) -> Self {
        match least {
            Least::Hint => Self::Hint,
            Least::Info => Self::Info,
            Least::Warning => Self::Warning,
            Least::Error => Self::Error,
        }
    }
}

/// One level that somebody set.
struct Setting<'a> {
    word: &'a str,
    level: RuleLevel,
}

/// The policy of this run: the workspace's levels, then those of the flags.
pub fn policy(
    args: &PolicyArgs,
    cap: usize,
    own_rules: Vec<About>,
    context: &Context,
) -> Result<Policy, CommandError> {
    // A baseline that leaves findings out would show them as new.
    let cap = if args.write_baseline.is_some() { usize::MAX } else { cap };
    let mut policy = Policy { cap, own_rules, deny_warnings: args.deny_warnings, ..Policy::default() };
    if let Some(least) = args.level {
        policy.least = least.into();
    }
    if let Some(workspace) = context.workspace()? {
        let place = format!("set in `{}`", workspace.file().display());
        let rules = &workspace.settings.rules;
        let settings = rules.iter().map(|(word, level)| Setting { word, level: *level });
        set_levels(&mut policy, settings.collect(), &place)?;
    }
    let settings = args.rule.iter().map(|text| setting(text)).collect::<Result<Vec<_>, _>>()?;
    set_levels(&mut policy, settings, "named by `--rule`")?;
    policy.baseline = args.baseline.as_ref().map(|path| Baseline::read(path)).transpose()?;
    Ok(policy)
}

fn setting(text: &str) -> Result<Setting<'_>, CommandError> {
    let levels = "levels are off, hint, info, warning, error";
    let Some((word, level)) = text.split_once('=') else {
        return Err(CommandError::usage(format!("`--rule {text}` has no level"))
            .hint(format!("write `--rule {text}=off`; {levels}")));
    };
    let level = match level {
        "off" => RuleLevel::Off,
        "hint" => RuleLevel::Hint,
        "info" => RuleLevel::Info,
        "warning" => RuleLevel::Warning,
        "error" => RuleLevel::Error,
        _ => return Err(CommandError::usage(format!("there is no level `{level}`")).hint(levels)),
    };
    Ok(Setting { word, level })
}

/// What names one code wins over what names several, and that over a category, however they are ordered.
fn set_levels(policy: &mut Policy, settings: Vec<Setting>, place: &str) -> Result<(), CommandError> {
    let mut meant = Vec::new();
    for setting in settings {
        let (width, codes) = codes_meant(setting.word, &policy.own_rules);
        if codes.is_empty() {
            return Err(unknown(setting.word, place));
        }
        meant.push((std::cmp::Reverse(width), codes, setting.level));
    }
    meant.sort_by_key(|(width, ..)| *width);
    for (_, codes, level) in meant {
        policy.levels.extend(codes.into_iter().map(|code| (code, level.severity())));
    }
    Ok(())
}

/// The codes a word stands for, and how wide the word is: a category is wider than any list of codes. It holds no rules
/// on request: those are asked for one by one.
fn codes_meant(word: &str, own: &[About]) -> (usize, Vec<&'static str>) {
    let own_of_category = own.iter().filter(|about| about.category == word).map(|about| about.code);
    let of_category = all().iter().filter(|rule| rule.category.word() == word && !rule.is_on_request());
    let codes: Vec<&str> = of_category.map(|rule| rule.code).chain(own_of_category).collect();
    if !codes.is_empty() {
        return (usize::MAX, codes);
    }
    let codes = match own.iter().find(|about| about.code == word) {
        Some(about) => vec![about.code],
        None => codes_of(word),
    };
    (codes.len(), codes)
}

fn unknown(word: &str, place: &str) -> CommandError {
    let error = CommandError::usage(format!("there is no rule `{word}`, {place}"));
    let categories = ["spec", "correctness", "interop", "style"];
    let known =
        all().iter().flat_map(|rule| [rule.code, rule.name].into_iter().chain(rule.aliases.iter().copied()));
    match nearest(word, known.chain(categories)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => {
            error.hint("`eddy explain` lists all codes; categories are spec, correctness, interop, style")
        }
    }
}

impl From<BaselineError> for CommandError {
    fn from(error: BaselineError) -> Self {
        let hint = match &error {
            BaselineError::Unwritable { .. } => "check the folder and its permissions",
            _ => "`eddy validate --write-baseline FILE` writes one",
        };
        Self::usage(error.to_string()).hint(hint)
    }
}
