//! Events taken out of a JetStream stream through a durable consumer: each is acknowledged once its fate was told.

use std::collections::HashSet;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, Consumer};
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
        let refused = |error: &dyn std::error::Error| failure::request("give out events", error, address);
        if !self.connection.is_up() {
            return Err(self.connection.gone());
        }
        let mut arriving = match wait {
            None => self.consumer.fetch().max_messages(most).messages().await,
            Some(wait) => self.consumer.batch().max_messages(most).expires(wait).messages().await,
        }
        .map_err(|error| refused(&error))?;
        let (mut given, mut events) = (Vec::new(), Vec::new());
        while let Some(arrived) = arriving.next().await {
            let arrived = match arrived {
                Ok(arrived) => arrived,
                // What arrived before is not lost; the next question meets the failure again.
                Err(_) if !events.is_empty() => break,
                Err(error) => {
                    let message = format!("reading `{address}` was interrupted: {error}");
                    return Err(EndpointError::new(EndpointErrorKind::Disconnected, message));
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
        let done: Vec<Message> = self.with(Fate::Done, fates).cloned().collect();
        let stays: Vec<Message> =
            self.with(Fate::Left, fates).chain(self.with(Fate::Again, fates)).cloned().collect();
        if let Some((last, before)) = done.split_last() {
            for message in before {
                message.ack().await.map_err(|error| self.untold(error.as_ref()))?;
            }
            // The server hears the others first, so that its answer stands for all.
            last.double_ack().await.map_err(|error| self.untold(error.as_ref()))?;
        }
        for message in stays {
            self.known.extend(message.info().ok().map(|info| info.stream_sequence));
            self.kept.push(message);
        }
        self.given.clear();
        Ok(0)
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
    let info = consumer.info().await;
    let info = info.map_err(|error| failure::request("tell what it has left", &error, address))?;
    Ok(info.num_pending + info.num_ack_pending as u64)
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
