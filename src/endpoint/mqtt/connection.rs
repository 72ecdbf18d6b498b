//! A connection to a broker: made, greeted, written to, and left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, WriteHalf};
use tokio::time::Interval;

use super::packet::{Limits, Packet, take_answer};
use super::settings::Settings;
use super::{failure, wire};
use crate::endpoint::EndpointError;
use crate::endpoint::dial::{self, Stream};
use crate::endpoint::tls::client_config;

/// Where no signs of life are wanted.
const FOR_EVER: Duration = Duration::from_secs(86_400);

/// A connection that was let in.
pub(super) struct Greeted {
    pub(super) stream: Box<dyn Stream>,
    pub(super) limits: Limits,
    /// The broker knows the session from an earlier connection.
    pub(super) session_present: bool,
    /// What it has sent behind its greeting.
    pub(super) arrived: BytesMut,
}

/// Connects, and waits for the broker's greeting; with `clean` the session has no past and no future.
///
/// # Errors
/// When the broker cannot be reached, does not let us in, or says nothing in time.
pub(super) async fn greet(settings: &Settings, clean: bool) -> Result<Greeted, EndpointError> {
    let greeted = tokio::time::timeout(settings.connect_timeout, let_in(settings, clean)).await;
    greeted.unwrap_or_else(|_| Err(failure::silent(settings)))
}

async fn let_in(settings: &Settings, clean: bool) -> Result<Greeted, EndpointError> {
    let address = &settings.address;
    let broken = |error: std::io::Error| match error.kind() {
        // With TLS 1.3 a broker says what it has against our certificate only after the greeting.
        std::io::ErrorKind::InvalidData => failure::tls(&error.to_string(), address),
        _ => failure::socket(&error, address, false),
    };
    let mut stream = connect(settings).await?;
    stream.write_all(&wire::greeting(settings, clean)).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut arrived = BytesMut::new();
    loop {
        let packet = take_answer(&mut arrived, settings.version);
        match packet.map_err(|what| failure::protocol(&what.to_string(), address, false))? {
            Some(Packet::Greeting { reason, limits, session_present }) if reason.code == 0 => {
                // A broker that knows a session we asked it to forget would be believed to know its subscriptions.
                let session_present = session_present && !clean;
                return Ok(Greeted { stream, limits, session_present, arrived });
            }
            Some(Packet::Greeting { reason, .. }) => return Err(reason.of_greeting(settings)),
            Some(_) => return Err(failure::protocol("its greeting is out of order", address, false)),
            None => {}
        }
        if stream.read_buf(&mut arrived).await.map_err(broken)? == 0 {
            return Err(failure::socket(&std::io::ErrorKind::UnexpectedEof.into(), address, false));
        }
    }
}

async fn connect(settings: &Settings) -> Result<Box<dyn Stream>, EndpointError> {
    let address = &settings.address;
    let failed = |error: std::io::Error| failure::socket(&error, address, false);
    let socket = dial::connect(&address.host, address.port).await.map_err(failed)?;
    if !address.tls {
        return Ok(Box::new(socket));
    }
    let config = client_config(settings.authorities.as_deref(), settings.identity.as_ref())?;
    let encrypted = dial::encrypt(socket, &address.host, Arc::new(config)).await;
    let encrypted = encrypted.map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => failure::tls(&error.to_string(), address),
        _ => failed(error),
    })?;
    Ok(Box::new(encrypted))
}

/// It is told that we leave; whether it hears that changes nothing.
pub(super) async fn say_goodbye(mut stream: Box<dyn Stream>) {
    let _ = stream.write_all(&wire::GOODBYE).await;
    let _ = stream.shutdown().await;
}

/// Writes some bytes, or lets go of what the socket holds when there are none; says how many. Cancel safe.
pub(super) async fn write(
    writer: &mut WriteHalf<Box<dyn Stream>>,
    bytes: &mut BytesMut,
) -> std::io::Result<usize> {
    if bytes.is_empty() {
        return writer.flush().await.map(|()| 0);
    }
    match writer.write_buf(bytes).await? {
        0 => Err(std::io::ErrorKind::WriteZero.into()),
        count => Ok(count),
    }
}

/// When a sign of life is due, and when the broker has been silent for too long.
pub(super) struct Pulse {
    /// How long nothing may be sent; zero is for ever.
    keep_alive: Duration,
    ticks: Interval,
    heard: Instant,
    sent: Instant,
}

impl Pulse {
    /// Of a connection that was just made, over which something is sent at least every so many seconds; 0 is never.
    pub(super) fn new(keep_alive: u16) -> Self {
        let keep_alive = Duration::from_secs(keep_alive.into());
        let sign = if keep_alive.is_zero() { FOR_EVER } else { keep_alive / 2 };
        let now = Instant::now();
        let ticks = tokio::time::interval_at(tokio::time::Instant::from_std(now) + sign, sign);
        Self { keep_alive, ticks, heard: now, sent: now }
    }

    /// Something came.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// Something went.
    pub(super) fn sent(&mut self) {
        self.sent = Instant::now();
    }

    /// Waits until it is time to look. Cancel safe.
    pub(super) async fn tick(&mut self) {
        self.ticks.tick().await;
    }

    /// Whether the broker has been silent for too long.
    pub(super) fn has_stopped(&self) -> bool {
        !self.keep_alive.is_zero() && self.heard.elapsed() > self.keep_alive * 2
    }

    /// Whether a sign of life is due, of which there is one between two looks at most.
    pub(super) fn is_due(&self) -> bool {
        self.sent.elapsed() >= self.ticks.period() / 2
    }
}
