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
    let mut watched = Changes::new(directories)?;
    // One for all rounds, so that a Ctrl-C during a check is heard after it.
    let mut interrupted = std::pin::pin!(interruption());
    let mut unread = std::pin::pin!(context.ui.unread());
    let mut round = check()?;
    loop {
        watched.follow(&round.files)?;
        context.ui.say(format!("watching {} for changes; Ctrl-C ends", counted(watched.files.len())));
        let changed = runtime.block_on(async {
            tokio::select! {
                biased;
                () = &mut interrupted => Ok(None),
                () = &mut unread => Err(CommandError::unread()),
                path = watched.next() => Ok(path),
            }
        });
        let Some(changed) = changed? else {
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

/// Changes of files and of documents in directories.
pub struct Changes {
    watcher: RecommendedWatcher,
    reported: mpsc::UnboundedReceiver<Vec<PathBuf>>,
    directories: Vec<PathBuf>,
    folders: BTreeSet<PathBuf>,
    files: BTreeSet<PathBuf>,
    /// Whether documents that come to lie beside followed ones count too.
    pub with_new_ones: bool,
    found: Option<PathBuf>,
}

impl Changes {
    /// Watches directories with all that is in them.
    ///
    /// # Errors
    /// When the system refuses to watch.
    pub fn new(directories: &[PathBuf]) -> Result<Self, CommandError> {
        let (sender, reported) = mpsc::unbounded_channel();
        let report = move |event: notify::Result<notify::Event>| {
            if let Ok(event) = event
                && !matches!(event.kind, EventKind::Access(_))
            {
                // The receiver is gone only when the program ends.
                let _ = sender.send(event.paths);
            }
        };
        let mut watcher = notify::recommended_watcher(report).map_err(|error| refused(&error))?;
        for directory in directories {
            watcher.watch(directory, RecursiveMode::Recursive).map_err(|error| refused(&error))?;
        }
        let (folders, files) = (BTreeSet::new(), BTreeSet::new());
        let directories = directories.to_vec();
        Ok(Self { watcher, reported, directories, folders, files, with_new_ones: false, found: None })
    }

    /// The first file that changed, once nothing has changed for a moment.
    ///
    /// Cancel safe: dropping the future loses no change.
    pub async fn next(&mut self) -> Option<PathBuf> {
        while self.found.is_none() {
            let paths = self.reported.recv().await?;
            self.found = paths.into_iter().find(|path| self.is_ours(path));
        }
        while let Ok(Some(_)) = tokio::time::timeout(QUIET, self.reported.recv()).await {}
        self.found.take()
    }

    fn is_ours(&self, path: &Path) -> bool {
        let is_new = || {
            let is_beside = path.parent().is_some_and(|folder| self.folders.contains(folder));
            self.with_new_ones && is_beside && crate::commands::paths::is_document_name(path)
        };
        self.files.contains(path) || directories_hold(&self.directories, path) || is_new()
    }

    /// Watches the folders of these files: a file that is replaced by another of its name is still its folder's.
    ///
    /// # Errors
    /// When the system refuses to watch.
    pub fn follow(&mut self, files: &[PathBuf]) -> Result<(), CommandError> {
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
