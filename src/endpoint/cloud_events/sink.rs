//! A sink whose events are CloudEvents in the form of its system when they reach it.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::Translation;
use crate::endpoint::{BoxFuture, Capabilities, EndpointError, Receipts, Sink};
use crate::event::Event;

/// Translates what its sink is handed; a batch in which nothing is to be changed goes on as it is.
pub struct TranslatingSink {
    inner: Box<dyn Sink>,
    translation: Translation,
    /// The batch that is handed over.
    translated: Vec<Event>,
}

impl TranslatingSink {
    /// Puts a translation before a sink, where there is one.
    pub fn over(inner: Box<dyn Sink>, translation: Translation) -> Box<dyn Sink> {
        if translation.is_none() {
            return inner;
        }
        Box::new(Self { inner, translation, translated: Vec::new() })
    }
}

impl Sink for TranslatingSink {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn most_at_once(&self) -> usize {
        self.inner.most_at_once()
    }

    fn best_at_once(&self) -> usize {
        self.inner.best_at_once()
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        let Self { inner, translation, translated } = self;
        let mut made = batch.iter().map(|event| translation.apply(event)).enumerate();
        let Some((at, Cow::Owned(first))) = made.find(|(_, event)| matches!(event, Cow::Owned(_))) else {
            return inner.send(batch);
        };
        translated.clear();
        translated.extend_from_slice(&batch[..at]);
        translated.push(first);
        translated.extend(made.map(|(_, event)| event.into_owned()));
        inner.send(translated)
    }

    fn flush(&mut self) -> BoxFuture<'_, ()> {
        self.inner.flush()
    }

    fn holds_back_for(&self) -> Option<Duration> {
        self.inner.holds_back_for()
    }

    fn resume(&mut self) -> BoxFuture<'_, ()> {
        self.inner.resume()
    }

    fn last_receipt(&self) -> Option<Instant> {
        self.inner.last_receipt()
    }

    fn receipts_last(&self) -> bool {
        self.inner.receipts_last()
    }

    fn cut_short(&mut self) -> bool {
        self.inner.cut_short()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        self.inner.close()
    }
}
