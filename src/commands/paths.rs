//! Which files a command is about: those named, those in the directories named, or those of the workspace.

use std::path::{Path, PathBuf};

use super::{CommandError, Context};
use crate::settings::{WORKSPACE_FILE, Workspace};

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file the user named: it must be a document.
    Named(PathBuf),
    /// A file found by looking: it may be something else.
    Found(PathBuf),
    /// Standard input.
    Stdin,
}

/// Directories nobody keeps contracts in.
const PASSED_OVER: [&str; 2] = ["node_modules", "target"];

/// The inputs of a command line; the workspace's documents when it names none.
///
/// # Errors
/// When a path does not exist, a pattern is none, or there is neither a path nor a workspace.
pub fn inputs(paths: &[PathBuf], context: &Context) -> Result<Vec<Input>, CommandError> {
    if paths.is_empty() {
        return of_workspace(context);
    }
    let mut inputs = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            inputs.push(Input::Stdin);
        } else if path.is_dir() {
            inputs.extend(in_directory(path)?.into_iter().map(Input::Found));
        } else if !path.exists() && is_pattern(path) {
            inputs.extend(matching(path)?.into_iter().map(Input::Found));
        } else if path.file_name().is_some_and(|name| name == WORKSPACE_FILE) && path.is_file() {
            inputs.extend(named_by(path, context)?);
        } else {
            inputs.push(Input::Named(path.clone()));
        }
    }
    let mut unique: Vec<Input> = Vec::new();
    for input in inputs {
        if !unique.contains(&input) {
            unique.push(input);
        }
    }
    Ok(unique)
}

fn of_workspace(context: &Context) -> Result<Vec<Input>, CommandError> {
    let Some(workspace) = context.workspace()? else {
        return Err(CommandError::usage(
            "there is nothing to look at: no path was given and there is no workspace",
        )
        .hint("name a file or a directory, such as `services/`")
        .hint("or write a workspace file: `eddy init`"));
    };
    let documents = workspace.documents()?;
    if documents.is_empty() {
        let message = format!("no file matches the patterns of `{}`", workspace.file().display());
        return Err(
            CommandError::usage(message).hint("change `contracts` or `events` there, or add a document")
        );
    }
    Ok(documents.into_iter().map(|path| Input::Named(shortened(&path, &context.directory))).collect())
}

/// The documents that a workspace file names, once it is understood.
fn named_by(file: &Path, context: &Context) -> Result<Vec<Input>, CommandError> {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let workspace = Workspace::open(file.parent().unwrap_or(Path::new(".")))?;
    let documents = workspace.documents()?.into_iter();
    Ok(documents.map(|path| Input::Named(shortened(&path, &context.directory))).collect())
}

/// The path as seen from where the program was started, when that is shorter.
fn shortened(path: &Path, directory: &Path) -> PathBuf {
    path.strip_prefix(directory).map_or_else(|_| path.to_owned(), Path::to_owned)
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

fn matching(pattern: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let text = pattern.to_string_lossy();
    let found = glob::glob(&text)
        .map_err(|error| CommandError::usage(format!("`{text}` is not a pattern: {error}")))?;
    let files: Vec<PathBuf> = found.filter_map(Result::ok).filter(|path| path.is_file()).collect();
    if files.is_empty() {
        return Err(CommandError::usage(format!("no file matches `{text}`")).hint("check the pattern"));
    }
    Ok(files)
}

/// Documents by their ending, in every directory below that is not hidden; links to directories are not followed.
fn in_directory(directory: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let mut files = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(next) = waiting.pop() {
        let unreadable = |error: std::io::Error| {
            CommandError::usage(format!("cannot read the directory `{}`: {error}", next.display()))
                .hint("check its permissions")
        };
        for entry in std::fs::read_dir(&next).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(unreadable)?);
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if kind.is_dir() && !name.starts_with('.') && !PASSED_OVER.contains(&&*name) {
                waiting.push(path);
            } else if !kind.is_dir() && is_document_name(&path) && may_be_read(&path) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Whether it is a file, or a link that leads nowhere, which reading will tell; a pipe would be waited for.
fn may_be_read(path: &Path) -> bool {
    path.metadata().map_or(true, |metadata| metadata.is_file())
}

/// Whether the ending of a file is one that documents have.
pub fn is_document_name(path: &Path) -> bool {
    let is_text =
        path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml" || ending == "json");
    is_text || is_schema_name(path)
}

/// Whether the ending of a file says that it is a schema: Avro or Protobuf.
pub fn is_schema_name(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "avsc" || ending == "proto")
}
