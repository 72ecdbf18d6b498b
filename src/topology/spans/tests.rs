//! Spans with attributes of several years, joined by destination.

use super::{Passed, is_spans, read};
use crate::topology::aliases::Aliases;
use crate::topology::fixture::graph;
use crate::topology::sightings::Sightings;
use crate::topology::{EvidenceKind, Graph, SourceFile};

fn span(kind: &str, attributes: &[(&str, &str)]) -> String {
    let of = |(key, value): &(&str, &str)| {
        let value = match *value {
            "true" => "{\"boolValue\":true}".to_owned(),
            number if number.parse::<u64>().is_ok() => format!("{{\"intValue\":\"{number}\"}}"),
            text => format!("{{\"stringValue\":\"{text}\"}}"),
        };
        format!("{{\"key\":\"{key}\",\"value\":{value}}}")
    };
    let attributes: Vec<String> = attributes.iter().map(of).collect();
    format!(
        "{{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\"name\":\"x\",\"kind\":{kind},\"startTimeUnixNano\":\"1700000000000000000\",\"attributes\":[{}]}}",
        attributes.join(",")
    )
}

fn resource(service: &str, spans: &[String]) -> String {
    format!(
        "{{\"resourceSpans\":[{{\"resource\":{{\"attributes\":[{{\"key\":\"service.name\",\"value\":{{\"stringValue\":\"{service}\"}}}}]}},\"scopeSpans\":[{{\"spans\":[{}]}}]}}]}}",
        spans.join(",")
    )
}

fn taken(text: &str) -> (Graph, Passed) {
    let mut sightings = Sightings::default();
    let passed = read(text.as_bytes(), &mut sightings).expect("OTLP JSON");
    let file = SourceFile {
        path: "spans.json".to_owned(),
        kind: EvidenceKind::OtelSpan,
        version: None,
        sha256: "0".repeat(64),
        observation: None,
    };
    let none = graph("web > orders/{id}/placed > -");
    (none.seen(vec![(file, sightings)], &Aliases::default()), passed)
}

fn flows(graph: &Graph) -> Vec<String> {
    let name = |index| graph.node(index).name.as_str();
    let count = |edge: &crate::topology::Edge| {
        edge.evidence.iter().filter_map(|evidence| evidence.seen).map(|seen| seen.count).sum::<u64>()
    };
    graph.flows().map(|edge| format!("{} {} {}", name(edge.source), name(edge.target), count(edge))).collect()
}

/// Spans of six services, with the names of attributes that were usual when each was written.
fn of_several_years() -> String {
    let mut lines = since_version_1_17();
    lines.extend(before_version_1_17());
    lines.join("\n")
}

fn since_version_1_17() -> Vec<String> {
    vec![
        // Since 1.26.
        resource(
            "web",
            &[span(
                "4",
                &[
                    ("messaging.system", "mqtt"),
                    ("messaging.destination.name", "orders/7/placed"),
                    ("messaging.operation.type", "send"),
                ],
            )],
        ),
        resource(
            "billing",
            &[span(
                "3",
                &[
                    ("messaging.system", "kafka"),
                    ("messaging.destination.name", "invoices"),
                    ("messaging.operation.type", "receive"),
                    ("messaging.batch.message_count", "5"),
                    ("messaging.consumer.group.name", "billing-v1"),
                ],
            )],
        ),
        // Between both.
        resource(
            "mail",
            &[span(
                "5",
                &[
                    ("messaging.system", "rabbitmq"),
                    ("messaging.source.name", "mail"),
                    ("messaging.operation", "process"),
                ],
            )],
        ),
        resource(
            "stock",
            &[span(
                "4",
                &[
                    ("messaging.system", "rabbitmq"),
                    ("messaging.destination.name", "shop:order.placed"),
                    ("messaging.operation", "publish"),
                    ("messaging.rabbitmq.destination.routing_key", "order.placed"),
                ],
            )],
        ),
    ]
}

fn before_version_1_17() -> Vec<String> {
    vec![
        // Before 1.17, by kind of span alone.
        resource(
            "stock",
            &[span(
                "\"SPAN_KIND_PRODUCER\"",
                &[("messaging.system", "kafka"), ("messaging.destination", "invoices")],
            )],
        ),
        // Without a name of its own, the group says whose it is.
        resource(
            "unknown_service:java",
            &[span(
                "5",
                &[
                    ("messaging.system", "kafka"),
                    ("messaging.destination.name", "invoices"),
                    ("messaging.kafka.consumer.group", "audit"),
                ],
            )],
        ),
    ]
}

#[test]
fn conventions_of_several_years_say_the_same() {
    let (graph, passed) = taken(&of_several_years());
    let expected = [
        "stock invoices 1",
        "stock order.placed 1",
        "web orders/{id}/placed 1",
        "mail mail 1",
        "invoices audit 1",
        "invoices billing 5",
    ];
    let mut found = flows(&graph);
    let mut expected: Vec<String> = expected.map(str::to_owned).to_vec();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!((passed.spans, passed.messaging, passed.unclear), (6, 6, 0));
}

#[test]
fn what_says_nothing_is_counted_and_drawn_nowhere() {
    let quiet = [
        span("3", &[("http.method", "GET")]),
        span("4", &[("messaging.system", "kafka")]),
        span("3", &[("messaging.system", "kafka"), ("messaging.destination.name", "x")]),
        span(
            "3",
            &[
                ("messaging.system", "kafka"),
                ("messaging.destination.name", "x"),
                ("messaging.operation.type", "settle"),
            ],
        ),
        span(
            "5",
            &[
                ("messaging.system", "nats"),
                ("messaging.destination.name", "_INBOX.x"),
                ("messaging.destination.temporary", "true"),
            ],
        ),
    ];
    let (graph, passed) = taken(&resource("web", &quiet));
    assert_eq!(flows(&graph), ["web orders/{id}/placed 0"]);
    assert_eq!(passed, Passed { spans: 5, messaging: 4, temporary: 1, unclear: 2 });
}

#[test]
fn it_is_known_by_its_first_key() {
    assert!(is_spans("\u{feff} { \"resourceSpans\": []}") && is_spans("{\"resourceMetrics\":[]}"));
    assert!(!is_spans("{\"graph\":{}}") && !is_spans("resourceSpans"));
    assert!(read(&b"{\"resourceSpans\": 7}"[..], &mut Sightings::default()).is_err());
}
