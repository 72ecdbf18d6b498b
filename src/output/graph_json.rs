//! The graph in JSON Graph Format 2.1 with our metadata; `docs/schemas/topology.schema.json` is its schema.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::inert::json_pretty;
use crate::event::Timestamp;
use crate::topology::difference::{Alteration, Difference, Starved};
use crate::topology::observed::{Live, Observation, Status};
use crate::topology::{
    Change, Check, Edge, Evidence, EvidenceKind, Graph, Node, NodeIndex, NodeKind, Place, Relation,
    SourceFile,
};

#[cfg(test)]
mod round_trip;

/// The name and major version of the metadata; within a major version fields are only added.
pub const SCHEMA: &str = "eddy/topology/1";

/// Writes the graph as one JSON document, keys and items in a fixed order.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph, label: &str) -> io::Result<()> {
    json_pretty(out, &Outer { graph: Inner::new(graph, label, None) })
}

/// Writes two states as one graph, each thing with what became of it, and what it was `before`.
///
/// # Errors
/// Those of `out`.
pub fn write_difference(out: &mut dyn Write, difference: &Difference, label: &str) -> io::Result<()> {
    json_pretty(out, &Outer { graph: Inner::new(&difference.graph, label, Some(difference)) })
}

#[derive(Serialize)]
struct Outer<'a> {
    graph: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    id: &'static str,
    r#type: &'static str,
    directed: bool,
    label: &'a str,
    metadata: Metadata<'a>,
    #[serde(serialize_with = "nodes")]
    nodes: (&'a Graph, Option<&'a Difference>),
    edges: Vec<EdgeObject<'a>>,
}

impl<'a> Inner<'a> {
    fn new(graph: &'a Graph, label: &'a str, difference: Option<&'a Difference>) -> Self {
        Self {
            id: "eddy:topology",
            r#type: if difference.is_some() { "topology-diff" } else { "service-event-topology" },
            directed: true,
            label,
            metadata: Metadata::new(graph, difference),
            nodes: (graph, difference),
            edges: graph.edges.iter().map(|edge| EdgeObject::new(graph, edge, difference)).collect(),
        }
    }
}

#[derive(Serialize)]
struct Metadata<'a> {
    schema: &'static str,
    generator: &'static str,
    sources: Vec<SourceObject<'a>>,
    counts: Counts,
    checks: Vec<CheckObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starved: Option<Vec<StarvedObject<'a>>>,
}

/// A consumer that is left without a source.
#[derive(Serialize)]
struct StarvedObject<'a> {
    consumer: &'a str,
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

impl<'a> StarvedObject<'a> {
    fn new(graph: &'a Graph, starved: &Starved) -> Self {
        let id = |index: NodeIndex| graph.node(index).id.as_str();
        Self {
            consumer: id(starved.consumer),
            channel: id(starved.channel),
            message: starved.message.map(id),
        }
    }
}

/// What it was, by member.
type Before<'a> = BTreeMap<&'static str, &'a str>;

fn before(alterations: &[Alteration]) -> Option<Before<'_>> {
    let members = alterations.iter().map(|alteration| (alteration.member, alteration.before.as_str()));
    (!alterations.is_empty()).then(|| members.collect())
}

impl<'a> Metadata<'a> {
    fn new(graph: &'a Graph, difference: Option<&'a Difference>) -> Self {
        Self {
            schema: SCHEMA,
            generator: concat!("eddy ", env!("CARGO_PKG_VERSION")),
            sources: graph.sources.iter().map(SourceObject::new).collect(),
            counts: Counts {
                service: graph.count(NodeKind::Service),
                channel: graph.count(NodeKind::Channel),
                message: graph.count(NodeKind::Message),
                edge: graph.edges.len(),
            },
            checks: graph.checks().iter().map(|check| CheckObject::new(graph, *check)).collect(),
            starved: difference.map(|difference| {
                difference.starved.iter().map(|starved| StarvedObject::new(graph, starved)).collect()
            }),
        }
    }
}

#[derive(Serialize)]
struct SourceObject<'a> {
    id: &'a str,
    kind: EvidenceKind,
    uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    sha256: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    observation: Option<&'a Observation>,
}

impl<'a> SourceObject<'a> {
    fn new(source: &'a SourceFile) -> Self {
        Self {
            id: &source.path,
            kind: source.kind,
            uri: &source.path,
            version: source.version.as_deref(),
            sha256: &source.sha256,
            observation: source.observation.as_ref(),
        }
    }
}

/// How many there are.
#[derive(Serialize)]
struct Counts {
    service: usize,
    channel: usize,
    message: usize,
    edge: usize,
}

#[derive(Serialize)]
struct CheckObject<'a> {
    rule: &'static str,
    level: &'static str,
    node: &'a str,
}

impl<'a> CheckObject<'a> {
    fn new(graph: &'a Graph, check: Check) -> Self {
        Self { rule: check.rule.name(), level: check.level.word(), node: &graph.node(check.node).id }
    }
}

/// The nodes as a map from identifier to node, in order.
fn nodes<S: Serializer>(
    (graph, difference): &(&Graph, Option<&Difference>),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(graph.nodes.len()))?;
    for (number, node) in graph.nodes.iter().enumerate() {
        map.serialize_entry(&node.id, &NodeObject::new(graph, NodeIndex(number), node, *difference))?;
    }
    map.end()
}

#[derive(Serialize)]
struct NodeObject<'a> {
    label: &'a str,
    metadata: NodeMetadata<'a>,
}

#[derive(Serialize)]
struct NodeMetadata<'a> {
    kind: NodeKind,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    owners: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<&'a str>>,
    declared: bool,
    defined_at: Vec<PlaceObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Before<'a>>,
}

impl<'a> NodeObject<'a> {
    fn new(graph: &'a Graph, index: NodeIndex, node: &'a Node, difference: Option<&'a Difference>) -> Self {
        let ids = || graph.messages(index).map(|message| graph.node(message).id.as_str()).collect();
        let metadata = NodeMetadata {
            kind: node.kind,
            name: &node.name,
            title: node.title.as_deref(),
            version: node.version.as_deref(),
            description: node.description.as_deref(),
            protocol: node.protocol.as_deref(),
            domain: node.domain.as_deref(),
            owners: &node.owners,
            schema_sha256: node.schema.as_deref(),
            messages: (node.kind == NodeKind::Channel).then(ids),
            declared: node.defined_at.iter().any(|place| !graph.sources[place.source].kind.is_observed()),
            defined_at: node.defined_at.iter().map(|place| PlaceObject::new(graph, place)).collect(),
            change: node.change,
            before: difference.and_then(|all| all.nodes.get(&node.id)).and_then(|list| before(list)),
        };
        Self { label: &node.name, metadata }
    }
}

#[derive(Serialize)]
struct PlaceObject<'a> {
    source: &'a str,
    pointer: &'a str,
    line: u32,
}

impl<'a> PlaceObject<'a> {
    fn new(graph: &'a Graph, place: &'a Place) -> Self {
        Self { source: &graph.sources[place.source].path, pointer: &place.pointer, line: place.line }
    }
}

#[derive(Serialize)]
struct EdgeObject<'a> {
    id: String,
    source: &'a str,
    target: &'a str,
    relation: Relation,
    directed: bool,
    metadata: EdgeMetadata<'a>,
}

#[derive(Serialize)]
struct EdgeMetadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<&'a str>>,
    evidence: Vec<EvidenceObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Before<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Metrics>,
}

#[derive(Serialize)]
struct Metrics {
    lag: u64,
}

#[derive(Serialize)]
struct EvidenceObject<'a> {
    kind: EvidenceKind,
    #[serde(flatten)]
    place: PlaceObject<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'a Live>,
}

impl<'a> EdgeObject<'a> {
    fn new(graph: &'a Graph, edge: &'a Edge, difference: Option<&'a Difference>) -> Self {
        let (source, target) = (&graph.node(edge.source).id, &graph.node(edge.target).id);
        // A `:` inside a name is percent-encoded, so the three parts stay apart.
        let bare = |id: &'a str| id.split_once(':').map_or(id, |(_, rest)| rest);
        let messages = || edge.messages.iter().map(|message| graph.node(*message).id.as_str()).collect();
        let time = |time: Option<i64>| time.map(|time| Timestamp(time).to_string());
        let evidence = |evidence: &'a Evidence| EvidenceObject {
            kind: evidence.kind,
            place: PlaceObject::new(graph, &evidence.place),
            count: evidence.seen.map(|seen| seen.count),
            first: time(evidence.seen.and_then(|seen| seen.first)),
            last: time(evidence.seen.and_then(|seen| seen.last)),
            live: evidence.live.as_ref(),
        };
        Self {
            id: format!("{}:{}:{}", edge.relation.word(), bare(source), bare(target)),
            source,
            target,
            relation: edge.relation,
            directed: true,
            metadata: EdgeMetadata {
                messages: (edge.relation != Relation::Carries).then(messages),
                evidence: edge.evidence.iter().map(evidence).collect(),
                change: edge.change,
                status: (graph.is_observed() && edge.relation.is_flow()).then(|| edge.status()),
                confidence: edge
                    .evidence
                    .iter()
                    .filter_map(|evidence| Some(evidence.live.as_ref()?.confidence))
                    .max(),
                metrics: edge.lag().map(|lag| Metrics { lag }),
                before: difference.and_then(|all| before(all.of_edge(edge))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::write;
    use crate::topology::Graph;
    use crate::topology::fixture::{graph, shop};

    fn json(graph: &Graph) -> Value {
        let mut out = Vec::new();
        write(&mut out, graph, "shop").expect("written");
        serde_json::from_slice(&out).expect("JSON")
    }

    fn schema() -> jsonschema::Validator {
        let text = include_str!("../../docs/schemas/topology.schema.json");
        let schema: Value = serde_json::from_str(text).expect("JSON");
        jsonschema::validator_for(&schema).expect("a schema")
    }

    #[test]
    fn what_is_written_keeps_to_the_published_schema() {
        let schema = schema();
        for graph in [shop(), graph("lone"), graph("")] {
            let written = json(&graph);
            let breaches: Vec<String> = schema
                .iter_errors(&written)
                .map(|error| format!("{} at {}", error, error.instance_path()))
                .collect();
            assert_eq!(breaches, Vec::<String>::new());
        }
    }

    #[test]
    fn the_schema_refuses_what_is_not_a_topology() {
        let schema = schema();
        let mut written = json(&shop());
        written["graph"]["edges"][0]["relation"] = "likes".into();
        assert!(!schema.is_valid(&written));
    }

    #[test]
    fn every_identifier_that_is_named_is_there() {
        let written = json(&shop());
        let graph = &written["graph"];
        let nodes = graph["nodes"].as_object().expect("a map");
        let edges = graph["edges"].as_array().expect("a list");
        let known = |id: &Value| nodes.contains_key(id.as_str().expect("text"));
        assert!(edges.iter().all(|edge| known(&edge["source"]) && known(&edge["target"])));
        let checks = graph["metadata"]["checks"].as_array().expect("a list");
        assert_eq!(checks.len(), 2);
        assert!(checks.iter().all(|check| known(&check["node"])));
        let mut ids: Vec<&str> = edges.iter().filter_map(|edge| edge["id"].as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), edges.len());
        assert_eq!(graph["metadata"]["counts"]["edge"], edges.len());
    }
}
