//! Receipts of a batch, awaited by a task of their own, so that each is stamped when it arrives and none is forgotten.

#[cfg(feature = "mqtt")]
use std::sync::Arc;
#[cfg(feature = "mqtt")]
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

#[cfg(feature = "mqtt")]
use super::BoxFuture;
#[cfg(feature = "mqtt")]
use super::open_batch::{LastReceipt, no_receipt};
use super::{Delivery, EndpointError, Receipts};
#[cfg(feature = "mqtt")]
use crate::event::Place;

/// An event that was handed over, or why it was not.
#[cfg(feature = "mqtt")]
pub(super) type Awaited = Result<BoxFuture<'static, Result<Place, EndpointError>>, EndpointError>;

/// Awaits in `tasks` what tells of all `count` events of a batch together.
pub(super) fn collect_together(
    tasks: &mut JoinSet<()>,
    count: usize,
    told: impl Future<Output = Vec<Delivery>> + Send + 'static,
) -> Receipts {
    // Finished batches are let go of, so that a long run does not keep them.
    while tasks.try_join_next().is_some() {}
    let (report, receipts) = oneshot::channel();
    tasks.spawn(async move {
        // Whoever does not want the receipts need not take them.
        let _ = report.send(told.await);
    });
    Box::pin(async move {
        let lost = || Delivery::failed(EndpointError::receipt_lost());
        receipts.await.unwrap_or_else(|_| std::iter::repeat_with(lost).take(count).collect())
    })
}

/// Awaits all receipts of a batch in `tasks`; those that are missing when no receipt of the sink came for `timeout` count as
/// failed.
#[cfg(feature = "mqtt")]
pub(super) fn collect(
    tasks: &mut JoinSet<()>,
    awaited: Vec<Awaited>,
    timeout: Duration,
    last: &Arc<LastReceipt>,
) -> Receipts {
    let (count, last) = (awaited.len(), Arc::clone(last));
    collect_together(tasks, count, async move {
        let deadline = tokio::time::Instant::now() + timeout;
        let mut deliveries = Vec::with_capacity(count);
        for each in awaited {
            deliveries.push(delivery(each, (deadline, timeout), &last).await);
        }
        deliveries
    })
}

#[cfg(feature = "mqtt")]
async fn delivery(
    awaited: Awaited,
    (deadline, timeout): (tokio::time::Instant, Duration),
    last: &LastReceipt,
) -> Delivery {
    let receipt = match awaited {
        Ok(receipt) => receipt,
        Err(error) => return Delivery::failed(error),
    };
    let told = tokio::select! {
        biased;
        told = receipt => told,
        () = last.long_ago(deadline, timeout) => Err(no_receipt(timeout)),
    };
    match told {
        Ok(place) => {
            last.note();
            Delivery::acknowledged(place)
        }
        Err(error) => Delivery::failed(error),
    }
}
