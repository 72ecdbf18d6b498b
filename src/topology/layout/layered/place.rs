//! Coordinates: each vertex as near to its neighbours as the order allows, long links straight, and the ways of links.

use super::layers::{Layers, Way};
use super::{Drawing, Item, Link, Route, Spacing, as_float};
use crate::topology::layout::settle;

/// Sweeps from left to right and back.
const SWEEPS: usize = 10;
/// The height of a joint with the distance it keeps.
const JOINT: f64 = 4.0;
/// Distance between joints, and between a joint and an item.
const JOINT_GAP: f64 = 5.0;
/// Distance of two links at an item.
const PORT: f64 = 7.0;
/// The widest gap between layers.
const WIDEST: f64 = 260.0;

/// The links and what became of them.
pub(super) struct Arrows<'a> {
    pub links: &'a [Link],
    /// Which were turned round.
    pub against: &'a [bool],
    /// For each its way in the layers.
    pub pair_of: &'a [usize],
}

/// Where everything stands.
pub(super) fn place(layers: &Layers, items: &[Item], arrows: &Arrows<'_>, spacing: &Spacing) -> Drawing {
    let mut placing = Placing::new(layers, items, spacing);
    placing.strips();
    for sweep in 0..SWEEPS {
        placing.sweep(sweep);
    }
    let columns = placing.columns();
    let middle = |item: usize| columns[layers.rank[item]].0 + columns[layers.rank[item]].1 / 2.0;
    let places: Vec<(f64, f64)> = (0..items.len()).map(|item| (middle(item), placing.y[item])).collect();
    let routes = routes(&placing, &places, &columns, arrows);
    let width = columns.last().map_or(0.0, |(left, width)| left + width);
    let height = placing.lanes.last().map_or(0.0, |lane| lane.1);
    Drawing { places, routes, lanes: placing.lanes, width, height, crossings: layers.crossings() }
}

struct Placing<'a> {
    layers: &'a Layers,
    items: &'a [Item],
    spacing: &'a Spacing,
    /// For each vertex its middle from the top.
    y: Vec<f64>,
    /// Top and bottom of each lane.
    lanes: Vec<(f64, f64)>,
}

impl<'a> Placing<'a> {
    fn new(layers: &'a Layers, items: &'a [Item], spacing: &'a Spacing) -> Self {
        Self { layers, items, spacing, y: vec![0.0; layers.rank.len()], lanes: Vec::new() }
    }

    /// The room of a vertex from top to bottom, the distances to its neighbours among it.
    fn room(&self, vertex: usize) -> f64 {
        if self.layers.is_joint(vertex) {
            JOINT + JOINT_GAP
        } else {
            self.items[vertex].height + self.spacing.items
        }
    }

    /// Makes each lane as high as its fullest layer, and sets every vertex into its lane.
    fn strips(&mut self) {
        let count = self.layers.lane.iter().copied().max().map_or(0, |lane| lane + 1);
        let mut heights = vec![0.0_f64; count];
        for layer in &self.layers.order {
            for run in layer.chunk_by(|left, right| self.layers.lane[*left] == self.layers.lane[*right]) {
                let height: f64 = run.iter().map(|vertex| self.room(*vertex)).sum();
                let lane = self.layers.lane[run[0]];
                heights[lane] = heights[lane].max(height);
            }
        }
        let mut top = 0.0;
        for height in heights {
            let bottom = top + self.spacing.heading + height;
            self.lanes.push((top, bottom));
            top = bottom + self.spacing.lanes;
        }
        for layer in &self.layers.order {
            for run in layer.chunk_by(|left, right| self.layers.lane[*left] == self.layers.lane[*right]) {
                let height: f64 = run.iter().map(|vertex| self.room(*vertex)).sum();
                let (from, to) = self.lanes[self.layers.lane[run[0]]];
                let mut at = from + self.spacing.heading + (to - from - self.spacing.heading - height) / 2.0;
                for vertex in run {
                    let room = self.room(*vertex);
                    self.y[*vertex] = at + room / 2.0;
                    at += room;
                }
            }
        }
    }

    /// Draws every layer towards the layers on one side, in the last sweeps towards both.
    fn sweep(&mut self, number: usize) {
        let count = self.layers.order.len();
        let sides = match (number + 2 >= SWEEPS, number.is_multiple_of(2)) {
            (true, _) => (true, true),
            (false, true) => (true, false),
            (false, false) => (false, true),
        };
        for step in 0..count {
            let layer = if number.is_multiple_of(2) { step } else { count - 1 - step };
            self.draw(layer, sides);
        }
    }

    fn draw(&mut self, layer: usize, sides: (bool, bool)) {
        let layers = self.layers;
        for run in layers.order[layer].chunk_by(|left, right| layers.lane[*left] == layers.lane[*right]) {
            let (from, to) = self.lanes[layers.lane[run[0]]];
            let (wanted, weights): (Vec<f64>, Vec<f64>) =
                run.iter().map(|vertex| self.wanted(*vertex, sides)).unzip();
            let rooms: Vec<f64> = run.iter().map(|vertex| self.room(*vertex)).collect();
            let settled = settle(&wanted, &weights, &rooms, 0.0, from + self.spacing.heading, to);
            for (vertex, y) in run.iter().zip(settled) {
                self.y[*vertex] = y;
            }
        }
    }

    /// Where a vertex would like to be, and how much. Joints of one link hold together most.
    fn wanted(&self, vertex: usize, sides: (bool, bool)) -> (f64, f64) {
        let left = if sides.0 { self.layers.left.of(vertex) } else { &[] };
        let right = if sides.1 { self.layers.right.of(vertex) } else { &[] };
        let (mut sum, mut weight) = (0.0, 0.0);
        for other in left.iter().chain(right) {
            let joints =
                usize::from(self.layers.is_joint(vertex)) + usize::from(self.layers.is_joint(*other));
            let pull = [1.0, 2.0, 8.0][joints];
            sum += pull * self.y[*other];
            weight += pull;
        }
        if weight == 0.0 { (self.y[vertex], 0.05) } else { (sum / weight, weight) }
    }

    /// Left edge and width of each layer; the more links bend in a gap, the wider it is.
    fn columns(&self) -> Vec<(f64, f64)> {
        let mut columns = Vec::with_capacity(self.layers.order.len());
        let mut left = 0.0;
        for layer in &self.layers.order {
            let items = layer.iter().filter(|vertex| !self.layers.is_joint(**vertex));
            let width = items.map(|item| self.items[*item].width).fold(0.0, f64::max);
            columns.push((left, width));
            let bends: f64 = layer
                .iter()
                .flat_map(|vertex| self.layers.right.of(*vertex).iter().map(|other| (*vertex, *other)))
                .map(|(vertex, other)| (self.y[vertex] - self.y[other]).abs().min(400.0))
                .sum();
            let steepest = layer
                .iter()
                .flat_map(|vertex| self.layers.right.of(*vertex).iter().map(|other| (*vertex, *other)))
                .map(|(vertex, other)| (self.y[vertex] - self.y[other]).abs())
                .fold(0.0, f64::max);
            let gap = self.spacing.layers + (steepest * 0.12).min(70.0) + bends * 0.004;
            left += width + gap.min(WIDEST);
        }
        columns
    }
}

/// The side of an item at which a link meets it, and where its way goes from there.
#[derive(Clone, Copy)]
struct Meeting {
    item: usize,
    on_right: bool,
    towards: f64,
}

fn routes(
    placing: &Placing<'_>,
    places: &[(f64, f64)],
    columns: &[(f64, f64)],
    arrows: &Arrows<'_>,
) -> Vec<Route> {
    let layers = placing.layers;
    let Arrows { links, against, pair_of } = arrows;
    let meetings: Vec<[Meeting; 2]> = links
        .iter()
        .enumerate()
        .map(|(number, link)| {
            let (low, high) = if against[number] { (link.to, link.from) } else { (link.from, link.to) };
            let (after, before) = match &layers.ways[pair_of[number]] {
                Way::Joints(joints) if !joints.is_empty() => {
                    (placing.y[joints.start], placing.y[joints.end - 1])
                }
                _ => (places[high].1, places[low].1),
            };
            [
                Meeting { item: low, on_right: true, towards: after },
                Meeting { item: high, on_right: low == high, towards: before },
            ]
        })
        .collect();
    let heights = ports(placing.items, places, &meetings);
    links
        .iter()
        .enumerate()
        .map(|(number, _)| {
            let end = |which: usize| {
                let meeting = meetings[number][which];
                let half = placing.items[meeting.item].width / 2.0;
                let x = places[meeting.item].0 + if meeting.on_right { half } else { -half };
                (x, heights[number][which])
            };
            let mut points = vec![end(0)];
            if let Way::Joints(joints) = &layers.ways[pair_of[number]] {
                for joint in joints.clone() {
                    let (left, width) = columns[layers.rank[joint]];
                    points.extend([(left, placing.y[joint]), (left + width, placing.y[joint])]);
                }
            }
            points.push(end(1));
            if against[number] {
                points.reverse();
            }
            Route { points, backward: against[number] }
        })
        .collect()
}

/// Heights at which links meet their items: those of one side ordered by where they go.
fn ports(items: &[Item], places: &[(f64, f64)], meetings: &[[Meeting; 2]]) -> Vec<[f64; 2]> {
    let mut at: Vec<Vec<(f64, usize, usize)>> = vec![Vec::new(); items.len() * 2];
    for (number, pair) in meetings.iter().enumerate() {
        for (which, meeting) in pair.iter().enumerate() {
            at[meeting.item * 2 + usize::from(meeting.on_right)].push((meeting.towards, number, which));
        }
    }
    let mut heights = vec![[0.0; 2]; meetings.len()];
    for (side, mut list) in at.into_iter().enumerate() {
        list.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
        let item = side / 2;
        let gaps = as_float(list.len().saturating_sub(1));
        let step = if gaps > 0.0 { PORT.min((items[item].height - 12.0).max(0.0) / gaps) } else { 0.0 };
        for (place, (_, number, which)) in list.into_iter().enumerate() {
            heights[number][which] = places[item].1 + (as_float(place) - gaps / 2.0) * step;
        }
    }
    heights
}
