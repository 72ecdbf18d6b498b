//! Events into NATS core. Nothing is said per event; a batch counts as sent when the server has read all of it.

use std::time::Instant;

use tokio::task::JoinSet;

use super::part::{Answer, Part, Refusal, Subjects};
use super::pipe::{Pipe, lasting, renewed};
use super::{CORE, failure, message};
use crate::endpoint::halt::Halt;
use crate::endpoint::receipts;
use crate::endpoint::{
    Address, BoxFuture, Capabilities, Delivery, EndpointError, Receipts, Sink, SinkOptions,
};
use crate::event::{Event, Place};

/// What may stand after the `?` of its address, beside the options of the connection.
pub(super) const OPTIONS: [&str; 1] = ["mode"];

/// A publisher.
#[derive(Debug)]
pub(super) struct NatsSink {
    address: Address,
    pipe: Pipe,
    options: SinkOptions,
    halt: Halt,
    batches: JoinSet<()>,
}

impl NatsSink {
    /// Connects.
    pub(super) async fn open(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        let pipe = Pipe::open(address, options, &OPTIONS, &[], None).await?;
        let (address, options) = (address.clone(), lasting(options));
        Ok(Self { address, pipe, options, halt: Halt::default(), batches: JoinSet::new() })
    }

    /// Connects anew after a loss, once the caller has seen what failed.
    async fn renew(&mut self) -> Result<(), EndpointError> {
        if let Some(pipe) = renewed(&mut self.halt, &self.pipe, &self.options, &OPTIONS, None).await? {
            self.pipe = pipe;
        }
        Ok(())
    }

    /// Writes the message of one event.
    fn put(&self, part: &mut Part, at: usize, event: &Event) -> Result<(), EndpointError> {
        let subject = self.address.channel_for(event)?;
        part.put(at, (event, subject), Answer::To(message::reply_of(event)))
    }

    async fn hand_over_batch(&mut self, batch: &[Event]) -> Receipts {
        if let Err(error) = self.renew().await {
            let failed = batch.iter().map(|_| Delivery::failed(error.clone())).collect();
            return Box::pin(std::future::ready(failed));
        }
        let mut part = Part::new(&self.pipe, batch);
        let refused = batch.iter().enumerate().filter_map(|(at, event)| {
            let refused = self.put(&mut part, at, event).err()?;
            Some((at, refused))
        });
        let refused: Vec<(usize, EndpointError)> = refused.collect();
        let read = self.pipe.send(part.take()).await;
        let (subjects, address, count) = (part.into_subjects(), self.address.clone(), batch.len());
        receipts::collect_together(&mut self.batches, count, async move {
            let read = read.await.unwrap_or_else(|_| Err(failure::unanswered()));
            let at = Instant::now();
            let refusals = refusals(read.as_deref().unwrap_or_default(), &subjects, count);
            let mut refused = refused.into_iter().peekable();
            let outcome = |place| match (refused.next_if(|(refused, _)| *refused == place), &read) {
                (Some((_, error)), _) => Err(error),
                (None, Err(error)) => Err(error.clone()),
                (None, Ok(_)) => {
                    let refusal = refusals.iter().find(|(refusal, _)| {
                        refusal.as_ref().is_none_or(|refusal| subjects.concerns(place, refusal))
                    });
                    refusal.map_or_else(
                        || Ok(Place::default()),
                        |(_, words)| Err(failure::forbidden(words, &address)),
                    )
                }
            };
            let outcomes = (0..count).map(outcome);
            outcomes.map(|outcome| Delivery { outcome: outcome.map_err(Box::new), at }).collect()
        })
    }

    async fn leave(mut self) -> Result<(), EndpointError> {
        while self.batches.join_next().await.is_some() {}
        Ok(())
    }
}

/// What a server refused of a batch, and its words. One that names no event of it may mean any, so that none of them can be
/// taken for sent.
fn refusals<'a>(words: &'a [String], subjects: &Subjects, count: usize) -> Vec<(Option<Refusal>, &'a str)> {
    let named = |refusal: &Refusal| (0..count).any(|at| subjects.concerns(at, refusal));
    words.iter().map(|words| (Some(Refusal::of(words)).filter(named), words.as_str())).collect()
}

impl Sink for NatsSink {
    fn capabilities(&self) -> Capabilities {
        Capabilities { max_payload: Some(self.pipe.limits().0), ..CORE }
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        Box::pin(self.hand_over_batch(batch))
    }

    fn resume(&mut self) -> BoxFuture<'_, ()> {
        self.halt.lift(self.pipe.is_broken());
        Box::pin(std::future::ready(()))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
