//! Builds the span tree from parser events with a stack of its own, so that no depth of input can exhaust the real one.

mod mappings;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::Tag;

use super::problem::{Problem, ProblemKind};
use super::reading::Limits;
use super::tree::{Entry, Node, NodeRef, Value, pointer_push};
use super::yaml::Parsed;
use super::{FileId, Span, scalar};

/// The types of YAML's own type repository beyond the core schema, and the collections of that.
const REPOSITORY: [&str; 10] =
    ["binary", "map", "merge", "omap", "pairs", "seq", "set", "timestamp", "value", "yaml"];

/// Reading ends before the end of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// What was built is whole and is kept.
    WithTree,
    /// What was built is not to be used.
    WithoutTree,
}

/// A scalar as the parser reports it.
pub(super) struct Scalar<'a> {
    pub text: Cow<'a, str>,
    pub plain: bool,
    /// 0 for none.
    pub anchor: usize,
    pub tag: Option<Cow<'a, Tag>>,
    pub span: Span,
}

/// A key whose value has not come yet.
struct Key {
    text: String,
    span: Span,
    is_string: bool,
    is_merge: bool,
}

enum Held {
    Array(Vec<NodeRef>),
    Object { entries: Vec<Entry>, key: Option<Key>, merges: Vec<Entry> },
}

/// A sequence or mapping that is still open.
struct Frame {
    held: Held,
    anchor: usize,
    start: u32,
    end: u32,
    expanded: u64,
    height: usize,
}

/// A finished node on its way into its parent.
struct Finished {
    node: NodeRef,
    /// Where it is written: of an alias, the alias.
    span: Span,
    /// Levels of sequences and mappings in it, aliases followed.
    height: usize,
}

/// The tree under construction.
pub(super) struct Builder<'a> {
    file: FileId,
    text: &'a str,
    limits: &'a Limits,
    frames: Vec<Frame>,
    root: Option<NodeRef>,
    documents: usize,
    anchors: HashMap<usize, (NodeRef, usize)>,
    nodes: u64,
    alias_nodes: u64,
    problems: Vec<Problem>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(file: FileId, text: &'a str, limits: &'a Limits) -> Self {
        Self {
            file,
            text,
            limits,
            frames: Vec::new(),
            root: None,
            documents: 0,
            anchors: HashMap::new(),
            nodes: 0,
            alias_nodes: 0,
            problems: Vec::new(),
        }
    }

    pub(super) fn has_root(&self) -> bool {
        self.root.as_ref().is_some_and(|root| root.value != Value::Null || root.span.start < root.span.end)
    }

    /// Gives back the tree, unless it is not to be used, and the problems in order of place.
    pub(super) fn finish(self, complete: bool) -> Parsed {
        let mut problems = self.problems;
        problems.sort_by_key(|problem| problem.span.start);
        let root = self
            .root
            .filter(|root| complete && (root.value != Value::Null || root.span.start < root.span.end));
        Parsed { root, problems }
    }

    pub(super) fn span(&self, bytes: Range<usize>) -> Span {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span { file: self.file, start: offset(bytes.start), end: offset(bytes.end) }
    }

    /// The span of the one character at an offset, for errors that have a point and no range.
    pub(super) fn character_at(&self, start: usize) -> Span {
        let rest = self.text.get(start..).unwrap_or_default();
        let width = rest.chars().next().filter(|character| *character != '\n').map_or(0, char::len_utf8);
        self.span(start..start + width)
    }

    pub(super) fn report(&mut self, kind: ProblemKind, span: Span, related: Option<Span>) {
        if self.problems.len() < self.limits.problems {
            let pointer = self.pointer();
            self.problems.push(Problem { kind, span, related, pointer });
        }
    }

    fn refuse(&mut self, kind: ProblemKind, span: Span) -> Stop {
        self.report(kind, span, None);
        Stop::WithoutTree
    }

    /// JSON Pointer of the place being read.
    fn pointer(&self) -> String {
        self.frames.iter().fold(String::new(), |pointer, frame| match &frame.held {
            Held::Array(items) => pointer_push(&pointer, &items.len().to_string()),
            Held::Object { key: Some(key), .. } => pointer_push(&pointer, &key.text),
            Held::Object { key: None, .. } => pointer,
        })
    }

    pub(super) fn start_document(&mut self, span: Span) -> Result<(), Stop> {
        self.documents += 1;
        if self.documents > 1 {
            self.report(ProblemKind::SeveralDocuments, span, None);
            return Err(Stop::WithTree);
        }
        Ok(())
    }

    pub(super) fn scalar(&mut self, scalar: &Scalar<'_>) -> Result<(), Stop> {
        let span = self.without_line_ends(scalar.span);
        let value = self.value(scalar);
        let waits_for_key =
            matches!(self.frames.last(), Some(Frame { held: Held::Object { key: None, .. }, .. }));
        if waits_for_key && scalar.anchor == 0 {
            let is_string = matches!(value, Value::String(_));
            let text = match value {
                Value::String(text) => text,
                _ => scalar.text.clone().into_owned(),
            };
            let is_merge = scalar.plain && text == "<<" && scalar.tag.is_none();
            self.take_key(Key { text, span, is_string, is_merge });
            return Ok(());
        }
        self.count_node(span)?;
        let node = Arc::new(Node { value, span, expanded: 1 });
        self.remember(scalar.anchor, &node, 0);
        self.attach(Finished { node, span, height: 0 });
        Ok(())
    }

    /// Block scalars end with the line end of their last line, which is no part of what a reader underlines.
    fn without_line_ends(&self, span: Span) -> Span {
        let text = self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let kept = text.trim_end_matches(['\n', '\r']).len();
        self.span(span.start as usize..span.start as usize + kept)
    }

    fn value(&mut self, scalar: &Scalar<'_>) -> Value {
        let text = &*scalar.text;
        let Some(tag) = scalar.tag.as_deref() else {
            return if scalar.plain { scalar::plain(text) } else { Value::String(text.to_owned()) };
        };
        let read = match tag.core_suffix() {
            Some("str") => Some(Value::String(text.to_owned())),
            Some("null") => scalar::null(text),
            Some("bool") => scalar::boolean(text),
            Some("int") => scalar::integer(text),
            Some("float") => scalar::float(text).or_else(|| scalar::integer(text)),
            // `!!map` and `!!seq` on a scalar: right only for a value that is not there.
            Some(_) => text.is_empty().then_some(Value::Null),
            None => {
                self.check_tag(tag, scalar.span);
                let untagged = scalar.plain && tag.original() != "!";
                Some(if untagged { scalar::plain(text) } else { Value::String(text.to_owned()) })
            }
        };
        read.unwrap_or_else(|| {
            let (tag, text) = (tag.original(), text.to_owned());
            self.report(ProblemKind::TagMismatch { tag, text: text.clone() }, scalar.span, None);
            Value::String(text)
        })
    }

    /// Reports a tag that means nothing here. Those of YAML's own type repository only describe the text and pass.
    fn check_tag(&mut self, tag: &Tag, span: Span) {
        let described = tag.suffix_in_namespace("tag:yaml.org,2002:");
        let known = tag.original() == "!" || described.is_some_and(|name| REPOSITORY.contains(&&*name));
        if !known {
            self.report(ProblemKind::UnknownTag(tag.original()), span, None);
        }
    }

    pub(super) fn open(
        &mut self,
        is_mapping: bool,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<(), Stop> {
        if self.frames.len() >= self.limits.depth {
            return Err(self.refuse(ProblemKind::TooDeep(self.limits.depth), span));
        }
        if let Some(tag) = tag {
            self.check_tag(tag, span);
        }
        self.count_node(span)?;
        let held = if is_mapping {
            Held::Object { entries: Vec::new(), key: None, merges: Vec::new() }
        } else {
            Held::Array(Vec::new())
        };
        let (start, end) = (span.start, span.end);
        self.frames.push(Frame { held, anchor, start, end, expanded: 1, height: 0 });
        Ok(())
    }

    pub(super) fn close(&mut self, span: Span) -> Result<(), Stop> {
        let Some(mut frame) = self.frames.pop() else {
            return Ok(());
        };
        // The end of a block collection is reported at the next token; its last child knows better.
        if span.start < span.end {
            frame.end = span.end;
        }
        let value = match frame.held {
            Held::Array(items) => Value::Array(items),
            Held::Object { entries, merges, .. } => {
                let entries = self.merge(entries, merges)?;
                self.report_duplicates(&entries);
                Value::Object(entries)
            }
        };
        let span = self.span(frame.start as usize..frame.end as usize);
        let node = Arc::new(Node { value, span, expanded: frame.expanded });
        self.remember(frame.anchor, &node, frame.height + 1);
        self.attach(Finished { node, span, height: frame.height + 1 });
        Ok(())
    }

    pub(super) fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Stop> {
        let Some((node, height)) = self.anchors.get(&anchor).cloned() else {
            let written = self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
            let name = written.trim_start_matches('*').to_owned();
            let open = self.frames.iter().find(|frame| frame.anchor == anchor);
            let related = open.map(|frame| self.span(frame.start as usize..frame.start as usize + 1));
            self.report(ProblemKind::RecursiveAlias(name), span, related);
            return Err(Stop::WithoutTree);
        };
        if self.frames.len() + height > self.limits.depth {
            return Err(self.refuse(ProblemKind::TooDeep(self.limits.depth), span));
        }
        self.count_alias_nodes(node.expanded, span)?;
        self.attach(Finished { node, span, height });
        Ok(())
    }

    pub(super) fn undefined_alias(&mut self, name: &str, span: Span) -> Result<(), Stop> {
        self.report(ProblemKind::UndefinedAlias(name.to_owned()), span, None);
        self.count_node(span)?;
        let node = Arc::new(Node { value: Value::Null, span, expanded: 1 });
        self.attach(Finished { node, span, height: 0 });
        Ok(())
    }

    fn count_node(&mut self, span: Span) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(self.refuse(ProblemKind::TooManyNodes(self.limits.nodes), span));
        }
        Ok(())
    }

    /// The root's expanded size is the nodes written plus the sum of these, so one running sum bounds every walk.
    fn count_alias_nodes(&mut self, count: u64, span: Span) -> Result<(), Stop> {
        self.alias_nodes = self.alias_nodes.saturating_add(count);
        if self.alias_nodes > self.limits.alias_nodes {
            return Err(self.refuse(ProblemKind::AliasExpansion(self.limits.alias_nodes), span));
        }
        Ok(())
    }

    fn remember(&mut self, anchor: usize, node: &NodeRef, height: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, (Arc::clone(node), height));
        }
    }

    /// Puts a finished node where it belongs: the root, an item, a key, or the value of the waiting key.
    fn attach(&mut self, finished: Finished) {
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(finished.node);
            return;
        };
        if matches!(frame.held, Held::Object { key: None, .. }) {
            let key = self.key_of(&finished);
            self.take_key(key);
            return;
        }
        frame.end = frame.end.max(finished.span.end);
        frame.expanded = frame.expanded.saturating_add(finished.node.expanded);
        frame.height = frame.height.max(finished.height);
        match &mut frame.held {
            Held::Array(items) => items.push(finished.node),
            Held::Object { entries, key, merges } => {
                if let Some(key) = key.take() {
                    let list = if key.is_merge && is_mergeable(&finished.node) { merges } else { entries };
                    list.push(Entry {
                        key: key.text,
                        key_span: key.span,
                        key_is_string: key.is_string,
                        value: finished.node,
                    });
                }
            }
        }
    }

    fn take_key(&mut self, new: Key) {
        if let Some(frame) = self.frames.last_mut() {
            // The place of a mapping's start is that of its first key, behind anchor and tag.
            frame.end = frame.end.max(new.span.end);
            if let Held::Object { key, .. } = &mut frame.held {
                *key = Some(new);
            }
        }
    }

    fn key_of(&mut self, finished: &Finished) -> Key {
        let written = |span: Span| self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let (text, is_string) = match &finished.node.value {
            Value::String(text) => (text.clone(), true),
            _ => (written(finished.node.span).to_owned(), false),
        };
        if matches!(finished.node.value, Value::Array(_) | Value::Object(_)) {
            self.report(ProblemKind::ComplexKey, finished.span, None);
        }
        Key { text, span: finished.span, is_string, is_merge: false }
    }
}

fn is_mergeable(node: &Node) -> bool {
    let is_mapping = |node: &Node| matches!(node.value, Value::Object(_));
    match &node.value {
        Value::Array(items) => !items.is_empty() && items.iter().all(|item| is_mapping(item)),
        _ => is_mapping(node),
    }
}
