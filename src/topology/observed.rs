//! What running systems show of who sends and who receives, joined with what is declared.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::aliases::{Aliases, Identity};
use super::graph::{
    Edge, Evidence, EvidenceKind, Graph, Node, NodeIndex, NodeKind, Place, Relation, SourceFile,
};
use super::names::{blank, encoded, extend_new, shape};
use super::patterns::Pattern;
use crate::endpoint::inspect::{Direction, KnownBy, Observed, ObservedChannel, ObservedFlow, SeenBy, Why};

/// Keys of AMQP by which everything gets through; they confirm what is declared and prove nothing else.
const EVERYTHING: &str = "#";

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
    let family =
        |protocol: &str| if protocol == "jetstream" { "nats".to_owned() } else { protocol.to_owned() };
    family(one) == family(other)
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
        Self::merged(joiner.sources, joiner.nodes, joiner.edges)
    }
}

struct Joiner<'a> {
    aliases: &'a Aliases,
    sources: Vec<SourceFile>,
    nodes: Vec<Node>,
    numbers: HashMap<String, usize>,
    edges: Vec<Edge>,
    declared: HashSet<(usize, usize)>,
    /// Patterns of channels that were there before, for those with wildcards.
    patterns: Vec<(usize, Pattern)>,
}

impl<'a> Joiner<'a> {
    fn new(graph: Graph, aliases: &'a Aliases) -> Self {
        let Graph { sources, nodes, edges, .. } = graph;
        let numbers = nodes.iter().enumerate().map(|(number, node)| (node.id.clone(), number)).collect();
        let declared = edges.iter().map(|edge| (edge.source.0, edge.target.0)).collect();
        let channels = nodes.iter().enumerate().filter(|(_, node)| {
            // An address that is known only at run time meets nothing.
            node.kind == NodeKind::Channel && !node.id.contains("/~")
        });
        let patterns = channels
            .map(|(number, node)| (number, Pattern::new(node.protocol.as_deref(), &node.name)))
            .collect();
        Self { aliases, sources, nodes, numbers, edges, declared, patterns }
    }

    fn system(&mut self, system: &System) {
        let digest = Sha256::digest(serde_json::to_vec(&system.told).unwrap_or_default());
        let unseen = system.told.not_observable.iter().map(|unseen| Unseen {
            relation: unseen.direction.map(relation),
            why: why(unseen.why).to_owned(),
            words: unseen.words.clone(),
        });
        let source = self.sources.len();
        self.sources.push(SourceFile {
            path: system.address.clone(),
            kind: EvidenceKind::System,
            version: None,
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            observation: Some(Observation {
                protocol: system.protocol.clone(),
                not_observable: unseen.collect(),
            }),
        });
        for channel in &system.told.channels {
            self.channel(channel, &system.protocol, source);
        }
        for flow in &system.told.flows {
            self.flow(flow, &system.protocol, source);
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
        let place = Place { source, pointer: String::new(), line: 0 };
        for number in &known {
            extend_new(&mut self.nodes[*number].defined_at, [place.clone()]);
        }
        if known.is_empty() {
            let count = if in_nats { addresses.len() } else { 1 };
            for address in addresses.into_iter().take(count) {
                self.new_channel(&address, protocol, &place);
            }
        }
    }

    fn flow(&mut self, flow: &ObservedFlow, protocol: &str, source: usize) {
        let place = Place { source, pointer: String::new(), line: 0 };
        let service = self.service(flow, &place);
        let relation = relation(flow.direction);
        let certain: Vec<String> =
            flow.addresses.iter().filter(|address| *address != EVERYTHING).cloned().collect();
        let mut channels = self.meeting(&certain, protocol);
        if certain.len() < flow.addresses.len() {
            let declared = self.patterns.iter().map(|(number, _)| *number).filter(|number| {
                let ends = if relation == Relation::Sends { (service, *number) } else { (*number, service) };
                let is_of = self.nodes[*number].protocol.as_deref() == Some(protocol);
                is_of && self.declared.contains(&ends)
            });
            let declared: Vec<usize> = declared.collect();
            extend_new(&mut channels, declared);
        }
        if channels.is_empty() {
            let Some(address) = certain.first() else { return };
            channels.push(self.new_channel(address, protocol, &place));
        }
        for channel in channels {
            extend_new(&mut self.nodes[channel].defined_at, [place.clone()]);
            let (source, target) =
                if relation == Relation::Sends { (service, channel) } else { (channel, service) };
            let live = Live {
                who: flow.who.clone(),
                remark: flow.remark.clone(),
                confidence: flow.confidence,
                waiting: flow.waiting,
            };
            let evidence =
                Evidence { kind: kind(flow.seen_by), place: place.clone(), seen: None, live: Some(live) };
            self.edges.push(Edge {
                source: NodeIndex(source),
                target: NodeIndex(target),
                relation,
                messages: Vec::new(),
                evidence: vec![evidence],
                change: None,
            });
        }
    }

    /// Channels that were there before and that one of the addresses meets.
    fn meeting(&self, addresses: &[String], protocol: &str) -> Vec<usize> {
        let mut found = Vec::new();
        for address in addresses.iter().filter(|address| *address != EVERYTHING) {
            let asked = Pattern::new(Some(protocol), address);
            let of_protocol = self.patterns.iter().filter(|(number, _)| {
                let own = self.nodes[*number].protocol.as_deref();
                own.is_none_or(|own| same_protocol(own, protocol))
            });
            let met = of_protocol.filter(|(number, pattern)| {
                let name = &self.nodes[*number].name;
                name == address || (!(asked.is_literal() && pattern.is_literal()) && pattern.meets(&asked))
            });
            extend_new(&mut found, met.map(|(number, _)| *number));
        }
        found
    }

    fn new_channel(&mut self, address: &str, protocol: &str, place: &Place) -> usize {
        let id = format!("channel:{}/{}", encoded(protocol, false), encoded(&shape(address), true));
        let mut node = blank(id, NodeKind::Channel, address.to_owned());
        node.protocol = Some(protocol.to_owned());
        self.node(node, place)
    }

    fn node(&mut self, mut node: Node, place: &Place) -> usize {
        if let Some(number) = self.numbers.get(&node.id) {
            extend_new(&mut self.nodes[*number].defined_at, [place.clone()]);
            return *number;
        }
        node.defined_at = vec![place.clone()];
        self.numbers.insert(node.id.clone(), self.nodes.len());
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// The service behind a name: by an alias of it or of its clients, else the one that is called so.
    fn service(&mut self, flow: &ObservedFlow, place: &Place) -> usize {
        let identity = match flow.known_by {
            KnownBy::Client => Identity::Client,
            KnownBy::Group => Identity::Group,
            KnownBy::User => Identity::User,
        };
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for client in &flow.clients {
            let known = self.aliases.service(Identity::Client, client);
            let declared = self.numbers.contains_key(&service_id(client)).then_some(client.as_str());
            names.extend(known.or(declared));
        }
        let own = self.numbers.contains_key(&service_id(&flow.who)).then_some(flow.who.as_str());
        // Clients of several services in one group say nothing of whose it is.
        let of_clients = names.iter().next().copied().filter(|_| names.len() == 1);
        let name = self.aliases.service(identity, &flow.who).or(own).or(of_clients).unwrap_or(&flow.who);
        self.node(blank(service_id(name), NodeKind::Service, name.to_owned()), place)
    }
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
        SeenBy::JetstreamConsumer => EvidenceKind::JetstreamConsumer,
        SeenBy::NatsSubscription => EvidenceKind::NatsSubscription,
        SeenBy::AmqpConsumer => EvidenceKind::AmqpConsumer,
        SeenBy::AmqpPublisher => EvidenceKind::AmqpPublisher,
        SeenBy::RedisGroup => EvidenceKind::RedisGroup,
    }
}
