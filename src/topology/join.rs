//! One graph of several: what has the same identifier is one thing, and all evidence is kept.

use std::collections::HashMap;

use super::graph::{Edge, Graph, Node, NodeIndex, Place, SourceFile};
use super::names::{extend_new, merge};

impl Graph {
    /// Joins graphs by the identifiers of their nodes and the ends of their edges. Where two say different things of
    /// one node, the first is believed; owners, places and evidence of both are kept.
    #[must_use]
    pub fn joined(graphs: impl IntoIterator<Item = Self>) -> Self {
        let mut graphs: Vec<Self> = graphs.into_iter().collect();
        if graphs.len() == 1 {
            return graphs.remove(0);
        }
        let mut joiner = Joiner::default();
        for graph in graphs {
            joiner.take(graph);
        }
        Self::new(joiner.sources, joiner.nodes, joiner.edges)
    }

    /// As [`Graph::new`], where nodes may be there under one identifier twice, and edges with the same ends.
    #[must_use]
    pub(super) fn merged(sources: Vec<SourceFile>, nodes: Vec<Node>, mut edges: Vec<Edge>) -> Self {
        let mut joiner = Joiner::default();
        let places: Vec<NodeIndex> = nodes.into_iter().map(|node| NodeIndex(joiner.node(node))).collect();
        for edge in &mut edges {
            edge.source = places[edge.source.0];
            edge.target = places[edge.target.0];
            edge.messages = edge.messages.iter().map(|message| places[message.0]).collect();
        }
        Self::with_merged_edges(sources, joiner.nodes, edges)
    }

    /// As [`Graph::new`], where edges may be there with the same ends twice.
    #[must_use]
    pub(super) fn with_merged_edges(sources: Vec<SourceFile>, nodes: Vec<Node>, edges: Vec<Edge>) -> Self {
        let mut joiner = Joiner::default();
        for edge in edges {
            joiner.edge(edge);
        }
        Self::new(sources, nodes, joiner.edges)
    }
}

#[derive(Default)]
struct Joiner {
    sources: Vec<SourceFile>,
    nodes: Vec<Node>,
    node_numbers: HashMap<String, usize>,
    edges: Vec<Edge>,
    edge_numbers: HashMap<(usize, usize), usize>,
}

impl Joiner {
    fn take(&mut self, graph: Graph) {
        let sources: Vec<usize> = graph.sources.into_iter().map(|source| self.source(source)).collect();
        let moved = |place: Place| Place { source: sources[place.source], ..place };
        let mut places = Vec::with_capacity(graph.nodes.len());
        for mut node in graph.nodes {
            node.defined_at = node.defined_at.into_iter().map(moved).collect();
            places.push(NodeIndex(self.node(node)));
        }
        for mut edge in graph.edges {
            edge.source = places[edge.source.0];
            edge.target = places[edge.target.0];
            edge.messages = edge.messages.iter().map(|message| places[message.0]).collect();
            for evidence in &mut edge.evidence {
                evidence.place.source = sources[evidence.place.source];
            }
            self.edge(edge);
        }
    }

    fn source(&mut self, source: SourceFile) -> usize {
        let known = self.sources.iter().position(|known| *known == source);
        known.unwrap_or_else(|| {
            self.sources.push(source);
            self.sources.len() - 1
        })
    }

    fn node(&mut self, node: Node) -> usize {
        if let Some(number) = self.node_numbers.get(&node.id) {
            merge(&mut self.nodes[*number], node);
            return *number;
        }
        self.node_numbers.insert(node.id.clone(), self.nodes.len());
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn edge(&mut self, edge: Edge) {
        let next = self.edges.len();
        let number = *self.edge_numbers.entry((edge.source.0, edge.target.0)).or_insert(next);
        if number == next {
            self.edges.push(edge);
        } else {
            extend_new(&mut self.edges[number].messages, edge.messages);
            extend_new(&mut self.edges[number].evidence, edge.evidence);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::topology::Graph;
    use crate::topology::fixture::graph;

    #[test]
    fn parts_make_the_whole() {
        let whole = graph("a@x > c [M] > b\nb > d > a");
        let joined = Graph::joined([graph("a@x > c [M] > -"), graph("- > c [M] > b\nb > d > a")]);
        assert_eq!(joined.nodes, whole.nodes);
        assert_eq!(joined.edges, whole.edges);
        assert_eq!(joined.sources, whole.sources);
    }
}
