//! How a run of `eddy replay` is watched: its progress, and a line for each event in a file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::atomic_file;
use crate::commands::{CommandError, ErrorKind};
use crate::replay::{Results, Survey};
use crate::ui::Ui;
use crate::ui::progress::{ProgressChoice, TransferView};

/// Flags for those who watch.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Watching")]
pub(super) struct WatchingArgs {
    /// Write a JSON line for each event there: when it was due, went and arrived, where, or why not
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// How progress is shown on stderr
    #[arg(long, value_enum, default_value_t, value_name = "CHOICE")]
    progress: Shown,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Shown {
    /// A bar with a line for each channel on a terminal, a plain line every few seconds elsewhere
    #[default]
    Auto,
    /// A JSON line each second and for everything that happens
    Json,
    /// Plain lines
    Plain,
    /// Only what goes wrong
    None,
}

impl WatchingArgs {
    /// Begins the file of results; a run that goes on adds to it.
    ///
    /// # Errors
    /// When it is there already, or cannot be written.
    pub fn results(&self, goes_on: bool) -> Result<Option<Arc<Results>>, CommandError> {
        let Some(path) = &self.results else {
            return Ok(None);
        };
        match Results::begin(path, goes_on) {
            Ok(results) => Ok(Some(Arc::new(results))),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(CommandError::usage(format!("there is already a file `{}`", path.display()))
                    .hint("name another for `--results`, or remove it; `--resume` adds to it"))
            }
            Err(error) => Err(CommandError::unwritable(path, &error)),
        }
    }

    /// How a run shows its progress, whose events go to these channels.
    pub fn view<'a>(&self, ui: &'a Ui, survey: &Survey) -> TransferView<'a> {
        let choice = match self.progress {
            Shown::Auto => ProgressChoice::Auto,
            Shown::Json => ProgressChoice::Json,
            Shown::Plain => ProgressChoice::Plain,
            Shown::None => ProgressChoice::None,
        };
        let groups = survey.channels.iter().map(|(channel, counts)| (channel.clone(), counts.events));
        TransferView::new(ui, "replaying").shown(choice).with_groups(groups.collect())
    }

    /// The flags as they can be written again.
    pub fn options(&self) -> Vec<(&'static str, String)> {
        let shown = match self.progress {
            Shown::Auto => None,
            Shown::Json => Some("json"),
            Shown::Plain => Some("plain"),
            Shown::None => Some("none"),
        };
        let results = self.results.iter().map(|path| ("results", path.display().to_string()));
        results.chain(shown.map(|shown| ("progress", shown.to_owned()))).collect()
    }
}

/// Writes what waits.
///
/// # Errors
/// When results could not be written; events went all the same.
pub(super) fn written(results: Option<&Results>) -> Result<(), CommandError> {
    let Some(results) = results else {
        return Ok(());
    };
    results.finish().map_err(|error| unwritten(results.path(), &error))
}

fn unwritten(path: &Path, error: &io::Error) -> CommandError {
    let message = format!("cannot write `{}`: {}", path.display(), atomic_file::reason(error));
    CommandError::new(ErrorKind::Delivery, message)
        .hint("the events went all the same; only lines about them are missing")
        .hint(atomic_file::next_step(path, error))
}

#[cfg(test)]
mod tests {
    use std::{io, path::Path};

    #[test]
    fn a_full_disk_is_said_in_words() {
        let error = io::Error::from_raw_os_error(28);
        let error = super::unwritten(Path::new("r.ndjson"), &error);
        assert_eq!(error.message, "cannot write `r.ndjson`: the disk is full");
        assert_eq!(error.hints.len(), 2);
    }
}
