//! The graph as a picture in three columns: one file that needs no font, script or network.

mod geometry;
mod metrics;

use std::io::{self, Write};

use geometry::{Arrow, MARGIN, Picture, SMALL_SIZE, Shape};

use crate::topology::{CheckRule, Edge, Graph, Node, NodeIndex, NodeKind, Place, Relation};

/// Above so many arrows none gets a wider invisible twin to point at.
const POINTABLE: usize = 1_500;

const STYLE: &str = "\
svg{background:#ffffff}
text{font-family:Arial,'Liberation Sans',Helvetica,sans-serif;fill:#1b2733}
.name{font-size:13px}.small,.head{font-size:11px;fill:#5a6b7b}.head{letter-spacing:.08em}
.title{font-size:18px}.domain{font-size:12px;fill:#44566a}
.frame{fill:#f6f8fa;stroke:#dde3e9}
.service{fill:#e6f0fa;stroke:#2b6cb0}.channel{fill:#fff4dc;stroke:#b7791f}
.missing{stroke:#c53030;stroke-dasharray:5 3}.gone{fill:#c53030;font-size:11px}
.halo{stroke:#f6f8fa;stroke-width:4px;stroke-linejoin:round;paint-order:stroke}
.sends,.receives{fill:none;stroke-width:1.3;stroke-opacity:.75}.sends{stroke:#2b6cb0}.receives{stroke:#0f766e}
.tip-sends{fill:#2b6cb0}.tip-receives{fill:#0f766e}
.hit{fill:none;stroke:transparent;stroke-width:9}
g:hover>.sends,g:hover>.receives{stroke-width:3;stroke-opacity:1}
@media (prefers-color-scheme:dark){
svg{background:#10161d}.page{fill:#10161d}
text{fill:#e4eaf0}.small,.head{fill:#9fb0c0}.domain{fill:#b4c2d0}
.frame{fill:#17202a;stroke:#2b3845}
.service{fill:#17324d;stroke:#6aa9e9}.channel{fill:#3a2d12;stroke:#e0aa4e}
.missing{stroke:#ff8a80}.gone{fill:#ff8a80}.halo{stroke:#17202a}
.sends{stroke:#6aa9e9}.receives{stroke:#4fd1b5}.tip-sends{fill:#6aa9e9}.tip-receives{fill:#4fd1b5}
}
";

/// Writes the picture; `title` stands at its top.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph, title: &str) -> io::Result<()> {
    let picture = Picture::new(graph);
    let drawing = Drawing { graph, picture: &picture };
    drawing.open(out, title)?;
    drawing.frames(out)?;
    for arrow in &picture.arrows {
        drawing.arrow(out, arrow)?;
    }
    for (side, shapes) in picture.shapes.iter().enumerate() {
        for shape in shapes {
            drawing.shape(out, shape, side)?;
        }
    }
    drawing.legend(out)?;
    writeln!(out, "</svg>")
}

struct Drawing<'a> {
    graph: &'a Graph,
    picture: &'a Picture,
}

impl Drawing<'_> {
    fn open(&self, out: &mut dyn Write, title: &str) -> io::Result<()> {
        let (width, height) = (self.picture.width, self.picture.height);
        let title = escaped(&metrics::fit(title, 18.0, width - 2.0 * MARGIN));
        let counts =
            [(NodeKind::Service, "service"), (NodeKind::Channel, "channel"), (NodeKind::Message, "message")]
                .map(|(kind, word)| match self.graph.count(kind) {
                    1 => format!("1 {word}"),
                    count => format!("{count} {word}s"),
                })
                .join(", ");
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\" role=\"graphics-document document\" \
             aria-labelledby=\"topology-title topology-counts\">"
        )?;
        writeln!(out, "<title id=\"topology-title\">{title}</title>")?;
        writeln!(out, "<desc id=\"topology-counts\">{counts}; arrows point the way the events go</desc>")?;
        writeln!(out, "<style>\n{STYLE}</style>")?;
        writeln!(out, "<defs>")?;
        for relation in [Relation::Sends, Relation::Receives] {
            let word = relation.word();
            writeln!(
                out,
                "<marker id=\"tip-{word}\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" markerWidth=\"8\" \
                 markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
                 <path class=\"tip-{word}\" d=\"M0 .5L8 4L0 7.5z\"/></marker>"
            )?;
        }
        writeln!(out, "</defs>")?;
        writeln!(out, "<rect class=\"page\" width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>")?;
        writeln!(out, "<text class=\"title\" x=\"{MARGIN}\" y=\"36\">{title}</text>")?;
        writeln!(out, "<text class=\"small\" x=\"{MARGIN}\" y=\"55\">{counts}</text>")?;
        for (heading, (x, width)) in ["PRODUCERS", "CHANNELS", "CONSUMERS"].iter().zip(self.picture.columns) {
            let middle = x + width / 2.0;
            writeln!(
                out,
                "<text class=\"head\" x=\"{middle:.1}\" y=\"84\" text-anchor=\"middle\">{heading}</text>"
            )?;
        }
        Ok(())
    }

    fn frames(&self, out: &mut dyn Write) -> io::Result<()> {
        let several = self.picture.frames.iter().any(|frame| !frame.domain.is_empty());
        for frame in self.picture.frames.iter().filter(|_| several) {
            let width = self.picture.width - 2.0 * MARGIN;
            let (y, height) = (frame.y, frame.height);
            writeln!(
                out,
                "<rect class=\"frame\" x=\"{MARGIN}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"8\"/>"
            )?;
            let domain = if frame.domain.is_empty() { "no domain" } else { &frame.domain };
            let (x, y) = (MARGIN + 12.0, frame.y + 19.0);
            writeln!(out, "<text class=\"domain\" x=\"{x}\" y=\"{y:.1}\">{}</text>", escaped(domain))?;
        }
        Ok(())
    }

    fn arrow(&self, out: &mut dyn Write, arrow: &Arrow) -> io::Result<()> {
        let edge = &self.graph.edges[arrow.edge];
        let ((x, y), (to_x, to_y)) = (arrow.from, arrow.to);
        let bend = (to_x - x) * 0.5;
        let line =
            format!("M{x:.1} {y:.1}C{:.1} {y:.1} {:.1} {to_y:.1} {to_x:.1} {to_y:.1}", x + bend, to_x - bend);
        let word = edge.relation.word();
        write!(out, "<g><title>{}</title>", escaped(&self.edge_words(edge)))?;
        if self.picture.arrows.len() <= POINTABLE {
            write!(out, "<path class=\"hit\" d=\"{line}\"/>")?;
        }
        writeln!(out, "<path class=\"{word}\" d=\"{line}\" marker-end=\"url(#tip-{word})\"/></g>")
    }

    fn edge_words(&self, edge: &Edge) -> String {
        let (source, target) = (self.graph.label(edge.source), self.graph.label(edge.target));
        let messages: Vec<String> =
            edge.messages.iter().map(|message| self.graph.label(*message).into_owned()).collect();
        let what = if messages.is_empty() { String::new() } else { format!(" {}", messages.join(", ")) };
        let first = match edge.relation {
            Relation::Sends => format!("{source} sends{what} to {target}"),
            _ => format!("{target} receives{what} from {source}"),
        };
        let places = edge.evidence.iter().map(|evidence| self.place(&evidence.place));
        std::iter::once(first).chain(places).collect::<Vec<_>>().join("\n")
    }

    fn place(&self, place: &Place) -> String {
        format!("{}:{} #{}", self.graph.sources[place.source].path, place.line, place.pointer)
    }

    fn shape(&self, out: &mut dyn Write, shape: &Shape, side: usize) -> io::Result<()> {
        let node = self.graph.node(shape.node);
        let id = match side {
            0 => node.id.replacen("service:", "producer:", 1),
            1 => node.id.clone(),
            _ => node.id.replacen("service:", "consumer:", 1),
        };
        let label = format!("{} {}", if side == 1 { "channel" } else { "service" }, node.name);
        writeln!(
            out,
            "<g id=\"{}\" role=\"graphics-symbol\" aria-label=\"{}\"><title>{}</title>",
            escaped(&id),
            escaped(&label),
            escaped(&self.node_words(node, shape.node))
        )?;
        let (x, y, width, height) = (shape.x, shape.y, shape.width, shape.height);
        let class = match (side, shape.missing) {
            (1, None) => "channel",
            (1, Some(_)) => "channel missing",
            _ => "service",
        };
        let radius = if side == 1 { height / 2.0 } else { 5.0 };
        writeln!(
            out,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{radius}\"/>"
        )?;
        let middle = x + width / 2.0;
        let baseline = y + if shape.small.is_some() { 19.0 } else { 20.5 };
        let name = escaped(&shape.name);
        writeln!(
            out,
            "<text class=\"name\" x=\"{middle:.1}\" y=\"{baseline:.1}\" text-anchor=\"middle\">{name}</text>"
        )?;
        if let Some(small) = &shape.small {
            let (baseline, small) = (y + 35.0, escaped(small));
            writeln!(
                out,
                "<text class=\"small\" x=\"{middle:.1}\" y=\"{baseline:.1}\" text-anchor=\"middle\">{small}</text>"
            )?;
        }
        Self::missing(out, shape)?;
        writeln!(out, "</g>")
    }

    /// Words beside a channel that lacks an end.
    fn missing(out: &mut dyn Write, shape: &Shape) -> io::Result<()> {
        let Some(rule) = shape.missing else { return Ok(()) };
        let baseline = shape.middle() + 4.0;
        if rule != CheckRule::NoProducer {
            let x = shape.x + shape.width + 8.0;
            writeln!(out, "<text class=\"gone halo\" x=\"{x:.1}\" y=\"{baseline:.1}\">∅ no consumer</text>")?;
        }
        if rule != CheckRule::NoConsumer {
            let x = shape.x - 8.0;
            writeln!(
                out,
                "<text class=\"gone halo\" x=\"{x:.1}\" y=\"{baseline:.1}\" text-anchor=\"end\">∅ no producer</text>"
            )?;
        }
        Ok(())
    }

    fn node_words(&self, node: &Node, index: NodeIndex) -> String {
        let mut lines = vec![node.name.clone()];
        lines.extend(node.title.clone().filter(|title| *title != node.name));
        lines.extend(node.version.as_ref().map(|version| format!("version {version}")));
        lines.extend(node.protocol.as_ref().map(|protocol| format!("protocol {protocol}")));
        lines.extend(node.domain.as_ref().map(|domain| format!("domain {domain}")));
        lines.extend((!node.owners.is_empty()).then(|| format!("owned by {}", node.owners.join(", "))));
        let messages: Vec<String> =
            self.graph.messages(index).map(|message| self.graph.label(message).into_owned()).collect();
        lines.extend((!messages.is_empty()).then(|| format!("carries {}", messages.join(", "))));
        lines.extend(node.defined_at.iter().map(|place| self.place(place)));
        lines.join("\n")
    }

    fn legend(&self, out: &mut dyn Write) -> io::Result<()> {
        let y = self.picture.height - 34.0;
        let line = y - 4.0;
        let mut x = MARGIN;
        for (class, text) in
            [("service", "service"), ("channel", "channel"), ("channel missing", "one end missing")]
        {
            let radius = if class == "service" { 3 } else { 7 };
            let top = y - 11.0;
            writeln!(
                out,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"26\" height=\"14\" rx=\"{radius}\"/>"
            )?;
            x += 32.0;
            writeln!(out, "<text class=\"small\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>")?;
            x += metrics::text_width(text, SMALL_SIZE) + 18.0;
        }
        for word in ["sends", "receives"] {
            let end = x + 28.0;
            writeln!(
                out,
                "<path class=\"{word}\" d=\"M{x:.1} {line:.1}H{end:.1}\" marker-end=\"url(#tip-{word})\"/>"
            )?;
            x += 34.0;
            writeln!(out, "<text class=\"small\" x=\"{x:.1}\" y=\"{y:.1}\">{word}</text>")?;
            x += metrics::text_width(word, SMALL_SIZE) + 18.0;
        }
        Ok(())
    }
}

/// Text that is safe in XML: markup escaped, characters XML 1.0 does not know replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push('\n'),
            control if control.is_control() || matches!(control, '\u{fffe}' | '\u{ffff}') => {
                escaped.push(' ');
            }
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{escaped, write};
    use crate::topology::Graph;
    use crate::topology::fixture::{graph, shop};

    fn picture(graph: &Graph) -> String {
        let mut out = Vec::new();
        write(&mut out, graph, "shop").expect("written");
        String::from_utf8(out).expect("text")
    }

    /// Boxes as x, y, width, height.
    fn boxes(svg: &str) -> Vec<[f64; 4]> {
        let drawn = svg.lines().filter(|line| {
            line.starts_with("<rect class=\"service") || line.starts_with("<rect class=\"channel")
        });
        let number = |line: &str, name: &str| {
            let start = line.find(&format!(" {name}=\"")).expect("attribute") + name.len() + 3;
            line[start..].split('"').next().and_then(|text| text.parse().ok()).expect("number")
        };
        drawn.map(|line| ["x", "y", "width", "height"].map(|name| number(line, name))).collect()
    }

    fn assert_apart(svg: &str) {
        let boxes = boxes(svg);
        for (number, [x, y, width, height]) in boxes.iter().enumerate() {
            for [other_x, other_y, other_width, other_height] in &boxes[..number] {
                let aside = x + width <= *other_x || other_x + other_width <= *x;
                let above = y + height <= *other_y || other_y + other_height <= *y;
                assert!(aside || above, "two boxes overlap at {x},{y} and {other_x},{other_y}");
            }
        }
    }

    #[test]
    fn boxes_never_overlap_and_every_edge_is_drawn() {
        let mut lines = String::new();
        for channel in 0..60 {
            let consumers: Vec<String> = (0..4).map(|n| format!("s{}", (channel * 7 + n * 5) % 20)).collect();
            let (producer, domain) = (channel * 3 % 20, channel % 3);
            lines.extend([format!("s{producer}@d{domain} > c{channel} [m] > {}\n", consumers.join(" "))]);
        }
        for graph in [shop(), graph(&lines), graph("lone")] {
            let svg = picture(&graph);
            assert_apart(&svg);
            let arrows = svg.matches("</title><path class=\"").count();
            assert_eq!(arrows, graph.flows().count());
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        }
    }

    #[test]
    fn equal_graphs_give_equal_pictures() {
        assert_eq!(picture(&shop()), picture(&shop()));
    }

    #[test]
    fn names_cannot_break_out_of_the_text() {
        let svg = picture(&graph("a<script> > b&\"c > d"));
        assert!(
            !svg.contains("<script>") && svg.contains("a&lt;script&gt;") && svg.contains("b&amp;&quot;c")
        );
        assert_eq!(escaped("\u{7}a"), " a");
    }

    #[test]
    fn channels_without_an_end_say_so() {
        let svg = picture(&shop());
        assert!(svg.contains(">∅ no consumer<") && svg.contains(">∅ no producer<"));
    }
}
