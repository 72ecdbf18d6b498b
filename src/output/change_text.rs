//! The difference of two graphs for a terminal: one line per thing that changed, and what it takes from whom.

use std::io::{self, Write};

use super::graph_text::{GraphStyle, Role, width};
use crate::topology::difference::{Alteration, Difference};
use crate::topology::{Change, Edge, NodeIndex, NodeKind, Relation};

/// Writes services, channels and messages, then connections, then consumers that are left without a source; marks are
/// `+` added, `-` removed, `~` different, `!` left without a source.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, difference: &Difference, style: &GraphStyle<'_>) -> io::Result<()> {
    let graph = &difference.graph;
    let mut rows: Vec<(Change, &str, String, Role)> = Vec::new();
    for (number, node) in graph.nodes.iter().enumerate() {
        let (Some(change), index) = (node.change, NodeIndex(number)) else { continue };
        let (kind, role) = match node.kind {
            NodeKind::Service => ("service", Role::Service),
            NodeKind::Channel => ("channel", Role::Channel),
            NodeKind::Message => ("message", Role::Message),
        };
        rows.push((change, kind, style.clean(&graph.label(index)), role));
        let alterations = difference.nodes.get(&node.id).map_or(&[][..], Vec::as_slice);
        if let Some(row) = rows.last_mut() {
            row.2.push('\u{0}');
            row.2.push_str(&words(alterations, style));
        }
    }
    let names = rows.iter().map(|(_, _, text, _)| width(text.split('\u{0}').next().unwrap_or_default()));
    let widest = names.max().unwrap_or(0).min(48);
    for (change, kind, text, role) in &rows {
        let (name, more) = text.split_once('\u{0}').unwrap_or((text, ""));
        let gap = " ".repeat(widest.saturating_sub(width(name)) + 2);
        let mark = mark(*change, style);
        let name = (style.paint)(*role, name);
        let line = format!("{mark} {kind}  {name}{gap}{}", (style.paint)(Role::Faint, more));
        writeln!(out, "{}", line.trim_end())?;
    }
    let changed: Vec<&Edge> = graph.flows().filter(|edge| edge.change.is_some()).collect();
    if !rows.is_empty() && !changed.is_empty() {
        writeln!(out)?;
    }
    for edge in changed {
        connection(out, difference, edge, style)?;
    }
    if !difference.starved.is_empty() {
        writeln!(out)?;
    }
    for starved in &difference.starved {
        let name = |index: NodeIndex, role: Role| (style.paint)(role, &style.clean(&graph.label(index)));
        let consumer = name(starved.consumer, Role::Service);
        let channel = name(starved.channel, Role::Channel);
        let what = starved.message.map_or_else(
            || format!("from ({channel}), to which nobody sends any more"),
            |message| {
                let message = name(message, Role::Message);
                format!("{message} from ({channel}), which nobody sends there any more")
            },
        );
        writeln!(out, "{} {consumer} still receives {what}", (style.paint)(Role::Alarm, "!"))?;
    }
    Ok(())
}

fn connection(
    out: &mut dyn Write,
    difference: &Difference,
    edge: &Edge,
    style: &GraphStyle<'_>,
) -> io::Result<()> {
    let graph = &difference.graph;
    let name = |index: NodeIndex| {
        let name = style.clean(&graph.label(index));
        match graph.node(index).kind {
            NodeKind::Channel => format!("({})", (style.paint)(Role::Channel, &name)),
            _ => (style.paint)(Role::Service, &name),
        }
    };
    let arrow = (style.paint)(Role::Faint, style.glyphs().right);
    let change = edge.change.unwrap_or(Change::Modified);
    let more = words(difference.of_edge(edge), style);
    let gap = if more.is_empty() { "" } else { "  " };
    let (source, target) = (name(edge.source), name(edge.target));
    debug_assert_ne!(edge.relation, Relation::Carries);
    writeln!(
        out,
        "{} {source} {arrow} {target}{gap}{}",
        mark(change, style),
        (style.paint)(Role::Faint, &more)
    )
}

fn mark(change: Change, style: &GraphStyle<'_>) -> String {
    match change {
        Change::Added => (style.paint)(Role::Service, "+"),
        Change::Removed => (style.paint)(Role::Alarm, "-"),
        Change::Modified | Change::Versioned => (style.paint)(Role::Channel, "~"),
    }
}

fn words(alterations: &[Alteration], style: &GraphStyle<'_>) -> String {
    let arrow = if style.ascii { "->" } else { "→" };
    let shown = |text: &str| if text.is_empty() { "nothing".to_owned() } else { style.clean(text) };
    let word = |alteration: &Alteration| match alteration.member {
        // Descriptions are long; that they differ is enough here, the JSON has both.
        "description" => "description".to_owned(),
        member => format!("{member} {} {arrow} {}", shown(&alteration.before), shown(&alteration.after)),
    };
    alterations.iter().map(word).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::write;
    use crate::output::graph_text::GraphStyle;
    use crate::topology::difference::Difference;
    use crate::topology::fixture::graph;

    #[test]
    fn each_change_has_a_line() {
        let difference =
            Difference::new(&graph("a > x > b\na > y > c"), &graph("a@new > x > b d\n- > y > c"));
        let style = GraphStyle { width: 80, ascii: true, paint: &|_, text| text.to_owned() };
        let mut out = Vec::new();
        write(&mut out, &difference, &style).expect("written");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "~ service  a  domain nothing -> new\n+ service  d\n\n- a -> (y)\n+ (x) -> d\n\n\
             ! c still receives from (y), to which nobody sends any more\n"
        );
    }
}
