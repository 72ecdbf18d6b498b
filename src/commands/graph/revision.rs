//! The documents as a revision of git has them, beside the working tree and without touching it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::super::paths::is_document_name;
use super::super::{CommandError, Context};
use crate::settings::{WORKSPACE_FILE, Workspace};

/// Bytes of documents that are taken out of a revision at most.
const MOST_DOCUMENTS: usize = 100_000;

/// Documents of a revision, in a directory that goes when this does.
pub(super) struct Revision {
    /// As the user wrote it.
    pub name: String,
    directory: TempDir,
    /// Where the program was started, below the root of the repository.
    prefix: PathBuf,
}

impl Revision {
    /// Takes the documents of a revision out of the repository in which the program was started.
    pub(super) fn new(name: &str, context: &Context) -> Result<Self, CommandError> {
        if name.starts_with('-') {
            return Err(CommandError::usage(format!("`{name}` is a flag, not a revision"))
                .hint("name a branch, a tag or a commit, such as `main` or `HEAD~1`"));
        }
        let here = &context.directory;
        let prefix = text(&git(here, &["rev-parse", "--show-prefix"])?);
        let root = text(&git(here, &["rev-parse", "--show-toplevel"])?);
        let commit = format!("{name}^{{commit}}");
        let known = git(here, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]);
        let commit = text(&known.map_err(|error| {
            if error.message.starts_with("cannot run") {
                return error;
            }
            CommandError::usage(format!("git knows no revision `{name}`"))
                .hint("name a branch, a tag or a commit, such as `main` or `HEAD~1`; a shallow clone lacks older ones")
        })?);
        let directory = tempfile::Builder::new().prefix("eddy-revision-").tempdir().map_err(|error| {
            CommandError::usage(format!("cannot make a directory for the documents of `{name}`: {error}"))
                .hint("make room for temporary files, or set TMPDIR")
        })?;
        let revision = Self { name: name.to_owned(), directory, prefix: PathBuf::from(prefix) };
        revision.take_out(Path::new(&root), &commit)?;
        Ok(revision)
    }

    /// Writes the documents of the commit into the directory, by an index of its own.
    fn take_out(&self, root: &Path, commit: &str) -> Result<(), CommandError> {
        let listed = git(root, &["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit])?;
        let is_wanted = |path: &&[u8]| {
            let path = PathBuf::from(String::from_utf8_lossy(path).into_owned());
            is_document_name(&path)
        };
        let wanted: Vec<&[u8]> =
            listed.split(|byte| *byte == 0).filter(|path| !path.is_empty()).filter(is_wanted).collect();
        if wanted.len() > MOST_DOCUMENTS {
            let message =
                format!("`{}` has {} documents; at most {MOST_DOCUMENTS} are read", self.name, wanted.len());
            return Err(CommandError::usage(message)
                .hint("save its graph in a smaller checkout: `eddy graph --output old.json`"));
        }
        let index = self.directory.path().join("index");
        let into = format!("--prefix={}/", self.root().display());
        let with_index = |arguments: &[&str], input: &[u8]| {
            let mut command = command(root, arguments);
            command.env("GIT_INDEX_FILE", &index);
            run(command, input)
        };
        with_index(&["read-tree", commit], &[])?;
        let names = [wanted.join(&0), vec![0]].concat();
        // Links stay small texts, so that none leads out of the directory.
        with_index(
            &["-c", "core.symlinks=false", "checkout-index", "-z", "--stdin", "--force", &into],
            &names,
        )?;
        Ok(())
    }

    /// Where the files of the repository are.
    pub(super) fn root(&self) -> PathBuf {
        self.directory.path().join("files")
    }

    /// The paths of a command line in this revision; those that it does not have are left out.
    pub(super) fn paths(&self, paths: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
        let here = self.root().join(&self.prefix);
        if paths.is_empty() {
            let workspace = self.workspace()?.ok_or_else(|| {
                CommandError::usage(format!("`{}` has no workspace file `{WORKSPACE_FILE}`", self.name))
                    .hint("name files or directories: `eddy graph services/ --diff main..`")
            })?;
            return Ok(workspace.documents()?);
        }
        let mut mapped = Vec::new();
        for path in paths {
            if path.is_absolute() || path.as_os_str() == "-" {
                let message = format!("`{}` cannot be looked up in a revision", path.display());
                return Err(CommandError::usage(message)
                    .hint("name it relative to the current directory, inside the repository"));
            }
            let path = normal(&here.join(path));
            let is_pattern = path.to_string_lossy().contains(['*', '?', '[']);
            if path.starts_with(self.root()) && (is_pattern || path.exists()) {
                mapped.push(path);
            }
        }
        Ok(mapped)
    }

    /// The workspace that the revision has where the program was started, or above.
    pub(super) fn workspace(&self) -> Result<Option<Workspace>, CommandError> {
        let (root, here) = (self.root(), normal(&self.root().join(&self.prefix)));
        let within = here.ancestors().take_while(|directory| directory.starts_with(&root));
        let found = within.into_iter().find(|directory| directory.join(WORKSPACE_FILE).is_file());
        Ok(found.map(Workspace::open).transpose()?)
    }

    /// A path as git writes it: `REVISION:PATH`.
    pub(super) fn shown(&self, path: &str) -> String {
        let root = format!("{}/", self.root().display()).replace('\\', "/");
        match path.replace('\\', "/").strip_prefix(&root) {
            Some(inside) => format!("{}:{inside}", self.name),
            None => path.to_owned(),
        }
    }
}

/// The path without `.` and `..`, as far as it can be without looking.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).args(arguments);
    command
}

fn git(directory: &Path, arguments: &[&str]) -> Result<Vec<u8>, CommandError> {
    run(command(directory, arguments), &[])
}

fn run(mut command: Command, input: &[u8]) -> Result<Vec<u8>, CommandError> {
    let failed = |error: std::io::Error| {
        CommandError::usage(format!("cannot run `git`: {error}"))
            .hint("revisions are read with the program git: install it, or compare saved graphs: `--diff old.json..new.json`")
    };
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A git that ends early says why on its own.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        let reason = reason.lines().next().unwrap_or_default().trim_start_matches("fatal: ");
        return Err(CommandError::usage(format!("git refuses: {reason}"))
            .hint("revisions are read inside a git repository; elsewhere compare saved graphs: `--diff old.json..new.json`"));
    }
    Ok(output.stdout)
}
