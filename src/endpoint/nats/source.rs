//! Events out of NATS core: what is published while we listen.

use std::time::Duration;

use super::connection::{Connection, connect, known, lost_since};
use super::failure;
use super::listening::Listening;
use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::{
    Address, BoxFuture, ENDS, EndpointError, EndpointErrorKind, Source, SourceOptions, Start, Stop,
};
use crate::event::{Event, Timestamp};

/// A subscription.
#[derive(Debug)]
pub(super) struct NatsSource {
    connection: Connection,
    listening: Listening,
    losses_told: u64,
    until: Option<Timestamp>,
}

impl NatsSource {
    /// Subscribes, and waits until the server knows.
    pub(super) async fn open(address: &Address, options: &SourceOptions) -> Result<Self, EndpointError> {
        refuse_seeking(address, options)?;
        if address.path.is_empty() {
            let message = format!("`{address}` names no subject to subscribe to");
            return Err(EndpointError::new(EndpointErrorKind::Unsupported, message)
                .help(format!("write a subject after the host: `{address}/>` takes every subject")));
        }
        let connection =
            connect(address, options.credentials.as_ref(), options.connect_timeout, &["queue"]).await?;
        let given = known(&["queue"]);
        let given = AddressOptions::new(address, &given)?;
        let queue = given.text("queue");
        if let Some(name) = queue.filter(|name| name.is_empty() || name.contains(char::is_whitespace)) {
            return Err(given.wrong("queue", name, "the name of a queue group, without spaces"));
        }
        let subject = address.path.clone();
        let answer = match queue {
            Some(group) => connection.client.queue_subscribe(subject, group.to_owned()).await,
            None => connection.client.subscribe(subject).await,
        };
        let subscriber = answer.map_err(|_| EndpointError {
            kind: EndpointErrorKind::Unsupported,
            ..failure::bad_subject(&address.path)
        })?;
        // A user who may not use inboxes gets no answer; the subscription stands all the same.
        let known = connection.round_trip(Duration::from_secs(2)).await;
        if let Some(refusal) = connection.refusal_of(&address.path) {
            return Err(refusal);
        }
        known.or_else(|error| if error.kind == EndpointErrorKind::Timeout { Ok(()) } else { Err(error) })?;
        let until = match options.stop {
            Stop::Time(time) => Some(time),
            _ => None,
        };
        Ok(Self { connection, listening: Listening::to(subscriber), losses_told: 0, until })
    }

    async fn read(&mut self, max: usize) -> Result<Vec<Event>, EndpointError> {
        let Some(until) = self.until else {
            return self.wait(max).await;
        };
        let left = u64::try_from(until.since(Timestamp::now())).unwrap_or(0);
        let batch = tokio::time::timeout(Duration::from_micros(left), self.wait(max)).await;
        let mut batch = batch.unwrap_or_else(|_| Ok(Vec::new()))?;
        batch.retain(|event| event.received <= until);
        Ok(batch)
    }

    async fn wait(&mut self, max: usize) -> Result<Vec<Event>, EndpointError> {
        let lost = lost_since(self.connection.history.clone(), self.losses_told);
        tokio::select! {
            biased;
            events = self.listening.next(max) => Ok(events),
            // The permission was withdrawn, or the refusal came late.
            refusal = self.connection.subscription_refused(&self.connection.address.path) => Err(refusal),
            () = lost => {
                self.losses_told = self.connection.losses();
                Err(failure::disconnected(&self.connection.address)
                    .help("events published meanwhile were not seen; a JetStream stream would keep them"))
            }
        }
    }

    async fn leave(self) -> Result<(), EndpointError> {
        let Self { listening, connection, .. } = self;
        let told = listening.leave().await;
        told.then_some(()).ok_or_else(|| failure::disconnected(&connection.address))
    }
}

/// NATS core keeps nothing.
fn refuse_seeking(address: &Address, options: &SourceOptions) -> Result<(), EndpointError> {
    let what = match (options.start, options.stop) {
        (Start::Default | Start::End, Stop::Never | Stop::Time(_)) => return Ok(()),
        (Start::Default | Start::End, _) => "know where to stop",
        _ => "begin in the past",
    };
    let message = format!("NATS core keeps no events, so `{address}` cannot {what}");
    Err(EndpointError::new(EndpointErrorKind::Unsupported, message).help(format!(
        "if a stream keeps them, read it with `jetstream+nats://{}/STREAM`; else leave `--from` out; {ENDS}",
        address.authority()
    )))
}

impl Source for NatsSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(self.read(max))
    }

    fn connected(&self) -> bool {
        self.connection.is_up()
    }

    fn dropped(&self) -> u64 {
        self.connection.history.borrow().dropped + self.listening.dropped()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
