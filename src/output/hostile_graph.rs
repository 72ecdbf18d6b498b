//! A graph whose names try to break out of every format, and the test that none does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Deserialize;
use serde_json::Value;

use super::graph_text::{GraphStyle, Role};
use super::hostile::elements;
use super::questions::Asked;
use super::scene::Setting;
use super::visible::is_hidden;
use super::{
    backstage, boxes, change_text, cytoscape, d2, dot, drift, eventcatalog, graph_json, graph_jsonl, graphml,
    matrix, mermaid, openlineage, page, paths_text, plantuml, questions, svg, table, tree,
};
use crate::topology::difference::Difference;
use crate::topology::fixture::graph;
use crate::topology::{Graph, NodeIndex, NodeKind};

/// Names of people who mean harm, and of people who only write another script.
const NAMES: [&str; 26] = [
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "]]><x/>",
    "--><!--",
    "${window.pwned=1}{{7*7}}<%=1%>",
    "\" onload=\"window.pwned=1",
    "' } ] ; -> x",
    "a\"];b->c;subgraph",
    "\\\"\\",
    "\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J",
    "line\none\r\n---\ntwo",
    "\nend\n@enduml\n!include /etc/passwd",
    "\u{202e}txt.exe\u{2066}\u{200f}",
    "\u{0}\u{fffe}\u{ffff}\u{feff}\u{e0041}",
    "",
    " ",
    "注文",
    "الطلبات",
    "заказы",
    "👩‍👩‍👧 e\u{301}",
    "|md # x |",
    "`b` **c** [d](javascript:pwned) ~~~",
    "- key: !!python/object {a: b} # &x *x",
    "import x from 'y'; export const a = {",
    "%n() <U+0041> &#65; #quot;",
];

/// Services, channels, messages, domains and owners by these names, and by one of ten thousand characters.
pub(super) fn hostile() -> Graph {
    let mut names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    names.push("<\"".repeat(5_000));
    named(&names)
}

/// A graph of one shape whatever the names.
fn named(names: &[String]) -> Graph {
    let mut text = String::new();
    for number in 0..names.len() {
        let next = (number + 1) % names.len();
        let _ = writeln!(text, "s{number}@d{number} > c{number} [m{number}] > s{next}");
    }
    text.push_str("s0 > lost > -");
    let mut graph = graph(&text);
    for node in &mut graph.nodes {
        let Some(number) = node.name.get(1..).and_then(|number| number.parse::<usize>().ok()) else {
            continue;
        };
        let name = &names[number];
        node.name.clone_from(name);
        node.title = Some(name.clone());
        node.description = Some(name.clone());
        node.version = Some(name.clone());
        node.owners = vec![name.clone()];
        node.domain = node.domain.as_ref().map(|_| name.clone());
    }
    graph
}

fn plain() -> Graph {
    named(&(0..=NAMES.len()).map(|number| format!("n{number}")).collect::<Vec<_>>())
}

fn written(write: impl Fn(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Every format by its name, with what it makes of a graph.
fn formats(graph: &Graph) -> Vec<(&'static str, String)> {
    let paint = |_: Role, text: &str| text.to_owned();
    let style = GraphStyle { width: 100, ascii: false, paint: &paint };
    let time = "2026-01-01T00:00:00Z";
    let charts = mermaid::charts(graph);
    let mut made = vec![
        ("table", written(|out| table::write(out, graph, &style))),
        ("matrix", written(|out| matrix::write(out, graph, &style))),
        ("tree", written(|out| tree::write(out, graph, NodeIndex(0), 3, &style))),
        ("json", written(|out| graph_json::write(out, graph, NAMES[0]))),
        ("jsonl", written(|out| graph_jsonl::write(out, graph))),
        ("dot", written(|out| dot::write(out, graph))),
        ("d2", written(|out| d2::write(out, graph))),
        ("plantuml", written(|out| plantuml::write(out, graph))),
        ("graphml", written(|out| graphml::write(out, graph))),
        ("cytoscape", written(|out| cytoscape::write(out, graph, NAMES[0]))),
        ("backstage", written(|out| backstage::write(out, graph))),
        ("openlineage", written(|out| openlineage::write(out, graph, time))),
        ("markdown", written(|out| mermaid::write_markdown(out, NAMES[0], &charts))),
    ];
    made.extend(charts.into_iter().map(|chart| ("mermaid", chart.text)));
    made.extend(eventcatalog::files(graph).into_iter().map(|(_, text)| ("eventcatalog", text)));
    for setting in [Setting::Columns, Setting::Flow, Setting::Overview] {
        made.push(("svg", written(|out| svg::write(out, graph, NAMES[0], setting))));
        made.push(("html", written(|out| page::write(out, graph, NAMES[0], setting))));
    }
    made
}

/// Answers to questions, differences and ways, by what they are.
fn answers(graph: &Graph) -> Vec<(&'static str, String)> {
    let paint = |_: Role, text: &str| text.to_owned();
    let style = GraphStyle { width: 100, ascii: false, paint: &paint };
    let of_kind = |kind| graph.of_kind(kind).next().unwrap();
    let (service, message) = (of_kind(NodeKind::Service), of_kind(NodeKind::Message));
    let difference = Difference::new(graph, &plain());
    let compared = crate::topology::drift::drift(graph);
    let sides = Some(drift::Sides { against: NAMES[10], environment: NAMES[13] });
    let ways: Vec<Vec<NodeIndex>> = (0..graph.nodes.len()).map(|node| vec![NodeIndex(node)]).collect();
    let asked = [
        Asked::Impact {
            message,
            impact: graph.impact(message),
            uses: Some((NAMES[10].to_owned(), BTreeMap::new())),
        },
        Asked::Removal { service, removal: graph.removal(service) },
        Asked::Rollout { message, batches: graph.rollout(message) },
    ];
    let mut made = vec![
        ("change", written(|out| change_text::write(out, &difference, &style))),
        ("change-json", written(|out| graph_json::write_difference(out, &difference, NAMES[10]))),
        ("ways", written(|out| paths_text::write(out, graph, &ways, &style))),
        ("drift", written(|out| drift::write_text(out, graph, &compared, sides, &style))),
        ("drift-json", written(|out| drift::write_json(out, graph, &compared, sides))),
    ];
    for asked in &asked {
        made.push(("answer", written(|out| questions::text(out, graph, asked, &style))));
        made.push(("answer-json", written(|out| questions::json(out, graph, asked))));
    }
    made
}

#[test]
fn nothing_steers_a_terminal_or_the_direction_of_writing() {
    let graph = hostile();
    for (format, text) in formats(&graph).into_iter().chain(answers(&graph)) {
        let steering = text.chars().find(|each| is_hidden(*each) && *each != '\n');
        assert_eq!(steering, None, "{format}: {text}");
    }
}

/// Services without a name, of one name, and that send to themselves; a channel nobody uses; no graph at all.
#[test]
fn odd_graphs_are_drawn_in_every_format() {
    let odd = [
        "",
        "a > x > a",
        "a > x > -\n- > x > a\na > x > a",
        "- > x > -",
        "alone",
        "a > x > a\nb > y > b\nb > x > a",
    ];
    for text in odd {
        let odd = graph(text);
        if odd.nodes.is_empty() {
            continue;
        }
        for (format, made) in formats(&odd) {
            let named = odd.of_kind(NodeKind::Channel).all(|channel| made.contains(&odd.node(channel).name));
            // An overview and a matrix have domains or services only, and the tree begins at the first service.
            assert!(
                named
                    || matches!(format, "svg" | "html" | "tree" | "matrix" | "openlineage" | "eventcatalog"),
                "{format}: {made}"
            );
        }
    }
}

#[test]
fn nothing_breaks_out_of_a_box_of_text() {
    let paint = |_: Role, text: &str| text.to_owned();
    let style = GraphStyle { width: 100, ascii: false, paint: &paint };
    let graph = named(&NAMES.map(str::to_owned));
    let text = written(|out| boxes::write(out, &graph, &style));
    assert_eq!(text.chars().find(|each| is_hidden(*each) && *each != '\n'), None, "{text}");
    let widest = boxes::columns(&graph, &style);
    let too_wide = text.lines().find(|line| super::graph_text::width(line) > widest);
    assert_eq!(too_wide, None, "{text}");
}

#[test]
fn names_change_no_structure() {
    let lines = |graph: &Graph, wanted: &str| -> Vec<usize> {
        let made = formats(graph).into_iter().filter(|(format, _)| *format == wanted);
        made.map(|(_, text)| text.lines().count()).collect()
    };
    let (hostile, plain) = (hostile(), plain());
    for format in ["json", "jsonl", "dot", "d2", "plantuml", "graphml", "cytoscape", "openlineage", "mermaid"]
    {
        assert_eq!(lines(&hostile, format), lines(&plain, format), "{format}");
    }
    let shape = |graph: &Graph, wanted: &str| -> Vec<Vec<String>> {
        let made = formats(graph).into_iter().filter(|(format, _)| *format == wanted);
        made.map(|(_, text)| {
            let mut names: Vec<String> = elements(&text).into_iter().map(|(name, _)| name).collect();
            names.sort();
            names
        })
        .collect()
    };
    for format in ["graphml", "svg"] {
        assert!(shape(&hostile, format) == shape(&plain, format), "{format} has other elements");
    }
}

#[test]
fn what_has_a_grammar_keeps_to_it() {
    for (format, text) in formats(&hostile()) {
        match format {
            "json" | "cytoscape" => drop(serde_json::from_str::<Value>(&text).unwrap()),
            "jsonl" | "openlineage" => {
                text.lines().for_each(|line| drop(serde_json::from_str::<Value>(line).unwrap()));
            }
            "backstage" => serde_yaml::Deserializer::from_str(&text).for_each(|entity| {
                let entity = serde_yaml::Value::deserialize(entity).unwrap();
                let name = entity["metadata"]["name"].as_str().unwrap();
                assert!(
                    name.len() <= 63 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
                    "{name}"
                );
            }),
            "eventcatalog" => {
                let (front, body) = text.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap();
                assert!(serde_yaml::from_str::<serde_yaml::Value>(front).unwrap()["id"].is_string());
                assert!(["", "\n<NodeGraph />\n"].contains(&body), "{body}");
            }
            "html" => {
                let data = text.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
                assert!(serde_json::from_str::<Value>(data).unwrap()["node"]["id"].is_array());
                assert_eq!(text.matches("<script").count(), 2);
                assert_eq!(text.matches("</script").count(), 2);
            }
            "mermaid" => assert!(!text.contains("<script") && !text.contains("<img"), "{text}"),
            _ => {}
        }
    }
}
