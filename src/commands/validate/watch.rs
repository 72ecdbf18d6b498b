//! `eddy validate --watch`: checks again whenever a file that was read changes, until interrupted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::commands::{CommandError, Context, Status, interruption};

/// How long a file must be left alone before it is read: editors write in several steps.
const QUIET: Duration = Duration::from_millis(80);

/// One round: how it ended and the files it read.
pub struct Round {
    /// What the command would end with.
    pub status: Status,
    /// Every file read, and every file that was looked for.
    pub files: Vec<PathBuf>,
}

impl From<Status> for Round {
    fn from(status: Status) -> Self {
        Self { status, files: Vec::new() }
    }
}

/// Runs `check` once, and again after each change of a file it read or of a directory in `directories`.
///
/// # Errors
/// When the first round fails, or the system refuses to watch.
pub fn watch(
    directories: &[PathBuf],
    context: &Context,
    mut check: impl FnMut() -> Result<Round, CommandError>,
) -> Result<Status, CommandError> {
    let runtime = context.runtime(1)?;
    let (sender, mut events) = mpsc::unbounded_channel();
    let report = move |event: notify::Result<notify::Event>| {
        if let Ok(event) = event
            && !matches!(event.kind, EventKind::Access(_))
        {
            // The receiver is gone only when the program ends.
            let _ = sender.send(event.paths);
        }
    };
    let watcher = notify::recommended_watcher(report).map_err(|error| refused(&error))?;
    let mut places = Watched { watcher, folders: BTreeSet::new(), files: BTreeSet::new() };
    for directory in directories {
        places.watcher.watch(directory, RecursiveMode::Recursive).map_err(|error| refused(&error))?;
    }
    let mut round = check()?;
    loop {
        places.take(&round.files)?;
        let files = &places.files;
        context.ui.say(format!("watching {} for changes; Ctrl-C ends", counted(files.len())));
        let is_ours = |path: &PathBuf| files.contains(path) || directories_hold(directories, path);
        let changed = runtime.block_on(async {
            tokio::select! {
                path = next_change(&mut events, &is_ours) => path,
                () = interruption() => None,
            }
        });
        let Some(changed) = changed else {
            return Ok(Status::Interrupted);
        };
        let name = changed.strip_prefix(&context.directory).unwrap_or(&changed).display().to_string();
        context.ui.say(format!("\n──── {name} changed ────"));
        match check() {
            Ok(next) => round = next,
            // A file may be away for the moment; the files of the round before are still watched.
            Err(error) => error.show(&context.ui),
        }
    }
}

/// The first file that changed, once nothing has changed for a moment.
async fn next_change(
    changes: &mut mpsc::UnboundedReceiver<Vec<PathBuf>>,
    is_ours: &dyn Fn(&PathBuf) -> bool,
) -> Option<PathBuf> {
    let first = loop {
        let paths = changes.recv().await?;
        if let Some(found) = paths.into_iter().find(|path| is_ours(path)) {
            break found;
        }
    };
    while let Ok(Some(_)) = tokio::time::timeout(QUIET, changes.recv()).await {}
    Some(first)
}

/// What the system tells us about.
struct Watched {
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    files: BTreeSet<PathBuf>,
}

impl Watched {
    /// Watches the folders of these files: a file that is replaced by another of its name is still its folder's.
    fn take(&mut self, files: &[PathBuf]) -> Result<(), CommandError> {
        self.files = files.iter().filter_map(|path| std::path::absolute(path).ok()).collect();
        for file in &self.files {
            let Some(folder) = file.parent().filter(|folder| folder.is_dir()) else { continue };
            if self.folders.insert(folder.to_owned()) {
                self.watcher.watch(folder, RecursiveMode::NonRecursive).map_err(|error| refused(&error))?;
            }
        }
        Ok(())
    }
}

fn directories_hold(directories: &[PathBuf], path: &Path) -> bool {
    let is_below = |directory: &PathBuf| {
        std::path::absolute(directory).is_ok_and(|directory| path.starts_with(directory))
    };
    crate::commands::paths::is_document_name(path) && directories.iter().any(is_below)
}

fn counted(files: usize) -> String {
    if files == 1 { "1 file".to_owned() } else { format!("{files} files") }
}

fn refused(error: &notify::Error) -> CommandError {
    CommandError::usage(format!("cannot watch for changes: {error}"))
        .hint("the system may watch only so many files; name fewer documents")
}
