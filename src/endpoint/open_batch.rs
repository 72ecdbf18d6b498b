//! The receipts of one batch, settled in place as they come in: no future and no task for each event.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Delivery, EndpointError, EndpointErrorKind, Receipts};
use crate::event::Place;

/// A batch with receipts to come.
#[derive(Debug)]
pub(super) struct OpenBatch {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    deliveries: Vec<Option<Delivery>>,
    open: usize,
    report: Option<oneshot::Sender<()>>,
}

impl OpenBatch {
    /// A batch of this many events, and its receipts; one that does not come within `timeout` counts as failed.
    pub(super) fn new(count: usize, timeout: Duration) -> (Arc<Self>, Receipts) {
        let (report, reported) = oneshot::channel();
        let inner = Inner { deliveries: vec![None; count], open: count, report: Some(report) };
        let batch = Arc::new(Self { inner: Mutex::new(inner) });
        let deadline = tokio::time::Instant::now() + timeout;
        let awaited = Arc::clone(&batch);
        let receipts = async move {
            if count > 0 {
                let _ = tokio::time::timeout_at(deadline, reported).await;
            }
            awaited.take(timeout)
        };
        (batch, Box::pin(receipts))
    }

    /// The receipt of one event; a later one for the same event changes nothing.
    pub(super) fn settle(&self, index: usize, outcome: Result<(), EndpointError>) {
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

    fn take(&self, timeout: Duration) -> Vec<Delivery> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let late = || {
            let message = format!("no receipt within {} s", timeout.as_secs_f32());
            Delivery::failed(EndpointError::new(EndpointErrorKind::Timeout, message))
        };
        std::mem::take(&mut inner.deliveries).into_iter().map(|known| known.unwrap_or_else(late)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::OpenBatch;
    use crate::endpoint::EndpointErrorKind;

    #[tokio::test]
    async fn an_empty_batch_is_settled_and_the_first_receipt_counts() {
        assert!(OpenBatch::new(0, Duration::from_secs(9)).1.await.is_empty());
        let (batch, receipts) = OpenBatch::new(2, Duration::from_secs(9));
        batch.settle(1, Err(crate::endpoint::EndpointError::new(EndpointErrorKind::Rejected, "no")));
        batch.settle(1, Ok(()));
        batch.settle(2, Ok(()));
        batch.settle(0, Ok(()));
        let kinds: Vec<_> =
            receipts.await.into_iter().map(|each| each.outcome.err().map(|error| error.kind)).collect();
        assert_eq!(kinds, [None, Some(EndpointErrorKind::Rejected)]);
    }
}
