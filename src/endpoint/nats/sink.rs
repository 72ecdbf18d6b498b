//! Events into NATS core. Nothing is said per event; a batch counts as sent when the server has read all of it.

use std::time::Duration;

use async_nats::Subject;
use tokio::task::JoinSet;

use super::connection::{Connection, connect_sink, lost_since, renewed};
use super::{CORE, failure, message};
use crate::endpoint::halt::Halt;
use crate::endpoint::receipts;
use crate::endpoint::{
    Address, BoxFuture, Capabilities, Delivery, EndpointError, Receipts, Sink, SinkOptions,
};
use crate::event::{Event, Place};

/// A publisher.
#[derive(Debug)]
pub(super) struct NatsSink {
    connection: Connection,
    options: SinkOptions,
    halt: Halt,
    /// Whether we may talk to ourselves, which is how we know that the server has read a batch.
    inbox_allowed: bool,
    batches: JoinSet<()>,
}

impl NatsSink {
    /// Connects.
    pub(super) async fn open(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        if !address.path.is_empty() {
            message::check_subject(&address.path)?;
        }
        let connection = connect_sink(address, options, &[], &[]).await?;
        let inbox_allowed = connection.round_trip(Duration::from_secs(2)).await.is_ok();
        let (options, halt, batches) = (options.clone(), Halt::default(), JoinSet::new());
        Ok(Self { connection, options, halt, inbox_allowed, batches })
    }

    /// Connects anew after a loss, once the caller has seen what failed.
    async fn renew(&mut self) -> Result<(), EndpointError> {
        if let Some(connection) = renewed(&mut self.halt, &self.connection, &self.options, &[]).await? {
            self.connection = connection;
        }
        Ok(())
    }

    /// Hands one event over; `before` is the subject of the one before it, which is taken again where it is the same.
    async fn hand_over(&self, event: &Event, before: Option<&Subject>) -> Result<Subject, EndpointError> {
        let subject = message::subject(self.connection.address.channel_for(event)?, before)?;
        message::check_size(event, self.connection.client.max_payload())?;
        let reply = event.attributes.get("reply").and_then(serde_json::Value::as_str).map(Subject::from);
        let content = (message::headers(event)?, event.payload.clone().unwrap_or_default());
        self.connection.publish(self.options.receipt_timeout, (subject.clone(), reply), content).await?;
        Ok(subject)
    }

    async fn hand_over_batch(&mut self, batch: &[Event]) -> Receipts {
        if let Err(error) = self.renew().await {
            let failed = batch.iter().map(|_| Delivery::failed(error.clone())).collect();
            return Box::pin(std::future::ready(failed));
        }
        let refusals = self.connection.refusal_count();
        let mut handed: Vec<Result<Subject, EndpointError>> = Vec::with_capacity(batch.len());
        for event in batch {
            let before = handed.last().and_then(|handed| handed.as_ref().ok());
            let taken = self.hand_over(event, before).await;
            handed.push(taken);
        }
        let (connection, timeout, inbox) =
            (self.connection.clone(), self.options.receipt_timeout, self.inbox_allowed);
        receipts::collect_together(&mut self.batches, batch.len(), async move {
            let read =
                async { if inbox { connection.round_trip(timeout).await } else { flush(&connection).await } };
            let whole = tokio::select! {
                biased;
                () = lost_since(connection.history.clone(), 0) => Err(failure::unanswered()),
                read = read => read,
            };
            let refused = connection.refusal_count() > refusals;
            let delivery = |handed: Result<Subject, EndpointError>| {
                let subject = handed?;
                whole.clone()?;
                let refusal = refused.then(|| connection.refusal_of(&subject, refusals)).flatten();
                refusal.map_or_else(|| Ok(Place::default()), Err)
            };
            let outcomes = handed.into_iter().map(delivery);
            outcomes.map(|outcome| outcome.map_or_else(Delivery::failed, Delivery::acknowledged)).collect()
        })
    }

    async fn leave(mut self) -> Result<(), EndpointError> {
        while self.batches.join_next().await.is_some() {}
        // Nothing is under way any more, and a client that is gone has nothing to hand to the socket.
        if self.connection.losses() > 0 { Ok(()) } else { flush(&self.connection).await }
    }
}

/// Hands everything to the socket.
async fn flush(connection: &Connection) -> Result<(), EndpointError> {
    let flushed = tokio::time::timeout(Duration::from_secs(5), connection.client.flush()).await;
    flushed.ok().and_then(Result::ok).ok_or_else(|| failure::disconnected(&connection.address))
}

impl Sink for NatsSink {
    fn capabilities(&self) -> Capabilities {
        Capabilities { max_payload: Some(self.connection.client.max_payload()), ..CORE }
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        Box::pin(self.hand_over_batch(batch))
    }

    fn resume(&mut self) -> BoxFuture<'_, ()> {
        self.halt.lift(self.connection.losses() > 0);
        Box::pin(std::future::ready(()))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
