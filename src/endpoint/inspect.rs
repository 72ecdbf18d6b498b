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
    /// Whether we were let in; `None` when it never came to that.
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
    /// Channels it keeps or knows.
    pub channels: Vec<ObservedChannel>,
    /// What it does not show, said in words, so that an empty list is not read as "there is nothing".
    pub not_observable: Vec<String>,
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
