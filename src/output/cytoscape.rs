//! The graph as the JSON that Cytoscape and Cytoscape.js read; domains are the parents of what they hold.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::by_domain::{groups, message_names, missing};
use super::inert::json_pretty;
use crate::topology::{CheckRule, Edge, Graph, NodeIndex, NodeKind};

/// Writes the graph: services and channels as nodes, messages as an attribute.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph, title: &str) -> io::Result<()> {
    let missing = missing(graph);
    let groups = groups(graph);
    let mut nodes: Vec<Value> = Vec::new();
    for group in &groups {
        let parent = group.domain.map(|domain| format!("domain:{domain}"));
        if let (Some(domain), Some(id)) = (group.domain, &parent) {
            nodes.push(json!({ "data": { "id": id, "label": domain, "kind": "domain" } }));
        }
        for node in &group.nodes {
            nodes.push(node_object(graph, *node, parent.as_deref(), missing.get(node).copied()));
        }
    }
    let edges: Vec<Value> =
        graph.flows().enumerate().map(|(number, edge)| edge_object(graph, number, edge)).collect();
    let document = json!({
        "format_version": "1.0",
        "generated_by": concat!("eddy ", env!("CARGO_PKG_VERSION")),
        "data": { "name": title },
        "elements": { "nodes": nodes, "edges": edges },
    });
    json_pretty(out, &document)
}

fn node_object(graph: &Graph, index: NodeIndex, parent: Option<&str>, missing: Option<CheckRule>) -> Value {
    let node = graph.node(index);
    let mut data = Map::new();
    data.insert("id".to_owned(), node.id.clone().into());
    data.insert("label".to_owned(), graph.label(index).into());
    data.insert("kind".to_owned(), json!(node.kind));
    let messages = message_names(graph, index).filter(|_| node.kind == NodeKind::Channel);
    let optional = [
        ("parent", parent.map(str::to_owned)),
        ("title", node.title.clone()),
        ("version", node.version.clone()),
        ("protocol", node.protocol.clone()),
        ("owners", (!node.owners.is_empty()).then(|| node.owners.join(", "))),
        ("messages", messages),
        ("check", missing.map(|rule| rule.name().to_owned())),
        ("change", node.change.map(|change| change.word().to_owned())),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            data.insert(key.to_owned(), value.into());
        }
    }
    json!({ "data": data })
}

fn edge_object(graph: &Graph, number: usize, edge: &Edge) -> Value {
    let messages: Vec<String> =
        edge.messages.iter().map(|message| graph.label(*message).into_owned()).collect();
    let mut data = json!({
        "id": format!("e{number}"),
        "source": graph.node(edge.source).id,
        "target": graph.node(edge.target).id,
        "label": messages.join(", "),
        "interaction": edge.relation,
        "evidence": edge.evidence.len(),
    });
    if let Some(change) = edge.change {
        data["change"] = change.word().into();
    }
    json!({ "data": data })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::write;
    use crate::topology::fixture::shop;

    #[test]
    fn every_end_and_every_parent_is_a_node() {
        let mut out = Vec::new();
        let shop = shop();
        write(&mut out, &shop, "shop").unwrap();
        let document: Value = serde_json::from_slice(&out).unwrap();
        let list = |name: &str| document["elements"][name].as_array().unwrap().clone();
        let (nodes, edges) = (list("nodes"), list("edges"));
        let ids: Vec<&Value> = nodes.iter().map(|node| &node["data"]["id"]).collect();
        assert_eq!((nodes.len(), edges.len()), (12, shop.flows().count()));
        let ends = edges.iter().flat_map(|edge| [&edge["data"]["source"], &edge["data"]["target"]]);
        assert!(ends.into_iter().all(|end| ids.contains(&end)));
        let parents = nodes.iter().filter_map(|node| node["data"].get("parent"));
        assert!(parents.into_iter().all(|parent| ids.contains(&parent)));
    }
}
