//! Receipts under way: one number per event goes through the client and comes back; what comes back fills its batch.

use std::collections::VecDeque;
#[cfg(feature = "nats")]
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::{Delivery, EndpointError, Receipts};
use crate::event::Place;

/// How long a full queue is waited for before it is looked at again; room is said at once, this is for safety.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The batches of one producer that are not settled.
#[derive(Debug, Default)]
pub(super) struct ReceiptBook {
    open: Mutex<Open>,
    /// Events of all batches without a receipt.
    missing: AtomicUsize,
    room: Notify,
    waiting: AtomicBool,
}

#[derive(Debug, Default)]
struct Open {
    next: usize,
    batches: VecDeque<Batch>,
    /// When the last receipt came.
    #[cfg(feature = "kafka")]
    progress: Option<Instant>,
}

#[derive(Debug)]
struct Batch {
    first: usize,
    #[cfg(feature = "kafka")]
    begun: Instant,
    deliveries: Vec<Option<Delivery>>,
    missing: usize,
    report: Option<oneshot::Sender<Vec<Delivery>>>,
}

impl ReceiptBook {
    /// Opens a batch: the number of its first event, those behind it count on, and its receipts to come.
    pub(super) fn begin(&self, count: usize) -> (usize, Receipts) {
        let (report, receipts) = oneshot::channel();
        let mut open = self.open();
        let first = open.next;
        open.next += count;
        self.missing.fetch_add(count, Ordering::AcqRel);
        let deliveries = std::iter::repeat_with(|| None).take(count).collect();
        open.batches.push_back(Batch {
            first,
            #[cfg(feature = "kafka")]
            begun: Instant::now(),
            deliveries,
            missing: count,
            report: Some(report),
        });
        if count == 0 {
            open.close(first);
        }
        let receipts = async move {
            let lost = || Delivery::failed(EndpointError::receipt_lost());
            receipts.await.unwrap_or_else(|_| std::iter::repeat_with(lost).take(count).collect())
        };
        (first, Box::pin(receipts))
    }

    /// The `receipts` of the `count` events from `first` on; those that are not there when `end` comes count as failed, for
    /// the reason it gives.
    #[cfg(feature = "nats")]
    pub(super) fn until(
        self: &Arc<Self>,
        (first, count): (usize, usize),
        mut receipts: Receipts,
        end: impl Future<Output = EndpointError> + Send + 'static,
    ) -> Receipts {
        let book = Arc::clone(self);
        Box::pin(async move {
            tokio::select! {
                biased;
                deliveries = &mut receipts => return deliveries,
                error = end => (first..first + count).for_each(|sequence| book.settle(sequence, Err(error.clone()))),
            }
            receipts.await
        })
    }

    /// How many events of all batches have no receipt.
    #[cfg(feature = "nats")]
    pub(super) fn missing(&self) -> usize {
        self.missing.load(Ordering::Acquire)
    }

    /// Since when events wait and no receipt comes; none when no event waits.
    #[cfg(feature = "kafka")]
    pub(super) fn still_since(&self) -> Option<Instant> {
        let open = self.open();
        let oldest = open.batches.iter().find(|batch| batch.missing > 0)?.begun;
        Some(open.progress.map_or(oldest, |progress| progress.max(oldest)))
    }

    /// Notes what became of an event.
    pub(super) fn settle(&self, sequence: usize, outcome: Result<Place, EndpointError>) {
        self.settle_all(std::iter::once((sequence, outcome)));
    }

    /// Notes what became of events whose receipts arrived together, by now.
    pub(super) fn settle_all(&self, outcomes: impl Iterator<Item = (usize, Result<Place, EndpointError>)>) {
        let at = Instant::now();
        let mut open = self.open();
        let noted = outcomes.map(|(sequence, outcome)| {
            open.settle(sequence, Delivery { outcome: outcome.map_err(Box::new), at })
        });
        let settled = noted.filter(|noted| *noted).count();
        #[cfg(feature = "kafka")]
        {
            open.progress = Some(at);
        }
        drop(open);
        self.missing.fetch_sub(settled, Ordering::AcqRel);
        if self.waiting.load(Ordering::Acquire) {
            self.room.notify_waiters();
        }
    }

    /// Waits until an event was settled, and so left the queue; not for long.
    pub(super) async fn room(&self) {
        let room = self.room.notified();
        self.waiting.store(true, Ordering::Release);
        let _ = tokio::time::timeout(LOOK_AGAIN, room).await;
        self.waiting.store(false, Ordering::Release);
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// False when nothing was to be noted of it any more.
    fn settle(&mut self, sequence: usize, delivery: Delivery) -> bool {
        let at = self.batches.partition_point(|batch| batch.first + batch.deliveries.len() <= sequence);
        // A finished batch may stand behind one that is not.
        let Some(batch) = self.batches.get_mut(at).filter(|batch| batch.missing > 0) else {
            return false;
        };
        let Some(place) = sequence
            .checked_sub(batch.first)
            .and_then(|at| batch.deliveries.get_mut(at))
            .filter(|place| place.is_none())
        else {
            return false;
        };
        *place = Some(delivery);
        batch.missing -= 1;
        if batch.missing == 0 {
            let first = batch.first;
            self.close(first);
        }
        true
    }

    /// Reports the batch that begins at `first`, and forgets the finished ones in front.
    fn close(&mut self, first: usize) {
        let batch = self.batches.iter_mut().find(|batch| batch.first == first && batch.missing == 0);
        if let Some(batch) = batch
            && let Some(report) = batch.report.take()
        {
            // Each is there by now, and the list is taken over as it stands.
            let known = std::mem::take(&mut batch.deliveries).into_iter();
            let deliveries = known
                .map(|each| each.unwrap_or_else(|| Delivery::failed(EndpointError::receipt_lost())))
                .collect();
            // Whoever does not want the receipts need not take them.
            let _ = report.send(deliveries);
        }
        while self.batches.front().is_some_and(|batch| batch.missing == 0) {
            self.batches.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "nats")]
    use std::sync::Arc;

    use super::ReceiptBook;
    #[cfg(feature = "nats")]
    use crate::endpoint::EndpointError;
    use crate::endpoint::EndpointErrorKind;
    use crate::event::Place;

    fn place(offset: u64) -> Place {
        Place { partition: Some(0), offset: Some(offset) }
    }

    #[tokio::test]
    async fn receipts_find_their_events_in_any_order() {
        let book = ReceiptBook::default();
        let (first, one) = book.begin(2);
        let (second, two) = book.begin(3);
        let (_, none) = book.begin(0);
        assert_eq!((first, second), (0, 2));
        assert!(none.await.is_empty());
        for sequence in [4, 1, 2, 0, 3] {
            book.settle(sequence, Ok(place(sequence as u64 + 10)));
            book.settle(sequence, Ok(place(0)));
        }
        let offsets = |deliveries: Vec<crate::endpoint::Delivery>| -> Vec<Option<u64>> {
            deliveries.into_iter().map(|each| each.outcome.expect("acknowledged").offset).collect()
        };
        assert_eq!(offsets(one.await), [Some(10), Some(11)]);
        assert_eq!(offsets(two.await), [Some(12), Some(13), Some(14)]);
        assert!(book.open().batches.is_empty());
    }

    #[cfg(feature = "nats")]
    #[tokio::test]
    async fn what_comes_after_the_end_changes_nothing() {
        let late = || EndpointError::new(EndpointErrorKind::Timeout, "too late");
        let book = Arc::new(ReceiptBook::default());
        let (_, open) = book.begin(1);
        let (first, receipts) = book.begin(2);
        let receipts = book.until((first, 2), receipts, std::future::ready(late()));
        book.settle(first + 1, Ok(place(7)));
        let outcomes: Vec<_> = receipts.await.into_iter().map(|each| each.outcome.ok()).collect();
        assert_eq!(outcomes, [None, Some(place(7))]);
        assert_eq!(book.missing(), 1);
        book.settle(first, Ok(place(6)));
        book.settle(0, Ok(place(5)));
        assert_eq!((open.await.len(), book.missing()), (1, 0));
    }

    #[tokio::test]
    async fn a_book_that_goes_away_fails_what_is_open() {
        let book = ReceiptBook::default();
        let (_, receipts) = book.begin(2);
        book.settle(0, Ok(place(1)));
        drop(book);
        let kinds: Vec<_> =
            receipts.await.into_iter().map(|each| each.outcome.expect_err("lost").kind).collect();
        assert_eq!(kinds, [EndpointErrorKind::Disconnected; 2]);
    }
}
