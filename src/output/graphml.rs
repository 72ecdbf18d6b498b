//! The graph in `GraphML` with typed attributes, and with the boxes of yEd, which other readers pass over.

use std::io::{self, Write};

use super::by_domain::{groups, message_names, missing};
use super::inert::one_line;
use super::scene::metrics::text_width;
use super::xml::Xml;
use crate::topology::{CheckRule, Edge, Graph, NodeIndex, NodeKind};

/// Name, what has it, and its type.
const KEYS: [(&str, &str, &str); 13] = [
    ("label", "node", "string"),
    ("kind", "node", "string"),
    ("name", "node", "string"),
    ("title", "node", "string"),
    ("version", "node", "string"),
    ("protocol", "node", "string"),
    ("domain", "node", "string"),
    ("owners", "node", "string"),
    ("messages", "all", "string"),
    ("check", "node", "string"),
    ("relation", "edge", "string"),
    ("evidence", "edge", "int"),
    ("change", "all", "string"),
];

/// Writes the graph: services and channels as nodes, messages as an attribute.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph) -> io::Result<()> {
    let mut xml = Xml::begin(out)?;
    xml.open(
        "graphml",
        &[
            ("xmlns", "http://graphml.graphdrawing.org/xmlns"),
            ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
            ("xmlns:y", "http://www.yworks.com/xml/graphml"),
            (
                "xsi:schemaLocation",
                "http://graphml.graphdrawing.org/xmlns http://www.yworks.com/xml/schema/graphml/1.1/ygraphml.xsd",
            ),
        ],
    )?;
    for (name, of, kind) in KEYS {
        xml.empty("key", &[("id", name), ("for", of), ("attr.name", name), ("attr.type", kind)])?;
    }
    xml.empty("key", &[("id", "box"), ("for", "node"), ("yfiles.type", "nodegraphics")])?;
    xml.empty("key", &[("id", "arrow"), ("for", "edge"), ("yfiles.type", "edgegraphics")])?;
    xml.open("graph", &[("id", "topology"), ("edgedefault", "directed")])?;
    let missing = missing(graph);
    for node in groups(graph).iter().flat_map(|group| &group.nodes) {
        write_node(&mut xml, graph, *node, missing.get(node).copied())?;
    }
    for (number, edge) in graph.flows().enumerate() {
        write_edge(&mut xml, graph, number, edge)?;
    }
    xml.close("graph")?;
    xml.close("graphml")?;
    xml.end()
}

fn write_node(
    xml: &mut Xml<'_>,
    graph: &Graph,
    index: NodeIndex,
    missing: Option<CheckRule>,
) -> io::Result<()> {
    let node = graph.node(index);
    let label = graph.label(index);
    let kind = if node.kind == NodeKind::Service { "service" } else { "channel" };
    xml.open("node", &[("id", &node.id)])?;
    let data = [
        ("label", Some(label.clone().into_owned())),
        ("kind", Some(kind.to_owned())),
        ("name", Some(node.name.clone())),
        ("title", node.title.clone()),
        ("version", node.version.clone()),
        ("protocol", node.protocol.clone()),
        ("domain", graph.group(index).map(str::to_owned)),
        ("owners", (!node.owners.is_empty()).then(|| node.owners.join(", "))),
        ("messages", message_names(graph, index).filter(|_| node.kind == NodeKind::Channel)),
        ("check", missing.map(|rule| rule.name().to_owned())),
        ("change", node.change.map(|change| change.word().to_owned())),
    ];
    for (key, value) in data {
        if let Some(value) = value {
            xml.text("data", &[("key", key)], &one_line(&value))?;
        }
    }
    let (fill, line, shape) = match (node.kind, missing) {
        (NodeKind::Service, _) => ("#E8F1FB", "#2B6CB0", "rectangle"),
        (_, None) => ("#FFF5E0", "#B7791F", "roundrectangle"),
        (_, Some(_)) => ("#FFF5E0", "#C53030", "roundrectangle"),
    };
    let style = if missing.is_some() { "dashed" } else { "line" };
    let width = format!("{:.0}", (text_width(&label, 12.0) + 24.0).min(2_000.0));
    xml.open("data", &[("key", "box")])?;
    xml.open("y:ShapeNode", &[])?;
    xml.empty("y:Geometry", &[("width", &width), ("height", "30")])?;
    xml.empty("y:Fill", &[("color", fill), ("transparent", "false")])?;
    xml.empty("y:BorderStyle", &[("color", line), ("type", style), ("width", "1.0")])?;
    xml.text("y:NodeLabel", &[("fontSize", "12")], &one_line(&label))?;
    xml.empty("y:Shape", &[("type", shape)])?;
    xml.close("y:ShapeNode")?;
    xml.close("data")?;
    xml.close("node")
}

fn write_edge(xml: &mut Xml<'_>, graph: &Graph, number: usize, edge: &Edge) -> io::Result<()> {
    let (source, target) = (&graph.node(edge.source).id, &graph.node(edge.target).id);
    xml.open("edge", &[("id", &format!("e{number}")), ("source", source), ("target", target)])?;
    let messages: Vec<String> =
        edge.messages.iter().map(|message| graph.label(*message).into_owned()).collect();
    if !messages.is_empty() {
        xml.text("data", &[("key", "messages")], &one_line(&messages.join(", ")))?;
    }
    xml.text("data", &[("key", "relation")], edge.relation.word())?;
    xml.text("data", &[("key", "evidence")], &edge.evidence.len().to_string())?;
    if let Some(change) = edge.change {
        xml.text("data", &[("key", "change")], change.word())?;
    }
    xml.open("data", &[("key", "arrow")])?;
    xml.open("y:PolyLineEdge", &[])?;
    xml.empty("y:LineStyle", &[("color", "#5A6A7A"), ("type", "line"), ("width", "1.0")])?;
    xml.empty("y:Arrows", &[("source", "none"), ("target", "standard")])?;
    xml.close("y:PolyLineEdge")?;
    xml.close("data")?;
    xml.close("edge")
}

#[cfg(test)]
mod tests {
    use super::write;
    use crate::output::hostile::elements;
    use crate::topology::fixture::shop;

    #[test]
    fn the_shop_is_well_formed_with_every_arrow() {
        let mut out = Vec::new();
        let shop = shop();
        write(&mut out, &shop).unwrap();
        let all = elements(&String::from_utf8(out).unwrap());
        let count = |name: &str| all.iter().filter(|(element, _)| element == name).count();
        assert_eq!((count("node"), count("edge")), (9, shop.flows().count()));
        let keys: Vec<&String> =
            all.iter().filter(|(name, _)| name == "key").map(|(_, key)| &key["id"]).collect();
        assert!(all.iter().filter(|(name, _)| name == "data").all(|(_, data)| keys.contains(&&data["key"])));
    }
}
