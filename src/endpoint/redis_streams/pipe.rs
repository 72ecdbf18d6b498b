//! The connection that entries are sent over: bytes out in order, answers in, each to the flight it belongs to.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use redis::aio::MultiplexedConnection;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{mpsc, oneshot};

use super::failure;
use super::settings::Settings;
use super::wire::{Answer, take_answer};
use crate::endpoint::dial::{self, Stream};
use crate::endpoint::rope::Rope;
use crate::endpoint::{Address, EndpointError};

/// Parts that wait for the socket.
const WAITING_PARTS: usize = 4;
/// Bytes read at once, at least.
const READ_AT_ONCE: usize = 64 * 1024;

/// The answers to one part, or why there are none.
pub(super) type Answers = Result<Vec<Answer>, EndpointError>;

/// A connection that was let in.
#[derive(Clone, Debug)]
pub(super) struct Pipe {
    parts: mpsc::Sender<Rope>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    expected: Mutex<VecDeque<Expected>>,
    broken: AtomicBool,
}

/// A part whose answers have not all come.
#[derive(Debug)]
struct Expected {
    count: usize,
    answers: Vec<Answer>,
    since: Instant,
    report: oneshot::Sender<Answers>,
}

impl Pipe {
    /// Connects to a node; a part that is not answered within `patience` breaks the connection.
    ///
    /// # Errors
    /// When the server cannot be reached or does not let us in.
    pub(super) async fn open(
        settings: &Settings,
        node: &Address,
        patience: Duration,
    ) -> Result<Self, EndpointError> {
        let opening = let_in(settings, node);
        let opened = tokio::time::timeout(settings.connect_timeout, opening).await;
        let stream = opened.unwrap_or_else(|_| Err(failure::no_greeting(node)))?;
        let (parts, waiting) = mpsc::channel(WAITING_PARTS);
        let shared = Arc::new(Shared { expected: Mutex::default(), broken: AtomicBool::new(false) });
        let (working, address) = (Arc::clone(&shared), settings.address.clone());
        tokio::spawn(async move {
            let (reader, writer) = tokio::io::split(stream);
            let cause = tokio::select! {
                cause = read(reader, &working, patience, &address) => cause,
                cause = write(writer, waiting, &address) => cause,
            };
            working.end(&cause);
        });
        Ok(Self { parts, shared })
    }

    /// Whether nothing more can go over it.
    pub(super) fn is_broken(&self) -> bool {
        self.shared.broken.load(Ordering::Acquire)
    }

    /// Hands a part of `count` commands over, behind those before it, and returns its answers to come; waits while the
    /// connection is busy.
    pub(super) async fn send(&self, part: Rope, count: usize) -> oneshot::Receiver<Answers> {
        let (report, answers) = oneshot::channel();
        let place = self.parts.reserve().await;
        // Expected before it goes, so that no answer comes unexpected. A connection that has ended fails it by dropping it.
        let expected = Expected { count, answers: Vec::with_capacity(count), since: Instant::now(), report };
        if let Ok(place) = place
            && self.shared.expect(expected)
        {
            place.send(part);
        }
        answers
    }
}

impl Shared {
    /// False when the connection has ended.
    fn expect(&self, expected: Expected) -> bool {
        let mut open = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        if self.broken.load(Ordering::Acquire) {
            return false;
        }
        open.push_back(expected);
        true
    }

    /// Takes an answer; false when nobody asked.
    fn answered(&self, answer: Answer) -> bool {
        let mut open = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(first) = open.front_mut() else {
            return false;
        };
        first.answers.push(answer);
        if first.answers.len() == first.count
            && let Some(whole) = open.pop_front()
        {
            // Whoever does not want the receipts need not take them.
            let _ = whole.report.send(Ok(whole.answers));
        }
        true
    }

    /// Since when the oldest part waits for its answers.
    fn waiting_since(&self) -> Option<Instant> {
        let open = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        open.front().map(|first| first.since)
    }

    /// Fails what has not been answered, and everything that is still to come.
    fn end(&self, cause: &EndpointError) {
        let mut open = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        self.broken.store(true, Ordering::Release);
        for expected in open.drain(..) {
            let _ = expected.report.send(Err(cause.clone()));
        }
    }
}

/// Reads answers until the connection ends, and says why it did.
async fn read(
    mut reader: impl AsyncRead + Unpin,
    shared: &Shared,
    patience: Duration,
    address: &Address,
) -> EndpointError {
    let mut arrived = BytesMut::with_capacity(READ_AT_ONCE);
    loop {
        loop {
            let asked_for = match take_answer(&mut arrived) {
                Ok(Some(answer)) => shared.answered(answer),
                Ok(None) => break,
                Err(_) => false,
            };
            if !asked_for {
                return failure::odd_answer(address);
            }
        }
        arrived.reserve(READ_AT_ONCE);
        let deadline = shared.waiting_since().unwrap_or_else(Instant::now) + patience;
        match tokio::time::timeout_at(deadline.into(), reader.read_buf(&mut arrived)).await {
            Ok(Ok(0) | Err(_)) => return failure::disconnected(address),
            // A connection that was silent for so long may be dead without saying so.
            Err(_) if shared.waiting_since().is_some_and(|since| since.elapsed() >= patience) => {
                return failure::no_answer(address, patience);
            }
            Ok(Ok(_)) | Err(_) => {}
        }
    }
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut waiting: mpsc::Receiver<Rope>,
    address: &Address,
) -> EndpointError {
    while let Some(mut part) = waiting.recv().await {
        let written = async {
            writer.write_all_buf(&mut part).await?;
            writer.flush().await
        };
        if written.await.is_err() {
            break;
        }
    }
    failure::disconnected(address)
}

/// Connects, and has the client library introduce us on the connection, which it then gives back.
async fn let_in(settings: &Settings, node: &Address) -> Result<Box<dyn Stream>, EndpointError> {
    let stream = connected(settings, node).await.map_err(|error| match error {
        Failure::Socket(error) => failure::connect(&error.into(), node),
        Failure::Known(error) => error,
    })?;
    let shelf = Arc::new(Mutex::new(Some(stream)));
    let login = settings.client_of(node)?;
    let login = login.get_connection_info().redis_settings().clone();
    let introduced = MultiplexedConnection::new(&login, Lent(Arc::clone(&shelf))).await;
    drop(introduced.map_err(|error| failure::connect(&error, node))?);
    let stream = shelf.lock().unwrap_or_else(PoisonError::into_inner).take();
    stream.ok_or_else(|| failure::disconnected(node))
}

enum Failure {
    Socket(io::Error),
    Known(EndpointError),
}

async fn connected(settings: &Settings, node: &Address) -> Result<Box<dyn Stream>, Failure> {
    let socket = dial::connect(&node.host, node.port).await.map_err(Failure::Socket)?;
    if !node.tls {
        return Ok(Box::new(socket));
    }
    let config = settings.encryption().map_err(Failure::Known)?;
    let encrypted = dial::encrypt(socket, &node.host, Arc::new(config)).await;
    Ok(Box::new(encrypted.map_err(Failure::Socket)?))
}

/// A stream that is lent: what is left of it lies on the shelf afterwards.
struct Lent(Arc<Mutex<Option<Box<dyn Stream>>>>);

impl Lent {
    fn with<T>(
        &self,
        work: impl FnOnce(Pin<&mut Box<dyn Stream>>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(stream) => work(Pin::new(stream)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncRead for Lent {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Lent {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // It lives on.
        Poll::Ready(Ok(()))
    }
}
