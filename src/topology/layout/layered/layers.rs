//! Items in their layers, and the joints where long links pass through the layers between.

/// Neighbours of each vertex in one direction, as ranges of one vector.
#[derive(Clone, Debug, Default)]
pub(super) struct Neighbours {
    starts: Vec<usize>,
    ends: Vec<usize>,
}

impl Neighbours {
    fn new(count: usize, pairs: impl Iterator<Item = (usize, usize)> + Clone) -> Self {
        let mut starts = vec![0; count + 1];
        for (vertex, _) in pairs.clone() {
            starts[vertex + 1] += 1;
        }
        for vertex in 0..count {
            starts[vertex + 1] += starts[vertex];
        }
        let mut next = starts.clone();
        let mut ends = vec![0; starts[count]];
        for (vertex, other) in pairs {
            ends[next[vertex]] = other;
            next[vertex] += 1;
        }
        Self { starts, ends }
    }

    pub fn of(&self, vertex: usize) -> &[usize] {
        &self.ends[self.starts[vertex]..self.starts[vertex + 1]]
    }

    fn of_mut(&mut self, vertex: usize) -> &mut [usize] {
        &mut self.ends[self.starts[vertex]..self.starts[vertex + 1]]
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }
}

/// What passes between the ends of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// One joint in each layer between, as a range of vertex numbers.
    Joints(std::ops::Range<usize>),
    /// Too long to have joints, or within one layer.
    Free,
}

/// Vertices — items, then joints — in their layers from top to bottom.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    /// How many of the vertices are items.
    pub items: usize,
    /// For each vertex its layer.
    pub rank: Vec<usize>,
    /// For each vertex its lane.
    pub lane: Vec<usize>,
    /// For each layer its vertices from top to bottom.
    pub order: Vec<Vec<usize>>,
    /// For each vertex its place in its layer.
    pub position: Vec<usize>,
    /// Vertices of the next layer that each is joined with.
    pub right: Neighbours,
    /// Vertices of the layer before.
    pub left: Neighbours,
    /// For each link what lies between its ends.
    pub ways: Vec<Way>,
}

impl Layers {
    /// `links` lead to higher layers; at most about `budget` joints are made.
    pub fn new(rank: &[usize], lane: &[usize], links: &[(usize, usize)], budget: usize) -> Self {
        let span = |(from, to): &(usize, usize)| rank[*to].saturating_sub(rank[*from]);
        let longest = longest_with_joints(links.iter().map(span), budget);
        let (mut rank, mut lane) = (rank.to_vec(), lane.to_vec());
        let items = rank.len();
        let mut pairs: Vec<(usize, usize)> = Vec::with_capacity(links.len());
        let mut ways = Vec::with_capacity(links.len());
        for (from, to) in links {
            let span = rank[*to].saturating_sub(rank[*from]);
            if span == 0 || span > longest {
                ways.push(Way::Free);
                continue;
            }
            let first = rank.len();
            let mut last = *from;
            for step in 1..span {
                let joint = rank.len();
                rank.push(rank[*from] + step);
                lane.push(between(lane[*from], lane[*to], step, span));
                pairs.push((last, joint));
                last = joint;
            }
            pairs.push((last, *to));
            ways.push(Way::Joints(first..rank.len()));
        }
        let count = rank.len();
        let mut order = vec![Vec::new(); rank.iter().copied().max().map_or(0, |highest| highest + 1)];
        for vertex in 0..count {
            order[rank[vertex]].push(vertex);
        }
        let right = Neighbours::new(count, pairs.iter().copied());
        let left = Neighbours::new(count, pairs.iter().map(|(from, to)| (*to, *from)));
        let mut layers = Self { items, rank, lane, order, position: vec![0; count], right, left, ways };
        for layer in 0..layers.order.len() {
            let lane = &layers.lane;
            layers.order[layer].sort_by_key(|vertex| lane[*vertex]);
            layers.note(layer);
        }
        layers
    }

    /// Notes the places of a layer's vertices after its order changed.
    pub fn note(&mut self, layer: usize) {
        for (place, vertex) in self.order[layer].iter().enumerate() {
            self.position[*vertex] = place;
        }
    }

    pub fn is_joint(&self, vertex: usize) -> bool {
        vertex >= self.items
    }

    /// Sorts the neighbours of a layer's vertices by their place.
    pub fn sort_neighbours(&mut self, layer: usize) {
        let position = &self.position;
        for vertex in &self.order[layer] {
            self.left.of_mut(*vertex).sort_unstable_by_key(|other| position[*other]);
            self.right.of_mut(*vertex).sort_unstable_by_key(|other| position[*other]);
        }
    }

    /// How often links cross.
    pub fn crossings(&self) -> u64 {
        let mut tree = Vec::new();
        let mut ends = Vec::new();
        (1..self.order.len()).map(|layer| self.crossings_before(layer, &mut tree, &mut ends)).sum()
    }

    /// Crossings between a layer and the one before: inversions, counted with a Fenwick tree.
    fn crossings_before(&self, layer: usize, tree: &mut Vec<u64>, ends: &mut Vec<usize>) -> u64 {
        tree.clear();
        tree.resize(self.order[layer].len() + 1, 0);
        let (mut total, mut crossings) = (0, 0);
        for vertex in &self.order[layer - 1] {
            ends.clear();
            ends.extend(self.right.of(*vertex).iter().map(|other| self.position[*other]));
            for end in &*ends {
                let (mut at, mut not_below) = (end + 1, 0);
                while at > 0 {
                    not_below += tree[at];
                    at &= at - 1;
                }
                crossings += total - not_below;
            }
            for end in &*ends {
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
}

/// The lane of a joint: on the way from one lane to the other.
fn between(from: usize, to: usize, step: usize, span: usize) -> usize {
    let passed = |distance: usize| (2 * distance * step + span) / (2 * span);
    if to >= from { from + passed(to - from) } else { from - passed(from - to) }
}

/// The longest span whose links still get joints within the budget.
fn longest_with_joints(spans: impl Iterator<Item = usize>, budget: usize) -> usize {
    let mut with_span: Vec<usize> = Vec::new();
    for span in spans {
        if with_span.len() <= span {
            with_span.resize(span + 1, 0);
        }
        with_span[span] += 1;
    }
    let mut used = 0;
    for (span, links) in with_span.iter().enumerate().skip(1) {
        used += links * (span - 1);
        if used > budget {
            return (span - 1).max(1);
        }
    }
    usize::MAX
}
