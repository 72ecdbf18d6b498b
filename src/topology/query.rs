//! Questions to a graph: which node a word means, and what lies up and down stream of it. It changes nothing.

use std::collections::HashMap;

use thiserror::Error;

use super::graph::{Edge, Graph, NodeIndex, NodeKind, Relation};
use crate::diagnostic::nearest;

/// Why a word names no node.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FocusError {
    /// Nothing is called so.
    #[error("there is no service, channel or message `{word}`")]
    Unknown {
        /// The word.
        word: String,
        /// The nearest name, when near enough.
        near: Option<String>,
    },
    /// Several things are called so.
    #[error("`{word}` names {} things: {}", ids.len(), ids.join(", "))]
    Ambiguous {
        /// The word.
        word: String,
        /// Identifiers of those.
        ids: Vec<String>,
    },
}

/// A direction along or against the flow of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// With the arrows.
    Downstream,
    /// Against the arrows.
    Upstream,
}

impl Graph {
    /// The node that a word means: an identifier, a name, an address or a title; failing that, one that differs only in case.
    ///
    /// # Errors
    /// When nothing, or more than one thing, is called so.
    pub fn find(&self, word: &str) -> Result<NodeIndex, FocusError> {
        let all = || (0..self.nodes.len()).map(NodeIndex);
        if let Some(exact) = all().find(|index| self.node(*index).id == word) {
            return Ok(exact);
        }
        let names = |index: NodeIndex| {
            let node = self.node(index);
            [Some(node.name.clone()), Some(self.label(index).into_owned()), node.title.clone()]
        };
        let called = |same: &dyn Fn(&str) -> bool| -> Vec<NodeIndex> {
            all().filter(|index| names(*index).iter().flatten().any(|name| same(name))).collect()
        };
        let mut found = called(&|name| name == word);
        if found.is_empty() {
            let folded = word.to_lowercase();
            found = called(&|name| name.to_lowercase() == folded);
        }
        // A message often has the name of its channel or of a title; the thing that sends or receives is meant then.
        if found.len() > 1 && found.iter().any(|index| self.node(*index).kind != NodeKind::Message) {
            found.retain(|index| self.node(*index).kind != NodeKind::Message);
        }
        match found.as_slice() {
            [one] => Ok(*one),
            [] => {
                let near = nearest(word, self.nodes.iter().map(|node| node.name.as_str())).map(str::to_owned);
                Err(FocusError::Unknown { word: word.to_owned(), near })
            }
            many => Err(FocusError::Ambiguous {
                word: word.to_owned(),
                ids: many.iter().map(|index| self.node(*index).id.clone()).collect(),
            }),
        }
    }

    /// The next nodes in a direction, in order. From a message both directions lead to the channels that carry it.
    #[must_use]
    pub fn next(&self, node: NodeIndex, step: Step) -> Vec<NodeIndex> {
        match (self.node(node).kind, step) {
            (NodeKind::Message, _) => self.incoming(node).map(|edge| edge.source).collect(),
            (NodeKind::Channel, Step::Downstream) => self.consumers(node).collect(),
            (_, Step::Downstream) => self.outgoing(node).map(|edge| edge.target).collect(),
            (_, Step::Upstream) => self.incoming(node).map(|edge| edge.source).collect(),
        }
    }

    /// What lies within `depth` services up and down stream of a node, with the messages of its channels.
    ///
    /// Channels that are shown have all their services in that direction, so that none seems to lack a consumer only
    /// because of the cut.
    #[must_use]
    pub fn around(&self, start: NodeIndex, depth: usize) -> Self {
        let mut kept = vec![false; self.nodes.len()];
        let mut flows = vec![false; self.edges.len()];
        kept[start.0] = true;
        for step in [Step::Downstream, Step::Upstream] {
            self.reach(start, depth, step, &mut kept);
        }
        for (number, edge) in self.edges.iter().enumerate() {
            let wanted = match edge.relation {
                Relation::Carries => kept[edge.source.0],
                _ => kept[edge.source.0] && kept[edge.target.0],
            };
            flows[number] = wanted;
            if wanted && edge.relation == Relation::Carries {
                kept[edge.target.0] = true;
            }
        }
        self.part(&kept, &flows)
    }

    /// Marks nodes within `depth` services in one direction, breadth first.
    fn reach(&self, start: NodeIndex, depth: usize, step: Step, kept: &mut [bool]) {
        let mut seen = vec![false; self.nodes.len()];
        seen[start.0] = true;
        let mut front = vec![start];
        let mut services = 0;
        while !front.is_empty() {
            let from_channels = front.iter().any(|node| self.node(*node).kind == NodeKind::Channel);
            services += usize::from(from_channels);
            if services > depth || (services == depth && !from_channels) {
                break;
            }
            let mut next = Vec::new();
            for node in front.iter().flat_map(|node| self.next(*node, step)) {
                if !std::mem::replace(&mut seen[node.0], true) {
                    kept[node.0] = true;
                    next.push(node);
                }
            }
            front = next;
        }
    }

    /// The graph of some of the nodes and edges.
    pub(super) fn part(&self, kept: &[bool], wanted: &[bool]) -> Self {
        let mut place = HashMap::new();
        let mut nodes = Vec::new();
        for (index, node) in self.nodes.iter().enumerate().filter(|(index, _)| kept[*index]) {
            place.insert(NodeIndex(index), NodeIndex(nodes.len()));
            nodes.push(node.clone());
        }
        let edges = self.edges.iter().enumerate().filter(|(number, _)| wanted[*number]);
        let edges = edges
            .map(|(_, edge)| Edge {
                source: place[&edge.source],
                target: place[&edge.target],
                messages: edge.messages.iter().filter_map(|message| place.get(message).copied()).collect(),
                ..edge.clone()
            })
            .collect();
        Self::new(self.sources.clone(), nodes, edges)
    }
}

#[cfg(test)]
mod tests {
    use super::FocusError;
    use crate::topology::fixture::{graph, shop};
    use crate::topology::{Graph, NodeKind};

    fn kept(graph: &Graph) -> Vec<&str> {
        let shown = graph.nodes.iter().filter(|node| node.kind != NodeKind::Message);
        shown.map(|node| node.name.as_str()).collect()
    }

    #[test]
    fn words_find_nodes() {
        let shop = shop();
        for word in
            ["service:web", "web", "WEB", "orders/placed", "channel:mqtt/orders/placed", "OrderPlaced"]
        {
            assert!(shop.find(word).is_ok(), "{word}");
        }
        let near = Some("billing".to_owned());
        assert_eq!(shop.find("biling"), Err(FocusError::Unknown { word: "biling".to_owned(), near }));
        let twins = graph("a > x > b\nb > a > c");
        assert!(matches!(twins.find("a"), Err(FocusError::Ambiguous { ids, .. }) if ids.len() == 2));
    }

    #[test]
    fn depth_counts_services() {
        let chain = graph("a > x > b\nb > y > c\nc > z > d\nq > y > c");
        let start = chain.find("b").expect("b");
        assert_eq!(kept(&chain.around(start, 1)), ["a", "b", "c", "x", "y"]);
        assert_eq!(kept(&chain.around(start, 2)), ["a", "b", "c", "d", "x", "y", "z"]);
        let channel = chain.find("x").expect("x");
        assert_eq!(kept(&chain.around(channel, 1)), ["a", "b", "x"]);
    }

    #[test]
    fn a_cut_makes_no_channel_look_abandoned() {
        let shop = shop();
        for index in (0..shop.nodes.len()).map(crate::topology::NodeIndex) {
            let near = shop.around(index, 1);
            for check in near.checks() {
                let id = &near.node(check.node).id;
                let whole = shop.find(id).expect("there");
                assert!(
                    shop.checks().iter().any(|other| other.node == whole && other.rule == check.rule),
                    "{id}"
                );
            }
        }
    }
}
