//! What came of comparing each connection with what was observed, for pictures.

use std::collections::HashMap;

use crate::topology::drift::{Verdict, drift};
use crate::topology::{Edge, Graph, NodeIndex, Relation};

/// Verdicts by channel, service and way; empty where nothing was observed.
#[derive(Debug, Default)]
pub(super) struct Verdicts(HashMap<(NodeIndex, NodeIndex, Relation), Verdict>);

impl Verdicts {
    /// Those of a graph.
    pub(super) fn new(graph: &Graph) -> Self {
        let saw = |edge: &Edge| edge.evidence.iter().any(crate::topology::Evidence::is_observed);
        if !graph.is_observed() && !graph.flows().any(saw) {
            return Self::default();
        }
        let compared = drift(graph);
        let of_flows = compared.iter().filter_map(|item| {
            let (service, relation) = item.flow?;
            Some(((item.channel, service, relation), item.verdict))
        });
        Self(of_flows.collect())
    }

    /// Whether nothing was observed.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// That of a connection; `None` where it is there only because addresses meet.
    pub(super) fn of(&self, edge: &Edge) -> Option<Verdict> {
        let (service, channel) = match edge.relation {
            Relation::Sends => (edge.source, edge.target),
            Relation::Receives | Relation::Carries => (edge.target, edge.source),
        };
        self.0.get(&(channel, service, edge.relation)).copied()
    }
}
