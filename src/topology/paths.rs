//! Ways from one node to another along the flow, the shortest first.

use super::graph::{Graph, NodeIndex, NodeKind};
use super::query::Step;

/// Steps tried before giving up on more ways.
const WORK: usize = 400_000;

/// Ways from one node to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// Each way with both its ends, the shortest first, then in order of nodes.
    pub found: Vec<Vec<NodeIndex>>,
    /// Whether these are all.
    pub complete: bool,
}

impl Graph {
    /// Ways along the flow that pass no node twice: the shortest ones, or all up to `limit`.
    #[must_use]
    pub fn paths(&self, from: NodeIndex, to: NodeIndex, shortest: bool, limit: usize) -> Paths {
        let distance = self.distances_to(to);
        let Some(least) = distance[from.0] else { return Paths { found: Vec::new(), complete: true } };
        let mut search = Search {
            graph: self,
            distance,
            to,
            limit,
            work: WORK,
            above: vec![false; self.nodes.len()],
            way: vec![from],
            paths: Paths { found: Vec::new(), complete: true },
            cut: false,
        };
        let mut length = least;
        loop {
            search.cut = false;
            search.follow(from, length);
            if shortest || !search.cut || !search.paths.complete {
                return search.paths;
            }
            length += 1;
        }
    }

    /// For each node how many arrows away the end is.
    fn distances_to(&self, end: NodeIndex) -> Vec<Option<usize>> {
        let mut distance = vec![None; self.nodes.len()];
        distance[end.0] = Some(0);
        let mut front = vec![end];
        let mut away = 0;
        while !front.is_empty() {
            away += 1;
            let mut next = Vec::new();
            for before in front.iter().flat_map(|node| self.next(*node, Step::Upstream)) {
                if distance[before.0].is_none() {
                    distance[before.0] = Some(away);
                    next.push(before);
                }
            }
            front = next;
        }
        distance
    }

    /// Only the nodes and arrows of these ways, with the messages of their channels. A channel at an end has all its
    /// services there, so that it does not seem to lack them.
    #[must_use]
    pub fn along(&self, paths: &[Vec<NodeIndex>]) -> Self {
        let mut steps: Vec<(NodeIndex, NodeIndex)> =
            paths.iter().flat_map(|path| path.windows(2).map(|pair| (pair[0], pair[1]))).collect();
        steps.sort_unstable();
        let mut kept = vec![false; self.nodes.len()];
        for node in paths.iter().flatten() {
            kept[node.0] = true;
        }
        let on_the_way = kept.clone();
        let is_channel = |node: &NodeIndex| self.node(*node).kind == NodeKind::Channel;
        let first = paths.first().and_then(|path| path.first()).copied().filter(is_channel);
        let last = paths.first().and_then(|path| path.last()).copied().filter(is_channel);
        let mut wanted = vec![false; self.edges.len()];
        for (number, edge) in self.edges.iter().enumerate() {
            wanted[number] = if edge.relation.is_flow() {
                let beyond = last == Some(edge.source) || first == Some(edge.target);
                beyond || steps.binary_search(&(edge.source, edge.target)).is_ok()
            } else {
                on_the_way[edge.source.0]
            };
            if wanted[number] {
                kept[edge.source.0] = true;
                kept[edge.target.0] = true;
            }
        }
        self.part(&kept, &wanted)
    }
}

struct Search<'a> {
    graph: &'a Graph,
    distance: Vec<Option<usize>>,
    to: NodeIndex,
    limit: usize,
    work: usize,
    above: Vec<bool>,
    way: Vec<NodeIndex>,
    paths: Paths,
    /// Whether a way was given up only because it would be too long.
    cut: bool,
}

impl Search<'_> {
    /// Ways of exactly `left` more arrows.
    fn follow(&mut self, node: NodeIndex, left: usize) {
        if node == self.to {
            if left == 0 {
                self.note();
            }
            return;
        }
        self.above[node.0] = true;
        for next in self.graph.next(node, Step::Downstream) {
            let Some(rest) = self.distance[next.0].filter(|_| !self.above[next.0]) else { continue };
            if rest + 1 > left {
                self.cut = true;
                continue;
            }
            if self.work == 0 || !self.paths.complete {
                self.paths.complete = false;
                break;
            }
            self.work -= 1;
            self.way.push(next);
            self.follow(next, left - 1);
            self.way.pop();
        }
        self.above[node.0] = false;
    }

    fn note(&mut self) {
        if self.paths.found.len() == self.limit {
            self.paths.complete = false;
        } else {
            self.paths.found.push(self.way.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::topology::Graph;
    use crate::topology::fixture::graph;

    fn ways(graph: &Graph, from: &str, to: &str, shortest: bool, limit: usize) -> (Vec<String>, bool) {
        let (from, to) = (graph.find(from).expect("there"), graph.find(to).expect("there"));
        let paths = graph.paths(from, to, shortest, limit);
        let written = paths.found.iter().map(|path| {
            let names: Vec<&str> = path.iter().map(|node| graph.node(*node).name.as_str()).collect();
            names.join(" ")
        });
        (written.collect(), paths.complete)
    }

    #[test]
    fn all_ways_are_found_shortest_first() {
        let graph = graph("a > x > b c\nb > y > d\nc > z > b\na > w > q\nd > v > a");
        let all = (vec!["a x b y d".to_owned(), "a x c z b y d".to_owned()], true);
        assert_eq!(ways(&graph, "a", "d", false, 9), all);
        assert_eq!(ways(&graph, "a", "d", true, 9), (vec!["a x b y d".to_owned()], true));
        assert_eq!(ways(&graph, "a", "d", false, 1), (vec!["a x b y d".to_owned()], false));
        assert_eq!(ways(&graph, "q", "a", false, 9), (Vec::new(), true));
        assert_eq!(ways(&graph, "x", "y", true, 9).0, ["x b y"]);
    }

    #[test]
    fn the_part_along_ways_has_only_them() {
        let graph = graph("a > x [M] > b c\nb > y > d\nc > z > b\na > w > q");
        let (from, to) = (graph.find("a").expect("a"), graph.find("d").expect("d"));
        let part = graph.along(&graph.paths(from, to, true, 9).found);
        let names: Vec<&str> = part.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "d", "x", "y", "M"]);
        assert_eq!(part.flows().count(), 4);
        let channel = graph.find("y").expect("y");
        let to_channel = graph.along(&graph.paths(from, channel, true, 9).found);
        assert!(to_channel.checks().is_empty() && to_channel.find("d").is_ok());
    }

    #[test]
    fn a_tangle_ends() {
        let lines: Vec<String> = (0..40)
            .map(|one| format!("s{one} > c{one} > {}", (0..40).map(|n| format!("s{n} ")).collect::<String>()))
            .collect();
        let graph = graph(&lines.join("\n"));
        let (found, complete) = ways(&graph, "s0", "s39", false, 50);
        assert_eq!((found.len(), complete), (50, false));
    }
}
