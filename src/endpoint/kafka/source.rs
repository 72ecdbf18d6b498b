//! Events out of Kafka: partitions are read as they are, without a consumer group, unless one is named.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use compact_str::CompactString;
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use regex::Regex;
use tokio::sync::mpsc;

use super::by_time::{self, ByTime};
use super::cluster::{self, Topic};
use super::fetching::Fetching;
use super::growth::Growth;
use super::listener::Listener;
use super::positions::{Lane, Offsets, Span, assignment};
use super::reading::{Batch, Ends, Reading, Records, WAITING};
use super::removal::{Removal, SharedRemoved};
use super::taking::{self, Taking};
use super::{failure, last, producer, settings};
use crate::endpoint::reading_thread::take;
use crate::endpoint::{
    Address, BoxFuture, End, EndpointError, EndpointErrorKind, Fate, Removed, SinkOptions, Source,
    SourceOptions, Start, Stop,
};
use crate::event::Event;

/// A reader of one or more topics.
pub(super) struct KafkaSource {
    consumer: Arc<BaseConsumer<Listener>>,
    batches: mpsc::Receiver<Batch>,
    left: std::vec::IntoIter<Event>,
    thread: Option<JoinHandle<()>>,
    connected: Arc<AtomicBool>,
    removed: SharedRemoved,
    /// With a consumer group: the offsets behind what was given out and not yet come back for.
    given: Option<BTreeMap<Lane, i64>>,
    /// The same for each event, where it is waited for that they have arrived.
    waiting: Option<Waiting>,
    /// The batch that was given out, where fates are to be told.
    taking: Option<Taking>,
}

/// What was given out and is not known to have arrived where it is carried to.
#[derive(Debug, Default)]
struct Waiting {
    /// How many of all events given out have arrived.
    arrived: u64,
    /// Topic and partition of each of the others, and the offset behind it.
    events: VecDeque<(CompactString, i32, i64)>,
}

impl KafkaSource {
    /// Connects, finds the topics and their partitions, and begins to read.
    pub(super) fn open(address: &Address, options: &SourceOptions) -> Result<Self, EndpointError> {
        let names = names(address)?;
        let (mut config, listener) =
            settings::connection(address, options.credentials.as_ref(), &settings::SOURCE_OPTIONS)?;
        let mut group = settings::reading(&mut config, address)?;
        if let Some(name) = &options.takes {
            let name = group.get_or_insert_with(|| name.clone());
            config.set("group.id", &*name).set("enable.auto.commit", "false");
        }
        if let Some(group) = group.as_ref().filter(|_| options.takes.is_none()) {
            follow(&mut config, group, options)?;
        }
        tell_ends(&mut config, options);
        let mut consumer = start(&config, listener)?;
        let mut topics = find(&consumer, &names, options.connect_timeout)?;
        let partition = settings::partition_to_read(address)?;
        if let Some(partition) = partition {
            only(&mut topics, partition, address)?;
        }
        // A group finds by itself what is new, and who reads up to an end wants what is there.
        let follows = group.is_none() && options.stop == Stop::Never;
        let growth = follows.then(|| Growth::new(&names, partition, &topics));
        let mut taking = None;
        let (before, ends, records) = if group.is_some() {
            let mut ends = Ends::default();
            if options.takes.is_some() {
                let spans = taking::spans(&consumer, &topics, options)?;
                taking = Some(Taking::new(&spans));
                ends = Ends::new(spans, options.stop);
            }
            join(&consumer, &names)?;
            (Vec::new(), ends, Records::OfGroup)
        } else {
            begin(&mut consumer, &mut config, &topics, options)?
        };
        let (sender, batches) = mpsc::channel(WAITING);
        let (connected, removed) = (Arc::new(AtomicBool::new(true)), SharedRemoved::default());
        let reading = Reading {
            consumer: Arc::clone(&consumer),
            ends,
            batches: sender,
            connected: Arc::clone(&connected),
            records,
            growth,
            removal: Removal::new(Arc::clone(&consumer), removed.clone()),
        };
        let thread = on_own_thread(reading)?;
        Ok(Self {
            consumer,
            batches,
            left: before.into_iter(),
            thread: Some(thread),
            connected,
            removed,
            given: group.filter(|_| taking.is_none()).map(|_| BTreeMap::new()),
            waiting: None,
            taking,
        })
    }

    async fn read(&mut self, max: usize) -> Batch {
        if self.waiting.is_none() {
            self.commit();
        }
        if self.left.len() == 0 {
            match self.batches.recv().await {
                None => return self.ended(),
                Some(Err(error)) => return Err(error),
                Some(Ok(batch)) => self.left = batch.into_iter(),
            }
        }
        let batch = take(&mut self.left, max);
        if let Some(taking) = &mut self.taking {
            taking.given_out(&batch);
        }
        if let Some(given) = &mut self.given {
            for event in &batch {
                let behind =
                    event.place.offset.and_then(|offset| i64::try_from(offset).ok()).unwrap_or(0) + 1;
                let partition = event.place.partition.unwrap_or(0);
                match &mut self.waiting {
                    Some(waiting) => waiting.events.push_back((event.channel.clone(), partition, behind)),
                    None => drop(given.insert((event.channel.to_string(), partition), behind)),
                }
            }
        }
        Ok(batch)
    }

    /// So many of all events given out have arrived.
    fn have_arrived(&mut self, events: u64) {
        let (Some(waiting), Some(given)) = (&mut self.waiting, &mut self.given) else { return };
        let more = usize::try_from(events.saturating_sub(waiting.arrived)).unwrap_or(usize::MAX);
        let arrived = waiting.events.drain(..more.min(waiting.events.len()));
        given.extend(arrived.map(|(topic, partition, behind)| ((topic.to_string(), partition), behind)));
        waiting.arrived = waiting.arrived.max(events);
        self.commit();
    }

    /// The thread is done: at the end, or because it failed.
    fn ended(&mut self) -> Batch {
        if self.thread.take().is_none_or(|thread| thread.join().is_ok()) {
            return Ok(Vec::new());
        }
        Err(failure::reader_lost())
    }

    /// Notes what the reader has dealt with; the client commits it within a second, and when it leaves.
    fn commit(&mut self) {
        let Some(given) = self.given.as_mut().filter(|given| !given.is_empty()) else {
            return;
        };
        let mut list = TopicPartitionList::with_capacity(given.len());
        for ((topic, partition), behind) in std::mem::take(given) {
            let _ = list.add_partition_offset(&topic, partition, Offset::Offset(behind));
        }
        // A partition that went to another member in the meantime is that one's to commit.
        let _ = self.consumer.store_offsets(&list);
    }

    /// Moves the position of the group over what was dealt with, as far as nothing before it comes again.
    async fn settle_taken(&mut self, fates: &[Fate]) -> Result<u64, EndpointError> {
        let Some(taking) = &mut self.taking else { return Ok(0) };
        let (positions, repeated) = taking.settled(fates);
        if !positions.is_empty() {
            let consumer = Arc::clone(&self.consumer);
            super::blocking(move || taking::commit(&consumer, &positions)).await?;
        }
        Ok(repeated)
    }

    async fn leave(mut self) -> Result<(), EndpointError> {
        self.commit();
        let (in_group, is_taking) = (self.given.is_some(), self.taking.is_some());
        let Self { consumer, batches, thread, .. } = self;
        super::blocking(move || {
            // The thread ends when nobody takes its events.
            drop(batches);
            if let Some(thread) = thread {
                let _ = thread.join();
            }
            let address = consumer.client().context().address().clone();
            if !in_group {
                // The group is left before that, where one was joined: else it would wait for us.
                if is_taking {
                    drop(consumer);
                } else {
                    super::let_go(consumer);
                }
                return Ok(());
            }
            match consumer.commit_consumer_state(CommitMode::Sync) {
                Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) | Ok(()) => Ok(()),
                Err(error) => Err(failure::request("take the last position of the group", &error, &address)),
            }
        })
        .await
    }
}

fn on_own_thread(reading: Reading) -> Result<JoinHandle<()>, EndpointError> {
    let thread = std::thread::Builder::new().name("eddy-kafka".to_owned());
    thread.spawn(move || reading.run()).map_err(|error| {
        EndpointError::new(EndpointErrorKind::File, format!("cannot start a thread: {error}"))
    })
}

/// The offsets that the next events of each partition of these topics get.
pub(super) fn ends(
    address: &Address,
    options: &SinkOptions,
    topics: &[String],
) -> Result<Vec<End>, EndpointError> {
    let credentials = options.credentials.as_ref();
    let (mut config, listener) = settings::connection(address, credentials, &settings::ALL_OPTIONS)?;
    settings::consuming(&mut config, "eddy");
    let consumer = start(&config, listener)?;
    let is_made = settings::makes_topics(address);
    let (mut there, mut ends) = (Vec::new(), Vec::new());
    for name in topics {
        match find(&consumer, std::slice::from_ref(name), options.connect_timeout) {
            Ok(found) => there.extend(found),
            // Whatever partitions it will have, the first event of each will be one of ours.
            Err(error) if is_made && error.kind == EndpointErrorKind::NotFound => {
                ends.push(End { channel: name.clone(), partition: None, offset: 0 });
            }
            Err(error) => return Err(error),
        }
    }
    let offsets = Offsets { consumer: &consumer, timeout: options.connect_timeout };
    let end = |((channel, partition), offset): (Lane, i64)| End {
        channel,
        partition: Some(partition),
        offset: u64::try_from(offset).unwrap_or(0),
    };
    if !there.is_empty() {
        ends.extend(offsets.behind_last(&there)?.into_iter().map(end));
    }
    Ok(ends)
}

/// Whether a partition, or each one of a topic, still holds everything that has come to it since this place.
pub(super) fn holds_all_since(
    address: &Address,
    options: &SinkOptions,
    place: &End,
) -> Result<bool, EndpointError> {
    let credentials = options.credentials.as_ref();
    let (mut config, listener) = settings::connection(address, credentials, &settings::ALL_OPTIONS)?;
    settings::consuming(&mut config, "eddy");
    let consumer = start(&config, listener)?;
    let mut found = find(&consumer, std::slice::from_ref(&place.channel), options.connect_timeout)?;
    if let Some(partition) = place.partition {
        only(&mut found, partition, address)?;
    }
    let first = Offsets { consumer: &consumer, timeout: options.connect_timeout }.first(&found)?;
    let begins_before = |first: &i64| u64::try_from(*first).is_ok_and(|first| first <= place.offset);
    Ok(first.values().all(begins_before))
}

/// Leaves nothing but one partition of each topic.
pub(super) fn only(topics: &mut [Topic], partition: i32, address: &Address) -> Result<(), EndpointError> {
    for topic in topics {
        if !topic.partitions.contains(&partition) {
            return Err(failure::no_partition(partition, &topic.name, topic.partitions.len(), address));
        }
        topic.partitions = vec![partition];
    }
    Ok(())
}

/// A consumer that has not begun.
pub(super) fn start(
    config: &ClientConfig,
    listener: Listener,
) -> Result<Arc<BaseConsumer<Listener>>, EndpointError> {
    let made = BaseConsumer::from_config_and_context(config, listener);
    made.map(Arc::new).map_err(|error| producer::cannot_start(&error))
}

/// Lets the client call back while something else is asked for.
pub(super) fn serve(consumer: &BaseConsumer<Listener>) {
    let _ = consumer.poll(Duration::ZERO);
}

/// The topics in the path, as they are written.
pub(super) fn names(address: &Address) -> Result<Vec<String>, EndpointError> {
    let path = &address.path;
    let names: Vec<String> = if path.starts_with('^') {
        vec![path.clone()]
    } else {
        path.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    if names.is_empty() {
        let message = format!("`{address}` names no topic to read");
        return Err(EndpointError::new(EndpointErrorKind::Unsupported, message).help(
            "write a topic after the host, several with `,` between them, or a pattern that begins with `^`",
        ));
    }
    match names.iter().find(|name| name.starts_with('^')) {
        Some(name) => pattern(name, address).map(drop)?,
        None => cluster::check_names(address, names.iter().map(String::as_str))?,
    }
    Ok(names)
}

/// The topics whose names fit.
fn pattern(name: &str, address: &Address) -> Result<Regex, EndpointError> {
    let refused = |range: Range<usize>, why: String| {
        let message = format!("`{name}` is no pattern for topics: {why}");
        let error = EndpointError::new(EndpointErrorKind::Unsupported, message)
            .help("write a regular expression that begins with `^`, such as `^orders\\..*`");
        let begin = address.path.find(name).unwrap_or_default();
        address.refuse_path(begin + range.start..begin + range.end, error)
    };
    match regex_syntax::parse(name) {
        Err(regex_syntax::Error::Parse(error)) => {
            let span = error.span();
            Err(refused(span.start.offset..span.end.offset, error.kind().to_string()))
        }
        Err(regex_syntax::Error::Translate(error)) => {
            let span = error.span();
            Err(refused(span.start.offset..span.end.offset, error.kind().to_string()))
        }
        _ => Regex::new(name).map_err(|error| refused(0..0, error.to_string())),
    }
}

/// The topics that are meant, all of which are there.
pub(super) fn find(
    consumer: &BaseConsumer<Listener>,
    names: &[String],
    timeout: Duration,
) -> Result<Vec<Topic>, EndpointError> {
    let poll = || serve(consumer);
    let mut topics = Vec::new();
    for name in names {
        if !name.starts_with('^') {
            topics.push(cluster::topic(consumer.client(), name, timeout, &poll)?);
            continue;
        }
        let pattern = pattern(name, consumer.client().context().address())?;
        let all = cluster::ask(consumer.client(), None, timeout, &poll)?.topics;
        let known: Vec<String> = all.iter().map(|topic| topic.name.clone()).collect();
        topics.extend(all.into_iter().filter(|topic| pattern.is_match(&topic.name)));
        if topics.is_empty() {
            return Err(failure::no_match(name, &known, consumer.client().context().address()));
        }
    }
    topics.dedup_by(|one, other| one.name == other.name);
    Ok(topics)
}

/// Lets the consumer group share out the partitions of these topics.
pub(super) fn join(consumer: &BaseConsumer<Listener>, names: &[String]) -> Result<(), EndpointError> {
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    let address = consumer.client().context().address();
    let subscribed = consumer.subscribe(&wanted);
    subscribed.map_err(|error| failure::request("let us into the consumer group", &error, address))
}

/// How a consumer group reads: it goes on where it stands, and has no end.
fn follow(config: &mut ClientConfig, group: &str, options: &SourceOptions) -> Result<(), EndpointError> {
    let refused = |what: &str| {
        let message = format!("the consumer group `{group}` {what}");
        EndpointError::new(EndpointErrorKind::Unsupported, message)
            .help("leave out `group=` to read any part of a topic without moving the position of a group")
    };
    match options.start {
        Start::Default | Start::Beginning => {}
        Start::End => {
            config.set("auto.offset.reset", "latest");
        }
        _ => return Err(refused("goes on where it stands, and cannot begin elsewhere")),
    }
    if options.stop != Stop::Never {
        return Err(refused("shares its partitions with other members, and knows no end"));
    }
    Ok(())
}

/// Has the client tell the ends of partitions, where they are waited for.
fn tell_ends(config: &mut ClientConfig, options: &SourceOptions) {
    if options.stop != Stop::Never || matches!(options.start, Start::Last(_)) {
        config.set("enable.partition.eof", "true");
    }
    if options.stop.is_past() {
        // An end is told with an answer that holds nothing, which the broker would put off.
        config.set("fetch.wait.max.ms", "10");
    }
}

/// Begins to read, and returns what was read already: the last events, where they were asked for.
///
/// Those are read by a client of their own, whose place another one takes: a client that lets go of a partition does so
/// later, and with it of the queue its records go to, though that is the queue of whoever reads the partition next.
fn begin(
    consumer: &mut Arc<BaseConsumer<Listener>>,
    config: &mut ClientConfig,
    topics: &[Topic],
    options: &SourceOptions,
) -> Result<(Vec<Event>, Ends, Records), EndpointError> {
    let timeout = options.connect_timeout;
    let offsets = Offsets { consumer, timeout };
    let spans: BTreeMap<Lane, Span> = offsets.spans(topics, options.start, options.stop)?;
    let mut before = Vec::new();
    if let Start::Last(count @ 1..) = options.start {
        before = last::read(&offsets, topics, &spans, count)?;
        start_again(consumer, config, topics, timeout)?;
    }
    let ends = Ends::new(spans.clone(), options.stop);
    let has_past = !matches!(options.start, Start::Last(_) | Start::End);
    let records = if options.by_time && has_past && spans.len() > 1 {
        let offsets = Offsets { consumer, timeout };
        let follows = !options.stop.is_past();
        // Who follows reads what there is, though not all partitions can be asked.
        let past_ends =
            if follows { offsets.those_behind_last(topics)? } else { offsets.behind_last(topics)? };
        config.set("enable.partition.eof", "true");
        by_time::fetch_apart(config, spans.len());
        start_again(consumer, config, topics, timeout)?;
        Records::ByTime(ByTime::new(consumer, &spans, &past_ends, follows)?)
    } else {
        let fetching = Fetching::new(consumer)?;
        for (topic, partition) in spans.keys() {
            fetching.add(topic, *partition);
        }
        Records::Together(fetching)
    };
    if !ends.reached() {
        let address = consumer.client().context().address();
        let assigned = consumer.assign(&assignment(&spans, consumer)?);
        assigned.map_err(|error| failure::request("be read", &error, address))?;
    }
    let until = match options.stop {
        Stop::Time(end) => Some(end),
        _ => None,
    };
    let in_time = |event: &Event| {
        let time = event.broker_time.map_or(event.received, |found| found.time);
        until.is_none_or(|until| time <= until)
    };
    Ok((before.into_iter().filter(in_time).collect(), ends, records))
}

/// Has a client of these settings take the place of another. It asks for the topics first: one that is told to read what it does
/// not know yet looks for its brokers half a second later.
pub(super) fn start_again(
    consumer: &mut Arc<BaseConsumer<Listener>>,
    config: &ClientConfig,
    topics: &[Topic],
    timeout: Duration,
) -> Result<(), EndpointError> {
    let next = start(config, consumer.client().context().for_another())?;
    let one = topics.first().filter(|_| topics.len() == 1).map(|topic| topic.name.as_str());
    cluster::ask(next.client(), one, timeout, &|| serve(&next))?;
    super::let_go(std::mem::replace(consumer, next));
    Ok(())
}

impl Source for KafkaSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Batch> {
        Box::pin(self.read(max))
    }

    fn goes_on_where_it_stopped(&self) -> bool {
        true
    }

    fn connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    fn removed(&self) -> Removed {
        self.removed.get()
    }

    fn left(&self) -> Option<u64> {
        self.taking.as_ref().map(Taking::left)
    }

    fn settle<'a>(&'a mut self, fates: &'a [Fate]) -> BoxFuture<'a, Result<u64, EndpointError>> {
        Box::pin(self.settle_taken(fates))
    }

    fn waits_for_word(&mut self) -> bool {
        self.waiting = self.given.is_some().then(Waiting::default);
        self.waiting.is_some()
    }

    fn dealt_with(&mut self, events: u64) {
        self.have_arrived(events);
    }

    fn leaves_what_it_reads(&self) -> bool {
        self.given.is_none() && self.taking.is_none()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
