//! Chunks from one reader to several workers, never more under way than a few, and their outcomes back in order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The hand-off between reader, workers and the one who gathers.
pub(super) struct Queue<C, O> {
    state: Mutex<State<C, O>>,
    changed: Condvar,
    /// Most chunks between the reader and the one who gathers.
    limit: u64,
}

struct State<C, O> {
    waiting: VecDeque<(u64, C)>,
    done: BTreeMap<u64, O>,
    /// Number of the next chunk to come in, and of the next outcome to go out.
    entered: u64,
    left: u64,
    /// Whether the reader has no more.
    is_complete: bool,
    /// Whether nobody wants more.
    is_closed: bool,
}

impl<C, O> Queue<C, O> {
    pub(super) fn new(limit: usize) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            done: BTreeMap::new(),
            entered: 0,
            left: 0,
            is_complete: false,
            is_closed: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), limit: limit as u64 }
    }

    fn lock(&self) -> MutexGuard<'_, State<C, O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<C, O>>) -> MutexGuard<'a, State<C, O>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands in the next chunk once there is room; whether anybody still wants it.
    pub(super) fn put(&self, chunk: C) -> bool {
        let mut state = self.lock();
        while !state.is_closed && state.entered - state.left >= self.limit {
            state = self.wait(state);
        }
        if state.is_closed {
            return false;
        }
        let number = state.entered;
        state.entered += 1;
        state.waiting.push_back((number, chunk));
        self.changed.notify_all();
        true
    }

    /// There are no more chunks.
    pub(super) fn complete(&self) {
        self.lock().is_complete = true;
        self.changed.notify_all();
    }

    /// Nobody wants more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// The next chunk with its number; `None` when there will be none.
    pub(super) fn take(&self) -> Option<(u64, C)> {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(chunk) = state.waiting.pop_front() {
                return Some(chunk);
            }
            if state.is_complete {
                return None;
            }
            state = self.wait(state);
        }
    }

    /// Hands in what came of a chunk.
    pub(super) fn finish(&self, number: u64, outcome: O) {
        self.lock().done.insert(number, outcome);
        self.changed.notify_all();
    }

    /// The outcome of the next chunk in order; `None` after the last, or when the queue was closed.
    pub(super) fn next_outcome(&self) -> Option<O> {
        let mut state = self.lock();
        loop {
            let next = state.left;
            if let Some(outcome) = state.done.remove(&next) {
                state.left += 1;
                self.changed.notify_all();
                return Some(outcome);
            }
            if state.is_closed || (state.is_complete && state.left == state.entered) {
                return None;
            }
            state = self.wait(state);
        }
    }
}

/// Closes the queue when whoever gathers leaves, by whatever way.
pub(super) struct CloseAtEnd<'q, C, O>(pub &'q Queue<C, O>);

impl<C, O> Drop for CloseAtEnd<'_, C, O> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Closes the queue when a thread that works for it panics: nobody must wait for what it owes.
pub(super) struct CloseOnPanic<'q, C, O>(pub &'q Queue<C, O>);

impl<C, O> Drop for CloseOnPanic<'_, C, O> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Queue;

    #[test]
    fn outcomes_keep_the_order_of_chunks() {
        let queue: Arc<Queue<u64, u64>> = Arc::new(Queue::new(4));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..500 {
                    assert!(queue.put(number));
                }
                queue.complete();
            });
            for _ in 0..3 {
                scope.spawn(|| {
                    while let Some((number, chunk)) = queue.take() {
                        queue.finish(number, chunk * 2);
                    }
                });
            }
            let outcomes: Vec<u64> = std::iter::from_fn(|| queue.next_outcome()).collect();
            assert_eq!(outcomes, (0..500).map(|number| number * 2).collect::<Vec<_>>());
        });
    }

    #[test]
    fn a_closed_queue_takes_nothing_more() {
        let queue: Queue<u64, u64> = Queue::new(1);
        assert!(queue.put(1));
        queue.close();
        assert!(!queue.put(2));
        assert_eq!(queue.take(), None);
    }
}
