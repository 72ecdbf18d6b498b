//! The connection that events are published over: parts out in order, each with a sign that the server has read it; what the
//! server says to single events goes into a book.
//!
//! The client library takes messages one by one through a queue and keeps those it could not send for later. Here the
//! messages of a batch are written next to each other once, and a connection that was lost stays lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::access::{self, Introduction};
use super::acknowledgements::{self, Acknowledged};
use super::greeting::{Greeted, Greeting, Server};
use super::wire::{self, Incoming, ServerInfo};
use super::{connection, failure};
use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::halt::Halt;
use crate::endpoint::receipt_book::ReceiptBook;
use crate::endpoint::rope::Rope;
use crate::endpoint::{Address, EndpointError, SinkOptions};

/// Parts that wait for the socket.
const WAITING_PARTS: usize = 4;
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
    parts: mpsc::Sender<Rope>,
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
            Introduction::of(address, address.credentials.as_ref().or(options.credentials.as_ref()))?;
        let others = others.iter().filter_map(|other| Server::other(address, other));
        let greeting = Greeting {
            address,
            introduction,
            must_encrypt: access::must_encrypt(&written, address),
            encryption: access::encryption(&written)?.map(Arc::new),
            within: options.connect_timeout,
        };
        let greeted = greeting.one_of(Server::of(address), others).await?;
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
        let info = self.shared.info();
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
    pub(super) async fn send(&self, mut part: Rope) -> oneshot::Receiver<PartRead> {
        part.copies().extend_from_slice(wire::PING);
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

/// The options of a sink for connecting anew: the first time may have had less time than is usual.
pub(super) fn lasting(options: &SinkOptions) -> SinkOptions {
    let connect_timeout = options.connect_timeout.max(SinkOptions::default().connect_timeout);
    SinkOptions { connect_timeout, ..options.clone() }
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
    let others = pipe.shared.info().others().to_vec();
    let connected = Pipe::open(address, options, known, &others, book).await;
    halt.connected(connected).map(Some)
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, VecDeque<Expected>> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn info(&self) -> MutexGuard<'_, ServerInfo> {
        self.info.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives it back when the connection has ended.
    fn expect(&self, expected: Expected) -> Result<(), Expected> {
        let mut open = self.open();
        if self.ended.borrow().is_some() {
            return Err(expected);
        }
        open.push_back(expected);
        Ok(())
    }

    /// The server has read the oldest part; false when there is none.
    fn has_read(&self, refused: Vec<String>) -> bool {
        let mut open = self.open();
        // Whoever does not want the receipts need not take them.
        open.pop_front().map(|part| part.report.send(Ok(refused))).is_some()
    }

    /// Since when the oldest part waits to be read.
    fn waiting_since(&self) -> Option<Instant> {
        self.open().front().map(|part| part.since)
    }

    /// Fails what has not been read, and everything that is still to come.
    fn end(&self, cause: &EndpointError) {
        let mut open = self.open();
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
                        self.shared.info().update(newer);
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
    mut waiting: mpsc::Receiver<Rope>,
) -> bool {
    loop {
        let written = tokio::select! {
            biased;
            () = pinged.notified() => writer.write_all(wire::PONG).await,
            part = waiting.recv() => match part {
                Some(mut part) => writer.write_all_buf(&mut part).await,
                None => return false,
            },
        };
        if written.is_err() || writer.flush().await.is_err() {
            return true;
        }
    }
}
