//! The thread that reads records from the client and hands them over in batches.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use tokio::sync::mpsc;

use super::growth::Growth;
use super::listener::Listener;
use super::positions::{Lane, Span};
use super::{failure, message};
use crate::endpoint::{EndpointError, EndpointErrorKind, Stop};
use crate::event::{Event, Timestamp};

/// Events handed over at once.
const BATCH_EVENTS: usize = 512;
/// Bytes handed over at once, unless one event is larger.
const BATCH_BYTES: usize = 512 * 1024;
/// Records that lay ready together carry one time of receipt: asking the clock costs as much as reading a record.
const RECEIVED_TOGETHER: usize = 64;
/// Batches that wait to be taken.
pub(super) const WAITING: usize = 8;
/// How soon the thread sees that nobody wants more; records are seen at once.
const LOOK: Duration = Duration::from_millis(25);
/// How long nothing may come before the end of a partition is believed.
const QUIET: Duration = Duration::from_millis(300);
/// How long a lost cluster is left alone before it is asked whether it is back.
const ASK_AGAIN: Duration = Duration::from_millis(250);

pub(super) type Batch = Result<Vec<Event>, EndpointError>;

/// One partition on its way to its end.
#[derive(Debug)]
struct Open {
    lane: Lane,
    span: Span,
    /// The client said that it is at the end, and nothing came since.
    at_end: bool,
    done: bool,
}

/// The partitions that have an end.
#[derive(Debug, Default)]
pub(super) struct Ends {
    open: Vec<Open>,
    index: HashMap<String, HashMap<i32, usize>>,
    stop: Stop,
    left: usize,
}

impl Ends {
    /// The ends of these partitions; with [`Stop::Never`] there are none.
    pub(super) fn new(spans: impl IntoIterator<Item = (Lane, Span)>, stop: Stop) -> Self {
        let mut ends = Self { stop, ..Self::default() };
        if stop == Stop::Never {
            return ends;
        }
        for (lane, span) in spans {
            let done = span.end.is_some_and(|end| span.next >= end);
            ends.left += usize::from(!done);
            ends.index.entry(lane.0.clone()).or_default().insert(lane.1, ends.open.len());
            ends.open.push(Open { lane, span, at_end: false, done });
        }
        ends
    }

    /// Whether every partition has been read to its end.
    pub(super) fn reached(&self) -> bool {
        self.stop != Stop::Never && self.left == 0
    }

    /// Whether the event is wanted, and the partition that ends with it.
    fn wants(&mut self, event: &Event) -> (bool, Option<Lane>) {
        if self.stop == Stop::Never {
            return (true, None);
        }
        let partition = event.place.partition.unwrap_or(0);
        let at = self.index.get(&event.channel).and_then(|partitions| partitions.get(&partition));
        let Some(open) = at.and_then(|at| self.open.get_mut(*at)) else {
            return (true, None);
        };
        if open.done {
            return (false, None);
        }
        let offset = event.place.offset.and_then(|offset| i64::try_from(offset).ok()).unwrap_or(0);
        let late = match self.stop {
            Stop::Time(end) => event.broker_time.map_or(event.received, |found| found.time) > end,
            _ => false,
        };
        let beyond = late || open.span.end.is_some_and(|end| offset >= end);
        open.span.next = offset + 1;
        open.at_end = false;
        open.done = beyond || open.span.end.is_some_and(|end| offset + 1 >= end);
        let ended = open.done.then(|| open.lane.clone());
        self.left -= usize::from(open.done);
        (!beyond, ended)
    }

    /// The client is at the end of a partition of this number; it does not say of which topic.
    fn at_end(&mut self, partition: i32) {
        for open in self.open.iter_mut().filter(|open| open.lane.1 == partition) {
            open.at_end = true;
        }
    }

    /// What is not ours has no end for us.
    fn only(&mut self, is_ours: impl Fn(&Lane) -> bool) {
        for open in self.open.iter_mut().filter(|open| !open.done && !is_ours(&open.lane)) {
            open.done = true;
            self.left -= 1;
        }
    }

    /// Asked when nothing came for a while: what is at its end has ended, though there are no events up to it
    /// (what lies there are marks of transactions, or it was compacted away).
    fn settle(&mut self) {
        let over = match self.stop {
            Stop::Time(end) => Timestamp::now() > end,
            Stop::PresentEnd | Stop::Offset(_) => true,
            Stop::Never => false,
        };
        for open in self.open.iter_mut().filter(|open| over && open.at_end && !open.done) {
            open.done = true;
            self.left -= 1;
        }
    }
}

/// The thread's side.
pub(super) struct Reading {
    pub(super) consumer: Arc<BaseConsumer<Listener>>,
    pub(super) ends: Ends,
    pub(super) batches: mpsc::Sender<Batch>,
    pub(super) connected: Arc<AtomicBool>,
    pub(super) own_group: bool,
    /// What may yet be made that is to be read too.
    pub(super) growth: Option<Growth>,
}

impl Reading {
    /// Reads until the end, or until nobody takes events any more.
    pub(super) fn run(mut self) {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut last = Instant::now();
        let mut received = Timestamp::now();
        let mut came = false;
        let mut asked = Instant::now();
        while !self.ends.reached() && !self.batches.is_closed() {
            let wait = if batch.is_empty() { LOOK } else { Duration::ZERO };
            let polled = self.consumer.poll(wait);
            if batch.len() % RECEIVED_TOGETHER == 0 && polled.is_some() {
                received = Timestamp::now();
            }
            let polled = polled.map(|polled| polled.map(|found| message::event(&found, received)));
            let idle = polled.is_none();
            let mut trouble = None;
            match polled {
                Some(Ok(event)) => {
                    came = true;
                    self.connected.store(true, Ordering::Relaxed);
                    if let Some(event) = self.keep(event) {
                        bytes += event.size();
                        batch.push(event);
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => self.ends.at_end(partition),
                Some(Err(error)) => trouble = self.trouble(&error),
                None => {}
            }
            if idle && std::mem::take(&mut came) {
                last = Instant::now();
            }
            let full = batch.len() >= BATCH_EVENTS || bytes >= BATCH_BYTES;
            if !batch.is_empty() && (idle || full || trouble.is_some()) {
                bytes = 0;
                if self.batches.blocking_send(Ok(std::mem::take(&mut batch))).is_err() {
                    return;
                }
            }
            if let Some(error) = trouble
                && self.batches.blocking_send(Err(error)).is_err()
            {
                return;
            }
            if let Some(growth) = &mut self.growth
                && batch.is_empty()
            {
                growth.look(&self.consumer);
            }
            if idle && last.elapsed() > QUIET {
                self.ends.settle();
                self.leave_to_others();
            }
            if idle && !self.connected.load(Ordering::Relaxed) && asked.elapsed() > ASK_AGAIN {
                self.ask_whether_it_is_back();
                asked = Instant::now();
            }
        }
        if !batch.is_empty() {
            let _ = self.batches.blocking_send(Ok(batch));
        }
    }

    /// In a group, what another member has is not ours to read to its end.
    fn leave_to_others(&mut self) {
        if !self.own_group || self.ends.stop == Stop::Never {
            return;
        }
        let Ok(ours) = self.consumer.assignment() else { return };
        // Nothing at all means that the group has not shared out its partitions yet.
        if ours.count() > 0 {
            self.ends.only(|(topic, partition)| ours.find_partition(topic, *partition).is_some());
        }
    }

    fn keep(&mut self, event: Event) -> Option<Event> {
        let (wanted, ended) = self.ends.wants(&event);
        if let Some((topic, partition)) = ended
            && !self.ends.reached()
        {
            // The others go on; what comes here is not asked for any more.
            let mut list = TopicPartitionList::new();
            list.add_partition(&topic, partition);
            let _ = self.consumer.pause(&list);
        }
        wanted.then_some(event)
    }

    /// What the reader is told of a failure; most of them the client mends by itself.
    fn trouble(&self, error: &KafkaError) -> Option<EndpointError> {
        let listener = self.consumer.client().context();
        let address = listener.address();
        match error.rdkafka_error_code()? {
            Code::AllBrokersDown => {
                let was_there = self.connected.swap(false, Ordering::Relaxed);
                was_there.then(|| failure::disconnected(address))
            }
            Code::Authentication | Code::SaslAuthenticationFailed => listener.refusal(),
            Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
                let message = format!("a topic of `{address}` is not there any more");
                Some(EndpointError::new(EndpointErrorKind::NotFound, message))
            }
            Code::TopicAuthorizationFailed => Some(failure::request("be read", error, address)),
            Code::GroupAuthorizationFailed if self.own_group => {
                let refused = failure::request("let us into the consumer group", error, address);
                Some(refused.help("give the user the permission READ on the group with `kafka-acls.sh`"))
            }
            _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                Some(failure::request("be read", error, address))
            }
            _ => None,
        }
    }

    fn ask_whether_it_is_back(&self) {
        let client = self.consumer.client();
        if client.fetch_metadata(Some("eddy"), ASK_AGAIN).is_ok() {
            client.context().answered();
            self.connected.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ends, Span};
    use crate::endpoint::Stop;
    use crate::event::{BrokerTime, Event, Place, TimeKind, Timestamp};

    fn event(partition: i32, offset: u64, time: i64) -> Event {
        Event {
            place: Place { partition: Some(partition), offset: Some(offset) },
            broker_time: Some(BrokerTime { time: Timestamp(time), kind: TimeKind::Create }),
            ..Event::new("t", "x")
        }
    }

    fn lanes(ends: [Option<i64>; 2]) -> impl Iterator<Item = ((String, i32), Span)> {
        (0..).zip(ends).map(|(partition, end)| (("t".to_owned(), partition), Span { next: 0, end }))
    }

    #[test]
    fn each_partition_ends_by_itself() {
        let mut ends = Ends::new(lanes([Some(2), Some(0)]), Stop::PresentEnd);
        assert!(!ends.reached());
        assert_eq!(ends.wants(&event(0, 0, 0)), (true, None));
        assert_eq!(ends.wants(&event(1, 0, 0)), (false, None));
        assert_eq!(ends.wants(&event(0, 1, 0)), (true, Some(("t".to_owned(), 0))));
        assert!(ends.reached());
    }

    #[test]
    fn marks_at_the_end_are_no_events() {
        let mut ends = Ends::new(lanes([Some(2), Some(1)]), Stop::PresentEnd);
        assert!(ends.wants(&event(0, 0, 0)).0);
        assert!(ends.wants(&event(1, 0, 0)).0);
        ends.settle();
        assert!(!ends.reached(), "nothing says that the end is reached");
        ends.at_end(0);
        ends.settle();
        assert!(ends.reached());
    }

    #[test]
    fn a_time_ends_with_the_first_later_event() {
        let mut ends = Ends::new(lanes([None, Some(0)]), Stop::Time(Timestamp(5)));
        assert_eq!(ends.wants(&event(0, 0, 5)), (true, None));
        assert_eq!(ends.wants(&event(0, 1, 6)), (false, Some(("t".to_owned(), 0))));
        assert!(ends.reached());
        let mut ends = Ends::new(lanes([None, Some(0)]), Stop::Time(Timestamp(i64::MAX)));
        ends.at_end(0);
        ends.settle();
        assert!(!ends.reached(), "the time is yet to come");
        assert!(!Ends::new(lanes([None, None]), Stop::Never).reached());
    }
}
