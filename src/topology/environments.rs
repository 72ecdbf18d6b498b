//! Two environments compared: what one shows is what the other is expected to show.

use super::drift::{Compared, Verdict, drift};
use super::graph::{EvidenceKind, Graph, NodeIndex, Place, Relation, SourceFile};
use super::observed::{Observation, PERMISSIONS};

/// Two environments in one graph, and what the first of them cannot show.
#[derive(Clone, Debug, Default)]
pub struct Environments {
    /// What either shows; that of the first counts as declared.
    pub graph: Graph,
    /// What the systems of the first could and could not tell.
    expected: Vec<Observation>,
    /// Systems that both have under one identity: its addresses in the first and in the second.
    pub same: Vec<(String, String)>,
}

impl Graph {
    /// Only what was observed; what only follows from a document, or is only allowed, is left out.
    #[must_use]
    fn only_observed(&self) -> Self {
        let mut nodes = Vec::new();
        let mut numbers = vec![None; self.nodes.len()];
        for (number, node) in self.nodes.iter().enumerate() {
            let mut node = node.clone();
            let is_seen =
                |place: &Place| self.sources[place.source].kind.is_observed() && place.pointer != PERMISSIONS;
            node.defined_at.retain(is_seen);
            if !node.defined_at.is_empty() {
                numbers[number] = Some(NodeIndex(nodes.len()));
                nodes.push(node);
            }
        }
        let edges = self.edges.iter().filter_map(|edge| {
            let mut edge = edge.clone();
            edge.evidence.retain(|evidence| evidence.is_observed() && !evidence.kind.is_permission());
            edge.messages.clear();
            (edge.source, edge.target) = (numbers[edge.source.0]?, numbers[edge.target.0]?);
            (!edge.evidence.is_empty() && edge.relation.is_flow()).then_some(edge)
        });
        let edges = edges.collect();
        Self::new(self.sources.clone(), nodes, edges)
    }

    /// Everything said by one source of a name, as if it were declared.
    fn expected(mut self, name: &str) -> Self {
        self.sources = vec![SourceFile {
            path: name.to_owned(),
            kind: EvidenceKind::SavedGraph,
            version: None,
            sha256: self.sources.first().map(|source| source.sha256.clone()).unwrap_or_default(),
            observation: None,
        }];
        for node in &mut self.nodes {
            node.defined_at.truncate(1);
            for place in &mut node.defined_at {
                place.source = 0;
            }
        }
        for edge in &mut self.edges {
            edge.evidence.truncate(1);
            for evidence in &mut edge.evidence {
                evidence.kind = EvidenceKind::SavedGraph;
                evidence.live = None;
                evidence.place.source = 0;
            }
        }
        self
    }
}

impl Environments {
    /// Puts what two environments showed side by side; the first is called by its name.
    #[must_use]
    pub fn new(expected: &Graph, name: &str, found: &Graph) -> Self {
        let of = |graph: &Graph| -> Vec<(String, Observation)> {
            let all = graph.sources.iter();
            all.filter_map(|source| Some((source.path.clone(), source.observation.clone()?))).collect()
        };
        let (before, after) = (of(expected), of(found));
        let mut same = Vec::new();
        for (address, observation) in &before {
            for (other, observed) in &after {
                let is_known = observation.identity.is_some() && observation.protocol == observed.protocol;
                if address == other || (is_known && observation.identity == observed.identity) {
                    same.push((address.clone(), other.clone()));
                }
            }
        }
        let expected = expected.only_observed().expected(name);
        let graph = Graph::joined([expected, found.only_observed()]);
        Self { graph, expected: before.into_iter().map(|(_, observation)| observation).collect(), same }
    }

    /// As [`drift`]; what is only in the second and what the first could not have shown is not observable.
    #[must_use]
    pub fn drift(&self) -> Vec<Compared<'_>> {
        let mut compared = drift(&self.graph);
        for item in compared.iter_mut().filter(|item| item.verdict == Verdict::Undocumented) {
            let protocol = self.graph.node(item.channel).protocol.as_deref();
            let relation = item.flow.map_or(Relation::Receives, |(_, relation)| relation);
            let mut asked =
                self.expected.iter().filter(|observation| observation.is_about(protocol)).peekable();
            let mut reasons: Vec<&str> = Vec::new();
            if asked.peek().is_none() {
                reasons.push("the other environment has no system of this protocol that was asked");
            }
            reasons.extend(
                asked
                    .flat_map(|observation| observation.unseen(relation))
                    .map(|unseen| unseen.words.as_str()),
            );
            if !reasons.is_empty() {
                item.verdict = Verdict::NotObservable;
                item.reasons = reasons;
            }
        }
        compared.sort_by_key(|item| item.verdict);
        compared
    }
}

#[cfg(test)]
mod tests {
    use super::Environments;
    use crate::endpoint::inspect::{Direction, KnownBy, NotObservable, Observed, ObservedFlow, SeenBy, Why};
    use crate::topology::Graph;
    use crate::topology::aliases::Aliases;
    use crate::topology::drift::Verdict;
    use crate::topology::fixture::graph;
    use crate::topology::observed::System;

    fn shown(
        address: &str,
        identity: &str,
        flows: &[(&str, Direction, &str)],
        blind: Option<Direction>,
    ) -> Graph {
        let flow = |(who, direction, address): &(&str, Direction, &str)| ObservedFlow {
            who: (*who).to_owned(),
            known_by: KnownBy::Client,
            clients: Vec::new(),
            direction: *direction,
            addresses: vec![(*address).to_owned()],
            seen_by: SeenBy::NatsSubscription,
            confidence: 95,
            waiting: None,
            remark: "seen".to_owned(),
        };
        let not_observable =
            blind.map(|direction| NotObservable::of(direction, Why::Off, "switched off")).into_iter();
        let told = Observed {
            identity: Some(identity.to_owned()),
            flows: flows.iter().map(flow).collect(),
            not_observable: not_observable.collect(),
            ..Observed::default()
        };
        let system = System { address: address.to_owned(), protocol: "mqtt".to_owned(), told };
        // What documents say does not count between environments.
        graph("declared > only > here").observed(&[system], &Aliases::default())
    }

    fn verdicts(environments: &Environments) -> Vec<(Verdict, String)> {
        let name = |index| environments.graph.node(index).name.as_str();
        let of = |item: &crate::topology::drift::Compared<'_>| {
            let service = item.flow.map_or("-", |(service, _)| name(service));
            (item.verdict, format!("{service} {}", name(item.channel)))
        };
        environments.drift().iter().map(of).collect()
    }

    #[test]
    fn each_side_is_asked_what_it_could_have_shown() {
        let (sends, receives) = (Direction::Sends, Direction::Receives);
        let staging = [("web", sends, "orders"), ("mail", receives, "orders")];
        let production =
            [("mail", receives, "orders"), ("audit", receives, "orders"), ("pos", sends, "orders")];
        let both = Environments::new(
            &shown("mqtt://staging", "a", &staging, Some(sends)),
            "staging",
            &shown("mqtt://production", "b", &production, None),
        );
        let expected = [
            (Verdict::Undocumented, "audit orders"),
            (Verdict::Missing, "web orders"),
            (Verdict::NotObservable, "pos orders"),
            (Verdict::Confirmed, "mail orders"),
        ];
        let expected = expected.map(|(verdict, text)| (verdict, text.to_owned()));
        assert_eq!(verdicts(&both), expected);
        assert!(both.same.is_empty());
    }

    #[test]
    fn one_cluster_under_two_addresses_is_noticed() {
        let flows = [("web", Direction::Sends, "orders")];
        let (one, other) = (shown("mqtt://a", "x", &flows, None), shown("mqtt://b", "x", &flows, None));
        assert_eq!(
            Environments::new(&one, "one", &other).same,
            [("mqtt://a".to_owned(), "mqtt://b".to_owned())]
        );
    }
}
