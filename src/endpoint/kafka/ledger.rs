//! Receipts under way: one number per event goes through the client and comes back; what comes back fills its batch.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::failure;
use crate::endpoint::{Delivery, EndpointError, Receipts};
use crate::event::Place;

/// How long a full queue is waited for before it is looked at again; room is said at once, this is for safety.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The batches of one producer that are not settled.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    open: Mutex<Open>,
    room: Notify,
    waiting: AtomicBool,
}

#[derive(Debug, Default)]
struct Open {
    next: usize,
    batches: VecDeque<Batch>,
}

#[derive(Debug)]
struct Batch {
    first: usize,
    deliveries: Vec<Option<Delivery>>,
    missing: usize,
    report: Option<oneshot::Sender<Vec<Delivery>>>,
}

impl Ledger {
    /// Opens a batch: the number of its first event, those behind it count on, and its receipts to come.
    pub(super) fn begin(&self, count: usize) -> (usize, Receipts) {
        let (report, receipts) = oneshot::channel();
        let mut open = self.open();
        let first = open.next;
        open.next += count;
        let deliveries = std::iter::repeat_with(|| None).take(count).collect();
        open.batches.push_back(Batch { first, deliveries, missing: count, report: Some(report) });
        if count == 0 {
            open.close(first);
        }
        let receipts = async move {
            let lost = || Delivery::failed(failure::unanswered());
            receipts.await.unwrap_or_else(|_| std::iter::repeat_with(lost).take(count).collect())
        };
        (first, Box::pin(receipts))
    }

    /// Notes what became of an event.
    pub(super) fn settle(&self, sequence: usize, outcome: Result<Place, EndpointError>) {
        let delivery = outcome.map_or_else(Delivery::failed, Delivery::acknowledged);
        self.open().settle(sequence, delivery);
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
    fn settle(&mut self, sequence: usize, delivery: Delivery) {
        let at = self.batches.partition_point(|batch| batch.first + batch.deliveries.len() <= sequence);
        let Some(batch) = self.batches.get_mut(at) else {
            return;
        };
        let Some(place) = sequence
            .checked_sub(batch.first)
            .and_then(|at| batch.deliveries.get_mut(at))
            .filter(|place| place.is_none())
        else {
            return;
        };
        *place = Some(delivery);
        batch.missing -= 1;
        if batch.missing == 0 {
            let first = batch.first;
            self.close(first);
        }
    }

    /// Reports the batch that begins at `first`, and forgets the finished ones in front.
    fn close(&mut self, first: usize) {
        let batch = self.batches.iter_mut().find(|batch| batch.first == first && batch.missing == 0);
        if let Some(batch) = batch
            && let Some(report) = batch.report.take()
        {
            let deliveries = batch.deliveries.iter_mut().filter_map(Option::take).collect();
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
    use super::Ledger;
    use crate::endpoint::EndpointErrorKind;
    use crate::event::Place;

    fn place(offset: u64) -> Place {
        Place { partition: Some(0), offset: Some(offset) }
    }

    #[tokio::test]
    async fn receipts_find_their_events_in_any_order() {
        let ledger = Ledger::default();
        let (first, one) = ledger.begin(2);
        let (second, two) = ledger.begin(3);
        let (_, none) = ledger.begin(0);
        assert_eq!((first, second), (0, 2));
        assert!(none.await.is_empty());
        for sequence in [4, 1, 2, 0, 3] {
            ledger.settle(sequence, Ok(place(sequence as u64 + 10)));
            ledger.settle(sequence, Ok(place(0)));
        }
        let offsets = |deliveries: Vec<crate::endpoint::Delivery>| -> Vec<Option<u64>> {
            deliveries.into_iter().map(|each| each.outcome.expect("acknowledged").offset).collect()
        };
        assert_eq!(offsets(one.await), [Some(10), Some(11)]);
        assert_eq!(offsets(two.await), [Some(12), Some(13), Some(14)]);
        assert!(ledger.open().batches.is_empty());
    }

    #[tokio::test]
    async fn a_ledger_that_goes_away_fails_what_is_open() {
        let ledger = Ledger::default();
        let (_, receipts) = ledger.begin(2);
        ledger.settle(0, Ok(place(1)));
        drop(ledger);
        let kinds: Vec<_> =
            receipts.await.into_iter().map(|each| each.outcome.expect_err("lost").kind).collect();
        assert_eq!(kinds, [EndpointErrorKind::Disconnected; 2]);
    }
}
