//! Which files are documents, and reading those.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::commands::CommandError;
use crate::commands::paths::{Input, is_schema_name};
use crate::contract::kind::UNKNOWN_KIND;
use crate::contract::remote::{LockedRemotes, NoRemotes, Remotes};
use crate::contract::{Loaded, load_text_with, load_with};
use crate::diagnostic::Diagnostic;
use crate::source_text::{Limits, read_text};

/// What was read, and what was passed over.
pub struct Read {
    /// The documents.
    pub loaded: Loaded,
    /// Files that are none.
    pub skipped: Vec<PathBuf>,
}

/// How standard input is called in findings.
pub const STDIN_NAME: &str = "<stdin>";

/// Texts that stand in for what is in the files, and what came from standard input, which can be read only once.
#[derive(Default)]
pub struct Texts {
    files: BTreeMap<PathBuf, String>,
    /// Texts of addresses; none when nobody asks for them.
    remotes: Option<LockedRemotes<'static>>,
    none: NoRemotes,
}

impl Texts {
    /// The texts of files as they are, and of addresses as `remotes` gives them.
    pub fn with_remotes(remotes: LockedRemotes<'static>) -> Self {
        Self { remotes: Some(remotes), ..Self::default() }
    }

    /// Writes what was fetched; says how many documents that were.
    pub fn save_remotes(&mut self) -> Result<usize, CommandError> {
        Ok(self.remotes.as_mut().map_or(Ok(0), LockedRemotes::save)?)
    }

    /// Sets the text of a file.
    pub fn set(&mut self, path: &Path, text: String) {
        self.files.insert(path.to_owned(), text);
    }

    fn parts(&mut self) -> (&BTreeMap<PathBuf, String>, &mut dyn Remotes) {
        match &mut self.remotes {
            Some(remotes) => (&self.files, remotes),
            None => (&self.files, &mut self.none),
        }
    }

    /// The text of standard input.
    pub fn stdin(&self) -> Option<&String> {
        self.files.get(Path::new(STDIN_NAME))
    }

    /// Reads standard input, once.
    fn read_stdin(&mut self, limits: &Limits) -> Result<String, CommandError> {
        let name = Path::new(STDIN_NAME);
        if let Some(text) = self.stdin() {
            return Ok(text.clone());
        }
        let text = read_text(std::io::stdin().lock(), name, limits).map_err(|error| {
            CommandError::usage(error.to_string()).hint("pipe one document into the command")
        })?;
        self.set(name, text.clone());
        Ok(text)
    }
}

/// Files found by looking are read only when they may be documents.
pub fn read(inputs: &[Input], texts: &mut Texts) -> Result<Read, CommandError> {
    let limits = Limits::default();
    let mut paths = Vec::new();
    let mut skipped = Vec::new();
    let mut stdin = false;
    for input in inputs {
        match input {
            Input::Named(path) => paths.push(path.clone()),
            Input::Found(path) if may_be_document(path) => paths.push(path.clone()),
            Input::Found(path) => skipped.push(path.clone()),
            Input::Stdin => stdin = true,
        }
    }
    if stdin && inputs.len() > 1 {
        let error = CommandError::usage("`-` cannot stand beside other paths");
        return Err(error.hint("write standard input to a file, or check it alone"));
    }
    let loaded = if stdin {
        let text = texts.read_stdin(&limits)?;
        let (_, remotes) = texts.parts();
        load_text_with(Path::new(STDIN_NAME), text, &limits, remotes)
    } else {
        let (files, remotes) = texts.parts();
        load_with(&paths, files, &limits, remotes)
    };
    let strangers = loaded.diagnostics.iter().filter(|finding| finding.code == UNKNOWN_KIND);
    let files: Vec<PathBuf> = strangers.filter_map(|finding| place(finding, &loaded)).collect();
    let found = |path: &PathBuf| inputs.contains(&Input::Found(path.clone()));
    skipped.extend(files.into_iter().filter(found));
    Ok(Read { loaded, skipped })
}

fn place(finding: &Diagnostic, loaded: &Loaded) -> Option<PathBuf> {
    let label = finding.primary.as_ref()?;
    Some(loaded.sources.get(label.span.file).path().to_owned())
}

/// A quick look for the words every document has; what cannot be read is left to the reader to tell.
fn may_be_document(path: &Path) -> bool {
    let Ok(bytes) = std::fs::read(path) else {
        return true;
    };
    let has = |word: &str| memchr::memmem::find(&bytes, word.as_bytes()).is_some();
    is_schema_name(path) || has("asyncapi") || has("x-event") || has("//json-schema.org/draft")
}

/// Whether a finding says no more than that a file found by looking is no document.
pub fn is_about_skipped(finding: &Diagnostic, read: &Read) -> bool {
    finding.code == UNKNOWN_KIND
        && place(finding, &read.loaded).is_some_and(|path| read.skipped.contains(&path))
}

/// Documents that were checked.
pub fn checked(read: &Read, inputs: &[Input]) -> usize {
    inputs.len() - read.skipped.len()
}

/// The documents that were checked, as the user named them.
pub fn file_names(read: &Read) -> Vec<String> {
    let documents = &read.loaded.contract.documents;
    documents.iter().map(|document| document.path.display().to_string()).collect()
}
