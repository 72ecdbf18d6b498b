//! What lies up and down stream of one node, as a tree. It shows every arrow that is within its depth.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use super::graph_text::{Glyphs, GraphStyle, Role, width};
use crate::topology::{Graph, Node, NodeIndex, NodeKind, Step};

/// Writes the tree of `start`: first with the flow of data, then against it, each to `depth` services away.
///
/// What was shown before is marked `(*)` and not repeated; an arrow back to a node above is a cycle, `⟲`; `…` marks
/// where the depth cut.
///
/// # Errors
/// Those of `out`.
pub fn write(
    out: &mut dyn Write,
    graph: &Graph,
    start: NodeIndex,
    depth: usize,
    style: &GraphStyle<'_>,
) -> io::Result<()> {
    let mut tree =
        Tree { out, graph, style, glyphs: style.glyphs(), expanded: HashMap::new(), above: vec![start] };
    tree.title(start)?;
    let branches: Vec<(Step, NodeIndex)> = [Step::Downstream, Step::Upstream]
        .into_iter()
        .flat_map(|step| graph.next(start, step).into_iter().map(move |node| (step, node)))
        .collect();
    if branches.is_empty() {
        let words = (style.paint)(Role::Faint, "neither sends nor receives");
        return writeln!(tree.out, "{}{words}", tree.glyphs.last);
    }
    let marks: Vec<&'static str> = match graph.node(start).kind {
        NodeKind::Channel => missing_ends(graph, start),
        _ => Vec::new(),
    };
    let count = branches.len() + marks.len();
    for (number, (step, node)) in branches.into_iter().enumerate() {
        tree.branch(step, node, "", number + 1 == count, depth)?;
    }
    for (number, words) in marks.iter().enumerate() {
        tree.mark(words, number + 1 == marks.len())?;
    }
    Ok(())
}

fn missing_ends(graph: &Graph, channel: NodeIndex) -> Vec<&'static str> {
    let mut missing = Vec::new();
    if graph.producers(channel).next().is_none() {
        missing.push("no producer");
    }
    if graph.consumers(channel).next().is_none() {
        missing.push("no consumer");
    }
    missing
}

struct Tree<'a> {
    out: &'a mut dyn Write,
    graph: &'a Graph,
    style: &'a GraphStyle<'a>,
    glyphs: &'static Glyphs,
    /// Nodes whose children were shown, and to what depth.
    expanded: HashMap<(NodeIndex, bool), usize>,
    /// The way from the start to here.
    above: Vec<NodeIndex>,
}

impl Tree<'_> {
    fn title(&mut self, start: NodeIndex) -> io::Result<()> {
        let node = self.graph.node(start);
        let name = self.name(start);
        let about: Vec<String> = [about_node(node), messages(self.graph, start)]
            .into_iter()
            .filter(|text| !text.is_empty())
            .map(|text| self.style.clean(&text))
            .collect();
        if about.is_empty() {
            return writeln!(self.out, "{name}");
        }
        let about = (self.style.paint)(Role::Faint, &about.join(&format!(" {} ", self.glyphs.dot)));
        writeln!(self.out, "{name}  {about}")
    }

    fn shape(&self, node: NodeIndex) -> (Role, String) {
        let label = self.style.clean(&self.graph.label(node));
        match self.graph.node(node).kind {
            NodeKind::Service => (Role::Service, format!("[{label}]")),
            NodeKind::Channel => (Role::Channel, format!("({label})")),
            NodeKind::Message => (Role::Message, format!("{} {label}", self.glyphs.message)),
        }
    }

    fn name(&self, node: NodeIndex) -> String {
        let (role, text) = self.shape(node);
        (self.style.paint)(role, &text)
    }

    /// One line: the node, and as long as there is but one next node and it fits, that one too; then its branches.
    fn branch(
        &mut self,
        step: Step,
        node: NodeIndex,
        prefix: &str,
        last: bool,
        depth: usize,
    ) -> io::Result<()> {
        let glyphs = self.glyphs;
        let fork = match (step, last) {
            (Step::Downstream, false) => glyphs.branch,
            (Step::Downstream, true) => glyphs.last,
            (Step::Upstream, false) => glyphs.branch_left,
            (Step::Upstream, true) => glyphs.last_left,
        };
        let mut used = width(prefix) + width(fork);
        write!(self.out, "{}", (self.style.paint)(Role::Faint, &format!("{prefix}{fork}")))?;
        let height = self.above.len();
        let (mut node, mut depth) = (node, depth);
        let children = loop {
            let (role, text) = self.shape(node);
            used += width(&text);
            write!(self.out, "{}", (self.style.paint)(role, &text))?;
            let (children, left) = self.enter(step, node, depth)?;
            depth = left;
            let [only] = children[..] else { break children };
            let arrow = if step == Step::Downstream { glyphs.right } else { glyphs.left };
            let needed = width(arrow) + 2 + width(&self.shape(only).1) + 16;
            if used + needed > self.style.width {
                break children;
            }
            used += width(arrow) + 2;
            write!(self.out, " {} ", (self.style.paint)(Role::Faint, arrow))?;
            node = only;
        };
        writeln!(self.out)?;
        let prefix = format!("{prefix}{}", if last { "    " } else { glyphs.bar });
        for (number, child) in children.iter().enumerate() {
            self.branch(step, *child, &prefix, number + 1 == children.len(), depth)?;
        }
        self.above.truncate(height);
        Ok(())
    }

    /// Marks the node and gives what is to be shown below it, and to what depth.
    fn enter(&mut self, step: Step, node: NodeIndex, depth: usize) -> io::Result<(Vec<NodeIndex>, usize)> {
        let kind = self.graph.node(node).kind;
        let depth = if kind == NodeKind::Service { depth.saturating_sub(1) } else { depth };
        let next = self.graph.next(node, step);
        if self.above.contains(&node) {
            self.note(Role::Faint, self.glyphs.cycle)?;
            return Ok((Vec::new(), depth));
        }
        if next.is_empty() {
            if kind == NodeKind::Channel {
                let words = if step == Step::Downstream { "no consumer" } else { "no producer" };
                self.note(Role::Alarm, &format!("{} {words}", self.glyphs.none))?;
            }
            return Ok((Vec::new(), depth));
        }
        if depth == 0 {
            self.note(Role::Faint, self.glyphs.more)?;
            return Ok((Vec::new(), depth));
        }
        let key = (node, step == Step::Downstream);
        if self.expanded.get(&key).is_some_and(|shown| *shown >= depth) {
            self.note(Role::Faint, "(*)")?;
            return Ok((Vec::new(), depth));
        }
        self.expanded.insert(key, depth);
        self.above.push(node);
        Ok((next, depth))
    }

    fn note(&mut self, role: Role, text: &str) -> io::Result<()> {
        write!(self.out, " {}", (self.style.paint)(role, text))
    }

    fn mark(&mut self, words: &str, last: bool) -> io::Result<()> {
        let fork = match (words, last) {
            ("no producer", false) => self.glyphs.branch_left,
            ("no producer", true) => self.glyphs.last_left,
            (_, false) => self.glyphs.branch,
            (_, true) => self.glyphs.last,
        };
        let words = (self.style.paint)(Role::Alarm, &format!("{} {words}", self.glyphs.none));
        writeln!(self.out, "{}{words}", (self.style.paint)(Role::Faint, fork))
    }
}

fn about_node(node: &Node) -> String {
    let title =
        node.title.as_deref().filter(|title| !title.eq_ignore_ascii_case(&node.name)).unwrap_or_default();
    let version = node.version.as_deref().unwrap_or_default();
    [title, version].iter().filter(|text| !text.is_empty()).copied().collect::<Vec<_>>().join(" ")
}

fn messages(graph: &Graph, channel: NodeIndex) -> String {
    let mut seen = HashSet::new();
    let names = graph.messages(channel).map(|message| graph.label(message).into_owned());
    names.filter(|name| seen.insert(name.clone())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{GraphStyle, Role, write};
    use crate::topology::Graph;
    use crate::topology::fixture::{graph, shop};

    fn plain(_: Role, text: &str) -> String {
        text.to_owned()
    }

    fn tree(graph: &Graph, word: &str, depth: usize, ascii: bool) -> String {
        let mut out = Vec::new();
        let start = graph.find(word).expect("found");
        write(&mut out, graph, start, depth, &GraphStyle { width: 80, ascii, paint: &plain })
            .expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_service_shows_where_its_events_go_and_come_from() {
        let expected = "\
[stock]
├─▶ (stock/low) ∅ no consumer
├─▶ (stock/reserved)
│   ├─▶ [billing] …
│   └─▶ [web] …
└─◀ (orders/placed) ◀─ [web] …
";
        assert_eq!(tree(&shop(), "stock", 1, false), expected);
    }

    #[test]
    fn cycles_and_repeats_are_marked() {
        let ring = graph("a > x > b\nb > y > a c\nc > z > b");
        let text = tree(&ring, "a", 9, true);
        let expected = "\
[a]
|-> (x) -> [b] -> (y)
|   |-> [a] (cycle)
|   `-> [c] -> (z) -> [b] (cycle)
`-< (y) <- [b]
    |-< (x) <- [a] (cycle)
    `-< (z) <- [c] <- (y) (cycle)
";
        assert_eq!(text, expected);
        let diamond = graph("a > x > b c\nb > y > d\nc > y2 > d\nd > z > e");
        assert!(tree(&diamond, "a", 9, false).contains("(y2) ─▶ [d] (*)"));
    }

    #[test]
    fn a_channel_without_one_end_says_so() {
        let text = tree(&shop(), "payments/settled", 2, true);
        assert!(text.starts_with("(payments/settled)  PaymentSettled\n|-> [billing]"), "{text}");
        assert!(text.ends_with("`-< ! no producer\n"), "{text}");
    }
}
