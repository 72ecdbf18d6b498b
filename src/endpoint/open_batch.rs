//! The receipts of one batch, settled in place as they come in: no future and no task for each event.

use std::sync::{Arc, Mutex, PoisonError};
#[cfg(any(feature = "amqp", feature = "mqtt"))]
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Delivery, EndpointError, EndpointErrorKind, Receipts};
use crate::event::Place;

/// A batch with receipts to come.
#[derive(Debug)]
pub(super) struct OpenBatch {
    inner: Mutex<Inner>,
    last: Option<Arc<LastReceipt>>,
}

/// When the last receipt of a sink came.
#[derive(Debug, Default)]
pub(super) struct LastReceipt(Mutex<Option<tokio::time::Instant>>);

impl LastReceipt {
    pub(super) fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(tokio::time::Instant::now());
    }

    /// When that was.
    #[cfg(any(feature = "amqp", feature = "mqtt"))]
    pub(super) fn at(&self) -> Option<std::time::Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).map(tokio::time::Instant::into_std)
    }

    /// Waits for the deadline, and beyond it until no receipt has come for `timeout`.
    #[cfg(any(feature = "amqp", feature = "mqtt"))]
    pub(super) async fn long_ago(&self, mut deadline: tokio::time::Instant, timeout: Duration) {
        loop {
            tokio::time::sleep_until(deadline).await;
            let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match last.map(|last| last + timeout).filter(|later| *later > deadline) {
                Some(later) => deadline = later,
                None => return,
            }
        }
    }
}

/// No receipt came for so long.
#[cfg(any(feature = "amqp", feature = "mqtt"))]
pub(super) fn no_receipt(timeout: Duration) -> EndpointError {
    let message = format!("no receipt within {} s", timeout.as_secs_f32());
    EndpointError::new(EndpointErrorKind::Timeout, message)
}

#[derive(Debug)]
struct Inner {
    deliveries: Vec<Option<Delivery>>,
    open: usize,
    report: Option<oneshot::Sender<()>>,
}

impl OpenBatch {
    /// A batch of this many events, and its receipts. When for `timeout` neither one of them comes nor one of another batch of
    /// the same sink, those that are missing count as failed: on a slow way many events wait for those before them.
    #[cfg(any(feature = "amqp", feature = "mqtt"))]
    pub(super) fn new(count: usize, timeout: Duration, last: &Arc<LastReceipt>) -> (Arc<Self>, Receipts) {
        let (deadline, seen) = (tokio::time::Instant::now() + timeout, Arc::clone(last));
        let end = async move {
            seen.long_ago(deadline, timeout).await;
            no_receipt(timeout)
        };
        Self::made(count, end, Some(Arc::clone(last)))
    }

    /// A batch of this many events, and its receipts. Those that are not there when `end` comes count as failed, for the
    /// reason it gives; the others keep what became of them.
    #[cfg(any(test, feature = "http"))]
    pub(super) fn until(
        count: usize,
        end: impl Future<Output = EndpointError> + Send + 'static,
    ) -> (Arc<Self>, Receipts) {
        Self::made(count, end, None)
    }

    fn made(
        count: usize,
        end: impl Future<Output = EndpointError> + Send + 'static,
        last: Option<Arc<LastReceipt>>,
    ) -> (Arc<Self>, Receipts) {
        let (report, reported) = oneshot::channel();
        let inner = Inner { deliveries: vec![None; count], open: count, report: Some(report) };
        let batch = Arc::new(Self { inner: Mutex::new(inner), last });
        let awaited = Arc::clone(&batch);
        let receipts = async move {
            if count == 0 {
                return Vec::new();
            }
            tokio::select! {
                biased;
                _ = reported => awaited.take(None),
                missing = end => awaited.take(Some(&missing)),
            }
        };
        (batch, Box::pin(receipts))
    }

    /// The receipt of one event; a later one for the same event changes nothing.
    pub(super) fn settle(&self, index: usize, outcome: Result<(), EndpointError>) {
        if let Some(last) = self.last.as_ref().filter(|_| outcome.is_ok()) {
            last.note();
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(slot @ None) = inner.deliveries.get_mut(index) else { return };
        *slot = Some(match outcome {
            Ok(()) => Delivery::acknowledged(Place::default()),
            Err(error) => Delivery::failed(error),
        });
        inner.open = inner.open.saturating_sub(1);
        if inner.open == 0
            && let Some(report) = inner.report.take()
        {
            // Whoever does not want the receipts need not take them.
            let _ = report.send(());
        }
    }

    fn take(&self, missing: Option<&EndpointError>) -> Vec<Delivery> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = || EndpointError::new(EndpointErrorKind::Timeout, "nothing was said about the event");
        let late = || Delivery::failed(missing.cloned().unwrap_or_else(unknown));
        std::mem::take(&mut inner.deliveries).into_iter().map(|known| known.unwrap_or_else(late)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::OpenBatch;
    use crate::endpoint::{EndpointError, EndpointErrorKind};

    #[tokio::test]
    async fn what_is_known_at_the_end_is_kept() {
        let end = ready(EndpointError::new(EndpointErrorKind::Timeout, "too late"));
        let (batch, receipts) = OpenBatch::until(3, end);
        batch.settle(1, Ok(()));
        let outcomes: Vec<_> = receipts.await.into_iter().map(|each| each.outcome.is_ok()).collect();
        assert_eq!(outcomes, [false, true, false]);
    }

    #[tokio::test]
    async fn an_empty_batch_is_settled_and_the_first_receipt_counts() {
        assert!(OpenBatch::until(0, pending()).1.await.is_empty());
        let (batch, receipts) = OpenBatch::until(2, pending());
        batch.settle(1, Err(EndpointError::new(EndpointErrorKind::Rejected, "no")));
        batch.settle(1, Ok(()));
        batch.settle(2, Ok(()));
        batch.settle(0, Ok(()));
        let kinds: Vec<_> =
            receipts.await.into_iter().map(|each| each.outcome.err().map(|error| error.kind)).collect();
        assert_eq!(kinds, [None, Some(EndpointErrorKind::Rejected)]);
    }
}
