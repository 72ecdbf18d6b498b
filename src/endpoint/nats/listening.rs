//! What is published while somebody listens: taken from the client at once, and kept for the reader up to a number of bytes.
//!
//! The client itself counts what waits by messages, however large they are.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{Message, Subscriber};
use futures_util::StreamExt;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::message;
use crate::event::{Event, Timestamp};

/// Bytes of events that may wait for the reader; beyond, events are dropped and counted.
const WAITING_BYTES: usize = 40 * 1024 * 1024;
/// What an event takes besides its bytes, roughly.
const AROUND: usize = 256;
/// Events taken from the client before they are handed on, where so many lie ready.
const TOGETHER: usize = 512;

/// What waits.
#[derive(Debug, Default)]
struct State {
    messages: VecDeque<(Message, Timestamp)>,
    bytes: usize,
    dropped: u64,
    ended: bool,
}

impl State {
    /// Keeps messages as far as there is room for them.
    fn put(&mut self, messages: impl IntoIterator<Item = (Message, Timestamp)>) {
        for (message, received) in messages {
            if self.bytes >= WAITING_BYTES {
                self.dropped += 1;
                continue;
            }
            self.bytes += message.length + AROUND;
            self.messages.push_back((message, received));
        }
    }

    fn take(&mut self, most: usize) -> Vec<(Message, Timestamp)> {
        let messages: Vec<_> = self.messages.drain(..most.min(self.messages.len())).collect();
        self.bytes -= messages.iter().map(|(message, _)| message.length + AROUND).sum::<usize>();
        messages
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Tells the reader.
    changed: Notify,
    /// Tells the task.
    leave: Notify,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A subscription whose events are taken as they come.
#[derive(Debug)]
pub(super) struct Listening {
    shared: Arc<Shared>,
    /// False when the server could not be told that nobody listens any more.
    task: JoinHandle<bool>,
}

impl Listening {
    /// Takes what comes from now on.
    pub(super) fn to(subscriber: Subscriber) -> Self {
        let shared = Arc::<Shared>::default();
        let task = tokio::spawn(listen(subscriber, Arc::clone(&shared)));
        Self { shared, task }
    }

    /// Waits for events and gives up to so many of them; none when the subscription has ended.
    pub(super) async fn next(&self, most: usize) -> Vec<Event> {
        loop {
            let (messages, ended) = {
                let mut state = self.shared.state();
                (state.take(most), state.ended)
            };
            if ended || !messages.is_empty() {
                return messages
                    .into_iter()
                    .map(|(message, received)| message::event(message, received))
                    .collect();
            }
            self.shared.changed.notified().await;
        }
    }

    /// Events that found no room.
    pub(super) fn dropped(&self) -> u64 {
        self.shared.state().dropped
    }

    /// Ends the subscription; false when the server could not be told.
    pub(super) async fn leave(mut self) -> bool {
        self.shared.leave.notify_one();
        (&mut self.task).await.unwrap_or(false)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // The subscription ends with the task.
        self.task.abort();
    }
}

async fn listen(subscriber: Subscriber, shared: Arc<Shared>) -> bool {
    let mut chunks = subscriber.ready_chunks(TOGETHER);
    loop {
        let chunk = tokio::select! {
            biased;
            () = shared.leave.notified() => return chunks.get_mut().unsubscribe().await.is_ok(),
            chunk = chunks.next() => chunk,
        };
        let ended = chunk.is_none();
        let mut state = shared.state();
        state.ended = ended;
        state.put(chunk.into_iter().flatten().map(|message| (message, Timestamp::of_arrival())));
        drop(state);
        shared.changed.notify_one();
        if ended {
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use async_nats::Message;

    use super::{State, WAITING_BYTES};
    use crate::event::Timestamp;

    fn message(length: usize) -> (Message, Timestamp) {
        let subject = "orders".into();
        let (reply, payload, headers) = (None, Vec::new().into(), None);
        (Message { subject, reply, payload, headers, status: None, description: None, length }, Timestamp(0))
    }

    #[test]
    fn what_finds_no_room_is_counted_and_there_is_room_again_behind_it() {
        let mut state = State::default();
        let large = || message(WAITING_BYTES / 2);
        state.put([large(), large(), large(), message(1)]);
        assert_eq!((state.messages.len(), state.dropped), (2, 2));
        assert_eq!(state.take(1).len(), 1);
        state.put([large()]);
        assert_eq!((state.take(9).len(), state.dropped, state.bytes), (2, 2, 0));
    }
}
