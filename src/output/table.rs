//! The graph as a table: one entry per channel, producers to the left, consumers to the right, nothing left out.

use std::collections::HashMap;
use std::io::{self, Write};

use super::graph_text::{GraphStyle, Role, width, wrap};
use crate::topology::drift::{Compared, Verdict, drift};
use crate::topology::{Edge, Graph, NodeIndex, NodeKind, Relation};

/// Columns of an arrow with its spaces.
const ARROW: usize = 4;

/// Writes one entry per channel, under a heading per domain when there are domains, then services that use no channel.
///
/// Lists too long for the width are continued on the next line; a name too long for its column pushes what follows
/// to the next line. No name is shortened.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph, style: &GraphStyle<'_>) -> io::Result<()> {
    let marks = marks(graph);
    let channels = graph.of_kind(NodeKind::Channel);
    let mut rows: Vec<Row> = channels.map(|channel| Row::new(graph, channel, &marks, style)).collect();
    rows.sort_by(|left, right| left.order().cmp(&right.order()));
    let grouped = rows.iter().any(|row| row.group.is_some());
    let indent = if grouped { 2 } else { 0 };
    let widths = Widths::fit(&rows, style.width.saturating_sub(indent));
    let mut group = None;
    for row in &rows {
        if grouped && group != Some(&row.group) {
            if group.is_some() {
                writeln!(out)?;
            }
            let heading = row.group.as_deref().unwrap_or("no domain");
            writeln!(out, "{}", (style.paint)(Role::Heading, heading))?;
            group = Some(&row.group);
        }
        row.write(out, indent, &widths, style)?;
    }
    write_unconnected(out, graph, style)?;
    write_legend(out, &marks, style)
}

/// What came of comparing flows, by channel, service and way; empty where no system was asked.
type Marks = HashMap<(NodeIndex, NodeIndex, Relation), Verdict>;

fn marks(graph: &Graph) -> Marks {
    if !graph.is_observed() {
        return Marks::new();
    }
    let compared = drift(graph);
    let of_flow = |item: &Compared<'_>| {
        let (service, relation) = item.flow?;
        Some(((item.channel, service, relation), item.verdict))
    };
    compared.iter().filter_map(of_flow).collect()
}

/// A service at a channel, with its mark and its lag.
fn name(graph: &Graph, edge: &Edge, marks: &Marks, style: &GraphStyle<'_>) -> String {
    let (service, channel) = match edge.relation {
        Relation::Sends => (edge.source, edge.target),
        Relation::Receives | Relation::Carries => (edge.target, edge.source),
    };
    let name = style.clean(&graph.label(service));
    let Some(verdict) = marks.get(&(channel, service, edge.relation)) else { return name };
    let lag = edge.lag().filter(|lag| *lag > 0).map(|lag| format!(" (lag {lag})")).unwrap_or_default();
    format!("{} {name}{lag}", style.mark(*verdict))
}

/// Says what the marks mean that were used.
fn write_legend(out: &mut dyn Write, marks: &Marks, style: &GraphStyle<'_>) -> io::Result<()> {
    let used = Verdict::ALL.into_iter().filter(|verdict| marks.values().any(|used| used == verdict));
    let words: Vec<String> =
        used.map(|verdict| format!("{} {}", style.mark(verdict), verdict.words())).collect();
    if words.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", (style.paint)(Role::Faint, &words.join("   ")))
}

pub(super) fn write_unconnected(
    out: &mut dyn Write,
    graph: &Graph,
    style: &GraphStyle<'_>,
) -> io::Result<()> {
    let connected =
        |node: &NodeIndex| graph.outgoing(*node).next().is_some() || graph.incoming(*node).next().is_some();
    let alone = graph.of_kind(NodeKind::Service).filter(|node| !connected(node));
    for (number, node) in alone.enumerate() {
        if number == 0 && graph.count(NodeKind::Channel) > 0 {
            writeln!(out)?;
        }
        let name = (style.paint)(Role::Service, &style.clean(&graph.label(node)));
        let note = (style.paint)(Role::Faint, "neither sends nor receives");
        writeln!(out, "{name}  {note}")?;
    }
    Ok(())
}

struct Row {
    group: Option<String>,
    name: String,
    channel: String,
    producers: Vec<String>,
    consumers: Vec<String>,
}

impl Row {
    fn new(graph: &Graph, channel: NodeIndex, marks: &Marks, style: &GraphStyle<'_>) -> Self {
        let names = |edges: &mut dyn Iterator<Item = &Edge>, relation: Relation| -> Vec<String> {
            let flows = edges.filter(|edge| edge.relation == relation);
            flows.map(|edge| name(graph, edge, marks, style)).collect()
        };
        let name = style.clean(&graph.label(channel));
        Self {
            group: graph.group(channel).map(|group| style.clean(group)),
            channel: format!("({name})"),
            name,
            producers: names(&mut graph.incoming(channel), Relation::Sends),
            consumers: names(&mut graph.outgoing(channel), Relation::Receives),
        }
    }

    /// Channels without domain come last.
    fn order(&self) -> (bool, Option<&str>, &str) {
        (self.group.is_none(), self.group.as_deref(), &self.name)
    }

    fn write(
        &self,
        out: &mut dyn Write,
        indent: usize,
        widths: &Widths,
        style: &GraphStyle<'_>,
    ) -> io::Result<()> {
        let glyphs = style.glyphs();
        let mut lines = Lines::default();
        let producers = cells(&self.producers, "no producer", widths.producers, style);
        let channel_at = widths.producers + ARROW;
        let first_width = producers.first().map_or(0, Cell::width);
        let channel_line = if first_width > widths.producers { producers.len() } else { 0 };
        for (number, cell) in producers.into_iter().enumerate() {
            lines.put(number, 0, cell);
        }
        lines.put(channel_line, channel_at - ARROW + 1, Cell::of(Role::Faint, glyphs.right));
        lines.put(channel_line, channel_at, Cell::of(Role::Channel, &self.channel));
        let overflow = usize::from(width(&self.channel) > widths.channel);
        let arrow_at = channel_at + widths.channel + 1;
        let consumers = cells(&self.consumers, "no consumer", widths.consumers, style);
        lines.put(channel_line + overflow, arrow_at, Cell::of(Role::Faint, glyphs.right));
        for (number, cell) in consumers.into_iter().enumerate() {
            lines.put(channel_line + overflow + number, arrow_at + ARROW - 1, cell);
        }
        lines.write(out, indent, style)
    }
}

/// Pieces of text that stand together.
#[derive(Default)]
struct Cell {
    pieces: Vec<(Role, String)>,
}

impl Cell {
    fn of(role: Role, text: &str) -> Self {
        Self { pieces: vec![(role, text.to_owned())] }
    }

    fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| width(text)).sum()
    }
}

/// The lines of a list of services, or of the mark that there are none.
fn cells(items: &[String], missing: &str, limit: usize, style: &GraphStyle<'_>) -> Vec<Cell> {
    if items.is_empty() {
        return vec![Cell::of(Role::Alarm, &format!("{} {missing}", style.glyphs().none))];
    }
    let lines = wrap(items, limit);
    let count = lines.len();
    let cell = |(number, line): (usize, Vec<String>)| {
        let mut cell = Cell::default();
        let last = line.len() - 1;
        for (place, item) in line.into_iter().enumerate() {
            cell.pieces.push((Role::Service, item));
            match (place < last, number + 1 < count) {
                (true, _) => cell.pieces.push((Role::Faint, ", ".to_owned())),
                (false, true) => cell.pieces.push((Role::Faint, ",".to_owned())),
                (false, false) => {}
            }
        }
        cell
    };
    lines.into_iter().enumerate().map(cell).collect()
}

/// Cells set at columns of several lines.
#[derive(Default)]
struct Lines {
    lines: Vec<Vec<(usize, Cell)>>,
}

impl Lines {
    fn put(&mut self, line: usize, column: usize, cell: Cell) {
        if self.lines.len() <= line {
            self.lines.resize_with(line + 1, Vec::new);
        }
        self.lines[line].push((column, cell));
    }

    fn write(self, out: &mut dyn Write, indent: usize, style: &GraphStyle<'_>) -> io::Result<()> {
        for line in self.lines {
            let mut at = 0;
            for (column, cell) in line {
                let spaces = (indent + column).saturating_sub(at);
                write!(out, "{:spaces$}", "")?;
                at += spaces + cell.width();
                for (role, text) in &cell.pieces {
                    write!(out, "{}", (style.paint)(*role, text))?;
                }
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// Widths of the three columns.
struct Widths {
    producers: usize,
    channel: usize,
    consumers: usize,
}

impl Widths {
    /// The natural widths when they fit, else the channel as wide as may be and the lists sharing what is left.
    fn fit(rows: &[Row], total: usize) -> Self {
        let list_width = |items: &[String], missing: &str| {
            let joined: usize = items.iter().map(|item| width(item) + 2).sum();
            if items.is_empty() { missing.len() + 2 } else { joined - 2 }
        };
        let widest = |measure: &dyn Fn(&Row) -> usize| rows.iter().map(measure).max().unwrap_or(0);
        let producers = widest(&|row| list_width(&row.producers, "no producer"));
        let channel = widest(&|row| width(&row.channel));
        let consumers = widest(&|row| list_width(&row.consumers, "no consumer"));
        let budget = total.saturating_sub(2 * ARROW).max(12);
        if producers + channel + consumers <= budget {
            return Self { producers, channel, consumers };
        }
        let longest = |items: &[String]| items.iter().map(|item| width(item) + 1).max().unwrap_or(0);
        let least_left = producers.min(widest(&|row| longest(&row.producers)).max(13)).min(budget / 4);
        let least_right = consumers.min(widest(&|row| longest(&row.consumers)).max(13)).min(budget * 2 / 5);
        let channel = channel.min(budget - least_left - least_right);
        let left = budget - channel;
        let wanted = producers.min((left / 2).max(left.saturating_sub(consumers)));
        let producers = wanted.min(left - least_right);
        Self { producers, channel, consumers: left - producers }
    }
}

#[cfg(test)]
mod tests {
    use super::{GraphStyle, Role, width, write};
    use crate::topology::Graph;
    use crate::topology::fixture::{graph, shop};

    fn plain(_: Role, text: &str) -> String {
        text.to_owned()
    }

    fn table(graph: &Graph, width: usize, ascii: bool) -> String {
        let mut out = Vec::new();
        write(&mut out, graph, &GraphStyle { width, ascii, paint: &plain }).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_shop_fits_eighty_columns_with_a_heading_per_domain() {
        let expected = "\
goods
  stock         ─▶ (stock/low)        ─▶ ∅ no consumer
  stock         ─▶ (stock/reserved)   ─▶ billing, web

money
  billing       ─▶ (invoices/issued)  ─▶ web
  ∅ no producer ─▶ (payments/settled) ─▶ billing

sales
  web           ─▶ (orders/cancelled) ─▶ billing
  web           ─▶ (orders/placed)    ─▶ billing, stock
";
        assert_eq!(table(&shop(), 80, false), expected);
    }

    #[test]
    fn ascii_has_nothing_else() {
        let text = table(&graph("größe > a > b\nlone"), 80, true);
        assert_eq!(text, "gr??e -> (a) -> b\n\nlone  neither sends nor receives\n");
    }

    #[test]
    fn long_lists_wrap_and_no_edge_is_lost() {
        let consumers: Vec<String> = (0..60).map(|number| format!("consumer-{number:02}")).collect();
        let graph = graph(&format!("one two > a.long.channel.name > {}", consumers.join(" ")));
        for columns in [40, 60, 80, 120] {
            let text = table(&graph, columns, false);
            assert!(text.lines().all(|line| width(line) <= columns), "{columns}:\n{text}");
            assert!(consumers.iter().all(|name| text.contains(name.as_str())), "{text}");
        }
    }

    #[test]
    fn names_too_long_for_their_column_are_whole_and_push_the_rest_down() {
        let channel = "a-channel-with-a-name-that-is-much-longer-than-its-column-may-be";
        let producer = "a-service-with-a-very-long-name-indeed";
        let text = table(&graph(&format!("{producer} > {channel} > c\nx > y > z w v u")), 60, false);
        assert!(text.contains(channel) && text.contains(producer), "{text}");
        assert_eq!(text.lines().count(), 4, "{text}");
    }
}
