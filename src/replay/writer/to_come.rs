//! Receipts that the writer waits for: awaited by its own thread, so that none takes a way over another one.

use futures_util::future::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::endpoint::{BoxFuture, Delivery, Receipts};

/// The receipts of a batch and its number.
type Settled = (u64, Vec<Delivery>);

/// The receipts of batches under way, in the order in which they come.
#[derive(Default)]
pub(super) struct ReceiptsToCome {
    batches: FuturesUnordered<BoxFuture<'static, Settled>>,
}

impl ReceiptsToCome {
    /// Waits for those of a batch from now on.
    pub(super) fn await_batch(&mut self, id: u64, receipts: Receipts) {
        self.batches.push(Box::pin(async move { (id, receipts.await) }));
    }

    /// Those of one batch, when they are there.
    pub(super) fn there(&mut self) -> Option<Settled> {
        self.batches.next().now_or_never().flatten()
    }

    /// Waits for those of one batch; for ever when none are to come.
    pub(super) async fn next(&mut self) -> Settled {
        match self.batches.next().await {
            Some(settled) => settled,
            None => std::future::pending().await,
        }
    }
}
