//! Ways along which events come back: as few arrows as can be found that break them all, with the shortest way round for each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::findings::{is_dead_letter, is_retry};
use super::graph::{Edge, Graph, NodeIndex, NodeKind, Relation};

/// One step of a way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// The service that sends.
    pub from: NodeIndex,
    /// The channel.
    pub channel: NodeIndex,
}

/// A way round, beginning with the arrow that would break it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// Its steps.
    pub steps: Vec<Step>,
}

/// For each service those it sends to, by the first channel that leads there.
type Arrows = BTreeMap<NodeIndex, BTreeMap<NodeIndex, NodeIndex>>;

impl Graph {
    /// Ways round through several services. Answers to requests, retries and dead letters do not count, nor does what a
    /// service sends to itself. No arrow that is named could be spared: without it some way round would stay.
    #[must_use]
    pub fn loops(&self) -> Vec<Loop> {
        let arrows = self.arrows();
        let mut kept: Arrows = BTreeMap::new();
        let mut breaking = Vec::new();
        // In the order of a search, so that most arrows lead on and few lead back.
        for (from, to) in ordered(&arrows) {
            if round(&kept, to, from).is_some() {
                breaking.push((from, to));
            } else {
                kept.entry(from).or_default().insert(to, arrows[&from][&to]);
            }
        }
        let mut loops: Vec<Loop> = Vec::new();
        for (from, to) in breaking {
            let Some(back) = round(&arrows, to, from) else { continue };
            let mut steps = vec![Step { from, channel: arrows[&from][&to] }];
            steps.extend(
                back.windows(2).map(|pair| Step { from: pair[0], channel: arrows[&pair[0]][&pair[1]] }),
            );
            let around: BTreeSet<Step> = steps.iter().copied().collect();
            if !loops.iter().any(|known| known.steps.iter().copied().collect::<BTreeSet<Step>>() == around) {
                // Begun at its first service, so that the same system always says the same.
                let first =
                    steps.iter().enumerate().min_by_key(|(_, step)| step.from).map_or(0, |(at, _)| at);
                steps.rotate_left(first);
                loops.push(Loop { steps });
            }
        }
        loops.sort_by(|left, right| {
            left.steps.len().cmp(&right.steps.len()).then(left.steps.cmp(&right.steps))
        });
        loops
    }

    fn arrows(&self) -> Arrows {
        let is_answer = |edge: &Edge| {
            !edge.evidence.is_empty()
                && edge.evidence.iter().all(|evidence| evidence.place.pointer.ends_with("/reply"))
        };
        let mut arrows: Arrows = BTreeMap::new();
        for channel in self.of_kind(NodeKind::Channel) {
            let name = &self.node(channel).name;
            if is_dead_letter(name) || is_retry(name) {
                continue;
            }
            let sends: Vec<NodeIndex> = self
                .incoming(channel)
                .filter(|edge| edge.relation == Relation::Sends && !is_answer(edge))
                .map(|edge| edge.source)
                .collect();
            let receives =
                self.outgoing(channel).filter(|edge| edge.relation == Relation::Receives && !is_answer(edge));
            for to in receives.map(|edge| edge.target) {
                for from in sends.iter().copied().filter(|from| *from != to) {
                    arrows.entry(from).or_default().entry(to).or_insert(channel);
                }
            }
        }
        arrows
    }
}

/// All arrows in the order in which a search in depth meets their services: those that lead on before those that lead back.
fn ordered(arrows: &Arrows) -> Vec<(NodeIndex, NodeIndex)> {
    let mut finished: BTreeMap<NodeIndex, usize> = BTreeMap::new();
    let mut begun: BTreeSet<NodeIndex> = BTreeSet::new();
    for start in arrows.keys() {
        let mut waiting = vec![(*start, false)];
        while let Some((service, done)) = waiting.pop() {
            if done {
                let number = finished.len();
                finished.entry(service).or_insert(number);
                continue;
            }
            if !begun.insert(service) {
                continue;
            }
            waiting.push((service, true));
            let next = arrows.get(&service).into_iter().flat_map(|next| next.keys());
            waiting.extend(next.rev().filter(|next| !begun.contains(next)).map(|next| (*next, false)));
        }
    }
    let mut all: Vec<(NodeIndex, NodeIndex)> =
        arrows.iter().flat_map(|(from, next)| next.keys().map(|to| (*from, *to))).collect();
    // An arrow to a service that is finished later leads back.
    all.sort_by_key(|(from, to)| (finished.get(to) > finished.get(from), *from, *to));
    all
}

/// The shortest way from one service to another.
fn round(arrows: &Arrows, from: NodeIndex, to: NodeIndex) -> Option<Vec<NodeIndex>> {
    let mut before: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::from([(from, from)]);
    let mut waiting = VecDeque::from([from]);
    while let Some(service) = waiting.pop_front() {
        if service == to {
            let mut way = vec![to];
            let mut at = to;
            while at != from {
                at = before[&at];
                way.push(at);
            }
            way.reverse();
            return Some(way);
        }
        for next in arrows.get(&service).into_iter().flat_map(|next| next.keys()) {
            if !before.contains_key(next) {
                before.insert(*next, service);
                waiting.push_back(*next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::topology::fixture::graph;

    proptest! {
        #[test]
        fn every_way_round_is_one_and_there_is_none_without_cycles(
            lines in proptest::collection::vec((0usize..7, 0usize..7), 0..16),
        ) {
            let line = |(number, (from, to)): (usize, &(usize, usize))| format!("s{from} > c{number} > s{to}\n");
            let text: String = lines.iter().enumerate().map(line).collect();
            let graph = graph(&text);
            let loops = graph.loops();
            for found in &loops {
                for (place, step) in found.steps.iter().enumerate() {
                    let next = found.steps[(place + 1) % found.steps.len()].from;
                    prop_assert!(graph.producers(step.channel).any(|service| service == step.from));
                    prop_assert!(graph.consumers(step.channel).any(|service| service == next));
                }
            }
            if lines.iter().all(|(from, to)| from <= to) {
                prop_assert!(loops.is_empty());
            }
        }
    }
}
