//! What the session's task and its endpoint share: the client handle, arriving events, and the state of the connection.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::message::Message;
use super::settings::Settings;
use super::{v4, v5};
use crate::endpoint::{Address, EndpointError, EndpointErrorKind};
use crate::event::Event;

/// Bytes of arrived events that may wait for the reader; beyond, `QoS` 0 events are dropped and counted.
const WAITING_BYTES: usize = 256 * 1024 * 1024;

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

/// The acknowledgement an arrived event waits for.
#[derive(Debug)]
pub(super) enum Token {
    V4(rumqttc_v4::ManualAck),
    V5(rumqttc_v5::ManualAck),
}

/// What the broker said when it greeted us.
#[derive(Clone, Debug, Default)]
pub(super) struct Greeting {
    pub(super) session_present: bool,
    pub(super) max_packet: Option<u32>,
    /// Facts in words, for a probe.
    pub(super) facts: Vec<(&'static str, String)>,
}

/// An arrived event and what acknowledges it, with the number of the connection it came over.
#[derive(Debug)]
struct Arrived {
    event: Event,
    size: usize,
    token: Option<(u64, Token)>,
}

#[derive(Debug, Default)]
struct State {
    arrived: VecDeque<Arrived>,
    waiting_bytes: usize,
    dropped: u64,
    /// Connections made so far.
    connections: u64,
    connected: bool,
    greeting: Greeting,
    trouble: Option<EndpointError>,
    leaving: bool,
    ended: bool,
}

/// A batch as the source takes it.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) events: Vec<Event>,
    pub(super) tokens: Vec<(u64, Token)>,
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
    pub(super) fn arrived(&self, message: Message, token: Option<Token>) {
        let size = message.size();
        let mut state = self.state();
        if token.is_none() && state.waiting_bytes + size > WAITING_BYTES {
            state.dropped += 1;
            return;
        }
        state.waiting_bytes += size;
        let connection = state.connections;
        let token = token.map(|token| (connection, token));
        state.arrived.push_back(Arrived { event: message.into_event(), size, token });
        drop(state);
        self.changed.notify_one();
    }

    /// The connection is lost, or could not be made; true when it had been there.
    pub(super) fn lost(&self, error: EndpointError) -> bool {
        let mut state = self.state();
        let had = std::mem::replace(&mut state.connected, false);
        // The loss itself says more than the attempts to come back that follow it.
        state.trouble.get_or_insert(error);
        drop(state);
        self.changed.notify_one();
        had
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

    pub(super) fn dropped(&self) -> u64 {
        self.state().dropped
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
    pub(super) async fn take(&self, max: usize) -> Result<Taken, EndpointError> {
        loop {
            if let Some(outcome) = self.try_take(max) {
                return outcome;
            }
            self.changed.notified().await;
        }
    }

    fn try_take(&self, max: usize) -> Option<Result<Taken, EndpointError>> {
        let mut state = self.state();
        if state.arrived.is_empty() {
            let trouble = state.trouble.take().map(Err);
            return trouble.or_else(|| state.ended.then(|| Ok(Taken::default())));
        }
        let count = max.max(1).min(state.arrived.len());
        let mut taken = Taken { events: Vec::with_capacity(count), tokens: Vec::new() };
        let mut bytes = 0;
        for arrived in state.arrived.drain(..count) {
            bytes += arrived.size;
            taken.events.push(arrived.event);
            taken.tokens.extend(arrived.token);
        }
        state.waiting_bytes = state.waiting_bytes.saturating_sub(bytes);
        Some(Ok(taken))
    }

    /// Whether a token still means anything: the broker sends an event again over a new connection.
    pub(super) fn is_current(&self, connection: u64) -> bool {
        let state = self.state();
        state.connected && state.connections == connection
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

    /// Acknowledges an arrived event.
    pub(super) async fn acknowledge(&self, token: Token) -> Result<(), EndpointError> {
        let sent = match (self, token) {
            (Self::V4(client), Token::V4(token)) => client.manual_ack(token).await.is_ok(),
            (Self::V5(client), Token::V5(token)) => client.manual_ack(token).await.is_ok(),
            _ => false,
        };
        sent.then_some(()).ok_or_else(session_over)
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
