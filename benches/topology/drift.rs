//! Milliseconds to join what systems show with what is declared, to compare both, and to write the report.
//!
//! Ten thousand services receive from five thousand channels, each with a parameter in its address; the systems show nine in
//! ten of them at an address that fits, and one in ten at another. Aimed at: below 50 ms.

#![allow(missing_docs, reason = "criterion makes public items")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use eddy::endpoint::inspect::{Direction, KnownBy, Observed, ObservedFlow, SeenBy};
use eddy::output::drift::write_json;
use eddy::source_text::{SourceText, Sources};
use eddy::topology::Graph;
use eddy::topology::aliases::Aliases;
use eddy::topology::drift::drift;
use eddy::topology::observed::System;

const EDGES: usize = 10_000;
const CHANNELS: usize = 5_000;

fn address(channel: usize, parameter: &str) -> String {
    format!("area-{}/{parameter}/event-{channel}", channel % 100)
}

/// The graph as documents declare it, read from the form in which it is saved.
fn declared() -> Graph {
    let (mut nodes, mut edges) = (String::new(), String::new());
    for channel in 0..CHANNELS {
        let name = address(channel, "{id}");
        let _ = write!(
            nodes,
            "\"channel:mqtt/c{channel}\":{{\"label\":\"{name}\",\"metadata\":{{\"kind\":\"channel\",\"name\":\"{name}\",\"protocol\":\"mqtt\"}}}},"
        );
    }
    for edge in 0..EDGES {
        let _ = write!(
            nodes,
            "\"service:s{edge}\":{{\"label\":\"s{edge}\",\"metadata\":{{\"kind\":\"service\",\"name\":\"s{edge}\"}}}},"
        );
        let _ = write!(
            edges,
            "{{\"source\":\"channel:mqtt/c{}\",\"target\":\"service:s{edge}\",\"relation\":\"receives\",\"metadata\":{{}}}},",
            edge % CHANNELS
        );
    }
    let text = format!(
        "{{\"graph\":{{\"metadata\":{{\"schema\":\"eddy/topology/1\",\"sources\":[]}},\"nodes\":{{{}}},\"edges\":[{}]}}}}",
        nodes.trim_end_matches(','),
        edges.trim_end_matches(',')
    );
    let mut sources = Sources::default();
    let file = sources.add(SourceText::new(Path::new("declared.json"), text));
    Graph::saved(&sources, file).unwrap_or_else(|finding| panic!("{}", finding.message))
}

fn observed() -> System {
    let flow = |edge: usize| ObservedFlow {
        who: format!("s{edge}"),
        known_by: KnownBy::Client,
        clients: Vec::new(),
        direction: Direction::Receives,
        addresses: vec![if edge.is_multiple_of(10) {
            format!("elsewhere/{edge}")
        } else {
            address(edge % CHANNELS, "42")
        }],
        seen_by: SeenBy::NatsSubscription,
        confidence: 95,
        waiting: None,
        remark: "a subscription".to_owned(),
    };
    let told = Observed { flows: (0..EDGES).map(flow).collect(), ..Observed::default() };
    System { address: "mqtt://broker".to_owned(), protocol: "mqtt".to_owned(), told }
}

fn ten_thousand(criterion: &mut Criterion) {
    let (declared, systems, aliases) = (declared(), [observed()], Aliases::default());
    // As a buffer of standard output, it is there before and is used again.
    let mut report = Vec::new();
    criterion.bench_function("drift over 10,000 edges", |bencher| {
        bencher.iter_batched(
            || declared.clone(),
            |graph| {
                let graph = graph.observed(black_box(&systems), &aliases);
                let compared = drift(&graph);
                report.clear();
                write_json(&mut report, &graph, &compared, None).expect("memory");
                // What is given back is let go of after the clock has stopped, as a process does that ends.
                drop(compared);
                graph
            },
            BatchSize::LargeInput,
        );
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = ten_thousand
}
criterion_main!(benches);
