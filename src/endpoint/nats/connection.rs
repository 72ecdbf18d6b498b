//! A connection to a NATS server, and what happens to it while it lives.

use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ClientError, ConnectErrorKind, ConnectOptions, Event as Happening, ServerError};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::watch;

use super::access::{self, Introduction};
use super::failure;
use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::{Address, Credentials, EndpointError, EndpointErrorKind};

/// Events that may wait in the client until they are taken; beyond, it drops them and we count.
const WAITING_EVENTS: usize = 1 << 17;

/// What has happened to a connection so far.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Times the connection was lost.
    pub(super) losses: u64,
    /// Events dropped because the reader was slow.
    pub(super) dropped: u64,
    /// How often in a row the server did not let us in again after the last loss.
    shut_out: u32,
}

/// So many refusals in a row are no matter of time: the client tries again after 2 ms, and then after twice the time each time.
const REFUSALS: u32 = 10;

impl History {
    /// Whether the server does not let us in any more.
    const fn is_shut_out(&self) -> bool {
        self.shut_out >= REFUSALS
    }
}

/// A connection with its history.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) address: Address,
    pub(super) history: watch::Receiver<History>,
    refusals: watch::Receiver<Vec<String>>,
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
    let options = AddressOptions::of_role(address, &known(known_options), (&["mode", "window"], "sending"))?;
    let (record, history) = watch::channel(History::default());
    let (noted, refusals) = watch::channel(Vec::new());
    let mut connect = ConnectOptions::new()
        .name("eddy")
        .connection_timeout(timeout)
        .require_tls(access::must_encrypt(&options, address))
        .subscription_capacity(WAITING_EVENTS)
        .event_callback(move |happening| {
            note(&happening, &record, &noted);
            std::future::ready(())
        });
    connect = Introduction::of(address, address.credentials.as_ref().or(credentials))?.to_client(connect)?;
    connect = access::encrypt(connect, &options)?;
    let scheme = if address.tls { "tls" } else { "nats" };
    let connecting = connect.connect(format!("{scheme}://{}", address.authority()));
    let outcome = tokio::time::timeout(timeout, connecting).await;
    let outcome = outcome.map_err(|_| failure::no_greeting(address, timeout))?;
    let client = outcome.map_err(|error| failure::connect(&error, address))?;
    Ok(Connection { client, address: address.clone(), history, refusals })
}

fn note(happening: &Happening, record: &watch::Sender<History>, refusals: &watch::Sender<Vec<String>>) {
    match happening {
        Happening::Disconnected => record.send_modify(|history| history.losses += 1),
        Happening::Connected => record.send_modify(|history| history.shut_out = 0),
        // The client tries again by itself, and has no other word for it.
        Happening::ClientError(ClientError::Other(words))
            if *words == ConnectErrorKind::AuthorizationViolation.to_string() =>
        {
            record.send_modify(|history| history.shut_out = history.shut_out.saturating_add(1));
        }
        Happening::SlowConsumer(_) => record.send_modify(|history| history.dropped += 1),
        Happening::ServerError(ServerError::Other(words)) => {
            refusals.send_modify(|refusals| refusals.push(words.clone()));
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

    /// Whether the connection stands.
    pub(super) fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// How often the connection was lost.
    pub(super) fn losses(&self) -> u64 {
        self.history.borrow().losses
    }

    /// A refusal that names this subject, in the server's words.
    pub(super) fn refusal_of(&self, subject: &str) -> Option<EndpointError> {
        let quoted = format!("\"{subject}\"");
        let refusals = self.refusals.borrow();
        let named = refusals.iter().find(|words| words.contains(&quoted));
        named.map(|words| failure::forbidden(words, &self.address))
    }

    /// Waits until the server says that this subject may not be subscribed to, or does not let us in again.
    pub(super) async fn subscription_refused(&self, subject: &str) -> EndpointError {
        let quoted = format!("\"{subject}\"");
        self.refused(|_, words| words.contains("ubscription") && words.contains(&quoted)).await
    }

    /// Waits until the server refuses something in words that concern the caller, or does not let us in again.
    async fn refused(&self, concerns: impl Fn(usize, &str) -> bool) -> EndpointError {
        let (mut refusals, mut history) = (self.refusals.clone(), self.history.clone());
        let find = |all: &[String]| {
            let found = all.iter().enumerate().find(|(at, words)| concerns(*at, words));
            found.map(|(_, words)| words.clone())
        };
        let told = async {
            let told = refusals.wait_for(|all| find(all).is_some()).await;
            told.ok().and_then(|all| find(&all))
        };
        let shut_out = async { history.wait_for(History::is_shut_out).await.is_ok() };
        tokio::select! {
            biased;
            Some(words) = told => failure::forbidden(&words, &self.address),
            true = shut_out => failure::not_let_in(&self.address),
            // The client is gone; whoever waits beside us hears of that from it.
            else => std::future::pending().await,
        }
    }

    /// The connection is gone: lost, or the server does not let us in any more.
    pub(super) fn gone(&self) -> EndpointError {
        if self.history.borrow().is_shut_out() {
            failure::not_let_in(&self.address)
        } else {
            failure::disconnected(&self.address)
        }
    }

    /// Waits for the answer to a question that is put to subjects which begin like this. The server says at once when we may not
    /// ask it, or not hear the answer, and nobody answers then.
    ///
    /// # Errors
    /// Those of the question, and that it may not be put.
    pub(super) async fn unless_refused<T>(
        &self,
        subject: &str,
        question: impl Future<Output = Result<T, EndpointError>>,
    ) -> Result<T, EndpointError> {
        let seen = self.refusals.borrow().len();
        self.unless_refused_since(seen, subject, question).await
    }

    /// As before, of a question that is put again and again, for what was refused at any time.
    ///
    /// # Errors
    /// Those of the question, and that it may not be put.
    pub(super) async fn unless_ever_refused<T>(
        &self,
        subject: &str,
        question: impl Future<Output = Result<T, EndpointError>>,
    ) -> Result<T, EndpointError> {
        self.unless_refused_since(0, subject, question).await
    }

    async fn unless_refused_since<T>(
        &self,
        seen: usize,
        subject: &str,
        question: impl Future<Output = Result<T, EndpointError>>,
    ) -> Result<T, EndpointError> {
        let concerns = |at: usize, words: &str| {
            let concerns_answers = words.contains("_INBOX") && words.contains("ubscription");
            concerns_answers || at >= seen && words.contains(subject)
        };
        tokio::select! {
            biased;
            answer = question => answer,
            error = self.refused(concerns) => Err(error),
        }
    }
}

/// Waits until the connection has been lost more often than `seen`; never ends when it is not.
pub(super) async fn lost_since(mut history: watch::Receiver<History>, seen: u64) {
    if history.wait_for(|history| history.losses > seen).await.is_err() {
        // The client is gone; whoever waits beside us hears of that from it.
        std::future::pending::<()>().await;
    }
}
