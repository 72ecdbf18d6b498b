//! The trees of all files of a run, and the one way from a `$ref` to what it names. It never uses the network.

mod survey;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::Problem;
use super::reading::{Limits, ReadError, read_file};
use super::reference::{Reference, Target, beside, parse, pointer_tokens};
use super::tree::{Node, NodeRef, Value, pointer_push};
use super::{FileId, SourceText, Sources, Span, yaml};

/// References followed on the way to one target, at most; what needs more leads in a circle, or means to exhaust us.
const STEPS: usize = 200;

/// A node and where it stands.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The node.
    pub node: NodeRef,
    /// The file it is written in.
    pub file: FileId,
    /// Its JSON Pointer in that file, with every reference on the way followed.
    pub pointer: String,
}

/// Why a reference leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It is no URI reference with a JSON Pointer.
    #[error("`{reference}` is not a reference: {reason}")]
    Malformed {
        /// As written.
        reference: String,
        /// Why, as a fragment.
        reason: &'static str,
    },
    /// It names an address outside the files of this machine; such are never fetched.
    #[error("`{0}` is remote and was not fetched")]
    Remote(String),
    /// It names an address whose document cannot be used.
    #[error("`{reference}` was not fetched: {}", refusal.reason)]
    Refused {
        /// As written.
        reference: String,
        /// Why.
        refusal: RemoteRefusal,
    },
    /// Its file could not be read.
    #[error("`{reference}` leads to a file that cannot be used: {reason}")]
    File {
        /// As written.
        reference: String,
        /// Why, as a fragment.
        reason: String,
    },
    /// Its file holds nothing at that place.
    #[error("`{reference}` leads nowhere: {} has no `{missing}`", place_name(within))]
    NotFound {
        /// As written.
        reference: String,
        /// JSON Pointer of the last node that exists.
        within: String,
        /// The token it lacks.
        missing: String,
        /// The keys it has instead.
        siblings: Vec<String>,
    },
    /// References lead in a circle, and there is no value on it.
    #[error("`{0}` leads back to itself through references alone")]
    Cycle(String),
}

/// Why an address gave no document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteRefusal {
    /// As a fragment.
    pub reason: String,
    /// Whether it is another document than the one known by this address.
    pub changed: bool,
}

#[derive(Clone, Debug)]
struct Loaded {
    path: PathBuf,
    /// The address it was fetched from, when it is no file of this machine.
    address: Option<String>,
    root: Option<NodeRef>,
    /// Plain-name fragments: `$anchor`, and `$id` or `id` of the form `#name`.
    anchors: HashMap<String, (NodeRef, String)>,
}

/// The trees of all files reached, by number and by path.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    files: HashMap<FileId, Loaded>,
    by_path: HashMap<PathBuf, Result<FileId, String>>,
    by_real_path: HashMap<PathBuf, FileId>,
    by_address: HashMap<String, Result<FileId, RemoteRefusal>>,
    /// The files that references in a file name, as far as they are local.
    targets: HashMap<FileId, Vec<PathBuf>>,
    /// Addresses that references name and nobody has given yet, in order of reading.
    wanted: Vec<String>,
    /// Absolute `$id`s, without fragment.
    identifiers: HashMap<String, Resolved>,
    /// Key indexes of wide mappings, by the address of the node, which the trees keep alive.
    wide: HashMap<usize, HashMap<String, usize>>,
    problems: Vec<Problem>,
    /// Texts that stand in for what is in files, by real path.
    laid_over: HashMap<PathBuf, String>,
}

impl Documents {
    /// Reads a file and every local file its references reach. A file known already is not read again.
    ///
    /// Files reached that cannot be read are remembered and answer [`ReferenceError::File`].
    ///
    /// # Errors
    /// [`ReadError`] of `path` itself.
    pub fn read(&mut self, sources: &mut Sources, path: &Path, limits: &Limits) -> Result<FileId, ReadError> {
        let path = beside(Path::new(""), path);
        if let Some(Ok(file)) = self.by_path.get(&path) {
            return Ok(*file);
        }
        let mut queue = Vec::new();
        let file = self.read_one(sources, &path, limits, &mut queue)?;
        self.read_queue(sources, limits, queue);
        Ok(file)
    }

    /// Lets a text stand in for what is in a file, such as one that is being edited; to be called before reading.
    pub fn lay_over(&mut self, path: &Path, text: String) {
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.laid_over.insert(real, text);
    }

    /// Takes a text that is not in a file, such as standard input; its references are relative to the folder of `name`.
    pub fn add_text(&mut self, sources: &mut Sources, name: &Path, text: String, limits: &Limits) -> FileId {
        let mut queue = Vec::new();
        let file = self.take_text(sources, name, text, limits, &mut queue);
        self.read_queue(sources, limits, queue);
        file
    }

    /// Takes a text fetched from an address; relative references in it are relative to that address.
    pub fn add_remote(
        &mut self,
        sources: &mut Sources,
        address: &str,
        text: String,
        limits: &Limits,
    ) -> FileId {
        let source = SourceText::new(address, text);
        let (file, root) = self.parse(sources, source, limits);
        self.by_address.insert(address.to_owned(), Ok(file));
        let path = PathBuf::from(address);
        let loaded =
            Loaded { path, address: Some(address.to_owned()), root: root.clone(), anchors: HashMap::new() };
        self.files.insert(file, loaded);
        if let Some(root) = root {
            self.survey(Resolved { node: root, file, pointer: String::new() }, &mut Vec::new());
        }
        file
    }

    /// Remembers why an address gave no document.
    pub fn refuse_remote(&mut self, address: &str, refusal: RemoteRefusal) {
        self.by_address.insert(address.to_owned(), Err(refusal));
    }

    /// The addresses that references name and for which there is no document, since the last call.
    pub fn take_wanted(&mut self) -> Vec<String> {
        let wanted = std::mem::take(&mut self.wanted);
        let mut seen = HashSet::new();
        let mut is_unknown = |address: &String| {
            let is_known = self.by_address.contains_key(address) || self.identifiers.contains_key(address);
            !is_known && seen.insert(address.clone())
        };
        wanted.into_iter().filter(|address| is_unknown(address)).collect()
    }

    /// The address a file was fetched from; none for files of this machine.
    #[must_use]
    pub fn address_of(&self, file: FileId) -> Option<&str> {
        self.files.get(&file)?.address.as_deref()
    }

    /// The local files that references lead to from a file, through whatever others, whether they are there or not.
    #[must_use]
    pub fn reached_from(&self, path: &Path) -> Vec<PathBuf> {
        let mut reached = Vec::new();
        let mut open = vec![beside(Path::new(""), path)];
        while let Some(path) = open.pop() {
            let Some(Ok(file)) = self.by_path.get(&path) else { continue };
            for target in self.targets.get(file).into_iter().flatten() {
                if !reached.contains(target) {
                    reached.push(target.clone());
                    open.push(target.clone());
                }
            }
        }
        reached
    }

    /// Every file read, in order of reading, those fetched included.
    pub fn paths(&self) -> impl Iterator<Item = (FileId, &Path)> {
        let mut files: Vec<_> = self.files.iter().map(|(file, loaded)| (*file, &*loaded.path)).collect();
        files.sort_unstable();
        files.into_iter()
    }

    /// The root of a file; none when it holds no usable document.
    #[must_use]
    pub fn root(&self, file: FileId) -> Option<&NodeRef> {
        self.files.get(&file).and_then(|loaded| loaded.root.as_ref())
    }

    /// The path of a file.
    #[must_use]
    pub fn path(&self, file: FileId) -> Option<&Path> {
        self.files.get(&file).map(|loaded| loaded.path.as_path())
    }

    /// The problems of YAML found since the last call.
    pub fn take_problems(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.problems)
    }

    /// What a reference written in the file `from` names. When that is itself a reference it is not followed;
    /// references on the way to it are.
    ///
    /// # Errors
    /// [`ReferenceError`]
    pub fn resolve(&self, from: FileId, reference: &str) -> Result<Resolved, ReferenceError> {
        self.resolve_within(from, reference, &mut { STEPS })
    }

    /// What a node stands for: itself, or the end of the chain of references that begins with it.
    ///
    /// # Errors
    /// [`ReferenceError`], of the first reference of the chain that fails.
    pub fn follow(&self, place: Resolved) -> Result<Resolved, ReferenceError> {
        self.follow_within(place, &mut { STEPS })
    }

    fn follow_within(&self, mut place: Resolved, steps: &mut usize) -> Result<Resolved, ReferenceError> {
        while let Some((written, span)) = reference_of(&place.node) {
            place = self.resolve_within(span.file, written, steps)?;
        }
        Ok(place)
    }

    fn resolve_within(
        &self,
        from: FileId,
        written: &str,
        steps: &mut usize,
    ) -> Result<Resolved, ReferenceError> {
        *steps = steps.checked_sub(1).ok_or_else(|| ReferenceError::Cycle(written.to_owned()))?;
        let malformed = |reason| ReferenceError::Malformed { reference: written.to_owned(), reason };
        let reference = parse(written).map_err(malformed)?;
        let document = self.document(from, &reference, written)?;
        if let Some(found) = self.anchor(document.file, &reference.fragment) {
            return Ok(found);
        }
        let tokens = pointer_tokens(&reference.fragment).map_err(|reason| {
            if reference.fragment.contains('/') {
                return malformed(reason);
            }
            let missing = reference.fragment.clone();
            let anchors = self.files.get(&document.file).map(|loaded| loaded.anchors.keys().cloned());
            let siblings = anchors.into_iter().flatten().collect();
            ReferenceError::NotFound {
                reference: written.to_owned(),
                within: String::new(),
                missing,
                siblings,
            }
        })?;
        self.walk(document, &tokens, written, steps)
    }

    /// Goes down from `place` by the tokens of a pointer.
    fn walk(
        &self,
        mut place: Resolved,
        tokens: &[String],
        written: &str,
        steps: &mut usize,
    ) -> Result<Resolved, ReferenceError> {
        for token in tokens {
            let mut child = self.child(&place, token);
            if child.is_none() && reference_of(&place.node).is_some() {
                place = self.follow_within(place, steps)?;
                child = self.child(&place, token);
            }
            place = child.ok_or_else(|| ReferenceError::NotFound {
                reference: written.to_owned(),
                within: place.pointer.clone(),
                missing: token.clone(),
                siblings: place.node.entries().iter().map(|entry| entry.key.clone()).collect(),
            })?;
        }
        Ok(place)
    }

    /// The child of a node by key or index, references not followed.
    #[must_use]
    pub fn child(&self, place: &Resolved, token: &str) -> Option<Resolved> {
        let node = match &place.node.value {
            Value::Object(entries) => match self.wide.get(&address(&place.node)) {
                Some(index) => &entries.get(*index.get(token)?)?.value,
                None => place.node.get(token)?,
            },
            Value::Array(items) => items.get(token.parse::<usize>().ok()?)?,
            _ => return None,
        };
        Some(Resolved {
            node: Arc::clone(node),
            file: place.file,
            pointer: pointer_push(&place.pointer, token),
        })
    }

    /// The root a reference starts from.
    fn document(
        &self,
        from: FileId,
        reference: &Reference,
        written: &str,
    ) -> Result<Resolved, ReferenceError> {
        let unusable = |reason: String| ReferenceError::File { reference: written.to_owned(), reason };
        let file = match &reference.target {
            Target::Same => from,
            Target::Remote(address) => return self.remote(address, written),
            Target::File(_) if self.address_of(from).is_some() => {
                let base = self.address_of(from).unwrap_or_default();
                let address =
                    joined(base, written).ok_or_else(|| unusable("it cannot be joined".to_owned()))?;
                return self.remote(&address, written);
            }
            Target::File(path) => {
                let base = self.path(from).unwrap_or_else(|| Path::new(""));
                match self.by_path.get(&beside(base, path)) {
                    Some(Ok(file)) => *file,
                    Some(Err(reason)) => return Err(unusable(reason.clone())),
                    None => return Err(unusable("it was not read".to_owned())),
                }
            }
        };
        let root = self.root(file).ok_or_else(|| unusable("it holds no usable document".to_owned()))?;
        Ok(Resolved { node: Arc::clone(root), file, pointer: String::new() })
    }

    /// The root of what an address names: a schema that calls itself so, or a document fetched from there.
    fn remote(&self, address: &str, written: &str) -> Result<Resolved, ReferenceError> {
        let unusable = |reason: String| ReferenceError::File { reference: written.to_owned(), reason };
        if let Some(known) = self.identifiers.get(address) {
            return Ok(known.clone());
        }
        match self.by_address.get(address) {
            None => Err(ReferenceError::Remote(written.to_owned())),
            Some(Err(refusal)) => {
                Err(ReferenceError::Refused { reference: written.to_owned(), refusal: refusal.clone() })
            }
            Some(Ok(file)) => {
                let root =
                    self.root(*file).ok_or_else(|| unusable("it holds no usable document".to_owned()))?;
                Ok(Resolved { node: Arc::clone(root), file: *file, pointer: String::new() })
            }
        }
    }

    fn anchor(&self, file: FileId, fragment: &str) -> Option<Resolved> {
        let (node, pointer) = self.files.get(&file)?.anchors.get(fragment)?;
        Some(Resolved { node: Arc::clone(node), file, pointer: pointer.clone() })
    }

    fn read_queue(&mut self, sources: &mut Sources, limits: &Limits, mut queue: Vec<PathBuf>) {
        while let Some(path) = queue.pop() {
            if self.by_path.contains_key(&path) {
                continue;
            }
            if self.files.len() >= limits.files {
                let reason = format!("more than {} files are reached", limits.files);
                self.by_path.insert(path, Err(reason));
            } else if std::fs::metadata(&path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
                // Opening a pipe or a device could wait for ever.
                let reason = format!("`{}` is not a regular file", path.display());
                self.by_path.insert(path, Err(reason));
            } else if let Err(error) = self.read_one(sources, &path, limits, &mut queue) {
                self.by_path.insert(path, Err(error.to_string()));
            }
        }
    }

    fn read_one(
        &mut self,
        sources: &mut Sources,
        path: &Path,
        limits: &Limits,
        queue: &mut Vec<PathBuf>,
    ) -> Result<FileId, ReadError> {
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if let Some(file) = self.by_real_path.get(&real) {
            self.by_path.insert(path.to_owned(), Ok(*file));
            return Ok(*file);
        }
        let text = match self.laid_over.remove(&real) {
            Some(text) => text,
            None => read_file(path, limits)?,
        };
        let file = self.take_text(sources, path, text, limits, queue);
        self.by_real_path.insert(real, file);
        Ok(file)
    }

    fn parse(
        &mut self,
        sources: &mut Sources,
        source: SourceText,
        limits: &Limits,
    ) -> (FileId, Option<NodeRef>) {
        // Protobuf is text without structure here: the whole file is one string.
        let verbatim = source.path().extension().is_some_and(|extension| extension == "proto");
        let whole = verbatim.then(|| source.text().to_owned());
        let file = sources.add(source);
        if let Some(text) = whole {
            let span = Span { file, start: 0, end: u32::try_from(text.len()).unwrap_or(u32::MAX) };
            return (file, Some(Arc::new(Node { value: Value::String(text), span, expanded: 1 })));
        }
        let parsed = yaml::parse(sources, file, limits);
        self.problems.extend(parsed.problems);
        (file, parsed.root)
    }

    fn take_text(
        &mut self,
        sources: &mut Sources,
        path: &Path,
        text: String,
        limits: &Limits,
        queue: &mut Vec<PathBuf>,
    ) -> FileId {
        let (file, root) = self.parse(sources, SourceText::new(path, text), limits);
        self.by_path.insert(path.to_owned(), Ok(file));
        let loaded =
            Loaded { path: path.to_owned(), address: None, root: root.clone(), anchors: HashMap::new() };
        self.files.insert(file, loaded);
        if let Some(root) = root {
            let before = queue.len();
            self.survey(Resolved { node: root, file, pointer: String::new() }, queue);
            self.targets.insert(file, queue[before..].to_vec());
        }
        file
    }
}

/// An address as seen from another, without its fragment.
pub(super) fn joined(base: &str, written: &str) -> Option<String> {
    let mut address = url::Url::parse(base).and_then(|base| base.join(written)).ok()?;
    address.set_fragment(None);
    Some(address.into())
}

/// How a message calls the node at a pointer.
#[must_use]
pub fn place_name(pointer: &str) -> String {
    if pointer.is_empty() { "the document".to_owned() } else { format!("`{pointer}`") }
}

/// The `$ref` of a mapping and its place; none when it has no `$ref` of type string.
#[must_use]
pub fn reference_of(node: &Node) -> Option<(&str, Span)> {
    let value = node.get("$ref")?;
    value.as_str().map(|written| (written, value.span))
}

fn address(node: &NodeRef) -> usize {
    Arc::as_ptr(node) as usize
}

#[cfg(test)]
#[path = "documents_tests.rs"]
mod tests;
