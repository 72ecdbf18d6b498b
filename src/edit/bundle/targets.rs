//! What a bundle takes in: every place in another file that a reference reaches, each once, each with a name.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::anchors::{Anchors, written_out};
use crate::edit::make::{as_json, bare_copy, comments_of};
use crate::edit::tree::{Content, Node};
use crate::source_text::reference::{pointer_tokens, unescaped};
use crate::source_text::tree::pointer_push;
use crate::source_text::{FileId, ReferenceError, Span};

use super::kinds::{Kind, below, has_group, is_json_schema};
use super::{BROKEN_LEFT, Bundler, COMMENTS_LOST, REMOTE_LEFT, item_token};

/// A place in another file.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub file: FileId,
    pub pointer: String,
    pub group: &'static str,
}

/// A `$ref` met on a walk.
struct Met {
    written: String,
    span: Option<Span>,
    kind: Kind,
}

impl Bundler<'_> {
    /// Walks from the root, then from every place found, and keeps those that no other contains.
    pub(super) fn find_targets(&mut self, root: &Node) {
        let mut waiting: Vec<(FileId, Node, Kind)> = vec![(self.main, root.clone(), Kind::Root)];
        let mut seen = BTreeSet::new();
        let mut next = 0;
        while let Some((file, node, kind)) = waiting.get(next).cloned() {
            next += 1;
            let mut met = Vec::new();
            references(&node, kind, &mut met);
            for reference in met {
                let Some((target, pointer)) = self.resolve(file, &reference) else { continue };
                if target == self.main || !seen.insert((target, pointer.clone())) {
                    continue;
                }
                let group = self.group(reference.kind);
                if let Some(group) = group {
                    self.targets.push(Target { file: target, pointer: pointer.clone(), group });
                }
                if let Some(found) = self.at(target, &pointer) {
                    waiting.push((target, found, reference.kind));
                }
            }
        }
        let all = self.targets.clone();
        let contained = |target: &Target| {
            all.iter().any(|other| {
                other.file == target.file
                    && other.group == target.group
                    && is_inside(&target.pointer, &other.pointer)
            })
        };
        self.targets.retain(|target| !contained(target));
    }

    /// The group of components a reference at a place asks for; none when the part is put in its place.
    fn group(&self, kind: Kind) -> Option<&'static str> {
        match kind {
            Kind::Part(group) if has_group(group, self.version) => Some(group),
            _ => None,
        }
    }

    /// Gives every target a name that no component has.
    pub(super) fn name_targets(&mut self, root: &Node) {
        let mut taken: BTreeSet<(String, String)> = BTreeSet::new();
        for group in root.get("components").map(Node::entries).unwrap_or_default() {
            for item in group.value.entries() {
                let names =
                    (group.name().unwrap_or_default().to_owned(), item.name().unwrap_or_default().to_owned());
                taken.insert(names);
            }
        }
        for target in &self.targets {
            let path = self.sources.get(target.file).path();
            let stem = clean(&path.file_stem().unwrap_or_default().to_string_lossy());
            let last =
                target.pointer.rsplit('/').next().map(|token| clean(&unescaped(token))).unwrap_or_default();
            let long = if last.is_empty() { stem.clone() } else { format!("{stem}_{last}") };
            let short = if last.is_empty() { stem } else { last };
            let numbered = (2..).map(|number| format!("{long}_{number}"));
            let free = [short, long.clone()]
                .into_iter()
                .chain(numbered)
                .find(|name| taken.insert((target.group.to_owned(), name.clone())));
            let name = free.unwrap_or(long);
            self.names.insert((target.file, target.pointer.clone()), (target.group, name));
        }
    }

    fn resolve(&self, file: FileId, reference: &Met) -> Option<(FileId, String)> {
        let resolved = self.loaded.documents.resolve(file, &reference.written).ok()?;
        Some((resolved.file, resolved.pointer))
    }

    /// The node at a pointer of a file, as written.
    fn at(&self, file: FileId, pointer: &str) -> Option<Node> {
        let Some((tree, anchors)) = self.trees.get(&file) else {
            let text = self.sources.get(file).text();
            return pointer.is_empty().then(|| self.maker.text_block(text));
        };
        let mut node = &tree.root;
        for token in pointer_tokens(pointer).ok()? {
            node = followed(node, anchors);
            node = match node.get(&token) {
                Some(value) => value,
                None => &node.items().get(token.parse::<usize>().ok()?)?.value,
            };
        }
        Some(followed(node, anchors).clone())
    }

    /// A part of another file, free of that file's anchors, in the style of the bundle.
    pub(super) fn moved_part(&mut self, target: &Target) -> Node {
        let Some(mut node) = self.at(target.file, &target.pointer) else { return Node::default() };
        if let Some((_, anchors)) = self.trees.get(&target.file) {
            without_anchors(&mut node, anchors);
        }
        if self.maker.json {
            let comments = comments_of(&node).len();
            if comments > 0 {
                let span = node.source.unwrap_or(Span { file: target.file, start: 0, end: 0 });
                let message = format!("{comments} comments are lost here, because JSON has none");
                self.notes.push(Diagnostic::new(COMMENTS_LOST, Severity::Info, message, span));
            }
            as_json(&mut node);
        }
        node
    }

    /// Lets every reference below a node, written in `file`, name its place in the bundle.
    pub(super) fn rewrite(&mut self, node: &mut Node, file: FileId, kind: Kind) {
        self.rewrite_within(node, file, kind, 0);
    }

    fn rewrite_within(&mut self, node: &mut Node, file: FileId, kind: Kind, depth: usize) {
        if let Some(met) = reference(node, kind) {
            self.rewrite_one(node, file, &met, depth);
            return;
        }
        let foreign = is_foreign(node);
        let Some(collection) = node.collection_mut() else { return };
        for (at, item) in collection.items.iter_mut().enumerate() {
            let key = item_token(item, at);
            let kind = below_with(kind, &key, foreign);
            self.rewrite_within(&mut item.value, file, kind, depth);
        }
    }

    fn rewrite_one(&mut self, node: &mut Node, file: FileId, met: &Met, depth: usize) {
        if file == self.main && met.written.starts_with('#') {
            return;
        }
        let resolved = match self.loaded.documents.resolve(file, &met.written) {
            Ok(resolved) => resolved,
            Err(error) => {
                self.left(&error, met, file);
                return;
            }
        };
        let place = if resolved.file == self.main {
            Some(resolved.pointer.clone())
        } else {
            self.place(resolved.file, &resolved.pointer)
        };
        if let Some(place) = place {
            let maker = self.maker;
            if let Some(value) = node.get_mut("$ref") {
                let before = std::mem::take(&mut value.before);
                *value = Node { before, ..maker.text_like(&format!("#{place}"), value) };
            }
        } else if depth < 32 {
            // What has no group of components in this version, or is no JSON Schema, is put in its place.
            let target = Target { file: resolved.file, pointer: resolved.pointer, group: "" };
            let part = self.moved_part(&target);
            let comments = comments_of(node);
            *node = part;
            self.rewrite_within(node, target.file, met.kind, depth + 1);
            match node.collection_mut() {
                Some(collection) if !self.maker.json => collection.end.extend(comments),
                _ => {}
            }
        }
    }

    /// The pointer in the bundle of a place in another file: its component, or a place inside one.
    fn place(&self, file: FileId, pointer: &str) -> Option<String> {
        let mut end = pointer.len();
        loop {
            let (head, tail) = pointer.split_at(end);
            if let Some((group, name)) = self.names.get(&(file, head.to_owned())) {
                let component = pointer_push(&pointer_push("/components", group), name);
                return Some(format!("{component}{tail}"));
            }
            end = head.rfind('/')?;
        }
    }

    fn left(&mut self, error: &ReferenceError, met: &Met, file: FileId) {
        let span = met.span.unwrap_or(Span { file, start: 0, end: 0 });
        let finding = match error {
            ReferenceError::Remote(_) => {
                let message = format!("`{}` is remote and stays a reference", met.written);
                Diagnostic::new(REMOTE_LEFT, Severity::Warning, message, span)
                    .help("keep a copy beside the document and refer to that")
            }
            error => Diagnostic::new(BROKEN_LEFT, Severity::Warning, format!("left as it is: {error}"), span),
        };
        self.notes.push(finding);
    }
}

fn reference(node: &Node, kind: Kind) -> Option<Met> {
    if kind == Kind::Data {
        return None;
    }
    let value = node.get("$ref")?;
    Some(Met { written: value.text()?.to_owned(), span: value.source, kind })
}

fn references(node: &Node, kind: Kind, met: &mut Vec<Met>) {
    if let Some(found) = reference(node, kind) {
        met.push(found);
        return;
    }
    let foreign = is_foreign(node);
    let Some(collection) = node.collection() else { return };
    for (at, item) in collection.items.iter().enumerate() {
        let key = item_token(item, at);
        references(&item.value, below_with(kind, &key, foreign), met);
    }
}

/// Whether a node says that its schema is in another language than JSON Schema.
fn is_foreign(node: &Node) -> bool {
    node.get_text("schemaFormat").is_some_and(|format| !is_json_schema(format))
}

fn below_with(kind: Kind, key: &str, foreign: bool) -> Kind {
    match below(kind, key) {
        Kind::Part("schemas") if foreign && (key == "payload" || key == "schema") => Kind::Foreign,
        other => other,
    }
}

fn followed<'n>(node: &'n Node, anchors: &'n Anchors) -> &'n Node {
    match &node.content {
        Content::Alias(alias) => anchors.get(alias.trim_start_matches('*')).unwrap_or(node),
        _ => node,
    }
}

fn without_anchors(node: &mut Node, anchors: &Anchors) {
    if let Content::Alias(alias) = &node.content
        && let Some(copy) = written_out(alias, anchors)
    {
        node.content = bare_copy(&copy).content;
        node.properties.extend(copy.properties);
    }
    node.properties.retain(|property| !property.starts_with('&'));
    let Some(collection) = node.collection_mut() else { return };
    for item in &mut collection.items {
        item.key.iter_mut().for_each(|key| without_anchors(key, anchors));
        without_anchors(&mut item.value, anchors);
    }
}

fn is_inside(pointer: &str, above: &str) -> bool {
    pointer.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

/// A name with nothing but the characters a component may have.
fn clean(name: &str) -> String {
    name.chars()
        .map(|part| if part.is_ascii_alphanumeric() || "._-".contains(part) { part } else { '_' })
        .collect()
}
