//! A connection to a NATS server, and what happens to it while it lives.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::client::PublishErrorKind;
use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Event as Happening, HeaderMap, ServerError, Subject};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;

use super::{access, failure};
use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::halt::Halt;
use crate::endpoint::{Address, Credentials, EndpointError, EndpointErrorKind, SinkOptions};

/// Events that may wait for a slow reader; beyond, the client drops them and we count.
const WAITING_EVENTS: usize = 1 << 18;

/// Nobody listens there: a client sent there after a loss gives up, and what waits in it is gone with it.
const NOWHERE: &str = "nats://127.0.0.1:0";

/// What has happened to a connection so far.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Times the connection was lost.
    pub(super) losses: u64,
    /// Events dropped because the reader was slow.
    pub(super) dropped: u64,
}

/// A connection with its history.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) address: Address,
    pub(super) history: watch::Receiver<History>,
    refusals: Arc<Mutex<Vec<String>>>,
}

/// The options of an endpoint and those of the connection.
pub(super) fn known(more: &[&'static str]) -> Vec<&'static str> {
    more.iter().chain(&access::OPTIONS).copied().collect()
}

/// Connects.
///
/// # Errors
/// When the server cannot be reached or does not let us in.
pub(super) async fn connect(
    address: &Address,
    credentials: Option<&Credentials>,
    timeout: Duration,
    known_options: &[&'static str],
) -> Result<Connection, EndpointError> {
    let options = AddressOptions::of_role(address, &known(known_options), (&["window"], "sending"))?;
    open(address, credentials, timeout, &options, None).await
}

/// Connects a sink; `known` are the options of its address beside those of the connection, `others` further servers.
pub(super) async fn connect_sink(
    address: &Address,
    options: &SinkOptions,
    known: &'static [&'static str],
    others: &[String],
) -> Result<Connection, EndpointError> {
    connect_once(address, options.credentials.as_ref(), options.connect_timeout, known, others).await
}

/// A new connection in the place of one that was lost, once the caller has seen what failed; none while it holds.
pub(super) async fn renewed(
    halt: &mut Halt,
    connection: &Connection,
    options: &SinkOptions,
    known: &'static [&'static str],
) -> Result<Option<Connection>, EndpointError> {
    halt.admit(&connection.address)?;
    if connection.losses() == 0 {
        return Ok(None);
    }
    halt.may_connect(&connection.address)?;
    let others = connection.client.server_info().connect_urls;
    let connected = connect_sink(&connection.address, options, known, &others).await;
    halt.connected(connected).map(Some)
}

/// Connects, also to the `others` of its cluster, for as long as the connection stands. A client that connects again by
/// itself would then send what it held back meanwhile, although that was reported as lost: behind what failed before it, so
/// out of order.
///
/// # Errors
/// As [`connect`].
pub(super) async fn connect_once(
    address: &Address,
    credentials: Option<&Credentials>,
    timeout: Duration,
    known_options: &[&'static str],
    others: &[String],
) -> Result<Connection, EndpointError> {
    let options = AddressOptions::new(address, &known(known_options))?;
    let connection = open(address, credentials, timeout, &options, Some(others)).await?;
    let pool = connection.client.set_server_pool(NOWHERE).await;
    pool.map_err(|_| failure::disconnected(address))?;
    Ok(connection)
}

async fn open(
    address: &Address,
    credentials: Option<&Credentials>,
    timeout: Duration,
    options: &AddressOptions<'_>,
    once: Option<&[String]>,
) -> Result<Connection, EndpointError> {
    let (record, history) = watch::channel(History::default());
    let refusals = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&refusals);
    let mut connect = ConnectOptions::new()
        .name("eddy")
        .connection_timeout(timeout)
        .require_tls(address.tls)
        .subscription_capacity(WAITING_EVENTS)
        .client_capacity(4096)
        .event_callback(move |happening| {
            note(&happening, &record, &noted);
            std::future::ready(())
        });
    if once.is_some() {
        connect = connect.max_reconnects(1).ignore_discovered_servers();
    }
    connect = access::introduce(connect, options, address.credentials.as_ref().or(credentials))?;
    connect = access::encrypt(connect, options)?;
    let scheme = if address.tls { "tls" } else { "nats" };
    let others = once.unwrap_or_default().iter().map(|other| format!(",{other}"));
    let servers = format!("{scheme}://{}{}", address.authority(), others.collect::<String>());
    let connecting = connect.connect(servers);
    let Ok(outcome) = tokio::time::timeout(timeout, connecting).await else {
        let message = format!("`{address}` did not greet us within {} s", timeout.as_secs_f32());
        return Err(EndpointError::new(EndpointErrorKind::Timeout, message)
            .help("is it a NATS port, and does a firewall let us through?"));
    };
    let client = outcome.map_err(|error| failure::connect(&error, address))?;
    Ok(Connection { client, address: address.clone(), history, refusals })
}

fn note(happening: &Happening, record: &watch::Sender<History>, refusals: &Mutex<Vec<String>>) {
    match happening {
        Happening::Disconnected => record.send_modify(|history| history.losses += 1),
        Happening::SlowConsumer(_) => record.send_modify(|history| history.dropped += 1),
        Happening::ServerError(ServerError::Other(words)) => {
            let mut refusals = refusals.lock().unwrap_or_else(PoisonError::into_inner);
            refusals.push(words.clone());
        }
        _ => {}
    }
}

impl Connection {
    /// Waits until the server has dealt with everything sent before: a note to ourselves comes back after it.
    ///
    /// # Errors
    /// When it does not come back in time, or the connection breaks on the way.
    pub(super) async fn round_trip(&self, timeout: Duration) -> Result<(), EndpointError> {
        let losses = self.losses();
        let there_and_back = async {
            let inbox = self.client.new_inbox();
            let mut answers = self.client.subscribe(inbox.clone()).await.ok()?;
            answers.unsubscribe_after(1).await.ok()?;
            self.client.publish(inbox, Bytes::new()).await.ok()?;
            self.client.flush().await.ok()?;
            answers.next().await
        };
        match tokio::time::timeout(timeout, there_and_back).await {
            Ok(Some(_)) if self.losses() == losses => Ok(()),
            Ok(_) => Err(failure::disconnected(&self.address)),
            Err(_) => {
                let message = format!("`{}` did not answer within {} s", self.address, timeout.as_secs_f32());
                Err(EndpointError::new(EndpointErrorKind::Timeout, message))
            }
        }
    }

    /// Publishes a message, to be answered at `reply`; the client takes it at the latest after `timeout`.
    ///
    /// # Errors
    /// When it is too large, the connection is lost, or the client takes nothing any more.
    pub(super) async fn publish(
        &self,
        timeout: Duration,
        (to, reply): (Subject, Option<Subject>),
        (headers, payload): (Option<HeaderMap>, Bytes),
    ) -> Result<(), EndpointError> {
        let client = &self.client;
        let publish = async {
            match (reply, headers) {
                (None, None) => client.publish(to, payload).await,
                (None, Some(headers)) => client.publish_with_headers(to, headers, payload).await,
                (Some(reply), None) => client.publish_with_reply(to, reply, payload).await,
                (Some(reply), Some(headers)) => {
                    client.publish_with_reply_and_headers(to, reply, headers, payload).await
                }
            }
        };
        match self.taken(timeout, publish).await? {
            Ok(()) => Ok(()),
            // With a name for repeats, which is no header of the event.
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => Err(EndpointError::new(
                EndpointErrorKind::TooLarge,
                "the event is larger than the server takes",
            )),
            Err(error) if self.is_up() => {
                Err(EndpointError::new(EndpointErrorKind::Rejected, error.to_string()))
            }
            Err(_) => Err(failure::unanswered()),
        }
    }

    /// What the client says to a message, at the latest after `timeout`. It takes most of them at once, and then no timer is
    /// set up.
    ///
    /// # Errors
    /// When the connection is lost, or the client takes nothing any more.
    async fn taken<T>(
        &self,
        timeout: Duration,
        publish: impl Future<Output = T>,
    ) -> Result<T, EndpointError> {
        if self.losses() > 0 {
            return Err(failure::unanswered());
        }
        let mut publish = pin!(publish);
        if let Some(taken) = publish.as_mut().now_or_never() {
            return Ok(taken);
        }
        tokio::select! {
            biased;
            // A client that is gone takes no more, and would be waited for.
            () = lost_since(self.history.clone(), 0) => Err(failure::unanswered()),
            taken = tokio::time::timeout(timeout, publish) => {
                taken.map_err(|_| failure::disconnected(&self.address))
            }
        }
    }

    /// Whether the connection stands.
    pub(super) fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// How often the connection was lost.
    pub(super) fn losses(&self) -> u64 {
        self.history.borrow().losses
    }

    /// The number of refusals so far.
    pub(super) fn refusal_count(&self) -> usize {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// A refusal after the first `seen` that names this subject, in the server's words.
    pub(super) fn refusal_of(&self, subject: &str, seen: usize) -> Option<EndpointError> {
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let quoted = format!("\"{subject}\"");
        let named = refusals.iter().skip(seen).find(|words| words.contains(&quoted));
        named.map(|words| failure::forbidden(words, &self.address))
    }
}

/// Waits until the connection has been lost more often than `seen`; never ends when it is not.
pub(super) async fn lost_since(mut history: watch::Receiver<History>, seen: u64) {
    if history.wait_for(|history| history.losses > seen).await.is_err() {
        // The client is gone; whoever waits beside us hears of that from it.
        std::future::pending::<()>().await;
    }
}
