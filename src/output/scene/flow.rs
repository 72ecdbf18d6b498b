//! Layers along the flow: each service and channel once, arrows from left to right, cycles going back dashed.

use std::collections::{BTreeSet, HashMap};

use super::boxes::{PADDING, box_height, shape, text_extent};
use super::{Arrow, Frame, LEGEND, MARGIN, Scene, Setting, TOP};
use crate::topology::layout::{Item, Link, Spacing, layered};
use crate::topology::{CheckRule, Edge, Graph, NodeIndex, NodeKind};

/// Up to so many domains each has its lane, when there are not too many things.
const LANES: usize = 16;
/// Up to so many things there are lanes for domains.
const FRAMED: usize = 400;
/// The least width for the heading of a picture.
const LEAST: f64 = 560.0;

/// Draws the graph along the flow.
#[must_use]
pub fn flow(graph: &Graph) -> Scene {
    let shown: Vec<NodeIndex> = (0..graph.nodes.len())
        .map(NodeIndex)
        .filter(|index| graph.node(*index).kind != NodeKind::Message)
        .collect();
    let domains = lanes(graph, &shown);
    let framed = domains.iter().any(Option::is_some);
    let missing: HashMap<NodeIndex, CheckRule> =
        graph.checks().into_iter().map(|check| (check.node, check.rule)).collect();
    let items: Vec<Item> = shown
        .iter()
        .map(|index| {
            let lane = domains.iter().position(|domain| domain.as_deref() == graph.group(*index));
            item(graph, *index, lane.unwrap_or(0), missing.contains_key(index))
        })
        .collect();
    let (edges, links) = links(graph, &shown);
    let spacing = Spacing {
        layers: 56.0,
        items: 12.0,
        lanes: if framed { 14.0 } else { 0.0 },
        heading: if framed { 26.0 } else { 0.0 },
    };
    let drawing = layered(&items, &links, &spacing);
    let left = MARGIN + if framed { PADDING } else { 0.0 };
    let width = (drawing.width + 2.0 * left).max(LEAST);
    let shapes = shown.iter().enumerate().map(|(item, index)| {
        let (x, y) = drawing.places[item];
        let mut shape =
            shape(graph, *index, "service:", (left + x - items[item].width / 2.0, items[item].width));
        shape.height = items[item].height;
        shape.y = TOP + y - shape.height / 2.0;
        shape.missing = missing.get(index).copied();
        shape.missing_inside = true;
        shape
    });
    let arrows = edges.iter().zip(&drawing.routes).map(|(edge, route)| Arrow {
        edge: Some(*edge),
        relation: graph.edges[*edge].relation,
        points: route.points.iter().map(|(x, y)| (x + left, y + TOP)).collect(),
        backward: route.backward,
        weight: 1,
        words: None,
        change: graph.edges[*edge].change,
        verdict: None,
    });
    let strips = domains.iter().zip(&drawing.lanes).filter(|_| framed).map(|(domain, (top, bottom))| Frame {
        domain: domain.clone().unwrap_or_default(),
        place: [MARGIN, TOP + top, width - 2.0 * MARGIN, bottom - top + 4.0],
    });
    Scene {
        setting: Setting::Flow,
        width,
        height: TOP + drawing.height + LEGEND,
        headings: Vec::new(),
        frames: strips.collect(),
        arrows: arrows.collect(),
        shapes: shapes.collect(),
    }
}

/// The edges along which events flow, and the links they are between the things that are shown.
fn links(graph: &Graph, shown: &[NodeIndex]) -> (Vec<usize>, Vec<Link>) {
    let mut number = vec![usize::MAX; graph.nodes.len()];
    for (item, index) in shown.iter().enumerate() {
        number[index.0] = item;
    }
    let flows = graph.edges.iter().enumerate().filter(|(_, edge)| edge.relation.is_flow());
    let link = |(edge, ends): (usize, &Edge)| {
        (edge, Link { from: number[ends.source.0], to: number[ends.target.0] })
    };
    flows.map(link).unzip()
}

/// The domains that have lanes; one without name for all when there are none or too many.
fn lanes(graph: &Graph, shown: &[NodeIndex]) -> Vec<Option<String>> {
    if shown.len() > FRAMED {
        return vec![None];
    }
    let domains: BTreeSet<Option<&str>> = shown.iter().map(|index| graph.group(*index)).collect();
    if domains.len() > LANES {
        vec![None]
    } else {
        domains.into_iter().map(|name| name.map(str::to_owned)).collect()
    }
}

fn item(graph: &Graph, index: NodeIndex, lane: usize, missing: bool) -> Item {
    let words = if missing { 84.0 } else { 0.0 };
    Item {
        width: text_extent(graph, index).max(words) + 2.0 * PADDING,
        height: if missing { 44.0_f64 } else { 0.0 }.max(box_height(graph, index)),
        lane,
    }
}
