//! A token that asks a running transfer to end cleanly, and says why. Who sends the request is no concern of it.

use std::sync::Arc;

use tokio::sync::watch;

/// Why a transfer was asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// A limit the user set, such as `--for 30s`, was reached.
    Limit,
    /// After the first events it was decided that the rest does not follow.
    Declined,
    /// The user or the system interrupted it.
    Interrupted,
    /// Nobody reads its output any more.
    Unread,
}

/// Shared by everyone who may ask for the end and everyone who must heed it; the first reason given stays.
#[derive(Clone, Debug)]
pub struct StopToken {
    state: Arc<watch::Sender<Option<StopReason>>>,
}

impl Default for StopToken {
    fn default() -> Self {
        Self { state: Arc::new(watch::Sender::new(None)) }
    }
}

impl StopToken {
    /// Asks for the end.
    pub fn request(&self, reason: StopReason) {
        self.state.send_if_modified(|state| {
            let first = state.is_none();
            *state = state.or(Some(reason));
            first
        });
    }

    /// The reason, once the end was asked for.
    #[must_use]
    pub fn reason(&self) -> Option<StopReason> {
        *self.state.borrow()
    }

    /// Waits until the end is asked for.
    pub async fn requested(&self) -> StopReason {
        let mut receiver = self.state.subscribe();
        loop {
            if let Some(reason) = *receiver.borrow_and_update() {
                return reason;
            }
            if receiver.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{StopReason, StopToken};

    #[tokio::test]
    async fn the_first_reason_stays_and_wakes_every_waiter() {
        let stop = StopToken::default();
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { stop.requested().await }
        });
        assert_eq!(stop.reason(), None);
        stop.request(StopReason::Limit);
        stop.request(StopReason::Interrupted);
        assert_eq!(waiting.await.ok(), Some(StopReason::Limit));
        assert_eq!(stop.requested().await, StopReason::Limit);
    }
}
