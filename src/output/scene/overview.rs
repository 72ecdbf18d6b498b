//! Domains as boxes, and how many channels lead from one to another.

use super::metrics::{fit, text_width};
use super::{
    Arrow, BoxKind, LEGEND, MARGIN, NAME_SIZE, SMALL_SIZE, Scene, Setting, Shape, TOP, as_float, counted,
};
use crate::topology::layout::{Item, Link, Spacing, layered};
use crate::topology::{Domains, Graph, Relation};

const PADDING: f64 = 18.0;
const LEAST: f64 = 560.0;

/// Draws the domains of the graph.
#[must_use]
pub fn overview(graph: &Graph) -> Scene {
    let domains = Domains::new(graph);
    let texts = texts(&domains);
    let items: Vec<Item> = texts
        .iter()
        .map(|(name, small)| Item {
            width: text_width(name, NAME_SIZE).max(text_width(small, SMALL_SIZE)) + 2.0 * PADDING,
            height: 52.0,
            lane: 0,
        })
        .collect();
    let between: Vec<_> = domains.flows.iter().filter(|flow| flow.from != flow.to).collect();
    let links: Vec<Link> = between.iter().map(|flow| Link { from: flow.from, to: flow.to }).collect();
    let spacing = Spacing { layers: 90.0, items: 22.0, lanes: 0.0, heading: 0.0 };
    let drawing = layered(&items, &links, &spacing);
    let shapes = texts.into_iter().enumerate().map(|(number, (name, small))| {
        let (x, y) = drawing.places[number];
        let Item { width, height, .. } = items[number];
        Shape {
            node: None,
            kind: BoxKind::Domain,
            id: format!("domain:{number}"),
            x: MARGIN + x - width / 2.0,
            y: TOP + y - height / 2.0,
            width,
            height,
            name,
            small: Some(small),
            missing: None,
            missing_inside: false,
            change: None,
        }
    });
    let name = |number: usize| domains.all[number].name.as_deref().unwrap_or("no domain");
    let arrows = between.iter().zip(&drawing.routes).map(|(flow, route)| Arrow {
        edge: None,
        relation: Relation::Sends,
        points: route.points.iter().map(|(x, y)| (x + MARGIN, y + TOP)).collect(),
        backward: route.backward,
        weight: flow.channels,
        words: Some(format!(
            "{} from {} to {}",
            counted(flow.channels, "channel"),
            name(flow.from),
            name(flow.to)
        )),
        change: None,
        verdict: None,
    });
    Scene {
        setting: Setting::Overview,
        width: (drawing.width + 2.0 * MARGIN).max(LEAST),
        height: TOP + drawing.height + LEGEND,
        headings: Vec::new(),
        frames: Vec::new(),
        arrows: arrows.collect(),
        shapes: shapes.collect(),
    }
}

/// For each domain its name and what it holds.
fn texts(domains: &Domains) -> Vec<(String, String)> {
    domains
        .all
        .iter()
        .map(|domain| {
            let name = domain.name.clone().unwrap_or_else(|| "no domain".to_owned());
            let small =
                format!("{} · {}", counted(domain.services, "service"), counted(domain.channels, "channel"));
            (fit(&name, NAME_SIZE, 260.0), small)
        })
        .collect()
}

/// The width of an arrow that stands for so many channels.
pub(in crate::output) fn thickness(weight: usize) -> f64 {
    (1.3 + as_float(weight).log2() * 0.9).min(8.0)
}
