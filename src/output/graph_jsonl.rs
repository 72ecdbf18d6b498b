//! The graph as one short JSON object per line in a fixed order, so that two of them differ where the systems do.

use std::io::{self, Write};

use serde::Serialize;

use super::inert::json_line;
use crate::topology::{Change, Edge, EvidenceKind, Graph, Node, NodeIndex, NodeKind, Relation};

/// Writes nodes by kind and identifier, then edges by relation and ends. Lines of sources are left out, for they move
/// when nothing else does.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph) -> io::Result<()> {
    for (number, node) in graph.nodes.iter().enumerate() {
        json_line(out, &NodeLine::new(graph, NodeIndex(number), node))?;
    }
    for edge in &graph.edges {
        json_line(out, &EdgeLine::new(graph, edge))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct NodeLine<'a> {
    node: &'a str,
    kind: NodeKind,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    owners: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
}

impl<'a> NodeLine<'a> {
    fn new(graph: &'a Graph, index: NodeIndex, node: &'a Node) -> Self {
        Self {
            node: &node.id,
            kind: node.kind,
            name: &node.name,
            version: node.version.as_deref(),
            protocol: node.protocol.as_deref(),
            domain: graph.group(index),
            owners: &node.owners,
            change: node.change,
        }
    }
}

#[derive(Serialize)]
struct EdgeLine<'a> {
    source: &'a str,
    relation: Relation,
    target: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<&'a str>,
    evidence: Vec<EvidenceLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
}

#[derive(Serialize)]
struct EvidenceLine<'a> {
    kind: EvidenceKind,
    source: &'a str,
    pointer: &'a str,
}

impl<'a> EdgeLine<'a> {
    fn new(graph: &'a Graph, edge: &'a Edge) -> Self {
        let evidence = edge.evidence.iter().map(|evidence| EvidenceLine {
            kind: evidence.kind,
            source: &graph.sources[evidence.place.source].path,
            pointer: &evidence.place.pointer,
        });
        Self {
            source: &graph.node(edge.source).id,
            relation: edge.relation,
            target: &graph.node(edge.target).id,
            messages: edge.messages.iter().map(|message| graph.node(*message).id.as_str()).collect(),
            evidence: evidence.collect(),
            change: edge.change,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::write;
    use crate::topology::fixture::shop;

    #[test]
    fn every_line_is_an_object_about_one_node_or_edge() {
        let mut out = Vec::new();
        let shop = shop();
        write(&mut out, &shop).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), shop.nodes.len() + shop.edges.len());
        assert_eq!(lines.iter().filter(|line| line.get("node").is_some()).count(), shop.nodes.len());
    }
}
