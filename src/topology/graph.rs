//! The graph itself in plain vectors: nodes, edges with their evidence, neighbours. It does not know where it came from.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::observed::{Live, Observation, Status};
use crate::diagnostic::Severity;

/// Index into [`Graph::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(pub usize);

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// An application.
    Service,
    /// A topic, subject, queue or stream.
    Channel,
    /// A message that passes on channels.
    Message,
}

/// What an edge says. An edge always points the way the data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// From a service to a channel.
    Sends,
    /// From a channel to a service.
    Receives,
    /// From a channel to a message.
    Carries,
}

impl Relation {
    /// The word used in every output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sends => "sends",
            Self::Receives => "receives",
            Self::Carries => "carries",
        }
    }

    /// Whether events flow along it.
    #[must_use]
    pub fn is_flow(self) -> bool {
        self != Self::Carries
    }
}

/// What became of a node or an edge between two states of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Only the later state has it.
    Added,
    /// Only the earlier state has it.
    Removed,
    /// Both have it, and something about it is different.
    Modified,
    /// Both have it, with another version.
    Versioned,
}

impl Change {
    /// The word used in every output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Modified => "modified",
            Self::Versioned => "versioned",
        }
    }
}

/// What kind of text, recording or system says that something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// An AsyncAPI document.
    Asyncapi,
    /// A plain event schema with `x-event`.
    EventSchema,
    /// A file that a document refers to.
    Reference,
    /// The lock that scaffolding a service left.
    ScaffoldLock,
    /// A saved graph that does not say why.
    SavedGraph,
    /// A recording: events were seen on a channel.
    Archive,
    /// Spans of OpenTelemetry.
    OtelSpan,
    /// The addresses of two channels meet, and something says it of the other one.
    Pattern,
    /// A running system that was asked.
    System,
    /// A Kafka consumer group: its members, or the positions it has left.
    KafkaGroup,
    /// A transaction of Kafka, or a producer with a transactional identifier that partitions remember.
    KafkaTransaction,
    /// A permission of a Kafka user.
    KafkaAcl,
    /// A consumer of a JetStream stream.
    JetstreamConsumer,
    /// A subscription of a NATS connection.
    NatsSubscription,
    /// A consumer of a RabbitMQ queue.
    AmqpConsumer,
    /// A channel of a RabbitMQ connection that publishes.
    AmqpPublisher,
    /// A rule of RabbitMQ by which a queue gives events up to an exchange.
    AmqpDeadLetter,
    /// A consumer group of a Redis stream.
    RedisGroup,
    /// A permission of a Redis user.
    RedisAcl,
    /// A permission of a client of Mosquitto.
    MosquittoAcl,
    /// What events that a system keeps say of who sent them.
    EventHeader,
}

impl EvidenceKind {
    /// Whether it says only that somebody may.
    #[must_use]
    pub fn is_permission(self) -> bool {
        matches!(self, Self::KafkaAcl | Self::RedisAcl | Self::MosquittoAcl)
    }

    /// Whether it says what happened, not only what is meant to happen.
    #[must_use]
    pub fn is_observed(self) -> bool {
        match self {
            Self::Archive
            | Self::OtelSpan
            | Self::System
            | Self::KafkaGroup
            | Self::KafkaTransaction
            | Self::KafkaAcl
            | Self::JetstreamConsumer
            | Self::NatsSubscription
            | Self::AmqpConsumer
            | Self::AmqpPublisher
            | Self::AmqpDeadLetter
            | Self::RedisGroup
            | Self::RedisAcl
            | Self::MosquittoAcl
            | Self::EventHeader => true,
            Self::Asyncapi
            | Self::EventSchema
            | Self::Reference
            | Self::ScaffoldLock
            | Self::SavedGraph
            | Self::Pattern => false,
        }
    }
}

/// How often and when something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// How many events or spans.
    pub count: u64,
    /// When first, in microseconds since 1970; `None` when not known.
    pub first: Option<i64>,
    /// When last.
    pub last: Option<i64>,
}

/// One file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path as given, with `/` between parts.
    pub path: String,
    /// What it is.
    pub kind: EvidenceKind,
    /// The version of its format, such as `3.0`.
    pub version: Option<String>,
    /// SHA-256 of its text in hexadecimal digits; of what was told, for a system.
    pub sha256: String,
    /// What a running system could and could not tell.
    pub observation: Option<Observation>,
}

/// A place in a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Index into the sources of the graph.
    pub source: usize,
    /// JSON Pointer in that file; what was looked at, in a recording.
    pub pointer: String,
    /// Line, from 1; 0 where there are no lines.
    pub line: u32,
}

/// Why an edge is believed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// What kind of text says so.
    pub kind: EvidenceKind,
    /// Where it says so.
    pub place: Place,
    /// How often it was seen, if it was.
    pub seen: Option<Seen>,
    /// What a running system showed, if one did.
    pub live: Option<Live>,
}

impl Evidence {
    /// Whether it says what happened, not only what is meant to happen.
    #[must_use]
    pub fn is_observed(&self) -> bool {
        self.kind.is_observed() || self.live.is_some()
    }
}

/// A service, a channel or a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `service:NAME`, `channel:PROTOCOL/ADDRESS` (`-` when the protocol is unknown), `message:NAME@VERSION`;
    /// stable, and safe in a URL.
    pub id: String,
    /// What it stands for.
    pub kind: NodeKind,
    /// Name of a service or message; address of a channel, or its key when the address is only known at run time.
    pub name: String,
    /// The title, if written.
    pub title: Option<String>,
    /// The version, if written.
    pub version: Option<String>,
    /// The description, if written.
    pub description: Option<String>,
    /// The protocol of a channel without its transport security, such as `kafka`; `None` when unknown.
    pub protocol: Option<String>,
    /// `x-domain`, or the first tag.
    pub domain: Option<String>,
    /// `x-owner`.
    pub owners: Vec<String>,
    /// SHA-256 of the schemas of a message in hexadecimal digits, with all they refer to; `None` when there are none or they
    /// are not known.
    pub schema: Option<String>,
    /// Where it is defined.
    pub defined_at: Vec<Place>,
    /// What became of it, in the difference of two graphs.
    pub change: Option<Change>,
}

/// An arrow between two nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Where the data comes from.
    pub source: NodeIndex,
    /// Where the data goes.
    pub target: NodeIndex,
    /// What it says.
    pub relation: Relation,
    /// Messages it is about; empty for `carries`.
    pub messages: Vec<NodeIndex>,
    /// Why it is believed.
    pub evidence: Vec<Evidence>,
    /// What became of it, in the difference of two graphs.
    pub change: Option<Change>,
}

impl Edge {
    /// Whether it is declared, observed, or both.
    #[must_use]
    pub fn status(&self) -> Status {
        let declared = self.evidence.iter().any(|evidence| !evidence.is_observed());
        // That somebody may do what is declared does not confirm that it does.
        let observed =
            self.evidence.iter().any(|evidence| evidence.is_observed() && !evidence.kind.is_permission());
        match (declared, observed) {
            (true, true) => Status::Both,
            (true, false) => Status::DeclaredOnly,
            (false, _) if self.evidence.is_empty() => Status::DeclaredOnly,
            (false, _) => Status::ObservedOnly,
        }
    }

    /// Whether nothing is known but that somebody may.
    #[must_use]
    pub fn is_only_allowed(&self) -> bool {
        !self.evidence.is_empty() && self.evidence.iter().all(|evidence| evidence.kind.is_permission())
    }

    /// Events that have not been taken yet, of all who were seen.
    #[must_use]
    pub fn lag(&self) -> Option<u64> {
        let waiting = self.evidence.iter().filter_map(|evidence| evidence.live.as_ref()?.waiting);
        waiting.reduce(u64::saturating_add)
    }
}

/// What is wrong with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckRule {
    /// Services receive from the channel, none sends to it.
    NoProducer,
    /// Services send to the channel, none receives from it.
    NoConsumer,
    /// The channel is declared, nobody uses it.
    Unused,
}

impl CheckRule {
    /// The name of the rule.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoProducer => "channel/no-producer",
            Self::NoConsumer => "channel/no-consumer",
            Self::Unused => "channel/unused",
        }
    }
}

/// A finding about the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is wrong.
    pub rule: CheckRule,
    /// Its weight.
    pub level: Severity,
    /// With which node.
    pub node: NodeIndex,
}

/// Services, channels and messages, and what flows between them.
///
/// Nodes are sorted by kind and identifier, edges by relation and ends, whatever the order of reading.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Files that were read.
    pub sources: Vec<SourceFile>,
    /// All nodes.
    pub nodes: Vec<Node>,
    /// All edges.
    pub edges: Vec<Edge>,
    outgoing: Adjacency,
    incoming: Adjacency,
    many_protocols: bool,
}

/// For each node its edges, as ranges of one vector.
#[derive(Clone, Debug, Default)]
struct Adjacency {
    starts: Vec<usize>,
    edges: Vec<usize>,
}

impl Adjacency {
    fn new(nodes: usize, ends: impl Iterator<Item = usize> + Clone) -> Self {
        let mut starts = vec![0; nodes + 1];
        for end in ends.clone() {
            starts[end + 1] += 1;
        }
        for index in 0..nodes {
            starts[index + 1] += starts[index];
        }
        let mut next = starts.clone();
        let mut edges = vec![0; starts[nodes]];
        for (edge, end) in ends.enumerate() {
            edges[next[end]] = edge;
            next[end] += 1;
        }
        Self { starts, edges }
    }

    fn of(&self, node: NodeIndex) -> &[usize] {
        &self.edges[self.starts[node.0]..self.starts[node.0 + 1]]
    }
}

impl Graph {
    /// Sorts nodes and edges and finds the neighbours. Ends of `edges` are indexes into `nodes` as given.
    #[must_use]
    pub fn new(sources: Vec<SourceFile>, nodes: Vec<Node>, edges: Vec<Edge>) -> Self {
        let mut order: Vec<usize> = (0..nodes.len()).collect();
        order.sort_by(|left, right| {
            (nodes[*left].kind, &nodes[*left].id).cmp(&(nodes[*right].kind, &nodes[*right].id))
        });
        let mut place = vec![NodeIndex(0); nodes.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = NodeIndex(new);
        }
        let mut slots: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
        let nodes: Vec<Node> = order.iter().filter_map(|old| slots[*old].take()).collect();
        let mut edges: Vec<Edge> = edges
            .into_iter()
            .map(|mut edge| {
                edge.source = place[edge.source.0];
                edge.target = place[edge.target.0];
                edge.messages = edge.messages.iter().map(|message| place[message.0]).collect();
                edge.messages.sort_unstable();
                edge
            })
            .collect();
        edges.sort_by_key(|edge| (edge.relation, edge.source, edge.target));
        let outgoing = Adjacency::new(nodes.len(), edges.iter().map(|edge| edge.source.0));
        let incoming = Adjacency::new(nodes.len(), edges.iter().map(|edge| edge.target.0));
        let protocols: BTreeSet<&String> = nodes.iter().filter_map(|node| node.protocol.as_ref()).collect();
        let many_protocols = protocols.len() > 1;
        Self { sources, nodes, edges, outgoing, incoming, many_protocols }
    }

    /// Nodes of a kind, in order.
    pub fn of_kind(&self, kind: NodeKind) -> impl Iterator<Item = NodeIndex> + '_ {
        let all = self.nodes.iter().enumerate();
        all.filter(move |(_, node)| node.kind == kind).map(|(index, _)| NodeIndex(index))
    }

    /// A node.
    ///
    /// # Panics
    /// When the index was made by another graph.
    #[must_use]
    pub fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index.0]
    }

    /// Indexes into [`Graph::edges`] of those that leave a node.
    #[must_use]
    pub fn outgoing_edges(&self, node: NodeIndex) -> &[usize] {
        self.outgoing.of(node)
    }

    /// Indexes into [`Graph::edges`] of those that enter a node.
    #[must_use]
    pub fn incoming_edges(&self, node: NodeIndex) -> &[usize] {
        self.incoming.of(node)
    }

    /// Edges that leave a node.
    pub fn outgoing(&self, node: NodeIndex) -> impl Iterator<Item = &Edge> + '_ {
        self.outgoing.of(node).iter().map(|edge| &self.edges[*edge])
    }

    /// Edges that enter a node.
    pub fn incoming(&self, node: NodeIndex) -> impl Iterator<Item = &Edge> + '_ {
        self.incoming.of(node).iter().map(|edge| &self.edges[*edge])
    }

    /// Services that send to a channel.
    pub fn producers(&self, channel: NodeIndex) -> impl Iterator<Item = NodeIndex> + '_ {
        self.incoming(channel).filter(|edge| edge.relation == Relation::Sends).map(|edge| edge.source)
    }

    /// Services that receive from a channel.
    pub fn consumers(&self, channel: NodeIndex) -> impl Iterator<Item = NodeIndex> + '_ {
        self.outgoing(channel).filter(|edge| edge.relation == Relation::Receives).map(|edge| edge.target)
    }

    /// Messages that a channel carries.
    pub fn messages(&self, channel: NodeIndex) -> impl Iterator<Item = NodeIndex> + '_ {
        self.outgoing(channel).filter(|edge| edge.relation == Relation::Carries).map(|edge| edge.target)
    }

    /// The short text for people: the name; with its protocol when channels have different ones; with its version for a message.
    #[must_use]
    pub fn label(&self, index: NodeIndex) -> Cow<'_, str> {
        let node = self.node(index);
        match (node.kind, &node.protocol, &node.version) {
            (NodeKind::Channel, Some(protocol), _) if self.many_protocols => {
                Cow::Owned(format!("{protocol}:{}", node.name))
            }
            (NodeKind::Message, _, Some(version)) => Cow::Owned(format!("{}@{version}", node.name)),
            _ => Cow::Borrowed(&node.name),
        }
    }

    /// The domain under which a node is shown: its own, or for a channel the one all its producers, else all its consumers, share.
    #[must_use]
    pub fn group(&self, index: NodeIndex) -> Option<&str> {
        let node = self.node(index);
        if node.domain.is_some() || node.kind != NodeKind::Channel {
            return node.domain.as_deref();
        }
        self.shared_domain(self.producers(index)).or_else(|| self.shared_domain(self.consumers(index)))
    }

    fn shared_domain(&self, mut services: impl Iterator<Item = NodeIndex>) -> Option<&str> {
        let first = self.node(services.next()?).domain.as_deref()?;
        services.all(|service| self.node(service).domain.as_deref() == Some(first)).then_some(first)
    }

    /// Channels that nobody sends to or nobody receives from, in order of nodes.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        self.of_kind(NodeKind::Channel)
            .filter_map(|node| {
                let is_use = |edge: &Edge| edge.relation.is_flow() && !edge.is_only_allowed();
                let sent = self.incoming(node).any(is_use);
                let received = self.outgoing(node).any(is_use);
                let rule = match (sent, received) {
                    (true, true) => return None,
                    (true, false) => CheckRule::NoConsumer,
                    (false, true) => CheckRule::NoProducer,
                    (false, false) => CheckRule::Unused,
                };
                Some(Check { rule, level: Severity::Warning, node })
            })
            .collect()
    }

    /// Whether a running system was asked, or a recording or a trace was read.
    #[must_use]
    pub fn is_observed(&self) -> bool {
        self.sources.iter().any(|source| source.kind.is_observed())
    }

    /// How many nodes of a kind there are.
    #[must_use]
    pub fn count(&self, kind: NodeKind) -> usize {
        self.of_kind(kind).count()
    }

    /// Edges along which events flow: all but `carries`.
    pub fn flows(&self) -> impl Iterator<Item = &Edge> + '_ {
        self.edges.iter().filter(|edge| edge.relation.is_flow())
    }
}
