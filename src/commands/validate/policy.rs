//! Which rule weighs how much in this run.

use crate::check::rules::codes_of;
use crate::commands::{CommandError, Context};
use crate::diagnostic::Severity;
use crate::settings::RuleLevel;

/// Levels by code; `None` is off.
pub type Levels = Vec<(&'static str, Option<Severity>)>;

/// The levels of the workspace, by code; names of rules and identifiers of the official parser count too.
pub fn levels(context: &Context) -> Result<Levels, CommandError> {
    let Some(workspace) = context.workspace()? else {
        return Ok(Vec::new());
    };
    let mut levels = Vec::new();
    for (word, level) in &workspace.settings.rules {
        let codes = codes_of(word);
        if codes.is_empty() {
            let message = format!("there is no rule `{word}`, set in `{}`", workspace.file().display());
            return Err(CommandError::usage(message).hint("`eddy explain` lists all codes"));
        }
        levels.extend(codes.into_iter().map(|code| (code, RuleLevel::severity(*level))));
    }
    Ok(levels)
}
