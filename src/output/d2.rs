//! The graph in the D2 language, from left to right, a container per domain.

use std::collections::HashMap;
use std::io::{self, Write};

use super::by_domain::{groups, message_names, missing, missing_words, plain_names};
use super::inert::{one_line, shortened};
use crate::topology::{CheckRule, Graph, NodeIndex, NodeKind};

/// Characters of a label at most.
const LABEL: usize = 200;

const HEAD: &str = "\
direction: right
classes: {
  service: {style: {fill: \"#e8f1fb\"; stroke: \"#2b6cb0\"; font-color: \"#1a202c\"; border-radius: 4}}
  channel: {shape: queue; style: {fill: \"#fff5e0\"; stroke: \"#b7791f\"; font-color: \"#1a202c\"}}
  missing: {shape: queue; style: {fill: \"#fff5e0\"; stroke: \"#c53030\"; font-color: \"#1a202c\"; stroke-dash: 4}}
}
";

/// Writes the graph.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph) -> io::Result<()> {
    let (names, missing) = (plain_names(graph), missing(graph));
    let mut paths: HashMap<NodeIndex, String> = HashMap::new();
    out.write_all(HEAD.as_bytes())?;
    for (number, group) in groups(graph).iter().enumerate() {
        let inner = if group.domain.is_some() { "  " } else { "" };
        if let Some(domain) = group.domain {
            writeln!(out, "domain_{number}: {} {{", quoted(domain))?;
        }
        for node in &group.nodes {
            let name = &names[node.0];
            writeln!(out, "{inner}{name}: {}", node_value(graph, *node, missing.get(node).copied()))?;
            let path = group.domain.map_or_else(|| name.clone(), |_| format!("domain_{number}.{name}"));
            paths.insert(*node, path);
        }
        if group.domain.is_some() {
            writeln!(out, "}}")?;
        }
    }
    for edge in graph.flows() {
        writeln!(out, "{} -> {}", paths[&edge.source], paths[&edge.target])?;
    }
    Ok(())
}

fn node_value(graph: &Graph, index: NodeIndex, missing: Option<CheckRule>) -> String {
    let label = quoted(&graph.label(index));
    if graph.node(index).kind == NodeKind::Service {
        return format!("{label} {{class: service}}");
    }
    let missing = missing.map(missing_words);
    let class = if missing.is_some() { "missing" } else { "channel" };
    let more: Vec<String> =
        missing.map(str::to_owned).into_iter().chain(message_names(graph, index)).collect();
    if more.is_empty() {
        return format!("{label} {{class: {class}}}");
    }
    // D2 reads a tooltip as Markdown.
    let marks = |each: char| "<>&`*_[]\\~#|!".contains(each);
    format!("{label} {{class: {class}; tooltip: {}}}", quoted(&more.join(": ").replace(marks, " ")))
}

/// In single quotes nothing is read as more than text; the quote itself is doubled.
fn quoted(text: &str) -> String {
    let text = one_line(&shortened(text, LABEL)).replace('\'', "''");
    if text.trim().is_empty() { "'(unnamed)'".to_owned() } else { format!("'{text}'") }
}

#[cfg(test)]
mod tests {
    use super::{quoted, write};
    use crate::topology::fixture::shop;

    #[test]
    fn the_shop_has_containers_and_every_arrow() {
        let mut out = Vec::new();
        let shop = shop();
        write(&mut out, &shop).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches(" -> ").count(), shop.flows().count());
        assert_eq!(text.matches("\ndomain_").count() - text.matches(" -> ").count(), 3, "{text}");
        assert!(text.contains("{class: missing; tooltip: 'no consumer: StockLow'}"), "{text}");
    }

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(quoted("it's ${x}\n"), "'it''s ${x} '");
        assert_eq!(quoted(""), "'(unnamed)'");
    }
}
