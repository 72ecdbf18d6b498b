//! Ways along which events come back: as few arrows as can be found that break them all, with the shortest way round for each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::findings::{is_dead_letter, is_retry};
use super::graph::{Edge, Evidence, EvidenceKind, Graph, NodeIndex, NodeKind, Relation};

/// So many services that all reach each other are few enough to find the fewest arrows that break all ways round.
pub const EXACT: usize = 20;

/// Steps that may be spent on that in one graph; what comes after them is not proved.
const STEPS: usize = 1 << 26;

/// Arrows between services that are looked at: one channel with a thousand producers and consumers is a million.
const ARROWS: usize = 2_000_000;

/// Arrows that may be gone along in all searches for arrows to be spared, and as many again in those for shortest ways round.
const SEARCHED: usize = 1 << 24;

/// Ways round that are shown.
const SHOWN: usize = 1_000;

/// One step of a way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// The service that sends.
    pub from: NodeIndex,
    /// The channel.
    pub channel: NodeIndex,
}

/// A way round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// Its steps, from its first service on.
    pub steps: Vec<Step>,
    /// Whether no fewer arrows than were found break all ways round among these services: proved where they are few.
    pub is_fewest: bool,
}

/// For each service those it sends to, by the first channel that leads there.
type Arrows = BTreeMap<NodeIndex, BTreeMap<NodeIndex, NodeIndex>>;

/// An arrow from one service to another.
type Arrow = (NodeIndex, NodeIndex);

/// Ways round, and how many there are beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loops {
    /// The shortest way round for each arrow that breaks some, the shortest of all first.
    pub found: Vec<Loop>,
    /// Arrows that would have to be broken too, and whose ways round were not looked for.
    pub more: usize,
    /// Channels with so many producers and consumers that it was not looked at who leads to whom by them.
    pub passed_over: usize,
}

impl Graph {
    /// Ways round through several services: as few arrows as break them all, and the shortest way round for each. Answers to
    /// requests, retries and dead letters do not count, nor does what a service sends to itself.
    ///
    /// Among up to [`EXACT`] services that all reach each other there is no smaller set of arrows. Among more no arrow could be
    /// spared, but another set might be smaller.
    #[must_use]
    pub fn loops(&self) -> Loops {
        let (arrows, passed_over) = self.arrows();
        let finished = finished(&arrows);
        let mut loops = Loops { passed_over, ..Loops::default() };
        let mut known: BTreeSet<Vec<Step>> = BTreeSet::new();
        let (mut left, mut search, mut showing) = (STEPS, SEARCHED, SEARCHED);
        for tangle in tangles(&arrows, &finished) {
            let within = among(&arrows, &tangle);
            let cost = if tangle.len() <= EXACT { tangle.len() << tangle.len() } else { usize::MAX };
            let is_fewest = cost <= left;
            left = left.saturating_sub(if is_fewest { cost } else { 0 });
            let breaking = if is_fewest { fewest(&within) } else { spared(&within, &finished, &mut search) };
            for (from, to) in breaking {
                let back = if loops.found.len() < SHOWN {
                    round(&within, to, from, &mut showing)
                } else {
                    Err(Spent)
                };
                let Ok(Some(back)) = back else {
                    loops.more += 1;
                    continue;
                };
                let mut steps = vec![Step { from, channel: within[&from][&to] }];
                steps.extend(
                    back.windows(2).map(|pair| Step { from: pair[0], channel: within[&pair[0]][&pair[1]] }),
                );
                // Begun at its first service, so that the same system always says the same.
                let first =
                    steps.iter().enumerate().min_by_key(|(_, step)| step.from).map_or(0, |(at, _)| at);
                steps.rotate_left(first);
                if known.insert(steps.clone()) {
                    loops.found.push(Loop { steps, is_fewest });
                }
            }
        }
        loops.found.sort_by(|left, right| {
            left.steps.len().cmp(&right.steps.len()).then(left.steps.cmp(&right.steps))
        });
        loops
    }

    /// Who leads to whom, and how many channels were passed over.
    fn arrows(&self) -> (Arrows, usize) {
        let is_answer = |edge: &Edge| {
            let apart = |evidence: &Evidence| {
                evidence.place.pointer.ends_with("/reply") || evidence.kind == EvidenceKind::AmqpDeadLetter
            };
            !edge.evidence.is_empty() && edge.evidence.iter().all(apart)
        };
        let mut arrows: Arrows = BTreeMap::new();
        let (mut left, mut passed_over) = (ARROWS, 0);
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
            let receives: Vec<NodeIndex> = receives.map(|edge| edge.target).collect();
            let Some(rest) = left.checked_sub(sends.len().saturating_mul(receives.len())) else {
                passed_over += 1;
                continue;
            };
            left = rest;
            for to in receives {
                for from in sends.iter().copied().filter(|from| *from != to) {
                    arrows.entry(from).or_default().entry(to).or_insert(channel);
                }
            }
        }
        (arrows, passed_over)
    }
}

/// When a search in depth is done with each service.
fn finished(arrows: &Arrows) -> BTreeMap<NodeIndex, usize> {
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
    finished
}

/// Services that all reach each other, where there are several, each in order: what a search against the arrows reaches from
/// whatever the first search was done with last.
fn tangles(arrows: &Arrows, finished: &BTreeMap<NodeIndex, usize>) -> Vec<Vec<NodeIndex>> {
    let mut against: BTreeMap<NodeIndex, Vec<NodeIndex>> = BTreeMap::new();
    for (from, next) in arrows {
        for to in next.keys() {
            against.entry(*to).or_default().push(*from);
        }
    }
    let mut order: Vec<NodeIndex> = finished.keys().copied().collect();
    order.sort_by_key(|service| std::cmp::Reverse(finished[service]));
    let mut taken: BTreeSet<NodeIndex> = BTreeSet::new();
    let mut tangles = Vec::new();
    for start in order {
        if !taken.insert(start) {
            continue;
        }
        let (mut tangle, mut waiting) = (vec![start], vec![start]);
        while let Some(service) = waiting.pop() {
            for next in against.get(&service).into_iter().flatten() {
                if taken.insert(*next) {
                    tangle.push(*next);
                    waiting.push(*next);
                }
            }
        }
        if tangle.len() > 1 {
            tangle.sort_unstable();
            tangles.push(tangle);
        }
    }
    tangles
}

fn among(arrows: &Arrows, services: &[NodeIndex]) -> Arrows {
    let is_one = |service: &NodeIndex| services.binary_search(service).is_ok();
    let inside = |next: &BTreeMap<NodeIndex, NodeIndex>| {
        next.iter().filter(|(to, _)| is_one(to)).map(|(to, channel)| (*to, *channel)).collect()
    };
    arrows.iter().filter(|(from, _)| is_one(from)).map(|(from, next)| (*from, inside(next))).collect()
}

/// The fewest arrows without which nothing goes round: those that lead back in the best of all orders of the services, found
/// over all sets of services that may come first (Lawler 1964).
fn fewest(arrows: &Arrows) -> Vec<Arrow> {
    let services: Vec<NodeIndex> = arrows.keys().copied().collect();
    let count = services.len();
    let to: Vec<u32> = services
        .iter()
        .map(|from| {
            let leads = |(_, other): &(usize, &NodeIndex)| arrows[from].contains_key(other);
            services.iter().enumerate().filter(leads).fold(0, |set, (place, _)| set | 1 << place)
        })
        .collect();
    // For each set of services that come first: how few arrows lead back among them.
    let mut back = vec![u32::MAX; 1 << count];
    back[0] = 0;
    for set in 0..back.len() {
        for (place, leads_to) in to.iter().enumerate().filter(|(place, _)| set >> place & 1 == 0) {
            let with = back[set] + (leads_to & narrow(set)).count_ones();
            let more = &mut back[set | 1 << place];
            *more = (*more).min(with);
        }
    }
    let mut breaking = Vec::new();
    let mut set = back.len() - 1;
    while set != 0 {
        let is_last = |place: &usize| {
            let before = set & !(1 << place);
            set >> place & 1 == 1 && back[before] + (to[*place] & narrow(before)).count_ones() == back[set]
        };
        let Some(last) = (0..count).find(is_last) else { break };
        set &= !(1 << last);
        let leads_back = (0..count).filter(|place| to[last] & narrow(set) & (1 << place) != 0);
        breaking.extend(leads_back.map(|place| (services[last], services[place])));
    }
    breaking
}

/// A set of at most [`EXACT`] services.
fn narrow(set: usize) -> u32 {
    u32::try_from(set).unwrap_or(u32::MAX)
}

/// Arrows without which nothing goes round, and none of which could be spared, as far as the search goes.
fn spared(arrows: &Arrows, finished: &BTreeMap<NodeIndex, usize>, search: &mut usize) -> Vec<Arrow> {
    let mut all: Vec<Arrow> =
        arrows.iter().flat_map(|(from, next)| next.keys().map(|to| (*from, *to))).collect();
    // In the order of a search, so that most arrows lead on: one to a service that is finished later leads back. Without those
    // that lead back nothing goes round.
    let leads_back = |(from, to): &Arrow| finished.get(to) > finished.get(from);
    all.sort_by_key(|arrow| (leads_back(arrow), *arrow));
    let mut kept: Arrows = BTreeMap::new();
    let mut breaking = Vec::new();
    for (from, to) in all {
        if leads_back(&(from, to)) && !matches!(round(&kept, to, from, search), Ok(None)) {
            breaking.push((from, to));
        } else {
            kept.entry(from).or_default().insert(to, arrows[&from][&to]);
        }
    }
    breaking
}

/// All that may be searched has been.
#[derive(Debug)]
struct Spent;

/// The shortest way from one service to another, which takes what it goes along from what may be searched.
fn round(
    arrows: &Arrows,
    from: NodeIndex,
    to: NodeIndex,
    search: &mut usize,
) -> Result<Option<Vec<NodeIndex>>, Spent> {
    let mut before: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::from([(from, from)]);
    let mut waiting = VecDeque::from([from]);
    while let Some(service) = waiting.pop_front() {
        let Some(next) = arrows.get(&service) else { continue };
        for next in next.keys() {
            *search = search.checked_sub(1).ok_or(Spent)?;
            if before.contains_key(next) {
                continue;
            }
            before.insert(*next, service);
            if *next == to {
                let steps = std::iter::successors(Some(to), |at| (*at != from).then(|| before[at]));
                let mut way: Vec<NodeIndex> = steps.collect();
                way.reverse();
                return Ok(Some(way));
            }
            waiting.push_back(*next);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Arrows, fewest, finished, round, spared};
    use crate::topology::NodeIndex;
    use crate::topology::fixture::graph;

    /// Whether nothing goes round without these arrows.
    fn breaks(arrows: &Arrows, without: &[(NodeIndex, NodeIndex)]) -> bool {
        let mut kept = arrows.clone();
        for (from, to) in without {
            kept.get_mut(from).expect("there").remove(to);
        }
        let mut all = kept.iter().flat_map(|(from, next)| next.keys().map(|to| (*from, *to)));
        all.all(|(from, to)| {
            let mut search = usize::MAX;
            matches!(round(&kept, to, from, &mut search), Ok(None))
        })
    }

    #[test]
    fn one_arrow_may_break_two_ways_round() {
        let loops = graph("a > x > b\nb > y > c\nc > z > a\nb > back > a").loops().found;
        assert_eq!((loops.len(), loops[0].steps.len(), loops[0].is_fewest), (1, 2, true));
        let ring: String = (0..21).map(|at| format!("s{at} > c{at} > s{}\n", (at + 1) % 21)).collect();
        let loops = graph(&ring).loops().found;
        assert_eq!((loops.len(), loops[0].steps.len(), loops[0].is_fewest), (1, 21, false));
    }

    proptest! {
        /// No set of arrows that is smaller breaks all ways round: every smaller one is tried.
        #[test]
        fn there_are_no_fewer_arrows(
            ends in proptest::collection::btree_set((0usize..5, 0usize..5), 0..9),
            search in prop_oneof![Just(usize::MAX), 0usize..8],
        ) {
            let mut arrows = Arrows::new();
            for (from, to) in ends.iter().filter(|(from, to)| from != to) {
                arrows.entry(NodeIndex(*from)).or_default().insert(NodeIndex(*to), NodeIndex(99));
                arrows.entry(NodeIndex(*to)).or_default();
            }
            let all: Vec<_> =
                arrows.iter().flat_map(|(from, next)| next.keys().map(|to| (*from, *to))).collect();
            let found = fewest(&arrows);
            prop_assert!(breaks(&arrows, &found));
            // Also where the search ends before everything was looked at.
            let mut search = search;
            prop_assert!(breaks(&arrows, &spared(&arrows, &finished(&arrows), &mut search)));
            for set in 0u32..1 << all.len() {
                let chosen = all.iter().enumerate().filter(|(place, _)| set >> place & 1 == 1);
                let chosen: Vec<_> = chosen.map(|(_, arrow)| *arrow).collect();
                prop_assert!(chosen.len() >= found.len() || !breaks(&arrows, &chosen));
            }
        }
    }

    /// Everybody leads to everybody, over one channel and over many.
    #[test]
    fn what_is_too_much_is_counted_and_not_searched() {
        let all: String = (0..1_500).map(|at| format!("s{at} ")).collect();
        let loops = graph(&format!("{all}> x > {all}\na > y > b\nb > z > a")).loops();
        assert_eq!((loops.passed_over, loops.found.len(), loops.more), (1, 1, 0));
        let half: String = (0..50).map(|at| format!("s{at} ")).collect();
        let loops = graph(&format!("{half}> x > {half}")).loops();
        // Every arrow that leads back closes a way round of its own.
        assert_eq!((loops.found.len(), loops.more), (super::SHOWN, 50 * 49 / 2 - super::SHOWN));
    }

    proptest! {
        #[test]
        fn every_way_round_is_one_and_there_is_none_without_cycles(
            lines in proptest::collection::vec((0usize..7, 0usize..7), 0..16),
        ) {
            let line = |(number, (from, to)): (usize, &(usize, usize))| format!("s{from} > c{number} > s{to}\n");
            let text: String = lines.iter().enumerate().map(line).collect();
            let graph = graph(&text);
            let loops = graph.loops().found;
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
