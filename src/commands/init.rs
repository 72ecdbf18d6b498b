//! `eddy init`: writes a workspace file that fits what lies in the directory.

use std::path::{Path, PathBuf};

use super::{CommandError, Context, Status};
use crate::atomic_file;
use crate::settings::WORKSPACE_FILE;

/// Flags of `eddy init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eddy init\n  eddy init services/shop\n  eddy init --force")]
pub struct Args {
    /// Directory of the workspace
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// Replace a workspace file that is there
    #[arg(long)]
    force: bool,
}

/// Names under which contracts are commonly kept, as patterns, in order of preference.
const CONTRACT_PATTERNS: [&str; 4] =
    ["**/asyncapi.yaml", "**/asyncapi.yml", "**/asyncapi.json", "**/*.asyncapi.yaml"];

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let path = args.directory.join(WORKSPACE_FILE);
    if args.directory.to_string_lossy().contains("://") {
        return Err(CommandError::usage(format!(
            "`{}` is an address and no directory",
            args.directory.display()
        ))
        .hint("name the directory of the workspace"));
    }
    if path.exists() && !args.force {
        return Err(CommandError::usage(format!("`{}` is already there", path.display()))
            .hint("`--force` replaces it"));
    }
    std::fs::create_dir_all(&args.directory)
        .map_err(|error| CommandError::unwritable(&args.directory, &error))?;
    let contracts = found_patterns(&args.directory);
    atomic_file::write(&path, workspace_text(&contracts).as_bytes())
        .map_err(|error| CommandError::unwritable(&path, &error))?;
    context.ui.say(format!("wrote `{}`", path.display()));
    if contracts.is_empty() {
        context
            .ui
            .say("no contract found yet: put one at `services/NAME/asyncapi.yaml`, then run `eddy validate`");
    } else {
        context.ui.say("next: `eddy validate`, then `eddy graph`");
    }
    Ok(Status::Done)
}

fn found_patterns(directory: &Path) -> Vec<&'static str> {
    let matches = |pattern: &&str| {
        let full = directory.join(pattern);
        glob::glob(&full.to_string_lossy()).is_ok_and(|mut found| found.any(|path| path.is_ok()))
    };
    CONTRACT_PATTERNS.into_iter().filter(matches).collect()
}

fn workspace_text(contracts: &[&str]) -> String {
    let contracts = if contracts.is_empty() { &["services/*/asyncapi.yaml"][..] } else { contracts };
    let listed: String = contracts.iter().map(|pattern| format!("  - \"{pattern}\"\n")).collect();
    format!(
        "# The workspace of eddy: what is declared, and where it runs.\n\
         version: 1\n\n\
         # AsyncAPI documents: who sends and receives what.\n\
         contracts:\n{listed}\n\
         # Plain event schemas (JSON Schema in YAML with `x-event`), for teams without AsyncAPI documents.\n\
         events:\n  - \"events/**/*.yaml\"\n\n\
         # Named sets of servers; `embedded` is the broker of `eddy broker`.\n\
         environments:\n  local:\n    default: true\n    servers:\n      main: embedded\n"
    )
}
