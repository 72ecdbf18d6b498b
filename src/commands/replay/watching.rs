//! How a run of `eddy replay` is watched: its progress, and a line for each event in a file.

use std::path::PathBuf;
use std::sync::Arc;

use super::delivering::file_of;
use crate::commands::{CommandError, results};
use crate::replay::{Results, Shard, Survey};
use crate::ui::Ui;
use crate::ui::progress::{ProgressChoice, TransferView};

/// Flags for those who watch.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Watching")]
pub(super) struct WatchingArgs {
    /// Write a JSON line for each event there: when it was due, went and arrived, where, or why not;
    /// with `--shard`, FILE is followed by `.INDEX-of-COUNT`
    #[arg(long, value_name = "FILE")]
    pub(super) results: Option<PathBuf>,
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
    /// The file of results of this process: each shard has its own, as it has its ledger.
    pub fn results_of(&self, shard: Option<Shard>) -> Option<PathBuf> {
        self.results.as_ref().map(|path| file_of(path, shard))
    }

    /// Begins the file of results; a run that goes on adds to it.
    ///
    /// # Errors
    /// When it is there already, or cannot be written.
    pub fn results(&self, goes_on: bool, shard: Option<Shard>) -> Result<Option<Arc<Results>>, CommandError> {
        let else_what = "name another for `--results`, or remove it; `--resume` adds to it";
        results::begin(self.results_of(shard).as_ref(), goes_on, else_what)
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
