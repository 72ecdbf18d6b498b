//! Locks of generated projects as inputs of `eddy graph`: which contract a project was made of, and whether it has changed since.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::super::paths::Input;
use crate::contract::Document;
use crate::diagnostic::{Diagnostic, Severity};
use crate::scaffold::lock::{LOCK_FILE, Lock, LockedContract, read};
use crate::source_text::{Limits, read_file};
use crate::topology::scaffolded::Made;
use crate::topology::{EvidenceKind, Graph, SourceFile};

/// The lock of a generated project cannot be read, or is of a contract that is not there or has changed.
const LOCK: &str = "ED6003";

/// A project and its lock.
pub(super) struct Project {
    path: PathBuf,
    text: String,
    lock: Lock,
    /// The contract in the project, where the template keeps a copy.
    copy: Option<PathBuf>,
}

/// Whether an input is the lock of a project.
pub(super) fn is_lock(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == LOCK_FILE)
}

impl Project {
    /// Reads a lock.
    ///
    /// # Errors
    /// The finding that says what is wrong.
    pub(super) fn open(path: &Path) -> Result<Self, Box<Diagnostic>> {
        let text = read_file(path, &Limits::default()).map_err(|error| Box::new(Diagnostic::from(&error)))?;
        let lock = read(&text).map_err(|words| {
            let finding = Diagnostic::about_file(LOCK, words, shown(path));
            Box::new(finding.help("`eddy sync` keeps it; take it out of version control anew"))
        })?;
        let contract = lock.contract.as_ref();
        let copy = contract.and_then(|contract| {
            let name = Path::new(&contract.path).file_name()?.to_string_lossy().into_owned();
            let is_it =
                |path: &str| Path::new(path).file_name().is_some_and(|known| known.to_string_lossy() == name);
            let files = lock.files.iter();
            let found = files.clone().find(|file| file.sha256 == contract.sha256);
            let found = found.or_else(|| lock.files.iter().find(|file| is_it(&file.path)))?;
            Some(path.parent().unwrap_or(Path::new("")).join(&found.path))
        });
        Ok(Self { path: path.to_owned(), text, lock, copy })
    }

    /// Takes the project's own copy of the contract out of the documents when the contract itself is among them; puts it in
    /// when it is not.
    pub(super) fn choose(&self, documents: &mut Vec<Input>) {
        let (Some(contract), Some(copy)) = (&self.lock.contract, &self.copy) else { return };
        let is_copy = |input: &Input| path_of(input).is_some_and(|path| same(path, copy));
        let is_original =
            |input: &Input| !is_copy(input) && path_of(input).is_some_and(|path| is_of(path, contract));
        if documents.iter().any(is_original) {
            documents.retain(|input| !is_copy(input));
        } else if copy.is_file() && !documents.iter().any(is_copy) {
            documents.push(Input::Named(copy.clone()));
        }
    }

    /// The document the project was made of, or what is wrong with it.
    pub(super) fn made(&self, documents: &[Document], graph: &Graph) -> (Option<Made>, Option<Diagnostic>) {
        let Some(contract) = &self.lock.contract else { return (None, None) };
        let line =
            self.text.lines().position(|line| line.starts_with("contract:")).map_or(0, |line| line + 1);
        let line = u32::try_from(line).unwrap_or(0);
        let finding = |words: String, help: &str| {
            let mut finding = Diagnostic::about_file(LOCK, words, shown(&self.path)).help(help);
            finding.severity = Severity::Warning;
            finding.position = Some(crate::source_text::Position { line: line.max(1), column: 1, offset: 0 });
            finding
        };
        let sha_of =
            |path: &str| graph.sources.iter().find(|source| source.path == path).map(|source| &source.sha256);
        let mut all =
            documents.iter().map(|document| (document, document.path.to_string_lossy().replace('\\', "/")));
        let same_text =
            all.clone().find(|(_, path)| sha_of(path).is_some_and(|sha256| *sha256 == contract.sha256));
        let copy = self.copy.as_deref();
        let found = same_text.clone().or_else(|| {
            all.find(|(document, _)| {
                is_of(&document.path, contract) || copy.is_some_and(|copy| same(&document.path, copy))
            })
        });
        let Some((document, path)) = found else {
            let words = format!(
                "the contract `{}` that the project was made of is not among the documents",
                contract.path
            );
            return (None, Some(finding(words, "name it too, or its directory")));
        };
        let changed = same_text.is_none().then(|| {
            let version = document.service.as_ref().map_or("", |service| service.version.as_str());
            let of = if version == contract.version {
                "it has changed since".to_owned()
            } else {
                format!("it is {version} now")
            };
            let words = format!("the project was made of `{path}` {}, and {of}", contract.version);
            finding(words, "`eddy sync` brings the project up to it")
        });
        let sha256 = Sha256::digest(self.text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let source = SourceFile {
            path: shown(&self.path),
            kind: EvidenceKind::ScaffoldLock,
            version: Some(self.lock.format.to_string()),
            sha256,
            observation: None,
        };
        (Some(Made { source, line, contract: path }), changed)
    }
}

/// Whether a path is where the lock says the contract was.
fn is_of(path: &Path, contract: &LockedContract) -> bool {
    let wanted = Path::new(&contract.path);
    let named = wanted.components().filter(|part| matches!(part, std::path::Component::Normal(_)));
    path.ends_with(named.collect::<PathBuf>())
}

fn path_of(input: &Input) -> Option<&Path> {
    match input {
        Input::Named(path) | Input::Found(path) => Some(path),
        Input::Stdin => None,
    }
}

/// `./a.yaml` and `a.yaml` are the same file.
fn same(left: &Path, right: &Path) -> bool {
    left.strip_prefix(".").unwrap_or(left) == right.strip_prefix(".").unwrap_or(right)
}

/// As documents are shown.
fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).to_string_lossy().replace('\\', "/")
}
