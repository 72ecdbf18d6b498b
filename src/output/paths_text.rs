//! Ways through the graph, one line each.

use std::io::{self, Write};

use super::graph_text::{GraphStyle, Role};
use crate::topology::{Graph, NodeIndex, NodeKind};

/// Writes each way with arrows between its services and channels.
///
/// # Errors
/// Those of `out`.
pub fn write(
    out: &mut dyn Write,
    graph: &Graph,
    paths: &[Vec<NodeIndex>],
    style: &GraphStyle<'_>,
) -> io::Result<()> {
    for path in paths {
        for (number, node) in path.iter().enumerate() {
            if number > 0 {
                write!(out, " {} ", (style.paint)(Role::Faint, style.glyphs().right))?;
            }
            let name = style.clean(&graph.label(*node));
            let (role, text) = match graph.node(*node).kind {
                NodeKind::Service => (Role::Service, format!("[{name}]")),
                NodeKind::Channel => (Role::Channel, format!("({name})")),
                NodeKind::Message => (Role::Message, format!("{} {name}", style.glyphs().message)),
            };
            write!(out, "{}", (style.paint)(role, &text))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{GraphStyle, write};
    use crate::topology::fixture::shop;

    #[test]
    fn a_way_is_a_line() {
        let shop = shop();
        let (from, to) = (shop.find("stock").expect("stock"), shop.find("invoices/issued").expect("channel"));
        let paths = shop.paths(from, to, true, 9);
        let mut out = Vec::new();
        let style = GraphStyle { width: 80, ascii: true, paint: &|_, text| text.to_owned() };
        write(&mut out, &shop, &paths.found, &style).expect("written");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "[stock] -> (stock/reserved) -> [billing] -> (invoices/issued)\n");
    }
}
