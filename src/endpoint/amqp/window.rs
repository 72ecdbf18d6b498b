//! Events under way to the broker: which tag is which event, and what came back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::failure;
use super::wire::method::Method;
use crate::endpoint::open_batch::OpenBatch;
use crate::endpoint::{EndpointError, EndpointErrorKind};

/// An event under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) batch: Arc<OpenBatch>,
    /// Its number in the batch.
    pub(super) index: usize,
    pub(super) routing_key: Bytes,
    pub(super) properties: Bytes,
    pub(super) body: Bytes,
    /// The exchange an AMQP event was once read from, for the words of a failure.
    pub(super) recorded_from: Option<String>,
}

#[derive(Debug)]
struct Slot {
    /// `None` once its receipt is known.
    flight: Option<Flight>,
    /// Why no queue took it, said before it is confirmed.
    returned: Option<EndpointError>,
}

#[derive(Debug)]
struct Inner {
    /// The tag of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
    ended: bool,
}

/// The events under way on one connection.
#[derive(Debug)]
pub(super) struct Window {
    inner: Mutex<Inner>,
    size: usize,
    /// Events go to one queue, so that nobody has one that is refused.
    to_one_queue: bool,
    /// Told whenever there is room again.
    pub(super) room: Notify,
}

impl Window {
    pub(super) fn new(size: usize, to_one_queue: bool) -> Self {
        let inner = Inner { first: 1, slots: VecDeque::new(), ended: false };
        Self { inner: Mutex::new(inner), size, to_one_queue, room: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many more may go.
    pub(super) fn free(&self) -> usize {
        self.size.saturating_sub(self.lock().slots.len())
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().slots.is_empty()
    }

    /// Takes note of events in the order they are about to be published in.
    ///
    /// False when the connection has ended meanwhile; they have failed then.
    pub(super) fn enter(&self, flights: Vec<Flight>) -> bool {
        let mut inner = self.lock();
        if inner.ended {
            drop(inner);
            for flight in flights {
                flight.batch.settle(flight.index, Err(failure::unanswered()));
            }
            return false;
        }
        inner.slots.extend(flights.into_iter().map(|flight| Slot { flight: Some(flight), returned: None }));
        true
    }

    /// The server took the event of this tag, or did not; with `multiple` also all before it.
    pub(super) fn confirm(&self, tag: u64, multiple: bool, taken: bool) {
        let mut inner = self.lock();
        let Some(at) = tag.checked_sub(inner.first).and_then(|at| usize::try_from(at).ok()) else {
            return;
        };
        let last = at.min(inner.slots.len().saturating_sub(1));
        let from = if multiple { 0 } else { at };
        for at in from..=last {
            inner.settle(at, taken, self.to_one_queue);
        }
        while inner.slots.front().is_some_and(|slot| slot.flight.is_none()) {
            inner.slots.pop_front();
            inner.first += 1;
        }
        drop(inner);
        self.room.notify_one();
    }

    /// No queue took an event. The server does not say which it was but sends it back, in the order of publishing.
    pub(super) fn returned(&self, method: &Method, properties: &Bytes, body: &Bytes) {
        let Method::Return { code, text, exchange, routing_key } = method else {
            return;
        };
        let mut inner = self.lock();
        let fits = |slot: &Slot, whole: bool| {
            slot.returned.is_none()
                && slot.flight.as_ref().is_some_and(|flight| {
                    flight.routing_key == routing_key.as_bytes()
                        && (!whole || (flight.body == *body && flight.properties == *properties))
                })
        };
        // A server may write the properties in another way than we did: then the routing key decides.
        let at = inner.slots.iter().position(|slot| fits(slot, true));
        let at = at.or_else(|| inner.slots.iter().position(|slot| fits(slot, false)));
        let Some(slot) = at.and_then(|at| inner.slots.get_mut(at)) else {
            return;
        };
        let origin = slot.flight.as_ref().and_then(|flight| flight.recorded_from.as_deref());
        slot.returned = Some(if *code == 312 {
            failure::unroutable(exchange, routing_key, origin)
        } else {
            EndpointError::new(
                EndpointErrorKind::Rejected,
                format!("the broker sent the event back: {text} ({code})"),
            )
        });
    }

    /// The connection has ended: nothing more is said about what is under way.
    pub(super) fn end(&self, error: &EndpointError) {
        let mut inner = self.lock();
        inner.ended = true;
        let mut culprit = failure::size_limit(error);
        for slot in std::mem::take(&mut inner.slots) {
            let Some(flight) = slot.flight else { continue };
            let size = flight.body.len();
            let outcome = match (slot.returned, culprit) {
                (Some(returned), _) => returned,
                (None, Some((its_size, limit))) if its_size == size => {
                    culprit = None;
                    failure::too_large(size, limit)
                }
                // What the server refuses for good it refuses again: a missing exchange, a missing permission.
                (None, _) if is_lasting(error) => error.clone(),
                (None, _) => failure::unanswered(),
            };
            flight.batch.settle(flight.index, Err(outcome));
        }
        drop(inner);
        self.room.notify_one();
    }
}

fn is_lasting(error: &EndpointError) -> bool {
    matches!(
        error.kind,
        EndpointErrorKind::NotFound | EndpointErrorKind::Unauthorised | EndpointErrorKind::Unsupported
    )
}

impl Inner {
    fn settle(&mut self, at: usize, taken: bool, to_one_queue: bool) {
        let Some(slot) = self.slots.get_mut(at) else { return };
        let Some(flight) = slot.flight.take() else { return };
        let outcome = match slot.returned.take() {
            Some(error) => Err(error),
            None if taken => Ok(()),
            None => Err(failure::refused(to_one_queue)),
        };
        flight.batch.settle(flight.index, outcome);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;

    use super::{Flight, OpenBatch, Window};
    use crate::endpoint::amqp::wire::method::Method;
    use crate::endpoint::{Address, EndpointErrorKind as Kind, Receipts};

    fn fill(window: &Window, keys: &[&'static str]) -> Receipts {
        let (batch, receipts) = OpenBatch::new(keys.len(), Duration::from_millis(200), &Arc::default());
        let flights = keys.iter().enumerate().map(|(index, key)| Flight {
            batch: Arc::clone(&batch),
            index,
            routing_key: Bytes::from_static(key.as_bytes()),
            properties: Bytes::new(),
            body: Bytes::from(format!("{index}")),
            recorded_from: None,
        });
        assert!(window.enter(flights.collect()));
        receipts
    }

    fn back(window: &Window, key: &str, body: &'static str) {
        let method = Method::Return {
            code: 312,
            text: "NO_ROUTE".to_owned(),
            exchange: String::new(),
            routing_key: key.to_owned(),
        };
        window.returned(&method, &Bytes::new(), &body.into());
    }

    async fn kinds(receipts: Receipts) -> Vec<Option<Kind>> {
        receipts.await.into_iter().map(|each| each.outcome.err().map(|error| error.kind)).collect()
    }

    #[tokio::test]
    async fn what_comes_back_is_told_from_what_went_with_it() {
        let window = Window::new(10, true);
        let receipts = fill(&window, &["a", "nobody", "a", "nobody", "a"]);
        assert_eq!(window.free(), 5);
        back(&window, "nobody", "3");
        back(&window, "nobody", "1");
        window.confirm(4, false, true);
        window.confirm(3, true, true);
        window.confirm(5, false, false);
        let lost = Some(Kind::NotFound);
        assert_eq!(kinds(receipts).await, [None, lost, None, lost, Some(Kind::Busy)]);
        assert_eq!(window.free(), 10);
    }

    #[tokio::test]
    async fn what_is_open_at_the_end_may_be_sent_again_but_for_the_culprit() {
        let address = Address::parse("amqp://h").expect("an address");
        let window = Window::new(10, true);
        let receipts = fill(&window, &["a", "a", "a"]);
        window.confirm(1, false, true);
        let words = "PRECONDITION_FAILED - message size 1 larger than configured max size 0";
        window.end(&super::failure::closed(406, words, &address));
        assert_eq!(kinds(receipts).await, [None, Some(Kind::TooLarge), Some(Kind::Disconnected)]);
        let (batch, receipts) = OpenBatch::new(1, Duration::from_secs(1), &Arc::default());
        let flight = Flight {
            batch,
            index: 0,
            routing_key: Bytes::new(),
            properties: Bytes::new(),
            body: Bytes::new(),
            recorded_from: None,
        };
        assert!(!window.enter(vec![flight]));
        assert_eq!(kinds(receipts).await, [Some(Kind::Disconnected)]);
    }

    #[tokio::test]
    async fn a_receipt_that_does_not_come_is_late() {
        let window = Window::new(10, true);
        let receipts = fill(&window, &["a", "a"]);
        window.confirm(2, false, true);
        assert_eq!(kinds(receipts).await, [Some(Kind::Timeout), None]);
    }
}
