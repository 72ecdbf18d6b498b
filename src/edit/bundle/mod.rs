//! Bundles a document: what its references name in other files becomes components, and references stay references.

mod kinds;
mod targets;

use std::collections::{BTreeMap, HashMap};

use crate::contract::Loaded;
use crate::diagnostic::Diagnostic;
use crate::source_text::tree::pointer_push;
use crate::source_text::{FileId, Limits, SourceText, Sources, Span};

use super::anchors::{Anchors, anchors};
use super::format::with_line_feeds;
use super::make::Maker;
use super::read::{Refusal, read};
use super::render::render;
use super::tree::{Collection, Content, Document, Item, Node};
use targets::Target;

/// A remote reference stays in the bundle.
pub const REMOTE_LEFT: &str = "ED4111";
/// A reference leads nowhere and stays as it is.
pub const BROKEN_LEFT: &str = "ED4112";
/// Comments are lost, because JSON has none.
pub const COMMENTS_LOST: &str = "ED4113";

/// Why there is no bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// A file cannot be read or written again.
    #[error("`{file}`: {refusal}")]
    Refused {
        /// The file.
        file: String,
        /// Why.
        refusal: Refusal,
    },
    /// The file is no AsyncAPI document.
    #[error("it is no AsyncAPI document of version 2.0 to 3.1")]
    NotAsyncApi,
    /// One name is given to two anchors in a file of which parts move.
    #[error("`{0}` uses an anchor name twice; give each anchor its own name")]
    AnchorTwice(String),
}

/// Where a part of the bundle was written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Origin {
    /// JSON Pointer in the bundle.
    pub pointer: String,
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// A bundle.
#[derive(Clone, Debug)]
pub struct Bundled {
    /// The text.
    pub text: String,
    /// What stays outside.
    pub notes: Vec<Diagnostic>,
    /// The texts the notes point into.
    pub sources: Sources,
    /// How many components came from other files.
    pub moved: usize,
    /// Where everything was written, in order of the bundle.
    pub origins: Vec<Origin>,
}

struct Bundler<'a> {
    loaded: &'a Loaded,
    main: FileId,
    version: (u8, u8),
    maker: Maker,
    trees: HashMap<FileId, (Document, Anchors)>,
    sources: Sources,
    targets: Vec<Target>,
    /// Group and name of the component that a target became, by file and pointer.
    names: BTreeMap<(FileId, String), (&'static str, String)>,
    notes: Vec<Diagnostic>,
}

/// Bundles the first document of what was loaded.
///
/// # Errors
/// [`BundleError`]
pub fn bundle(loaded: &Loaded, limits: &Limits) -> Result<Bundled, BundleError> {
    let document = loaded.contract.documents.first().ok_or(BundleError::NotAsyncApi)?;
    let version = match document.kind {
        crate::contract::DocumentKind::AsyncApi2(minor) => (2, minor),
        crate::contract::DocumentKind::AsyncApi3(minor) => (3, minor),
        _ => return Err(BundleError::NotAsyncApi),
    };
    let main = document.file;
    let mut trees = HashMap::new();
    let mut sources = Sources::default();
    for (file, source) in loaded.sources.iter() {
        let name = source.path().display().to_string();
        let refused = |refusal| BundleError::Refused { file: name.clone(), refusal };
        let (text, _) = with_line_feeds(source.text()).map_err(refused)?;
        sources.add(SourceText::new(source.path(), text.clone()));
        if source.path().extension().is_some_and(|ending| ending == "proto") {
            continue;
        }
        match read(&text, file, limits) {
            Ok(tree) => {
                let known = anchors(&tree.root).ok_or_else(|| BundleError::AnchorTwice(name.clone()))?;
                trees.insert(file, (tree, known));
            }
            Err(refusal) if file == main => return Err(refused(refusal)),
            // What refers to it leads nowhere, and is told there.
            Err(_) => {}
        }
    }
    let json = trees.get(&main).is_some_and(|(tree, _)| tree.json);
    let bundler = Bundler {
        loaded,
        main,
        version,
        maker: Maker { json },
        trees,
        sources,
        targets: Vec::new(),
        names: BTreeMap::new(),
        notes: Vec::new(),
    };
    bundler.run(limits)
}

impl Bundler<'_> {
    fn run(mut self, limits: &Limits) -> Result<Bundled, BundleError> {
        let Some((mut document, _)) = self.trees.get(&self.main).cloned() else {
            return Err(BundleError::NotAsyncApi);
        };
        self.find_targets(&document.root);
        self.name_targets(&document.root);
        self.rewrite(&mut document.root, self.main, kinds::Kind::Root);
        let mut parts = Vec::new();
        for target in self.targets.clone() {
            let Some((group, name)) = self.names.get(&(target.file, target.pointer.clone())).cloned() else {
                continue;
            };
            let mut node = self.moved_part(&target);
            self.rewrite(&mut node, target.file, kinds::Kind::Part(group));
            parts.push((group, name, node));
        }
        let moved = parts.len();
        for (group, name, node) in parts {
            self.add_component(&mut document.root, group, &name, node);
        }
        let text = render(&document);
        let name = self.sources.get(self.main).path().display().to_string();
        read(&text, self.main, limits)
            .map_err(|_| BundleError::Refused { file: name, refusal: Refusal::Changed })?;
        let mut origins = Vec::new();
        self.origins(&document.root, "", None, &mut origins);
        Ok(Bundled { text, notes: self.notes, sources: self.sources, moved, origins })
    }

    /// Puts a part below `components`, which is made when there is none.
    fn add_component(&self, root: &mut Node, group: &str, name: &str, node: Node) {
        let Some(components) = self.member(root, "components") else { return };
        let Some(group) = self.member(components, group) else { return };
        if let Some(collection) = group.collection_mut() {
            collection.flow = self.maker.json;
            collection.expanded = self.maker.json;
            collection.items.push(self.maker.entry(name, node));
        }
    }

    /// The mapping under a key, open for more; made when it is missing.
    fn member<'n>(&self, node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
        let maker = self.maker;
        if !matches!(&node.content, Content::Collection(collection) if collection.mapping) {
            let empty = Collection { mapping: true, ..Collection::default() };
            node.content = Content::Collection(empty);
        }
        let collection = node.collection_mut()?;
        collection.flow = maker.json;
        collection.expanded |= maker.json;
        if !collection.items.iter().any(|item| item.name() == Some(key)) {
            collection.items.push(maker.entry(key, maker.mapping(Vec::new())));
        }
        collection.items.iter_mut().find(|item| item.name() == Some(key)).map(|item| &mut item.value)
    }

    /// Where each key and item was written.
    fn origins(&self, node: &Node, pointer: &str, key: Option<Span>, origins: &mut Vec<Origin>) {
        if let Some(span) = key.or(node.source) {
            let source = self.sources.get(span.file);
            let position = source.position(span.start);
            origins.push(Origin {
                pointer: pointer.to_owned(),
                file: source.path().display().to_string(),
                line: position.line,
                column: position.column,
            });
        }
        let Some(collection) = node.collection() else { return };
        for (at, item) in collection.items.iter().enumerate() {
            let token = item_token(item, at);
            let key = item.key.as_ref().and_then(|key| key.source).or(item.value.source);
            self.origins(&item.value, &pointer_push(pointer, &token), key, origins);
        }
    }
}

/// The token of an item in a JSON Pointer.
fn item_token(item: &Item, at: usize) -> String {
    item.name().map_or_else(|| at.to_string(), str::to_owned)
}

#[cfg(test)]
#[path = "../bundle_tests.rs"]
mod tests;
