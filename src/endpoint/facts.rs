//! What a system tells, before anything is sent, of the places events are to go to. Facts only; what follows from them is
//! for others to say.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::EndpointError;
use crate::event::Event;

/// Says why a system cannot be sent an event; nothing of one that can be written.
type Judge = dyn Fn(&Event) -> Option<EndpointError> + Send + Sync;

/// The id that an event will have in its channel.
type Identify = dyn Fn(&Event) -> RisingId + Send + Sync;

/// Why a system cannot be sent an event, whatever its server says.
pub struct Refusal {
    judge: Box<Judge>,
    by: DecidedBy,
    ids: Option<Box<Identify>>,
}

/// An id of a channel that takes only later ones than it had: milliseconds since 1970, and a number among those of the same
/// millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RisingId {
    /// Milliseconds since 1970.
    pub milliseconds: u64,
    /// The number; none where the system chooses it, behind those it has.
    pub number: Option<u64>,
}

impl RisingId {
    /// Whether a channel whose last id is `last` takes it.
    #[must_use]
    pub fn is_after(self, last: Self) -> bool {
        match self.number {
            Some(_) => self > last,
            None => self.milliseconds >= last.milliseconds,
        }
    }
}

impl fmt::Display for RisingId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(formatter, "{}-{number}", self.milliseconds),
            None => write!(formatter, "{}-*", self.milliseconds),
        }
    }
}

/// What of an event decides whether a system can be sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// Its channel alone.
    Channel,
    /// Its channel, its headers and its attributes.
    Labels,
    /// Anything.
    Everything,
}

impl Refusal {
    /// Judges by a function, which gives nothing of an event that can be written.
    pub fn new(
        by: DecidedBy,
        judge: impl Fn(&Event) -> Option<EndpointError> + Send + Sync + 'static,
    ) -> Self {
        Self { judge: Box::new(judge), by, ids: None }
    }

    /// Knows the id that each event will have in its channel, which takes only rising ones.
    #[must_use]
    pub fn with_ids(self, identify: impl Fn(&Event) -> RisingId + Send + Sync + 'static) -> Self {
        Self { ids: Some(Box::new(identify)), ..self }
    }

    /// Judges, by this of an event, what is made of it first; its id is that of the event itself.
    #[must_use]
    pub(super) fn after(
        self,
        by: DecidedBy,
        make: impl for<'e> Fn(&'e Event) -> Cow<'e, Event> + Send + Sync + 'static,
    ) -> Self {
        let Self { judge, ids, .. } = self;
        Self { judge: Box::new(move |event| judge(&make(event))), by, ids }
    }

    /// The id that this event will have, where ids only rise.
    #[must_use]
    pub fn id_of(&self, event: &Event) -> Option<RisingId> {
        self.ids.as_ref().map(|identify| identify(event))
    }

    /// Whether events have ids that only rise.
    #[must_use]
    pub fn has_ids(&self) -> bool {
        self.ids.is_some()
    }

    /// Why this event cannot be written.
    #[must_use]
    pub fn of(&self, event: &Event) -> Option<EndpointError> {
        (self.judge)(event)
    }

    /// What decides.
    #[must_use]
    pub fn decided_by(&self) -> DecidedBy {
        self.by
    }
}

/// What a system tells of the places events are to go to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TargetFacts {
    /// A name of the cluster that no other one has, where it has such a name.
    pub cluster: Option<String>,
    /// One for each channel that was asked about, in that order.
    pub channels: Vec<ChannelFacts>,
    /// What the system does not tell, in words, so that no fact is not read as "no limit".
    pub not_told: Vec<String>,
}

/// What a system tells of one channel. What is `None` it does not tell, or does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChannelFacts {
    /// The channel's address.
    pub channel: String,
    /// Whether it is there.
    pub presence: Presence,
    /// Why it takes nothing, when it does not.
    pub against: Option<String>,
    /// What to do when it is missing or takes nothing.
    pub help: Option<String>,
    /// Partitions it has, where events go to those they were recorded in.
    pub partitions: Option<u32>,
    /// Whether we may send to it.
    pub may_send: Option<bool>,
    /// How long events are kept.
    pub kept_for: Option<Duration>,
    /// Age counts from the time that events carry, else from their arrival.
    pub ages_by_own_time: bool,
    /// Events whose own time lies further back than this are refused.
    pub most_behind: Option<Duration>,
    /// Events whose own time lies further ahead than this are refused.
    pub most_ahead: Option<Duration>,
    /// Events whose own time lies before this are refused, in microseconds since 1970.
    pub earliest_us: Option<i64>,
    /// Events whose own id is not after this one are refused.
    pub last_id: Option<RisingId>,
    /// Bytes of the largest event taken, key and headers included.
    pub largest_event: Option<u64>,
    /// Events it keeps at most.
    pub most_events: Option<u64>,
    /// Bytes it keeps at most.
    pub most_bytes: Option<u64>,
    /// What keeps its events, where that has a name of its own, as a stream of JetStream has.
    pub kept_in: Option<String>,
    /// What it is called where its events are gone once they were consumed, such as a work queue.
    pub gives_away: Option<&'static str>,
    /// When it is full it refuses what comes; else it drops what is oldest.
    pub refuses_when_full: bool,
}

impl ChannelFacts {
    /// A channel of which nothing is known but its address.
    #[must_use]
    pub fn unknown(channel: impl Into<String>) -> Self {
        Self { channel: channel.into(), ..Self::default() }
    }
}

/// Whether a channel is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// The system has no list of channels, or does not show it.
    #[default]
    Unknown,
    /// It is there.
    There,
    /// It is not there yet, and the first event makes it.
    MadeOnSending,
    /// It is not there, and sending does not make it.
    Missing,
}
