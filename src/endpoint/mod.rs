//! Where events come from and go to. Drivers move bytes and report receipts; retry, pace and order live in `replay`.

use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::event::{Event, Place, Timestamp};

pub mod address;
#[cfg(any(
    feature = "amqp",
    feature = "http",
    feature = "kafka",
    feature = "mqtt",
    feature = "nats",
    feature = "redis"
))]
mod address_options;

#[cfg(any(feature = "amqp", feature = "kafka", feature = "mqtt", feature = "nats"))]
mod address_path;
pub mod ahead;
#[cfg(feature = "amqp")]
mod amqp;
pub mod capabilities;
pub mod cloud_events;
#[cfg(any(feature = "amqp", feature = "mqtt", feature = "nats", feature = "redis"))]
mod dial;
#[cfg(feature = "broker")]
pub mod embedded;
pub mod error;
pub mod facts;
pub mod file;
#[cfg(any(feature = "amqp", feature = "mqtt", feature = "nats", feature = "redis"))]
mod halt;
#[cfg(feature = "http")]
mod http;
pub mod inspect;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(any(
    test,
    not(all(
        feature = "amqp",
        feature = "http",
        feature = "kafka",
        feature = "mqtt",
        feature = "nats",
        feature = "redis"
    ))
))]
mod left_out;
mod masking;
pub mod memory;
#[cfg(feature = "mqtt")]
mod mqtt;
#[cfg(feature = "nats")]
mod nats;
pub mod open;
#[cfg(any(feature = "amqp", feature = "http", feature = "mqtt"))]
mod open_batch;
mod reading_thread;
#[cfg(any(feature = "kafka", feature = "nats"))]
mod receipt_book;
#[cfg(any(feature = "mqtt", feature = "nats"))]
mod receipts;
pub mod recording;
#[cfg(feature = "redis")]
mod redis_streams;
mod removed;
#[cfg(any(feature = "nats", feature = "redis"))]
mod rope;
pub mod stdio;
#[cfg(any(
    feature = "amqp",
    feature = "http",
    feature = "kafka",
    feature = "mqtt",
    feature = "nats",
    feature = "redis"
))]
#[cfg_attr(
    not(any(feature = "amqp", feature = "http", feature = "mqtt", feature = "nats", feature = "redis")),
    expect(dead_code, reason = "the client of Kafka reads certificates and keys itself")
)]
mod tls;
pub mod transaction;

pub use address::{Address, AddressError};
#[cfg(feature = "amqp")]
#[doc(hidden)]
pub use amqp::events_in as amqp_events_in;
pub use capabilities::Capabilities;
pub use error::{EndpointError, EndpointErrorKind};
pub use masking::{is_secret_header, mask, mask_in_line};
pub use recording::Recording;
pub use removed::Removed;
pub use transaction::{Checkpoint, Transactions};

/// A boxed future; one is made per batch, never per event.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where reading begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// What the system has by default: everything kept by a file or log, new events of a live broker.
    #[default]
    Default,
    /// The oldest event kept.
    Beginning,
    /// Only what arrives from now on.
    End,
    /// This offset or stream sequence number, included.
    Offset(u64),
    /// The first event at or after this time.
    Time(Timestamp),
    /// The last N events, then onwards.
    Last(u64),
}

/// Where reading ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stop {
    /// Never: follow until told to stop. A file ends at its end all the same.
    #[default]
    Never,
    /// What was there when reading began.
    PresentEnd,
    /// This offset or stream sequence number, not included.
    Offset(u64),
    /// The first event after this time is not read.
    Time(Timestamp),
}

impl Stop {
    /// Whether nothing that happens from now on lies before it.
    #[must_use]
    pub fn is_past(self) -> bool {
        match self {
            Self::Never => false,
            Self::PresentEnd | Self::Offset(_) => true,
            Self::Time(time) => time <= Timestamp::now(),
        }
    }
}

/// What ends the reading of a system that keeps nothing, in words for a user.
#[cfg(any(feature = "amqp", feature = "http", feature = "mqtt", feature = "nats"))]
const ENDS: &str = "end it with `-n`, `--to TIME` or Ctrl-C";

/// How a source is opened.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// Where reading begins.
    pub start: Start,
    /// Where it ends.
    pub stop: Stop,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// Credentials that do not stand in the address.
    pub credentials: Option<Credentials>,
    /// Events are taken away: each stays until [`Source::settle`] says what became of it. Where a system does that by a
    /// consumer group or a durable consumer, it is the one of this name, made when it is missing.
    pub takes: Option<String>,
    /// What is past of a channel in several partitions comes by the times of its events.
    pub by_time: bool,
    /// The channel is read as a recording; only for systems that keep events in partitions.
    pub recording: Option<Recording>,
}

/// How a sink is opened.
#[derive(Clone, Debug)]
pub struct SinkOptions {
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a receipt may take before the event counts as failed.
    pub receipt_timeout: Duration,
    /// Replace a file that is there, where the system is a file.
    pub overwrite: bool,
    /// Credentials that do not stand in the address.
    pub credentials: Option<Credentials>,
    /// Events come as fast as they are taken, so that one may wait a little for others to go with it.
    pub in_bulk: bool,
    /// Bytes that a channel takes at once, where its system was asked: what goes together has no more.
    pub at_once: Option<u64>,
    /// Events carry the marks of the run that sends them, by which one is known that comes a second time.
    pub marked: bool,
    /// A connection that was begun before, for this target.
    pub ahead: Option<ahead::Ahead>,
    /// Events go in transactions with the progress of their run; only for systems whose
    /// [`assurance`](Capabilities::assurance) is exactly once.
    pub transactions: Option<Transactions>,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            start: Start::Default,
            stop: Stop::Never,
            connect_timeout: Duration::from_secs(5),
            credentials: None,
            takes: None,
            by_time: false,
            recording: None,
        }
    }
}

impl Default for SinkOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            receipt_timeout: Duration::from_secs(30),
            overwrite: false,
            credentials: None,
            in_bulk: false,
            at_once: None,
            marked: false,
            ahead: None,
            transactions: None,
        }
    }
}

/// A user and a password, or a token, which is a password without a user; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user; empty for a token.
    pub username: String,
    /// The password or the token.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A user alone may be a token.
        let user = if self.password.is_empty() { "" } else { &self.username };
        write!(formatter, "Credentials({user}:***)")
    }
}

/// What happened to one of several sources that are read as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartNews {
    /// It is lost, for this reason, and is tried again.
    Lost {
        /// Why.
        error: String,
    },
    /// It works again.
    Back {
        /// Which one it is.
        name: String,
        /// It goes on where it stopped.
        goes_on: bool,
    },
}

/// Who is told of one of several sources.
pub type TellOfPart = Box<dyn Fn(PartNews) + Send>;

/// What became of an event that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was dealt with and may leave its place.
    Done,
    /// It stays where it is. A log that knows only one position for each partition passes over it.
    Left,
    /// It was not dealt with: it, and in a log everything after it in its partition, is to be read again.
    Again,
}

/// Events out of a system.
///
/// Where a system wants to be told what was read, the source tells it when the reader comes back for more or leaves, or,
/// where it can wait for that, when the reader says that an event has arrived where it was carried to
/// ([`Self::waits_for_word`]). MQTT cannot wait, since a broker gives no more than a few events without being told: one that
/// was read when the process died may be missing.
pub trait Source: Send {
    /// Waits for at least one event and returns at most `max`; an empty batch means the source has ended.
    ///
    /// Cancel safe: dropping the future loses no event.
    ///
    /// # Errors
    /// An [`EndpointError`] whose kind says whether trying again may help.
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>>;

    /// Whether the system is there now, as far as is known without asking it: after a loss, that it is back.
    fn connected(&self) -> bool {
        true
    }

    /// Where events can be sent to, when the source is a server that listens by itself.
    fn listens_at(&self) -> Option<String> {
        None
    }

    /// Whether it goes on where it stopped after a loss, because its system keeps what comes meanwhile.
    fn goes_on_where_it_stopped(&self) -> bool {
        false
    }

    /// Says what was lost on the way through no fault of the reader (a slow-consumer drop, for example).
    fn dropped(&self) -> u64 {
        0
    }

    /// Says what its system had removed before the reader came to it, since it keeps no more or not for longer.
    fn removed(&self) -> Removed {
        Removed::default()
    }

    /// Events that are still to come before the end, where the system says how many.
    fn left(&self) -> Option<u64> {
        None
    }

    /// Says what became of each event of the last batch, in its order, to a source that was opened for taking. Returns how
    /// many that were dealt with come again all the same, because one before them in their partition does.
    ///
    /// May be called again with the same fates when its future was dropped.
    ///
    /// # Errors
    /// When the system could not be told.
    fn settle<'a>(&'a mut self, fates: &'a [Fate]) -> BoxFuture<'a, Result<u64, EndpointError>> {
        let _ = fates;
        Box::pin(std::future::ready(Ok(0)))
    }

    /// Asks the source to tell its system of an event only once [`Self::dealt_with`] says so; false when it does not, or has
    /// nobody to tell. Asked before the first event.
    fn waits_for_word(&mut self) -> bool {
        false
    }

    /// So many of all events given out, in their order, were dealt with.
    fn dealt_with(&mut self, events: u64) {
        let _ = events;
    }

    /// Whether what is read stays where it is, so that more may be read than is wanted.
    fn leaves_what_it_reads(&self) -> bool {
        false
    }

    /// Whether its system gives nothing more before it is told of what it gave.
    fn is_held_up(&self) -> bool {
        false
    }

    /// Asks a source that is several to try each lost one again by itself, for so long, and to tell of it. False when it is one,
    /// and its reader tries again.
    fn look_after(&mut self, patience: Duration, tell: TellOfPart) -> bool {
        let _ = (patience, tell);
        false
    }

    /// Leaves cleanly. What was taken and not settled stays where it is.
    ///
    /// # Errors
    /// When leaving could not be said to the system.
    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>>;
}

/// Where what is sent to a channel from now on will lie, at the earliest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The channel's address.
    pub channel: String,
    /// The partition, where the system has partitions.
    pub partition: Option<i32>,
    /// The offset or sequence number the next event gets.
    pub offset: u64,
}

/// What became of one event.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The place the system gave it, or why it was not taken.
    pub outcome: Result<Place, Box<EndpointError>>,
    /// When the receipt arrived.
    pub at: Instant,
}

impl Delivery {
    /// Taken by the system, now.
    #[must_use]
    pub fn acknowledged(place: Place) -> Self {
        Self { outcome: Ok(place), at: Instant::now() }
    }

    /// Refused or lost, now.
    #[must_use]
    pub fn failed(error: EndpointError) -> Self {
        Self { outcome: Err(Box::new(error)), at: Instant::now() }
    }
}

/// The receipts of one batch, one per event in the order of the batch, once all are known.
pub type Receipts = BoxFuture<'static, Vec<Delivery>>;

/// Events into a system.
///
/// Sending has two steps so that pace and receipts do not wait for each other: the outer future ends when the whole
/// batch is handed to the client in order (it waits while the client's window is full: back-pressure), the inner one
/// when every event of it is acknowledged or failed. Batches are handed over in order of the calls.
pub trait Sink: Send {
    /// What the system can carry.
    fn capabilities(&self) -> Capabilities;

    /// Most events of one call that make sense. A system that takes events one by one wants few: the receipts of a call come
    /// together, and when a run is broken off, a call whose receipts are not all there counts as a whole.
    fn most_at_once(&self) -> usize {
        usize::MAX
    }

    /// The same as things are now, never more: where the receipts of a call take long, it has few events, and where they
    /// are there at once, many.
    fn best_at_once(&self) -> usize {
        self.most_at_once()
    }

    /// Hands a batch over, in order, and returns its receipts to come.
    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts>;

    /// Says that receipts are waited for and nothing more comes until then: what is held back to go together goes now.
    /// What goes wrong shows in the receipts. Most systems hold nothing back.
    fn flush(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// How long it is waited, for a receipt or for more events, until [`Self::flush`] is called again: where what is held back
    /// goes by itself when there is much of it. Where there is little, receipts are waited for after a flush. Without it, they
    /// always are, and more events are waited for a second.
    fn holds_back_for(&self) -> Option<Duration> {
        None
    }

    /// Says that all receipts given out have been looked at, and that what failed comes first now. A sink that lost its
    /// connection refuses everything until then (as unreachable: nothing of it was sent), so that no event overtakes one that
    /// failed before it and whose receipt is still on its way to the caller.
    fn resume(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// When the last receipt came, where a sink knows it: on a slow way the receipts of a call take longer than any one of them.
    fn last_receipt(&self) -> Option<std::time::Instant> {
        None
    }

    /// Whether what has its receipt is there for good, whatever becomes of this process; not where it is whole only once closed.
    fn receipts_last(&self) -> bool {
        true
    }

    /// Says that receipts are waited for no longer, and that nothing comes but [`Sink::close`]. True when all receipts given
    /// out come at once now: what was not begun is not sent any more, and what has no answer yet counts as failed.
    fn cut_short(&mut self) -> bool {
        false
    }

    /// Flushes and leaves cleanly; receipts given out before still resolve.
    ///
    /// # Errors
    /// When flushing failed.
    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>>;
}
