//! Events into streams: pipelines of `XADD`, several under way in order, each event with its receipt.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisResult, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;

use super::connection::{ask_all, connect};
use super::entry::{self, Field};
use super::id::EntryId;
use super::settings::{Ids, Role, Settings};
use super::{CAPABILITIES, answer, failure, streams};
use crate::endpoint::open_count::OpenCount;
use crate::endpoint::{
    Address, BoxFuture, Capabilities, Delivery, EndpointError, EndpointErrorKind, Receipts, Sink, SinkOptions,
};
use crate::event::{Event, Place};

/// Entries of one pipeline at most.
const PIPELINE_ENTRIES: usize = 2000;
/// Bytes of one pipeline, unless a single event is larger.
const PIPELINE_BYTES: usize = 1024 * 1024;
/// Bytes under way before the first receipt.
const WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// What an event costs of the window beside its bytes.
const EVENT_COST: usize = 128;

/// A connection and whether it has failed.
#[derive(Clone)]
struct Link {
    connection: MultiplexedConnection,
    broken: Arc<AtomicBool>,
}

/// A writer.
pub(super) struct RedisSink {
    settings: Arc<Settings>,
    link: Option<Link>,
    window: Arc<Semaphore>,
    receipt_timeout: Duration,
    /// Batches whose receipts have not been taken yet.
    open_batches: OpenCount,
    pipelines: JoinSet<()>,
}

impl RedisSink {
    /// Connects, and looks whether writing can work at all.
    pub(super) async fn open(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        let credentials = options.credentials.as_ref();
        let settings = Settings::read(address, credentials, options.connect_timeout, Role::Sink)?;
        if settings.streams().len() > 1 {
            return Err(several(address));
        }
        let receipt_timeout = options.receipt_timeout;
        let mut connection = connect(&settings, receipt_timeout).await?;
        check(&mut connection, &settings).await?;
        Ok(Self {
            settings: Arc::new(settings),
            link: Some(Link { connection, broken: Arc::default() }),
            window: Arc::new(Semaphore::new(WINDOW_BYTES as usize)),
            receipt_timeout,
            open_batches: OpenCount::default(),
            pipelines: JoinSet::new(),
        })
    }

    /// The connection, made anew when it was lost.
    ///
    /// Nothing may overtake what failed with the old one: there is no new one before all receipts have been taken.
    async fn link(&mut self) -> Result<Link, EndpointError> {
        if let Some(link) = &self.link
            && !link.broken.load(Ordering::Acquire)
        {
            return Ok(link.clone());
        }
        if self.open_batches.any() {
            return Err(failure::disconnected(&self.settings.address));
        }
        self.link = None;
        let connection = connect(&self.settings, self.receipt_timeout).await?;
        let link = Link { connection, broken: Arc::default() };
        self.link = Some(link.clone());
        Ok(link)
    }

    async fn hand_over(&mut self, batch: &[Event]) -> Receipts {
        // Finished pipelines are let go of, so that a long run does not keep them.
        while self.pipelines.try_join_next().is_some() {}
        let link = match self.link().await {
            Ok(link) => link,
            Err(error) => {
                let failed = batch.iter().map(|_| Delivery::failed(error.clone())).collect();
                return self.receipts(vec![Part::Known(failed)]);
            }
        };
        let mut parts = Vec::new();
        let mut load = Load::default();
        for event in batch {
            match self.command(event) {
                Ok((command, kept)) => {
                    let size = event.size() + EVENT_COST;
                    if load.is_full_for(size) {
                        parts.push(self.dispatch(&link, std::mem::take(&mut load)).await);
                    }
                    load.add(command, kept, size);
                }
                Err(error) => {
                    parts.push(self.dispatch(&link, std::mem::take(&mut load)).await);
                    parts.push(Part::Known(vec![Delivery::failed(error)]));
                }
            }
        }
        parts.push(self.dispatch(&link, load).await);
        self.receipts(parts)
    }

    /// The command for an event; with a recorded id, also what must be there when the server knows that id already.
    fn command(&self, event: &Event) -> Result<(Cmd, Option<Kept>), EndpointError> {
        let stream = self.settings.address.channel_for(event)?;
        if CAPABILITIES.max_payload.is_some_and(|limit| event.size() > limit) {
            return Err(too_large(event.size()));
        }
        let fields = entry::fields(event, self.settings.field.as_deref());
        let size: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        let mut command = Cmd::with_capacity(fields.len() * 2 + 6, size + stream.len() + 32);
        command.arg("XADD").arg(stream);
        if let Some(maxlen) = self.settings.maxlen {
            command.arg("MAXLEN").arg("~").arg(maxlen);
        }
        let mut kept = None;
        match self.settings.ids {
            Ids::Auto => drop(command.arg("*")),
            Ids::Keep => match recorded_id(event) {
                Some(id) => {
                    command.arg(id.to_string());
                    let own = |(name, value): &entry::FieldToWrite| (name.to_vec(), value.to_vec());
                    let fields = fields.iter().map(own).collect();
                    kept = Some(Kept { stream: stream.to_owned(), id, fields });
                }
                None => drop(command.arg(format!("{}-*", recorded_milliseconds(event)))),
            },
        }
        for (name, value) in &fields {
            command.arg(name.as_ref()).arg(value.as_ref());
        }
        Ok((command, kept))
    }

    /// Hands a pipeline to the client, after those before it, and awaits its answers elsewhere.
    async fn dispatch(&mut self, link: &Link, load: Load) -> Part {
        let count = load.pipeline.len();
        if count == 0 {
            return Part::Known(Vec::new());
        }
        let cost = u32::try_from(load.bytes).unwrap_or(u32::MAX).min(WINDOW_BYTES);
        let Ok(permit) = Arc::clone(&self.window).acquire_many_owned(cost).await else {
            let error = failure::disconnected(&self.settings.address);
            return Part::Known(vec![Delivery::failed(error); count]);
        };
        let (report, answers) = oneshot::channel();
        let flight = Flight {
            answer: begun(link.connection.clone(), load.pipeline).await,
            kept: load.kept,
            link: link.clone(),
            settings: Arc::clone(&self.settings),
            permit,
        };
        self.pipelines.spawn(async move {
            // Whoever does not want the receipts need not take them.
            let _ = report.send(flight.land(count).await);
        });
        Part::Coming { count, answers }
    }

    fn receipts(&self, parts: Vec<Part>) -> Receipts {
        let open = self.open_batches.one_more();
        let address = self.settings.address.clone();
        Box::pin(async move {
            let mut deliveries = Vec::new();
            for part in parts {
                match part {
                    Part::Known(known) => deliveries.extend(known),
                    Part::Coming { count, answers } => {
                        deliveries.extend(answers.await.unwrap_or_else(|_| {
                            vec![Delivery::failed(failure::disconnected(&address)); count]
                        }));
                    }
                }
            }
            drop(open);
            deliveries
        })
    }

    async fn leave(mut self) -> Result<(), EndpointError> {
        while self.pipelines.join_next().await.is_some() {}
        Ok(())
    }
}

/// Looks whether the server takes writes, and whether the key is free for a stream.
async fn check(connection: &mut MultiplexedConnection, settings: &Settings) -> Result<(), EndpointError> {
    let mut questions = redis::pipe();
    questions.cmd("INFO").arg("replication");
    if let Some(name) = settings.streams().first() {
        questions.cmd("TYPE").arg(name);
    }
    // What we may not ask shows when the first event is sent.
    let mut answers =
        ask_all(connection, &questions, settings).await?.into_iter().map(answer::text_or_refusal);
    let replication = answers.next().flatten().unwrap_or_default();
    if replication.contains("role:slave") && !replication.contains("slave_read_only:0") {
        return Err(failure::replica(&settings.address));
    }
    match answers.next().flatten().as_deref() {
        None | Some("none" | "stream") => Ok(()),
        Some(other) => Err(streams::no_stream(&settings.address.path, other, &settings.address)),
    }
}

fn recorded_id(event: &Event) -> Option<EntryId> {
    event.attributes.get("id")?.as_str().and_then(EntryId::parse)
}

/// The time of an event from elsewhere.
fn recorded_milliseconds(event: &Event) -> u64 {
    let time = event.broker_time.map_or(event.received, |found| found.time);
    u64::try_from(time.0.div_euclid(1000)).unwrap_or(0)
}

fn several(address: &Address) -> EndpointError {
    let message = format!("`{address}` names several streams to write to");
    EndpointError::new(EndpointErrorKind::Unsupported, message)
        .help("name one; or none, and each event goes to the stream it was recorded from")
}

fn too_large(size: usize) -> EndpointError {
    let message = format!("an event of {size} bytes is larger than the 512 MiB a server takes");
    EndpointError::new(EndpointErrorKind::TooLarge, message).help("leave the event out")
}

/// Gives the pipeline to the client at once, so that the next one cannot come before it.
async fn begun(
    mut connection: MultiplexedConnection,
    pipeline: Pipeline,
) -> BoxFuture<'static, RedisResult<Vec<Value>>> {
    let mut answer: BoxFuture<'static, _> = Box::pin(async move {
        let count = pipeline.len();
        connection.send_packed_commands(&pipeline, 0, count).await
    });
    // A task that has used up its turn would be told to come again, and the pipeline would lose its place.
    let first = tokio::task::unconstrained(std::future::poll_fn(|context| {
        Poll::Ready(answer.as_mut().poll(context))
    }));
    match first.await {
        Poll::Ready(answered) => Box::pin(std::future::ready(answered)),
        Poll::Pending => answer,
    }
}

/// An entry with a recorded id.
struct Kept {
    stream: String,
    id: EntryId,
    fields: Vec<Field>,
}

/// A pipeline being filled.
#[derive(Default)]
struct Load {
    pipeline: Pipeline,
    kept: Vec<Option<Kept>>,
    bytes: usize,
}

impl Load {
    fn is_full_for(&self, size: usize) -> bool {
        let count = self.pipeline.len();
        count > 0 && (count >= PIPELINE_ENTRIES || self.bytes + size > PIPELINE_BYTES)
    }

    fn add(&mut self, command: Cmd, kept: Option<Kept>, size: usize) {
        self.pipeline.add_command(command);
        self.kept.push(kept);
        self.bytes += size;
    }
}

/// The receipts of a part of a batch.
enum Part {
    Known(Vec<Delivery>),
    Coming { count: usize, answers: oneshot::Receiver<Vec<Delivery>> },
}

/// A pipeline on its way.
struct Flight {
    answer: BoxFuture<'static, RedisResult<Vec<Value>>>,
    kept: Vec<Option<Kept>>,
    link: Link,
    settings: Arc<Settings>,
    permit: OwnedSemaphorePermit,
}

impl Flight {
    /// Awaits the answers and makes receipts of them.
    async fn land(mut self, count: usize) -> Vec<Delivery> {
        let address = &self.settings.address;
        let answers = match self.answer.await {
            Ok(answers) => answers,
            Err(error) => {
                let error = failure::command(&error, address);
                // A connection that was silent for so long may be dead without saying so.
                self.link.broken.store(true, Ordering::Release);
                return vec![Delivery::failed(error); count];
            }
        };
        drop(self.permit);
        let mut deliveries = Vec::with_capacity(count);
        for (answer, kept) in answers.into_iter().zip(self.kept) {
            deliveries.push(match (answer, kept) {
                (Value::ServerError(error), Some(kept))
                    if is_known_already(&kept, &mut self.link.connection).await =>
                {
                    drop(error);
                    Delivery::acknowledged(place(kept.id))
                }
                (Value::ServerError(error), _) => Delivery::failed(failure::refusal(&error, address)),
                (answer, _) => match answer::text(answer).as_deref().and_then(EntryId::parse) {
                    Some(id) => Delivery::acknowledged(place(id)),
                    None => Delivery::failed(failure::odd_answer(address)),
                },
            });
        }
        deliveries
    }
}

fn place(id: EntryId) -> Place {
    Place { partition: None, offset: Some(id.offset()) }
}

/// Whether the very entry is there: sent before, and its receipt was lost.
async fn is_known_already(kept: &Kept, connection: &mut MultiplexedConnection) -> bool {
    let id = kept.id.to_string();
    let mut question = redis::cmd("XRANGE");
    question.arg(&kept.stream).arg(&id).arg(&id);
    let answered = question.query_async::<Value>(connection).await.ok().and_then(answer::entries);
    answered.is_some_and(|entries| {
        entries.first().is_some_and(|entry| entry.fields.as_ref() == Some(&kept.fields))
    })
}

impl Sink for RedisSink {
    fn capabilities(&self) -> Capabilities {
        Capabilities { timestamps: self.settings.ids == Ids::Keep, ..CAPABILITIES }
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        Box::pin(self.hand_over(batch))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
