//! `eddy completions`: a completion script for a shell, on stdout.

use std::io::Write;

use clap_complete::Shell;

use super::{CommandError, Context, Status};

/// Flags of `eddy completions`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy completions bash > ~/.local/share/bash-completion/completions/eddy\n  \
    eddy completions zsh > \"${fpath[1]}/_eddy\"\n  eddy completions fish > ~/.config/fish/completions/eddy.fish"
)]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let mut data = context.ui.data();
    data.write_all(&script(args.shell))?;
    data.flush()?;
    Ok(Status::Done)
}

/// The script for a shell; the same bytes are kept in `completions/`.
#[must_use]
pub fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command_line(), "eddy", &mut script);
    script
}
