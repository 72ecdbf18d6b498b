//! Events into JetStream: each is acknowledged with its sequence number, many are under way at once.

use std::sync::Arc;
use std::time::Instant;

use async_nats::jetstream::context::ContextBuilder;

use super::acknowledgements::Acknowledgements;
use super::connection::{connect, known};
use super::part::{Answer, Part, Refusal, Subjects};
use super::pipe::{PartRead, Pipe, lasting, renewed};
use super::streams::{self, Meaning, STREAMS_COME_BACK};
use super::{JETSTREAM, failure, message};
use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::halt::Halt;
use crate::endpoint::receipt_book::ReceiptBook;
use crate::endpoint::{
    Address, BoxFuture, Capabilities, Delivery, EndpointError, EndpointErrorKind, Receipts, Sink, SinkOptions,
};
use crate::event::Event;

/// What may stand after the `?` of its address, beside the options of the connection.
pub(super) const OPTIONS: [&str; 2] = ["mode", "window"];
/// Events under way at once, when the address does not say.
const WINDOW: u32 = 4096;

/// Where events go.
#[derive(Debug)]
enum Target {
    /// Each to its own subject.
    Own,
    /// All to this subject.
    Subject(String),
    /// Each to its own subject, which must be one of this stream's; those without one to its only subject.
    Stream { name: String, subjects: Vec<String> },
}

/// A publisher.
#[derive(Debug)]
pub(super) struct StreamSink {
    address: Address,
    pipe: Pipe,
    acknowledgements: Acknowledgements,
    target: Target,
    options: SinkOptions,
    window: usize,
    /// The connection was lost and made anew at this time.
    renewed: Option<Instant>,
    halt: Halt,
}

/// What was handed over of a batch.
struct Handed {
    subjects: Subjects,
    /// A sign for each part of it that the server has read it.
    reads: Vec<tokio::sync::oneshot::Receiver<PartRead>>,
}

impl StreamSink {
    /// Finds the stream and connects.
    pub(super) async fn open(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        let window = AddressOptions::new(address, &known(&OPTIONS))?.number("window", 1..=100_000)?;
        let window = usize::try_from(window.unwrap_or(WINDOW)).unwrap_or(usize::MAX);
        let target = target(address, options).await?;
        let book = Arc::default();
        let pipe = Pipe::open(address, options, &OPTIONS, &[], Some(Arc::clone(&book))).await?;
        let acknowledgements =
            Acknowledgements::listen(&pipe, book, address, options.connect_timeout).await?;
        let acknowledgements = Acknowledgements { marked: options.marked, ..acknowledgements };
        Ok(Self {
            address: address.clone(),
            pipe,
            acknowledgements,
            target,
            options: lasting(options),
            window,
            renewed: None,
            halt: Halt::default(),
        })
    }

    /// Connects anew after a loss, once the caller has seen what failed.
    async fn renew(&mut self) -> Result<(), EndpointError> {
        let book = Arc::default();
        let of_book = Some(Arc::clone(&book));
        if let Some(pipe) = renewed(&mut self.halt, &self.pipe, &self.options, &OPTIONS, of_book).await? {
            let timeout = self.options.connect_timeout;
            let heard = Acknowledgements::listen(&pipe, book, &self.address, timeout).await?;
            self.acknowledgements =
                Acknowledgements { marked: self.options.marked, comes_again: true, ..heard };
            self.pipe = pipe;
            self.renewed = Some(Instant::now());
        }
        Ok(())
    }

    /// Where an event goes.
    fn subject_of<'a>(&'a self, event: &'a Event) -> Result<&'a str, EndpointError> {
        match &self.target {
            Target::Own if event.channel.is_empty() => Err(EndpointError::new(
                EndpointErrorKind::Rejected,
                format!("the event has no channel and `{}` names none", self.address),
            )
            .help("write a subject or a stream after the host in the address")),
            Target::Own => Ok(event.channel.as_str()),
            Target::Subject(subject) => Ok(subject),
            Target::Stream { name, subjects } => subject_in_stream(&event.channel, name, subjects),
        }
    }

    /// Whether fewer events are under way than the window holds; `ahead` are those counted as such that are not yet sent.
    fn has_room(&self, ahead: usize) -> bool {
        self.acknowledgements.book.missing().saturating_sub(ahead) < self.window
    }

    /// Waits until there is room. Without any for too long the connection is given up, so that nothing overtakes what has no
    /// receipt.
    async fn room(&self, ahead: usize, mut under_way: impl FnMut()) -> Result<(), EndpointError> {
        let deadline = tokio::time::Instant::now() + self.options.receipt_timeout;
        while !self.has_room(ahead) {
            if self.pipe.is_broken() {
                return Err(failure::not_sent(&self.address));
            }
            if tokio::time::timeout_at(deadline, self.acknowledgements.book.room()).await.is_err() {
                self.pipe.end(&failure::late(&self.address));
                return Err(failure::not_sent(&self.address));
            }
            under_way();
        }
        Ok(())
    }

    /// Publishes the events of a batch, the first of which has this number.
    async fn hand_over_all(&self, batch: &[Event], first: usize) -> Handed {
        let acknowledgements = &self.acknowledgements;
        let book = &acknowledgements.book;
        let mut part = Part::new(&self.pipe, batch);
        let mut reads = Vec::new();
        let mut given_up = None;
        for (at, event) in batch.iter().enumerate() {
            let ahead = batch.len() - at;
            if given_up.is_none() && !self.has_room(ahead) {
                reads.push(self.pipe.send(part.take()).await);
                let settle_refused = || {
                    reads.retain_mut(|read| {
                        let Ok(read) = read.try_recv() else { return true };
                        settle_refused(book, &read, part.subjects(), (first, at), &self.address);
                        false
                    });
                };
                given_up = self.room(ahead, settle_refused).await.err();
            }
            let handed = match &given_up {
                Some(error) => Err(error.clone()),
                None => self.subject_of(event).and_then(|subject| {
                    part.put(at, (event, subject), Answer::Acknowledgement(acknowledgements, first + at))
                }),
            };
            if let Err(error) = handed {
                book.settle(first + at, Err(error));
            }
        }
        reads.push(self.pipe.send(part.take()).await);
        Handed { subjects: part.into_subjects(), reads }
    }

    async fn hand_over_batch(&mut self, batch: &[Event]) -> Receipts {
        if let Err(error) = self.renew().await {
            let failed = batch.iter().map(|_| Delivery::failed(error.clone())).collect();
            return Box::pin(std::future::ready(failed));
        }
        let book = Arc::clone(&self.acknowledgements.book);
        let (first, receipts) = book.begin(batch.len());
        let Handed { subjects, reads } = self.hand_over_all(batch, first).await;
        let (pipe, address, renewed, count) =
            (self.pipe.clone(), self.address.clone(), self.renewed, batch.len());
        let deadline = tokio::time::Instant::now() + self.options.receipt_timeout;
        let (ended, silent, late) = (pipe.ended(), pipe.clone(), failure::late(&address));
        let receipts = book.until((first, count), receipts, async move {
            tokio::select! {
                biased;
                cause = ended => cause,
                () = tokio::time::sleep_until(deadline) => {
                    // Nothing is to overtake what has no receipt.
                    silent.end(&late);
                    late
                }
            }
        });
        Box::pin(async move {
            let refusals = async {
                for read in reads {
                    if let Ok(read) = read.await {
                        settle_refused(&book, &read, &subjects, (first, count), &address);
                    }
                }
                std::future::pending().await
            };
            let mut deliveries = tokio::select! {
                biased;
                deliveries = receipts => deliveries,
                never = refusals => never,
            };
            for (at, delivery) in deliveries.iter_mut().enumerate() {
                if let Err(error) = &mut delivery.outcome
                    && error.kind == EndpointErrorKind::NotFound
                    && let Some(subject) = subjects.of(at)
                {
                    **error = not_kept(subject, &address, &pipe, renewed);
                }
            }
            deliveries
        })
    }

    async fn leave(self) -> Result<(), EndpointError> {
        let book = &self.acknowledgements.book;
        let settled = async {
            while book.missing() > 0 {
                book.room().await;
            }
        };
        tokio::select! {
            () = settled => {}
            _ = self.pipe.ended() => {}
            () = tokio::time::sleep(self.options.receipt_timeout) => {}
        }
        Ok(())
    }
}

/// Settles those of the `count` events from `first` on that the server refused: they are answered in no other way.
fn settle_refused(
    book: &ReceiptBook,
    read: &PartRead,
    subjects: &Subjects,
    (first, count): (usize, usize),
    address: &Address,
) {
    for words in read.as_deref().unwrap_or_default() {
        let refusal = Refusal::of(words);
        let concerned = (0..count).filter(|&at| subjects.concerns(at, &refusal));
        book.settle_all(concerned.map(|at| (first + at, Err(failure::forbidden(words, address)))));
    }
}

/// What the path of an address means.
async fn target(address: &Address, options: &SinkOptions) -> Result<Target, EndpointError> {
    if address.path.is_empty() {
        return Ok(Target::Own);
    }
    let connection =
        connect(address, options.credentials.as_ref(), options.connect_timeout, &OPTIONS).await?;
    let context = ContextBuilder::new().timeout(options.receipt_timeout).build(connection.client.clone());
    let found = streams::find(&context, &address.path, address);
    match connection.unless_refused(streams::API, found).await? {
        Meaning::Subject(_) => {
            message::check_subject(&address.path)?;
            Ok(Target::Subject(address.path.clone()))
        }
        Meaning::Stream(stream) => Ok(Target::Stream {
            name: address.path.clone(),
            subjects: stream.cached_info().config.subjects.clone(),
        }),
    }
}

/// The subject for an event that goes to a stream by name.
pub(super) fn subject_in_stream<'a>(
    channel: &'a str,
    name: &str,
    subjects: &'a [String],
) -> Result<&'a str, EndpointError> {
    let list = || subjects.iter().map(|subject| format!("`{subject}`")).collect::<Vec<_>>().join(", ");
    if channel.is_empty() {
        return match subjects {
            [only] if !only.contains(['*', '>']) => Ok(only),
            _ => Err(EndpointError::new(
                EndpointErrorKind::Rejected,
                format!("the event has no channel, and the stream `{name}` takes more than one subject"),
            )
            .help(format!("name the subject instead of the stream in the address; it takes {}", list()))),
        };
    }
    if subjects.iter().any(|pattern| streams::matches(pattern, channel)) {
        return Ok(channel);
    }
    if let [only] = subjects
        && !only.contains(['*', '>'])
    {
        return Ok(only);
    }
    Err(EndpointError::new(
        EndpointErrorKind::Rejected,
        format!("the stream `{name}` does not take the subject `{channel}`"),
    )
    .help(format!("it takes {}; name one of them in the address instead of the stream", list())))
}

/// Nobody answered to the subject.
fn not_kept(subject: &str, address: &Address, pipe: &Pipe, renewed: Option<Instant>) -> EndpointError {
    if pipe.is_broken() {
        return failure::unanswered();
    }
    if renewed.is_some_and(|at| at.elapsed() < STREAMS_COME_BACK) {
        let message = format!("the streams of `{address}` are not back yet");
        return EndpointError::new(EndpointErrorKind::Unreachable, message);
    }
    EndpointError::new(
        EndpointErrorKind::NotFound,
        format!("no stream at `{}` keeps the subject `{subject}`", address.authority()),
    )
    .help("make a stream for it, or send with `nats://`, where nothing is kept")
}

impl Sink for StreamSink {
    fn capabilities(&self) -> Capabilities {
        Capabilities { max_payload: Some(self.pipe.limits().0), ..JETSTREAM }
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        Box::pin(self.hand_over_batch(batch))
    }

    fn resume(&mut self) -> BoxFuture<'_, ()> {
        self.halt.lift(self.pipe.is_broken());
        Box::pin(std::future::ready(()))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
