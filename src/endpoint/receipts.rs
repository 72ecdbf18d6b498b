//! Receipts of a batch, awaited by a task of their own, so that each is stamped when it arrives and none is forgotten.

#[cfg(feature = "mqtt")]
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

#[cfg(feature = "mqtt")]
use super::{BoxFuture, EndpointErrorKind};
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

/// Awaits all receipts of a batch in `tasks`; one that does not come within `timeout` counts as failed.
#[cfg(feature = "mqtt")]
pub(super) fn collect(tasks: &mut JoinSet<()>, awaited: Vec<Awaited>, timeout: Duration) -> Receipts {
    let count = awaited.len();
    collect_together(tasks, count, async move {
        let deadline = tokio::time::Instant::now() + timeout;
        let mut deliveries = Vec::with_capacity(count);
        for each in awaited {
            deliveries.push(delivery(each, deadline, timeout).await);
        }
        deliveries
    })
}

#[cfg(feature = "mqtt")]
async fn delivery(awaited: Awaited, deadline: tokio::time::Instant, timeout: Duration) -> Delivery {
    let receipt = match awaited {
        Ok(receipt) => receipt,
        Err(error) => return Delivery::failed(error),
    };
    match tokio::time::timeout_at(deadline, receipt).await {
        Ok(Ok(place)) => Delivery::acknowledged(place),
        Ok(Err(error)) => Delivery::failed(error),
        Err(_) => {
            let message = format!("no receipt within {} s", timeout.as_secs_f32());
            Delivery::failed(EndpointError::new(EndpointErrorKind::Timeout, message))
        }
    }
}
