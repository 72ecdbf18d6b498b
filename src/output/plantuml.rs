//! The graph as a `PlantUML` component diagram, from left to right, a package per domain.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::by_domain::{groups, message_names, missing, missing_words, plain_names};
use super::inert::{one_line, shortened};
use crate::topology::{CheckRule, Graph, NodeIndex, NodeKind};

/// Characters of a label at most.
const LABEL: usize = 200;

const HEAD: &str = "\
@startuml
left to right direction
skinparam shadowing false
skinparam componentStyle rectangle
skinparam component {
  BackgroundColor #e8f1fb
  BorderColor #2b6cb0
}
skinparam queue {
  BackgroundColor #fff5e0
  BorderColor #b7791f
}
";

/// Writes the diagram.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph) -> io::Result<()> {
    let (names, missing) = (plain_names(graph), missing(graph));
    out.write_all(HEAD.as_bytes())?;
    for (number, group) in groups(graph).iter().enumerate() {
        let inner = if group.domain.is_some() { "  " } else { "" };
        if let Some(domain) = group.domain {
            writeln!(out, "package \"{}\" as domain_{number} {{", escaped(domain))?;
        }
        for node in &group.nodes {
            writeln!(out, "{inner}{}", element(graph, *node, &names[node.0], missing.get(node).copied()))?;
        }
        if group.domain.is_some() {
            writeln!(out, "}}")?;
        }
    }
    for edge in graph.flows() {
        writeln!(out, "{} --> {}", names[edge.source.0], names[edge.target.0])?;
    }
    writeln!(out, "@enduml")
}

fn element(graph: &Graph, index: NodeIndex, name: &str, missing: Option<CheckRule>) -> String {
    let mut label = escaped(&graph.label(index));
    if graph.node(index).kind == NodeKind::Service {
        return format!("component \"{label}\" as {name}");
    }
    if let Some(messages) = message_names(graph, index) {
        label.push_str("\\n");
        label.push_str(&escaped(&messages));
    }
    let Some(rule) = missing else { return format!("queue \"{label}\" as {name}") };
    format!("queue \"{label}\\n({})\" as {name} #line:c53030;line.dashed", missing_words(rule))
}

/// Text that is safe inside a quoted label: `PlantUML` reads marks of many kinds as more than text, and they are written
/// by number.
fn escaped(text: &str) -> String {
    let text = one_line(&shortened(text, LABEL));
    if text.trim().is_empty() {
        return "(unnamed)".to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    let mut before = '\n';
    for each in text.chars() {
        let is_plain = each.is_alphanumeric() || !each.is_ascii();
        // One of these is text, two of the same begin a mark.
        let is_single = "-_./:+, ()".contains(each) && each != before && before != '\n';
        if is_plain || is_single {
            escaped.push(each);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "<U+{:04X}>", u32::from(each));
        }
        before = each;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{escaped, write};
    use crate::topology::fixture::shop;

    #[test]
    fn the_shop_has_packages_and_every_arrow() {
        let mut out = Vec::new();
        let shop = shop();
        write(&mut out, &shop).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches(" --> ").count(), shop.flows().count());
        assert_eq!(text.matches("\npackage ").count(), 3);
        assert!(text.starts_with("@startuml\n") && text.ends_with("@enduml\n"));
    }

    #[test]
    fn marks_are_written_by_number() {
        assert_eq!(escaped("a/b.c-d"), "a/b.c-d");
        assert_eq!(escaped("a\"<b>\n"), "a<U+0022><U+003C>b<U+003E> ");
        assert_eq!(escaped("a--b"), "a-<U+002D>b");
        assert_eq!(escaped("!include x"), "<U+0021>include x");
        assert_eq!(escaped(" "), "(unnamed)");
    }
}
