//! Who is touched by a change: consumers of a message by distance, what starves without a service, in which order to roll out.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Edge, Graph, NodeIndex, NodeKind, Relation};

/// A service that a message reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The service.
    pub service: NodeIndex,
    /// The channel from which it receives.
    pub channel: NodeIndex,
    /// Who sends there: a producer of the message, or a service that was reached before. `None` when nobody is known to.
    pub from: Option<NodeIndex>,
    /// 1 for those that receive the message, 2 for those that receive what these send, and so on.
    pub distance: usize,
}

/// Whom a change of a message touches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impact {
    /// Services that send it.
    pub producers: Vec<NodeIndex>,
    /// Channels that carry it.
    pub channels: Vec<NodeIndex>,
    /// Services that it reaches, by distance, then in order of nodes, each once.
    pub reached: Vec<Reached>,
    /// For each owner the least distance of one of its services, 0 for producers.
    pub owners: BTreeMap<String, usize>,
}

/// What becomes of the system without a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// Channels to which nobody sends any more, with the round in which that happens, from 1.
    pub channels: Vec<(NodeIndex, usize)>,
    /// Services for which no source is left, with the round.
    pub starved: Vec<(NodeIndex, usize)>,
    /// Services that lose some of their sources and keep others, with the channels they lose.
    pub reduced: Vec<(NodeIndex, Vec<NodeIndex>)>,
    /// Channels that only this service receives from.
    pub unread: Vec<NodeIndex>,
}

/// Services that can be rolled out together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The services.
    pub services: Vec<NodeIndex>,
    /// Whether they were chosen to break a cycle: each must take both forms until the others have followed.
    pub breaks_cycle: bool,
}

impl Graph {
    /// Whom a change of a message touches, through what its consumers send in turn.
    #[must_use]
    pub fn impact(&self, message: NodeIndex) -> Impact {
        let channels: Vec<NodeIndex> = self.incoming(message).map(|edge| edge.source).collect();
        let about = |edge: &&Edge| edge.messages.is_empty() || edge.messages.contains(&message);
        let mut impact = Impact { channels: channels.clone(), ..Impact::default() };
        let mut seen = vec![false; self.nodes.len()];
        let mut front: Vec<Reached> = Vec::new();
        for channel in channels {
            let sends = self.incoming(channel).filter(|edge| edge.relation == Relation::Sends).filter(about);
            let senders: Vec<NodeIndex> = sends.map(|edge| edge.source).collect();
            let receives =
                self.outgoing(channel).filter(|edge| edge.relation == Relation::Receives).filter(about);
            for edge in receives {
                if !std::mem::replace(&mut seen[edge.target.0], true) {
                    let from = senders.first().copied();
                    front.push(Reached { service: edge.target, channel, from, distance: 1 });
                }
            }
            impact.producers.extend(senders);
        }
        impact.producers.sort_unstable();
        impact.producers.dedup();
        while !front.is_empty() {
            front.sort_by_key(|reached| reached.service);
            impact.reached.extend(front.iter().copied());
            let mut next = Vec::new();
            for before in &front {
                for channel in self.outgoing(before.service).map(|edge| edge.target) {
                    for service in self.consumers(channel) {
                        if !std::mem::replace(&mut seen[service.0], true) {
                            let from = Some(before.service);
                            next.push(Reached { service, channel, from, distance: before.distance + 1 });
                        }
                    }
                }
            }
            front = next;
        }
        let producers = impact.producers.iter().map(|service| (*service, 0));
        let reached = impact.reached.iter().map(|reached| (reached.service, reached.distance));
        for (service, distance) in producers.chain(reached) {
            for owner in &self.node(service).owners {
                let least = impact.owners.entry(owner.clone()).or_insert(distance);
                *least = distance.min(*least);
            }
        }
        impact
    }

    /// What starves without a service: channels without a producer, consumers without a source, and what these would have
    /// sent in turn. A service that receives nothing at all is a source of its own and goes on.
    #[must_use]
    pub fn removal(&self, service: NodeIndex) -> Removal {
        let mut gone = vec![false; self.nodes.len()];
        gone[service.0] = true;
        let mut removal = Removal::default();
        let mut front = vec![service];
        let mut round = 0;
        while !front.is_empty() {
            round += 1;
            let sent: BTreeSet<NodeIndex> =
                front.iter().flat_map(|service| self.outgoing(*service)).map(|edge| edge.target).collect();
            let dry: Vec<NodeIndex> = sent
                .into_iter()
                .filter(|channel| !gone[channel.0] && self.producers(*channel).all(|from| gone[from.0]))
                .collect();
            for channel in &dry {
                gone[channel.0] = true;
                removal.channels.push((*channel, round));
            }
            let asked: BTreeSet<NodeIndex> =
                dry.iter().flat_map(|channel| self.consumers(*channel)).collect();
            front = asked
                .into_iter()
                .filter(|service| !gone[service.0] && self.sources(*service).all(|from| gone[from.0]))
                .collect();
            for service in &front {
                gone[service.0] = true;
                removal.starved.push((*service, round));
            }
        }
        for other in self.of_kind(NodeKind::Service).filter(|other| !gone[other.0]) {
            let lost: Vec<NodeIndex> = self.sources(other).filter(|channel| gone[channel.0]).collect();
            if !lost.is_empty() {
                removal.reduced.push((other, lost));
            }
        }
        let alone = |channel: &NodeIndex| {
            self.consumers(*channel).all(|consumer| consumer == service) && !gone[channel.0]
        };
        removal.unread = self.sources(service).filter(alone).collect();
        removal
    }

    fn sources(&self, service: NodeIndex) -> impl Iterator<Item = NodeIndex> + '_ {
        self.incoming(service).filter(|edge| edge.relation == Relation::Receives).map(|edge| edge.source)
    }

    /// The order in which those who use a message follow a breaking change of it: consumers before their producers, so
    /// that everybody understands the new form before anybody sends it. A cycle is broken at a service with the fewest
    /// consumers among those left.
    #[must_use]
    pub fn rollout(&self, message: NodeIndex) -> Vec<Batch> {
        let about = |edge: &&Edge| edge.messages.is_empty() || edge.messages.contains(&message);
        let mut readers: BTreeMap<NodeIndex, BTreeSet<NodeIndex>> = BTreeMap::new();
        for channel in self.incoming(message).map(|edge| edge.source) {
            let receives = self.outgoing(channel).filter(|edge| edge.relation == Relation::Receives);
            let consumers: BTreeSet<NodeIndex> = receives.filter(about).map(|edge| edge.target).collect();
            for consumer in &consumers {
                readers.entry(*consumer).or_default();
            }
            for edge in self.incoming(channel).filter(|edge| edge.relation == Relation::Sends).filter(about) {
                let others = consumers.iter().copied().filter(|consumer| *consumer != edge.source);
                readers.entry(edge.source).or_default().extend(others);
            }
        }
        let mut batches = Vec::new();
        while !readers.is_empty() {
            let ready: Vec<NodeIndex> =
                readers.iter().filter(|(_, after)| after.is_empty()).map(|(service, _)| *service).collect();
            let breaks_cycle = ready.is_empty();
            let least = readers.iter().min_by_key(|(service, after)| (after.len(), **service));
            let services =
                if breaks_cycle { least.map(|(service, _)| *service).into_iter().collect() } else { ready };
            for service in &services {
                readers.remove(service);
            }
            for after in readers.values_mut() {
                after.retain(|service| !services.contains(service));
            }
            batches.push(Batch { services, breaks_cycle });
        }
        batches
    }
}

#[cfg(test)]
mod tests {
    use crate::topology::fixture::{graph, shop};
    use crate::topology::{Graph, NodeIndex};

    fn names(graph: &Graph, nodes: impl IntoIterator<Item = NodeIndex>) -> Vec<String> {
        nodes.into_iter().map(|node| graph.node(node).name.clone()).collect()
    }

    #[test]
    fn a_message_reaches_what_its_consumers_send() {
        let mut shop = shop();
        for node in &mut shop.nodes {
            node.owners = vec![format!("team-{}", node.name)];
        }
        let impact = shop.impact(shop.find("OrderPlaced").expect("there"));
        assert_eq!(names(&shop, impact.producers.clone()), ["web"]);
        let reached: Vec<(String, usize)> = impact
            .reached
            .iter()
            .map(|reached| (shop.node(reached.service).name.clone(), reached.distance))
            .collect();
        assert_eq!(reached, [("billing".to_owned(), 1), ("stock".to_owned(), 1), ("web".to_owned(), 2)]);
        assert_eq!(impact.owners["team-web"], 0);
        assert_eq!(impact.owners["team-stock"], 1);
    }

    #[test]
    fn what_starves_starves_others() {
        let chain = graph("a > x > b\nb > y > c\nd > z > c\nq > y2 > e\na > y2 > e\na > w > -\nm > only > a");
        let removal = chain.removal(chain.find("a").expect("a"));
        let rounds: Vec<(String, usize)> =
            removal.channels.iter().map(|(node, round)| (chain.node(*node).name.clone(), *round)).collect();
        assert_eq!(rounds, [("w".to_owned(), 1), ("x".to_owned(), 1), ("y".to_owned(), 2)]);
        assert_eq!(names(&chain, removal.starved.iter().map(|(node, _)| *node)), ["b"]);
        assert_eq!(names(&chain, removal.reduced.iter().map(|(node, _)| *node)), ["c"]);
        assert_eq!(names(&chain, removal.unread), ["only"]);
    }

    #[test]
    fn consumers_are_rolled_out_before_producers_and_cycles_are_broken() {
        let chain = graph("a > x [M] > b c\nb > y [M] > d");
        let batches = chain.rollout(chain.find("M").expect("M"));
        let names_of: Vec<Vec<String>> =
            batches.iter().map(|batch| names(&chain, batch.services.clone())).collect();
        assert_eq!(names_of, [vec!["c", "d"], vec!["b"], vec!["a"]]);
        let ring = graph("a > x [M] > b\nb > y [M] > a");
        let batches = ring.rollout(ring.find("M").expect("M"));
        assert_eq!(batches.iter().map(|batch| batch.breaks_cycle).collect::<Vec<_>>(), [true, false]);
    }
}
