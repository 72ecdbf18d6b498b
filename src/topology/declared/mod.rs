//! The graph that documents declare: services and channels of many documents joined. It reads no file.

use std::collections::{BTreeSet, HashMap};

use sha2::{Digest, Sha256};

use super::graph::{
    Edge, Evidence, EvidenceKind, Graph, Node, NodeIndex, NodeKind, Place, Relation, SourceFile,
};
use super::names::{blank, encoded, extend_new, family, merge, message_id, own_domain, owners, shape};
use crate::contract::{Action, Channel, Contract, Document, DocumentKind, Message, MessageIndex, Operation};
use crate::source_text::tree;
use crate::source_text::{FileId, Sources, Span};

#[cfg(test)]
mod tests;

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
        self.files.push(SourceFile { path, kind, version, sha256, observation: None });
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
            self.edges.push(Edge {
                source,
                target,
                relation,
                messages: Vec::new(),
                evidence: Vec::new(),
                change: None,
            });
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
                let evidence = Evidence { kind: joined.kind, place: place.clone(), seen: None, live: None };
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
        let mut node = blank(message_id(message), NodeKind::Message, message.name.clone());
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
        self.flow(
            service,
            operation.action,
            &channels,
            &messages,
            &Evidence { kind: joined.kind, place, seen: None, live: None },
        );
        let Some(reply) = &operation.reply else { return };
        let Some(channel) = reply.channel else { return };
        let answer = match operation.action {
            Action::Send => Action::Receive,
            Action::Receive => Action::Send,
        };
        let place = self.place(operation.span, &format!("{}/reply", operation.pointer));
        let channels = joined.channels.get(channel.0).cloned().unwrap_or_default();
        let messages = self.messages(joined, &reply.messages);
        self.flow(
            service,
            answer,
            &channels,
            &messages,
            &Evidence { kind: joined.kind, place, seen: None, live: None },
        );
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
