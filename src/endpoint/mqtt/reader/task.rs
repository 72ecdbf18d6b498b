//! The task of a subscription: it alone writes and reads, and connects again after a loss.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::link::{Arrived, Link};
use crate::endpoint::mqtt::connection::{Greeted, Pulse, greet, write};
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
    /// The broker has said yes to the subscription, unless it did so to an earlier process.
    known: bool,
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

/// How long a broker may take to hang up after our goodbye.
const HANG_UP: Duration = Duration::from_secs(1);

/// Reads over what still comes until the other side hangs up.
async fn hang_up(reader: &mut (impl AsyncRead + Unpin)) {
    let mut rest = vec![0; 16 * 1024];
    while reader.read(&mut rest).await.is_ok_and(|count| count > 0) {}
}

impl Task {
    pub(super) fn new(link: Arc<Link>, settings: Settings, subscription: Subscription) -> Self {
        Self { link, settings, subscription, received: HashSet::new(), known: true }
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
            if self.link.leaving() {
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
        let mut pulse = Pulse::new(limits.keep_alive.unwrap_or(self.settings.keep_alive));
        let mut said_goodbye = false;
        loop {
            // Behind a goodbye nothing may be said.
            let is_full = said_goodbye || self.take_packets(&mut arrived, &mut going)?;
            let leaving = self.link.leaving();
            for token in self.link.acknowledged() {
                self.acknowledge(token.id, token.qos, &mut going);
            }
            if leaving && !std::mem::replace(&mut said_goodbye, true) {
                going.put(|bytes| bytes.extend_from_slice(&wire::GOODBYE));
            }
            if said_goodbye && !going.unflushed {
                let _ = writer.shutdown().await;
                if !self.settings.clean {
                    // A socket that is closed with something unread resets the connection, and what we said last of a session
                    // that is kept may be lost with it.
                    let _ = tokio::time::timeout(HANG_UP, hang_up(&mut reader)).await;
                }
                return Ok(());
            }
            tokio::select! {
                biased;
                () = pulse.tick() => {
                    if is_full {
                        // Whether it lives shows when we listen again.
                        pulse.heard();
                    }
                    if pulse.has_stopped() {
                        return Err(failure::timeout(&address));
                    }
                    if pulse.is_due() {
                        going.put(|bytes| bytes.extend_from_slice(&wire::PING));
                    }
                }
                written = write(&mut writer, &mut going.bytes), if going.unflushed => {
                    pulse.sent();
                    // With none left and none gone, the socket holds nothing back either.
                    going.unflushed = written.map_err(lost)? > 0;
                }
                () = self.link.work() => {}
                read = reader.read_buf(&mut arrived), if !is_full => {
                    if read.map_err(lost)? == 0 {
                        return Err(failure::closed(&address, true));
                    }
                    pulse.heard();
                }
            }
        }
    }

    /// Asks for what is wanted, as far as the broker does not know it from an earlier connection.
    fn begin(&mut self, session_present: bool, going: &mut Going) {
        self.link.greeted();
        if !session_present {
            self.received.clear();
            self.known = false;
        }
        let version = self.settings.version;
        if session_present {
            // What it has kept comes before any answer.
            self.link.sends();
        }
        // Asked again, a broker of version 3.1.1 would send retained messages again.
        if !(self.known && version == Version::V3) {
            let wanted = &self.subscription;
            going.put(|bytes| {
                wire::put_subscription(bytes, SUBSCRIPTION, wanted, version, session_present);
            });
        }
    }

    fn acknowledge(&mut self, id: u16, qos: u8, going: &mut Going) {
        going.put(|bytes| wire::put_acknowledgement(bytes, id, qos));
        if qos == 2 {
            self.received.insert(id);
        }
    }

    /// Takes everything that has arrived whole; true when the reader has to take some first.
    fn take_packets(&mut self, arrived: &mut BytesMut, going: &mut Going) -> Result<bool, EndpointError> {
        // The reader tells us when it makes room only where there was none at all.
        while self.take_some(arrived, going)? {
            if self.link.room() == 0 {
                return Ok(true);
            }
        }
        // What was taken shares the memory it was read into: as much as can be is read into the same.
        if arrived.capacity() - arrived.len() < READ_AT_ONCE / 8 {
            arrived.reserve(READ_AT_ONCE);
        }
        Ok(false)
    }

    /// As [`Self::take_packets`], by the room there was at the beginning.
    fn take_some(&mut self, arrived: &mut BytesMut, going: &mut Going) -> Result<bool, EndpointError> {
        let mut room = self.link.room();
        let (mut events, mut dropped) = (Vec::new(), 0);
        let outcome = loop {
            // A message that the broker has to send again if we do not take it can wait with it.
            if room == 0 && arrived.first().is_some_and(|first| first >> 4 == 3 && first & 6 != 0) {
                break Ok(true);
            }
            match take_packet(arrived, self.settings.version) {
                Ok(Some(Packet::Message { message, id })) => match self.message(message, id, going) {
                    Some(_) if room == 0 => dropped += 1,
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
                Err(what) => break Err(failure::protocol(&what.to_string(), &self.settings.address, true)),
            }
        };
        self.link.arrived(events, dropped);
        outcome
    }

    /// The event of a message; none where it was there before, or is not wanted.
    fn message(&mut self, message: Message, id: Option<u16>, going: &mut Going) -> Option<Arrived> {
        let qos = message.qos;
        let known = qos == 2 && id.is_some_and(|id| self.received.contains(&id));
        // Version 3.1.1 cannot ask for no retained messages: they are acknowledged and left out. In version 5 the mark may also
        // be that of a message that has just been published.
        let is_old = message.retain && self.settings.version == Version::V3;
        let unwanted = is_old && !self.subscription.retained;
        if known || unwanted {
            if let Some(id) = id {
                self.acknowledge(id, qos, going);
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
            Packet::Subscribed { id: SUBSCRIPTION, reason } if reason.is_yes() => {
                self.known = true;
                self.link.sends();
            }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::BytesMut;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::{Going, Task};
    use crate::endpoint::mqtt::connection::Greeted;
    use crate::endpoint::mqtt::message::Message;
    use crate::endpoint::mqtt::packet::Limits;
    use crate::endpoint::mqtt::reader::link::Link;
    use crate::endpoint::mqtt::settings::{Settings, Version};
    use crate::endpoint::mqtt::wire::{self, put_message};
    use crate::endpoint::{Address, EndpointError, SourceOptions};

    fn task(options: &str) -> (Arc<Link>, Task) {
        let address = Address::parse(&format!("mqtt://h/a?{options}")).expect("an address");
        let settings = Settings::for_source(&address, &SourceOptions::default()).expect("settings");
        let subscription = settings.subscription.clone().expect("a subscription");
        let link = Arc::new(Link::default());
        (Arc::clone(&link), Task::new(link, settings, subscription))
    }

    /// The broker's side of a connection.
    struct Broker(DuplexStream);

    impl Broker {
        async fn send(&mut self, id: u16, (qos, duplicate): (u8, bool), payload: Vec<u8>) {
            let mut bytes = BytesMut::new();
            let message = Message { topic: "a".into(), payload: payload.into(), qos, ..Message::default() };
            if let Some(at) = put_message(&mut bytes, &message, Version::V3) {
                bytes[at..at + 2].copy_from_slice(&id.to_be_bytes());
            }
            bytes[0] |= u8::from(duplicate) << 3;
            self.0.write_all(&bytes).await.expect("written");
        }

        async fn expect(&mut self, bytes: &[u8]) {
            let mut got = vec![0; bytes.len()];
            self.0.read_exact(&mut got).await.expect("read");
            assert_eq!(got, bytes);
        }
    }

    /// The task at work on a connection of version 3.1.1 that was just let in.
    fn work(mut task: Task) -> (Broker, tokio::task::JoinHandle<Result<(), EndpointError>>) {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let greeted = Greeted {
            stream: Box::new(ours),
            limits: Limits::default(),
            session_present: false,
            arrived: BytesMut::new(),
        };
        (Broker(theirs), tokio::spawn(async move { task.work(greeted).await }))
    }

    const SUBSCRIBE: &[u8] = b"\x82\x06\x00\x01\x00\x01a\x02";
    const SUBSCRIBED: &[u8] = b"\x90\x03\x00\x01\x02";

    #[tokio::test]
    async fn a_message_of_quality_2_comes_once_and_is_acknowledged_when_it_was_taken() {
        let (link, task) = task("version=3.1.1&qos=2");
        let (mut broker, working) = work(task);
        broker.expect(SUBSCRIBE).await;
        broker.0.write_all(SUBSCRIBED).await.expect("written");
        link.subscribed().await.expect("subscribed");
        broker.send(7, (2, false), b"x".to_vec()).await;
        let mut taken = link.take(9, None).await.expect("an event");
        assert_eq!(taken.events.len(), 1);
        link.acknowledge(&mut taken.tokens);
        broker.expect(b"\x50\x02\x00\x07").await;
        // It has not heard us.
        broker.send(7, (2, true), b"x".to_vec()).await;
        broker.expect(b"\x50\x02\x00\x07").await;
        broker.0.write_all(b"\x62\x02\x00\x07").await.expect("written");
        broker.expect(b"\x70\x02\x00\x07").await;
        // The number is free for another one.
        broker.send(7, (2, false), b"y".to_vec()).await;
        let mut taken = link.take(9, None).await.expect("an event");
        assert_eq!(taken.events[0].payload.as_deref(), Some(b"y".as_slice()));
        link.acknowledge(&mut taken.tokens);
        link.leave();
        broker.expect(b"\x50\x02\x00\x07").await;
        broker.expect(&wire::GOODBYE).await;
        working.await.expect("no panic").expect("a clean end");
    }

    #[tokio::test]
    async fn what_there_is_no_room_for_is_read_when_there_is() {
        const MEBIBYTE: usize = 1024 * 1024;
        let (link, task) = task("version=3.1.1");
        let (mut broker, _working) = work(task);
        let sending = tokio::spawn(async move {
            broker.expect(b"\x82\x06\x00\x01\x00\x01a\x01").await;
            // The last bit of room is taken by one that could not be sent again.
            for id in 1..=40 {
                broker.send(id, (u8::from(id != 16), false), vec![1; MEBIBYTE]).await;
            }
            broker
        });
        while link.room() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(!sending.is_finished());
        let mut events = 0;
        while events < 40 {
            // Nothing is acknowledged, so that only the room tells.
            events += link.take(1, None).await.expect("events").events.len();
        }
        assert_eq!((sending.await.is_ok(), link.dropped()), (true, 0));
    }

    #[test]
    fn a_subscription_that_was_never_answered_is_asked_for_again() {
        let (_, mut task) = task("version=3.1.1&clean=false&client-id=c");
        let mut asked = |session_present| {
            let mut going = Going::default();
            task.begin(session_present, &mut going);
            going.unflushed
        };
        assert_eq!([asked(true), asked(false), asked(true)], [false, true, true]);
        task.known = true;
        task.begin(true, &mut Going::default());
        let (_, mut new) = self::task("clean=false&client-id=c");
        let mut going = Going::default();
        new.begin(true, &mut going);
        assert_eq!(going.bytes.last(), Some(&0x19), "version 5 can say that it wants nothing twice");
    }
}
