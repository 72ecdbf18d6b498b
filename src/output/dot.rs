//! The graph in Graphviz's DOT language, from left to right, a cluster per domain.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::topology::{CheckRule, Graph, NodeIndex, NodeKind};

/// Writes the graph.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph) -> io::Result<()> {
    let missing: BTreeMap<NodeIndex, CheckRule> =
        graph.checks().into_iter().map(|check| (check.node, check.rule)).collect();
    writeln!(out, "digraph topology {{\n  rankdir=LR;")?;
    writeln!(out, "  node [fontname=\"Helvetica,Arial,sans-serif\", fontsize=11, style=filled];")?;
    writeln!(out, "  edge [color=\"#5a6a7a\", arrowsize=0.7];")?;
    let mut domains: BTreeMap<Option<&str>, Vec<NodeIndex>> = BTreeMap::new();
    let shown = |node: &NodeIndex| graph.node(*node).kind != NodeKind::Message;
    for node in (0..graph.nodes.len()).map(NodeIndex).filter(shown) {
        domains.entry(graph.group(node)).or_default().push(node);
    }
    for (number, (domain, nodes)) in domains.iter().enumerate() {
        let inner = if domain.is_some() { "    " } else { "  " };
        if let Some(domain) = domain {
            writeln!(out, "  subgraph cluster_{number} {{\n    label={};", quoted(domain))?;
        }
        for node in nodes {
            writeln!(out, "{inner}{};", node_statement(graph, *node, missing.get(node).copied()))?;
        }
        if domain.is_some() {
            writeln!(out, "  }}")?;
        }
    }
    for edge in graph.flows() {
        let (source, target) = (&graph.node(edge.source).id, &graph.node(edge.target).id);
        writeln!(out, "  {} -> {};", quoted(source), quoted(target))?;
    }
    writeln!(out, "}}")
}

fn node_statement(graph: &Graph, index: NodeIndex, missing: Option<CheckRule>) -> String {
    let node = graph.node(index);
    let id = quoted(&node.id);
    if node.kind == NodeKind::Service {
        let label = quoted(&graph.label(index));
        return format!("{id} [label={label}, shape=box, fillcolor=\"#e8f1fb\", color=\"#2b6cb0\"]");
    }
    let mut lines = vec![graph.label(index).into_owned()];
    let messages: Vec<String> =
        graph.messages(index).map(|message| graph.label(message).into_owned()).collect();
    lines.extend((!messages.is_empty()).then(|| messages.join(", ")));
    let mark = missing.map(|rule| match rule {
        CheckRule::NoProducer => "∅ no producer",
        CheckRule::NoConsumer => "∅ no consumer",
        CheckRule::Unused => "∅ unused",
    });
    lines.extend(mark.map(str::to_owned));
    let label = lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("\\n");
    let look = if mark.is_some() {
        "style=\"filled,rounded,dashed\", color=\"#c53030\""
    } else {
        "style=\"filled,rounded\", color=\"#b7791f\""
    };
    format!("{id} [label=\"{label}\", shape=box, fillcolor=\"#fff5e0\", {look}]")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// Inside a quoted string a quote and a backslash are escaped, by the DOT grammar; control characters become spaces.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            control if control.is_control() => escaped.push(' '),
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{quoted, write};
    use crate::topology::fixture::shop;

    #[test]
    fn the_shop_has_clusters_and_every_arrow() {
        let mut out = Vec::new();
        let shop = shop();
        write(&mut out, &shop).expect("written");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text.matches(" -> ").count(), shop.flows().count());
        assert_eq!(text.matches("subgraph cluster_").count(), 3);
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }

    #[test]
    fn quotes_and_backslashes_are_escaped() {
        assert_eq!(quoted("a\"b\\c\nd"), "\"a\\\"b\\\\c d\"");
    }
}
