//! Converts AsyncAPI documents to a later version: 2.x upwards, 2.x to 3.x, 3.0 to 3.1. Comments move with what they are about.

mod channels;
mod components;
mod messages;
mod references;
mod servers;

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::reference::{pointer_tokens, unescaped};
use crate::source_text::tree::pointer_push;
use crate::source_text::{FileId, Limits, Span};

use super::anchors::{Anchors, anchors, put_in_order, written_out};
use super::make::{Maker, comments_of_item};
use super::read::{Refusal, read};
use super::render::render;
use super::tree::{Comment, Content, Document, Item, Node};

/// Something of the old version has no place in the new one.
pub const NOT_CARRIED: &str = "ED4101";
/// A part of the document stands in another file, which stays as it is.
pub const OTHER_FILE: &str = "ED4102";
/// An alias or merge key was written out, because its copies now differ.
pub const WRITTEN_OUT: &str = "ED4103";

/// A version of AsyncAPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 2 or 3.
    pub major: u8,
    /// The minor version.
    pub minor: u8,
}

/// Whose view the 2.x document takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Perspective {
    /// As the specification has it: `publish` is what others may publish, so the application receives.
    #[default]
    Application,
    /// As many read it: `publish` is what this application publishes.
    Client,
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// The text cannot be read or written again.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// It is no AsyncAPI document, or of a version not known.
    #[error("it is no AsyncAPI document of version 2.0 to 3.1")]
    NotAsyncApi,
    /// The target is older.
    #[error("it is of version {}.{} already, and conversion goes upwards only", .0.major, .0.minor)]
    Downwards(Version),
    /// One name is given to two anchors, so that it is not known which one an alias means once it moves.
    #[error("an anchor name is used twice; give each anchor its own name")]
    AnchorTwice,
}

/// A converted document.
#[derive(Clone, Debug)]
pub struct Converted {
    /// The text.
    pub text: String,
    /// What the source was.
    pub from: Version,
    /// What could not be carried, with places in the source text.
    pub notes: Vec<Diagnostic>,
}

struct Converter {
    maker: Maker,
    file: FileId,
    perspective: Perspective,
    anchors: Anchors,
    /// The document before.
    original: Node,
    /// Where things went, by their old JSON Pointer.
    moves: BTreeMap<String, String>,
    /// What went nowhere.
    gone: BTreeSet<String>,
    operations: Vec<Item>,
    component_operations: Vec<Item>,
    operation_ids: BTreeSet<String>,
    notes: Vec<Diagnostic>,
}

/// Converts a text whose lines end with `\n`.
///
/// # Errors
/// [`ConvertError`]
pub fn convert(
    text: &str,
    file: FileId,
    target: Version,
    perspective: Perspective,
    limits: &Limits,
) -> Result<Converted, ConvertError> {
    let mut document = read(text, file, limits)?;
    let from = document.root.get_text("asyncapi").and_then(version).ok_or(ConvertError::NotAsyncApi)?;
    if target < from {
        return Err(ConvertError::Downwards(from));
    }
    let mut converter = Converter {
        maker: Maker { json: document.json },
        file,
        perspective,
        anchors: anchors(&document.root).ok_or(ConvertError::AnchorTwice)?,
        original: document.root.clone(),
        moves: BTreeMap::new(),
        gone: BTreeSet::new(),
        operations: Vec::new(),
        component_operations: Vec::new(),
        operation_ids: BTreeSet::new(),
        notes: Vec::new(),
    };
    if from.major < target.major {
        converter.document(&mut document);
    }
    if let Some(node) = document.root.get_mut("asyncapi").filter(|_| from != target) {
        *node = converter.maker.text_like(&format!("{}.{}.0", target.major, target.minor), node);
    }
    let text = render(&document);
    // What was put together anew has to be readable; a block cannot stand in brackets.
    read(&text, file, limits).map_err(|_| Refusal::Changed)?;
    Ok(Converted { text, from, notes: converter.notes })
}

/// `2.0.0` to `3.1.9`; the patch number does not matter.
fn version(text: &str) -> Option<Version> {
    let parts: Vec<u8> = text.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    match parts[..] {
        [major @ 2, minor @ 0..=6, _] | [major @ 3, minor @ 0..=1, _] => Some(Version { major, minor }),
        _ => None,
    }
}

impl Converter {
    fn document(&mut self, document: &mut Document) {
        self.solid(&mut document.root);
        let Some(root) = document.root.collection_mut() else { return };
        for key in ["tags", "externalDocs"] {
            let Some(item) = root.take(key) else { continue };
            self.moved(&format!("/{key}"), &format!("/info/{key}"));
            if let Some(info) = root.items.iter_mut().find(|item| item.name() == Some("info")) {
                self.solid(&mut info.value);
                let mut item = Item { blank_before: false, ..item };
                item.before.iter_mut().take(1).for_each(|comment| comment.blank_before = false);
                add(&mut info.value, item);
            }
        }
        for item in &mut root.items {
            match item.name() {
                Some("servers") => self.servers(&mut item.value, "/servers"),
                Some("components") => self.components(&mut item.value),
                _ => {}
            }
        }
        let at = root.items.iter().position(|item| item.name() == Some("channels"));
        if let Some(at) = at {
            self.channels(&mut root.items[at].value, "/channels");
            if !self.operations.is_empty() {
                let operations = self.maker.mapping(std::mem::take(&mut self.operations));
                let blank_before = root.items[at].blank_before;
                root.items
                    .insert(at + 1, Item { blank_before, ..self.maker.entry("operations", operations) });
            }
        }
        if !self.component_operations.is_empty() {
            let operations = self.maker.mapping(std::mem::take(&mut self.component_operations));
            if let Some(components) = document.root.get_mut("components") {
                add(components, self.maker.entry("operations", operations));
            }
        }
        self.references(&mut document.root);
        put_in_order(&mut document.root, &self.anchors);
    }

    /// Makes a node one that can be changed: aliases and merge keys written out, brackets opened.
    fn solid(&mut self, node: &mut Node) {
        if let Content::Alias(alias) = &node.content
            && let Some(copy) = written_out(alias, &self.anchors)
        {
            let message = format!("`{alias}` is written out here, because its place asks for another form");
            self.note(WRITTEN_OUT, Severity::Info, message, node.source);
            node.content = copy.content;
            node.properties.extend(copy.properties);
        }
        let json = self.maker.json;
        let Some(collection) = node.collection_mut() else { return };
        if !json && !collection.items.is_empty() {
            collection.flow = false;
        }
        let Some(merge) = collection.mapping.then(|| collection.take("<<")).flatten() else { return };
        let place = merge.value.source;
        let mut sources = vec![merge.value.clone()];
        if !merge.value.items().is_empty() {
            sources = merge.value.items().iter().map(|item| item.value.clone()).collect();
        }
        let mut comments = comments_of_item(&merge);
        for source in sources {
            let copy = match &source.content {
                Content::Alias(alias) => written_out(alias, &self.anchors),
                _ => Some(source),
            };
            for mut item in copy.map(|copy| copy.entries().to_vec()).unwrap_or_default() {
                if !collection.items.iter().any(|own| own.name() == item.name()) {
                    item.before.splice(0..0, std::mem::take(&mut comments));
                    collection.items.push(item);
                }
            }
        }
        collection.end.extend(comments);
        let message = "the merge key is written out here, because its place asks for another form";
        self.note(WRITTEN_OUT, Severity::Info, message, place);
    }

    fn moved(&mut self, old: &str, new: &str) {
        if old != new {
            self.moves.insert(old.to_owned(), new.to_owned());
        }
    }

    fn note(
        &mut self,
        code: &'static str,
        severity: Severity,
        message: impl Into<String>,
        place: Option<Span>,
    ) {
        let span = place.unwrap_or(Span { file: self.file, start: 0, end: 0 });
        self.notes.push(Diagnostic::new(code, severity, message, span));
    }

    /// Says that something has no place in the new version.
    fn not_carried(&mut self, what: &str, old: &str, place: Option<Span>) {
        let span = place.unwrap_or(Span { file: self.file, start: 0, end: 0 });
        let message = format!("{what} cannot be carried over");
        self.notes.push(Diagnostic::new(NOT_CARRIED, Severity::Warning, message, span).at(old));
        self.gone.insert(old.to_owned());
    }

    /// What a reference inside the document names, as it was before.
    fn local(&self, reference: &str) -> Option<(Node, String)> {
        let pointer = reference.strip_prefix('#')?;
        let mut node = &self.original;
        let mut at = String::new();
        for token in pointer_tokens(pointer).ok()? {
            let token = unescaped(&token);
            if let Content::Alias(alias) = &node.content {
                node = self.anchors.get(alias.trim_start_matches('*'))?;
            }
            at = pointer_push(&at, &token);
            node = match node.get(&token) {
                Some(value) => value,
                None => &node.items().get(token.parse::<usize>().ok()?)?.value,
            };
        }
        if let Content::Alias(alias) = &node.content {
            node = self.anchors.get(alias.trim_start_matches('*'))?;
        }
        Some((node.clone(), at))
    }

    /// Says that a part stands in another file. Schemas do not change and need no word.
    fn other_file(&mut self, node: &Node) {
        let Some(reference) = node.get_text("$ref").filter(|reference| !reference.starts_with('#')) else {
            return;
        };
        let message = format!("`{reference}` is in another file, which is not converted");
        let span = node.get("$ref").and_then(|value| value.source);
        let span = span.unwrap_or(Span { file: self.file, start: 0, end: 0 });
        let help = "convert that file as well, or bundle first: `eddy bundle`";
        self.notes.push(Diagnostic::new(OTHER_FILE, Severity::Warning, message, span).help(help));
    }
}

/// Adds an entry to a mapping, in its style.
fn add(node: &mut Node, item: Item) {
    if let Some(collection) = node.collection_mut() {
        collection.items.push(item);
    }
}

/// Puts comments before an item, in front of its own.
fn put_before(item: &mut Item, mut comments: Vec<Comment>) {
    comments.append(&mut item.before);
    item.before = comments;
}

#[cfg(test)]
#[path = "../convert_tests.rs"]
mod tests;
