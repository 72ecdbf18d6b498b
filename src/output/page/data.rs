//! What the page knows: the graph and the places of all views, as short lists of numbers beside lists of texts.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use serde::Serialize;

use super::super::by_domain::missing;
use super::super::inert::json_line;
use super::super::scene::{Arrow, Frame, Scene, Setting, Shape, TOP, small_text};
use super::super::verdicts::Verdicts;
use crate::topology::drift::Verdict;
use crate::topology::{Change, CheckRule, Domains, EvidenceKind, Graph, NodeIndex, NodeKind, Relation};

/// Boxes up to which a picture is made of elements; above it is painted.
const ELEMENTS: usize = 500;
/// Arrows up to which the layered view is among the views.
const LAYERED: usize = 60_000;

/// Writes the data as JSON that may stand in a script element.
pub(super) fn write(out: &mut dyn Write, graph: &Graph, title: &str, first: Setting) -> io::Result<()> {
    let mut json = Vec::new();
    json_line(&mut json, &Data::new(graph, title, first))?;
    // These three stand in texts only, never in the grammar of JSON.
    let escape = |byte: &u8| -> Option<&[u8]> {
        match byte {
            b'<' => Some(b"\\u003c"),
            b'>' => Some(b"\\u003e"),
            b'&' => Some(b"\\u0026"),
            _ => None,
        }
    };
    let mut plain = 0;
    for (at, byte) in json.iter().enumerate() {
        if let Some(escaped) = escape(byte) {
            out.write_all(&json[plain..at])?;
            out.write_all(escaped)?;
            plain = at + 1;
        }
    }
    out.write_all(&json[plain..])
}

#[derive(Serialize)]
struct Data<'a> {
    title: &'a str,
    generator: &'static str,
    first: &'static str,
    svg: usize,
    domains: Vec<&'a str>,
    owners: Vec<&'a str>,
    protocols: Vec<&'a str>,
    messages: Vec<String>,
    sources: Vec<&'a str>,
    evidence: Vec<EvidenceKind>,
    node: Nodes<'a>,
    edge: Edges,
    views: BTreeMap<&'static str, View>,
}

/// One item per service and channel in each list.
#[derive(Default, Serialize)]
struct Nodes<'a> {
    /// Empty where it is made of kind, protocol and label.
    id: Vec<&'a str>,
    label: Vec<String>,
    kind: Vec<u8>,
    title: Vec<&'a str>,
    version: Vec<&'a str>,
    domain: Vec<i32>,
    protocol: Vec<i32>,
    owners: Vec<Vec<usize>>,
    messages: Vec<Vec<usize>>,
    missing: Vec<u8>,
    #[serde(skip_serializing_if = "is_all_zero")]
    change: Vec<u8>,
    at: Vec<Vec<(usize, u32)>>,
    /// Second lines that are too long for their boxes, shortened.
    small: BTreeMap<usize, String>,
    /// Labels that are too long for their boxes, shortened.
    short: BTreeMap<usize, String>,
}

/// One item per connection in each list.
#[derive(Default, Serialize)]
struct Edges {
    from: Vec<usize>,
    to: Vec<usize>,
    /// 0 for none, 1 for all of the channel.
    #[serde(skip_serializing_if = "say_nothing")]
    messages: Vec<OrNumber>,
    #[serde(skip_serializing_if = "is_all_zero")]
    change: Vec<u8>,
    /// What came of comparing, where something was observed: 0 nothing, 1 undocumented, 2 missing, 3 not observable, 4 confirmed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verdict: Vec<u8>,
    /// Kind, source and line of each, one after the other.
    evidence: Vec<Vec<usize>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OrNumber {
    Number(u8),
    List(Vec<usize>),
}

/// Long lists in which nothing is said would make large pages larger.
fn is_all_zero(list: &[u8]) -> bool {
    list.iter().all(|number| *number == 0)
}

fn say_nothing(list: &[OrNumber]) -> bool {
    list.iter().all(|one| matches!(one, OrNumber::Number(0)))
}

#[derive(Serialize)]
struct View {
    size: [i64; 2],
    top: i64,
    /// Whether what is missing is said below the name.
    inside: bool,
    /// Domain, place and size.
    frames: Vec<[i64; 5]>,
    heads: Vec<(&'static str, i64)>,
    /// Node, place and size of each, one after the other.
    boxes: Vec<i64>,
    /// Edge, whether it goes back, number of points, the first point and the way from point to point of each arrow, one
    /// after the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    arrows: Vec<i64>,
    /// For columns, how far below the tops of its boxes each arrow leaves and arrives.
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<Vec<i64>>,
    #[serde(flatten)]
    overview: Option<Overview>,
}

#[derive(Serialize)]
struct Overview {
    texts: Vec<(String, String)>,
    domains: Vec<i32>,
    /// From which domain to which other, and how many channels, of each arrow.
    flows: Vec<[usize; 3]>,
}

/// Texts by their places in a list.
#[derive(Default)]
struct Places<'a>(BTreeMap<&'a str, usize>);

impl<'a> Places<'a> {
    fn new(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut places: BTreeMap<&str, usize> = texts.map(|text| (text, 0)).collect();
        places.values_mut().enumerate().for_each(|(number, place)| *place = number);
        Self(places)
    }

    fn list(&self) -> Vec<&'a str> {
        self.0.keys().copied().collect()
    }

    fn of(&self, text: Option<&str>) -> i32 {
        text.and_then(|text| self.0.get(text)).map_or(-1, |place| i32::try_from(*place).unwrap_or(-1))
    }
}

/// Numbers of what is in the page, by the indexes of the graph.
struct Numbers {
    nodes: Vec<usize>,
    edges: Vec<usize>,
    messages: BTreeMap<NodeIndex, usize>,
}

impl<'a> Data<'a> {
    fn new(graph: &'a Graph, title: &'a str, first: Setting) -> Self {
        let shown: Vec<NodeIndex> = (0..graph.nodes.len())
            .map(NodeIndex)
            .filter(|index| graph.node(*index).kind != NodeKind::Message)
            .collect();
        let numbers = Numbers::new(graph, &shown);
        let domains = Places::new(shown.iter().filter_map(|index| graph.group(*index)));
        let owners = Places::new(graph.nodes.iter().flat_map(|node| node.owners.iter().map(String::as_str)));
        let protocols = Places::new(graph.nodes.iter().filter_map(|node| node.protocol.as_deref()));
        let mut evidence: Vec<EvidenceKind> = Vec::new();
        for kind in graph.flows().flat_map(|edge| edge.evidence.iter().map(|evidence| evidence.kind)) {
            if !evidence.contains(&kind) {
                evidence.push(kind);
            }
        }
        let columns = Scene::new(graph, Setting::Columns);
        let views = views(graph, first, &columns, &numbers, &domains);
        let mut node = Nodes::default();
        let missing = missing(graph);
        for index in &shown {
            node.push(graph, *index, (&domains, &owners, &protocols), &numbers);
            node.missing.push(missing.get(index).map_or(0, |rule| match rule {
                CheckRule::NoProducer => 1,
                CheckRule::NoConsumer => 2,
                CheckRule::Unused => 3,
            }));
        }
        node.fit(graph, &columns, &numbers);
        let messages = graph.of_kind(NodeKind::Message).map(|index| graph.label(index).into_owned());
        Self {
            title,
            generator: concat!("eddy ", env!("CARGO_PKG_VERSION")),
            first: word(first),
            svg: ELEMENTS,
            domains: domains.list(),
            owners: owners.list(),
            protocols: protocols.list(),
            messages: messages.collect(),
            sources: graph.sources.iter().map(|source| source.path.as_str()).collect(),
            edge: Edges::new(graph, &numbers, &evidence),
            evidence,
            node,
            views,
        }
    }
}

impl Numbers {
    fn new(graph: &Graph, shown: &[NodeIndex]) -> Self {
        let mut nodes = vec![usize::MAX; graph.nodes.len()];
        for (number, index) in shown.iter().enumerate() {
            nodes[index.0] = number;
        }
        let mut next = 0;
        let edges = graph.edges.iter().map(|edge| {
            let number = next;
            next += usize::from(edge.relation.is_flow());
            number
        });
        let edges = edges.collect();
        let messages = graph.of_kind(NodeKind::Message).enumerate().map(|(number, index)| (index, number));
        Self { nodes, edges, messages: messages.collect() }
    }
}

impl<'a> Nodes<'a> {
    fn push(
        &mut self,
        graph: &'a Graph,
        index: NodeIndex,
        (domains, owners, protocols): (&Places<'_>, &Places<'_>, &Places<'_>),
        numbers: &Numbers,
    ) {
        let node = graph.node(index);
        let label = graph.label(index).into_owned();
        let made = match node.kind {
            NodeKind::Service => format!("service:{label}"),
            _ => format!("channel:{}/{label}", node.protocol.as_deref().unwrap_or("-")),
        };
        self.id.push(if node.id == made { "" } else { &node.id });
        self.label.push(label);
        self.kind.push(u8::from(node.kind == NodeKind::Channel));
        self.title.push(node.title.as_deref().filter(|title| *title != node.name).unwrap_or_default());
        self.version.push(node.version.as_deref().unwrap_or_default());
        self.domain.push(domains.of(graph.group(index)));
        self.protocol.push(protocols.of(node.protocol.as_deref()));
        self.owners
            .push(node.owners.iter().filter_map(|owner| owners.0.get(owner.as_str()).copied()).collect());
        let is_channel = node.kind == NodeKind::Channel;
        let messages = graph.messages(index).filter(|_| is_channel);
        self.messages.push(messages.filter_map(|message| numbers.messages.get(&message).copied()).collect());
        self.change.push(change(node.change));
        self.at.push(node.defined_at.iter().map(|place| (place.source, place.line)).collect());
    }

    /// Takes the texts that fit into the boxes.
    fn fit(&mut self, graph: &Graph, scene: &Scene, numbers: &Numbers) {
        for shape in &scene.shapes {
            let Some(node) = shape.node else { continue };
            let number = numbers.nodes[node.0];
            if shape.small != small_text(graph, node) {
                self.small.insert(number, shape.small.clone().unwrap_or_default());
            }
            if shape.name != self.label[number] {
                self.short.insert(number, shape.name.clone());
            }
        }
    }
}

impl Edges {
    fn new(graph: &Graph, numbers: &Numbers, kinds: &[EvidenceKind]) -> Self {
        let mut edges = Self::default();
        let verdicts = Verdicts::new(graph);
        for edge in graph.flows() {
            if !verdicts.is_empty() {
                edges.verdict.push(verdict(verdicts.of(edge)));
            }
            edges.from.push(numbers.nodes[edge.source.0]);
            edges.to.push(numbers.nodes[edge.target.0]);
            let messages: Vec<usize> =
                edge.messages.iter().filter_map(|message| numbers.messages.get(message).copied()).collect();
            let channel = if edge.relation == Relation::Sends { edge.target } else { edge.source };
            edges.messages.push(if messages.is_empty() {
                OrNumber::Number(0)
            } else if graph.messages(channel).eq(edge.messages.iter().copied()) {
                OrNumber::Number(1)
            } else {
                OrNumber::List(messages)
            });
            edges.change.push(change(edge.change));
            let evidence = edge.evidence.iter().flat_map(|one| {
                let kind = kinds.iter().position(|kind| *kind == one.kind).unwrap_or_default();
                [kind, one.place.source, usize::try_from(one.place.line).unwrap_or_default()]
            });
            edges.evidence.push(evidence.collect());
        }
        edges
    }
}

fn views(
    graph: &Graph,
    first: Setting,
    columns: &Scene,
    numbers: &Numbers,
    domains: &Places<'_>,
) -> BTreeMap<&'static str, View> {
    let mut settings = Vec::new();
    if graph.flows().count() <= LAYERED || first == Setting::Flow {
        settings.push(Setting::Flow);
    }
    if domains.0.len() > 1 || first == Setting::Overview {
        settings.push(Setting::Overview);
    }
    let mut views =
        BTreeMap::from([(word(Setting::Columns), view(graph, Setting::Columns, columns, numbers, domains))]);
    for setting in settings {
        views.insert(word(setting), view(graph, setting, &Scene::new(graph, setting), numbers, domains));
    }
    views
}

fn view(graph: &Graph, setting: Setting, scene: &Scene, numbers: &Numbers, domains: &Places<'_>) -> View {
    let mut boxes = Vec::with_capacity(scene.shapes.len() * 5);
    for (place, shape) in scene.shapes.iter().enumerate() {
        boxes.push(integer(shape.node.map_or(place, |node| numbers.nodes[node.0])));
        boxes.extend([shape.x, shape.y, shape.width, shape.height].map(rounded));
    }
    let in_columns = setting == Setting::Columns;
    let arrows = if in_columns { Vec::new() } else { arrows(scene, numbers) };
    let ports = in_columns.then(|| ports(graph, scene));
    let frame = |frame: &Frame| {
        let [x, y, width, height] = frame.place.map(rounded);
        let named = Some(frame.domain.as_str()).filter(|name| domains.0.contains_key(name));
        [i64::from(domains.of(named)), x, y, width, height]
    };
    View {
        size: [rounded(scene.width), rounded(scene.height)],
        top: rounded(TOP),
        inside: scene.shapes.iter().any(|shape| shape.missing_inside),
        frames: scene.frames.iter().map(frame).collect(),
        heads: scene.headings.iter().map(|(text, x)| (*text, rounded(*x))).collect(),
        boxes,
        arrows,
        ports,
        overview: (setting == Setting::Overview).then(|| overview(graph, scene, domains)),
    }
}

fn arrows(scene: &Scene, numbers: &Numbers) -> Vec<i64> {
    let mut arrows = Vec::new();
    for arrow in &scene.arrows {
        arrows.push(arrow.edge.map_or(-1, |edge| integer(numbers.edges[edge])));
        arrows.extend([i64::from(arrow.backward), integer(arrow.points.len())]);
        let (mut last_x, mut last_y) = (0, 0);
        for (number, (x, y)) in arrow.points.iter().enumerate() {
            let (x, y) = (rounded(*x), rounded(*y));
            arrows.push(x - last_x);
            // From an odd to an even point an arrow goes straight on.
            if number == 0 || number % 2 == 1 {
                arrows.push(y - last_y);
                last_y = y;
            }
            last_x = x;
        }
    }
    arrows
}

/// Arrows of columns have their edges' order and end at boxes, so that little is left to say of each.
fn ports(graph: &Graph, scene: &Scene) -> Vec<i64> {
    let mut shapes: HashMap<NodeIndex, Vec<&Shape>> = HashMap::new();
    for shape in &scene.shapes {
        shapes.entry(shape.node.unwrap_or(NodeIndex(0))).or_default().push(shape);
    }
    let below = |node: NodeIndex, y: f64, is_it: &dyn Fn(&Shape) -> bool| {
        let shape = shapes.get(&node).and_then(|list| list.iter().find(|shape| is_it(shape)));
        shape.map_or(0, |shape| rounded(y) - rounded(shape.y))
    };
    let mut arrows: Vec<(usize, &Arrow)> =
        scene.arrows.iter().filter_map(|arrow| Some((arrow.edge?, arrow))).collect();
    arrows.sort_by_key(|(edge, _)| *edge);
    let both = arrows.into_iter().flat_map(|(edge, arrow)| {
        let (edge, (x, y), (to_x, to_y)) = (&graph.edges[edge], arrow.points[0], arrow.points[1]);
        let leaves = below(edge.source, y, &|shape| (shape.x + shape.width - x).abs() < 1.0);
        [leaves, below(edge.target, to_y, &|shape| (shape.x - to_x).abs() < 1.0)]
    });
    both.collect()
}

fn overview(graph: &Graph, scene: &Scene, domains: &Places<'_>) -> Overview {
    let text = |shape: &Shape| (shape.name.clone(), shape.small.clone().unwrap_or_default());
    let Domains { all, flows } = Domains::new(graph);
    Overview {
        texts: scene.shapes.iter().map(text).collect(),
        domains: all.iter().map(|domain| domains.of(domain.name.as_deref())).collect(),
        flows: flows
            .iter()
            .filter(|flow| flow.from != flow.to)
            .map(|flow| [flow.from, flow.to, flow.channels])
            .collect(),
    }
}

fn word(setting: Setting) -> &'static str {
    match setting {
        Setting::Columns => "columns",
        Setting::Flow => "flow",
        Setting::Overview => "overview",
    }
}

fn verdict(verdict: Option<Verdict>) -> u8 {
    match verdict {
        None => 0,
        Some(Verdict::Undocumented) => 1,
        Some(Verdict::Missing) => 2,
        Some(Verdict::NotObservable) => 3,
        Some(Verdict::Confirmed) => 4,
    }
}

fn change(change: Option<Change>) -> u8 {
    match change {
        None => 0,
        Some(Change::Added) => 1,
        Some(Change::Removed) => 2,
        Some(Change::Modified) => 3,
        Some(Change::Versioned) => 4,
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a picture is far smaller than 2^63")]
fn rounded(number: f64) -> i64 {
    number.round() as i64
}

fn integer(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
