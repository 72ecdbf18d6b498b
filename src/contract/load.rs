//! Reads files into the contract: finds out what each is, hands it to the reader of its version, gathers findings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::draft::Draft;
use super::model::{Contract, Document, DocumentKind};
use super::remote::{NoRemotes, Remotes};
use super::{bare_schema, event_schema, kind, place, references, v2, v3};
use crate::diagnostic::Diagnostic;
use crate::schema::Dialect;
use crate::source_text::{Documents, FileId, Limits, RemoteRefusal, Sources};

/// Everything read in one run. Findings do not stop it: what could be read is there.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The model.
    pub contract: Contract,
    /// The texts, for showing findings.
    pub sources: Sources,
    /// The trees, for following references.
    pub documents: Documents,
    /// What was found on the way, in order of file and place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads files and all local files they refer to. A file named twice counts once.
#[must_use]
pub fn load(paths: &[PathBuf], limits: &Limits) -> Loaded {
    load_with(paths, &BTreeMap::new(), limits, &mut NoRemotes)
}

/// As [`load`], with texts that stand in for what is in the files, by the path under which they were read before, and
/// with the documents that references name by address as `remotes` gives them.
#[must_use]
pub fn load_with(
    paths: &[PathBuf],
    texts: &BTreeMap<PathBuf, String>,
    limits: &Limits,
    remotes: &mut dyn Remotes,
) -> Loaded {
    let mut loaded = Loaded::default();
    for (path, text) in texts {
        loaded.documents.lay_over(path, text.clone());
    }
    let mut files = Vec::new();
    for path in paths {
        match loaded.documents.read(&mut loaded.sources, path, limits) {
            Ok(file) if files.contains(&file) => {}
            Ok(file) => files.push(file),
            Err(error) => loaded.diagnostics.push(Diagnostic::from(&error)),
        }
    }
    loaded.take_remotes(limits, remotes);
    loaded.interpret(&files);
    loaded
}

/// Reads a text that is not in a file, such as standard input; references are relative to the folder of `name`.
#[must_use]
pub fn load_text(name: impl AsRef<Path>, text: impl Into<String>, limits: &Limits) -> Loaded {
    let mut loaded = Loaded::default();
    let file = loaded.documents.add_text(&mut loaded.sources, name.as_ref(), text.into(), limits);
    loaded.interpret(&[file]);
    loaded
}

/// As [`load_text`], with the documents that references name by address as `remotes` gives them.
#[must_use]
pub fn load_text_with(name: &Path, text: String, limits: &Limits, remotes: &mut dyn Remotes) -> Loaded {
    let mut loaded = Loaded::default();
    let file = loaded.documents.add_text(&mut loaded.sources, name, text, limits);
    loaded.take_remotes(limits, remotes);
    loaded.interpret(&[file]);
    loaded
}

impl Loaded {
    /// Takes what references name by address, and what those documents name in turn.
    fn take_remotes(&mut self, limits: &Limits, remotes: &mut dyn Remotes) {
        let mut count = 0;
        loop {
            let mut wanted = self.documents.take_wanted();
            wanted.retain(|address| Dialect::of_address(address).is_none());
            if wanted.is_empty() {
                return;
            }
            for address in wanted {
                count += 1;
                let refusal = || RemoteRefusal {
                    reason: format!("more than {} files are reached", limits.files),
                    changed: false,
                };
                let answer = if count > limits.files { Some(Err(refusal())) } else { remotes.get(&address) };
                match answer {
                    Some(Ok(text)) => {
                        self.documents.add_remote(&mut self.sources, &address, text, limits);
                    }
                    Some(Err(refusal)) => self.documents.refuse_remote(&address, refusal),
                    None => {}
                }
            }
        }
    }

    fn interpret(&mut self, files: &[FileId]) {
        let problems = self.documents.take_problems();
        self.diagnostics.extend(problems.iter().map(Diagnostic::from));
        let mut seen = references::Seen::new();
        for file in files {
            if let Some(document) = self.read_document(*file) {
                let siblings_count = match document.kind {
                    DocumentKind::EventSchema => true,
                    DocumentKind::JsonSchema(dialect) => !dialect.reference_stands_alone(),
                    _ => false,
                };
                let broken = references::check(&self.documents, *file, siblings_count, &mut seen);
                self.diagnostics.extend(broken);
                self.contract.documents.push(document);
            }
        }
        self.diagnostics.sort_by_key(|finding| finding.primary.as_ref().map(|label| label.span));
    }

    fn read_document(&mut self, file: FileId) -> Option<Document> {
        let root = place::root(&self.documents, file)?;
        let path = self.documents.path(file).unwrap_or_else(|| Path::new(""));
        let kind = match kind::detect(&root.node, path) {
            Ok(kind) => kind,
            Err(finding) => {
                self.diagnostics.push(*finding);
                return None;
            }
        };
        let draft = Draft::new(&self.documents, root, kind.clone());
        Some(match kind {
            DocumentKind::AsyncApi2(_) => v2::read(draft),
            DocumentKind::AsyncApi3(_) => v3::read(draft),
            DocumentKind::EventSchema => event_schema::read(draft, &mut self.diagnostics),
            DocumentKind::JsonSchema(_) | DocumentKind::Avro | DocumentKind::Protobuf => {
                bare_schema::read(draft)
            }
        })
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
