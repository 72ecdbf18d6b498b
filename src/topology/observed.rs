//! What running systems show of who sends and who receives, joined with what is declared.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::aliases::{Aliases, Identity};
use super::graph::{
    Edge, Evidence, EvidenceKind, Graph, Node, NodeIndex, NodeKind, Place, Relation, Seen, SourceFile,
};
use super::meeting::Meeting;
use super::names::{blank, encoded, extend_new, shape};
use super::patterns::Pattern;
use crate::endpoint::inspect::{
    Allowed, Direction, KnownBy, Observed, ObservedChannel, ObservedFlow, SeenBy, Why,
};

/// Keys of AMQP by which everything gets through; they confirm what is declared and prove nothing else.
const EVERYTHING: &str = "#";

/// Where a channel stands that a system does not have, and names in a permission only.
pub(super) const PERMISSIONS: &str = "/permissions";

/// Whether a flow is declared, observed, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// A document says so; it was not seen.
    DeclaredOnly,
    /// It was seen; no document says so.
    ObservedOnly,
    /// Both.
    Both,
}

/// What a running system showed of one flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Live {
    /// The name on the system.
    pub who: String,
    /// What else is known, in words.
    pub remark: String,
    /// How sure it is, in hundredths.
    pub confidence: u8,
    /// Events not taken yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<u64>,
}

/// What a running system could and could not tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The protocol of its channels.
    pub protocol: String,
    /// What the cluster or server calls itself, the same at every one of its addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Questions it does not answer.
    pub not_observable: Vec<Unseen>,
}

/// A question that a system does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// Whose side of channels stays unknown; `None` when it is neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Relation>,
    /// Why: `unsupported`, `denied`, `off` or `incomplete`.
    pub why: String,
    /// What and why, in words.
    pub words: String,
}

impl Observation {
    /// Whether it is about channels of a protocol; JetStream is NATS.
    #[must_use]
    pub fn is_about(&self, protocol: Option<&str>) -> bool {
        protocol.is_none_or(|protocol| same_protocol(&self.protocol, protocol))
    }

    /// Why one side of channels is unknown.
    pub fn unseen(&self, relation: Relation) -> impl Iterator<Item = &Unseen> {
        self.not_observable.iter().filter(move |unseen| unseen.relation == Some(relation))
    }
}

fn same_protocol(one: &str, other: &str) -> bool {
    fn of_server(protocol: &str) -> &str {
        if protocol == "jetstream" { "nats" } else { protocol }
    }
    of_server(one) == of_server(other)
}

/// A system, and what it told.
#[derive(Clone, Debug)]
pub struct System {
    /// Its address without what stays secret.
    pub address: String,
    /// The protocol of its channels, such as `kafka`.
    pub protocol: String,
    /// What it told; for one that could not be asked, only why.
    pub told: Observed,
}

impl Graph {
    /// The graph with what systems told. Names on a system are services by `aliases`, else by their own names; channels
    /// are those whose addresses meet.
    #[must_use]
    pub fn observed(self, systems: &[System], aliases: &Aliases) -> Self {
        let mut joiner = Joiner::new(self, aliases);
        for system in systems {
            joiner.system(system);
        }
        joiner.graph()
    }
}

/// Takes in what was observed, channel by channel and service by service.
pub(super) struct Joiner<'a> {
    aliases: &'a Aliases,
    sources: Vec<SourceFile>,
    nodes: Vec<Node>,
    numbers: HashMap<String, usize>,
    edges: Vec<Edge>,
    /// Channels that were there before at which a service was said to be.
    declared: HashMap<(usize, Relation), Vec<usize>>,
    /// Channels that were there before.
    known: Meeting,
}

impl<'a> Joiner<'a> {
    pub(super) fn new(graph: Graph, aliases: &'a Aliases) -> Self {
        let Graph { sources, nodes, edges, .. } = graph;
        let numbers = nodes.iter().enumerate().map(|(number, node)| (node.id.clone(), number)).collect();
        let known = Meeting::new(&nodes);
        let mut declared: HashMap<(usize, Relation), Vec<usize>> = HashMap::new();
        for edge in edges.iter().filter(|edge| edge.relation.is_flow()) {
            let (service, channel) = match edge.relation {
                Relation::Sends => (edge.source.0, edge.target.0),
                Relation::Receives | Relation::Carries => (edge.target.0, edge.source.0),
            };
            if known.has(channel) {
                declared.entry((service, edge.relation)).or_default().push(channel);
            }
        }
        Self { aliases, sources, nodes, numbers, edges, declared, known }
    }

    /// The graph with all that was taken in.
    pub(super) fn graph(self) -> Graph {
        Graph::with_merged_edges(self.sources, self.nodes, self.edges)
    }

    /// One more source, and its number.
    pub(super) fn source(&mut self, source: SourceFile) -> usize {
        self.sources.push(source);
        self.sources.len() - 1
    }

    fn system(&mut self, system: &System) {
        let mut digest = Sha256::new();
        // A hash takes every byte, and what was told has no key that JSON could not write.
        let _ = serde_json::to_writer(&mut digest, &system.told);
        let unseen = system.told.not_observable.iter().map(|unseen| Unseen {
            relation: unseen.direction.map(relation),
            why: why(unseen.why).to_owned(),
            words: unseen.words.clone(),
        });
        let source = self.source(SourceFile {
            path: system.address.clone(),
            kind: EvidenceKind::System,
            version: None,
            sha256: digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
            observation: Some(Observation {
                protocol: system.protocol.clone(),
                identity: system.told.identity.clone(),
                not_observable: unseen.collect(),
            }),
        });
        for channel in &system.told.channels {
            self.channel(channel, &system.protocol, source);
        }
        let before = self.edges.len();
        for flow in &system.told.flows {
            self.flow(flow, &system.protocol, source);
        }
        let ends = |edge: &Edge| (edge.source.0, edge.target.0);
        let known: HashSet<(usize, usize)> = self.edges[before..].iter().map(ends).collect();
        for allowed in &system.told.allowed {
            self.allowed(allowed, system, &known, source);
        }
    }

    /// Marks the channels that a stream, topic, exchange or queue is, or adds it when it is none of them.
    fn channel(&mut self, channel: &ObservedChannel, protocol: &str, source: usize) {
        let mut addresses = channel.addresses.clone();
        if protocol == "amqp" {
            // Queues say by which exchange and key events get to them.
            let keys = channel.addresses.iter().filter_map(|address| address.split_once('/'));
            addresses.extend(keys.map(|(_, key)| key.to_owned()));
        }
        let in_nats = same_protocol(protocol, "nats");
        if !in_nats {
            addresses.insert(0, channel.name.clone());
        }
        let known = self.meeting(&addresses, protocol);
        for number in &known {
            self.mark(*number, source);
        }
        if known.is_empty() {
            let count = if in_nats { addresses.len() } else { 1 };
            for address in addresses.into_iter().take(count) {
                self.new_channel(&address, Some(protocol), source);
            }
        }
    }

    fn flow(&mut self, flow: &ObservedFlow, protocol: &str, source: usize) {
        let service = self.service(flow, source);
        let relation = relation(flow.direction);
        let certain: Vec<String> =
            flow.addresses.iter().filter(|address| *address != EVERYTHING).cloned().collect();
        let mut channels = self.meeting(&certain, protocol);
        if certain.len() < flow.addresses.len() {
            let declared = self.declared.get(&(service, relation)).into_iter().flatten().copied();
            let of_system = |number: &usize| self.nodes[*number].protocol.as_deref() == Some(protocol);
            let declared: Vec<usize> = declared.filter(of_system).collect();
            extend_new(&mut channels, declared);
        }
        if channels.is_empty() {
            let Some(address) = certain.first() else { return };
            channels.push(self.new_channel(address, Some(protocol), source));
        }
        let live = Live {
            who: flow.who.clone(),
            remark: flow.remark.clone(),
            confidence: flow.confidence,
            waiting: flow.waiting,
        };
        let by = (kind(flow.seen_by), source);
        for channel in channels {
            self.flow_between((service, flow.direction, channel), by, None, live.clone());
        }
    }

    /// Joins what somebody may do to the channels that its address meets, where nothing else is `known` of both; when it meets
    /// none, neither here nor there, what it is about is a channel that is not there.
    fn allowed(
        &mut self,
        allowed: &Allowed,
        system: &System,
        known: &HashSet<(usize, usize)>,
        source: usize,
    ) {
        let Some(address) = allowed.flow.addresses.first() else { return };
        let protocol = Some(system.protocol.as_str());
        let asked =
            if allowed.prefixed { Pattern::prefixed(address) } else { Pattern::new(protocol, address) };
        let met = self.known.of(address, &asked).into_iter().filter(|number| {
            let node = &self.nodes[*number];
            let own = node.protocol.as_deref();
            own.is_none_or(|own| same_protocol(own, &system.protocol))
                && !is_excepted(allowed, &node.name, protocol)
        });
        let mut channels: Vec<usize> = met.collect();
        let is_there = |channel: &ObservedChannel| asked.fits(protocol, &channel.name);
        let service = self.service(&allowed.flow, source);
        if channels.is_empty() && !system.told.channels.iter().any(is_there) {
            let name = if allowed.prefixed { format!("{address}*") } else { address.clone() };
            channels.push(self.absent_channel(&name, protocol, source));
        }
        let live = Live {
            who: allowed.flow.who.clone(),
            remark: allowed.flow.remark.clone(),
            confidence: allowed.flow.confidence,
            waiting: None,
        };
        for channel in channels {
            let ends = match allowed.flow.direction {
                Direction::Sends => (service, channel),
                Direction::Receives => (channel, service),
            };
            if !known.contains(&ends) {
                let by = (kind(allowed.flow.seen_by), source);
                self.edge((service, allowed.flow.direction, channel), by, None, live.clone());
            }
        }
    }

    /// One more flow between a service and a channel, and why it is believed: a kind of evidence of a source.
    pub(super) fn flow_between(
        &mut self,
        (service, direction, channel): (usize, Direction, usize),
        (kind, source): (EvidenceKind, usize),
        seen: Option<Seen>,
        live: Live,
    ) {
        self.mark(channel, source);
        self.edge((service, direction, channel), (kind, source), seen, live);
    }

    fn edge(
        &mut self,
        (service, direction, channel): (usize, Direction, usize),
        (kind, source): (EvidenceKind, usize),
        seen: Option<Seen>,
        live: Live,
    ) {
        let (from, to) = if direction == Direction::Sends { (service, channel) } else { (channel, service) };
        let evidence = Evidence { kind, place: whole(source), seen, live: Some(live) };
        self.edges.push(Edge {
            source: NodeIndex(from),
            target: NodeIndex(to),
            relation: relation(direction),
            messages: Vec::new(),
            evidence: vec![evidence],
            change: None,
        });
    }

    /// Notes that a node was seen in a source.
    pub(super) fn mark(&mut self, node: usize, source: usize) {
        extend_new(&mut self.nodes[node].defined_at, [whole(source)]);
    }

    /// Channels that were there before and that an address meets by the rules of one of the protocols; by those of every
    /// channel's own when there are none.
    pub(super) fn meeting_any(&self, address: &str, protocols: &[String]) -> Vec<usize> {
        let own: BTreeSet<&str>;
        let mut asked: Vec<&str> = protocols.iter().map(String::as_str).collect();
        if asked.is_empty() {
            own = self.nodes.iter().filter_map(|node| node.protocol.as_deref()).collect();
            asked.extend(own);
            // Also where no channel has a protocol.
            asked.push("");
        }
        let mut found = Vec::new();
        for protocol in asked {
            extend_new(&mut found, self.meeting(&[address.to_owned()], protocol));
        }
        found
    }

    /// Channels that were there before and that one of the addresses meets.
    fn meeting(&self, addresses: &[String], protocol: &str) -> Vec<usize> {
        let of_system = |number: &usize| {
            let own = self.nodes[*number].protocol.as_deref();
            own.is_none_or(|own| same_protocol(own, protocol))
        };
        let mut found = Vec::new();
        for address in addresses.iter().filter(|address| *address != EVERYTHING) {
            let met = self.known.of(address, &Pattern::new(Some(protocol), address));
            let met: Vec<usize> = met.into_iter().filter(of_system).collect();
            if found.is_empty() {
                found = met;
            } else {
                extend_new(&mut found, met);
            }
        }
        found
    }

    pub(super) fn new_channel(&mut self, address: &str, protocol: Option<&str>, source: usize) -> usize {
        self.node(channel_node(address, protocol), source)
    }

    /// A channel that only a permission knows of.
    fn absent_channel(&mut self, address: &str, protocol: Option<&str>, source: usize) -> usize {
        let mut node = channel_node(address, protocol);
        if let Some(number) = self.numbers.get(&node.id) {
            return *number;
        }
        node.defined_at = vec![Place { source, pointer: PERMISSIONS.to_owned(), line: 0 }];
        self.numbers.insert(node.id.clone(), self.nodes.len());
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn node(&mut self, mut node: Node, source: usize) -> usize {
        if let Some(number) = self.numbers.get(&node.id).copied() {
            self.mark(number, source);
            return number;
        }
        node.defined_at = vec![whole(source)];
        self.numbers.insert(node.id.clone(), self.nodes.len());
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// The service behind a name: by an alias of it or of its clients, else the one that is called so.
    fn service(&mut self, flow: &ObservedFlow, source: usize) -> usize {
        let identity = match flow.known_by {
            KnownBy::Client => Identity::Client,
            KnownBy::Group => Identity::Group,
            KnownBy::User => Identity::User,
            KnownBy::Service => Identity::Service,
        };
        if flow.known_by == KnownBy::Service {
            return self.named(&[(identity, flow.who.clone())], source);
        }
        let by_alias = self.aliases.service(identity, &flow.who);
        let own = self.numbers.get(&service_id(&flow.who)).copied();
        if let (None, Some(number)) = (by_alias, own) {
            self.mark(number, source);
            return number;
        }
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for client in &flow.clients {
            let known = self.aliases.service(Identity::Client, client);
            let declared = self.numbers.contains_key(&service_id(client)).then_some(client.as_str());
            names.extend(known.or(declared));
        }
        // Clients of several services in one group say nothing of whose it is.
        let of_clients = names.iter().next().copied().filter(|_| names.len() == 1);
        let name = by_alias.or(of_clients).unwrap_or(&flow.who);
        self.node(blank(service_id(name), NodeKind::Service, name.to_owned()), source)
    }

    /// The service of several names: by an alias of one, else the one that is called so or as the last part of a name,
    /// else a new one of the first name.
    pub(super) fn named(&mut self, names: &[(Identity, String)], source: usize) -> usize {
        let by_alias = names.iter().find_map(|(identity, name)| self.aliases.service(*identity, name));
        let is_there = |name: &&str| self.numbers.contains_key(&service_id(name));
        let whole = names.iter().map(|(_, name)| name.as_str());
        let parts = whole.clone().filter_map(|name| name.rsplit(['/', ':']).find(|part| !part.is_empty()));
        let name = by_alias.or_else(|| whole.clone().chain(parts).find(is_there));
        let name = name.or(names.first().map(|(_, name)| name.as_str())).unwrap_or_default().to_owned();
        self.node(blank(service_id(&name), NodeKind::Service, name), source)
    }
}

fn channel_node(address: &str, protocol: Option<&str>) -> Node {
    let prefix = protocol.map_or("-".to_owned(), |protocol| encoded(protocol, false));
    let id = format!("channel:{prefix}/{}", encoded(&shape(address), true));
    let mut node = blank(id, NodeKind::Channel, address.to_owned());
    node.protocol = protocol.map(str::to_owned);
    node
}

/// Whether a permission does not hold for a channel of this name. Of a name that stands for many it holds for some, unless all
/// of them are excepted.
fn is_excepted(allowed: &Allowed, name: &str, protocol: Option<&str>) -> bool {
    let own = Pattern::new(protocol, name);
    allowed.except.iter().any(|(address, prefixed)| {
        if *prefixed {
            own.prefix().starts_with(address)
        } else {
            own.is_literal() && Pattern::new(protocol, address).meets(&own)
        }
    })
}

/// A source as a whole: it has no lines.
fn whole(source: usize) -> Place {
    Place { source, pointer: String::new(), line: 0 }
}

fn service_id(name: &str) -> String {
    format!("service:{}", encoded(name, false))
}

fn relation(direction: Direction) -> Relation {
    match direction {
        Direction::Sends => Relation::Sends,
        Direction::Receives => Relation::Receives,
    }
}

fn why(why: Why) -> &'static str {
    match why {
        Why::Unsupported => "unsupported",
        Why::Denied => "denied",
        Why::Off => "off",
        Why::Incomplete => "incomplete",
    }
}

fn kind(seen_by: SeenBy) -> EvidenceKind {
    match seen_by {
        SeenBy::KafkaGroup => EvidenceKind::KafkaGroup,
        SeenBy::KafkaTransaction => EvidenceKind::KafkaTransaction,
        SeenBy::KafkaAcl => EvidenceKind::KafkaAcl,
        SeenBy::JetstreamConsumer => EvidenceKind::JetstreamConsumer,
        SeenBy::NatsSubscription => EvidenceKind::NatsSubscription,
        SeenBy::AmqpConsumer => EvidenceKind::AmqpConsumer,
        SeenBy::AmqpPublisher => EvidenceKind::AmqpPublisher,
        SeenBy::AmqpDeadLetter => EvidenceKind::AmqpDeadLetter,
        SeenBy::RedisGroup => EvidenceKind::RedisGroup,
        SeenBy::RedisAcl => EvidenceKind::RedisAcl,
        SeenBy::MosquittoAcl => EvidenceKind::MosquittoAcl,
        SeenBy::EventHeader => EvidenceKind::EventHeader,
    }
}
