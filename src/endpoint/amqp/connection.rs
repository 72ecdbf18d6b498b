//! One connection to an AMQP broker with one channel on it: the greeting, the two tasks that read and write, and its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};

use super::failure;
use super::settings::Settings;
use super::wire::method::{self, Assembly, Method};
use super::wire::table::Table;
use super::wire::{Frame, FrameKind, Malformed, take_frame};
use crate::endpoint::{Address, EndpointError};

/// The one channel of a connection.
pub(super) const CHANNEL: u16 = 1;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);
/// Parts of what is sent that wait for the socket.
const WAITING_PARTS: usize = 4;
/// Bytes read at once, at least.
const READ_AT_ONCE: usize = 64 * 1024;

pub(super) type ReadHalf = Box<dyn AsyncRead + Send + Unpin>;
pub(super) type WriteHalf = Box<dyn AsyncWrite + Send + Unpin>;

/// What a server says of itself and was agreed on.
#[derive(Clone, Debug)]
pub(super) struct Greeting {
    pub(super) properties: Table,
    pub(super) mechanism: &'static str,
    /// Bytes of the largest frame.
    pub(super) frame_max: usize,
    /// Seconds between signs of life; 0 is never.
    pub(super) heartbeat: u16,
    /// From the first byte to the server's first word.
    pub(super) latency: Duration,
}

/// What arrives without having been asked for.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A message for a consumer, or one that no queue took: the method, its properties, its body.
    Message(Method, Bytes, Bytes),
    /// The server has taken what was published, or not.
    Confirmed { tag: u64, multiple: bool, taken: bool },
    /// The connection has ended, and why.
    Ended(EndpointError),
}

/// Takes what arrives, in the order of its arrival. It is called by the task that reads and must not wait.
pub(super) type Receiver = Box<dyn FnMut(Incoming) + Send>;

/// What is known of a connection while it lives.
#[derive(Debug)]
struct State {
    ended: watch::Sender<Option<EndpointError>>,
    blocked: watch::Sender<Option<String>>,
}

/// A connection with an open channel.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) greeting: Greeting,
    address: Address,
    state: Arc<State>,
    /// Small things that go first: answers, acknowledgements, the goodbye.
    urgent: mpsc::UnboundedSender<Bytes>,
    parts: mpsc::Sender<Bytes>,
    replies: mpsc::UnboundedReceiver<Method>,
    /// Questions whose answer has not come.
    unanswered: usize,
    reading: tokio::task::JoinHandle<()>,
}

impl Connection {
    /// Connects, logs in and opens the channel; all that must be done within the time the settings allow.
    ///
    /// # Errors
    /// When the server cannot be reached, does not let us in, or has no such virtual host.
    pub(super) async fn open(settings: &Settings, receiver: Receiver) -> Result<Self, EndpointError> {
        let timeout = settings.connect_timeout;
        let opening = async {
            let (reader, writer, greeting) = super::handshake::greet(settings).await?;
            let mut connection = Self::start(settings, reader, writer, greeting, receiver);
            connection.call(method::channel_open(CHANNEL), timeout).await?;
            Ok(connection)
        };
        let opened = tokio::time::timeout(timeout, opening).await;
        opened.unwrap_or_else(|_| Err(failure::silent(&settings.address, timeout)))
    }

    fn start(
        settings: &Settings,
        reader: FrameReader,
        writer: WriteHalf,
        greeting: Greeting,
        receiver: Receiver,
    ) -> Self {
        let state = Arc::new(State { ended: watch::Sender::new(None), blocked: watch::Sender::new(None) });
        let (urgent, urgent_waiting) = mpsc::unbounded_channel();
        let (parts, parts_waiting) = mpsc::channel(WAITING_PARTS);
        let (answer, replies) = mpsc::unbounded_channel();
        let reading = Reading {
            address: settings.address.clone(),
            state: Arc::clone(&state),
            urgent: urgent.clone(),
            answer,
            receiver,
            assembly: Assembly::default(),
            leaving: false,
        };
        let silence = Duration::from_secs(u64::from(greeting.heartbeat) * 2);
        let sign = Duration::from_secs(u64::from(greeting.heartbeat)) / 2;
        // It ends by itself when nobody is left to hand it anything.
        tokio::spawn(write(writer, urgent_waiting, parts_waiting, sign));
        let reading = tokio::spawn(reading.run(reader, silence));
        let address = settings.address.clone();
        Self { greeting, address, state, urgent, parts, replies, unanswered: 0, reading }
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// When the server refuses, which ends the connection, or does not answer in time.
    pub(super) async fn call(&mut self, request: Bytes, timeout: Duration) -> Result<Method, EndpointError> {
        self.post(request);
        self.unanswered += 1;
        let deadline = tokio::time::Instant::now() + timeout;
        loop {
            match tokio::time::timeout_at(deadline, self.replies.recv()).await {
                Ok(Some(answer)) => {
                    self.unanswered -= 1;
                    // Answers come in the order of the questions; whoever asked before may have stopped waiting.
                    if self.unanswered == 0 {
                        return Ok(answer);
                    }
                }
                Ok(None) => return Err(self.why_ended()),
                Err(_) => return Err(failure::silent(&self.address, timeout)),
            }
        }
    }

    /// Sends something small that nobody waits for.
    pub(super) fn post(&self, bytes: Bytes) {
        // Nobody takes it any more once the connection has ended, which is told elsewhere.
        let _ = self.urgent.send(bytes);
    }

    /// Hands a part of what is published to the socket; waits while too many wait already.
    ///
    /// # Errors
    /// When the connection has ended.
    pub(super) async fn send(&self, part: Bytes) -> Result<(), EndpointError> {
        let mut ended = self.state.ended.subscribe();
        tokio::select! {
            sent = self.parts.send(part) => sent.map_err(|_| self.why_ended()),
            _ = ended.wait_for(Option::is_some) => Err(self.why_ended()),
        }
    }

    /// Why the connection ended.
    pub(super) fn why_ended(&self) -> EndpointError {
        let known = self.state.ended.borrow().clone();
        known.unwrap_or_else(|| failure::lost(&self.address, "it was closed"))
    }

    /// Whether the connection stands.
    pub(super) fn is_up(&self) -> bool {
        self.state.ended.borrow().is_none()
    }

    /// The server's reason for taking nothing at present.
    pub(super) fn blocked(&self) -> Option<String> {
        self.state.blocked.borrow().clone()
    }

    /// From now on, what changes: the connection ends, or the server takes or stops taking what is published.
    pub(super) fn changes(&self) -> Changes {
        Changes { ended: self.state.ended.subscribe(), blocked: self.state.blocked.subscribe() }
    }

    /// Says goodbye and waits for the answer.
    pub(super) async fn close(mut self) {
        self.post(method::close());
        self.state.ended.send_if_modified(|ended| {
            ended.get_or_insert_with(|| failure::lost(&self.address, "we left"));
            false
        });
        // The goodbye is a courtesy: a server that has gone meanwhile needs none.
        let _ = tokio::time::timeout(GOODBYE, &mut self.reading).await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The tasks end with the server's answer, or with the socket.
        if self.is_up() {
            self.post(method::close());
        }
    }
}

/// Changes of a connection.
#[derive(Debug)]
pub(super) struct Changes {
    ended: watch::Receiver<Option<EndpointError>>,
    blocked: watch::Receiver<Option<String>>,
}

impl Changes {
    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        // Whoever asks looks at the connection itself, and sees that it has gone.
        tokio::select! {
            _ = self.ended.changed() => {}
            _ = self.blocked.changed() => {}
        }
    }
}

/// Frames off a socket.
pub(super) struct FrameReader {
    half: ReadHalf,
    buffer: BytesMut,
}

/// Why there is no next frame.
#[derive(Debug)]
pub(super) enum NoFrame {
    Socket(std::io::Error),
    Malformed(Malformed),
}

impl FrameReader {
    pub(super) fn new(half: ReadHalf) -> Self {
        Self { half, buffer: BytesMut::with_capacity(READ_AT_ONCE) }
    }

    /// The next frame. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Frame, NoFrame> {
        loop {
            if let Some(frame) = take_frame(&mut self.buffer).map_err(NoFrame::Malformed)? {
                return Ok(frame);
            }
            self.buffer.reserve(READ_AT_ONCE);
            let read = self.half.read_buf(&mut self.buffer).await.map_err(NoFrame::Socket)?;
            if read == 0 {
                return Err(NoFrame::Socket(std::io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}

/// The task that reads.
struct Reading {
    address: Address,
    state: Arc<State>,
    urgent: mpsc::UnboundedSender<Bytes>,
    answer: mpsc::UnboundedSender<Method>,
    receiver: Receiver,
    assembly: Assembly,
    leaving: bool,
}

impl Reading {
    async fn run(mut self, mut reader: FrameReader, silence: Duration) {
        loop {
            let allowed = if self.leaving { GOODBYE } else { silence };
            let next = if allowed.is_zero() {
                reader.next().await
            } else {
                let Ok(next) = tokio::time::timeout(allowed, reader.next()).await else {
                    let words = format!("no sign of life for {} s", allowed.as_secs());
                    return self.end(failure::lost(&self.address, &words));
                };
                next
            };
            let went_on = match next {
                Ok(frame) => self.take(frame),
                Err(NoFrame::Malformed(what)) => Err(failure::protocol(what, &self.address)),
                Err(NoFrame::Socket(error)) => Err(failure::lost(&self.address, &words(&error))),
            };
            match went_on {
                Ok(true) => {}
                Ok(false) => return self.end(failure::lost(&self.address, "it was closed")),
                Err(error) => return self.end(error),
            }
        }
    }

    /// Tells everybody who waits. The first reason is the one that counts.
    fn end(&mut self, error: EndpointError) {
        let first = self.state.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            ended.get_or_insert_with(|| error.clone());
            first
        });
        if first {
            (self.receiver)(Incoming::Ended(error));
        }
    }

    /// False when the goodbye was answered.
    fn take(&mut self, frame: Frame) -> Result<bool, EndpointError> {
        let malformed = |what| failure::protocol(what, &self.address);
        match frame.kind {
            FrameKind::Heartbeat => {}
            FrameKind::Header | FrameKind::Body => {
                if let Some((method, properties, body)) = self.assembly.add(frame).map_err(malformed)? {
                    (self.receiver)(Incoming::Message(method, properties, body));
                }
            }
            FrameKind::Method => {
                let method = Method::read(frame.payload).map_err(malformed)?;
                return Ok(self.obey(method));
            }
        }
        Ok(true)
    }

    fn obey(&mut self, method: Method) -> bool {
        match method {
            Method::Deliver { .. } | Method::Return { .. } => self.assembly.begin(method),
            Method::Ack { tag, multiple } => {
                (self.receiver)(Incoming::Confirmed { tag, multiple, taken: true });
            }
            Method::Nack { tag, multiple } => {
                (self.receiver)(Incoming::Confirmed { tag, multiple, taken: false });
            }
            Method::Blocked { reason } => {
                self.state.blocked.send_replace(Some(reason));
            }
            Method::Unblocked => {
                self.state.blocked.send_replace(None);
            }
            Method::ChannelFlow { active } => self.post(method::channel_flow_ok(CHANNEL, active)),
            Method::Close { code, text } => {
                self.post(method::close_ok());
                self.leave(failure::closed(code, &text, &self.address));
            }
            // There is but one channel: with it the connection has lost its use.
            Method::ChannelClose { code, text } => {
                self.post(method::channel_close_ok(CHANNEL));
                self.post(method::close());
                self.leave(failure::closed(code, &text, &self.address));
            }
            Method::Cancel => {
                self.post(method::close());
                self.leave(failure::cancelled(&self.address));
            }
            Method::CloseOk => return false,
            Method::Other => {}
            answer => {
                let _ = self.answer.send(answer);
            }
        }
        true
    }

    fn leave(&mut self, why: EndpointError) {
        self.end(why);
        self.leaving = true;
        // Whoever waits for an answer learns that there will be none.
        self.answer = mpsc::unbounded_channel().0;
    }

    fn post(&self, bytes: Bytes) {
        let _ = self.urgent.send(bytes);
    }
}

fn words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the broker closed it".to_owned(),
        _ => error.to_string(),
    }
}

/// The task that writes: what is urgent first, and a sign of life when nothing else was sent for long.
async fn write(
    mut half: WriteHalf,
    mut urgent: mpsc::UnboundedReceiver<Bytes>,
    mut parts: mpsc::Receiver<Bytes>,
    sign: Duration,
) {
    let mut quiet_since = Instant::now();
    loop {
        let next = tokio::select! {
            biased;
            Some(bytes) = urgent.recv() => bytes,
            Some(bytes) = parts.recv() => bytes,
            () = tokio::time::sleep_until((quiet_since + sign).into()), if !sign.is_zero() => method::heartbeat(),
            else => return,
        };
        let nothing_waits = urgent.is_empty() && parts.is_empty();
        let written = half.write_all(&next).await;
        // A failure shows itself to the task that reads, which knows what to say of it.
        if written.is_err() || (nothing_waits && half.flush().await.is_err()) {
            return;
        }
        quiet_since = Instant::now();
    }
}
