//! Three columns from left to right: producers, channels, consumers, in a band for each domain.

use std::collections::HashMap;

use super::boxes::{PADDING, box_height, shape, text_extent};
use super::{Arrow, Frame, LEGEND, MARGIN, Scene, Setting, Shape, TOP, as_float};
use crate::topology::layout::{self, Band, Columns, settle};
use crate::topology::{CheckRule, Graph, NodeIndex, Relation};

const GAP: f64 = 10.0;
/// Distance of two arrows at a box.
const PORT: f64 = 7.0;
/// Room for the name of a domain.
const HEADING: f64 = 30.0;

/// Draws the graph in three columns.
#[must_use]
pub fn columns(graph: &Graph) -> Scene {
    let order = layout::columns(graph);
    let mut picture = Picture::new(graph, &order);
    picture.place_channels(graph, &order);
    picture.place_services(graph, &order);
    picture.place_arrows(graph);
    picture.scene()
}

/// The picture while it is made.
struct Picture {
    framed: bool,
    /// Where the last band ends.
    bottom: f64,
    /// Left edges and widths of the three columns.
    columns: [(f64, f64); 3],
    shapes: [Vec<Shape>; 3],
    /// Name, top and height of each band.
    bands: Vec<(String, f64, f64)>,
    arrows: Vec<Arrow>,
}

impl Picture {
    fn new(graph: &Graph, order: &Columns) -> Self {
        Self {
            framed: order.bands.iter().any(|band| band.domain.is_some()),
            bottom: TOP,
            columns: column_places(graph, order),
            shapes: [Vec::new(), Vec::new(), Vec::new()],
            bands: Vec::new(),
            arrows: Vec::new(),
        }
    }

    /// Bands from top to bottom, each as high as its highest column; channels stand in its middle.
    fn place_channels(&mut self, graph: &Graph, order: &Columns) {
        let missing: HashMap<NodeIndex, CheckRule> =
            graph.checks().into_iter().map(|check| (check.node, check.rule)).collect();
        let mut top = TOP;
        for band in &order.bands {
            let inner = top + if self.framed { HEADING } else { 0.0 };
            let lists = [&band.producers, &band.channels, &band.consumers];
            let heights = lists.map(|list| stack_height(graph, list));
            let height = heights.into_iter().fold(0.0, f64::max);
            let mut y = inner + (height - heights[1]) / 2.0;
            for channel in &band.channels {
                let mut shape = shape(graph, *channel, "", self.columns[1]);
                shape.missing = missing.get(channel).copied();
                shape.y = y;
                y += shape.height + GAP;
                self.shapes[1].push(shape);
            }
            let bottom = inner + height + if self.framed { PADDING } else { 0.0 };
            self.bands.push((band.domain.clone().unwrap_or_default(), top, bottom - top));
            top = bottom + if self.framed { 14.0 } else { GAP };
        }
        self.bottom = top;
    }

    /// Services stand beside the channels they use, as near as their neighbours in the column allow.
    fn place_services(&mut self, graph: &Graph, order: &Columns) {
        let mut middles = vec![f64::NAN; graph.nodes.len()];
        for shape in &self.shapes[1] {
            if let Some(node) = shape.node {
                middles[node.0] = shape.middle();
            }
        }
        for (side, prefix) in [(0, "producer:"), (2, "consumer:")] {
            for (number, band) in order.bands.iter().enumerate() {
                let list = if side == 0 { &band.producers } else { &band.consumers };
                let (_, top, height) = self.bands[number];
                let from = top + if self.framed { HEADING } else { 0.0 };
                let to = top + height - if self.framed { PADDING } else { 0.0 };
                let wanted: Vec<f64> =
                    list.iter().map(|node| wanted_place(graph, *node, side, &middles, to)).collect();
                let mut shapes: Vec<Shape> =
                    list.iter().map(|node| shape(graph, *node, prefix, self.columns[side])).collect();
                let heights: Vec<f64> = shapes.iter().map(|shape| shape.height).collect();
                let settled = settle(&wanted, &vec![1.0; wanted.len()], &heights, GAP, from, to);
                for (shape, middle) in shapes.iter_mut().zip(settled) {
                    shape.y = middle - shape.height / 2.0;
                }
                self.shapes[side].extend(shapes);
            }
        }
    }

    fn place_arrows(&mut self, graph: &Graph) {
        let index = |shapes: &[Shape]| -> Vec<usize> {
            let mut places = vec![usize::MAX; graph.nodes.len()];
            for (number, shape) in shapes.iter().enumerate() {
                if let Some(node) = shape.node {
                    places[node.0] = number;
                }
            }
            places
        };
        let places = [index(&self.shapes[0]), index(&self.shapes[1]), index(&self.shapes[2])];
        for (left, relation) in [(0, Relation::Sends), (1, Relation::Receives)] {
            let ends: Vec<(usize, usize, usize)> = graph
                .edges
                .iter()
                .enumerate()
                .filter(|(_, edge)| edge.relation == relation)
                .map(|(number, edge)| (number, places[left][edge.source.0], places[left + 1][edge.target.0]))
                .collect();
            let (starts, stops) = (&self.shapes[left], &self.shapes[left + 1]);
            let leaving = ports(starts, stops, ends.iter().map(|(_, from, to)| (*from, *to)));
            let arriving = ports(stops, starts, ends.iter().map(|(_, from, to)| (*to, *from)));
            for (number, (edge, from, to)) in ends.into_iter().enumerate() {
                let start = &starts[from];
                let first = (start.x + start.width, leaving[number]);
                self.arrows.push(Arrow {
                    edge: Some(edge),
                    relation,
                    points: vec![first, (stops[to].x, arriving[number])],
                    backward: false,
                    weight: 1,
                    words: None,
                    change: graph.edges[edge].change,
                    verdict: None,
                });
            }
        }
    }

    fn scene(self) -> Scene {
        let width = self.columns[2].0 + self.columns[2].1 + MARGIN + PADDING;
        let frame = |(domain, y, height): (String, f64, f64)| Frame {
            domain,
            place: [MARGIN, y, width - 2.0 * MARGIN, height],
        };
        let middle = |(x, width): (f64, f64)| x + width / 2.0;
        let [producers, channels, consumers] = self.columns.map(middle);
        Scene {
            setting: Setting::Columns,
            width,
            height: self.bottom + LEGEND,
            headings: vec![("PRODUCERS", producers), ("CHANNELS", channels), ("CONSUMERS", consumers)],
            frames: self.bands.into_iter().filter(|_| self.framed).map(frame).collect(),
            arrows: self.arrows,
            shapes: self.shapes.into_iter().flatten().collect(),
        }
    }
}

/// Heights at which arrows meet their box: those of one box ordered by where they go.
fn ports(own: &[Shape], other: &[Shape], ends: impl Iterator<Item = (usize, usize)> + Clone) -> Vec<f64> {
    let mut at_box: Vec<Vec<(f64, usize)>> = own.iter().map(|_| Vec::new()).collect();
    for (number, (here, there)) in ends.clone().enumerate() {
        at_box[here].push((other[there].middle(), number));
    }
    let mut heights = vec![0.0; ends.count()];
    for (shape, mut list) in own.iter().zip(at_box) {
        list.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
        let gaps = as_float(list.len().saturating_sub(1));
        let step = if gaps > 0.0 { PORT.min((shape.height - 12.0) / gaps) } else { 0.0 };
        for (place, (_, number)) in list.into_iter().enumerate() {
            heights[number] = shape.middle() + (as_float(place) - gaps / 2.0) * step;
        }
    }
    heights
}

fn wanted_place(graph: &Graph, service: NodeIndex, side: usize, middles: &[f64], otherwise: f64) -> f64 {
    let places = |others: &mut dyn Iterator<Item = NodeIndex>| {
        others.map(|node| middles[node.0]).fold((0.0, 0.0), |sum, place| (sum.0 + place, sum.1 + 1.0))
    };
    let (sum, count) = if side == 0 {
        places(&mut graph.outgoing(service).map(|edge| edge.target))
    } else {
        places(&mut graph.incoming(service).map(|edge| edge.source))
    };
    if count == 0.0 { otherwise } else { sum / count }
}

fn stack_height(graph: &Graph, list: &[NodeIndex]) -> f64 {
    let heights: f64 = list.iter().map(|node| box_height(graph, *node) + GAP).sum();
    (heights - GAP).max(0.0)
}

/// Left edges and widths of the columns; the more arrows, the wider the gaps between.
fn column_places(graph: &Graph, order: &Columns) -> [(f64, f64); 3] {
    let picks: [fn(&Band) -> &Vec<NodeIndex>; 3] =
        [|band| &band.producers, |band| &band.channels, |band| &band.consumers];
    let widths = picks.map(|pick| {
        let nodes = order.bands.iter().flat_map(pick);
        nodes.map(|node| text_extent(graph, *node)).fold(80.0, f64::max) + 2.0 * PADDING
    });
    let rows = order.bands.iter().map(|band| band.channels.len()).sum::<usize>();
    let gap = (120.0 + as_float(rows)).min(320.0);
    let first = MARGIN + PADDING;
    let second = first + widths[0] + gap;
    let third = second + widths[1] + gap;
    [(first, widths[0]), (second, widths[1]), (third, widths[2])]
}
