//! A source and a sink whose behaviour tests decide.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::endpoint::{
    BoxFuture, Capabilities, Delivery, EndpointError, EndpointErrorKind, Receipts, Removed, Sink, Source,
};
use crate::event::{Event, Place, Timestamp};

pub fn event_at(channel: &str, received: Timestamp) -> Event {
    Event { received, ..Event::new(channel, received.0.to_string()) }
}

/// Yields a list, then ends, or waits for ever.
pub struct ListSource {
    events: VecDeque<Event>,
    silent: bool,
    removed: Removed,
}

impl ListSource {
    pub fn new(events: impl IntoIterator<Item = Event>) -> Self {
        Self { events: events.into_iter().collect(), silent: false, removed: Removed::default() }
    }

    pub fn silent() -> Self {
        Self::new([]).then_silent()
    }

    pub fn then_silent(mut self) -> Self {
        self.silent = true;
        self
    }

    pub fn that_missed(mut self, removed: Removed) -> Self {
        self.removed = removed;
        self
    }
}

impl Source for ListSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(async move {
            if self.events.is_empty() && self.silent {
                std::future::pending::<()>().await;
            }
            let count = max.min(self.events.len());
            Ok(self.events.drain(..count).collect())
        })
    }

    fn removed(&self) -> Removed {
        self.removed
    }

    fn leaves_what_it_reads(&self) -> bool {
        true
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// What a [`ScriptedSink`] does with one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Take,
    /// Fails in this way, without taking it.
    Fail(EndpointErrorKind),
    /// Fails, and nothing is taken until the caller has seen it.
    Break,
    /// Fails as unreachable, and asks to be left alone for so long.
    AskLater(Duration),
    /// Never gives a receipt.
    Silence,
}

type Script = dyn FnMut(&Event, usize) -> Act + Send;

/// A sink that asks its script what to do with each event and remembers what it took.
pub struct ScriptedSink {
    script: Box<Script>,
    pub taken: Arc<Mutex<Vec<Event>>>,
    calls: usize,
    broken: bool,
}

impl ScriptedSink {
    /// The script is given the event and the number of the call of `send`, from 0.
    pub fn new(script: impl FnMut(&Event, usize) -> Act + Send + 'static) -> Self {
        Self { script: Box::new(script), taken: Arc::default(), calls: 0, broken: false }
    }
}

impl Sink for ScriptedSink {
    fn capabilities(&self) -> Capabilities {
        Capabilities { name: "script", replayable: false, seek_time: false, ..Capabilities::ALL }
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        let mut deliveries = Vec::new();
        let mut silent = false;
        for event in batch {
            if self.broken {
                deliveries
                    .push(Delivery::failed(EndpointError::new(EndpointErrorKind::Unreachable, "broken")));
                continue;
            }
            match (self.script)(event, self.calls) {
                Act::Take => {
                    self.taken.lock().expect("lock").push(event.clone());
                    deliveries.push(Delivery::acknowledged(Place::default()));
                }
                Act::Fail(kind) => deliveries.push(Delivery::failed(EndpointError::new(kind, "scripted"))),
                Act::AskLater(wait) => {
                    let error = EndpointError::new(EndpointErrorKind::Unreachable, "scripted");
                    deliveries.push(Delivery::failed(EndpointError { retry_after: Some(wait), ..error }));
                }
                Act::Break => {
                    self.broken = true;
                    let error = EndpointError::new(EndpointErrorKind::Disconnected, "scripted");
                    deliveries.push(Delivery::failed(error));
                }
                Act::Silence => silent = true,
            }
        }
        self.calls += 1;
        let receipts: Receipts =
            if silent { Box::pin(std::future::pending()) } else { Box::pin(std::future::ready(deliveries)) };
        Box::pin(std::future::ready(receipts))
    }

    fn resume(&mut self) -> BoxFuture<'_, ()> {
        self.broken = false;
        Box::pin(std::future::ready(()))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
