//! The graph as a picture: one file that needs no font, script or network.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use super::scene::{
    Arrow, BoxKind, MARGIN, SMALL_SIZE, Scene, Setting, Shape, counted, metrics, node_words, thickness,
};
use super::visible::is_hidden;
use crate::topology::drift::Verdict;
use crate::topology::{Change, CheckRule, Graph, NodeKind, Relation};

/// Above so many arrows none gets words and a wider invisible twin to point at.
const POINTABLE: usize = 1_500;

const STYLE: &str = "\
svg{background:#ffffff}
text{font-family:Arial,'Liberation Sans',Helvetica,sans-serif;fill:#1b2733}
.name{font-size:13px}.small,.head{font-size:11px;fill:#5a6b7b}.head{letter-spacing:.08em}
.title{font-size:18px}.domain{font-size:12px;fill:#44566a}
.frame{fill:#f6f8fa;stroke:#dde3e9}
.service{fill:#e6f0fa;stroke:#2b6cb0}.channel{fill:#fff4dc;stroke:#b7791f}
.domain-box{fill:#eef2f7;stroke:#44566a}.missing{stroke:#c53030;stroke-dasharray:5 3}.gone{fill:#c53030;font-size:11px}
.halo{stroke:#f6f8fa;stroke-width:4px;stroke-linejoin:round;paint-order:stroke}
.sends,.receives{fill:none;stroke-width:1.3;stroke-opacity:.75}.sends{stroke:#2b6cb0;marker-end:url(#tip-sends)}.receives{stroke:#0f766e;marker-end:url(#tip-receives)}
.back{stroke-dasharray:6 4}
.added{stroke:#00796b;stroke-width:3;stroke-opacity:1}.removed{stroke:#c2410c;stroke-width:2;stroke-dasharray:3 4;stroke-opacity:1}.modified{stroke:#7b3fa0;stroke-width:3;stroke-dasharray:10 3 2 3;stroke-opacity:1}
.undocumented{stroke:#b45309;stroke-width:2.6;stroke-opacity:1}.absent{stroke:#c53030;stroke-width:2;stroke-dasharray:2 4;stroke-opacity:1}.unseen{stroke-dasharray:1.5 3.5}
.tip-sends{fill:#2b6cb0}.tip-receives{fill:#0f766e}
.hit{fill:none;stroke:transparent;stroke-width:9}
g:hover>.sends,g:hover>.receives{stroke-width:3;stroke-opacity:1}
@media (prefers-color-scheme:dark){
svg{background:#10161d}.page{fill:#10161d}
text{fill:#e4eaf0}.small,.head{fill:#9fb0c0}.domain{fill:#b4c2d0}
.frame{fill:#17202a;stroke:#2b3845}
.service{fill:#17324d;stroke:#6aa9e9}.channel{fill:#3a2d12;stroke:#e0aa4e}
.domain-box{fill:#1f2b38;stroke:#9fb0c0}.missing{stroke:#ff8a80}.gone{fill:#ff8a80}.halo{stroke:#17202a}
.sends{stroke:#6aa9e9}.receives{stroke:#4fd1b5}.added{stroke:#4fd1b5}.removed{stroke:#ffab70}.modified{stroke:#d2a8ff}.undocumented{stroke:#fbbf24}.absent{stroke:#ff8a80}.tip-sends{fill:#6aa9e9}.tip-receives{fill:#4fd1b5}
}
";

/// Writes the picture in a setting; `title` stands at its top.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph, title: &str, setting: Setting) -> io::Result<()> {
    let scene = Scene::new(graph, setting);
    let drawing = Drawing { graph, scene: &scene };
    drawing.open(out, title)?;
    drawing.frames(out)?;
    for arrow in &scene.arrows {
        drawing.arrow(out, arrow)?;
    }
    for shape in &scene.shapes {
        drawing.shape(out, shape)?;
    }
    drawing.legend(out)?;
    writeln!(out, "</svg>")
}

struct Drawing<'a> {
    graph: &'a Graph,
    scene: &'a Scene,
}

impl Drawing<'_> {
    fn open(&self, out: &mut dyn Write, title: &str) -> io::Result<()> {
        let (width, height) = (self.scene.width, self.scene.height);
        let title = escaped(&metrics::fit(title, 18.0, width - 2.0 * MARGIN));
        let counts =
            [(NodeKind::Service, "service"), (NodeKind::Channel, "channel"), (NodeKind::Message, "message")]
                .map(|(kind, word)| counted(self.graph.count(kind), word))
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
        for (heading, middle) in &self.scene.headings {
            writeln!(
                out,
                "<text class=\"head\" x=\"{middle:.1}\" y=\"84\" text-anchor=\"middle\">{heading}</text>"
            )?;
        }
        Ok(())
    }

    fn frames(&self, out: &mut dyn Write) -> io::Result<()> {
        for frame in &self.scene.frames {
            let [x, y, width, height] = frame.place;
            writeln!(
                out,
                "<rect class=\"frame\" x=\"{x}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"8\"/>"
            )?;
            let domain = if frame.domain.is_empty() { "no domain" } else { &frame.domain };
            let (x, y) = (x + 12.0, y + 19.0);
            writeln!(out, "<text class=\"domain\" x=\"{x}\" y=\"{y:.1}\">{}</text>", escaped(domain))?;
        }
        Ok(())
    }

    fn arrow(&self, out: &mut dyn Write, arrow: &Arrow) -> io::Result<()> {
        let mut class = arrow.relation.word().to_owned();
        if arrow.backward {
            class.push_str(" back");
        }
        if let Some(change) = arrow.change {
            class.push(' ');
            class.push_str(change_class(change));
        } else if let Some(style) = arrow.verdict.and_then(verdict_class) {
            class.push(' ');
            class.push_str(style);
        }
        let line = way(&arrow.points);
        if self.scene.arrows.len() > POINTABLE {
            return writeln!(out, "<path class=\"{class}\" d=\"{line}\"/>");
        }
        let words = escaped(&self.scene.arrow_words(self.graph, arrow));
        let width = match arrow.weight {
            0 | 1 => String::new(),
            weight => format!(" style=\"stroke-width:{:.1}px\"", thickness(weight)),
        };
        writeln!(
            out,
            "<g><title>{words}</title><path class=\"hit\" d=\"{line}\"/><path class=\"{class}\"{width} d=\"{line}\"/></g>"
        )
    }

    fn shape(&self, out: &mut dyn Write, shape: &Shape) -> io::Result<()> {
        let kind = match shape.kind {
            BoxKind::Service => "service",
            BoxKind::Channel => "channel",
            BoxKind::Domain => "domain-box",
        };
        let words = match shape.node {
            Some(node) => node_words(self.graph, node),
            None => [Some(shape.name.clone()), shape.small.clone()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("\n"),
        };
        let spoken = match shape.node {
            Some(node) => format!("{kind} {}", self.graph.node(node).name),
            None => format!("domain {}", shape.name),
        };
        writeln!(
            out,
            "<g id=\"{}\" role=\"graphics-symbol\" aria-label=\"{}\"><title>{}</title>",
            escaped(&shape.id),
            escaped(&spoken),
            escaped(&words)
        )?;
        let (x, y, width, height) = (shape.x, shape.y, shape.width, shape.height);
        let mut class = if shape.missing.is_some() { "channel missing" } else { kind }.to_owned();
        if let Some(change) = shape.change {
            class.push(' ');
            class.push_str(change_class(change));
        }
        let radius = if shape.kind == BoxKind::Channel { height / 2.0 } else { 5.0 };
        writeln!(
            out,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{radius}\"/>"
        )?;
        Self::lines(out, shape)?;
        if !shape.missing_inside {
            Self::missing(out, shape)?;
        }
        writeln!(out, "</g>")
    }

    /// The name, and below it one line of more or of what is missing.
    fn lines(out: &mut dyn Write, shape: &Shape) -> io::Result<()> {
        let middle = shape.x + shape.width / 2.0;
        let gone = shape.missing.filter(|_| shape.missing_inside).map(|rule| match rule {
            CheckRule::NoConsumer => "∅ no consumer",
            CheckRule::NoProducer => "∅ no producer",
            CheckRule::Unused => "∅ unused",
        });
        let (class, below) = match (gone, &shape.small) {
            (Some(gone), _) => ("gone", Some(gone)),
            (None, small) => ("small", small.as_deref()),
        };
        let centre = shape.middle();
        let baseline = centre + if below.is_some() { -3.0 } else { 4.5 };
        let name = escaped(&shape.name);
        writeln!(
            out,
            "<text class=\"name\" x=\"{middle:.1}\" y=\"{baseline:.1}\" text-anchor=\"middle\">{name}</text>"
        )?;
        let Some(below) = below else { return Ok(()) };
        let (baseline, below) = (centre + 13.0, escaped(below));
        writeln!(
            out,
            "<text class=\"{class}\" x=\"{middle:.1}\" y=\"{baseline:.1}\" text-anchor=\"middle\">{below}</text>"
        )
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

    fn legend(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut y = self.scene.height - 34.0;
        let mut x = MARGIN;
        let boxes: &[(&str, &str)] = match self.scene.setting {
            Setting::Overview => &[("domain-box", "domain")],
            _ => &[("service", "service"), ("channel", "channel"), ("channel missing", "one end missing")],
        };
        for (class, text) in boxes {
            let radius = if class.starts_with("channel") { 7 } else { 3 };
            let top = y - 11.0;
            writeln!(
                out,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"26\" height=\"14\" rx=\"{radius}\"/>"
            )?;
            x += 32.0;
            writeln!(out, "<text class=\"small\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>")?;
            x += metrics::text_width(text, SMALL_SIZE) + 18.0;
        }
        let mut arrows = match self.scene.setting {
            Setting::Overview => vec![("sends", "channels, the more the wider")],
            _ => vec![("sends", "sends"), ("receives", "receives")],
        };
        if self.scene.arrows.iter().any(|arrow| arrow.backward) {
            arrows.push(("sends back", "closes a cycle"));
        }
        let changes = self.scene.arrows.iter().filter_map(|arrow| arrow.change);
        let changes: Vec<Change> =
            changes.chain(self.scene.shapes.iter().filter_map(|shape| shape.change)).collect();
        for (class, text) in [("added", "added"), ("removed", "removed"), ("modified", "different")] {
            if changes.iter().any(|change| change_class(*change) == class) {
                arrows.push((class, text));
            }
        }
        for verdict in Verdict::ALL {
            let Some(style) = verdict_class(verdict) else { continue };
            if self.scene.arrows.iter().any(|arrow| arrow.verdict == Some(verdict)) {
                let class = if style == "unseen" { "sends unseen" } else { style };
                arrows.push((class, verdict.words()));
            }
        }
        for (class, text) in arrows {
            let wide = 34.0 + metrics::text_width(text, SMALL_SIZE);
            if x + wide > self.scene.width - MARGIN && x > MARGIN {
                (x, y) = (MARGIN, y + 18.0);
            }
            let (line, end) = (y - 4.0, x + 28.0);
            writeln!(out, "<path class=\"{class}\" d=\"M{x:.1} {line:.1}H{end:.1}\"/>")?;
            x += 34.0;
            writeln!(out, "<text class=\"small\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>")?;
            x += metrics::text_width(text, SMALL_SIZE) + 18.0;
        }
        Ok(())
    }
}

/// How what changed looks: by colour, by width and by dashes.
fn change_class(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Modified | Change::Versioned => "modified",
    }
}

/// How what differs from what was observed looks; what is confirmed looks as what was never compared.
fn verdict_class(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Undocumented => Some("undocumented"),
        Verdict::Missing => Some("absent"),
        Verdict::NotObservable => Some("unseen"),
        Verdict::Confirmed => None,
    }
}

/// The way of an arrow: curves across gaps, straight lines between.
fn way(points: &[(f64, f64)]) -> String {
    let Some((x, y)) = points.first() else { return String::new() };
    let mut way = format!("M{} {}", Tenths(*x), Tenths(*y));
    for (number, pair) in points.windows(2).enumerate() {
        let ((x, y), (to_x, to_y)) = (pair[0], pair[1]);
        let (end_x, end_y) = (Tenths(to_x), Tenths(to_y));
        // Writing to a String cannot fail.
        let _ = if number % 2 == 1 {
            if (to_x - x).abs() < 0.05 { Ok(()) } else { write!(way, "H{end_x}") }
        } else {
            let (first, second) = (Tenths(f64::midpoint(x, to_x)), Tenths(f64::midpoint(x, to_x)));
            write!(way, "C{first} {} {second} {end_y} {end_x} {end_y}", Tenths(y))
        };
    }
    way
}

/// A number to one decimal, without a zero there: pictures of large graphs are mostly numbers.
struct Tenths(f64);

impl fmt::Display for Tenths {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[allow(clippy::cast_possible_truncation, reason = "a picture is far smaller than 2^63")]
        let tenths = (self.0 * 10.0).round() as i64;
        let sign = if tenths < 0 { "-" } else { "" };
        let (whole, part) = (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10);
        if part == 0 { write!(formatter, "{sign}{whole}") } else { write!(formatter, "{sign}{whole}.{part}") }
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
            control if is_hidden(control) || matches!(control, '\u{fffe}' | '\u{ffff}') => {
                escaped.push(' ');
            }
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{Setting, Tenths, escaped, write};
    use crate::topology::Graph;
    use crate::topology::fixture::{graph, shop};

    fn set(graph: &Graph, setting: Setting) -> String {
        let mut out = Vec::new();
        write(&mut out, graph, "shop", setting).expect("written");
        String::from_utf8(out).expect("text")
    }

    fn picture(graph: &Graph) -> String {
        set(graph, Setting::Columns)
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([1.0, -0.26, 12.34].map(|number| Tenths(number).to_string()), ["1", "-0.3", "12.3"]);
    }

    #[test]
    fn an_overview_has_a_box_per_domain_and_an_arrow_per_pair() {
        let svg = set(&shop(), Setting::Overview);
        assert_eq!(svg.matches("<g id=\"domain:").count(), 3);
        assert!(svg.contains("<title>2 channels from sales to money</title>"), "{svg}");
    }

    #[test]
    fn arrows_that_close_a_cycle_are_dashed_and_explained() {
        let svg = set(&graph("a > x > b\nb > y > a"), Setting::Flow);
        assert_eq!(svg.matches("\"receives back\"").count() + svg.matches("\"sends back\" d=\"M").count(), 2);
        assert!(svg.contains(">closes a cycle<"));
        assert!(!set(&graph("a > x > b"), Setting::Flow).contains(">closes a cycle<"));
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
            for setting in [Setting::Columns, Setting::Flow] {
                let svg = set(&graph, setting);
                assert_apart(&svg);
                assert_eq!(svg.matches("<path class=\"hit\"").count(), graph.flows().count());
                assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
            }
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
