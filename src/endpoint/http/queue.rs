//! Requests that wait for a worker: handed over many at a time and taken one by one, with few wake-ups on the way.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Notify;
use url::Url;

use super::failure;
use super::outgoing::Outgoing;
use crate::endpoint::EndpointError;
use crate::endpoint::open_batch::OpenBatch;

/// A request to be made.
pub(super) struct Job {
    pub(super) url: Arc<Url>,
    pub(super) outgoing: Outgoing,
    /// Requests of one lane keep their order.
    pub(super) lane: u64,
    pub(super) receipt: Receipt,
}

/// The events of a call that a request carries.
#[derive(Debug)]
pub(super) enum Carried {
    /// The one with this number.
    One(usize),
    /// Those with these.
    Many(Vec<usize>),
}

/// Says what became of a request to the call it belongs to; that it was never made, where nothing else is said.
pub(super) struct Receipt {
    call: Arc<OpenBatch>,
    carried: Carried,
    given: bool,
}

impl Receipt {
    pub(super) fn new(call: &Arc<OpenBatch>, carried: Carried) -> Self {
        Self { call: Arc::clone(call), carried, given: false }
    }

    /// Says it.
    pub(super) fn settle(mut self, outcome: Result<(), EndpointError>) {
        self.give(outcome);
    }

    fn give(&mut self, outcome: Result<(), EndpointError>) {
        self.given = true;
        match &self.carried {
            Carried::One(at) => self.call.settle(*at, outcome),
            Carried::Many(all) => all.iter().for_each(|at| self.call.settle(*at, outcome.clone())),
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if !self.given {
            self.give(Err(failure::closed()));
        }
    }
}

/// What waits, who waits for it, and who waits for room.
pub(super) struct Queue {
    inner: Mutex<Inner>,
    filled: Notify,
    room: Notify,
    workers: usize,
    /// So many requests may wait when further ones are added.
    enough: usize,
}

struct Inner {
    jobs: VecDeque<Job>,
    /// Nothing is added any more.
    closed: bool,
    /// Workers that are there.
    workers: usize,
    wants_room: bool,
}

impl Queue {
    /// A queue of so many workers.
    pub(super) fn new(workers: usize, enough: usize) -> Self {
        let inner = Inner { jobs: VecDeque::new(), closed: false, workers, wants_room: false };
        let (filled, room) = (Notify::new(), Notify::new());
        Self { inner: Mutex::new(inner), filled, room, workers, enough }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until more may be added; only one may wait.
    pub(super) async fn room(&self) {
        loop {
            {
                let mut inner = self.inner();
                if inner.closed || inner.jobs.len() <= self.enough {
                    return;
                }
                inner.wants_room = true;
            }
            self.room.notified().await;
        }
    }

    /// Adds requests, in order. Where no worker is left, their receipts say so.
    pub(super) fn add(&self, jobs: Vec<Job>) {
        let count = jobs.len();
        let mut inner = self.inner();
        if inner.closed {
            // Receipts are given without the lock.
            drop(inner);
            return;
        }
        inner.jobs.extend(jobs);
        drop(inner);
        for _ in 0..count.min(self.workers) {
            self.filled.notify_one();
        }
    }

    /// The next request; none when the queue is closed and empty.
    pub(super) async fn take(&self) -> Option<Job> {
        loop {
            if let Poll::Ready(taken) = self.try_take() {
                return taken;
            }
            let mut filled = pin!(self.filled.notified());
            // From here on what is added wakes us, so that one more look is enough.
            filled.as_mut().enable();
            if let Poll::Ready(taken) = self.try_take() {
                return taken;
            }
            filled.await;
        }
    }

    /// The next request, none at the end, or nothing yet.
    fn try_take(&self) -> Poll<Option<Job>> {
        let mut inner = self.inner();
        let job = inner.jobs.pop_front();
        let is_over = job.is_none() && inner.closed;
        if inner.wants_room && inner.jobs.len() <= self.enough {
            inner.wants_room = false;
            self.room.notify_one();
        }
        if job.is_some() || is_over { Poll::Ready(job) } else { Poll::Pending }
    }

    /// Says that nothing comes any more: workers leave when they have done what waits.
    pub(super) fn close(&self) {
        self.inner().closed = true;
        self.filled.notify_waiters();
    }

    /// Takes back what no worker has begun; the receipts say so.
    pub(super) fn clear(&self) {
        let jobs = std::mem::take(&mut self.inner().jobs);
        drop(jobs);
    }
}

/// The place of a worker at its queue. When the last one is gone, for whatever reason, nothing waits for it.
pub(super) struct Worker(pub(super) Arc<Queue>);

impl Drop for Worker {
    fn drop(&mut self) {
        let mut inner = self.0.inner();
        inner.workers -= 1;
        if inner.workers > 0 {
            return;
        }
        inner.closed = true;
        drop(inner);
        self.0.clear();
        self.0.room.notify_one();
    }
}

/// How long an answer takes, on average; the last ones count most.
#[derive(Debug, Default)]
pub(super) struct Pace(AtomicU64);

impl Pace {
    /// An answer took so long. Of two at the same moment one may be lost.
    pub(super) fn add(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1);
        let known = self.0.load(Ordering::Relaxed);
        let average = if known == 0 { took } else { known - known / 8 + took / 8 };
        self.0.store(average.max(1), Ordering::Relaxed);
    }

    /// How many answers come within this time, one after the other; none is known before the first.
    pub(super) fn answers_within(&self, time: Duration) -> Option<u64> {
        let average = self.0.load(Ordering::Relaxed);
        (average > 0).then(|| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) / average)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Carried, Job, Outgoing, Pace, Queue, Receipt, Worker};
    use crate::endpoint::Receipts;
    use crate::endpoint::open_batch::OpenBatch;

    fn jobs(count: usize) -> (Vec<Job>, Receipts) {
        let (call, receipts) = OpenBatch::until(count, pending());
        let job = |at| {
            let url = Arc::new("http://h/".parse().expect("a URL"));
            let outgoing = Outgoing {
                method: axum::http::Method::POST,
                headers: axum::http::HeaderMap::new(),
                body: bytes::Bytes::new(),
            };
            Job { url, outgoing, lane: at as u64, receipt: Receipt::new(&call, Carried::One(at)) }
        };
        ((0..count).map(job).collect(), receipts)
    }

    async fn failures(receipts: Receipts) -> usize {
        receipts.await.iter().filter(|delivery| delivery.outcome.is_err()).count()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_workers_take_everything_once_and_make_room() {
        let queue = Arc::new(Queue::new(3, 4));
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let worker = Worker(Arc::clone(&queue));
            workers.spawn(async move {
                let mut done = 0_u64;
                while let Some(job) = worker.0.take().await {
                    tokio::task::yield_now().await;
                    job.receipt.settle(Ok(()));
                    done += 1;
                }
                done
            });
        }
        let mut calls = Vec::new();
        for _ in 0..200 {
            let (jobs, receipts) = jobs(7);
            queue.room().await;
            queue.add(jobs);
            calls.push(receipts);
        }
        for receipts in calls {
            assert_eq!(failures(receipts).await, 0);
        }
        queue.close();
        assert_eq!(workers.join_all().await.into_iter().sum::<u64>(), 1400);
    }

    #[tokio::test]
    async fn what_was_not_begun_is_taken_back_and_what_nobody_can_do_is_not_waited_for() {
        let queue = Arc::new(Queue::new(1, 0));
        let worker = Worker(Arc::clone(&queue));
        let (some, receipts) = jobs(3);
        queue.add(some);
        let begun = queue.take().await.expect("a request");
        queue.clear();
        begun.receipt.settle(Ok(()));
        assert_eq!(failures(receipts).await, 2);
        let (some, waiting) = jobs(2);
        queue.add(some);
        drop(worker);
        assert_eq!(failures(waiting).await, 2);
        queue.room().await;
        let (some, late) = jobs(1);
        queue.add(some);
        assert_eq!(failures(late).await, 1);
        assert!(queue.take().await.is_none());
    }

    #[test]
    fn a_pace_follows_what_it_is_told() {
        let pace = Pace::default();
        assert_eq!(pace.answers_within(Duration::from_secs(1)), None);
        pace.add(Duration::from_millis(1));
        assert_eq!(pace.answers_within(Duration::from_millis(20)), Some(20));
        for _ in 0..100 {
            pace.add(Duration::from_secs(1));
        }
        assert_eq!(pace.answers_within(Duration::from_millis(20)), Some(0));
    }
}
