//! The graph as boxes and lines of text: producers, channels, consumers from left to right. It is for small graphs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::graph_text::{GraphStyle, Role, width};
use super::scene::{Scene, Setting};
use super::table::write_unconnected;
use crate::topology::{CheckRule, Graph, NodeIndex, NodeKind, Relation};

/// Lines of a box.
const HEIGHT: usize = 3;
/// Columns of a box beside its text.
const FRAME: usize = 4;

/// Columns that the picture takes.
#[must_use]
pub fn columns(graph: &Graph, style: &GraphStyle<'_>) -> usize {
    Plan::new(graph, style).width()
}

/// Writes all boxes and all lines. A line that leads over another one passes it; lines meet where they have a corner or a
/// branch. Services that use no channel are listed below.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph, style: &GraphStyle<'_>) -> io::Result<()> {
    Plan::new(graph, style).drawn(style).write(out, style)?;
    write_unconnected(out, graph, style)
}

/// One box in its column.
struct Item {
    node: NodeIndex,
    text: String,
    /// What is missing, after the text.
    missing: &'static str,
    /// The line of its text.
    row: usize,
}

/// Boxes above each other.
struct Pile {
    items: Vec<Item>,
    width: usize,
}

impl Pile {
    /// Every second column stands one line lower, so that what leaves and what arrives never share a line.
    fn new(nodes: Vec<NodeIndex>, first_row: usize, graph: &Graph, style: &GraphStyle<'_>) -> Self {
        let missing: BTreeMap<NodeIndex, &'static str> = graph
            .checks()
            .iter()
            .map(|check| match check.rule {
                CheckRule::NoProducer => (check.node, "no producer"),
                CheckRule::NoConsumer => (check.node, "no consumer"),
                CheckRule::Unused => (check.node, "unused"),
            })
            .collect();
        let item = |(number, node): (usize, NodeIndex)| Item {
            node,
            text: style.clean(&graph.label(node)),
            missing: missing.get(&node).copied().unwrap_or_default(),
            row: first_row + number * HEIGHT,
        };
        let items: Vec<Item> = nodes.into_iter().enumerate().map(item).collect();
        let none = width(style.glyphs().none);
        let needed = |item: &Item| {
            let more = if item.missing.is_empty() { 0 } else { width(item.missing) + none + 3 };
            width(&item.text) + more + FRAME
        };
        let width = items.iter().map(needed).max().unwrap_or(0);
        Self { items, width }
    }

    fn rows(&self) -> BTreeMap<NodeIndex, usize> {
        self.items.iter().map(|item| (item.node, item.row)).collect()
    }
}

/// A line down or up between two columns: everything that one box sends.
struct Track {
    from: usize,
    to: BTreeSet<usize>,
    column: usize,
}

impl Track {
    fn top(&self) -> usize {
        self.to.first().copied().unwrap_or(self.from).min(self.from)
    }

    fn bottom(&self) -> usize {
        self.to.last().copied().unwrap_or(self.from).max(self.from)
    }
}

/// The room between two columns of boxes.
struct Gutter {
    tracks: Vec<Track>,
    columns: usize,
}

impl Gutter {
    /// Tracks that do not touch share a column.
    fn new(edges: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut by_source: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (from, to) in edges {
            by_source.entry(from).or_default().insert(to);
        }
        let mut tracks: Vec<Track> =
            by_source.into_iter().map(|(from, to)| Track { from, to, column: 0 }).collect();
        tracks.sort_by_key(|track| (track.top(), track.from));
        let mut ends: Vec<usize> = Vec::new();
        for track in &mut tracks {
            let free = ends.iter().position(|end| *end + 1 < track.top());
            track.column = free.unwrap_or(ends.len());
            match free {
                Some(column) => ends[column] = track.bottom(),
                None => ends.push(track.bottom()),
            }
        }
        Self { tracks, columns: ends.len() }
    }

    fn width(&self) -> usize {
        if self.columns == 0 { 0 } else { 2 * self.columns + 4 }
    }
}

/// What stands where.
struct Plan {
    piles: [Pile; 3],
    gutters: [Gutter; 2],
}

impl Plan {
    fn new(graph: &Graph, style: &GraphStyle<'_>) -> Self {
        let [left, middle, right] = ordered(graph);
        let piles = [
            Pile::new(left, 2, graph, style),
            Pile::new(middle, 1, graph, style),
            Pile::new(right, 2, graph, style),
        ];
        let rows = [piles[0].rows(), piles[1].rows(), piles[2].rows()];
        let gutter = |relation: Relation, from: usize| {
            let edges = graph.flows().filter(move |edge| edge.relation == relation);
            Gutter::new(edges.filter_map(|edge| {
                Some((*rows[from].get(&edge.source)?, *rows[from + 1].get(&edge.target)?))
            }))
        };
        let gutters = [gutter(Relation::Sends, 0), gutter(Relation::Receives, 1)];
        Self { piles, gutters }
    }

    fn width(&self) -> usize {
        let boxes: usize = self.piles.iter().map(|pile| pile.width).sum();
        boxes + self.gutters.iter().map(Gutter::width).sum::<usize>()
    }

    fn drawn(&self, style: &GraphStyle<'_>) -> Canvas {
        let rows = self.piles.iter().filter_map(|pile| pile.items.last()).map(|item| item.row + 2).max();
        let mut canvas = Canvas::new(rows.unwrap_or(0), self.width(), style.ascii);
        let mut at = 0;
        for (number, pile) in self.piles.iter().enumerate() {
            let channels = number == 1;
            for item in &pile.items {
                canvas.frame(at, pile.width, item, channels, style);
            }
            at += pile.width;
            let Some(gutter) = self.gutters.get(number) else { break };
            canvas.lines(gutter, at);
            for track in &gutter.tracks {
                canvas.port(at - 1, track.from);
            }
            at += gutter.width();
        }
        canvas
    }
}

/// Producers, channels and consumers in the order of the picture with three columns.
fn ordered(graph: &Graph) -> [Vec<NodeIndex>; 3] {
    let scene = Scene::new(graph, Setting::Columns);
    let is_channel = |node: NodeIndex| graph.node(node).kind == NodeKind::Channel;
    let middle = scene.shapes.iter().find(|shape| shape.node.is_some_and(is_channel)).map(|shape| shape.x);
    let mut shapes: Vec<_> = scene.shapes.iter().filter_map(|shape| Some((shape, shape.node?))).collect();
    shapes.sort_by(|(one, _), (other, _)| one.y.total_cmp(&other.y));
    let uses =
        |node: NodeIndex| graph.outgoing(node).next().is_some() || graph.incoming(node).next().is_some();
    let mut piles = [Vec::new(), Vec::new(), Vec::new()];
    for (shape, node) in shapes {
        let column = match middle {
            _ if is_channel(node) => 1,
            Some(middle) if shape.x > middle => 2,
            _ => 0,
        };
        if column == 1 || uses(node) {
            piles[column].push(node);
        }
    }
    piles
}

/// Ways that lead out of a place.
const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// Lines and corners by the ways that lead out of them.
const CORNERS: [char; 16] = [' ', '│', '│', '│', '─', '┘', '┐', '┤', '─', '└', '┌', '├', '─', '┴', '┬', '┼'];

/// Characters at places; the second column of a wide one is empty.
struct Canvas {
    rows: Vec<Vec<(Role, String)>>,
    ascii: bool,
}

impl Canvas {
    fn new(rows: usize, columns: usize, ascii: bool) -> Self {
        Self { rows: vec![vec![(Role::Faint, " ".to_owned()); columns]; rows], ascii }
    }

    fn put(&mut self, column: usize, row: usize, role: Role, text: &str) {
        let cells = &mut self.rows[row];
        let (mut used, mut last) = (0, column);
        for (start, character) in text.char_indices() {
            // Characters that join with those before them take no columns of their own.
            let taken = if text.is_ascii() { used + 1 } else { width(&text[..start + character.len_utf8()]) };
            if taken <= used {
                cells[last].1.push(character);
                continue;
            }
            last = column + used;
            cells[last] = (role, character.to_string());
            cells[last + 1..column + taken].fill((role, String::new()));
            used = taken;
        }
    }

    fn frame(&mut self, at: usize, columns: usize, item: &Item, channel: bool, style: &GraphStyle<'_>) {
        let [top_left, top_right, low_left, low_right, across, side] = match (channel, self.ascii) {
            (false, false) => ["┌", "┐", "└", "┘", "─", "│"],
            (true, false) => ["╭", "╮", "╰", "╯", "─", "│"],
            (false, true) => ["+", "+", "+", "+", "-", "|"],
            (true, true) => [".", ".", "'", "'", "-", "|"],
        };
        let line = across.repeat(columns - 2);
        let role = if channel { Role::Channel } else { Role::Service };
        self.put(at, item.row - 1, Role::Faint, &format!("{top_left}{line}{top_right}"));
        self.put(at, item.row, Role::Faint, side);
        self.put(at + 2, item.row, role, &item.text);
        if !item.missing.is_empty() {
            let words = format!("{} {}", style.glyphs().none, item.missing);
            self.put(at + 4 + width(&item.text), item.row, Role::Alarm, &words);
        }
        self.put(at + columns - 1, item.row, Role::Faint, side);
        self.put(at, item.row + 1, Role::Faint, &format!("{low_left}{line}{low_right}"));
    }

    /// The place where a box sends from.
    fn port(&mut self, column: usize, row: usize) {
        let mark = if self.ascii { "+" } else { "├" };
        self.put(column, row, Role::Faint, mark);
    }

    fn lines(&mut self, gutter: &Gutter, at: usize) {
        let place = |track: &Track| at + 2 * track.column + 1;
        let mut ways: BTreeMap<(usize, usize), u8> = BTreeMap::new();
        let mut draw = |row: usize, column: usize, way: u8| *ways.entry((row, column)).or_default() |= way;
        let mut arrivals: BTreeMap<usize, usize> = BTreeMap::new();
        for track in &gutter.tracks {
            for row in track.top()..track.bottom() {
                draw(row, place(track), DOWN);
                draw(row + 1, place(track), UP);
            }
            for target in &track.to {
                let first = arrivals.entry(*target).or_insert(usize::MAX);
                *first = (*first).min(place(track));
            }
        }
        let tracks = &gutter.tracks;
        let passed = |row: usize, column: usize, meets: &dyn Fn(&Track) -> bool| {
            let is_there =
                |track: &&Track| place(track) == column && (track.top()..=track.bottom()).contains(&row);
            tracks.iter().find(is_there).is_some_and(|track| !meets(track))
        };
        let mut across = |row: usize, from: usize, to: usize, meets: &dyn Fn(&Track) -> bool| {
            for column in from..=to {
                // A line of somebody else goes over this one.
                if passed(row, column, meets) {
                    continue;
                }
                if column > from {
                    draw(row, column, LEFT);
                }
                if column < to {
                    draw(row, column, RIGHT);
                }
            }
        };
        for track in tracks {
            let from = at.saturating_sub(1);
            across(track.from, from, place(track), &|other| other.from == track.from);
        }
        let end = at + gutter.width() - 1;
        for (row, first) in &arrivals {
            across(*row, *first, end, &|track| track.to.contains(row));
        }
        for ((row, column), ways) in &ways {
            if (at..end).contains(column) {
                let mark = CORNERS[usize::from(*ways)];
                self.put(*column, *row, Role::Faint, &self.alphabet(mark).to_string());
            }
        }
        let tip = if self.ascii { ">" } else { "▶" };
        for row in arrivals.keys() {
            self.put(end, *row, Role::Faint, tip);
        }
    }

    fn alphabet(&self, mark: char) -> char {
        match mark {
            _ if !self.ascii => mark,
            '│' => '|',
            '─' => '-',
            ' ' => ' ',
            _ => '+',
        }
    }

    /// Runs of one role are painted together; nothing trails.
    fn write(self, out: &mut dyn Write, style: &GraphStyle<'_>) -> io::Result<()> {
        for row in self.rows {
            let used = row.iter().rposition(|(_, text)| text != " ").map_or(0, |last| last + 1);
            let mut cells = row.into_iter().take(used).peekable();
            while let Some((role, mut text)) = cells.next() {
                while let Some((_, more)) = cells.next_if(|(next, more)| *next == role || more == " ") {
                    text.push_str(&more);
                }
                write!(out, "{}", (style.paint)(role, &text))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{GraphStyle, columns, width, write};
    use crate::topology::Graph;
    use crate::topology::fixture::graph;

    fn style(ascii: bool) -> GraphStyle<'static> {
        GraphStyle { width: 80, ascii, paint: &|_, text| text.to_owned() }
    }

    fn drawn(graph: &Graph, ascii: bool) -> String {
        let mut out = Vec::new();
        write(&mut out, graph, &style(ascii)).expect("written");
        String::from_utf8(out).expect("text")
    }

    /// Where a line leads that leaves a box at a place: followed as an eye would.
    fn followed(lines: &[Vec<char>], row: usize, column: usize) -> Vec<usize> {
        let at = |row: usize, column: usize| {
            lines.get(row).and_then(|line| line.get(column)).copied().unwrap_or(' ')
        };
        let ways = |mark: char| super::CORNERS.iter().rposition(|corner| *corner == mark).unwrap_or(0);
        let (mut found, mut seen) = (Vec::new(), std::collections::BTreeSet::new());
        let mut going = vec![(row, column + 1, super::LEFT)];
        while let Some((row, column, from)) = going.pop() {
            let mark = at(row, column);
            if !seen.insert((row, column, from)) {
                continue;
            }
            if mark == '▶' {
                found.push(row);
                continue;
            }
            // A line that is gone over goes on behind it.
            let crossed = mark == '│' && from == super::LEFT;
            let open = u8::try_from(ways(mark)).expect("a way");
            let open = match from {
                super::LEFT if crossed || open & super::RIGHT > 0 => super::RIGHT,
                _ => open,
            };
            for (way, next) in [
                (super::UP, (row.wrapping_sub(1), column, super::DOWN)),
                (super::DOWN, (row + 1, column, super::UP)),
                (super::RIGHT, (row, column + 1, super::LEFT)),
            ] {
                if open & way > 0 && way != from {
                    going.push(next);
                }
            }
        }
        found.sort_unstable();
        found
    }

    #[test]
    fn ascii_has_nothing_else_and_wide_names_stay_in_their_boxes() {
        let text = drawn(&graph("größe > a > b\nlone"), true);
        assert!(text.is_ascii() && text.contains("lone  neither"), "{text}");
        let text = drawn(&graph("注文 > ordres > 請求書\nx > ordres > y"), false);
        let tops: Vec<&str> = text.lines().filter(|line| line.contains("注文")).collect();
        assert_eq!(tops.len(), 1);
        assert!(
            text.lines().all(|line| width(line)
                <= columns(&graph("注文 > ordres > 請求書\nx > ordres > y"), &style(false)))
        );
    }

    #[test]
    fn every_connection_can_be_followed_by_eye() {
        let lines: Vec<String> = (0..9)
            .map(|number| {
                format!(
                    "p{} p{} > c{number} > s{} s{}",
                    number % 4,
                    number * 7 % 5,
                    number * 5 % 6,
                    number * 3 % 6
                )
            })
            .collect();
        let graph = graph(&lines.join("\n"));
        let text = drawn(&graph, false);
        let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
        let plan = super::Plan::new(&graph, &style(false));
        let (mut connections, mut at) = (0, 0);
        for (pile, gutter) in plan.piles.iter().zip(&plan.gutters) {
            at += pile.width;
            let ports = gutter.tracks.iter().map(|track| followed(&lines, track.from, at - 1).len());
            connections += ports.sum::<usize>();
            at += gutter.width();
        }
        let different: std::collections::BTreeSet<_> =
            graph.flows().map(|edge| (edge.source, edge.target)).collect();
        assert_eq!(connections, different.len(), "\n{text}");
    }
}
