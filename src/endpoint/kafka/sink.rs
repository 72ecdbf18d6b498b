//! Events into Kafka: handed to the client in order, acknowledged one by one with partition and offset.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ahead::{self, Settings, Started};
use super::producer::{Producer, Topic};
use super::transactions::{Transactions, refused};
use super::{CAPABILITIES, cluster, failure, message, settings};
use crate::endpoint::receipt_book::ReceiptBook;
use crate::endpoint::{
    Address, BoxFuture, Capabilities, EndpointError, EndpointErrorKind, Receipts, Sink, SinkOptions,
};
use crate::event::{Event, Timestamp};

/// That there is no such topic, or that it could not be found out, holds for so long.
const STALE: Duration = Duration::from_secs(1);

/// When so long no receipt has come, or no event, what the client holds back is sent.
const QUIET: Duration = Duration::from_millis(5);

/// A topic of one partition, where nobody chooses, is looked at again after this time: it may have more by then.
const GROWN: Duration = Duration::from_secs(60);

/// A topic that is there.
#[derive(Clone)]
struct Found {
    /// How many partitions it has.
    count: i32,
    topic: Arc<Topic>,
}

/// What is known of a topic that was sent to.
struct Known {
    /// Or why it is not known whether it is there.
    found: Result<Found, EndpointError>,
    asked: Instant,
}

impl Known {
    fn is_stale(&self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.asked);
        match self.found {
            Err(_) => age > STALE,
            Ok(Found { count: 1, .. }) => age > GROWN,
            Ok(_) => false,
        }
    }

    /// What was found, or what was known `before`: a topic that was there is taken to be there while nobody can say.
    fn or_as_before(self, before: Option<&Self>) -> Self {
        match (&self.found, before.map(|known| &known.found)) {
            (Err(error), Some(Ok(found))) if error.retryable() => Self { found: Ok(found.clone()), ..self },
            _ => self,
        }
    }
}

/// The clocks, read once for many events.
struct Now {
    time: Timestamp,
    moment: Instant,
}

impl Now {
    fn read() -> Self {
        Self { time: Timestamp::now(), moment: Instant::now() }
    }
}

/// How the partition of an event is found.
struct Placing {
    /// Everything goes to this one.
    only: Option<i32>,
    /// An event goes to the one it was recorded in, where the topic has it.
    keeps_recorded: bool,
}

impl Placing {
    /// The partition of an event in a topic of `count` partitions; none is for the client to choose.
    fn partition(
        &self,
        recorded: Option<i32>,
        topic: &str,
        count: i32,
        address: &Address,
    ) -> Result<Option<i32>, EndpointError> {
        let there = |partition: &i32| (0..count).contains(partition);
        match self.only {
            Some(only) if !there(&only) => {
                Err(failure::no_partition(only, topic, usize::try_from(count).unwrap_or_default(), address))
            }
            Some(only) => Ok(Some(only)),
            // Where there is no choice the client need not make one.
            None if count == 1 => Ok(Some(0)),
            None => Ok(recorded.filter(|partition| self.keeps_recorded && there(partition))),
        }
    }
}

/// A sender.
pub(super) struct KafkaSink {
    producer: Arc<Producer>,
    book: Arc<ReceiptBook>,
    address: Address,
    topics: HashMap<String, Known>,
    placing: Placing,
    transactions: Option<Transactions>,
    /// What waits in the client is to be sent when nothing follows.
    holds_back: bool,
    creates: bool,
    connect_timeout: Duration,
    receipt_timeout: Duration,
}

impl KafkaSink {
    /// Connects, and looks whether the topic in the path is there.
    pub(super) fn open(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        cluster::check_names(address, std::iter::once(address.path.as_str()))?;
        let settings = Settings::read(address, options)?;
        let (creates, holds_back, gets_an_id) =
            (settings.creates(), settings.holds_back(), settings.gets_an_id());
        let begun = ahead::taken(address, options, &settings);
        let Started { producer, book, asks_for_its_id } = begun.map_or_else(|| settings.start(), Ok)?;
        let mut sink = Self {
            producer,
            book,
            address: address.clone(),
            topics: HashMap::new(),
            placing: Placing {
                only: settings::partition_to_fill(address)?,
                keeps_recorded: address.option("partitioner").is_none(),
            },
            transactions: None,
            holds_back,
            creates,
            connect_timeout: options.connect_timeout,
            receipt_timeout: options.receipt_timeout,
        };
        if address.path.is_empty() {
            cluster::answers(sink.producer.client(), sink.creates, options.connect_timeout, &|| {})?;
        } else {
            let path = &address.path;
            let found = find(&sink.producer, path, sink.creates, options.connect_timeout)?;
            sink.placing.partition(None, path, found.count, address)?;
            sink.topics.insert(path.clone(), Known { found: Ok(found), asked: Instant::now() });
        }
        if gets_an_id && !asks_for_its_id {
            once_more(&sink.producer, sink.creates, options.connect_timeout);
        }
        if let Some(wanted) = &options.transactions {
            let with = (Arc::clone(&sink.producer), Arc::clone(&sink.book));
            sink.transactions = Some(Transactions::take_over(wanted, with, address, options)?);
        }
        Ok(sink)
    }

    async fn hand_over(
        &mut self,
        event: &Event,
        sequence: usize,
        now: &mut Now,
    ) -> Result<(), EndpointError> {
        let Self { producer, book, address, topics, placing, .. } = self;
        let topic = address.channel_for(event)?;
        let known = match topics.get(topic) {
            Some(known) if !known.is_stale(now.moment) => known,
            before => {
                let found = look_up(producer, topic, self.creates, self.connect_timeout).await;
                let known = found.or_as_before(before);
                *now = Now::read();
                topics.entry(topic.to_owned()).insert_entry(known).into_mut()
            }
        };
        let Found { count, topic: handle } = known.found.as_ref().map_err(Clone::clone)?;
        if event.size() > settings::LARGEST_EVENT {
            return Err(failure::too_large(event.size(), topic));
        }
        let partition = placing.partition(event.place.partition, topic, *count, address)?;
        let mut record = message::record(partition, event, (sequence, now.time))?;
        loop {
            if let Some(refusal) = producer.client().context().halted() {
                return Err(refusal);
            }
            match producer.send(handle, record) {
                Ok(()) => return Ok(()),
                Err((error, given_back)) if failure::is_full(&error) => {
                    record = given_back;
                    book.room().await;
                    *now = Now::read();
                }
                Err((error, _)) => {
                    let size = producer.client().context().size(event.size());
                    return Err(failure::delivery(&error, topic, size, address));
                }
            }
        }
    }

    async fn hand_over_batch(&mut self, batch: &[Event]) -> Receipts {
        if let Some(transactions) = &mut self.transactions
            && let Err(error) = transactions.begin().await
        {
            return refused(batch.len(), &error);
        }
        let (first, receipts) = self.book.begin(batch.len());
        let mut failed = vec![false; batch.len()];
        let mut now = Now::read();
        for ((sequence, event), failed) in (first..).zip(batch).zip(&mut failed) {
            if let Err(error) = self.hand_over(event, sequence, &mut now).await {
                *failed = true;
                self.book.settle(sequence, Err(error));
            }
        }
        match &mut self.transactions {
            Some(transactions) => transactions.hold(batch, &failed, receipts),
            None => receipts,
        }
    }

    async fn leave(self) -> Result<(), EndpointError> {
        let Self { producer, address, receipt_timeout, transactions, .. } = self;
        if let Some(transactions) = transactions {
            transactions.leave().await;
        }
        super::blocking(move || {
            // Every event is settled by then, because the client gives up on it after the same time.
            let flushed = producer.flush(receipt_timeout + Duration::from_secs(1));
            flushed.map_err(|error| failure::request("take the last events", &error, &address))
        })
        .await
    }
}

/// Asks a broker once more, so that the client asks for its producer id at once: it does so after each such answer, but finds
/// no broker after the first one, which gives the broker its name, and would look again only after half a second. Events can
/// be handed over meanwhile.
fn once_more(producer: &Arc<Producer>, makes_topics: bool, timeout: Duration) {
    let producer = Arc::clone(producer);
    let body = move || {
        // That it cannot be asked will be seen by whoever sends.
        let _ = cluster::answers(producer.client(), makes_topics, timeout, &|| {});
    };
    drop(std::thread::Builder::new().name("eddy-kafka".to_owned()).spawn(body));
}

/// Looks whether a topic is there, and asks for its partitions.
async fn look_up(producer: &Arc<Producer>, topic: &str, creates: bool, timeout: Duration) -> Known {
    let (producer, topic) = (Arc::clone(producer), topic.to_owned());
    let found = super::blocking(move || find(&producer, &topic, creates, timeout)).await;
    Known { found, asked: Instant::now() }
}

fn find(producer: &Producer, topic: &str, creates: bool, timeout: Duration) -> Result<Found, EndpointError> {
    let deadline = Instant::now() + timeout;
    loop {
        let found = cluster::topic(producer.client(), topic, timeout, &|| {});
        match found {
            // Asking is what makes the broker make it; it takes a moment until it is there.
            Err(error)
                if creates && error.kind == EndpointErrorKind::NotFound && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) if creates && error.kind == EndpointErrorKind::NotFound => {
                return Err(error.help(format!(
                    "the cluster makes no topics on request (`auto.create.topics.enable`); `kafka-topics.sh --create \
                     --topic {topic}` makes it"
                )));
            }
            Err(error) => return Err(error),
            Ok(found) => {
                let count = i32::try_from(found.partitions.len()).unwrap_or(i32::MAX);
                return Ok(Found { count, topic: Arc::new(producer.topic(topic)?) });
            }
        }
    }
}

impl Sink for KafkaSink {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        Box::pin(self.hand_over_batch(batch))
    }

    fn flush(&mut self) -> BoxFuture<'_, ()> {
        if let Some(transactions) = &mut self.transactions {
            transactions.end();
        } else if self.holds_back {
            self.producer.hurry();
        }
        Box::pin(std::future::ready(()))
    }

    fn resume(&mut self) -> BoxFuture<'_, ()> {
        self.producer.client().context().lift();
        Box::pin(std::future::ready(()))
    }

    fn holds_back_for(&self) -> Option<Duration> {
        self.holds_back.then_some(QUIET)
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
