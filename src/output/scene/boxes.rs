//! The size and the text of one box.

use super::metrics::{fit, text_width};
use super::{BoxKind, NAME_SIZE, SMALL_SIZE, Shape};
use crate::topology::{Graph, Node, NodeIndex, NodeKind};

/// Between the text of a box and its edge.
pub(super) const PADDING: f64 = 12.0;
/// The narrowest text has a box of this width.
const LEAST: f64 = 56.0;

/// The widest text a box of this kind may have.
pub(super) fn text_limit(kind: NodeKind) -> f64 {
    if kind == NodeKind::Channel { 300.0 } else { 220.0 }
}

pub(super) fn box_height(graph: &Graph, node: NodeIndex) -> f64 {
    if small_text(graph, node).is_some() { 44.0 } else { 32.0 }
}

/// The width of the wider of both lines, within the limit.
pub(super) fn text_extent(graph: &Graph, node: NodeIndex) -> f64 {
    let small = small_text(graph, node).map_or(0.0, |text| text_width(&text, SMALL_SIZE));
    let widest = text_width(&graph.label(node), NAME_SIZE).max(small).max(LEAST);
    widest.min(text_limit(graph.node(node).kind))
}

/// The second line: title and version of a service, messages of a channel.
pub(in crate::output) fn small_text(graph: &Graph, index: NodeIndex) -> Option<String> {
    let node = graph.node(index);
    if node.kind == NodeKind::Service {
        return about(node);
    }
    let mut messages = graph.messages(index);
    let shown: Vec<String> =
        messages.by_ref().take(3).map(|message| graph.label(message).into_owned()).collect();
    let rest = messages.count();
    let rest = if rest > 0 { format!(" +{rest} more") } else { String::new() };
    let text = shown.join(", ") + &rest;
    (!text.is_empty()).then_some(text)
}

fn about(node: &Node) -> Option<String> {
    let title = node.title.as_deref().filter(|title| !title.eq_ignore_ascii_case(&node.name));
    let parts: Vec<&str> = [title, node.version.as_deref()].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// A box at the left edge `x`, as yet without height from the top; `side` begins its identifier.
pub(super) fn shape(graph: &Graph, index: NodeIndex, side: &str, (x, width): (f64, f64)) -> Shape {
    let node = graph.node(index);
    let limit = text_limit(node.kind).min(width - PADDING);
    Shape {
        node: Some(index),
        kind: if node.kind == NodeKind::Channel { BoxKind::Channel } else { BoxKind::Service },
        id: node.id.replacen("service:", side, 1),
        x,
        y: 0.0,
        width,
        height: box_height(graph, index),
        name: fit(&graph.label(index), NAME_SIZE, limit),
        small: small_text(graph, index).map(|text| fit(&text, SMALL_SIZE, limit)),
        missing: None,
        missing_inside: false,
        change: node.change,
    }
}
