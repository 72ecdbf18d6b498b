//! Joins channels whose addresses stand for many: who sends to one of two that meet sends to the other.

use std::collections::{HashMap, HashSet};

use super::graph::{Edge, Evidence, EvidenceKind, Graph, NodeIndex, NodeKind, Relation};
use super::patterns::Pattern;

impl Graph {
    /// The graph in which channels whose addresses meet have each other's producers and consumers. What is known only by
    /// that has evidence of the kind `pattern`; doing it twice changes nothing.
    ///
    /// Addresses meet when one address fits both, such as `orders/+/placed` and `orders/eu/placed`; at least one of the
    /// two has a wildcard or a parameter.
    #[must_use]
    pub fn bridged(self) -> Self {
        let pairs = self.meeting();
        if pairs.is_empty() {
            return self;
        }
        let own = |edge: &&Edge| edge.evidence.iter().any(|evidence| evidence.kind != EvidenceKind::Pattern);
        let mut more: Vec<Edge> = Vec::new();
        for (left, right) in pairs {
            for (from, to) in [(left, right), (right, left)] {
                let sends = self.incoming(from).filter(|edge| edge.relation == Relation::Sends).filter(own);
                more.extend(sends.map(|edge| Edge { target: to, ..derived(edge) }));
                let receives =
                    self.outgoing(from).filter(|edge| edge.relation == Relation::Receives).filter(own);
                more.extend(receives.map(|edge| Edge { source: to, ..derived(edge) }));
            }
        }
        let known: HashSet<(NodeIndex, NodeIndex)> =
            self.edges.iter().map(|edge| (edge.source, edge.target)).collect();
        more.retain(|edge| !known.contains(&(edge.source, edge.target)));
        let mut edges = self.edges;
        edges.extend(more);
        Self::merged(self.sources, self.nodes, edges)
    }

    /// Pairs of channels of one protocol whose addresses meet, each once.
    fn meeting(&self) -> Vec<(NodeIndex, NodeIndex)> {
        let mut by_protocol: HashMap<Option<&str>, Vec<(NodeIndex, Pattern)>> = HashMap::new();
        for channel in self.of_kind(NodeKind::Channel) {
            let node = self.node(channel);
            // An address that is known only at run time meets nothing.
            if node.id.contains("/~") {
                continue;
            }
            let protocol = node.protocol.as_deref();
            let pattern = Pattern::new(protocol, &node.name);
            by_protocol.entry(protocol).or_default().push((channel, pattern));
        }
        let mut pairs = Vec::new();
        for channels in by_protocol.values_mut() {
            channels.sort_by(|left, right| left.1.prefix().cmp(right.1.prefix()));
            for (place, (channel, pattern)) in channels.iter().enumerate() {
                // What meets it and comes later begins with its prefix; what comes earlier has met it already.
                let later = channels[place + 1..].iter();
                for (other, address) in
                    later.take_while(|(_, other)| other.prefix().starts_with(pattern.prefix()))
                {
                    if pattern.is_literal() && address.is_literal() {
                        continue;
                    }
                    if pattern.meets(address) {
                        pairs.push((*channel.min(other), *channel.max(other)));
                    }
                }
            }
        }
        pairs.sort_unstable();
        pairs
    }
}

/// The same edge for another channel.
fn derived(edge: &Edge) -> Edge {
    let own = edge.evidence.iter().filter(|evidence| evidence.kind != EvidenceKind::Pattern);
    let evidence = own.map(|evidence| Evidence { kind: EvidenceKind::Pattern, ..evidence.clone() }).collect();
    Edge { evidence, ..edge.clone() }
}

#[cfg(test)]
mod tests {
    use crate::topology::fixture::graph;
    use crate::topology::{Graph, NodeIndex};

    fn ends(graph: &Graph) -> Vec<String> {
        let name = |index: NodeIndex| graph.node(index).name.clone();
        graph.flows().map(|edge| format!("{} {}", name(edge.source), name(edge.target))).collect()
    }

    #[test]
    fn wildcards_join_and_twice_is_once() {
        let text = "a > orders/eu/placed > -\nb > orders/us/placed > c\n- > orders/+/placed > d\n- > orders/# > e\nf > stock > -";
        let graph = graph(text);
        let once = graph.bridged();
        let flows = ends(&once);
        for flow in ["a orders/+/placed", "orders/eu/placed d", "orders/us/placed e", "b orders/#"] {
            assert!(flows.contains(&flow.to_owned()), "{flow} in {flows:?}");
        }
        assert!(!flows.contains(&"orders/eu/placed c".to_owned()), "{flows:?}");
        assert!(!flows.contains(&"a orders/us/placed".to_owned()), "{flows:?}");
        assert!(!flows.iter().any(|flow| flow.starts_with("f ") && flow != "f stock"));
        let edges = once.edges.clone();
        assert_eq!(once.bridged().edges, edges);
    }
}
