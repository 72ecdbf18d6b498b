//! Events into streams: parts of many `XADD`, several under way in order, each event with its receipt.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use redis::aio::MultiplexedConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;

use super::connection::{ask_all, connect_somewhere};
use super::entry::{self, Field};
use super::id::EntryId;
use super::pipe::{Answers, Pipe};
use super::settings::{Ids, Role, Settings};
use super::wire::Answer;
use super::{CAPABILITIES, answer, failure, streams, wire};
use crate::endpoint::facts::RisingId;
use crate::endpoint::halt::Halt;
use crate::endpoint::rope::Rope;
use crate::endpoint::{
    Address, BoxFuture, Capabilities, Delivery, EndpointError, EndpointErrorKind, Receipts, Sink, SinkOptions,
};
use crate::event::{Event, Place};

/// Entries of one part at most.
const PART_ENTRIES: usize = 2000;
/// Bytes of one part, unless a single event is larger.
const PART_BYTES: usize = 1024 * 1024;
/// Bytes under way before the first receipt.
const WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// What an event costs of the window beside its bytes.
const EVENT_COST: usize = 128;

/// The connection that entries go over, and one for questions.
#[derive(Clone)]
struct Link {
    pipe: Pipe,
    questions: MultiplexedConnection,
}

impl Link {
    fn is_broken(&self) -> bool {
        self.pipe.is_broken()
    }

    async fn open(settings: &Settings, patience: Duration) -> Result<Self, EndpointError> {
        let (questions, node) = connect_somewhere(settings, patience).await?;
        let pipe = Pipe::open(settings, &node, patience).await?;
        Ok(Self { pipe, questions })
    }
}

/// A writer.
pub(super) struct RedisSink {
    settings: Arc<Settings>,
    link: Option<Link>,
    window: Arc<Semaphore>,
    receipt_timeout: Duration,
    halt: Halt,
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
        let mut link = Link::open(&settings, receipt_timeout).await?;
        check(&mut link.questions, &settings).await?;
        Ok(Self {
            settings: Arc::new(settings),
            link: Some(link),
            window: Arc::new(Semaphore::new(WINDOW_BYTES as usize)),
            receipt_timeout,
            halt: Halt::default(),
            pipelines: JoinSet::new(),
        })
    }

    /// The connection, made anew when it was lost and the caller has seen what failed.
    async fn link(&mut self) -> Result<Link, EndpointError> {
        self.halt.admit(&self.settings.address)?;
        if let Some(link) = self.link.as_ref().filter(|link| !link.is_broken()) {
            return Ok(link.clone());
        }
        self.halt.may_connect(&self.settings.address)?;
        self.link = None;
        let opened = Link::open(&self.settings, self.receipt_timeout).await;
        let link = self.halt.connected(opened)?;
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
            let size = event.size() + EVENT_COST;
            if load.is_full_for(size) {
                parts.push(self.dispatch(&link, std::mem::take(&mut load)).await);
            }
            if let Err(error) = self.put(event, size, &mut load) {
                parts.push(self.dispatch(&link, std::mem::take(&mut load)).await);
                parts.push(Part::Known(vec![Delivery::failed(error)]));
            }
        }
        parts.push(self.dispatch(&link, load).await);
        self.receipts(parts)
    }

    /// Adds the command for an event; with a recorded id, also what must be there when the server knows that id already.
    fn put(&self, event: &Event, size: usize, load: &mut Load) -> Result<(), EndpointError> {
        let stream = self.settings.address.channel_for(event)?;
        if CAPABILITIES.max_payload.is_some_and(|limit| event.size() > limit) {
            return Err(too_large(event.size()));
        }
        let fields = entry::fields(event, self.settings.field.as_deref());
        let maxlen = self.settings.maxlen;
        let recorded = (self.settings.ids == Ids::Keep).then(|| recorded_id(event));
        let id = match recorded {
            None => Cow::Borrowed("*"),
            Some(Some(id)) => {
                let own = |(name, value): &entry::FieldToWrite| (name.to_vec(), value.to_vec());
                let fields = fields.iter().map(own).collect();
                load.kept.push((load.count, Kept { stream: stream.to_owned(), id, fields }));
                Cow::Owned(id.to_string())
            }
            Some(None) => Cow::Owned(format!("{}-*", recorded_milliseconds(event))),
        };
        wire::put_xadd(&mut load.part, stream, maxlen, &id, &fields);
        load.count += 1;
        load.cost += size;
        Ok(())
    }

    /// Hands a part to the connection, after those before it, and awaits its answers elsewhere.
    async fn dispatch(&mut self, link: &Link, load: Load) -> Part {
        let count = load.count;
        if count == 0 {
            return Part::Known(Vec::new());
        }
        let cost = u32::try_from(load.cost).unwrap_or(u32::MAX).min(WINDOW_BYTES);
        let Ok(permit) = Arc::clone(&self.window).acquire_many_owned(cost).await else {
            let error = failure::disconnected(&self.settings.address);
            return Part::Known(vec![Delivery::failed(error); count]);
        };
        let flight = Flight {
            answers: link.pipe.send(load.part, count).await,
            kept: load.kept,
            questions: link.questions.clone(),
            settings: Arc::clone(&self.settings),
            permit,
        };
        let (report, deliveries) = oneshot::channel();
        self.pipelines.spawn(async move {
            // Whoever does not want the receipts need not take them.
            let _ = report.send(flight.land(count).await);
        });
        Part::Coming { count, deliveries }
    }

    fn receipts(&self, parts: Vec<Part>) -> Receipts {
        let address = self.settings.address.clone();
        Box::pin(async move {
            let mut deliveries = Vec::new();
            for part in parts {
                match part {
                    Part::Known(known) => deliveries.extend(known),
                    Part::Coming { count, deliveries: landed } => {
                        deliveries.extend(landed.await.unwrap_or_else(|_| {
                            vec![Delivery::failed(failure::disconnected(&address)); count]
                        }));
                    }
                }
            }
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

/// The id that an event asks for where ids are kept; of one from elsewhere the server chooses the number.
pub(super) fn kept_id(event: &Event) -> RisingId {
    let by_time = || RisingId { milliseconds: recorded_milliseconds(event), number: None };
    recorded_id(event).map_or_else(by_time, RisingId::from)
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

/// An entry with a recorded id.
struct Kept {
    stream: String,
    id: EntryId,
    fields: Vec<Field>,
}

/// A part being filled.
#[derive(Default)]
struct Load {
    part: Rope,
    count: usize,
    /// The entries with a recorded id, each with its number in the part.
    kept: Vec<(usize, Kept)>,
    cost: usize,
}

impl Load {
    fn is_full_for(&self, size: usize) -> bool {
        self.count > 0 && (self.count >= PART_ENTRIES || self.cost + size > PART_BYTES)
    }
}

/// The receipts of a part of a batch.
enum Part {
    Known(Vec<Delivery>),
    Coming { count: usize, deliveries: oneshot::Receiver<Vec<Delivery>> },
}

/// A part on its way.
struct Flight {
    answers: oneshot::Receiver<Answers>,
    kept: Vec<(usize, Kept)>,
    questions: MultiplexedConnection,
    settings: Arc<Settings>,
    permit: OwnedSemaphorePermit,
}

impl Flight {
    /// Awaits the answers and makes receipts of them.
    async fn land(mut self, count: usize) -> Vec<Delivery> {
        let address = &self.settings.address;
        let answers = self.answers.await.unwrap_or_else(|_| Err(failure::disconnected(address)));
        drop(self.permit);
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) => return vec![Delivery::failed(error); count],
        };
        let mut kept = self.kept.into_iter().peekable();
        let mut deliveries = Vec::with_capacity(count);
        for (at, answer) in answers.into_iter().enumerate() {
            let kept = kept.next_if(|(number, _)| *number == at).map(|(_, kept)| kept);
            deliveries.push(match (answer, kept) {
                (Answer::Added(id), _) => Delivery::acknowledged(place(id)),
                (Answer::Refused(..), Some(kept)) if is_known_already(&kept, &mut self.questions).await => {
                    Delivery::acknowledged(place(kept.id))
                }
                (Answer::Refused(code, words), _) => Delivery::failed(failure::said(&code, &words, address)),
                (Answer::Odd, _) => Delivery::failed(failure::odd_answer(address)),
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

    fn resume(&mut self) -> BoxFuture<'_, ()> {
        self.halt.lift(self.link.as_ref().is_none_or(Link::is_broken));
        Box::pin(std::future::ready(()))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
