//! Topics read as a recording: up to their present end, partitions merged by time, alone or shared with a consumer group.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Notify;

use super::by_time;
use super::cluster::Topic;
use super::fetching::Fetching;
use super::listener::{Listener, Member};
use super::positions::{Lane, Offsets, Span, assignment};
use super::removal::SharedRemoved;
use super::source::{find, join, names, only, start, start_again};
use super::{failure, settings};
use crate::endpoint::recording::{Carrier, Recording};
use crate::endpoint::{
    Address, BoxFuture, End, EndpointError, EndpointErrorKind, Removed, Source, SourceOptions, Start, Stop,
};
use crate::event::Event;

/// How long it is until a group is asked for again whose coordinator is not there yet.
const COORDINATOR_PAUSE: Duration = Duration::from_millis(100);
/// How long it is asked for while partitions change hands: nothing is polled meanwhile.
const IN_A_REBALANCE: Duration = Duration::from_secs(2);

mod thread;

use thread::Reading;

/// A reader of topics as a recording.
pub(super) struct RecordingSource {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What one partition has ready.
#[derive(Debug)]
struct Queue {
    events: VecDeque<Event>,
    bytes: usize,
    /// The offset of the next record that may be new, and the one behind the last that is wanted.
    span: Span,
    /// The client said that it is at the end, and nothing came since.
    at_end: bool,
    /// The client said of which topic it is.
    is_named: bool,
    ended: bool,
    /// The client was told to ask for nothing more of it.
    paused: bool,
}

impl Queue {
    fn new(span: Span) -> Self {
        let ended = span.end.is_some_and(|end| span.next >= end);
        Self { events: VecDeque::new(), bytes: 0, span, at_end: false, is_named: false, ended, paused: false }
    }

    fn put(&mut self, mut event: Event) {
        let offset = event.place.offset.and_then(|offset| i64::try_from(offset).ok()).unwrap_or(0);
        if self.ended || offset < self.span.next {
            return;
        }
        (self.at_end, self.is_named) = (false, false);
        let end = self.span.end.unwrap_or(i64::MAX);
        self.ended = offset + 1 >= end;
        if offset < end {
            self.span.next = offset + 1;
            self.bytes += event.size();
            // The recorder is the cluster: the time it has is the one of the recording.
            event.received = event.time();
            self.events.push_back(event);
        }
    }
}

#[derive(Debug, Default)]
struct State {
    queues: BTreeMap<Lane, Queue>,
    failures: VecDeque<EndpointError>,
    /// Every partition was read to its end, here or by others.
    over: bool,
}

impl State {
    /// Whether the earliest event is known.
    fn is_ready(&self) -> bool {
        let mut open = self.queues.values();
        !self.queues.is_empty() && open.all(|queue| queue.ended || !queue.events.is_empty())
    }

    fn take(&mut self, max: usize) -> Vec<Event> {
        let mut batch = Vec::new();
        while batch.len() < max.max(1) && self.is_ready() {
            let heads = self.queues.values_mut().filter(|queue| !queue.events.is_empty());
            let Some(earliest) = heads.min_by_key(|queue| queue.events.front().map(Event::time)) else {
                break;
            };
            if let Some(event) = earliest.events.pop_front() {
                earliest.bytes -= event.size();
                batch.push(event);
            }
        }
        batch
    }

    /// Whether nothing is left of the partitions that are ours, which were dealt with up to these positions.
    fn is_dealt_with(&self, positions: &[End]) -> bool {
        self.queues.iter().all(|((channel, partition), queue)| {
            let end = u64::try_from(queue.span.end.unwrap_or(0)).unwrap_or(0);
            let is_it =
                |position: &&End| position.channel == *channel && position.partition == Some(*partition);
            queue.events.is_empty() && positions.iter().find(is_it).is_some_and(|found| found.offset >= end)
        })
    }

    fn has_read_all(&self) -> bool {
        self.queues.values().all(|queue| queue.ended)
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Notify,
    /// Told when events were taken, so that there is room for others.
    room: Condvar,
    /// Where the records of each partition of ours come; given back by the thread that reads, at its end.
    parts: Mutex<BTreeMap<Lane, Fetching>>,
    /// The client of whom these are; it holds us.
    consumer: Weak<BaseConsumer<Listener>>,
    closing: AtomicBool,
    connected: AtomicBool,
    spans: BTreeMap<Lane, Span>,
    /// In a group: who carries what it gives us.
    carrier: Option<Arc<dyn Carrier>>,
    removed: SharedRemoved,
    timeout: Duration,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<Lane, Fetching>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the records of a partition come to a queue of its own; to be said before it is assigned.
    fn listen_to(&self, lane: &Lane) -> Result<(), EndpointError> {
        let Some(consumer) = self.consumer.upgrade() else { return Ok(()) };
        let fetching = Fetching::new(&consumer)?;
        fetching.add(&lane.0, lane.1);
        // What lies in an earlier one is of a time when the partition was ours before.
        self.parts().insert(lane.clone(), fetching);
        Ok(())
    }

    /// The positions of the group in these partitions, where it has any; a coordinator that is not there yet is waited for so
    /// long.
    fn committed(
        &self,
        consumer: &BaseConsumer<Listener>,
        lanes: impl IntoIterator<Item = Lane>,
        patience: Duration,
    ) -> Result<BTreeMap<Lane, i64>, KafkaError> {
        let mut asked = TopicPartitionList::new();
        for (topic, partition) in lanes {
            asked.add_partition(&topic, partition);
        }
        let deadline = Instant::now() + patience;
        let told = loop {
            match consumer.committed_offsets(asked.clone(), self.timeout) {
                // A cluster that was just started finds out who keeps the positions when it is asked first.
                Err(error)
                    if is_about_the_coordinator(&error)
                        && Instant::now() < deadline
                        && !self.closing.load(Ordering::Relaxed) =>
                {
                    std::thread::sleep(COORDINATOR_PAUSE);
                }
                told => break told?,
            }
        };
        let position = |element: rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
            let lane = (element.topic().to_owned(), element.partition());
            if let Offset::Offset(offset) = element.offset() { Some((lane, offset)) } else { None }
        };
        Ok(told.elements().into_iter().filter_map(position).collect())
    }
}

fn is_about_the_coordinator(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(Code::NotCoordinator | Code::CoordinatorNotAvailable | Code::CoordinatorLoadInProgress)
    )
}

fn lanes_of(partitions: &TopicPartitionList) -> Vec<Lane> {
    let lane = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        (element.topic().to_owned(), element.partition())
    };
    partitions.elements().iter().map(lane).collect()
}

fn end_of(lane: &Lane, offset: i64) -> End {
    End { channel: lane.0.clone(), partition: Some(lane.1), offset: u64::try_from(offset).unwrap_or(0) }
}

/// Tells the group how far its partitions were dealt with.
fn commit(consumer: &BaseConsumer<Listener>, positions: &[End]) -> Result<(), KafkaError> {
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for position in positions {
        let offset = Offset::Offset(i64::try_from(position.offset).unwrap_or(i64::MAX));
        list.add_partition_offset(&position.channel, position.partition.unwrap_or(0), offset)?;
    }
    if positions.is_empty() { Ok(()) } else { consumer.commit(&list, CommitMode::Sync) }
}

impl Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("spans", &self.spans).finish_non_exhaustive()
    }
}

impl Member for Shared {
    fn gained(&self, consumer: &BaseConsumer<Listener>, partitions: &TopicPartitionList) {
        let lanes = lanes_of(partitions);
        let committed = self.committed(consumer, lanes.clone(), IN_A_REBALANCE).unwrap_or_default();
        let mut gained = Vec::with_capacity(lanes.len());
        // Without a queue of its own it comes by the one that all have.
        let failures = lanes.iter().filter_map(|lane| self.listen_to(lane).err()).collect::<Vec<_>>();
        let mut state = self.state();
        state.failures.extend(failures);
        for lane in lanes {
            // What was made after we began is no part of the recording.
            let span = self.spans.get(&lane).copied().unwrap_or(Span { next: 0, end: Some(0) });
            let next = committed.get(&lane).copied().unwrap_or(0).max(span.next);
            gained.push(end_of(&lane, next));
            // The client may have held it back when it was ours before, and does not forget that.
            state.queues.insert(lane, Queue { paused: true, ..Queue::new(Span { next, ..span }) });
        }
        drop(state);
        if let Some(carrier) = &self.carrier {
            carrier.gained(&gained);
        }
        self.changed.notify_one();
    }

    fn lost(&self, consumer: &BaseConsumer<Listener>, partitions: &TopicPartitionList) {
        let lanes = lanes_of(partitions);
        self.state().queues.retain(|lane, _| !lanes.contains(lane));
        self.parts().retain(|lane, _| !lanes.contains(lane));
        let Some(carrier) = &self.carrier else { return };
        // Where the group has given us up already it does not take them: then what we sent goes again.
        let _ = commit(consumer, &carrier.lost(&lanes));
    }
}

impl RecordingSource {
    /// Connects, finds the partitions and where they end, and begins to read.
    pub(super) fn open(
        address: &Address,
        options: &SourceOptions,
        recording: &Recording,
    ) -> Result<Self, EndpointError> {
        let (mut config, listener) =
            settings::connection(address, options.credentials.as_ref(), &settings::SOURCE_OPTIONS)?;
        settings::reading(&mut config, address)?;
        config.set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        by_time::fetch_apart(&mut config, 1);
        if let Some(group) = &recording.group {
            config.set("group.id", group);
        }
        let mut consumer = start(&config, listener)?;
        let names = names(address)?;
        let mut topics = find(&consumer, &names, options.connect_timeout)?;
        if let Some(partition) = settings::partition_to_read(address)? {
            only(&mut topics, partition, address)?;
        }
        let partitions = topics.iter().map(|topic| topic.partitions.len()).sum();
        if by_time::fetch_apart(&mut config, partitions) {
            start_again(&mut consumer, &config, &topics, options.connect_timeout)?;
        }
        let carrier = recording.carrier.clone().filter(|_| recording.group.is_some());
        let mut shared = Shared {
            state: Mutex::default(),
            changed: Notify::new(),
            room: Condvar::new(),
            parts: Mutex::default(),
            consumer: Arc::downgrade(&consumer),
            closing: AtomicBool::new(false),
            connected: AtomicBool::new(true),
            spans: spans(&consumer, &topics, options, recording)?,
            carrier,
            removed: SharedRemoved::default(),
            timeout: options.connect_timeout,
        };
        shared.begin_at_the_group(&consumer, recording)?;
        let shared = Arc::new(shared);
        if shared.carrier.is_some() {
            consumer.client().context().tell(Arc::clone(&shared) as Arc<dyn Member>);
            join(&consumer, &names)?;
        } else {
            let queues = shared.spans.iter().map(|(lane, span)| (lane.clone(), Queue::new(*span)));
            shared.state().queues = queues.collect();
            let open = shared.spans.iter().filter(|(_, span)| span.end.is_none_or(|end| span.next < end));
            let open: BTreeMap<Lane, Span> = open.map(|(lane, span)| (lane.clone(), *span)).collect();
            open.keys().try_for_each(|lane| shared.listen_to(lane))?;
            let assigned = consumer.assign(&assignment(&open, &consumer)?);
            assigned.map_err(|error| failure::request("be read", &error, address))?;
        }
        let reading = Reading::new(consumer, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("eddy-kafka".to_owned());
        let thread = thread.spawn(move || reading.run()).map_err(|error| {
            EndpointError::new(EndpointErrorKind::File, format!("cannot start a thread: {error}"))
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    async fn read(&mut self, max: usize) -> Result<Vec<Event>, EndpointError> {
        loop {
            let changed = self.shared.changed.notified();
            {
                let mut state = self.shared.state();
                if let Some(failure) = state.failures.pop_front() {
                    return Err(failure);
                }
                let batch = state.take(max);
                if !batch.is_empty() || state.over {
                    self.shared.room.notify_one();
                    return Ok(batch);
                }
            }
            changed.await;
        }
    }
}

impl Shared {
    /// A group goes on where it stands; so does who only looks at what it would have.
    fn begin_at_the_group(
        &mut self,
        consumer: &BaseConsumer<Listener>,
        recording: &Recording,
    ) -> Result<(), EndpointError> {
        if recording.group.is_none() {
            return Ok(());
        }
        let address = consumer.client().context().address();
        let refused = |error| failure::request("tell the position of the group", &error, address);
        let committed =
            self.committed(consumer, self.spans.keys().cloned(), self.timeout).map_err(refused)?;
        for (lane, position) in committed {
            if let Some(span) = self.spans.get_mut(&lane) {
                span.next = span.next.max(position);
            }
        }
        Ok(())
    }
}

/// What is read of each partition; the ends are those of the first who asked.
fn spans(
    consumer: &BaseConsumer<Listener>,
    topics: &[Topic],
    options: &SourceOptions,
    recording: &Recording,
) -> Result<BTreeMap<Lane, Span>, EndpointError> {
    if let Start::Last(_) | Start::End = options.start {
        let message = "a topic that is read as a recording has no last events: it is read from a place on";
        return Err(EndpointError::new(EndpointErrorKind::Unsupported, message)
            .help("name a time or an offset to begin at"));
    }
    let offsets = Offsets { consumer, timeout: options.connect_timeout };
    // A time in the end is judged event by event.
    let stop = if let Stop::Offset(_) = options.stop { options.stop } else { Stop::PresentEnd };
    let mut spans = offsets.spans(topics, options.start, stop)?;
    let found = spans.iter().filter_map(|(lane, span)| Some((lane.clone(), span.end?))).collect();
    let ends = recording.ends.get_or_init(|| found);
    for (lane, span) in &mut spans {
        span.end = Some(ends.get(lane).copied().unwrap_or(0));
    }
    Ok(spans)
}

impl Source for RecordingSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(self.read(max))
    }

    fn goes_on_where_it_stopped(&self) -> bool {
        true
    }

    fn connected(&self) -> bool {
        self.shared.connected.load(Ordering::Relaxed)
    }

    fn removed(&self) -> Removed {
        self.shared.removed.get()
    }

    fn leaves_what_it_reads(&self) -> bool {
        self.shared.carrier.is_none()
    }

    /// Tells the group the last positions and leaves it.
    fn close(mut self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        self.shared.closing.store(true, Ordering::Relaxed);
        let thread = self.thread.take();
        Box::pin(super::blocking(move || {
            if let Some(thread) = thread {
                let _ = thread.join();
            }
            Ok(())
        }))
    }
}

impl Drop for RecordingSource {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Queue, Span, State};
    use crate::endpoint::kafka::testing::event;
    use crate::event::Event;

    #[test]
    fn partitions_are_merged_by_time_and_wait_for_each_other_up_to_their_ends() {
        let mut state = State::default();
        let lane = |partition| ("t".to_owned(), partition);
        for (partition, end) in [(0, 3), (1, 2), (2, 0)] {
            state.queues.insert(lane(partition), Queue::new(Span { next: 0, end: Some(end) }));
        }
        let put = |state: &mut State, event: Event| {
            let partition = event.place.partition.unwrap_or(0);
            state.queues.get_mut(&lane(partition)).expect("a queue").put(event);
        };
        put(&mut state, event(0, 0, 10));
        put(&mut state, event(0, 1, 40));
        assert!(state.take(9).is_empty(), "the other partition may have an earlier one");
        put(&mut state, event(1, 0, 20));
        let times = |events: Vec<Event>| events.iter().map(|event| event.received.0).collect::<Vec<_>>();
        assert_eq!(times(state.take(9)), [10, 20]);
        put(&mut state, event(1, 1, 30));
        // Behind the end, and twice: after a rebalance the client begins at the position again.
        put(&mut state, event(1, 2, 31));
        put(&mut state, event(0, 1, 40));
        assert_eq!(times(state.take(9)), [30, 40]);
        assert!(!state.has_read_all());
        put(&mut state, event(0, 2, 50));
        assert_eq!(times(state.take(9)), [50]);
        assert!(state.has_read_all());
    }
}
