//! A source whose events each go through a step on their way: checked, encoded, or looked at.

use std::time::Duration;

use crate::endpoint::{BoxFuture, EndpointError, Removed, Source, TellOfPart};
use crate::event::Event;

/// What is done with an event and its number, from 1.
type Step = dyn FnMut(&mut Event, u64) -> Result<(), EndpointError> + Send;

/// Gives out what its step lets pass; it ends with the error of the first event that does not, after those before it.
pub struct EachEvent {
    inner: Box<dyn Source>,
    step: Box<Step>,
    passed: u64,
    refused: Option<EndpointError>,
}

impl EachEvent {
    /// Puts a step behind a source.
    #[must_use]
    pub fn of(
        inner: Box<dyn Source>,
        step: impl FnMut(&mut Event, u64) -> Result<(), EndpointError> + Send + 'static,
    ) -> Box<dyn Source> {
        Box::new(Self { inner, step: Box::new(step), passed: 0, refused: None })
    }

    fn pass(&mut self, mut batch: Vec<Event>) -> Result<Vec<Event>, EndpointError> {
        let Self { step, passed, refused, .. } = self;
        let failed = batch.iter_mut().position(|event| {
            let outcome = step(event, *passed + 1);
            *passed += u64::from(outcome.is_ok());
            *refused = outcome.err();
            refused.is_some()
        });
        batch.truncate(failed.unwrap_or(batch.len()));
        match refused {
            Some(error) if batch.is_empty() => Err(error.clone()),
            _ => Ok(batch),
        }
    }
}

impl Source for EachEvent {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(async move {
            if let Some(error) = &self.refused {
                return Err(error.clone());
            }
            let batch = self.inner.next_batch(max).await?;
            self.pass(batch)
        })
    }

    fn connected(&self) -> bool {
        self.inner.connected()
    }

    fn dropped(&self) -> u64 {
        self.inner.dropped()
    }

    fn removed(&self) -> Removed {
        self.inner.removed()
    }

    fn waits_for_word(&mut self) -> bool {
        self.inner.waits_for_word()
    }

    fn dealt_with(&mut self, events: u64) {
        self.inner.dealt_with(events);
    }

    fn leaves_what_it_reads(&self) -> bool {
        self.inner.leaves_what_it_reads()
    }

    fn goes_on_where_it_stopped(&self) -> bool {
        self.inner.goes_on_where_it_stopped()
    }

    fn is_held_up(&self) -> bool {
        self.inner.is_held_up()
    }

    fn look_after(&mut self, patience: Duration, tell: TellOfPart) -> bool {
        self.inner.look_after(patience, tell)
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        self.inner.close()
    }
}
