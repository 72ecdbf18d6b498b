//! Where everything stands in the picture: boxes, bands, arrows. It writes nothing.

use std::collections::HashMap;

use super::metrics::{fit, text_width};
use crate::topology::layout::{Band, Columns, columns, settle};
use crate::topology::{CheckRule, Graph, Node, NodeIndex, NodeKind, Relation};

pub(super) const NAME_SIZE: f64 = 13.0;
pub(super) const SMALL_SIZE: f64 = 11.0;
pub(super) const MARGIN: f64 = 24.0;
/// The top of the first band: below title and column headings.
const TOP: f64 = 96.0;
const GAP: f64 = 10.0;
const PADDING: f64 = 12.0;
/// Widest text in a box of a service, of a channel.
const TEXT_LIMITS: [f64; 3] = [220.0, 300.0, 220.0];
/// Distance of two arrows at a box.
const PORT: f64 = 7.0;

/// A box with its two lines of text.
pub(super) struct Shape {
    pub node: NodeIndex,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub name: String,
    pub small: Option<String>,
    pub missing: Option<CheckRule>,
}

impl Shape {
    pub fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }
}

/// A domain's background.
pub(super) struct Frame {
    pub domain: String,
    pub y: f64,
    pub height: f64,
}

/// An arrow: its edge and both ends.
pub(super) struct Arrow {
    pub edge: usize,
    pub from: (f64, f64),
    pub to: (f64, f64),
}

/// The whole picture.
pub(super) struct Picture {
    pub width: f64,
    pub height: f64,
    /// Left edges and widths of the three columns.
    pub columns: [(f64, f64); 3],
    pub shapes: [Vec<Shape>; 3],
    pub frames: Vec<Frame>,
    pub arrows: Vec<Arrow>,
}

impl Picture {
    pub fn new(graph: &Graph) -> Self {
        let order = columns(graph);
        let columns = column_places(graph, &order);
        let missing: HashMap<NodeIndex, CheckRule> =
            graph.checks().into_iter().map(|check| (check.node, check.rule)).collect();
        let mut picture = Self {
            width: columns[2].0 + columns[2].1 + MARGIN + PADDING,
            height: TOP,
            columns,
            shapes: [Vec::new(), Vec::new(), Vec::new()],
            frames: Vec::new(),
            arrows: Vec::new(),
        };
        picture.place_channels(graph, &order, &missing);
        picture.place_services(graph, &order);
        picture.place_arrows(graph);
        picture
    }

    /// Bands from top to bottom, each as high as its highest column; channels stand in its middle.
    fn place_channels(&mut self, graph: &Graph, order: &Columns, missing: &HashMap<NodeIndex, CheckRule>) {
        let framed = order.bands.iter().any(|band| band.domain.is_some());
        let mut top = TOP;
        for band in &order.bands {
            let inner = top + if framed { 30.0 } else { 0.0 };
            let lists = [&band.producers, &band.channels, &band.consumers];
            let heights = lists.map(|list| stack_height(graph, list));
            let height = heights.into_iter().fold(0.0, f64::max);
            let mut y = inner + (height - heights[1]) / 2.0;
            for channel in &band.channels {
                let mut shape = shape(graph, *channel, self.columns[1], TEXT_LIMITS[1]);
                shape.missing = missing.get(channel).copied();
                shape.y = y;
                y += shape.height + GAP;
                self.shapes[1].push(shape);
            }
            let bottom = inner + height + if framed { PADDING } else { 0.0 };
            let domain = band.domain.clone().unwrap_or_default();
            self.frames.push(Frame { domain, y: top, height: bottom - top });
            top = bottom + if framed { 14.0 } else { GAP };
        }
        self.height = top + 64.0;
    }

    /// Services stand beside the channels they use, as near as their neighbours in the column allow.
    fn place_services(&mut self, graph: &Graph, order: &Columns) {
        let middles: HashMap<NodeIndex, f64> =
            self.shapes[1].iter().map(|shape| (shape.node, shape.middle())).collect();
        for side in [0, 2] {
            for (number, band) in order.bands.iter().enumerate() {
                let list = if side == 0 { &band.producers } else { &band.consumers };
                let frame = &self.frames[number];
                let framed =
                    !frame.domain.is_empty() || self.frames.iter().any(|frame| !frame.domain.is_empty());
                let from = frame.y + if framed { 30.0 } else { 0.0 };
                let to = frame.y + frame.height - if framed { PADDING } else { 0.0 };
                let wanted: Vec<f64> =
                    list.iter().map(|node| wanted_place(graph, *node, side, &middles, to)).collect();
                let mut shapes: Vec<Shape> = list
                    .iter()
                    .map(|node| shape(graph, *node, self.columns[side], TEXT_LIMITS[side]))
                    .collect();
                let heights: Vec<f64> = shapes.iter().map(|shape| shape.height).collect();
                for (shape, middle) in shapes.iter_mut().zip(settle(&wanted, &heights, GAP, from, to)) {
                    shape.y = middle - shape.height / 2.0;
                }
                self.shapes[side].extend(shapes);
            }
        }
    }

    fn place_arrows(&mut self, graph: &Graph) {
        let index = |shapes: &[Shape]| -> HashMap<NodeIndex, usize> {
            shapes.iter().enumerate().map(|(number, shape)| (shape.node, number)).collect()
        };
        let places = [index(&self.shapes[0]), index(&self.shapes[1]), index(&self.shapes[2])];
        for (left, relation) in [(0, Relation::Sends), (1, Relation::Receives)] {
            let ends: Vec<(usize, usize, usize)> = graph
                .edges
                .iter()
                .enumerate()
                .filter(|(_, edge)| edge.relation == relation)
                .map(|(number, edge)| (number, places[left][&edge.source], places[left + 1][&edge.target]))
                .collect();
            let (starts, stops) = (&self.shapes[left], &self.shapes[left + 1]);
            let leaving = ports(starts, stops, ends.iter().map(|(_, from, to)| (*from, *to)));
            let arriving = ports(stops, starts, ends.iter().map(|(_, from, to)| (*to, *from)));
            for (number, (edge, from, to)) in ends.into_iter().enumerate() {
                let start = &starts[from];
                self.arrows.push(Arrow {
                    edge,
                    from: (start.x + start.width, leaving[number]),
                    to: (stops[to].x, arriving[number]),
                });
            }
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

#[allow(clippy::cast_precision_loss, reason = "counts of boxes are far below 2^52")]
fn as_float(count: usize) -> f64 {
    count as f64
}

fn wanted_place(
    graph: &Graph,
    service: NodeIndex,
    side: usize,
    middles: &HashMap<NodeIndex, f64>,
    otherwise: f64,
) -> f64 {
    let places: Vec<f64> = if side == 0 {
        graph.outgoing(service).filter_map(|edge| middles.get(&edge.target).copied()).collect()
    } else {
        graph.incoming(service).filter_map(|edge| middles.get(&edge.source).copied()).collect()
    };
    if places.is_empty() { otherwise } else { places.iter().sum::<f64>() / as_float(places.len()) }
}

fn stack_height(graph: &Graph, list: &[NodeIndex]) -> f64 {
    let heights: f64 = list.iter().map(|node| box_height(graph, *node) + GAP).sum();
    (heights - GAP).max(0.0)
}

fn box_height(graph: &Graph, node: NodeIndex) -> f64 {
    if small_text(graph, node).is_some() { 44.0 } else { 32.0 }
}

/// The second line: title and version of a service, messages of a channel.
fn small_text(graph: &Graph, index: NodeIndex) -> Option<String> {
    let node = graph.node(index);
    if node.kind == NodeKind::Service {
        return about(node);
    }
    let messages: Vec<String> =
        graph.messages(index).map(|message| graph.label(message).into_owned()).collect();
    let shown = messages.len().min(3);
    let rest = messages.len() - shown;
    let rest = if rest > 0 { format!(" +{rest} more") } else { String::new() };
    let text = messages[..shown].join(", ") + &rest;
    (!text.is_empty()).then_some(text)
}

fn about(node: &Node) -> Option<String> {
    let title = node.title.as_deref().filter(|title| !title.eq_ignore_ascii_case(&node.name));
    let parts: Vec<&str> = [title, node.version.as_deref()].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

fn shape(graph: &Graph, node: NodeIndex, (x, width): (f64, f64), limit: f64) -> Shape {
    Shape {
        node,
        x,
        y: 0.0,
        width,
        height: box_height(graph, node),
        name: fit(&graph.label(node), NAME_SIZE, limit),
        small: small_text(graph, node).map(|text| fit(&text, SMALL_SIZE, limit)),
        missing: None,
    }
}

/// Left edges and widths of the columns; the more arrows, the wider the gaps between.
fn column_places(graph: &Graph, order: &Columns) -> [(f64, f64); 3] {
    let pick = |column: usize| {
        move |band: &Band| match column {
            0 => band.producers.clone(),
            1 => band.channels.clone(),
            _ => band.consumers.clone(),
        }
    };
    let widths = [0, 1, 2].map(|column| {
        let nodes = order.bands.iter().flat_map(pick(column));
        let widest = nodes
            .map(|node| {
                let small = small_text(graph, node).map_or(0.0, |text| text_width(&text, SMALL_SIZE));
                text_width(&graph.label(node), NAME_SIZE).max(small)
            })
            .fold(80.0, f64::max);
        widest.min(TEXT_LIMITS[column]) + 2.0 * PADDING
    });
    let rows = order.bands.iter().map(|band| band.channels.len()).sum::<usize>();
    let gap = (120.0 + as_float(rows)).min(320.0);
    let first = MARGIN + PADDING;
    let second = first + widths[0] + gap;
    let third = second + widths[1] + gap;
    [(first, widths[0]), (second, widths[1]), (third, widths[2])]
}
