//! Documents of three kinds, joined.

use std::path::PathBuf;

use crate::contract::load;
use crate::source_text::Limits;
use crate::topology::names::{encoded, family, shape};
use crate::topology::{CheckRule, Graph, NodeIndex, NodeKind, Relation};

const ORDERS: &str = "\
asyncapi: 3.0.0
info: {title: Orders, version: 2.1.0, x-domain: sales, x-owner: team-sales}
servers: {broker: {host: 'broker:9092', protocol: kafka-secure}}
channels:
  placed:
    address: orders/{orderId}/placed
    parameters: {orderId: {}}
    messages: {OrderPlaced: {payload: {type: object}}}
  answer:
    address: null
    messages: {Answer: {payload: {type: object}}}
operations:
  place: {action: send, channel: {$ref: '#/channels/placed'}, reply: {channel: {$ref: '#/channels/answer'}}}
";
const BILLING: &str = "\
asyncapi: 2.6.0
info: {title: Billing, version: 1.0.0}
tags: [{name: money}]
channels:
  orders/{id}/placed:
    parameters: {id: {schema: {type: string}}}
    publish: {operationId: bill, message: {name: OrderPlaced, payload: {type: object}}}
  bills:
    subscribe: {operationId: tell, message: {name: Billed, payload: {type: object}}}
";
const EVENT: &str = "\
type: object
x-event: {type: Billed, version: '2', channel: bills, produced-by: [billing], consumed-by: [mail]}
";

fn declared(order: [usize; 3]) -> Graph {
    let directory = tempfile::tempdir().expect("directory");
    let files = [("orders.yaml", ORDERS), ("billing.yaml", BILLING), ("billed.yaml", EVENT)];
    let paths: Vec<PathBuf> = order
        .iter()
        .map(|number| {
            let path = directory.path().join(files[*number].0);
            std::fs::write(&path, files[*number].1).expect("written");
            path
        })
        .collect();
    let loaded = load(&paths, &Limits::default());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    Graph::declared(&loaded.contract, &loaded.sources)
}

fn arrows(graph: &Graph) -> Vec<String> {
    let id = |node: NodeIndex| graph.node(node).id.clone();
    graph.flows().map(|edge| format!("{} > {}", id(edge.source), id(edge.target))).collect()
}

#[test]
fn documents_of_three_kinds_join() {
    let graph = declared([0, 1, 2]);
    let expected = [
        "service:billing > channel:-/bills",
        "service:orders > channel:kafka/orders/%7B%7D/placed",
        "channel:-/bills > service:mail",
        "channel:kafka/orders/%7B%7D/placed > service:billing",
        "channel:kafka/~orders/answer > service:orders",
    ];
    assert_eq!(arrows(&graph), expected);
    let orders = graph.node(graph.find("orders").expect("orders"));
    assert_eq!(orders.domain.as_deref(), Some("sales"));
    assert_eq!(orders.owners, ["team-sales"]);
    let billing = graph.node(graph.find("Billing").expect("billing"));
    assert_eq!((billing.domain.as_deref(), billing.version.as_deref()), (Some("money"), Some("1.0.0")));
}

#[test]
fn every_edge_has_its_evidence() {
    let graph = declared([0, 1, 2]);
    let sent = graph.flows().find(|edge| edge.evidence.len() == 2).expect("billing says it twice");
    assert_eq!(sent.relation, Relation::Sends);
    let lines: Vec<(&str, u32)> =
        sent.evidence.iter().map(|evidence| (evidence.place.pointer.as_str(), evidence.place.line)).collect();
    assert_eq!(lines, [("/x-event/produced-by/0", 2), ("/channels/bills/subscribe", 9)]);
    assert!(graph.edges.iter().all(|edge| !edge.evidence.is_empty()));
}

#[test]
fn the_order_of_reading_does_not_matter() {
    let first = declared([0, 1, 2]);
    for order in [[2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let other = declared(order);
        assert_eq!(arrows(&other), arrows(&first));
        let ids = |graph: &Graph| graph.nodes.iter().map(|node| node.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&other), ids(&first));
    }
}

#[test]
fn checks_name_channels_that_lack_an_end() {
    let graph = declared([0, 1, 2]);
    let checks = graph.checks();
    assert_eq!(checks.len(), 1);
    assert_eq!(checks[0].rule, CheckRule::NoProducer);
    assert_eq!(graph.node(checks[0].node).name, "answer");
    assert_eq!(graph.count(NodeKind::Message), 4);
}

#[test]
fn identifiers_are_safe_in_a_url() {
    assert_eq!(encoded("a b/ü~", true), "a%20b/%C3%BC%7E");
    assert_eq!(shape("a/{x}/b{y}"), "a/{}/b{}");
    assert_eq!(shape("a/{x"), "a/{x");
    assert_eq!(family("KAFKA-secure"), "kafka");
}
