//! The connection that events are published over: parts out in order, each with a sign that the server has read it; what the
//! server says to single events goes into a book.
//!
//! The client library takes messages one by one through a queue and keeps those it could not send for later. Here the
//! messages of a batch are written next to each other once, and a connection that was lost stays lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::access::{self, Introduction};
use super::acknowledgements::{self, Acknowledged};
use super::greeting::{Greeted, greet};
use super::wire::{self, Incoming, ServerInfo};
use super::{connection, failure};
use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::halt::Halt;
use crate::endpoint::receipt_book::ReceiptBook;
use crate::endpoint::{Address, EndpointError, SinkOptions};

/// Parts that wait for the socket.
const WAITING_PARTS: usize = 4;
/// How long one of several servers may take to let us in, at least.
const SMALLEST_SHARE: Duration = Duration::from_secs(2);
/// How long connecting anew may take, at least: the first time may have had less.
pub(super) const TO_CONNECT: Duration = Duration::from_secs(5);
/// How long what the server said before it closed the connection is read.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Bytes read at once, at least.
const READ_AT_ONCE: usize = 64 * 1024;
/// Refusals that belong to one part, at most; a part has far fewer messages.
const MOST_REFUSED: usize = 10_000;
/// Characters of a refusal that are kept.
const LONGEST_WORDS: usize = 8 * 1024;

/// That the server has read a part: what it refused of it, in its words; or why that is not known.
pub(super) type PartRead = Result<Vec<String>, EndpointError>;

/// A connection that was let in. It ends when the last of its clones is dropped and what was handed to it is written.
#[derive(Clone, Debug)]
pub(super) struct Pipe {
    parts: mpsc::Sender<Vec<u8>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    address: Address,
    expected: Mutex<VecDeque<Expected>>,
    info: Mutex<ServerInfo>,
    ended: watch::Sender<Option<EndpointError>>,
}

/// A part that the server has not read, as far as is known.
#[derive(Debug)]
struct Expected {
    since: Instant,
    report: oneshot::Sender<PartRead>,
}

impl Pipe {
    /// Connects, to one of the `others` of its cluster where the server of the address is away. Messages go into the book,
    /// by the number at the end of their subjects.
    ///
    /// # Errors
    /// When no server can be reached, or it does not let us in.
    pub(super) async fn open(
        address: &Address,
        options: &SinkOptions,
        known: &[&'static str],
        others: &[String],
        book: Option<Arc<ReceiptBook>>,
    ) -> Result<Self, EndpointError> {
        let written = AddressOptions::new(address, &connection::known(known))?;
        let introduction =
            Introduction::of(&written, address.credentials.as_ref().or(options.credentials.as_ref()))?;
        access::check_certificates(&written)?;
        let own = Place::of(address);
        let others =
            others.iter().filter_map(|other| Place::other(address, other)).filter(|other| *other != own);
        let mut places: VecDeque<Place> = others.collect();
        places.push_front(own);
        let deadline = Instant::now() + options.connect_timeout;
        let mut reason = None;
        // Each has its share of the time, so that one that is gone without a word does not take that of the others.
        let greeted = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(place) = places.pop_front().filter(|_| reason.is_none() || !left.is_zero()) else {
                return Err(reason.unwrap_or_else(|| failure::no_greeting(address, options.connect_timeout)));
            };
            let share = left / u32::try_from(places.len() + 1).unwrap_or(u32::MAX);
            let share = share.max(SMALLEST_SHARE).min(left);
            let there = (place.host.as_str(), place.port, place.name.as_str());
            let greeted = tokio::time::timeout(share, greet(address, there, &written, &introduction)).await;
            match greeted.unwrap_or_else(|_| Err(failure::no_greeting(address, options.connect_timeout))) {
                Ok(greeted) => break greeted,
                // What the server of the address says comes first.
                Err(error) => drop(reason.get_or_insert(error)),
            }
        };
        Ok(Self::start(greeted, address, options.receipt_timeout, book))
    }

    fn start(
        greeted: Greeted,
        address: &Address,
        patience: Duration,
        book: Option<Arc<ReceiptBook>>,
    ) -> Self {
        let (parts, waiting) = mpsc::channel(WAITING_PARTS);
        let shared = Arc::new(Shared {
            address: address.clone(),
            expected: Mutex::default(),
            info: Mutex::new(greeted.info),
            ended: watch::Sender::new(None),
        });
        let working = Arc::clone(&shared);
        tokio::spawn(async move {
            let (reader, writer) = tokio::io::split(greeted.stream);
            let pinged = Notify::new();
            let mut ended = working.ended.subscribe();
            let reading = Reading {
                shared: &working,
                arrived: greeted.arrived,
                refused: Vec::new(),
                answers: Vec::new(),
                book: book.as_deref(),
                pinged: &pinged,
            };
            let mut reading = std::pin::pin!(reading.run(reader, patience));
            let cause = tokio::select! {
                cause = &mut reading => Some(cause),
                broken = write(writer, &pinged, waiting) => {
                    (!broken).then(|| failure::disconnected(&working.address))
                }
                // Whoever ended it has said why.
                () = async { drop(ended.wait_for(Option::is_some).await) } => return,
            };
            let cause = if let Some(cause) = cause {
                cause
            } else {
                // Why it broke may lie there to be read, with receipts before it.
                let last = tokio::time::timeout(LAST_WORDS, reading).await;
                last.unwrap_or_else(|_| failure::disconnected(&working.address))
            };
            working.end(&cause);
        });
        Self { parts, shared }
    }

    /// Bytes of headers and payload of the largest message, and whether there may be headers.
    pub(super) fn limits(&self) -> (usize, bool) {
        let info = self.shared.info.lock().unwrap_or_else(PoisonError::into_inner);
        (info.max_payload(), info.takes_headers())
    }

    /// Whether nothing more can go over it.
    pub(super) fn is_broken(&self) -> bool {
        self.shared.ended.borrow().is_some()
    }

    /// Ends the connection: what has no receipt yet fails for this reason.
    pub(super) fn end(&self, cause: &EndpointError) {
        self.shared.end(cause);
    }

    /// Ends when the connection has ended, and says why it did.
    pub(super) fn ended(&self) -> impl Future<Output = EndpointError> + Send + use<> {
        let mut ended = self.shared.ended.subscribe();
        async move {
            let cause = ended.wait_for(Option::is_some).await.map(|cause| cause.clone());
            cause.ok().flatten().unwrap_or_else(failure::unanswered)
        }
    }

    /// Hands a part over, behind those before it, and returns the sign to come that the server has read it; waits while the
    /// connection is busy.
    pub(super) async fn send(&self, mut part: Vec<u8>) -> oneshot::Receiver<PartRead> {
        part.extend_from_slice(wire::PING);
        let (report, read) = oneshot::channel();
        let place = self.parts.reserve().await;
        // Expected before it goes, so that no sign comes unexpected.
        let expected = Expected { since: Instant::now(), report };
        let refused = match place {
            Ok(place) => self.shared.expect(expected).map(|()| place.send(part)).err(),
            // Nothing is written any more.
            Err(_) => Some(expected),
        };
        if let Some(expected) = refused {
            let _ = expected.report.send(Err(failure::not_sent(&self.shared.address)));
        }
        read
    }
}

/// A connection anew in the place of one that was lost, once the caller has seen what failed; none while it holds.
///
/// # Errors
/// When it was lost and may not or cannot be made anew.
pub(super) async fn renewed(
    halt: &mut Halt,
    pipe: &Pipe,
    options: &SinkOptions,
    known: &[&'static str],
    book: Option<Arc<ReceiptBook>>,
) -> Result<Option<Pipe>, EndpointError> {
    let address = &pipe.shared.address;
    halt.admit(address)?;
    if !pipe.is_broken() {
        return Ok(None);
    }
    halt.may_connect(address)?;
    let others = pipe.shared.info.lock().unwrap_or_else(PoisonError::into_inner).others().to_vec();
    let options = SinkOptions { connect_timeout: options.connect_timeout.max(TO_CONNECT), ..options.clone() };
    let connected = Pipe::open(address, &options, known, &others, book).await;
    halt.connected(connected).map(Some)
}

/// Where a server is.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
    /// What its certificate is for.
    name: String,
}

impl Place {
    fn of(address: &Address) -> Self {
        Self { host: address.host.clone(), port: address.port, name: address.host.clone() }
    }

    /// Another server of the cluster. Servers tell their numbers rather than the names their certificates have, which are those
    /// of the address, unless that is a number as well.
    fn other(address: &Address, other: &str) -> Option<Self> {
        let (host, port) = other.rsplit_once(':')?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let is_number = |host: &str| host.parse::<std::net::IpAddr>().is_ok();
        let name = if is_number(&host) && !is_number(&address.host) { &address.host } else { &host }.clone();
        Some(Self { host, port: port.parse().ok()?, name })
    }
}

impl Shared {
    /// Gives it back when the connection has ended.
    fn expect(&self, expected: Expected) -> Result<(), Expected> {
        let mut open = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        if self.ended.borrow().is_some() {
            return Err(expected);
        }
        open.push_back(expected);
        Ok(())
    }

    /// The server has read the oldest part; false when there is none.
    fn has_read(&self, refused: Vec<String>) -> bool {
        let mut open = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever does not want the receipts need not take them.
        open.pop_front().map(|part| part.report.send(Ok(refused))).is_some()
    }

    /// Since when the oldest part waits to be read.
    fn waiting_since(&self) -> Option<Instant> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).front().map(|part| part.since)
    }

    /// Fails what has not been read, and everything that is still to come.
    fn end(&self, cause: &EndpointError) {
        let mut open = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        self.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            ended.get_or_insert_with(|| cause.clone());
            first
        });
        for part in open.drain(..) {
            let _ = part.report.send(Err(cause.clone()));
        }
    }
}

/// What reads on a connection.
struct Reading<'a> {
    shared: &'a Shared,
    arrived: BytesMut,
    /// What the server refused since it last said that it has read a part.
    refused: Vec<String>,
    /// What it said to single events, to be noted together.
    answers: Vec<Acknowledged>,
    book: Option<&'a ReceiptBook>,
    /// Told when the server wants a sign of life.
    pinged: &'a Notify,
}

impl Reading<'_> {
    /// Reads until the connection ends, and says why it did.
    async fn run(mut self, mut reader: impl AsyncRead + Unpin, patience: Duration) -> EndpointError {
        loop {
            if let Err(cause) = self.take_all() {
                return cause;
            }
            self.arrived.reserve(READ_AT_ONCE);
            let deadline = self.shared.waiting_since().unwrap_or_else(Instant::now) + patience;
            match tokio::time::timeout_at(deadline.into(), reader.read_buf(&mut self.arrived)).await {
                Ok(Ok(0) | Err(_)) => return self.closed(),
                // A connection that was silent for so long may be dead without saying so.
                Err(_) if self.shared.waiting_since().is_some_and(|since| since.elapsed() >= patience) => {
                    return failure::late(&self.shared.address);
                }
                Ok(Ok(_)) | Err(_) => {}
            }
        }
    }

    /// Takes everything that has arrived whole.
    fn take_all(&mut self) -> Result<(), EndpointError> {
        let odd = || failure::odd_words(&self.shared.address);
        let mut taken = 0;
        while let Some((incoming, length)) = wire::first(&self.arrived[taken..]).map_err(|_| odd())? {
            taken += length;
            match incoming {
                Incoming::Message(_) if self.book.is_none() => {}
                Incoming::Message(message) => {
                    self.answers.extend(acknowledgements::read(&message, &self.shared.address));
                }
                Incoming::Pong if self.shared.has_read(std::mem::take(&mut self.refused)) => {}
                Incoming::Pong => return Err(odd()),
                Incoming::Ping => self.pinged.notify_one(),
                Incoming::Refused(_) if self.refused.len() >= MOST_REFUSED => return Err(odd()),
                Incoming::Refused(words) => {
                    let words: String = words.chars().take(LONGEST_WORDS).collect();
                    if self.refused.last() != Some(&words) {
                        self.refused.push(words);
                    }
                }
                Incoming::Info(info) => {
                    if let Ok(newer) = serde_json::from_slice(info) {
                        self.shared.info.lock().unwrap_or_else(PoisonError::into_inner).update(newer);
                    }
                }
                Incoming::Ok => {}
            }
        }
        self.arrived.advance(taken);
        if let Some(book) = self.book.filter(|_| !self.answers.is_empty()) {
            book.settle_all(self.answers.drain(..));
        }
        Ok(())
    }

    /// The connection was closed; the last refusal, when it is of no single event, says why.
    fn closed(&self) -> EndpointError {
        let reason = self.refused.last().filter(|words| !words.starts_with("Permissions Violation"));
        reason.map_or_else(
            || failure::disconnected(&self.shared.address),
            |words| failure::closed(words, &self.shared.address),
        )
    }
}

/// Writes until nothing more comes, or the connection is broken, which is true then.
async fn write(
    mut writer: impl AsyncWrite + Unpin,
    pinged: &Notify,
    mut waiting: mpsc::Receiver<Vec<u8>>,
) -> bool {
    loop {
        let written = tokio::select! {
            biased;
            () = pinged.notified() => writer.write_all(wire::PONG).await,
            part = waiting.recv() => match part {
                Some(part) => writer.write_all(&part).await,
                None => return false,
            },
        };
        if written.is_err() || writer.flush().await.is_err() {
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;
    use crate::endpoint::Address;

    #[test]
    fn other_servers_are_found_by_host_and_port() {
        let address = Address::parse("nats://one:4222/orders").expect("an address");
        let there = |other: &str| Place::other(&address, other).map(|it| (it.host, it.port, it.name));
        assert_eq!(there("10.0.0.2:4223"), Some(("10.0.0.2".into(), 4223, "one".into())));
        assert_eq!(there("[fe80::1]:4222"), Some(("fe80::1".into(), 4222, "one".into())));
        assert_eq!(there("two.example:4222"), Some(("two.example".into(), 4222, "two.example".into())));
        let numbered = Address::parse("nats://10.0.0.1:4222").expect("an address");
        assert_eq!(Place::other(&numbered, "10.0.0.2:1").map(|it| it.name), Some("10.0.0.2".into()));
        assert_eq!(there("nowhere"), None);
        assert_eq!(there("host:port"), None);
    }
}
