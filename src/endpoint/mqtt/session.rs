//! What the session's task and its endpoint share: the client handle, arriving events, and the state of the connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::message::Message;
use super::settings::Settings;
use super::{v4, v5};
use crate::endpoint::{Address, EndpointError, EndpointErrorKind};
use crate::event::Event;

/// Bytes of answers that may wait to be taken; more than a broker says of itself is not kept.
const WAITING_BYTES: usize = 64 * 1024 * 1024;

/// A running session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) link: Arc<Link>,
    pub(super) settings: Settings,
    pub(super) task: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The handle through which requests reach the session's task.
#[derive(Clone, Debug)]
pub(super) enum Client {
    V4(rumqttc_v4::AsyncClient),
    V5(rumqttc_v5::AsyncClient),
}

/// The promise of a receipt.
#[derive(Debug)]
pub(super) enum Notice {
    V4(rumqttc_v4::PublishNotice),
    V5(rumqttc_v5::PublishNotice),
}

/// What the broker said when it greeted us.
#[derive(Clone, Debug, Default)]
pub(super) struct Greeting {
    pub(super) max_packet: Option<u32>,
    /// Facts in words, for a probe.
    pub(super) facts: Vec<(&'static str, String)>,
}

#[derive(Debug, Default)]
struct State {
    arrived: Vec<Event>,
    waiting_bytes: usize,
    /// Connections made so far.
    connections: u64,
    connected: bool,
    greeting: Greeting,
    trouble: Option<EndpointError>,
    leaving: bool,
    ended: bool,
}

/// The meeting place of the session's task and the endpoint.
#[derive(Debug)]
pub(super) struct Link {
    address: Address,
    state: Mutex<State>,
    changed: Notify,
}

impl Link {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { address: settings.address.clone(), state: Mutex::default(), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// The broker has greeted us; true when it is not the first time.
    pub(super) fn greeted(&self, greeting: Greeting) -> bool {
        let mut state = self.state();
        state.connected = true;
        state.connections += 1;
        state.greeting = greeting;
        let again = state.connections > 1;
        drop(state);
        self.changed.notify_one();
        again
    }

    /// A message has arrived.
    pub(super) fn arrived(&self, message: Message) {
        let mut state = self.state();
        let waiting_bytes = state.waiting_bytes + message.size();
        if waiting_bytes > WAITING_BYTES {
            return;
        }
        state.waiting_bytes = waiting_bytes;
        state.arrived.push(message.into_event());
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

    /// Whether the broker's greeting has been seen on the present connection.
    pub(super) fn connected(&self) -> bool {
        self.state().connected
    }

    pub(super) fn greeting_now(&self) -> Greeting {
        self.state().greeting.clone()
    }

    /// The largest packet the broker takes, in bytes.
    pub(super) fn packet_limit(&self) -> u32 {
        self.state().greeting.max_packet.unwrap_or(super::MAX_PACKET)
    }

    /// From now on a lost connection is the end.
    pub(super) fn leave(&self) {
        self.state().leaving = true;
    }

    pub(super) fn leaving(&self) -> bool {
        self.state().leaving
    }

    /// The session's task is over.
    pub(super) fn ended(&self) {
        self.state().ended = true;
        self.changed.notify_one();
    }

    /// Waits for the first greeting.
    ///
    /// # Errors
    /// What the first attempt to connect said.
    pub(super) async fn greeting(&self) -> Result<(), EndpointError> {
        loop {
            {
                let mut state = self.state();
                if state.connected {
                    return Ok(());
                }
                if let Some(error) = state.trouble.take() {
                    return Err(error);
                }
            }
            self.changed.notified().await;
        }
    }

    /// Waits for events; none when the session is over. Cancel safe: nothing is taken before the future is ready.
    ///
    /// # Errors
    /// A lost connection, once per loss, after all that arrived over it.
    pub(super) async fn take(&self) -> Result<Vec<Event>, EndpointError> {
        loop {
            if let Some(outcome) = self.try_take() {
                return outcome;
            }
            self.changed.notified().await;
        }
    }

    fn try_take(&self) -> Option<Result<Vec<Event>, EndpointError>> {
        let mut state = self.state();
        if state.arrived.is_empty() {
            let trouble = state.trouble.take().map(Err);
            return trouble.or_else(|| state.ended.then(|| Ok(Vec::new())));
        }
        state.waiting_bytes = 0;
        Some(Ok(std::mem::take(&mut state.arrived)))
    }
}

impl Client {
    /// Hands a message to the session, waiting while its queue is full.
    pub(super) async fn publish(&self, message: Message) -> Result<Notice, EndpointError> {
        match self {
            Self::V4(client) => v4::publish(client, message).await.map(Notice::V4),
            Self::V5(client) => v5::publish(client, message).await.map(Notice::V5),
        }
    }

    /// Subscribes and waits for the broker's word.
    pub(super) async fn subscribe(&self, settings: &Settings) -> Result<(), EndpointError> {
        let Some(subscription) = &settings.subscription else {
            return Ok(());
        };
        match self {
            Self::V4(client) => v4::subscribe(client, subscription, &settings.address).await,
            Self::V5(client) => v5::subscribe(client, subscription, &settings.address).await,
        }
    }

    /// Says goodbye once everything in flight is answered.
    pub(super) async fn disconnect(&self, within: std::time::Duration) -> Result<(), EndpointError> {
        let sent = match self {
            Self::V4(client) => client.disconnect_with_timeout(within).await.is_ok(),
            Self::V5(client) => client.disconnect_with_timeout(within).await.is_ok(),
        };
        sent.then_some(()).ok_or_else(session_over)
    }
}

impl Notice {
    /// Waits for the broker's word on one message.
    pub(super) async fn wait(self) -> Result<(), EndpointError> {
        match self {
            Self::V4(notice) => v4::receipt(notice).await,
            Self::V5(notice) => v5::receipt(notice).await,
        }
    }
}

/// The session's task has ended before the request.
pub(super) fn session_over() -> EndpointError {
    EndpointError::new(EndpointErrorKind::Disconnected, "the MQTT session is over")
}

/// How long to wait before the next attempt to connect.
#[derive(Debug)]
pub(super) struct Backoff(u64);

impl Backoff {
    pub(super) fn new() -> Self {
        Self(50)
    }

    /// Doubles from 50 ms to 2 s.
    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(std::time::Duration::from_millis(self.0)).await;
        self.0 = (self.0 * 2).min(2000);
    }
}
