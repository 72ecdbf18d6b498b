//! Three columns — producers, channels, consumers — ordered so that few arrows cross. It knows no sizes but those it is given.

use std::collections::{BTreeMap, BTreeSet};

use crate::topology::graph::{Graph, NodeIndex, NodeKind, Relation};

/// Sweeps over the columns; the best order met is kept.
const SWEEPS: usize = 12;
/// Rounds of swapping neighbours.
const SWITCHES: usize = 6;

/// A part of the picture from top to bottom: the members of one domain in each column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Band {
    /// The domain; `None` for nodes without one.
    pub domain: Option<String>,
    /// Services that send, and those that do neither.
    pub producers: Vec<NodeIndex>,
    /// Channels.
    pub channels: Vec<NodeIndex>,
    /// Services that receive; a service that also sends stands in both columns.
    pub consumers: Vec<NodeIndex>,
}

/// The whole picture: bands from top to bottom, those without domain last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// The bands.
    pub bands: Vec<Band>,
    /// How often arrows cross.
    pub crossings: u64,
}

/// Orders the graph into three columns; equal graphs give equal columns.
#[must_use]
pub fn columns(graph: &Graph) -> Columns {
    let mut work = Work::new(graph);
    work.improve();
    work.columns(graph)
}

#[allow(clippy::cast_precision_loss, reason = "counts of nodes are far below 2^52")]
fn as_float(count: usize) -> f64 {
    count as f64
}

/// One column while it is ordered: its items, from top to bottom, each in its band.
#[derive(Clone, Default)]
struct Column {
    /// Item numbers from top to bottom.
    order: Vec<usize>,
    /// For each item its place from the top.
    position: Vec<usize>,
    /// For each item its band.
    band: Vec<usize>,
    /// For each item its node.
    node: Vec<NodeIndex>,
}

impl Column {
    fn new(members: &[NodeIndex], band_of: &dyn Fn(NodeIndex) -> usize) -> Self {
        let band: Vec<usize> = members.iter().map(|node| band_of(*node)).collect();
        let mut column = Self {
            order: (0..members.len()).collect(),
            position: vec![0; members.len()],
            band,
            node: members.to_vec(),
        };
        column.sort_by(&vec![0.0; members.len()]);
        column
    }

    /// Orders by band, then by key; equal keys keep their order.
    fn sort_by(&mut self, key: &[f64]) {
        let band = &self.band;
        self.order.sort_by(|left, right| {
            band[*left].cmp(&band[*right]).then_with(|| key[*left].total_cmp(&key[*right]))
        });
        self.note_positions();
    }

    fn note_positions(&mut self) {
        for (place, item) in self.order.iter().enumerate() {
            self.position[*item] = place;
        }
    }

    fn relative(&self, item: usize) -> f64 {
        (as_float(self.position[item]) + 0.5) / as_float(self.order.len())
    }
}

/// Arrows between two neighbouring columns, seen from either side.
struct Gap {
    /// For each item on the left, items on the right.
    rightward: Vec<Vec<usize>>,
    /// For each item on the right, items on the left.
    leftward: Vec<Vec<usize>>,
}

struct Work {
    bands: Vec<Option<String>>,
    /// Producers, channels, consumers.
    columns: [Column; 3],
    /// Between producers and channels, between channels and consumers.
    gaps: [Gap; 2],
}

impl Work {
    fn new(graph: &Graph) -> Self {
        let domains: BTreeSet<&str> =
            (0..graph.nodes.len()).filter_map(|index| graph.group(NodeIndex(index))).collect();
        let numbers: BTreeMap<&str, usize> =
            domains.iter().enumerate().map(|(number, domain)| (*domain, number)).collect();
        let band_of = |node| graph.group(node).map_or(domains.len(), |domain| numbers[domain]);
        let services: Vec<NodeIndex> = graph.of_kind(NodeKind::Service).collect();
        let channels: Vec<NodeIndex> = graph.of_kind(NodeKind::Channel).collect();
        let receives = |node: &NodeIndex| graph.incoming(*node).next().is_some();
        let sends = |node: &NodeIndex| graph.outgoing(*node).next().is_some();
        let left: Vec<NodeIndex> =
            services.iter().copied().filter(|node| sends(node) || !receives(node)).collect();
        let right: Vec<NodeIndex> = services.into_iter().filter(receives).collect();
        let columns = [left, channels, right].map(|members| Column::new(&members, &band_of));
        let gaps = [
            Self::gap(graph, &columns[0], &columns[1], Relation::Sends),
            Self::gap(graph, &columns[1], &columns[2], Relation::Receives),
        ];
        let bands = domains.iter().map(|domain| Some((*domain).to_owned())).chain([None]).collect();
        Self { bands, columns, gaps }
    }

    fn gap(graph: &Graph, left: &Column, right: &Column, relation: Relation) -> Gap {
        let numbers = |column: &Column| {
            let mut item_of = vec![usize::MAX; graph.nodes.len()];
            for (item, node) in column.node.iter().enumerate() {
                item_of[node.0] = item;
            }
            item_of
        };
        let (left_items, right_items) = (numbers(left), numbers(right));
        let mut gap = Gap {
            rightward: vec![Vec::new(); left.node.len()],
            leftward: vec![Vec::new(); right.node.len()],
        };
        for edge in graph.edges.iter().filter(|edge| edge.relation == relation) {
            let (from, to) = (left_items[edge.source.0], right_items[edge.target.0]);
            gap.rightward[from].push(to);
            gap.leftward[to].push(from);
        }
        gap
    }

    /// Sweeps to and fro, then swaps neighbours, and keeps the best.
    fn improve(&mut self) {
        let mut best = (self.crossings(), self.columns.clone());
        let mut stale = 0;
        for sweep in 0..SWEEPS {
            self.sweep(sweep % 3 == 2);
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.columns.clone());
                stale = 0;
            } else {
                stale += 1;
            }
            if best.0 == 0 || stale == 4 {
                break;
            }
        }
        self.columns = best.1;
        for _ in 0..SWITCHES {
            let switched = (0..3).map(|column| self.switch(column)).fold(false, |any, each| any | each);
            if !switched {
                break;
            }
        }
    }

    fn sweep(&mut self, by_median: bool) {
        for column in [1, 0, 2, 1] {
            let keys = self.keys(column, by_median);
            self.columns[column].sort_by(&keys);
        }
    }

    /// Where each item of a column would like to be, from 0 at the top to 1, by its neighbours on both sides.
    fn keys(&self, column: usize, by_median: bool) -> Vec<f64> {
        let own = &self.columns[column];
        (0..own.node.len())
            .map(|item| {
                let mut places: Vec<f64> = self
                    .neighbours(column, item)
                    .map(|(side, other)| self.columns[side].relative(other))
                    .collect();
                if places.is_empty() {
                    return own.relative(item);
                }
                if by_median {
                    places.sort_by(f64::total_cmp);
                    let middle = places.len() / 2;
                    let before = places[(places.len() - 1) / 2];
                    return f64::midpoint(before, places[middle]);
                }
                places.iter().sum::<f64>() / as_float(places.len())
            })
            .collect()
    }

    /// The neighbours of an item: the column and the item in it.
    fn neighbours(&self, column: usize, item: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let left = column.checked_sub(1).map_or(&[][..], |gap| self.gaps[gap].leftward[item].as_slice());
        let right = self.gaps.get(column).map_or(&[][..], |gap| gap.rightward[item].as_slice());
        let left = left.iter().map(move |other| (column.wrapping_sub(1), *other));
        left.chain(right.iter().map(move |other| (column + 1, *other)))
    }

    fn crossings(&self) -> u64 {
        let pairs = [(0, 1), (1, 2)];
        pairs.iter().zip(&self.gaps).map(|(pair, gap)| self.crossings_between(*pair, gap)).sum()
    }

    /// Counts inversions with a Fenwick tree: arrows ordered by their left end, then how many end further down.
    fn crossings_between(&self, (left, right): (usize, usize), gap: &Gap) -> u64 {
        let (left, right) = (&self.columns[left], &self.columns[right]);
        let mut tree = vec![0_u64; right.order.len() + 1];
        let mut total = 0;
        let mut crossings = 0;
        for item in &left.order {
            let mut ends: Vec<usize> = gap.rightward[*item].iter().map(|to| right.position[*to]).collect();
            ends.sort_unstable();
            for end in &ends {
                let mut not_below = 0;
                let mut at = end + 1;
                while at > 0 {
                    not_below += tree[at];
                    at &= at - 1;
                }
                crossings += total - not_below;
            }
            for end in &ends {
                let mut at = end + 1;
                while at < tree.len() {
                    tree[at] += 1;
                    at += at & at.wrapping_neg();
                }
                total += 1;
            }
        }
        crossings
    }

    /// Swaps neighbours of one band wherever fewer arrows cross then; says whether it did.
    fn switch(&mut self, column: usize) -> bool {
        let ends = self.sorted_ends(column);
        let own = &mut self.columns[column];
        let mut switched = false;
        for place in 1..own.order.len() {
            let (upper, lower) = (own.order[place - 1], own.order[place]);
            if own.band[upper] != own.band[lower] {
                continue;
            }
            let cost = |first: usize, second: usize| -> u64 {
                (0..2).map(|side| pair_crossings(&ends[side][first], &ends[side][second])).sum()
            };
            if cost(lower, upper) < cost(upper, lower) {
                own.order.swap(place - 1, place);
                switched = true;
            }
        }
        own.note_positions();
        switched
    }

    /// For both sides of a column the positions of each item's neighbours, sorted.
    fn sorted_ends(&self, column: usize) -> [Vec<Vec<usize>>; 2] {
        let items = 0..self.columns[column].node.len();
        [false, true].map(|right| {
            let ends_of = |item| {
                let side = self.neighbours(column, item).filter(|(side, _)| (*side > column) == right);
                let mut ends: Vec<usize> =
                    side.map(|(side, other)| self.columns[side].position[other]).collect();
                ends.sort_unstable();
                ends
            };
            items.clone().map(ends_of).collect()
        })
    }

    fn columns(&self, graph: &Graph) -> Columns {
        let mut bands: Vec<Band> =
            self.bands.iter().map(|domain| Band { domain: domain.clone(), ..Band::default() }).collect();
        for (number, column) in self.columns.iter().enumerate() {
            for item in &column.order {
                let band = &mut bands[column.band[*item]];
                let list = match number {
                    0 => &mut band.producers,
                    1 => &mut band.channels,
                    _ => &mut band.consumers,
                };
                list.push(column.node[*item]);
            }
        }
        bands.retain(|band| {
            let lists = [&band.producers, &band.channels, &band.consumers];
            lists.iter().any(|list| !list.is_empty())
        });
        debug_assert!(bands.iter().flat_map(|band| &band.channels).count() == graph.count(NodeKind::Channel));
        Columns { bands, crossings: self.crossings() }
    }
}

/// How often the arrows of two items cross when the first stands above the second; both lists are sorted.
fn pair_crossings(upper: &[usize], lower: &[usize]) -> u64 {
    let mut crossings = 0;
    let mut above = 0;
    for end in upper {
        while above < lower.len() && lower[above] < *end {
            above += 1;
        }
        crossings += above as u64;
    }
    crossings
}

#[cfg(test)]
mod tests {
    use super::{Columns, columns, pair_crossings};
    use crate::topology::fixture::{graph, shop};
    use crate::topology::layout::settle;
    use crate::topology::{Graph, NodeIndex};

    fn names(graph: &Graph, list: &[NodeIndex]) -> Vec<String> {
        list.iter().map(|node| graph.label(*node).into_owned()).collect()
    }

    /// Counts crossings of every pair of arrows, for comparison.
    fn slow_crossings(graph: &Graph, columns: &Columns) -> u64 {
        let place = |pick: &dyn Fn(&super::Band) -> Vec<NodeIndex>| -> Vec<NodeIndex> {
            columns.bands.iter().flat_map(pick).collect()
        };
        let left = place(&|band| band.producers.clone());
        let middle = place(&|band| band.channels.clone());
        let right = place(&|band| band.consumers.clone());
        let at = |list: &[NodeIndex], node| list.iter().position(|other| *other == node);
        let mut first = Vec::new();
        let mut second = Vec::new();
        for channel in &middle {
            let here = at(&middle, *channel);
            first.extend(graph.producers(*channel).map(|node| (at(&left, node), here)));
            second.extend(graph.consumers(*channel).map(|node| (here, at(&right, node))));
        }
        let mut crossings = 0;
        for edges in [first, second] {
            for (number, one) in edges.iter().enumerate() {
                let crosses = |two: &&(Option<usize>, Option<usize>)| {
                    (one.0 < two.0 && one.1 > two.1) || (one.0 > two.0 && one.1 < two.1)
                };
                crossings += edges[..number].iter().filter(crosses).count() as u64;
            }
        }
        crossings
    }

    #[test]
    fn bands_hold_every_node_once_per_side() {
        let shop = shop();
        let columns = columns(&shop);
        let domains: Vec<_> = columns.bands.iter().map(|band| band.domain.as_deref()).collect();
        assert_eq!(domains, [Some("goods"), Some("money"), Some("sales")]);
        assert_eq!(names(&shop, &columns.bands[0].producers), ["stock"]);
        assert_eq!(names(&shop, &columns.bands[0].consumers), ["stock"]);
        assert_eq!(columns.bands.iter().map(|band| band.channels.len()).sum::<usize>(), 6);
        assert_eq!(columns.crossings, slow_crossings(&shop, &columns));
    }

    #[test]
    fn a_tangle_that_can_be_undone_is_undone() {
        let tangle = graph("a > z > p\nb > y > q\nc > x > r\nd > w > s");
        assert_eq!(columns(&tangle).crossings, 0);
    }

    #[test]
    fn counting_by_tree_agrees_with_counting_pairs() {
        let mut lines = String::new();
        for channel in 0..40 {
            let consumers: Vec<String> = (0..3).map(|n| format!("s{}", (channel * 7 + n * 5) % 13)).collect();
            let producer = channel * 3 % 11;
            lines.extend([format!("s{producer} > c{channel} > {}\n", consumers.join(" "))]);
        }
        let dense = graph(&lines);
        let first = columns(&dense);
        assert_eq!(first.crossings, slow_crossings(&dense, &first));
        assert_eq!(first, columns(&graph(&lines)));
    }

    #[test]
    fn pairs_of_sorted_ends() {
        assert_eq!(pair_crossings(&[1, 3], &[0, 2]), 3);
        assert_eq!(pair_crossings(&[0], &[0, 1]), 0);
    }

    #[test]
    fn settling_keeps_order_distance_and_bounds() {
        let centres = settle(&[50.0, 50.0, 10.0], &[1.0; 3], &[10.0, 10.0, 10.0], 2.0, 0.0, 100.0);
        assert!(centres.windows(2).all(|pair| pair[1] - pair[0] >= 12.0 - 1e-9), "{centres:?}");
        assert!(centres[0] >= 5.0 && centres[2] <= 95.0);
        assert_eq!(settle(&[80.0], &[1.0], &[10.0], 2.0, 0.0, 100.0), [80.0]);
        assert_eq!(settle(&[], &[], &[], 2.0, 0.0, 100.0), Vec::<f64>::new());
    }
}
