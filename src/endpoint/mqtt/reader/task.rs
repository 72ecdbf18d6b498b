//! The task of a subscription: it alone writes and reads, and connects again after a loss.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::link::{Arrived, Link, Token};
use crate::endpoint::mqtt::connection::{Greeted, greet, write};
use crate::endpoint::mqtt::message::Message;
use crate::endpoint::mqtt::packet::{Packet, take_packet};
use crate::endpoint::mqtt::reason::Reason;
use crate::endpoint::mqtt::session::Backoff;
use crate::endpoint::mqtt::settings::{Settings, Subscription, Version};
use crate::endpoint::mqtt::{failure, wire};
use crate::endpoint::{EndpointError, EndpointErrorKind};

/// Bytes read at once, at least.
const READ_AT_ONCE: usize = 64 * 1024;
/// Bytes an event takes beside those of its message, roughly.
const EVENT_COST: usize = 512;
/// The number of the one request there is.
const SUBSCRIPTION: u16 = 1;

pub(super) struct Task {
    link: Arc<Link>,
    settings: Settings,
    subscription: Subscription,
    /// Messages of quality 2 that we said to have, until the broker says that it knows: they must not come twice.
    received: HashSet<u16>,
}

/// What goes out on one connection.
#[derive(Default)]
struct Going {
    bytes: BytesMut,
    unflushed: bool,
}

impl Going {
    fn put(&mut self, put: impl FnOnce(&mut BytesMut)) {
        put(&mut self.bytes);
        self.unflushed = true;
    }
}

impl Task {
    pub(super) fn new(link: Arc<Link>, settings: Settings, subscription: Subscription) -> Self {
        Self { link, settings, subscription, received: HashSet::new() }
    }

    /// Works until the reader leaves.
    pub(super) async fn run(mut self, first: Greeted) {
        let mut connected = Ok(first);
        let mut backoff = Backoff::new();
        loop {
            let outcome = match connected {
                Ok(greeted) => {
                    backoff = Backoff::new();
                    self.work(greeted).await
                }
                Err(error) => Err(error),
            };
            let Err(error) = outcome else { break };
            self.link.lost(error);
            if self.link.to_do().1 {
                break;
            }
            backoff.wait().await;
            connected = greet(&self.settings, self.settings.clean).await;
        }
        self.link.ended();
    }

    /// Works on one connection until it is lost, or until the reader leaves.
    async fn work(&mut self, greeted: Greeted) -> Result<(), EndpointError> {
        let Greeted { stream, limits, session_present, mut arrived } = greeted;
        let address = self.settings.address.clone();
        let lost = |error: std::io::Error| failure::socket(&error, &address, true);
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut going = Going::default();
        self.begin(session_present, &mut going);
        let keep_alive =
            Duration::from_secs(u64::from(limits.keep_alive.unwrap_or(self.settings.keep_alive)));
        let sign = if keep_alive.is_zero() { Duration::from_secs(86_400) } else { keep_alive / 2 };
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + sign, sign);
        let (mut heard, mut sent) = (Instant::now(), Instant::now());
        let mut said_goodbye = false;
        loop {
            let is_full = self.take_packets(&mut arrived, &mut going)?;
            let (acknowledged, leaving) = self.link.to_do();
            self.acknowledge(&acknowledged, &mut going);
            if leaving && !std::mem::replace(&mut said_goodbye, true) {
                going.put(|bytes| bytes.extend_from_slice(&wire::GOODBYE));
            }
            if said_goodbye && !going.unflushed {
                let _ = writer.shutdown().await;
                return Ok(());
            }
            tokio::select! {
                biased;
                written = write(&mut writer, &mut going.bytes), if going.unflushed => {
                    sent = Instant::now();
                    // With none left and none gone, the socket holds nothing back either.
                    going.unflushed = written.map_err(lost)? > 0;
                }
                () = self.link.work() => {}
                read = reader.read_buf(&mut arrived), if !is_full => {
                    if read.map_err(lost)? == 0 {
                        return Err(failure::closed(&address, true));
                    }
                    heard = Instant::now();
                }
                _ = ticks.tick() => {
                    if is_full {
                        // Whether it lives shows when we listen again.
                        heard = Instant::now();
                    }
                    if !keep_alive.is_zero() && heard.elapsed() > keep_alive * 2 {
                        return Err(failure::timeout(&address));
                    }
                    if sent.elapsed() >= sign / 2 {
                        going.put(|bytes| bytes.extend_from_slice(&wire::PING));
                    }
                }
            }
        }
    }

    /// Asks for what is wanted, as far as the broker does not know it from an earlier connection.
    fn begin(&mut self, session_present: bool, going: &mut Going) {
        self.link.greeted();
        if !session_present {
            self.received.clear();
        }
        let version = self.settings.version;
        if session_present {
            // What it has kept comes before any answer.
            self.link.sends();
        }
        // Asked again, version 3.1.1 would send retained messages again.
        if !(session_present && version == Version::V3) {
            let wanted = &self.subscription;
            going.put(|bytes| {
                wire::put_subscription(bytes, SUBSCRIPTION, wanted, version, session_present);
            });
        }
    }

    fn acknowledge(&mut self, tokens: &[Token], going: &mut Going) {
        for Token { id, qos, .. } in tokens {
            going.put(|bytes| wire::put_acknowledgement(bytes, *id, *qos));
            if *qos == 2 {
                self.received.insert(*id);
            }
        }
    }

    /// Takes everything that has arrived whole; true when the reader has to take some first.
    fn take_packets(&mut self, arrived: &mut BytesMut, going: &mut Going) -> Result<bool, EndpointError> {
        let mut room = self.link.room();
        let (mut events, mut dropped) = (Vec::new(), 0);
        let outcome = loop {
            // A message that the broker has to send again if we do not take it can wait with it.
            if room == 0 && arrived.first().is_some_and(|first| first >> 4 == 3 && first & 6 != 0) {
                break Ok(true);
            }
            match take_packet(arrived, self.settings.version) {
                Ok(Some(Packet::Message { message, id })) => match self.message(message, id, going) {
                    Some(event) if room == 0 => dropped += u64::from(event.id.is_none()),
                    Some(event) => {
                        room = room.saturating_sub(event.size);
                        events.push(event);
                    }
                    None => {}
                },
                Ok(Some(packet)) => {
                    if let Err(error) = self.word(packet, going) {
                        break Err(error);
                    }
                }
                Ok(None) => break Ok(false),
                Err(what) => break Err(failure::protocol(&what.to_string(), &self.settings.address)),
            }
        };
        self.link.arrived(events, dropped);
        arrived.reserve(READ_AT_ONCE);
        outcome
    }

    /// The event of a message; none where it was there before, or is not wanted.
    fn message(&mut self, message: Message, id: Option<u16>, going: &mut Going) -> Option<Arrived> {
        let qos = message.qos;
        let known = qos == 2 && id.is_some_and(|id| self.received.contains(&id));
        // Version 3.1.1 cannot ask for no retained messages: they are acknowledged and left out.
        let unwanted = message.retain && !self.subscription.retained;
        if known || unwanted {
            if let Some(id) = id {
                going.put(|bytes| wire::put_acknowledgement(bytes, id, qos));
                if qos == 2 {
                    self.received.insert(id);
                }
            }
            return None;
        }
        let size = message.size() + EVENT_COST;
        Some(Arrived { event: message.into_event(), size, id: id.map(|id| (id, qos)) })
    }

    /// Does what anything but a message asks for.
    fn word(&mut self, packet: Packet, going: &mut Going) -> Result<(), EndpointError> {
        let address = &self.settings.address;
        match packet {
            Packet::Release { id } => {
                self.received.remove(&id);
                going.put(|bytes| wire::put_completion(bytes, id));
            }
            Packet::Subscribed { id: SUBSCRIPTION, reason } if reason.is_yes() => self.link.sends(),
            Packet::Subscribed { reason, .. } => {
                let words = match self.settings.version {
                    Version::V3 => "the broker gives no reason".to_owned(),
                    Version::V5 => reason.to_string(),
                };
                return Err(failure::subscription_refused(&self.subscription.filter, &words, address));
            }
            Packet::Goodbye { reason } => return Err(goodbye(&reason, self)),
            _ => {}
        }
        Ok(())
    }
}

/// Why the broker ended the connection. Two readers with one client id would take the session from each other for ever.
fn goodbye(reason: &Reason, task: &Task) -> EndpointError {
    const SESSION_TAKEN_OVER: u8 = 0x8E;
    let error = reason.of_goodbye(&task.settings.address);
    match reason.code {
        SESSION_TAKEN_OVER => EndpointError { kind: EndpointErrorKind::Rejected, ..error }
            .help("does another program use the same `client-id`?"),
        _ => error,
    }
}
