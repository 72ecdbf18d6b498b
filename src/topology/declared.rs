//! The graph that documents declare: services and channels of many documents joined. It reads no file.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::graph::{
    Edge, Evidence, EvidenceKind, Graph, Node, NodeIndex, NodeKind, Place, Relation, SourceFile,
};
use crate::contract::{Action, Channel, Contract, Document, DocumentKind, Message, MessageIndex, Operation};
use crate::source_text::tree::{self, NodeRef};
use crate::source_text::{FileId, Sources, Span};

impl Graph {
    /// Joins all documents: services by name, channels by protocol and address (the names of parameters do not
    /// matter), messages by name and version.
    ///
    /// A channel whose protocol is not said (no server, or an event schema) joins the channel of the same address
    /// when there is only one protocol for it. `sources` must be those the contract was read with.
    #[must_use]
    pub fn declared(contract: &Contract, sources: &Sources) -> Self {
        let mut builder = Builder::new(sources, protocols_by_address(contract));
        // By path, so that the order in which files were named does not show.
        let mut documents: Vec<&Document> = contract.documents.iter().collect();
        documents.sort_by(|left, right| left.path.cmp(&right.path));
        for document in documents {
            builder.document(document);
        }
        Self::new(builder.files, builder.nodes, builder.edges)
    }
}

/// Protocols known for each address.
fn protocols_by_address(contract: &Contract) -> HashMap<String, BTreeSet<String>> {
    let mut known: HashMap<String, BTreeSet<String>> = HashMap::new();
    for document in &contract.documents {
        for channel in &document.channels {
            if let Some(address) = &channel.address {
                known.entry(shape(address)).or_default().extend(protocols(document, channel));
            }
        }
    }
    known
}

/// The protocols of the servers a channel lives on, without their transport security, each once.
fn protocols(document: &Document, channel: &Channel) -> BTreeSet<String> {
    let lives_on = |name: &String| channel.servers.is_empty() || channel.servers.contains(name);
    let servers = document.servers.iter().filter(|server| lives_on(&server.name));
    servers.map(|server| family(&server.protocol)).filter(|family| !family.is_empty()).collect()
}

/// The protocol without its transport security and version, so that `kafka` and `kafka-secure` meet.
fn family(protocol: &str) -> String {
    let protocol = protocol.to_lowercase();
    match protocol.as_str() {
        "mqtts" | "mqtt5" | "secure-mqtt" | "mqtt-secure" => "mqtt",
        "amqps" => "amqp",
        "kafka-secure" => "kafka",
        "wss" => "ws",
        "https" => "http",
        "rediss" => "redis",
        "stomps" => "stomp",
        "jmss" => "jms",
        other => other,
    }
    .to_owned()
}

/// The address with its parameters unnamed: `orders/{id}` and `orders/{orderId}` are the same channel.
fn shape(address: &str) -> String {
    let mut shape = String::with_capacity(address.len());
    let mut rest = address;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, after)) = after.split_once('}') else { break };
        shape.push_str(before);
        shape.push_str("{}");
        rest = after;
    }
    shape.push_str(rest);
    shape
}

/// Percent-encodes what RFC 3986 does not call unreserved, except `/` when asked to keep it. `~` is encoded too: it
/// marks addresses that are only known at run time.
fn encoded(text: &str, keep_slash: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._".contains(&byte) || (keep_slash && byte == b'/');
        if plain {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn owners(node: &NodeRef) -> Vec<String> {
    let Some(written) = node.get("x-owner").or_else(|| node.get("x-owners")) else { return Vec::new() };
    let single = written.as_str().into_iter();
    single.chain(written.items().iter().filter_map(|item| item.as_str())).map(str::to_owned).collect()
}

fn own_domain(node: &NodeRef) -> Option<String> {
    let first_tag = || node.get("tags")?.items().first()?.get_str("name");
    node.get_str("x-domain").or_else(first_tag).map(str::to_owned)
}

fn blank(id: String, kind: NodeKind, name: String) -> Node {
    Node {
        id,
        kind,
        name,
        title: None,
        version: None,
        description: None,
        protocol: None,
        domain: None,
        owners: Vec::new(),
        defined_at: Vec::new(),
    }
}

/// Takes what `more` says where `node` says nothing yet.
fn merge(node: &mut Node, more: Node) {
    fn fill<T>(old: &mut Option<T>, new: Option<T>) {
        if old.is_none() {
            *old = new;
        }
    }
    fill(&mut node.title, more.title);
    fill(&mut node.version, more.version);
    fill(&mut node.description, more.description);
    fill(&mut node.domain, more.domain);
    extend_new(&mut node.owners, more.owners);
    extend_new(&mut node.defined_at, more.defined_at);
}

fn extend_new<T: PartialEq>(list: &mut Vec<T>, more: impl IntoIterator<Item = T>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}

struct Builder<'a> {
    sources: &'a Sources,
    known: HashMap<String, BTreeSet<String>>,
    files: Vec<SourceFile>,
    file_numbers: HashMap<FileId, usize>,
    nodes: Vec<Node>,
    node_numbers: HashMap<String, NodeIndex>,
    edges: Vec<Edge>,
    edge_numbers: HashMap<(NodeIndex, NodeIndex), usize>,
}

/// What the operations of one document refer to by number.
struct Joined<'a> {
    document: &'a Document,
    kind: EvidenceKind,
    /// For each channel its nodes: one per protocol.
    channels: Vec<Vec<NodeIndex>>,
    messages: HashMap<MessageIndex, NodeIndex>,
}

impl<'a> Builder<'a> {
    fn new(sources: &'a Sources, known: HashMap<String, BTreeSet<String>>) -> Self {
        Self {
            sources,
            known,
            files: Vec::new(),
            file_numbers: HashMap::new(),
            nodes: Vec::new(),
            node_numbers: HashMap::new(),
            edges: Vec::new(),
            edge_numbers: HashMap::new(),
        }
    }

    fn document(&mut self, document: &Document) {
        let (kind, version) = match document.kind {
            DocumentKind::AsyncApi2(minor) => (EvidenceKind::Asyncapi, Some(format!("2.{minor}"))),
            DocumentKind::AsyncApi3(minor) => (EvidenceKind::Asyncapi, Some(format!("3.{minor}"))),
            DocumentKind::EventSchema => (EvidenceKind::EventSchema, None),
            // A schema that stands alone says nothing about who sends what.
            DocumentKind::JsonSchema(_) | DocumentKind::Avro | DocumentKind::Protobuf => return,
        };
        self.file(document.file, kind, version);
        let service = self.described_service(document);
        let mut joined = Joined { document, kind, channels: Vec::new(), messages: HashMap::new() };
        for channel in &document.channels {
            let nodes = self.channel(&mut joined, channel);
            joined.channels.push(nodes);
        }
        for operation in &document.operations {
            let named = operation.service.as_ref().map(|name| self.named_service(name, operation));
            if let Some(service) = named.or(service) {
                self.operation(&mut joined, service, operation);
            }
        }
    }

    fn file(&mut self, file: FileId, kind: EvidenceKind, version: Option<String>) -> usize {
        if let Some(number) = self.file_numbers.get(&file) {
            let known = &mut self.files[*number];
            if known.kind == EvidenceKind::Reference {
                known.kind = kind;
                known.version = version;
            }
            return *number;
        }
        let text = self.sources.get(file);
        let path = text.path().to_string_lossy().replace('\\', "/");
        let digest = Sha256::digest(text.text().as_bytes());
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        self.files.push(SourceFile { path, kind, version, sha256 });
        self.file_numbers.insert(file, self.files.len() - 1);
        self.files.len() - 1
    }

    fn place(&mut self, span: Span, pointer: &str) -> Place {
        let source = self.file(span.file, EvidenceKind::Reference, None);
        let line = self.sources.get(span.file).position(span.start).line;
        Place { source, pointer: pointer.to_owned(), line }
    }

    fn node(&mut self, node: Node) -> NodeIndex {
        if let Some(index) = self.node_numbers.get(&node.id) {
            merge(&mut self.nodes[index.0], node);
            return *index;
        }
        let index = NodeIndex(self.nodes.len());
        self.node_numbers.insert(node.id.clone(), index);
        self.nodes.push(node);
        index
    }

    fn edge(&mut self, ends: (NodeIndex, NodeIndex), relation: Relation, evidence: Evidence) -> usize {
        let next = self.edges.len();
        let number = *self.edge_numbers.entry(ends).or_insert(next);
        if number == next {
            let (source, target) = ends;
            self.edges.push(Edge { source, target, relation, messages: Vec::new(), evidence: Vec::new() });
        }
        extend_new(&mut self.edges[number].evidence, [evidence]);
        number
    }

    fn described_service(&mut self, document: &Document) -> Option<NodeIndex> {
        let service = document.service.as_ref()?;
        let mut node = blank(
            format!("service:{}", encoded(&service.name, false)),
            NodeKind::Service,
            service.name.clone(),
        );
        let information = document.root.get("info");
        let written = |key: &str| information.and_then(|node| node.get_str(key)).map(str::to_owned);
        node.title = Some(service.title.clone()).filter(|title| !title.is_empty());
        node.version = Some(service.version.clone()).filter(|version| !version.is_empty());
        node.description.clone_from(&service.description);
        node.domain = written("x-domain")
            .or_else(|| document.root.get_str("x-domain").map(str::to_owned))
            .or_else(|| service.tags.first().cloned());
        node.owners = information.map(owners).unwrap_or_default();
        extend_new(&mut node.owners, owners(&document.root));
        node.defined_at = vec![self.place(service.span, "/info")];
        Some(self.node(node))
    }

    fn named_service(&mut self, name: &str, operation: &Operation) -> NodeIndex {
        let id = format!("service:{}", encoded(name, false));
        if let Some(known) = self.node_numbers.get(&id) {
            return *known;
        }
        let mut node = blank(id, NodeKind::Service, name.to_owned());
        node.defined_at = vec![self.place(operation.span, &operation.pointer)];
        self.node(node)
    }

    fn channel(&mut self, joined: &mut Joined<'_>, channel: &Channel) -> Vec<NodeIndex> {
        let mut protocols: Vec<Option<String>> =
            protocols(joined.document, channel).into_iter().map(Some).collect();
        if protocols.is_empty() {
            let known = channel.address.as_ref().and_then(|address| self.known.get(&shape(address)));
            protocols.push(known.filter(|known| known.len() == 1).and_then(|known| known.first().cloned()));
        }
        let mut messages: Vec<(NodeIndex, Place)> = Vec::new();
        for (key, index) in &channel.messages {
            if let Some(node) = self.message(joined, *index) {
                messages.push((node, self.carried_at(joined.document, channel, key, *index)));
            }
        }
        let mut nodes = Vec::with_capacity(protocols.len());
        for protocol in protocols {
            let node = self.channel_node(joined.document, channel, protocol);
            for (message, place) in &messages {
                let evidence = Evidence { kind: joined.kind, place: place.clone() };
                self.edge((node, *message), Relation::Carries, evidence);
            }
            nodes.push(node);
        }
        nodes
    }

    /// Where a channel says that it carries a message: its entry under `messages` in 3.x, else the message itself.
    fn carried_at(
        &mut self,
        document: &Document,
        channel: &Channel,
        key: &str,
        index: MessageIndex,
    ) -> Place {
        if let Some(entry) = channel.node.get("messages").and_then(|messages| messages.entry(key)) {
            let pointer = tree::pointer_push(&format!("{}/messages", channel.pointer), key);
            return self.place(entry.key_span, &pointer);
        }
        let message = &document.messages[index.0];
        self.place(message.span, &message.pointer)
    }

    fn channel_node(
        &mut self,
        document: &Document,
        channel: &Channel,
        protocol: Option<String>,
    ) -> NodeIndex {
        // An address that is only known at run time belongs to one document alone.
        let address = channel.address.as_ref().map_or_else(
            || {
                let service = document.service.as_ref().map_or("", |service| service.name.as_str());
                format!("~{}/{}", encoded(service, false), encoded(&channel.id, false))
            },
            |address| encoded(&shape(address), true),
        );
        let prefix = protocol.as_ref().map_or("-".to_owned(), |protocol| encoded(protocol, false));
        let name = channel.address.clone().unwrap_or_else(|| channel.id.clone());
        let mut node = blank(format!("channel:{prefix}/{address}"), NodeKind::Channel, name);
        node.protocol = protocol;
        node.title.clone_from(&channel.title);
        node.description.clone_from(&channel.description);
        node.domain = own_domain(&channel.node);
        node.owners = owners(&channel.node);
        node.defined_at = vec![self.place(channel.span, &channel.pointer)];
        self.node(node)
    }

    fn message(&mut self, joined: &mut Joined<'_>, index: MessageIndex) -> Option<NodeIndex> {
        if let Some(node) = joined.messages.get(&index) {
            return Some(*node);
        }
        let message: &Message = joined.document.messages.get(index.0)?;
        let mut id = format!("message:{}", encoded(&message.name, false));
        if let Some(version) = &message.version {
            id.push('@');
            id.push_str(&encoded(version, false));
        }
        let mut node = blank(id, NodeKind::Message, message.name.clone());
        node.title.clone_from(&message.title);
        node.description.clone_from(&message.summary);
        node.version.clone_from(&message.version);
        node.owners = owners(&message.node);
        node.defined_at = vec![self.place(message.span, &message.pointer)];
        let node = self.node(node);
        joined.messages.insert(index, node);
        Some(node)
    }

    fn operation(&mut self, joined: &mut Joined<'_>, service: NodeIndex, operation: &Operation) {
        let place = self.place(operation.span, &operation.pointer);
        let channels = joined.channels.get(operation.channel.0).cloned().unwrap_or_default();
        let messages = self.messages(joined, &operation.messages);
        self.flow(service, operation.action, &channels, &messages, &Evidence { kind: joined.kind, place });
        let Some(reply) = &operation.reply else { return };
        let Some(channel) = reply.channel else { return };
        let answer = match operation.action {
            Action::Send => Action::Receive,
            Action::Receive => Action::Send,
        };
        let place = self.place(operation.span, &format!("{}/reply", operation.pointer));
        let channels = joined.channels.get(channel.0).cloned().unwrap_or_default();
        let messages = self.messages(joined, &reply.messages);
        self.flow(service, answer, &channels, &messages, &Evidence { kind: joined.kind, place });
    }

    fn messages(&mut self, joined: &mut Joined<'_>, indexes: &[MessageIndex]) -> Vec<NodeIndex> {
        indexes.iter().filter_map(|index| self.message(joined, *index)).collect()
    }

    fn flow(
        &mut self,
        service: NodeIndex,
        action: Action,
        channels: &[NodeIndex],
        messages: &[NodeIndex],
        evidence: &Evidence,
    ) {
        for channel in channels {
            let number = match action {
                Action::Send => self.edge((service, *channel), Relation::Sends, evidence.clone()),
                Action::Receive => self.edge((*channel, service), Relation::Receives, evidence.clone()),
            };
            extend_new(&mut self.edges[number].messages, messages.iter().copied());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{encoded, family, shape};
    use crate::contract::load;
    use crate::source_text::Limits;
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
        let lines: Vec<(&str, u32)> = sent
            .evidence
            .iter()
            .map(|evidence| (evidence.place.pointer.as_str(), evidence.place.line))
            .collect();
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
}
