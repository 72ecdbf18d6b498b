//! Events taken out of a JetStream stream through a durable consumer: each is acknowledged once its fate was told.

use std::collections::HashSet;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, Consumer};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::{AckKind, Message};
use futures_util::StreamExt;

use super::connection::Connection;
use super::streams::Opening;
use super::{failure, message};
use crate::endpoint::{Address, BoxFuture, EndpointError, EndpointErrorKind, Fate, Source, SourceOptions};
use crate::event::Event;

/// How long the server waits for an acknowledgement before it gives an event out again.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(30);
/// How long is waited at once for events that another reader had and did not acknowledge.
const WAIT: Duration = Duration::from_secs(1);
/// How long the server may take to tell whether the consumer is there.
const ANSWER: Duration = Duration::from_secs(2);
/// Events asked for at once; each must be acknowledged in time.
const MOST: usize = 256;

/// A reader of one durable consumer.
pub(super) struct TakingSource {
    connection: Connection,
    consumer: Consumer<Config>,
    /// The batch that was given out.
    given: Vec<Message>,
    /// Events that stay, which the server offers again after a while.
    kept: Vec<Message>,
    known: HashSet<u64>,
    left: u64,
}

impl TakingSource {
    /// Finds the stream, and its durable consumer of this name, or makes one that begins with the oldest event.
    pub(super) async fn open(
        address: &Address,
        durable: &str,
        options: &SourceOptions,
    ) -> Result<Self, EndpointError> {
        let Opening { connection, stream, filter, .. } = Opening::of(address, options).await?;
        let config = Config {
            durable_name: Some(durable.to_owned()),
            description: Some("eddy".to_owned()),
            filter_subject: filter,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACKNOWLEDGE_WITHIN,
            max_ack_pending: -1,
            ..Config::default()
        };
        let found = stream.get_or_create_consumer(durable, config).await;
        let mut consumer =
            found.map_err(|error| failure::request("open a durable consumer", &error, address))?;
        let left = waiting(&mut consumer, address).await?;
        let (given, kept) = (Vec::new(), Vec::new());
        Ok(Self { connection, consumer, given, kept, known: HashSet::new(), left })
    }

    async fn read(&mut self, max: usize) -> Result<Vec<Event>, EndpointError> {
        // Without a word about it the batch before stays.
        let untold = std::mem::take(&mut self.given);
        self.kept.extend(untold);
        let most = max.clamp(1, MOST);
        let mut wait = None;
        loop {
            let (given, events) = self.fetch(most, wait).await?;
            if !events.is_empty() {
                self.given = given;
                self.left = self.left.saturating_sub(events.len() as u64);
                return Ok(events);
            }
            let waiting = waiting(&mut self.consumer, &self.connection.address).await?;
            if waiting <= self.known.len() as u64 {
                return Ok(Vec::new());
            }
            wait = Some(WAIT);
        }
    }

    /// What the server has at once, or within a time; without what is known to stay.
    async fn fetch(
        &self,
        most: usize,
        wait: Option<Duration>,
    ) -> Result<(Vec<Message>, Vec<Event>), EndpointError> {
        let address = &self.connection.address;
        if !self.connection.is_up() {
            return Err(self.connection.gone());
        }
        let asked = match wait {
            None => self.consumer.fetch().max_messages(most).messages().await,
            Some(wait) => self.consumer.batch().max_messages(most).expires(wait).messages().await,
        };
        let mut arriving = match asked {
            Ok(arriving) => arriving,
            Err(error) => return Err(self.why(failure::request("give out events", &error, address)).await),
        };
        let (mut given, mut events) = (Vec::new(), Vec::new());
        while let Some(arrived) = arriving.next().await {
            let arrived = match arrived {
                Ok(arrived) => arrived,
                // What arrived before is not lost; the next question meets the failure again.
                Err(_) if !events.is_empty() => break,
                Err(error) => {
                    let message = format!("reading `{address}` was interrupted: {error}");
                    let error = EndpointError::new(EndpointErrorKind::Disconnected, message);
                    return Err(self.why(error).await);
                }
            };
            let event = message::stored(arrived.clone())?.event;
            if !self.known.contains(&event.place.offset.unwrap_or(0)) {
                given.push(arrived);
                events.push(event);
            }
        }
        Ok((given, events))
    }

    async fn tell(&mut self, fates: &[Fate]) -> Result<u64, EndpointError> {
        if let Err(error) = self.acknowledge(fates).await {
            return Err(self.why(error).await);
        }
        let stays: Vec<Message> =
            self.with(Fate::Left, fates).chain(self.with(Fate::Again, fates)).cloned().collect();
        for message in stays {
            self.known.extend(message.info().ok().map(|info| info.stream_sequence));
            self.kept.push(message);
        }
        self.given.clear();
        Ok(0)
    }

    /// Says of which events it is the last time that they were given out.
    async fn acknowledge(&self, fates: &[Fate]) -> Result<(), EndpointError> {
        let done: Vec<Message> = self.with(Fate::Done, fates).cloned().collect();
        let Some((last, before)) = done.split_last() else { return Ok(()) };
        for message in before {
            message.ack().await.map_err(|error| self.untold(error.as_ref()))?;
        }
        // The server hears the others first, so that its answer stands for all. The client's own way of asking for one takes the
        // word that nobody is there for it.
        let Some(reply) = last.reply.clone() else { return Ok(()) };
        let answered = self.connection.client.request(reply, "+ACK".into()).await;
        answered.map(drop).map_err(|error| self.untold(&error))
    }

    /// Why something failed: that the consumer is not there any more, where the server says so.
    async fn why(&self, error: EndpointError) -> EndpointError {
        let asked = tokio::time::timeout(ANSWER, self.consumer.get_info()).await;
        match asked {
            Ok(Err(found)) if is_gone(&found.kind()) => {
                failure::consumer_gone(&self.consumer.cached_info().name, &self.connection.address)
            }
            _ => error,
        }
    }

    fn with(&self, wanted: Fate, fates: &[Fate]) -> impl Iterator<Item = &Message> {
        let told = self.given.iter().zip(fates.to_vec());
        told.filter(move |(_, fate)| *fate == wanted).map(|(message, _)| message)
    }

    fn untold(&self, error: &dyn std::error::Error) -> EndpointError {
        failure::request("take an acknowledgement", error, &self.connection.address)
    }

    /// What stays is offered to the next reader at once.
    async fn leave(mut self) -> Result<(), EndpointError> {
        let untold = std::mem::take(&mut self.given);
        for message in self.kept.iter().chain(&untold) {
            // The server offers it again by itself after a while.
            let _ = message.ack_with(AckKind::Nak(None)).await;
        }
        let flushed = self.connection.client.flush().await;
        flushed.map_err(|error| {
            failure::request("take the last acknowledgements", &error, &self.connection.address)
        })
    }
}

/// Events nobody has had, or nobody has acknowledged.
async fn waiting(consumer: &mut Consumer<Config>, address: &Address) -> Result<u64, EndpointError> {
    match consumer.info().await {
        Ok(info) => Ok(info.num_pending + info.num_ack_pending as u64),
        Err(error) if is_gone(&error.kind()) => {
            Err(failure::consumer_gone(&consumer.cached_info().name, address))
        }
        Err(error) => Err(failure::request("tell what it has left", &error, address)),
    }
}

/// Whether the server says that there is no such consumer, or no such stream.
fn is_gone(kind: &ConsumerInfoErrorKind) -> bool {
    matches!(kind, ConsumerInfoErrorKind::NotFound | ConsumerInfoErrorKind::StreamNotFound)
}

impl Source for TakingSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(self.read(max))
    }

    fn goes_on_where_it_stopped(&self) -> bool {
        true
    }

    fn connected(&self) -> bool {
        self.connection.is_up()
    }

    fn left(&self) -> Option<u64> {
        Some(self.left)
    }

    fn settle<'a>(&'a mut self, fates: &'a [Fate]) -> BoxFuture<'a, Result<u64, EndpointError>> {
        Box::pin(self.tell(fates))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
