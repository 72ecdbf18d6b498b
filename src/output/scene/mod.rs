//! A picture of the graph before it is written: boxes, frames and arrows with their places. SVG and the page draw it.

mod boxes;
mod columns;
mod flow;
pub(super) mod metrics;
mod overview;

pub(super) use boxes::small_text;
pub use columns::columns;
pub use flow::flow;
pub use overview::overview;
pub(super) use overview::thickness;

use super::verdicts::Verdicts;
use crate::topology::drift::Verdict;
use crate::topology::{Change, CheckRule, Edge, Graph, NodeIndex, NodeKind, Place, Relation};

/// Font size of names.
pub(super) const NAME_SIZE: f64 = 13.0;
/// Font size of what stands below names, and of the legend.
pub(super) const SMALL_SIZE: f64 = 11.0;
/// The free edge of the picture.
pub(super) const MARGIN: f64 = 24.0;
/// Where the drawing begins, below the title.
pub(super) const TOP: f64 = 96.0;
/// Room for the legend below the drawing.
const LEGEND: f64 = 64.0;

/// In which way things are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Producers, channels, consumers.
    Columns,
    /// Layers along the flow.
    Flow,
    /// Domains and what flows between them.
    Overview,
}

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoxKind {
    /// A service.
    Service,
    /// A channel.
    Channel,
    /// A domain.
    Domain,
}

/// A box with its two lines of text.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Its node, unless it is a domain.
    pub node: Option<NodeIndex>,
    /// What it stands for.
    pub kind: BoxKind,
    /// An identifier that no other box has.
    pub id: String,
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Extent from left to right.
    pub width: f64,
    /// Extent from top to bottom.
    pub height: f64,
    /// The name, shortened to fit.
    pub name: String,
    /// The second line, shortened to fit.
    pub small: Option<String>,
    /// What is missing at a channel.
    pub missing: Option<CheckRule>,
    /// Whether what is missing is said below the name instead of beside the box.
    pub missing_inside: bool,
    /// What became of it between two states.
    pub change: Option<Change>,
}

impl Shape {
    /// Its middle from the top.
    #[must_use]
    pub fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }
}

/// The background of a domain.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its name; empty for what has none.
    pub domain: String,
    /// Left edge, top edge, width and height.
    pub place: [f64; 4],
}

/// An arrow along its way.
#[derive(Clone, Debug)]
pub struct Arrow {
    /// Its edge, unless it stands for several.
    pub edge: Option<usize>,
    /// What it says.
    pub relation: Relation,
    /// Across each gap from an even to an odd point, straight on from an odd to an even one.
    pub points: Vec<(f64, f64)>,
    /// Whether it closes a cycle and goes against the flow.
    pub backward: bool,
    /// How many edges it stands for.
    pub weight: usize,
    /// Its words, when it stands for several edges.
    pub words: Option<String>,
    /// What became of it between two states.
    pub change: Option<Change>,
    /// What came of comparing it with what was observed.
    pub verdict: Option<Verdict>,
}

/// The whole picture.
#[derive(Clone, Debug)]
pub struct Scene {
    /// How it is set.
    pub setting: Setting,
    /// Extent from left to right.
    pub width: f64,
    /// Extent from top to bottom, the legend among it.
    pub height: f64,
    /// Words above columns, with their middles.
    pub headings: Vec<(&'static str, f64)>,
    /// Backgrounds of domains.
    pub frames: Vec<Frame>,
    /// Arrows.
    pub arrows: Vec<Arrow>,
    /// Boxes.
    pub shapes: Vec<Shape>,
}

impl Scene {
    /// Draws the graph in a setting.
    #[must_use]
    pub fn new(graph: &Graph, setting: Setting) -> Self {
        let mut scene = match setting {
            Setting::Columns => columns(graph),
            Setting::Flow => flow(graph),
            Setting::Overview => overview(graph),
        };
        let verdicts = Verdicts::new(graph);
        for arrow in scene.arrows.iter_mut().filter(|_| !verdicts.is_empty()) {
            arrow.verdict = arrow.edge.and_then(|edge| verdicts.of(&graph.edges[edge]));
        }
        scene
    }

    /// What an arrow says, and where that is written.
    #[must_use]
    pub fn arrow_words(&self, graph: &Graph, arrow: &Arrow) -> String {
        match (&arrow.words, arrow.edge) {
            (Some(words), _) => words.clone(),
            (None, Some(edge)) => edge_words(graph, &graph.edges[edge], arrow.verdict),
            (None, None) => String::new(),
        }
    }
}

fn edge_words(graph: &Graph, edge: &Edge, verdict: Option<Verdict>) -> String {
    let (source, target) = (graph.label(edge.source), graph.label(edge.target));
    let messages: Vec<String> =
        edge.messages.iter().map(|message| graph.label(*message).into_owned()).collect();
    let what = if messages.is_empty() { String::new() } else { format!(" {}", messages.join(", ")) };
    let first = match edge.relation {
        Relation::Sends => format!("{source} sends{what} to {target}"),
        _ => format!("{target} receives{what} from {source}"),
    };
    let change = edge.change.map(|change| change.word().to_owned());
    let verdict = verdict.map(|verdict| verdict.words().to_owned());
    let places = edge.evidence.iter().map(|evidence| place_words(graph, &evidence.place));
    std::iter::once(first).chain(change).chain(verdict).chain(places).collect::<Vec<_>>().join("\n")
}

/// All there is to say about a node, one line each.
#[must_use]
pub fn node_words(graph: &Graph, index: NodeIndex) -> String {
    let node = graph.node(index);
    let mut lines = vec![node.name.clone()];
    lines.extend(node.title.clone().filter(|title| *title != node.name));
    lines.extend(node.change.map(|change| change.word().to_owned()));
    lines.extend(node.version.as_ref().map(|version| format!("version {version}")));
    lines.extend(node.protocol.as_ref().map(|protocol| format!("protocol {protocol}")));
    lines.extend(node.domain.as_ref().map(|domain| format!("domain {domain}")));
    lines.extend((!node.owners.is_empty()).then(|| format!("owned by {}", node.owners.join(", "))));
    if node.kind == NodeKind::Channel {
        let messages: Vec<String> =
            graph.messages(index).map(|message| graph.label(message).into_owned()).collect();
        lines.extend((!messages.is_empty()).then(|| format!("carries {}", messages.join(", "))));
    }
    lines.extend(node.defined_at.iter().map(|place| place_words(graph, place)));
    lines.join("\n")
}

fn place_words(graph: &Graph, place: &Place) -> String {
    let path = &graph.sources[place.source].path;
    if place.line == 0 { path.clone() } else { format!("{path}:{} #{}", place.line, place.pointer) }
}

#[allow(clippy::cast_precision_loss, reason = "counts of boxes are far below 2^52")]
pub(super) fn as_float(count: usize) -> f64 {
    count as f64
}

/// Text and what is counted, in the plural unless it is one.
pub(super) fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}
