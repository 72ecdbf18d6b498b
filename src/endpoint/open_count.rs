//! How many batches of a sink still have receipts to be taken, so that nothing overtakes what may yet have failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The open batches of one sink.
#[derive(Debug, Default)]
pub(super) struct OpenCount(Arc<AtomicUsize>);

/// Counts a batch until its receipts are taken or forgotten.
pub(super) struct Open(Arc<AtomicUsize>);

impl OpenCount {
    /// One batch more, until the guard is dropped.
    pub(super) fn one_more(&self) -> Open {
        self.0.fetch_add(1, Ordering::AcqRel);
        Open(Arc::clone(&self.0))
    }

    /// Whether there is one.
    pub(super) fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
