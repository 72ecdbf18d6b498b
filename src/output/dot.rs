//! The graph in Graphviz's DOT language, from left to right, a cluster per domain.

use std::io::{self, Write};

use super::by_domain::{groups, message_names, missing, missing_words};
use super::inert::{one_line, shortened};
use crate::topology::{Change, CheckRule, Graph, NodeIndex, NodeKind};

/// Characters of a text at most: Graphviz refuses strings of 16,384 bytes.
const LENGTH: usize = 3_000;

/// Writes the graph.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph) -> io::Result<()> {
    let missing = missing(graph);
    writeln!(out, "digraph topology {{\n  rankdir=LR;")?;
    writeln!(out, "  node [fontname=\"Helvetica,Arial,sans-serif\", fontsize=11, style=filled];")?;
    writeln!(out, "  edge [color=\"#5a6a7a\", arrowsize=0.7];")?;
    for (number, group) in groups(graph).iter().enumerate() {
        let inner = if group.domain.is_some() { "    " } else { "  " };
        if let Some(domain) = group.domain {
            writeln!(out, "  subgraph cluster_{number} {{\n    label={};", quoted(domain))?;
        }
        for node in &group.nodes {
            let mut statement = node_statement(graph, *node, missing.get(node).copied());
            if let Some(change) = graph.node(*node).change {
                // Of two values of an attribute the later one counts.
                statement.truncate(statement.len() - 1);
                statement = format!("{statement}, {}]", change_look(change));
            }
            writeln!(out, "{inner}{statement};")?;
        }
        if group.domain.is_some() {
            writeln!(out, "  }}")?;
        }
    }
    for edge in graph.flows() {
        let (source, target) = (&graph.node(edge.source).id, &graph.node(edge.target).id);
        let look = edge.change.map_or_else(String::new, |change| format!(" [{}]", change_look(change)));
        writeln!(out, "  {} -> {}{look};", quoted(source), quoted(target))?;
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
    lines.extend(message_names(graph, index));
    let mark = missing.map(|rule| format!("∅ {}", missing_words(rule)));
    lines.extend(mark.clone());
    let label = lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("\\n");
    let look = if mark.is_some() {
        "style=\"filled,rounded,dashed\", color=\"#c53030\""
    } else {
        "style=\"filled,rounded\", color=\"#b7791f\""
    };
    format!("{id} [label=\"{label}\", shape=box, fillcolor=\"#fff5e0\", {look}]")
}

fn change_look(change: Change) -> &'static str {
    match change {
        Change::Added => "color=\"#00796b\", penwidth=3, tooltip=\"added\"",
        Change::Removed => "color=\"#c2410c\", penwidth=2, style=dashed, tooltip=\"removed\"",
        Change::Modified | Change::Versioned => {
            "color=\"#7b3fa0\", penwidth=3, style=dotted, tooltip=\"different\""
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// Inside a quoted string a quote and a backslash are escaped, by the DOT grammar.
fn escaped(text: &str) -> String {
    one_line(&shortened(text, LENGTH)).replace('\\', "\\\\").replace('"', "\\\"")
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
