//! Graphs that were saved in JSON Graph Format, read back as they were written; what is wrong in one has its place.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use sha2::{Digest, Sha256};

use super::graph::{
    Change, Edge, Evidence, EvidenceKind, Graph, Node, NodeIndex, NodeKind, Place, Relation, Seen, SourceFile,
};
use super::names::extend_new;
use crate::diagnostic::{Diagnostic, Severity};
use crate::event::Timestamp;
use crate::source_text::{FileId, Limits, SourceText, Sources, Span, yaml};

mod form;

use form::{EdgeForm, EvidenceForm, GraphForm, NodeForm, Outer, PlaceForm};

/// A saved graph cannot be read: it is not JSON, is of another version, or names things that are not in it.
pub const BAD_SAVED_GRAPH: &str = "ED6001";

/// The version of the metadata that is read here.
const SCHEMA: &str = "eddy/topology/1";

/// Pieces of evidence of one edge beyond which they are looked up instead of compared one by one.
const CROWD: usize = 100;

/// Bytes of a saved graph at most.
pub const SAVED_LIMIT: u64 = 2 * 1024 * 1024 * 1024;

/// Whether a text begins as a saved graph does: a mapping whose first key is `graph`.
#[must_use]
pub fn is_saved_graph(beginning: &str) -> bool {
    let after = |text: &str, sign: &str| text.trim_start().strip_prefix(sign).map(str::to_owned);
    let beginning = beginning.trim_start_matches('\u{feff}');
    after(beginning, "{")
        .and_then(|rest| after(&rest, "\"graph\""))
        .and_then(|rest| after(&rest, ":"))
        .is_some()
}

impl Graph {
    /// Reads a saved graph. What `eddy graph --format json` wrote comes back equal.
    ///
    /// An edge without evidence is believed because the file says so. Members of `metadata` that are not known are
    /// passed over, since within a major version they are only added.
    ///
    /// # Errors
    /// The finding that says what is wrong and where.
    pub fn saved(sources: &Sources, file: FileId) -> Result<Self, Box<Diagnostic>> {
        let text = sources.get(file);
        let fault = |pointer: &str, message: String| {
            Box::new(
                Diagnostic::new(BAD_SAVED_GRAPH, Severity::Error, message, span_of(sources, file, pointer))
                    .at(pointer)
                    .help("`eddy graph --format json` writes what is read here; docs/schemas/topology.schema.json describes it"),
            )
        };
        let outer: Outer<'_> = serde_json::from_str(text.text()).map_err(|error| {
            let at = Span { file, ..offset_of(text, error.line(), error.column()) };
            let words = error.to_string();
            let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
            Box::new(
                Diagnostic::new(BAD_SAVED_GRAPH, Severity::Error, format!("not a saved graph: {words}"), at)
                    .help("`eddy graph --format json` writes what is read here"),
            )
        })?;
        if outer.graph.metadata.schema != SCHEMA {
            let message = format!(
                "the graph is of version `{}`, and `{SCHEMA}` is read here",
                outer.graph.metadata.schema
            );
            return Err(fault("/graph/metadata/schema", message));
        }
        let mut reader = Reader { text, sources: Vec::new(), source_numbers: HashMap::new(), own: None };
        reader.graph(outer.graph).map_err(|Fault { pointer, message }| fault(&pointer, message))
    }
}

/// What is wrong, and where.
struct Fault {
    pointer: String,
    message: String,
}

impl Fault {
    fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

struct Reader<'a> {
    text: &'a SourceText,
    sources: Vec<SourceFile>,
    source_numbers: HashMap<String, usize>,
    /// The saved file as a source of its own, once an edge needs it.
    own: Option<usize>,
}

impl Reader<'_> {
    fn graph(&mut self, form: GraphForm<'_>) -> Result<Graph, Fault> {
        for source in form.metadata.sources {
            let number = self.sources.len();
            self.source_numbers.entry(source.id).or_insert(number);
            self.sources.push(SourceFile {
                path: source.uri,
                kind: source.kind,
                version: source.version,
                sha256: source.sha256,
                observation: source.observation,
            });
        }
        let mut numbers: HashMap<Cow<'_, str>, usize> = HashMap::with_capacity(form.nodes.0.len());
        let mut nodes = Vec::with_capacity(form.nodes.0.len());
        for (id, node) in form.nodes.0 {
            nodes.push(self.node(&id, node)?);
            if numbers.insert(id.clone(), nodes.len() - 1).is_some() {
                return Err(Fault::new(node_pointer(&id), format!("the node `{id}` is there twice")));
            }
        }
        let mut edges: Vec<Edge> = Vec::with_capacity(form.edges.0.len());
        let mut seen: HashMap<(usize, usize), usize> = HashMap::with_capacity(form.edges.0.len());
        let mut crowds: HashMap<usize, BTreeSet<Evidence>> = HashMap::new();
        for (number, edge) in form.edges.0.into_iter().enumerate() {
            let edge = self.edge(number, edge, &numbers, &nodes)?;
            let next = edges.len();
            let known = *seen.entry((edge.source.0, edge.target.0)).or_insert(next);
            if known == next {
                edges.push(edge);
            } else {
                let known_edge = &mut edges[known];
                extend_new(&mut known_edge.messages, edge.messages);
                if known_edge.evidence.len() < CROWD {
                    extend_new(&mut known_edge.evidence, edge.evidence);
                    continue;
                }
                let crowd: &mut BTreeSet<Evidence> = crowds.entry(known).or_default();
                if crowd.is_empty() {
                    crowd.extend(known_edge.evidence.iter().cloned());
                }
                let new = edge.evidence.into_iter().filter(|evidence| crowd.insert(evidence.clone()));
                known_edge.evidence.extend(new);
            }
        }
        Ok(Graph::new(std::mem::take(&mut self.sources), nodes, edges))
    }

    fn node(&mut self, id: &str, form: NodeForm<'_>) -> Result<Node, Fault> {
        let metadata = form.metadata;
        let bare = id.split_once(':').filter(|(kind, bare)| *kind == word(metadata.kind) && !bare.is_empty());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._~%/@-".contains(&byte);
        if !bare.is_some_and(|(_, bare)| bare.bytes().all(is_plain)) {
            let message = format!("the node `{id}` is not called `{}:` and a name", word(metadata.kind));
            return Err(Fault::new(node_pointer(id), message));
        }
        let mut defined_at = Vec::with_capacity(metadata.defined_at.len());
        for (number, place) in metadata.defined_at.into_iter().enumerate() {
            let at = || format!("{}/metadata/defined_at/{number}/source", node_pointer(id));
            defined_at.push(self.place(place, at)?);
        }
        Ok(Node {
            id: id.to_owned(),
            kind: metadata.kind,
            name: metadata.name,
            title: metadata.title,
            version: metadata.version,
            description: metadata.description,
            protocol: metadata.protocol,
            domain: metadata.domain,
            owners: metadata.owners,
            schema: metadata.schema_sha256,
            defined_at,
            change: metadata.change,
        })
    }

    fn edge(
        &mut self,
        number: usize,
        form: EdgeForm<'_>,
        numbers: &HashMap<Cow<'_, str>, usize>,
        nodes: &[Node],
    ) -> Result<Edge, Fault> {
        let find = |id: &str, member: &str| {
            numbers.get(id).copied().ok_or_else(|| {
                let pointer = format!("/graph/edges/{number}/{member}");
                Fault::new(pointer, format!("there is no node `{id}`"))
            })
        };
        let (source, target) = (find(&form.source, "source")?, find(&form.target, "target")?);
        let ends = (nodes[source].kind, nodes[target].kind);
        let wanted = match form.relation {
            Relation::Sends => (NodeKind::Service, NodeKind::Channel),
            Relation::Receives => (NodeKind::Channel, NodeKind::Service),
            Relation::Carries => (NodeKind::Channel, NodeKind::Message),
        };
        if ends != wanted {
            let message = format!(
                "`{}` leads from a {} to a {}, not from a {} to a {}",
                form.relation.word(),
                word(wanted.0),
                word(wanted.1),
                word(ends.0),
                word(ends.1)
            );
            return Err(Fault::new(format!("/graph/edges/{number}/relation"), message));
        }
        let mut messages = Vec::with_capacity(form.metadata.messages.len());
        for (place, id) in form.metadata.messages.iter().enumerate() {
            let message = find(id, &format!("metadata/messages/{place}"))?;
            messages.push(NodeIndex(message));
        }
        let mut evidence = Vec::with_capacity(form.metadata.evidence.len().max(1));
        for (place, item) in form.metadata.evidence.into_iter().enumerate() {
            evidence.push(self.evidence((number, place), item)?);
        }
        if evidence.is_empty() {
            let pointer = format!("/graph/edges/{number}");
            let place = Place { source: self.own(), pointer, line: 0 };
            evidence.push(Evidence { kind: EvidenceKind::SavedGraph, place, seen: None, live: None });
        }
        let (source, target) = (NodeIndex(source), NodeIndex(target));
        Ok(Edge { source, target, relation: form.relation, messages, evidence, change: form.metadata.change })
    }

    fn evidence(
        &mut self,
        (edge, number): (usize, usize),
        form: EvidenceForm<'_>,
    ) -> Result<Evidence, Fault> {
        let pointer = |member: &str| format!("/graph/edges/{edge}/metadata/evidence/{number}/{member}");
        let place = PlaceForm { source: form.source, pointer: form.pointer, line: form.line };
        let place = self.place(place, || pointer("source"))?;
        let time = |text: Option<Cow<'_, str>>, member: &str| {
            let parsed = text.map(|text| {
                text.parse::<Timestamp>().map(|time| time.0).map_err(|_| {
                    Fault::new(pointer(member), format!("`{text}` is no time such as `2026-01-31T08:00:00Z`"))
                })
            });
            parsed.transpose()
        };
        let (first, last) = (time(form.first, "first")?, time(form.last, "last")?);
        let seen = form.count.map(|count| Seen { count, first, last });
        Ok(Evidence { kind: form.kind, place, seen, live: form.live })
    }

    fn place(&self, form: PlaceForm<'_>, at: impl Fn() -> String) -> Result<Place, Fault> {
        let Some(source) = self.source_numbers.get(form.source.as_ref()) else {
            return Err(Fault::new(at(), format!("there is no source `{}`", form.source)));
        };
        Ok(Place { source: *source, pointer: form.pointer, line: form.line })
    }

    /// The saved file itself among the sources.
    fn own(&mut self) -> usize {
        if let Some(number) = self.own {
            return number;
        }
        let digest = Sha256::digest(self.text.text().as_bytes());
        self.sources.push(SourceFile {
            path: self.text.path().to_string_lossy().replace('\\', "/"),
            kind: EvidenceKind::SavedGraph,
            version: None,
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            observation: None,
        });
        *self.own.insert(self.sources.len() - 1)
    }
}

fn word(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Service => "service",
        NodeKind::Channel => "channel",
        NodeKind::Message => "message",
    }
}

fn node_pointer(id: &str) -> String {
    crate::source_text::tree::pointer_push("/graph/nodes", id)
}

/// The place of a pointer; the beginning when the text is too large for a tree of places.
fn span_of(sources: &Sources, file: FileId, pointer: &str) -> Span {
    let parsed = yaml::parse(sources, file, &Limits::default());
    let found = parsed.root.as_ref().and_then(|root| root.pointer(pointer)).map(|node| node.span);
    found.unwrap_or(Span { file, start: 0, end: 0 })
}

/// One character at a line and a column in bytes, both from 1.
fn offset_of(text: &SourceText, line: usize, column: usize) -> Span {
    let before: usize = text.text().split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut start = (before + column.saturating_sub(1)).min(text.text().len());
    while !text.text().is_char_boundary(start) {
        start -= 1;
    }
    let end = start + text.text()[start..].chars().next().map_or(0, char::len_utf8);
    let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    Span { file: FileId(0), start: narrow(start), end: narrow(end) }
}
