//! Events into JetStream: each is acknowledged with its sequence number, many are under way at once.

use std::time::{Duration, Instant};

use async_nats::jetstream::context::{Context, ContextBuilder};
use async_nats::{HeaderMap, Subject};

use super::acknowledgements::Acknowledgements;
use super::connection::{Connection, connect_sink, known, lost_since, renewed};
use super::streams::{self, Meaning};
use super::{JETSTREAM, failure, message};
use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::halt::Halt;
use crate::endpoint::{
    Address, BoxFuture, Capabilities, Delivery, EndpointError, EndpointErrorKind, Receipts, Sink, SinkOptions,
};
use crate::event::Event;

/// What may stand after the `?` of its address, beside the options of the connection.
pub(super) const OPTIONS: [&str; 1] = ["window"];
/// Events under way at once, when the address does not say.
const WINDOW: u32 = 1024;
/// A server that has just started may not have its streams yet.
const STREAMS_COME_BACK: Duration = Duration::from_secs(10);

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
    connection: Connection,
    acknowledgements: Acknowledgements,
    target: Target,
    options: SinkOptions,
    window: usize,
    /// The connection was lost and made anew at this time.
    renewed: Option<Instant>,
    halt: Halt,
}

impl StreamSink {
    /// Connects and finds the stream.
    pub(super) async fn open(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        let connection = connect_sink(address, options, &OPTIONS, &[]).await?;
        let window = AddressOptions::new(address, &known(&OPTIONS))?.number("window", 1..=100_000)?;
        let window = usize::try_from(window.unwrap_or(WINDOW)).unwrap_or(usize::MAX);
        let context = context(&connection, options.receipt_timeout);
        let acknowledgements = Acknowledgements::listen(&connection).await?;
        let target = if address.path.is_empty() {
            Target::Own
        } else {
            match streams::find(&context, &address.path, address).await? {
                Meaning::Subject(_) => {
                    message::check_subject(&address.path)?;
                    Target::Subject(address.path.clone())
                }
                Meaning::Stream(stream) => Target::Stream {
                    name: address.path.clone(),
                    subjects: stream.cached_info().config.subjects.clone(),
                },
            }
        };
        Ok(Self {
            connection,
            acknowledgements,
            target,
            options: options.clone(),
            window,
            renewed: None,
            halt: Halt::default(),
        })
    }

    /// Connects anew after a loss, once the caller has seen what failed.
    async fn renew(&mut self) -> Result<(), EndpointError> {
        if let Some(connection) = renewed(&mut self.halt, &self.connection, &self.options, &OPTIONS).await? {
            self.acknowledgements = Acknowledgements::listen(&connection).await?;
            self.connection = connection;
            self.renewed = Some(Instant::now());
        }
        Ok(())
    }

    /// Where an event goes; `before` is the subject of the one before it, which is taken again where it is the same.
    fn subject_of(&self, event: &Event, before: Option<&Subject>) -> Result<Subject, EndpointError> {
        let subject = match &self.target {
            Target::Own if event.channel.is_empty() => {
                return Err(EndpointError::new(
                    EndpointErrorKind::Rejected,
                    format!("the event has no channel and `{}` names none", self.connection.address),
                )
                .help("write a subject or a stream after the host in the address"));
            }
            Target::Own => event.channel.as_str(),
            Target::Subject(subject) => subject,
            Target::Stream { name, subjects } => subject_in_stream(&event.channel, name, subjects)?,
        };
        message::subject(subject, before)
    }

    /// Publishes an event, so that its acknowledgement comes under this number.
    async fn hand_over(
        &self,
        event: &Event,
        number: usize,
        before: Option<&Subject>,
    ) -> Result<Subject, EndpointError> {
        let subject = self.subject_of(event, before)?;
        message::check_size(event, self.connection.client.max_payload())?;
        let mut headers = message::headers(event)?;
        if let Some(name) = message::name_for_repeats(event) {
            headers.get_or_insert_with(HeaderMap::new).insert(async_nats::header::NATS_MESSAGE_ID, name);
        }
        let reply = self.acknowledgements.reply_to(number);
        let content = (headers, event.payload.clone().unwrap_or_default());
        self.connection
            .publish(self.options.receipt_timeout, (subject.clone(), Some(reply)), content)
            .await?;
        Ok(subject)
    }

    /// Waits until fewer events are under way than the window holds; `ahead` are those counted as such that are not yet sent.
    async fn room(&self, ahead: usize) -> Result<(), EndpointError> {
        let book = &self.acknowledgements.book;
        let deadline = tokio::time::Instant::now() + self.options.receipt_timeout;
        while book.missing().saturating_sub(ahead) >= self.window {
            if self.connection.losses() > 0 {
                return Err(failure::unanswered());
            }
            if tokio::time::timeout_at(deadline, book.room()).await.is_err() {
                return Err(failure::disconnected(&self.connection.address));
            }
        }
        Ok(())
    }

    /// Publishes the events of a batch, the first of which has this number, and says where they went.
    async fn hand_over_all(&self, batch: &[Event], first: usize) -> Vec<Option<Subject>> {
        let book = &self.acknowledgements.book;
        let mut subjects: Vec<Option<Subject>> = Vec::with_capacity(batch.len());
        let mut given_up = None;
        for (at, event) in batch.iter().enumerate() {
            if given_up.is_none() {
                given_up = self.room(batch.len() - at).await.err();
            }
            let before = subjects.last().and_then(Option::as_ref);
            let handed = match &given_up {
                Some(error) => Err(error.clone()),
                None => self.hand_over(event, first + at, before).await,
            };
            subjects.push(match handed {
                Ok(subject) => Some(subject),
                Err(error) => {
                    book.settle(first + at, Err(error));
                    None
                }
            });
        }
        subjects
    }

    async fn hand_over_batch(&mut self, batch: &[Event]) -> Receipts {
        if let Err(error) = self.renew().await {
            let failed = batch.iter().map(|_| Delivery::failed(error.clone())).collect();
            return Box::pin(std::future::ready(failed));
        }
        let book = &self.acknowledgements.book;
        let (first, receipts) = book.begin(batch.len());
        let subjects = self.hand_over_all(batch, first).await;
        let (history, address) = (self.connection.history.clone(), self.connection.address.clone());
        let deadline = tokio::time::Instant::now() + self.options.receipt_timeout;
        let receipts = book.until((first, batch.len()), receipts, async move {
            tokio::select! {
                biased;
                () = lost_since(history, 0) => failure::unanswered(),
                () = tokio::time::sleep_until(deadline) => failure::late(&address),
            }
        });
        let (connection, renewed) = (self.connection.clone(), self.renewed);
        Box::pin(async move {
            let mut deliveries = receipts.await;
            for (delivery, subject) in deliveries.iter_mut().zip(subjects) {
                if let (Err(error), Some(subject)) = (&mut delivery.outcome, subject)
                    && error.kind == EndpointErrorKind::NotFound
                {
                    **error = not_kept(&subject, &connection, renewed);
                }
            }
            deliveries
        })
    }

    async fn leave(self) -> Result<(), EndpointError> {
        let (book, history) = (&self.acknowledgements.book, self.connection.history.clone());
        let settled = async {
            while book.missing() > 0 {
                book.room().await;
            }
        };
        tokio::select! {
            () = settled => {}
            () = lost_since(history, 0) => {}
            () = tokio::time::sleep(self.options.receipt_timeout) => {}
        }
        Ok(())
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

fn context(connection: &Connection, timeout: Duration) -> Context {
    ContextBuilder::new().timeout(timeout).build(connection.client.clone())
}

/// Nobody answered to the subject.
fn not_kept(subject: &str, connection: &Connection, renewed: Option<Instant>) -> EndpointError {
    let address = &connection.address;
    if !connection.is_up() || connection.losses() > 0 {
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
        Capabilities { max_payload: Some(self.connection.client.max_payload()), ..JETSTREAM }
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        Box::pin(self.hand_over_batch(batch))
    }

    fn resume(&mut self) -> BoxFuture<'_, ()> {
        self.halt.lift(self.connection.losses() > 0);
        Box::pin(std::future::ready(()))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
