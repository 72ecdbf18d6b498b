//! Layers from left to right: every arrow goes to a layer further right, but for those that close a cycle.

use std::collections::{HashMap, HashSet};

mod cycles;
mod lanes;
mod layers;
mod order;
mod place;
mod rank;
mod sift;

pub use cycles::backward;

/// Joints of long links that are laid out one by one; beyond it the longest links become single curves.
const JOINTS: usize = 60_000;
/// Up to so many items other ways of breaking cycles are tried: how many are looked at in passing, and how many of those
/// that look best are followed to the end. Few of those that are drawn in no time, many where a tangle can be told apart.
const TRIED_OFTEN: [(usize, usize, usize); 3] = [(40, 6, 2), (150, 40, 3), (500, 40, 2)];

/// Something with a size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Item {
    /// Its extent from left to right.
    pub width: f64,
    /// Its extent from top to bottom.
    pub height: f64,
    /// The lane it lies in, from 0; a lane is a strip from left to right.
    pub lane: usize,
}

/// An arrow from one item to another, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it starts.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
}

/// Distances to keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spacing {
    /// Between two layers at least.
    pub layers: f64,
    /// Between two items of a layer.
    pub items: f64,
    /// Between two lanes.
    pub lanes: f64,
    /// Above the first item of a lane, for its name.
    pub heading: f64,
}

/// The way of an arrow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    /// From the start to the end of the arrow: across each gap between layers from an even to an odd point, along each
    /// layer from an odd to an even one.
    pub points: Vec<(f64, f64)>,
    /// Whether it goes from right to left, because it closes a cycle.
    pub backward: bool,
}

/// Where everything stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawing {
    /// The middle of each item.
    pub places: Vec<(f64, f64)>,
    /// One way for each link, in their order.
    pub routes: Vec<Route>,
    /// Top and bottom of each lane.
    pub lanes: Vec<(f64, f64)>,
    /// The whole extent from left to right.
    pub width: f64,
    /// The whole extent from top to bottom.
    pub height: f64,
    /// How often links cross between layers.
    pub crossings: u64,
}

/// Lays out items and links; equal input gives an equal drawing.
///
/// # Panics
/// When a link names an item that is not there.
#[must_use]
pub fn layered(items: &[Item], links: &[Link], spacing: &Spacing) -> Drawing {
    let order_of_lanes = lanes::order(items, links);
    let lane: Vec<usize> = items.iter().map(|item| order_of_lanes[item.lane]).collect();
    let mut ordered = Ordered::new(items.len(), links, &lane, backward(items.len(), links));
    if ordered.against.contains(&true)
        && let Some((_, tries, followed)) = TRIED_OFTEN.iter().find(|(most, ..)| items.len() <= *most)
    {
        let other = less_tangled(items.len(), links, &lane, (*tries, *followed));
        // It is the longer picture, so it has to be clearly less tangled.
        if let Some(other) = other.filter(|other| other.crossings * 6 < ordered.crossings * 5) {
            ordered = other;
        }
    }
    let arrows = place::Arrows { links, against: &ordered.against, pair_of: &ordered.pair_of };
    let mut drawing = place::place(&ordered.layers, items, &arrows, spacing);
    drawing.crossings = ordered.crossings;
    let strips = drawing.lanes.clone();
    drawing.lanes = order_of_lanes.iter().map(|place| strips[*place]).collect();
    drawing
}

/// The best order among those that come of breaking cycles depth first: many are ordered in passing, the most promising
/// ones carefully.
fn less_tangled(
    items: usize,
    links: &[Link],
    lane: &[usize],
    (tries, followed): (usize, usize),
) -> Option<Ordered> {
    // A picture that is less tangled but much longer is no better.
    let weight =
        |ordered: &Ordered| u128::from(ordered.crossings).pow(2) * ordered.layers.order.len() as u128;
    // Many orders break the cycles in the same places.
    let mut seen = HashSet::new();
    let mut glances: Vec<Ordered> = orders(items, tries)
        .map(|order| cycles::backward_by_depth(&order, links))
        .filter(|against| seen.insert(against.clone()))
        .map(|against| Ordered::by(order::glance, items, links, lane, against))
        .collect();
    glances.sort_by_key(weight);
    glances.truncate(followed);
    glances.into_iter().map(|glance| Ordered::new(items, links, lane, glance.against)).min_by_key(weight)
}

/// Orders of items to begin with: as they come, then shuffled, the same ones for the same number of items.
fn orders(items: usize, tries: usize) -> impl Iterator<Item = Vec<usize>> {
    let mut chance: u64 = 1;
    (0..tries).map(move |number| {
        let mut order: Vec<usize> = (0..items).collect();
        for last in (1..items).rev().filter(|_| number > 0) {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            order.swap(last, usize::try_from(chance >> 33).unwrap_or(0) % (last + 1));
        }
        order
    })
}

/// Layers in their final order, with the links that go against the flow.
struct Ordered {
    against: Vec<bool>,
    pair_of: Vec<usize>,
    layers: layers::Layers,
    crossings: u64,
}

impl Ordered {
    fn new(items: usize, links: &[Link], lane: &[usize], against: Vec<bool>) -> Self {
        Self::by(order::improve, items, links, lane, against)
    }

    fn by(
        improve: fn(&mut layers::Layers),
        items: usize,
        links: &[Link],
        lane: &[usize],
        against: Vec<bool>,
    ) -> Self {
        let (pairs, pair_of) = pairs(links, &against);
        let rank = rank::ranks(items, &pairs);
        let mut layers = layers::Layers::new(&rank, lane, &pairs, JOINTS);
        improve(&mut layers);
        let crossings = layers.crossings();
        Self { against, pair_of, layers, crossings }
    }
}

/// The pairs of items that are joined, from left to right, and for each link its pair: there and back is one way.
fn pairs(links: &[Link], against: &[bool]) -> (Vec<(usize, usize)>, Vec<usize>) {
    let mut numbers: HashMap<(usize, usize), usize> = HashMap::with_capacity(links.len());
    let mut pairs = Vec::with_capacity(links.len());
    let pair_of = links.iter().zip(against).map(|(link, against)| {
        let pair = if *against { (link.to, link.from) } else { (link.from, link.to) };
        *numbers.entry(pair).or_insert_with(|| {
            pairs.push(pair);
            pairs.len() - 1
        })
    });
    let pair_of = pair_of.collect();
    (pairs, pair_of)
}

#[allow(clippy::cast_precision_loss, reason = "counts of items are far below 2^52")]
fn as_float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::{Drawing, Item, Link, Spacing, layered};

    const SPACING: Spacing = Spacing { layers: 60.0, items: 10.0, lanes: 14.0, heading: 20.0 };

    fn drawn(lanes: &[usize], pairs: &[(usize, usize)]) -> Drawing {
        let items: Vec<Item> =
            lanes.iter().map(|lane| Item { width: 80.0, height: 30.0, lane: *lane }).collect();
        let links: Vec<Link> = pairs.iter().map(|(from, to)| Link { from: *from, to: *to }).collect();
        layered(&items, &links, &SPACING)
    }

    #[test]
    fn nothing_overlaps_and_every_link_has_a_way() {
        let pairs: Vec<(usize, usize)> =
            (0..60).flat_map(|item| [(item, (item * 7 + 3) % 60), (item, (item * 5 + 11) % 60)]).collect();
        let lanes: Vec<usize> = (0..60).map(|item| item % 3).collect();
        for lanes in [vec![0; 60], lanes] {
            let drawing = drawn(&lanes, &pairs);
            assert_eq!(drawing.routes.len(), pairs.len());
            for (one, (x, y)) in drawing.places.iter().enumerate() {
                let (top, bottom) = drawing.lanes[lanes[one]];
                assert!(y - 15.0 >= top + 19.9 && y + 15.0 <= bottom + 0.1, "{one} leaves its lane");
                for (other_x, other_y) in &drawing.places[..one] {
                    assert!((x - other_x).abs() >= 80.0 || (y - other_y).abs() >= 39.9, "{one} overlaps");
                }
            }
            assert_eq!(drawing, drawn(&lanes, &pairs));
        }
    }

    #[test]
    fn arrows_go_to_the_right_but_for_those_that_close_a_cycle() {
        let drawing = drawn(&[0; 4], &[(0, 1), (1, 2), (2, 3), (3, 0), (0, 3)]);
        for (number, route) in drawing.routes.iter().enumerate() {
            let (first, last) = (route.points[0], route.points[route.points.len() - 1]);
            assert_eq!(first.0 < last.0, !route.backward, "{number}");
            assert_eq!(route.points.len() % 2, 0, "{number}");
        }
        assert_eq!(drawing.routes.iter().filter(|route| route.backward).count(), 1);
        assert_eq!(drawing.crossings, 0);
    }

    #[test]
    fn a_link_to_itself_and_nothing_at_all_are_drawn() {
        assert_eq!(drawn(&[0], &[(0, 0)]).routes.len(), 1);
        assert_eq!(drawn(&[], &[]), Drawing::default());
    }
}
