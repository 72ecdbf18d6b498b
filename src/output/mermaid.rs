//! The graph as a Mermaid flowchart from left to right.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::topology::{CheckRule, Graph, NodeIndex, NodeKind};

/// Mermaid draws 500 arrows and 50,000 characters unless the page that shows it allows more; this is a little below.
pub const ARROW_LIMIT: usize = 450;
/// See [`ARROW_LIMIT`].
pub const TEXT_LIMIT: usize = 45_000;

/// How large a flowchart came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Arrows.
    pub arrows: usize,
    /// Characters.
    pub characters: usize,
}

impl Size {
    /// Whether Mermaid refuses it unless told otherwise by the page.
    #[must_use]
    pub fn is_beyond_limits(self) -> bool {
        self.arrows > ARROW_LIMIT || self.characters > TEXT_LIMIT
    }
}

/// Writes the flowchart, a subgraph per domain, and says how large it is.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph) -> io::Result<Size> {
    let text = Flowchart::new(graph).text();
    out.write_all(text.as_bytes())?;
    Ok(Size { arrows: graph.flows().count(), characters: text.chars().count() })
}

struct Flowchart<'a> {
    graph: &'a Graph,
    names: Vec<String>,
    missing: BTreeMap<NodeIndex, CheckRule>,
}

impl<'a> Flowchart<'a> {
    fn new(graph: &'a Graph) -> Self {
        let missing = graph.checks().into_iter().map(|check| (check.node, check.rule)).collect();
        Self { graph, names: names(graph), missing }
    }

    fn text(&self) -> String {
        let mut lines = vec!["flowchart LR".to_owned()];
        let mut domains: BTreeMap<Option<&str>, Vec<NodeIndex>> = BTreeMap::new();
        let shown = |node: &NodeIndex| self.graph.node(*node).kind != NodeKind::Message;
        for node in (0..self.graph.nodes.len()).map(NodeIndex).filter(shown) {
            domains.entry(self.graph.group(node)).or_default().push(node);
        }
        for (number, (domain, nodes)) in domains.iter().enumerate() {
            let inner = if domain.is_some() { "    " } else { "  " };
            if let Some(domain) = domain {
                lines.push(format!("  subgraph domain_{number}[\"{}\"]", escaped(domain)));
            }
            lines.extend(nodes.iter().map(|node| format!("{inner}{}", self.node(*node))));
            if domain.is_some() {
                lines.push("  end".to_owned());
            }
        }
        for edge in self.graph.flows() {
            let (source, target) = (&self.names[edge.source.0], &self.names[edge.target.0]);
            lines.push(format!("  {source} --> {target}"));
        }
        lines.push("  classDef service fill:#e8f1fb,stroke:#2b6cb0,color:#1a202c".to_owned());
        lines.push("  classDef channel fill:#fff5e0,stroke:#b7791f,color:#1a202c".to_owned());
        lines.push(
            "  classDef missing fill:#fff5e0,stroke:#c53030,color:#1a202c,stroke-dasharray:5 3".to_owned(),
        );
        lines.push(String::new());
        lines.join("\n")
    }

    fn node(&self, index: NodeIndex) -> String {
        let name = &self.names[index.0];
        let label = escaped(&self.graph.label(index));
        if self.graph.node(index).kind == NodeKind::Service {
            return format!("{name}[\"{label}\"]:::service");
        }
        let mut label = label;
        let messages: Vec<String> =
            self.graph.messages(index).map(|message| escaped(&self.graph.label(message))).collect();
        if !messages.is_empty() {
            label.push_str("<br/>");
            label.push_str(&messages.join(", "));
        }
        let Some(rule) = self.missing.get(&index) else {
            return format!("{name}([\"{label}\"]):::channel");
        };
        let words = match rule {
            CheckRule::NoProducer => "no producer",
            CheckRule::NoConsumer => "no consumer",
            CheckRule::Unused => "unused",
        };
        format!("{name}([\"{label}<br/>∅ {words}\"]):::missing")
    }
}

/// A readable name without reserved words or signs for each node, each once.
fn names(graph: &Graph) -> Vec<String> {
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    let name = |id: &String| {
        let slug: String = id
            .chars()
            .map(|character| if character.is_ascii_alphanumeric() { character } else { '_' })
            .collect();
        let count = used.entry(slug.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { slug } else { format!("{slug}__{count}") }
    };
    graph.nodes.iter().map(|node| &node.id).map(name).collect()
}

/// Text that is safe inside a quoted label: what Mermaid or HTML would read as more than text becomes an entity.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("#quot;"),
            '#' | '<' | '>' | '&' | ';' | '`' | '\\' => {
                escaped
                    .extend(['#'].into_iter().chain(u32::from(character).to_string().chars()).chain([';']));
            }
            control if control.is_control() => escaped.push(' '),
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{escaped, names, write};
    use crate::topology::fixture::{graph, shop};

    #[test]
    fn the_shop_has_a_line_per_node_and_arrow() {
        let mut out = Vec::new();
        let shop = shop();
        let size = write(&mut out, &shop).expect("written");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text.matches(" --> ").count(), shop.flows().count());
        assert_eq!((size.arrows, size.characters), (shop.flows().count(), text.chars().count()));
        assert!(!size.is_beyond_limits());
        assert!(
            text.contains("  subgraph domain_0[\"goods\"]\n    service_stock[\"stock\"]:::service\n"),
            "{text}"
        );
        assert!(text.contains("([\"stock/low<br/>StockLow<br/>∅ no consumer\"]):::missing\n"), "{text}");
    }

    #[test]
    fn labels_are_only_text() {
        assert_eq!(escaped("a\"b<c>#d`e\n"), "a#quot;b#60;c#62;#35;d#96;e ");
        let twins = graph("a > x.y > b\na > x/y > b");
        let names = names(&twins);
        assert_eq!(names[..2], ["service_a", "service_b"]);
        assert_ne!(names[2], names[3]);
    }

    #[test]
    fn more_than_mermaid_draws_is_said() {
        let consumers: Vec<String> = (0..500).map(|number| format!("c{number}")).collect();
        let graph = graph(&format!("a > x > {}", consumers.join(" ")));
        assert!(write(&mut Vec::new(), &graph).expect("written").is_beyond_limits());
    }
}
