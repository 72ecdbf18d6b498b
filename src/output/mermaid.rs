//! The graph as Mermaid flowcharts from left to right: one, or several when one would be beyond what Mermaid draws.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io::{self, Write};

use super::by_domain::{PlainNames, groups, message_names, missing, missing_words, plain_names};
use super::inert::{one_line, shortened, yaml_text};
use crate::topology::{Change, CheckRule, Domains, Graph, NodeIndex, NodeKind};

/// Mermaid draws 500 arrows and 50,000 characters unless the page that shows it allows more; this is a little below.
const ARROW_LIMIT: usize = 450;
/// See [`ARROW_LIMIT`].
const TEXT_LIMIT: usize = 45_000;
/// Arrows of one channel that stay together at least.
const TOGETHER: usize = 40;
/// Characters of a label at most.
const LABEL: usize = 80;
const HEAD: &str = "flowchart LR\n";
const CLASSES: &str = "  \
  classDef service fill:#e8f1fb,stroke:#2b6cb0,color:#1a202c
  classDef channel fill:#fff5e0,stroke:#b7791f,color:#1a202c
  classDef missing fill:#fff5e0,stroke:#c53030,color:#1a202c,stroke-dasharray:5 3
";

/// One flowchart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// What it shows, as a part of a file name.
    pub name: String,
    /// What it shows, for people.
    pub title: String,
    /// The chart itself.
    pub text: String,
}

/// The graph as one chart; above the limits of Mermaid as a chart of its domains, when it has several, and charts of
/// their channels with all they are connected with. Every arrow is in one of these.
#[must_use]
pub fn charts(graph: &Graph) -> Vec<Chart> {
    let flowchart = Flowchart::new(graph);
    let everything = Part {
        nodes: flowchart.groups.iter().flat_map(|(_, nodes)| nodes).copied().collect(),
        arrows: graph.flows().map(|edge| (edge.source, edge.target)).collect(),
    };
    let text = flowchart.text(&everything, None);
    if everything.arrows.len() <= ARROW_LIMIT && text.chars().count() <= TEXT_LIMIT {
        return vec![Chart { name: "topology".to_owned(), title: "Topology".to_owned(), text }];
    }
    let mut names = PlainNames::new('-');
    let mut charts = domain_charts(graph);
    for chart in &charts {
        names.name(&chart.name);
    }
    for (domain, nodes) in &flowchart.groups {
        let domain = domain.unwrap_or("no domain");
        let parts = flowchart.parts(nodes);
        let count = parts.len();
        for (number, part) in parts.iter().enumerate() {
            let title =
                if count == 1 { domain.to_owned() } else { format!("{domain} {} of {count}", number + 1) };
            let text = flowchart.text(part, Some(&title));
            charts.push(Chart { name: names.name(&title), title, text });
        }
    }
    charts
}

/// Writes charts as a Markdown page.
///
/// # Errors
/// Those of `out`.
pub fn write_markdown(out: &mut dyn Write, title: &str, charts: &[Chart]) -> io::Result<()> {
    writeln!(out, "# {}", plain(title))?;
    for chart in charts {
        if charts.len() > 1 {
            writeln!(out, "\n## {}", plain(&chart.title))?;
        }
        write!(out, "\n```mermaid\n{}```\n", chart.text)?;
    }
    Ok(())
}

/// Some nodes and arrows.
#[derive(Default)]
struct Part {
    nodes: BTreeSet<NodeIndex>,
    arrows: Vec<(NodeIndex, NodeIndex)>,
}

struct Flowchart<'a> {
    graph: &'a Graph,
    names: Vec<String>,
    missing: HashMap<NodeIndex, CheckRule>,
    groups: Vec<(Option<&'a str>, Vec<NodeIndex>)>,
}

/// By colour, width and dashes.
fn change_look(change: Change) -> &'static str {
    match change {
        Change::Added => "stroke:#00796b,stroke-width:3px",
        Change::Removed => "stroke:#c2410c,stroke-width:2px,stroke-dasharray:3 4",
        Change::Modified | Change::Versioned => "stroke:#7b3fa0,stroke-width:3px,stroke-dasharray:10 3",
    }
}

impl<'a> Flowchart<'a> {
    fn new(graph: &'a Graph) -> Self {
        let groups = groups(graph).into_iter().map(|group| (group.domain, group.nodes)).collect();
        Self { graph, names: plain_names(graph), missing: missing(graph), groups }
    }

    // Writing to a String cannot fail, here and below.
    fn text(&self, part: &Part, title: Option<&str>) -> String {
        let mut text = title.map_or_else(String::new, head_with_title);
        text.push_str(HEAD);
        for (number, (domain, nodes)) in self.groups.iter().enumerate() {
            let nodes: Vec<&NodeIndex> = nodes.iter().filter(|node| part.nodes.contains(node)).collect();
            let domain = domain.filter(|_| !nodes.is_empty());
            if let Some(domain) = domain {
                let _ = writeln!(text, "  subgraph domain_{number}[\"{}\"]", escaped(domain));
            }
            for node in nodes {
                let inner = if domain.is_some() { "    " } else { "  " };
                let _ = writeln!(text, "{inner}{}", self.node(*node));
            }
            if domain.is_some() {
                text.push_str("  end\n");
            }
        }
        for (source, target) in &part.arrows {
            let _ = writeln!(text, "  {} --> {}", self.names[source.0], self.names[target.0]);
        }
        text.push_str(CLASSES);
        self.changes(&mut text, part);
        text
    }

    /// How what changed looks; nothing in a graph of one state.
    fn changes(&self, text: &mut String, part: &Part) {
        let changed = part.nodes.iter().filter_map(|node| Some((node, self.graph.node(*node).change?)));
        for (node, change) in changed {
            let _ = writeln!(text, "  style {} {}", self.names[node.0], change_look(change));
        }
        for (number, (source, target)) in part.arrows.iter().enumerate() {
            let mut edges = self.graph.outgoing(*source);
            let change = edges.find(|edge| edge.target == *target).and_then(|edge| edge.change);
            if let Some(change) = change {
                let _ = writeln!(text, "  linkStyle {number} {}", change_look(change));
            }
        }
    }

    /// The channels among these nodes with all their arrows, and what has none, in parts within the limits.
    fn parts(&self, nodes: &[NodeIndex]) -> Vec<Part> {
        let mut pieces: Vec<Part> = Vec::new();
        for node in nodes {
            let arrows: Vec<(NodeIndex, NodeIndex)> = match self.graph.node(*node).kind {
                NodeKind::Channel => {
                    let sends = self.graph.producers(*node).map(|service| (service, *node));
                    sends.chain(self.graph.consumers(*node).map(|service| (*node, service))).collect()
                }
                _ => Vec::new(),
            };
            let is_alone = arrows.is_empty()
                && (self.graph.node(*node).kind == NodeKind::Channel || !self.has_arrows(*node));
            if is_alone {
                pieces.push(Part { nodes: BTreeSet::from([*node]), arrows: Vec::new() });
            }
            pieces.extend(arrows.chunks(TOGETHER).map(|arrows| Part {
                nodes: arrows.iter().flat_map(|(source, target)| [*source, *target]).collect(),
                arrows: arrows.to_vec(),
            }));
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut used = TEXT_LIMIT;
        for piece in pieces {
            let size = self.size(&piece);
            let fits = parts.last().is_some_and(|part: &Part| {
                part.arrows.len() + piece.arrows.len() <= ARROW_LIMIT && used + size <= TEXT_LIMIT
            });
            if !fits {
                parts.push(Part::default());
                used = HEAD.len() + CLASSES.len() + 20 * LABEL;
            }
            used += size;
            if let Some(part) = parts.last_mut() {
                part.nodes.extend(piece.nodes);
                part.arrows.extend(piece.arrows);
            }
        }
        parts
    }

    fn has_arrows(&self, service: NodeIndex) -> bool {
        let mut edges = self.graph.outgoing(service).chain(self.graph.incoming(service));
        edges.any(|edge| edge.relation.is_flow())
    }

    /// Characters at most, the frames of domains among them.
    fn size(&self, part: &Part) -> usize {
        let frame =
            |node: NodeIndex| self.graph.group(node).map_or(0, |domain| escaped(domain).chars().count() + 40);
        let nodes = part.nodes.iter().map(|node| self.node(*node).chars().count() + 5 + frame(*node));
        let arrow = |(source, target): &(NodeIndex, NodeIndex)| {
            self.names[source.0].len() + self.names[target.0].len() + 8
        };
        nodes.sum::<usize>() + part.arrows.iter().map(arrow).sum::<usize>()
    }

    fn node(&self, index: NodeIndex) -> String {
        let name = &self.names[index.0];
        let label = escaped(&self.graph.label(index));
        if self.graph.node(index).kind == NodeKind::Service {
            return format!("{name}[\"{label}\"]:::service");
        }
        let messages = message_names(self.graph, index).map(|names| escaped(&names));
        let label: Vec<String> = std::iter::once(label).chain(messages).collect();
        let label = label.join("<br/>");
        match self.missing.get(&index) {
            None => format!("{name}([\"{label}\"]):::channel"),
            Some(rule) => format!("{name}([\"{label}<br/>∅ {}\"]):::missing", missing_words(*rule)),
        }
    }
}

/// Domains with the number of channels from one to another; none when there is but one domain.
fn domain_charts(graph: &Graph) -> Vec<Chart> {
    let domains = Domains::new(graph);
    if domains.all.len() < 2 {
        return Vec::new();
    }
    let between: Vec<_> = domains.flows.iter().filter(|flow| flow.from != flow.to).collect();
    let parts: Vec<&[_]> =
        if between.is_empty() { vec![&[]] } else { between.chunks(TOGETHER * 4).collect() };
    let count = parts.len();
    let chart = |(number, flows): (usize, &&[&crate::topology::DomainFlow])| {
        let title =
            if count == 1 { "Domains".to_owned() } else { format!("Domains {} of {count}", number + 1) };
        let mut text = head_with_title(&title);
        text.push_str(HEAD);
        let ends: BTreeSet<usize> = flows.iter().flat_map(|flow| [flow.from, flow.to]).collect();
        for (place, domain) in domains.all.iter().enumerate() {
            // The first chart has those that nothing leads from or to as well.
            let is_alone = number == 0 && !between.iter().any(|flow| flow.from == place || flow.to == place);
            if ends.contains(&place) || is_alone {
                let name = escaped(domain.name.as_deref().unwrap_or("no domain"));
                let _ = writeln!(
                    text,
                    "  domain_{place}[\"{name}<br/>services: {}, channels: {}\"]:::service",
                    domain.services, domain.channels
                );
            }
        }
        for flow in *flows {
            let (from, to) = (flow.from, flow.to);
            let _ = writeln!(text, "  domain_{from} -->|{}| domain_{to}", flow.channels);
        }
        text.push_str(CLASSES);
        let name = if count == 1 { "domains".to_owned() } else { format!("domains-{}", number + 1) };
        Chart { name, title, text }
    };
    parts.iter().enumerate().map(chart).collect()
}

fn head_with_title(title: &str) -> String {
    format!("---\ntitle: {}\n---\n", yaml_text(&plain(title)))
}

/// Text without what Markdown, HTML or Mermaid reads as more.
fn plain(text: &str) -> String {
    let marks = |each: char| "<>&`*_[]{}()#\\\"|~!$".contains(each);
    one_line(&shortened(text, LABEL)).replace(marks, " ")
}

/// Text that is safe inside a quoted label: what Mermaid or HTML would read as more than text becomes an entity.
fn escaped(text: &str) -> String {
    let text = one_line(&shortened(text, LABEL));
    if text.trim().is_empty() {
        return "(unnamed)".to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("#quot;"),
            '#' | '<' | '>' | '&' | ';' | '`' | '\\' | '$' => {
                let _ = write!(escaped, "#{};", u32::from(character));
            }
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::{ARROW_LIMIT, TEXT_LIMIT, charts, escaped, write_markdown};
    use crate::topology::fixture::{graph, shop};

    #[test]
    fn the_shop_has_a_line_per_node_and_arrow() {
        let shop = shop();
        let charts = charts(&shop);
        let [chart] = charts.as_slice() else { panic!("one chart") };
        let text = &chart.text;
        assert_eq!(text.matches(" --> ").count(), shop.flows().count());
        assert!(
            text.contains("  subgraph domain_0[\"goods\"]\n    service_stock[\"stock\"]:::service\n"),
            "{text}"
        );
        assert!(text.contains("([\"stock/low<br/>StockLow<br/>∅ no consumer\"]):::missing\n"), "{text}");
        let mut out = Vec::new();
        write_markdown(&mut out, "Topology", &charts).unwrap();
        let page = String::from_utf8(out).unwrap();
        assert_eq!(page, format!("# Topology\n\n```mermaid\n{text}```\n"));
    }

    #[test]
    fn labels_are_only_text() {
        assert_eq!(escaped("a\"b<c>#d`e\n"), "a#quot;b#60;c#62;#35;d#96;e ");
        assert_eq!(escaped(""), "(unnamed)");
    }

    #[test]
    fn more_than_mermaid_draws_becomes_several_charts_that_lack_nothing() {
        let long = "<".repeat(300);
        let mut text = String::from("lone@far\n- > idle@far > -\n");
        for number in 0..40 {
            let consumers: Vec<String> =
                (0..17).map(|consumer| format!("c{}", number * 3 + consumer)).collect();
            let domain = number % 3;
            let _ = writeln!(text, "p{number}@d{domain} > {long}{number} > {}", consumers.join(" "));
        }
        let crowd: Vec<String> = (0..1_000).map(|number| format!("crowd{number}")).collect();
        let _ = write!(text, "p0 > busy > {}", crowd.join(" "));
        let graph = graph(&text);
        let charts = charts(&graph);
        assert_eq!((charts[0].name.as_str(), charts[0].title.as_str()), ("domains", "Domains"));
        let arrows: usize = charts.iter().map(|chart| chart.text.matches(" --> ").count()).sum();
        assert_eq!(arrows, graph.flows().count());
        for chart in &charts {
            assert!(chart.text.matches(" --> ").count() <= ARROW_LIMIT, "{}", chart.title);
            assert!(chart.text.chars().count() <= TEXT_LIMIT, "{}", chart.title);
        }
        for name in ["lone", "idle", "crowd999", "p39"] {
            assert!(charts.iter().any(|chart| chart.text.contains(&format!("\"{name}"))), "{name}");
        }
    }
}
