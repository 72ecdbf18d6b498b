//! What a system tells about itself: reachable or not, who it is, and who sends and receives on it.

use std::time::Duration;

use super::{BoxFuture, EndpointError, EndpointErrorKind};
use crate::event::Timestamp;

/// The answer to "is it there, and may we?".
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ProbeReport {
    /// The address, masked.
    pub address: String,
    /// The question was put at all; not when what opens the server is missing.
    pub asked: bool,
    /// Something answers there.
    pub reachable: bool,
    /// What the server calls itself, with its version, as far as it says.
    pub server: Option<String>,
    /// The protocol version spoken.
    pub protocol: Option<String>,
    /// Whether we were let in, and at what the address names; `None` when it never came to that.
    pub authorised: Option<bool>,
    /// Microseconds from the first byte of the connection to the server's greeting.
    pub latency_us: Option<u64>,
    /// How far the server's clock is ahead of ours, in microseconds, where it tells its time; negative is behind.
    pub clock_offset_us: Option<i64>,
    /// Further facts in order: name and value.
    pub facts: Vec<Fact>,
    /// What is wrong, each with the next step.
    pub problems: Vec<Problem>,
}

/// One thing a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fact {
    /// What it is, such as `largest payload`.
    pub name: String,
    /// Its value, in words.
    pub value: String,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// What and where.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
}

impl From<&EndpointError> for Problem {
    fn from(error: &EndpointError) -> Self {
        Self { message: error.message.clone(), help: error.help.clone() }
    }
}

impl Default for ProbeReport {
    fn default() -> Self {
        Self {
            address: String::new(),
            asked: true,
            reachable: false,
            server: None,
            protocol: None,
            authorised: None,
            latency_us: None,
            clock_offset_us: None,
            facts: Vec::new(),
            problems: Vec::new(),
        }
    }
}

impl ProbeReport {
    /// The report of a server that greeted us.
    #[must_use]
    pub fn greeted(address: &impl ToString, latency: Duration) -> Self {
        Self {
            address: address.to_string(),
            reachable: true,
            authorised: Some(true),
            latency_us: u64::try_from(latency.as_micros()).ok(),
            ..Self::default()
        }
    }

    /// The report of a server that could not be used.
    #[must_use]
    pub fn failed(address: &impl ToString, error: &EndpointError) -> Self {
        use EndpointErrorKind as Kind;
        let unreachable = matches!(error.kind, Kind::Unreachable | Kind::Timeout | Kind::Disconnected);
        Self {
            address: address.to_string(),
            reachable: !unreachable,
            authorised: (error.kind == Kind::Unauthorised).then_some(false),
            problems: vec![Problem::from(error)],
            ..Self::default()
        }
    }

    /// Notes that what the address names cannot be used; where that is forbidden we are not let in.
    #[cfg(any(feature = "amqp", feature = "kafka", feature = "nats"))]
    pub(super) fn unusable(&mut self, error: &EndpointError) {
        if error.kind == EndpointErrorKind::Unauthorised {
            self.authorised = Some(false);
        }
        self.problems.push(Problem::from(error));
    }

    /// Notes the time a server told in an answer, and when it was asked and had answered by our clock.
    pub fn clock(&mut self, told: Timestamp, asked: Timestamp, answered: Timestamp) {
        let middle = asked.0.midpoint(answered.0);
        self.clock_offset_us = Some(told.0 - middle);
    }

    /// As [`ProbeReport::clock`], for a server that tells only whole seconds: what can be explained by that is no offset.
    pub fn clock_of_seconds(&mut self, told: Timestamp, asked: Timestamp, answered: Timestamp) {
        let (least, most) = (told.0 - answered.0, told.0 + 1_000_000 - asked.0);
        self.clock_offset_us = Some(0.clamp(least.min(most), most));
    }

    /// Adds a fact.
    pub fn fact(&mut self, name: &str, value: &impl ToString) {
        self.facts.push(Fact { name: name.to_owned(), value: value.to_string() });
    }
}

/// What a system shows of who sends and who receives.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Observed {
    /// What the cluster or server calls itself, the same at every one of its addresses; `None` where it does not say.
    pub identity: Option<String>,
    /// Channels it keeps or knows.
    pub channels: Vec<ObservedChannel>,
    /// Who was seen to send or to receive.
    pub flows: Vec<ObservedFlow>,
    /// Who may send or receive at channels that it does not list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Allowed>,
    /// What it does not show, so that an empty list is not read as "there is nothing".
    pub not_observable: Vec<NotObservable>,
    /// How many events went by until now; of two looks they give a rate.
    #[serde(skip)]
    pub counts: Vec<Count>,
}

/// How many events went by until now: a number that only grows, until a channel is made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The name of an [`ObservedChannel`].
    pub channel: String,
    /// Who took them, as in [`ObservedFlow::who`]; `None` for all that came in.
    pub reader: Option<String>,
    /// How many.
    pub events: u64,
}

/// Which way events go between a client and a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the client to the channel.
    Sends,
    /// From the channel to the client.
    Receives,
}

/// What kind of name a client is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KnownBy {
    /// The name it gives itself: `client.id`, the name of a connection.
    Client,
    /// A consumer group, a durable consumer, a queue group.
    Group,
    /// Who logged in.
    User,
    /// The name of a service in events that it sent.
    Service,
}

/// What it was seen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeenBy {
    /// A Kafka consumer group: its members, or the positions it has left.
    KafkaGroup,
    /// A transaction of Kafka, or a producer with a transactional identifier that partitions remember.
    KafkaTransaction,
    /// A permission of a Kafka user: it may, which does not mean that it does.
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
    /// A permission of a Redis user: it may, which does not mean that it does.
    RedisAcl,
    /// A permission of a client of Mosquitto: it may, which does not mean that it does.
    MosquittoAcl,
    /// What events that the system keeps say of who sent them.
    EventHeader,
}

/// A client at a channel.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ObservedFlow {
    /// The name it is known by.
    pub who: String,
    /// What kind of name that is.
    pub known_by: KnownBy,
    /// Names of the clients behind it, where it is a group.
    pub clients: Vec<String>,
    /// Which way events go.
    pub direction: Direction,
    /// What the system calls the place, then the addresses by which events get there; wildcards as the system writes them.
    pub addresses: Vec<String>,
    /// What it was seen by.
    pub seen_by: SeenBy,
    /// How sure it is, in hundredths: less for what is not there now.
    pub confidence: u8,
    /// Events it has not taken yet.
    pub waiting: Option<u64>,
    /// What else is known, in words, such as how many members a group has.
    pub remark: String,
}

/// What somebody may do at channels that need not be there, or that no system lists.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Allowed {
    /// Who, which way, and why it is believed; its one address is that of the channels.
    pub flow: ObservedFlow,
    /// The address is what the names of the channels begin with.
    pub prefixed: bool,
    /// What is forbidden all the same: addresses, and whether they are what names begin with.
    pub except: Vec<(String, bool)>,
}

/// Why something is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// The system has no such question.
    Unsupported,
    /// We may not ask.
    Denied,
    /// It could tell, and is set not to.
    Off,
    /// There were too many to ask about all, or an answer did not come.
    Incomplete,
}

/// A question the system does not answer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct NotObservable {
    /// Whose side of channels stays unknown; `None` when it is neither side.
    pub direction: Option<Direction>,
    /// Why.
    pub why: Why,
    /// What and why, in words.
    pub words: String,
}

impl NotObservable {
    /// A question about one side of channels.
    #[must_use]
    pub fn of(direction: Direction, why: Why, words: impl Into<String>) -> Self {
        Self { direction: Some(direction), why, words: words.into() }
    }

    /// A remark that leaves neither side of channels unknown.
    #[must_use]
    pub fn remark(why: Why, words: impl Into<String>) -> Self {
        Self { direction: None, why, words: words.into() }
    }

    /// What an error keeps from us.
    #[must_use]
    pub fn error(direction: Direction, what: &str, error: &EndpointError) -> Self {
        let why = match error.kind {
            EndpointErrorKind::Unauthorised => Why::Denied,
            EndpointErrorKind::Unsupported => Why::Unsupported,
            _ => Why::Incomplete,
        };
        Self::of(direction, why, format!("{what}: {error}"))
    }
}

/// A channel as the system shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ObservedChannel {
    /// The name of the stream or topic.
    pub name: String,
    /// Addresses it takes events from, wildcards as the system writes them.
    pub addresses: Vec<String>,
    /// Events kept there now.
    pub events: Option<u64>,
    /// Bytes kept there now.
    pub bytes: Option<u64>,
    /// Who reads from it.
    pub readers: Vec<ObservedReader>,
}

/// A reader as the system shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ObservedReader {
    /// Its name on the system.
    pub name: String,
    /// Events it has not taken yet.
    pub waiting: Option<u64>,
}

/// A system that can be asked who sends and who receives.
pub trait Inspect: Send {
    /// Asks it.
    ///
    /// # Errors
    /// When it does not answer or forbids the question.
    fn topology(&mut self) -> BoxFuture<'_, Result<Observed, EndpointError>>;
}
