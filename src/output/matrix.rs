//! The graph as a matrix: how many channels lead from each domain to each other, or from service to service.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::graph_text::{GraphStyle, Role, width};
use crate::topology::{CheckRule, Domains, Graph, NodeIndex, NodeKind};

/// Columns between two cells.
const GAP: usize = 2;

/// Writes a row for each that sends and a column for each that receives. What is too wide is written in several blocks;
/// channels that stand in no cell are counted below.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph, style: &GraphStyle<'_>) -> io::Result<()> {
    let matrix = Matrix::new(graph, style);
    let paint = style.paint;
    let what = if matrix.of_domains { "domain" } else { "service" };
    let title = format!("channels from each {what} (row) to each {what} (column)");
    writeln!(out, "{}", paint(Role::Faint, &title))?;
    let names = matrix.row_names();
    let left = names.iter().map(|name| width(name)).max().unwrap_or(0);
    for block in matrix.blocks(style.width.saturating_sub(left)) {
        writeln!(out)?;
        write!(out, "{:left$}", "")?;
        for column in &block {
            write!(out, "{}", paint(Role::Heading, &right(&column.head, column.width + GAP)))?;
        }
        writeln!(out)?;
        for (row, name) in names.iter().enumerate() {
            write!(out, "{}{:fill$}", paint(Role::Heading, name), "", fill = left - width(name))?;
            for column in &block {
                let count = matrix.cells.get(&(row, column.number)).copied().unwrap_or(0);
                let (role, text) = match count {
                    0 => (Role::Faint, style.glyphs().dot.to_owned()),
                    count => (Role::Channel, count.to_string()),
                };
                write!(out, "{}", paint(role, &right(&text, column.width + GAP)))?;
            }
            writeln!(out)?;
        }
    }
    rest(out, graph, style)
}

/// Channels that lead from nobody or to nobody.
fn rest(out: &mut dyn Write, graph: &Graph, style: &GraphStyle<'_>) -> io::Result<()> {
    let checks = graph.checks();
    let with = |rule: CheckRule| checks.iter().filter(|check| check.rule == rule).count();
    let kinds = [
        (CheckRule::NoProducer, "without a producer"),
        (CheckRule::NoConsumer, "without a consumer"),
        (CheckRule::Unused, "unused"),
    ];
    let words: Vec<String> = kinds
        .iter()
        .filter(|(rule, _)| with(*rule) > 0)
        .map(|(rule, words)| format!("{} {words}", with(*rule)))
        .collect();
    if words.is_empty() {
        return Ok(());
    }
    let line = format!("in no cell: channels {}", words.join(", "));
    writeln!(out, "\n{}", (style.paint)(Role::Alarm, &line))
}

fn right(text: &str, columns: usize) -> String {
    format!("{:fill$}{text}", "", fill = columns.saturating_sub(width(text)))
}

/// A column as it is written.
struct Column {
    number: usize,
    head: String,
    width: usize,
}

struct Matrix {
    of_domains: bool,
    names: Vec<String>,
    /// Channels by row and column.
    cells: BTreeMap<(usize, usize), usize>,
    /// Whether columns are headed by the numbers of their rows.
    numbered: bool,
}

impl Matrix {
    fn new(graph: &Graph, style: &GraphStyle<'_>) -> Self {
        let domains = Domains::new(graph);
        let of_domains = domains.all.len() > 1;
        let (names, cells) = if of_domains {
            let name = |name: &Option<String>| style.clean(name.as_deref().unwrap_or("no domain"));
            let names = domains.all.iter().map(|domain| name(&domain.name)).collect();
            (names, domains.flows.iter().map(|flow| ((flow.from, flow.to), flow.channels)).collect())
        } else {
            of_services(graph, style)
        };
        let mut matrix = Self { of_domains, names, cells, numbered: false };
        let left = matrix.names.iter().map(|name| width(name)).max().unwrap_or(0);
        let all: usize = matrix.columns().iter().map(|column| column.width + GAP).sum();
        matrix.numbered = left + all > style.width;
        matrix
    }

    fn row_names(&self) -> Vec<String> {
        let digits = self.names.len().to_string().len();
        let name = |(number, name): (usize, &String)| {
            if self.numbered { format!("{:>digits$} {name}", number + 1) } else { name.clone() }
        };
        self.names.iter().enumerate().map(name).collect()
    }

    fn columns(&self) -> Vec<Column> {
        let column = |(number, name): (usize, &String)| {
            let head = if self.numbered { (number + 1).to_string() } else { name.clone() };
            let counts = (0..self.names.len()).filter_map(|row| self.cells.get(&(row, number)));
            let widest = counts.map(|count| count.to_string().len()).max().unwrap_or(1);
            Column { number, width: width(&head).max(widest), head }
        };
        self.names.iter().enumerate().map(column).collect()
    }

    /// Columns that fit beside each other; one at least, however narrow it is.
    fn blocks(&self, columns: usize) -> Vec<Vec<Column>> {
        let mut blocks: Vec<Vec<Column>> = Vec::new();
        let mut used = 0;
        for column in self.columns() {
            let needed = column.width + GAP;
            if blocks.is_empty() || used + needed > columns {
                blocks.push(Vec::new());
                used = 0;
            }
            used += needed;
            if let Some(block) = blocks.last_mut() {
                block.push(column);
            }
        }
        blocks
    }
}

/// Where there is only one domain, services are told apart.
fn of_services(graph: &Graph, style: &GraphStyle<'_>) -> (Vec<String>, BTreeMap<(usize, usize), usize>) {
    let services: Vec<NodeIndex> = graph.of_kind(NodeKind::Service).collect();
    let numbers: BTreeMap<NodeIndex, usize> =
        services.iter().enumerate().map(|(number, index)| (*index, number)).collect();
    let mut cells = BTreeMap::new();
    for channel in graph.of_kind(NodeKind::Channel) {
        let to: BTreeSet<NodeIndex> = graph.consumers(channel).collect();
        for from in graph.producers(channel).collect::<BTreeSet<NodeIndex>>() {
            for to in &to {
                *cells.entry((numbers[&from], numbers[to])).or_default() += 1;
            }
        }
    }
    (services.iter().map(|index| style.clean(&graph.label(*index))).collect(), cells)
}

#[cfg(test)]
mod tests {
    use super::{GraphStyle, width, write};
    use crate::topology::Graph;
    use crate::topology::fixture::{graph, shop};

    fn matrix(graph: &Graph, width: usize, ascii: bool) -> String {
        let mut out = Vec::new();
        write(&mut out, graph, &GraphStyle { width, ascii, paint: &|_, text| text.to_owned() })
            .expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn domains_are_rows_and_columns() {
        let expected = "\
channels from each domain (row) to each domain (column)

       goods  money  sales
goods      ·      1      1
money      ·      ·      1
sales      1      2      ·

in no cell: channels 1 without a producer, 1 without a consumer
";
        assert_eq!(matrix(&shop(), 80, false), expected);
    }

    #[test]
    fn without_domains_services_are() {
        let text = matrix(&graph("web > a > billing mail\nweb > b > mail"), 80, true);
        let expected = "\
channels from each service (row) to each service (column)

         billing  mail  web
billing        -     -    -
mail           -     -    -
web            1     2    -
";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_too_wide_is_numbered_and_then_written_in_blocks() {
        let lines: Vec<String> = (0..60)
            .map(|number| format!("service-{number} > c{number} > service-{}", (number + 1) % 60))
            .collect();
        let graph = graph(&lines.join("\n"));
        for columns in [40, 80, 120] {
            let text = matrix(&graph, columns, false);
            assert!(text.lines().skip(1).all(|line| width(line) <= columns), "{columns}:\n{text}");
            let cells: usize = text
                .lines()
                .skip(2)
                .filter_map(|line| line.split_once("service-"))
                .map(|(_, rest)| rest.split_whitespace().skip(1).filter(|cell| *cell != "·").count())
                .sum();
            assert_eq!(cells, 60, "{columns}: every cell is there once\n{text}");
        }
    }
}
