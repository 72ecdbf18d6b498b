//! Events into JetStream: each is acknowledged with its sequence number, many are under way at once.

use std::time::{Duration, Instant};

use async_nats::jetstream::context::{Context, ContextBuilder, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use tokio::task::JoinSet;

use super::connection::{Connection, connect_sink, known, lost_since, renewed};
use super::streams::{self, Meaning};
use super::{JETSTREAM, failure, message};
use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::halt::Halt;
use crate::endpoint::receipts::{self, Awaited};
use crate::endpoint::{
    Address, BoxFuture, Capabilities, Delivery, EndpointError, EndpointErrorKind, Receipts, Sink, SinkOptions,
};
use crate::event::{Event, Place};

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
    context: Context,
    target: Target,
    options: SinkOptions,
    window: usize,
    /// The connection was lost and made anew at this time.
    renewed: Option<Instant>,
    halt: Halt,
    batches: JoinSet<()>,
}

impl StreamSink {
    /// Connects and finds the stream.
    pub(super) async fn open(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        let connection = connect_sink(address, options, &OPTIONS, &[]).await?;
        let window = AddressOptions::new(address, &known(&OPTIONS))?.number("window", 1..=100_000)?;
        let window = usize::try_from(window.unwrap_or(WINDOW)).unwrap_or(usize::MAX);
        let context = context(&connection, options.receipt_timeout, window);
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
            context,
            target,
            options: options.clone(),
            window,
            renewed: None,
            halt: Halt::default(),
            batches: JoinSet::new(),
        })
    }

    /// Connects anew after a loss, once the caller has seen what failed.
    async fn renew(&mut self) -> Result<(), EndpointError> {
        if let Some(connection) = renewed(&mut self.halt, &self.connection, &self.options, &OPTIONS).await? {
            self.connection = connection;
            self.context = context(&self.connection, self.options.receipt_timeout, self.window);
            self.renewed = Some(Instant::now());
        }
        Ok(())
    }

    fn subject_of(&self, event: &Event) -> Result<String, EndpointError> {
        let subject = match &self.target {
            Target::Own if event.channel.is_empty() => {
                return Err(EndpointError::new(
                    EndpointErrorKind::Rejected,
                    format!("the event has no channel and `{}` names none", self.connection.address),
                )
                .help("write a subject or a stream after the host in the address"));
            }
            Target::Own => &event.channel,
            Target::Subject(subject) => subject,
            Target::Stream { name, subjects } => subject_in_stream(&event.channel, name, subjects)?,
        };
        message::check_subject(subject)?;
        Ok(subject.clone())
    }

    async fn hand_over(&self, event: &Event) -> Awaited {
        let subject = self.subject_of(event)?;
        message::check_size(event, self.connection.client.max_payload())?;
        let mut publish = PublishMessage::build().payload(event.payload.clone().unwrap_or_default());
        if let Some(headers) = message::headers(event)? {
            publish = publish.headers(headers);
        }
        if let Some(name) = message::name_for_repeats(event) {
            publish = publish.message_id(name);
        }
        let sending = self.context.send_publish(subject.clone(), publish);
        let future = tokio::select! {
            biased;
            // Receipts that do not come any more would hold their places in the window until they are late.
            () = lost_since(self.connection.history.clone(), 0) => return Err(failure::unanswered()),
            sent = tokio::time::timeout(self.options.receipt_timeout, sending) => match sent {
                Ok(sent) => sent.map_err(|error| self.explain(&error, &subject))?,
                Err(_) => return Err(failure::disconnected(&self.connection.address)),
            },
        };
        let (connection, renewed) = (self.connection.clone(), self.renewed);
        Ok(Box::pin(async move {
            let lost = lost_since(connection.history.clone(), 0);
            tokio::select! {
                biased;
                answer = future => match answer {
                    Ok(answer) => Ok(Place { partition: None, offset: Some(answer.sequence) }),
                    Err(error) => Err(explain(&error, &subject, &connection, renewed)),
                },
                () = lost => Err(failure::unanswered()),
            }
        }))
    }

    fn explain(&self, error: &PublishError, subject: &str) -> EndpointError {
        explain(error, subject, &self.connection, self.renewed)
    }

    async fn hand_over_batch(&mut self, batch: &[Event]) -> Receipts {
        if let Err(error) = self.renew().await {
            let failed = batch.iter().map(|_| Delivery::failed(error.clone())).collect();
            return Box::pin(std::future::ready(failed));
        }
        let mut receipts = Vec::new();
        // A receipt holds its place in the window until it is awaited, so no more are gathered than have a place.
        for part in batch.chunks(self.window) {
            let mut awaited: Vec<Awaited> = Vec::with_capacity(part.len());
            for event in part {
                awaited.push(self.hand_over(event).await);
            }
            receipts.push(receipts::collect(&mut self.batches, awaited, self.options.receipt_timeout));
        }
        Box::pin(async move {
            let mut deliveries = Vec::new();
            for part in receipts {
                deliveries.extend(part.await);
            }
            deliveries
        })
    }

    async fn leave(mut self) -> Result<(), EndpointError> {
        while self.batches.join_next().await.is_some() {}
        Ok(())
    }
}

/// The subject for an event that goes to a stream by name.
pub(super) fn subject_in_stream<'a>(
    channel: &'a String,
    name: &str,
    subjects: &'a [String],
) -> Result<&'a String, EndpointError> {
    let list = subjects.iter().map(|subject| format!("`{subject}`")).collect::<Vec<_>>().join(", ");
    if channel.is_empty() {
        return match subjects {
            [only] if !only.contains(['*', '>']) => Ok(only),
            _ => Err(EndpointError::new(
                EndpointErrorKind::Rejected,
                format!("the event has no channel, and the stream `{name}` takes more than one subject"),
            )
            .help(format!("name the subject instead of the stream in the address; it takes {list}"))),
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
    .help(format!("it takes {list}; name one of them in the address instead of the stream")))
}

fn context(connection: &Connection, timeout: Duration, window: usize) -> Context {
    ContextBuilder::new()
        .timeout(timeout)
        .ack_timeout(timeout)
        .max_ack_inflight(window)
        .backpressure_on_inflight(true)
        .build(connection.client.clone())
}

fn explain(
    error: &PublishError,
    subject: &str,
    connection: &Connection,
    renewed: Option<Instant>,
) -> EndpointError {
    let address = &connection.address;
    if !connection.is_up() || connection.losses() > 0 {
        return failure::unanswered();
    }
    match error.kind() {
        PublishErrorKind::StreamNotFound => {
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
        PublishErrorKind::TimedOut => {
            EndpointError::new(EndpointErrorKind::Timeout, format!("no receipt from `{address}` in time"))
        }
        PublishErrorKind::BrokenPipe => failure::unanswered(),
        PublishErrorKind::MaxPayloadExceeded => EndpointError::new(
            EndpointErrorKind::TooLarge,
            "the event is larger than the server takes".to_owned(),
        ),
        _ => EndpointError::new(
            EndpointErrorKind::Rejected,
            format!(
                "`{address}` refused the event: {}",
                std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
            ),
        ),
    }
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
