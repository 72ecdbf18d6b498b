//! Events out of a JetStream stream, through a reader of our own that the server forgets: no durable consumer is touched.

use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::stream::RetentionPolicy;
use futures_util::FutureExt;

use super::connection::lost_since;
use super::failure;
use super::message::Stored;
use super::reader::{REMEMBERED, Reader, Subject, from_sequence};
use super::streams::{self, API, Opening, STREAMS_COME_BACK};
use crate::endpoint::{
    Address, BoxFuture, EndpointError, EndpointErrorKind, Removed, Source, SourceOptions, Start, Stop,
};
use crate::event::{Event, Timestamp};

/// How long nothing may arrive before the server is asked whether the end is reached.
const QUIET: Duration = Duration::from_millis(300);
/// How the subjects begin that a reader asks for events.
const ASKING: &str = "$JS.API.CONSUMER.MSG.NEXT.";
/// How they begin where the server tells of a reader, and where it is to forget one.
const TELLING: &str = "$JS.API.CONSUMER.INFO.";
const FORGETTING: &str = "$JS.API.CONSUMER.DELETE.";
/// How long the server may take to forget the reader.
const CLOSE: Duration = Duration::from_secs(2);

/// How soon the stream is asked again what it keeps, and how long it may take to answer.
const ASK_AGAIN: Duration = Duration::from_secs(1);
const ANSWER: Duration = Duration::from_secs(1);

/// How long a stream may be quiet before it is asked whether it is still the one we read.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// A reader of one stream.
pub(super) struct StreamSource {
    opening: Opening,
    reader: Reader,
    /// What has come and is not handed over.
    arrived: Option<Arrived>,
    stop: Stop,
    /// When an event or an answer about the stream last came.
    looked: Instant,
    /// How often the connection had been lost then.
    losses: u64,
    /// Of how many losses it was told.
    losses_told: u64,
    /// When the connection was first seen again after so many losses.
    back: Option<(u64, Instant)>,
    ended: bool,
    /// What the stream had removed before it was read, and when that was last asked.
    removed: Removed,
    asked: Option<Instant>,
}

impl StreamSource {
    /// Finds the stream and begins to read.
    pub(super) async fn open(address: &Address, options: &SourceOptions) -> Result<Self, EndpointError> {
        let mut opening = Opening::of(address, options).await?;
        let place = opening.begin(options.start).await?;
        let reader = opening.read_from(place).await?;
        Ok(Self {
            losses: opening.connection.losses(),
            losses_told: opening.connection.losses(),
            opening,
            reader,
            arrived: None,
            stop: options.stop,
            looked: Instant::now(),
            back: None,
            ended: false,
            removed: Removed::default(),
            asked: None,
        })
    }

    async fn read(&mut self, max: usize) -> Result<Vec<Event>, EndpointError> {
        while !self.ended {
            if self.arrived.is_none() {
                let patience = if self.stop == Stop::Never { LOOK_AGAIN } else { QUIET };
                // Kept here, for whoever waits may look away during what follows.
                let connection = &self.opening.connection;
                let next = connection.unless_ever_refused(ASKING, self.reader.next());
                let lost = lost_since(connection.history.clone(), self.losses_told);
                self.arrived = tokio::select! {
                    biased;
                    arrived = tokio::time::timeout(patience, next) => arrived.ok(),
                    () = lost => {
                        self.losses_told = connection.losses();
                        return Err(failure::disconnected(&connection.address));
                    }
                };
            }
            // What follows is asked for by its number, whichever stream has the name by then.
            self.look_again().await?;
            if self.is_time_to_ask() {
                self.ask_for_removed().await;
            }
            if let Some(first) = self.arrived.take() {
                self.looked = Instant::now();
                let batch = self.take(first, max)?;
                if !batch.is_empty() {
                    return Ok(batch);
                }
            } else if !self.ended {
                self.ended = self.is_at_end().await?;
                if self.ended {
                    self.comes_to_its_end();
                }
            }
        }
        if self.reader.gaps().are_open() {
            self.ask_for_removed().await;
        }
        Ok(Vec::new())
    }

    /// Whether there are sequence numbers that did not come, and the stream was not asked about such a moment ago.
    fn is_time_to_ask(&mut self) -> bool {
        self.reader.gaps().are_open() && self.asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN)
    }

    /// Asks the stream for the first event it keeps: what did not come before that was removed. Without an answer it is asked
    /// again later.
    async fn ask_for_removed(&mut self) {
        let Opening { connection, stream, .. } = &self.opening;
        self.asked = Some(Instant::now());
        if !connection.is_up() {
            return;
        }
        let Ok(Ok(told)) = tokio::time::timeout(ANSWER, stream.get_info()).await else { return };
        if told.created != stream.cached_info().created {
            return self.reader.gaps().forget();
        }
        let first = told.state.first_sequence;
        let first = if let Stop::Offset(end) = self.stop { first.min(end) } else { first };
        self.removed += self.reader.gaps().settle(first);
    }

    /// Nothing comes any more before the end: what lay there may have been removed.
    fn comes_to_its_end(&mut self) {
        match self.stop {
            Stop::PresentEnd => {
                let last = self.opening.stream.cached_info().state.last_sequence;
                self.reader.ends_at(last + 1);
            }
            Stop::Offset(end) => self.reader.ends_at(end),
            Stop::Never | Stop::Time(_) => {}
        }
    }

    /// Asks, after a loss of the connection or of the reader and where the stream is quiet, whether it is still the one we read. One that was
    /// made anew is read from its first event.
    ///
    /// # Errors
    /// That it was made anew, or is not there any more.
    async fn look_again(&mut self) -> Result<(), EndpointError> {
        let Opening { connection, context, stream, .. } = &self.opening;
        let losses = connection.losses();
        let is_quiet = self.arrived.is_none() && self.looked.elapsed() >= LOOK_AGAIN;
        let has_failed = matches!(self.arrived, Some(Err(_)));
        let is_sure = losses == self.losses && !is_quiet && !has_failed && !self.reader.is_another();
        if !connection.is_up() || is_sure {
            return Ok(());
        }
        if losses != self.losses && self.back.is_none_or(|(known, _)| known != losses) {
            self.back = Some((losses, Instant::now()));
        }
        let (config, address) = (&stream.cached_info().config, &connection.address);
        // Nothing is noted before there is an answer: who is not told now asks again the next time.
        let Ok(found) = streams::by_name(context, &config.name, address).await else { return Ok(()) };
        match found {
            Some(found) if found.cached_info().created == stream.cached_info().created => {
                // A server that was started anew knows it no more, and would not say so for long; nor does one of a cluster that
                // had it and is gone.
                let is_lost = losses != self.losses || is_quiet && matches!(self.left().await, Ok(None));
                if is_lost {
                    self.reader.begin_again();
                }
                self.reader.reads_the_same();
                (self.losses, self.looked) = (losses, Instant::now());
                Ok(())
            }
            Some(found) => {
                let why = failure::made_anew(&config.name, address);
                self.reader = self.opening.read_from(DeliverPolicy::All).await?;
                (self.opening.stream, self.arrived) = (found, None);
                (self.losses, self.looked) = (losses, Instant::now());
                Err(why)
            }
            // A server that has just started may not have its streams yet.
            None if self.back.is_some_and(|(_, back)| back.elapsed() < STREAMS_COME_BACK) => Ok(()),
            None => Err(failure::not_there_any_more(&config.name, address)),
        }
    }

    /// How many events are still to come, as the server tells it of the reader; none when it does not know it.
    ///
    /// # Errors
    /// That we may not ask.
    async fn left(&mut self) -> Result<Option<u64>, EndpointError> {
        let Self { opening: Opening { connection, stream, .. }, reader, .. } = self;
        connection.unless_refused(TELLING, async { Ok(reader.left(stream).await) }).await
    }

    /// The first event and those that wait behind it.
    fn take(&mut self, first: Arrived, max: usize) -> Result<Vec<Event>, EndpointError> {
        let mut batch = Vec::new();
        let mut arrived = Some(first);
        while let Some(stored) = arrived {
            match stored {
                Ok(stored) => batch.extend(self.keep(stored)),
                // What was read before the failure is not lost; the reader finds the failure again or recovers.
                Err(error) if batch.is_empty() => return Err(error),
                Err(_) => break,
            }
            if self.ended || batch.len() >= max {
                break;
            }
            arrived = self.reader.next().now_or_never();
            if self.is_time_to_ask() {
                // Who reads is told of what is missing before what comes behind it.
                self.arrived = arrived;
                break;
            }
        }
        Ok(batch)
    }

    /// The event, unless it lies beyond the end.
    fn keep(&mut self, stored: Stored) -> Option<Event> {
        let sequence = stored.sequence();
        let Stored { event, pending, .. } = stored;
        let time = event.broker_time.map_or(event.received, |found| found.time);
        let beyond = match self.stop {
            Stop::Never | Stop::PresentEnd => false,
            Stop::Offset(end) => sequence >= end,
            Stop::Time(end) => time > end,
        };
        self.ended = beyond
            || match self.stop {
                Stop::PresentEnd => pending == 0,
                Stop::Offset(end) => sequence + 1 >= end,
                Stop::Never | Stop::Time(_) => false,
            };
        (!beyond).then_some(event)
    }

    /// Asked when nothing arrives: whether nothing can arrive any more before the end.
    async fn is_at_end(&mut self) -> Result<bool, EndpointError> {
        let may_be = match self.stop {
            Stop::Never => false,
            Stop::PresentEnd => true,
            Stop::Time(end) => Timestamp::now() > end,
            Stop::Offset(end) => {
                let Opening { connection, stream, .. } = &self.opening;
                let info = stream.get_info().await;
                let info = info.map_err(|error| {
                    failure::request("tell the state of the stream", &error, &connection.address)
                })?;
                info.state.last_sequence + 1 >= end
            }
        };
        if !may_be {
            return Ok(false);
        }
        match self.left().await {
            Ok(Some(left)) => Ok(left == 0),
            // It is gone, or is being made.
            Ok(None) => {
                self.reader.begin_again();
                Ok(false)
            }
            // Who may not ask about readers may make another one, which is told as it is made.
            Err(_) => Ok(self.opening.waiting_from(self.reader.place()).await? == 0),
        }
    }
}

/// What the reader yields.
type Arrived = Result<Stored, EndpointError>;

impl Opening {
    /// Where reading begins, in the words of the server.
    async fn begin(&mut self, start: Start) -> Result<DeliverPolicy, EndpointError> {
        let after_last = self.stream.cached_info().state.last_sequence + 1;
        Ok(match start {
            Start::Default | Start::Beginning => DeliverPolicy::All,
            Start::End | Start::Last(0) => from_sequence(after_last),
            Start::Offset(sequence) => from_sequence(sequence),
            Start::Last(count) => from_sequence(self.last(count).await?),
            Start::Time(time) => {
                let nanos = i128::from(time.0) * 1000;
                let start_time = async_nats::datetime::from_nanos(nanos).map_err(|error| {
                    EndpointError::new(
                        EndpointErrorKind::Unsupported,
                        format!("`{time}` is no time to begin at: {error}"),
                    )
                })?;
                DeliverPolicy::ByStartTime { start_time }
            }
        })
    }

    /// The sequence number from which on `count` events are kept: guessed, then searched by halving, since deleted
    /// events and a filter leave gaps.
    async fn last(&self, count: u64) -> Result<u64, EndpointError> {
        let state = &self.stream.cached_info().state;
        let (mut low, mut high) = (state.first_sequence.max(1), state.last_sequence.max(1));
        let mut guess = high.saturating_sub(count - 1).max(low);
        while low < high {
            let waiting = self.waiting_from(from_sequence(guess)).await?;
            if waiting == count {
                return Ok(guess);
            }
            if waiting < count {
                high = guess.saturating_sub(1).max(low);
            } else {
                low = guess + 1;
            }
            guess = low + (high - low).div_ceil(2);
        }
        Ok(low)
    }

    /// How long the server remembers a reader that asks for nothing: as long as that one, or as the stream allows.
    fn remembered(&self, wanted: Duration) -> Duration {
        let limits = self.stream.cached_info().config.consumer_limits.as_ref();
        let most = limits.map(|limits| limits.inactive_threshold).filter(|most| !most.is_zero());
        most.map_or(wanted, |most| wanted.min(most))
    }

    /// How many events the stream keeps from this place on, as the filter sees them.
    async fn waiting_from(&self, deliver_policy: DeliverPolicy) -> Result<u64, EndpointError> {
        let config = Config {
            deliver_policy,
            filter_subject: self.filter.clone(),
            ack_policy: AckPolicy::None,
            inactive_threshold: self.remembered(Duration::from_secs(5)),
            memory_storage: true,
            num_replicas: 1,
            ..Config::default()
        };
        let asked = self.stream.create_consumer(config).await;
        let consumer = asked.map_err(|error| {
            failure::request("count the events it keeps", &error, &self.connection.address)
        })?;
        let waiting = consumer.cached_info().num_pending;
        // The server forgets it by itself; saying so at once is good manners.
        let _ = self.stream.delete_consumer(&consumer.cached_info().name).await;
        Ok(waiting)
    }

    async fn read_from(&self, place: DeliverPolicy) -> Result<Reader, EndpointError> {
        let subject = Subject {
            context: self.context.clone(),
            stream: self.stream.cached_info().config.name.clone(),
            filter: self.filter.clone(),
            remembered: self.remembered(REMEMBERED),
            address: self.connection.address.to_string(),
        };
        let opening = async {
            let opened = Reader::open(subject, place).await;
            opened.map_err(|error| {
                let refused =
                    failure::request("open a reader of the stream", &*error, &self.connection.address);
                match self.stream.cached_info().config.retention {
                    RetentionPolicy::WorkQueue => refused.help(
                        "a work-queue stream gives its events to its consumers alone; a mirror of it can be read: `nats stream add \
                         COPY --mirror NAME`",
                    ),
                    _ => refused,
                }
            })
        };
        self.connection.unless_refused(API, opening).await
    }
}

impl Source for StreamSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(self.read(max))
    }

    fn goes_on_where_it_stopped(&self) -> bool {
        true
    }

    fn connected(&self) -> bool {
        self.opening.connection.is_up()
    }

    fn removed(&self) -> Removed {
        self.removed
    }

    fn leaves_what_it_reads(&self) -> bool {
        true
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(async move {
            let Self { opening: Opening { connection, stream, .. }, reader, .. } = *self;
            let name = reader.into_name();
            let forgotten = async { Ok(stream.delete_consumer(&name).await.is_ok()) };
            // The server forgets it by itself after a while, or never made it: neither is a failure of reading.
            let _ = tokio::time::timeout(CLOSE, connection.unless_refused(FORGETTING, forgotten)).await;
            Ok(())
        })
    }
}
