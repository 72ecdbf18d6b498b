//! What the task of a subscription and its reader share: events that have arrived, what is to be acknowledged, and how the
//! connection stands.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::endpoint::EndpointError;
use crate::event::{Event, Timestamp};

/// Bytes of arrived events that may wait for the reader. Beyond, what the broker sends again is left with it, and events of
/// `QoS` 0 are dropped and counted.
const WAITING_BYTES: usize = 16 * 1024 * 1024;

/// What acknowledges an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// The number of the connection it came over: the broker sends an event again over a new one.
    connection: u64,
    pub(super) id: u16,
    pub(super) qos: u8,
}

/// An event as it waits for the reader.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) event: Event,
    /// Bytes it takes, roughly.
    pub(super) size: usize,
    /// Its number, where it is to be acknowledged, and its quality.
    pub(super) id: Option<(u16, u8)>,
}

#[derive(Debug, Default)]
struct State {
    arrived: VecDeque<(Arrived, u64)>,
    waiting_bytes: usize,
    dropped: u64,
    acknowledged: Vec<Token>,
    /// Connections made so far.
    connections: u64,
    connected: bool,
    subscribed: bool,
    trouble: Option<EndpointError>,
    leaving: bool,
    ended: bool,
}

/// A batch as the source takes it.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) events: Vec<Event>,
    pub(super) tokens: Vec<Token>,
}

/// The meeting place.
#[derive(Debug, Default)]
pub(super) struct Link {
    state: Mutex<State>,
    /// Tells the reader.
    changed: Notify,
    /// Tells the task.
    work: Notify,
}

/// The side of the task.
impl Link {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The broker has greeted us.
    pub(super) fn greeted(&self) {
        let mut state = self.state();
        state.connected = true;
        state.connections += 1;
        state.acknowledged.clear();
    }

    /// The broker sends what was asked for.
    pub(super) fn sends(&self) {
        self.state().subscribed = true;
        self.changed.notify_one();
    }

    /// Bytes there is still room for.
    pub(super) fn room(&self) -> usize {
        WAITING_BYTES.saturating_sub(self.state().waiting_bytes)
    }

    /// Events have arrived, and so many had to be dropped.
    pub(super) fn arrived(&self, events: Vec<Arrived>, dropped: u64) {
        if events.is_empty() && dropped == 0 {
            return;
        }
        let mut state = self.state();
        state.dropped += dropped;
        state.waiting_bytes += events.iter().map(|arrived| arrived.size).sum::<usize>();
        let connection = state.connections;
        // A broker may begin before it answers.
        state.subscribed = true;
        state.arrived.extend(events.into_iter().map(|arrived| (arrived, connection)));
        drop(state);
        self.changed.notify_one();
    }

    /// The connection is lost, or could not be made.
    pub(super) fn lost(&self, error: EndpointError) {
        let mut state = self.state();
        state.connected = false;
        // The loss itself says more than the attempts to come back that follow it.
        state.trouble.get_or_insert(error);
        drop(state);
        self.changed.notify_one();
    }

    /// What the reader has acknowledged since the last time, in order.
    pub(super) fn acknowledged(&self) -> Vec<Token> {
        std::mem::take(&mut self.state().acknowledged)
    }

    /// Whether the reader leaves; it has acknowledged what it will.
    pub(super) fn leaving(&self) -> bool {
        self.state().leaving
    }

    /// Waits until the reader has done something.
    pub(super) async fn work(&self) {
        self.work.notified().await;
    }

    /// The task is over.
    pub(super) fn ended(&self) {
        self.state().ended = true;
        self.changed.notify_one();
    }
}

/// The side of the reader.
impl Link {
    /// Whether the broker's greeting has been seen on the present connection.
    pub(super) fn connected(&self) -> bool {
        self.state().connected
    }

    pub(super) fn dropped(&self) -> u64 {
        self.state().dropped
    }

    /// Waits until the broker sends what was asked for.
    ///
    /// # Errors
    /// What went wrong meanwhile.
    pub(super) async fn subscribed(&self) -> Result<(), EndpointError> {
        loop {
            {
                let mut state = self.state();
                if let Some(error) = state.trouble.take() {
                    return Err(error);
                }
                if state.subscribed {
                    return Ok(());
                }
            }
            self.changed.notified().await;
        }
    }

    /// Has events acknowledged; what came over a connection that is gone comes again.
    pub(super) fn acknowledge(&self, tokens: &mut Vec<Token>) {
        if tokens.is_empty() {
            return;
        }
        let mut state = self.state();
        let (connected, connection) = (state.connected, state.connections);
        let current = tokens.drain(..).filter(|token| connected && token.connection == connection);
        state.acknowledged.extend(current);
        drop(state);
        self.work.notify_one();
    }

    /// From now on a lost connection is the end.
    pub(super) fn leave(&self) {
        self.state().leaving = true;
        self.work.notify_one();
    }

    /// Waits for events; none when the session is over, or those that came did so after `until`: they are not acknowledged, so
    /// that another reader gets them. Cancel safe: nothing is taken before the future is ready.
    ///
    /// # Errors
    /// A lost connection, once per loss, after all that arrived over it.
    pub(super) async fn take(&self, max: usize, until: Option<Timestamp>) -> Result<Taken, EndpointError> {
        loop {
            if let Some(outcome) = self.try_take(max, until) {
                return outcome;
            }
            self.changed.notified().await;
        }
    }

    fn try_take(&self, max: usize, until: Option<Timestamp>) -> Option<Result<Taken, EndpointError>> {
        let mut state = self.state();
        if state.arrived.is_empty() {
            let trouble = state.trouble.take().map(Err);
            return trouble.or_else(|| state.ended.then(|| Ok(Taken::default())));
        }
        let count = max.max(1).min(state.arrived.len());
        let mut taken = Taken { events: Vec::with_capacity(count), tokens: Vec::new() };
        let mut bytes = 0;
        for (Arrived { event, size, id }, connection) in state.arrived.drain(..count) {
            bytes += size;
            if until.is_some_and(|until| event.received > until) {
                continue;
            }
            taken.events.push(event);
            taken.tokens.extend(id.map(|(id, qos)| Token { connection, id, qos }));
        }
        let was_full = state.waiting_bytes >= WAITING_BYTES;
        state.waiting_bytes = state.waiting_bytes.saturating_sub(bytes);
        if was_full && state.waiting_bytes < WAITING_BYTES {
            self.work.notify_one();
        }
        Some(Ok(taken))
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrived, Link, WAITING_BYTES};
    use crate::endpoint::EndpointErrorKind;
    use crate::endpoint::mqtt::failure;
    use crate::event::Event;

    fn arrived(size: usize, id: Option<(u16, u8)>) -> Arrived {
        Arrived { event: Event::new("a", "x"), size, id }
    }

    #[tokio::test]
    async fn events_come_before_the_loss_and_only_those_of_this_connection_are_acknowledged() {
        let link = Link::default();
        link.greeted();
        link.arrived(vec![arrived(1, Some((7, 1))), arrived(1, None)], 3);
        link.lost(failure::session_reset());
        let mut old = link.take(9, None).await.expect("events");
        assert_eq!((old.events.len(), old.tokens.len(), link.dropped()), (2, 1, 3));
        let lost = link.take(9, None).await.expect_err("the loss");
        assert_eq!(lost.kind, EndpointErrorKind::Disconnected);
        link.greeted();
        link.arrived(vec![arrived(1, Some((9, 2)))], 0);
        let mut new = link.take(9, None).await.expect("events");
        link.acknowledge(&mut old.tokens);
        link.acknowledge(&mut new.tokens);
        let (tokens, leaving) = (link.acknowledged(), link.leaving());
        let said: Vec<_> = tokens.iter().map(|token| (token.id, token.qos)).collect();
        assert_eq!((said, leaving), (vec![(9, 2)], false));
        link.leave();
        link.ended();
        assert!(link.leaving() && link.take(9, None).await.expect("the end").events.is_empty());
    }

    #[tokio::test]
    async fn room_comes_back_with_taking() {
        let link = Link::default();
        link.arrived(vec![arrived(WAITING_BYTES, None), arrived(1, None)], 0);
        assert_eq!(link.room(), 0);
        link.take(1, None).await.expect("an event");
        link.work().await;
        assert_eq!(link.room(), WAITING_BYTES - 1);
    }
}
