//! What was written comes back, and what is wrong has a place.

use proptest::prelude::*;

use crate::diagnostic::Diagnostic;
use crate::source_text::{SourceText, Sources};
use crate::topology::fixture::{graph, shop};
use crate::topology::saved::BAD_SAVED_GRAPH;
use crate::topology::{Change, Evidence, EvidenceKind, Graph, Place, Seen};

fn written(graph: &Graph) -> String {
    let mut out = Vec::new();
    super::write(&mut out, graph, "any").expect("written");
    String::from_utf8(out).expect("text")
}

fn read(text: &str) -> Result<Graph, (String, String)> {
    let mut sources = Sources::default();
    let file = sources.add(SourceText::new("saved.json", text.to_owned()));
    Graph::saved(&sources, file).map_err(|finding: Box<Diagnostic>| {
        assert_eq!(finding.code, BAD_SAVED_GRAPH);
        let span = finding.primary.as_ref().expect("a place").span;
        (sources.range(span).0.to_string(), finding.message.clone())
    })
}

#[track_caller]
fn assert_same(left: &Graph, right: &Graph) {
    assert_eq!(left.sources, right.sources);
    assert_eq!(left.nodes, right.nodes);
    assert_eq!(left.edges, right.edges);
}

#[test]
fn the_shop_comes_back() {
    let shop = shop();
    assert_same(&read(&written(&shop)).expect("read"), &shop);
}

#[test]
fn what_is_wrong_has_a_place() {
    let good = written(&graph("a > x [M] > b"));
    let bad = [
        ("{", "1:1", "not a saved graph: EOF while parsing an object"),
        ("\"target\": \"service:b\"", "\"target\": \"service:c\"", "there is no node `service:c`"),
        (
            "\"relation\": \"sends\"",
            "\"relation\": \"carries\"",
            "`carries` leads from a channel to a message",
        ),
        ("eddy/topology/1", "eddy/topology/9", "the graph is of version `eddy/topology/9`"),
        ("\"service:a\": {", "\"channel:a\": {", "the node `channel:a` is not called `service:`"),
        ("\"messages\": []", "\"messages\": [\"message:N\"]", "there is no node `message:N`"),
        ("\"relation\": \"sends\"", "\"relation\": \"likes\"", "not a saved graph: unknown variant `likes`"),
    ];
    for (old, new, message) in bad.iter().skip(1) {
        assert!(good.contains(old), "{old}");
        let (place, said) = read(&good.replacen(old, new, 1)).expect_err(new);
        assert!(said.starts_with(message), "{said}");
        assert_ne!(place, "1:1", "{said}");
    }
    let (place, said) = read(bad[0].0).expect_err("cut");
    assert_eq!((place.as_str(), said.as_str()), (bad[0].1, bad[0].2));
}

#[test]
fn an_edge_without_evidence_is_believed_because_the_file_says_so() {
    let text = r#"{"graph": {"metadata": {"schema": "eddy/topology/1"}, "nodes": {
        "service:a": {"metadata": {"kind": "service", "name": "a"}},
        "channel:-/x": {"metadata": {"kind": "channel", "name": "x"}}},
        "edges": [{"source": "service:a", "target": "channel:-/x", "relation": "sends"}]}}"#;
    let graph = read(text).expect("read");
    assert_eq!(graph.edges[0].evidence[0].kind, EvidenceKind::SavedGraph);
    assert_eq!(graph.sources[0].path, "saved.json");
    assert_same(&read(&written(&graph)).expect("read again"), &graph);
}

/// Time would grow with the square of their number, if each was compared with all others.
#[test]
fn many_edges_between_the_same_ends_are_one_with_all_their_evidence() {
    let edge = r#"{"source": "service:a", "target": "channel:-/x", "relation": "sends"}"#;
    let edges = vec![edge; 20_000].join(",");
    let text = format!(
        r#"{{"graph": {{"metadata": {{"schema": "eddy/topology/1"}}, "nodes": {{
        "service:a": {{"metadata": {{"kind": "service", "name": "a"}}}},
        "channel:-/x": {{"metadata": {{"kind": "channel", "name": "x"}}}}}}, "edges": [{edges}]}}}}"#
    );
    let graph = read(&text).expect("read");
    assert_eq!((graph.edges.len(), graph.edges[0].evidence.len()), (1, 20_000));
    assert_eq!(read(&written(&graph)).expect("read again").edges, graph.edges);
}

fn any_change() -> impl Strategy<Value = Option<Change>> {
    proptest::option::of(prop_oneof![
        Just(Change::Added),
        Just(Change::Removed),
        Just(Change::Modified),
        Just(Change::Versioned)
    ])
}

proptest! {
    #[test]
    fn any_graph_comes_back(
        lines in proptest::collection::vec((0usize..9, 0usize..9, 0usize..9), 0..20),
        texts in proptest::collection::vec(any::<String>(), 4),
        change in any_change(),
        seen in proptest::option::of((any::<u64>(), proptest::option::of(-9_000_000_000_000_000i64..9_000_000_000_000_000))),
    ) {
        let line = |(number, (from, at, to)): (usize, &(usize, usize, usize))| {
            format!("s{from}@d{to} > c{at}.{number} [M{from}] > s{to}\n")
        };
        let text: String = lines.iter().enumerate().map(line).collect();
        let mut graph = graph(&text);
        for (number, node) in graph.nodes.iter_mut().enumerate() {
            let pick = |offset: usize| texts[(number + offset) % texts.len()].clone();
            node.title = Some(pick(0));
            node.version = (number % 2 == 0).then(|| pick(1));
            node.description = (number % 3 == 0).then(|| pick(2));
            node.owners = vec![pick(3), "team".to_owned()];
            node.name = pick(1);
            node.change = change.filter(|_| number % 2 == 1);
        }
        for edge in &mut graph.edges {
            edge.change = change;
            let place = Place { source: 0, pointer: texts[0].clone(), line: 0 };
            let seen = seen.map(|(count, time)| Seen { count, first: time, last: None });
            edge.evidence.push(Evidence { kind: EvidenceKind::Archive, place, seen, live: None });
        }
        let again = read(&written(&graph)).expect("read");
        prop_assert_eq!(&again.nodes, &graph.nodes);
        prop_assert_eq!(&again.edges, &graph.edges);
        prop_assert_eq!(written(&again), written(&graph));
    }

    #[test]
    fn no_text_is_too_strange(text in any::<String>(), cut in 0usize..4000) {
        let _ = read(&text);
        let shop = written(&shop());
        let cut = cut.min(shop.len());
        if shop.is_char_boundary(cut) && cut + 2 < shop.len() {
            prop_assert!(read(&shop[..cut]).is_err());
        }
    }
}
