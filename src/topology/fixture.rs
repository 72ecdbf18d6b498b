//! Small graphs for tests, written as lines such as `orders > orders.created > billing mail`.

use std::collections::HashMap;

use super::graph::{
    Edge, Evidence, EvidenceKind, Graph, Node, NodeIndex, NodeKind, Place, Relation, SourceFile,
};

struct Drawing {
    nodes: Vec<Node>,
    numbers: HashMap<String, usize>,
    edges: Vec<Edge>,
}

impl Drawing {
    fn node(&mut self, kind: NodeKind, word: &str) -> NodeIndex {
        let (name, domain) = word.split_once('@').map_or((word, None), |(name, domain)| (name, Some(domain)));
        let prefix = match kind {
            NodeKind::Service => "service:",
            NodeKind::Channel => "channel:mqtt/",
            NodeKind::Message => "message:",
        };
        let id = format!("{prefix}{name}");
        let next = self.nodes.len();
        let number = *self.numbers.entry(id.clone()).or_insert(next);
        if number == next {
            self.nodes.push(Node {
                id,
                kind,
                name: name.to_owned(),
                title: None,
                version: None,
                description: None,
                protocol: (kind == NodeKind::Channel).then(|| "mqtt".to_owned()),
                domain: None,
                owners: Vec::new(),
                schema: None,
                defined_at: vec![Place { source: 0, pointer: format!("/{name}"), line: 1 }],
                change: None,
            });
        }
        if let Some(domain) = domain {
            self.nodes[number].domain = Some(domain.to_owned());
        }
        NodeIndex(number)
    }

    fn edge(&mut self, source: NodeIndex, target: NodeIndex, relation: Relation) {
        let place = Place { source: 0, pointer: "/operations/x".to_owned(), line: 7 };
        let evidence = vec![Evidence { kind: EvidenceKind::Asyncapi, place, seen: None, live: None }];
        self.edges.push(Edge { source, target, relation, messages: Vec::new(), evidence, change: None });
    }
}

/// One channel per line: producers, channel (with its messages in brackets), consumers; `-` for none; `name@domain`.
pub(crate) fn graph(text: &str) -> Graph {
    let mut drawing = Drawing { nodes: Vec::new(), numbers: HashMap::new(), edges: Vec::new() };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let parts: Vec<&str> = line.split(" > ").collect();
        let words = |number: usize| parts[number].split_whitespace().filter(|word| *word != "-");
        if parts.len() == 1 {
            drawing.node(NodeKind::Service, parts[0]);
            continue;
        }
        let mut middle = words(1);
        let channel = drawing.node(NodeKind::Channel, middle.next().expect("a channel"));
        for word in middle {
            let message = drawing.node(NodeKind::Message, word.trim_matches(['[', ']']));
            drawing.edge(channel, message, Relation::Carries);
        }
        for word in words(0) {
            let service = drawing.node(NodeKind::Service, word);
            drawing.edge(service, channel, Relation::Sends);
        }
        for word in words(2) {
            let service = drawing.node(NodeKind::Service, word);
            drawing.edge(channel, service, Relation::Receives);
        }
    }
    let source = SourceFile {
        path: "shop.yaml".to_owned(),
        kind: EvidenceKind::Asyncapi,
        version: Some("3.0".to_owned()),
        sha256: "0".repeat(64),
        observation: None,
    };
    Graph::new(vec![source], drawing.nodes, drawing.edges)
}

/// A shop of three services and six channels.
pub(crate) fn shop() -> Graph {
    graph(
        "web@sales > orders/placed [OrderPlaced] > billing stock
         web > orders/cancelled [OrderCancelled] > billing
         billing@money > invoices/issued [InvoiceIssued] > web
         stock@goods > stock/reserved [StockReserved] > web billing
         stock > stock/low [StockLow] > -
         - > payments/settled [PaymentSettled] > billing",
    )
}
