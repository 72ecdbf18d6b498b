//! The thread that takes records from the client and hands them over in batches.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use tokio::sync::mpsc;

use super::by_time::{ByTime, Seen};
use super::fetching::{Fetched, Fetching};
use super::growth::Growth;
use super::listener::Listener;
use super::positions::{Lane, Span};
use super::removal::Removal;
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
pub(super) const LOOK: Duration = Duration::from_millis(25);
/// How long nothing may come before the end of a partition is believed.
pub(super) const QUIET: Duration = Duration::from_millis(300);
/// How long a lost cluster is left alone before it is asked whether it is back.
pub(super) const ASK_AGAIN: Duration = Duration::from_millis(250);

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
    /// The partition of the event before: most often that of the next one too.
    last: usize,
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
        let Some(open) = self.find(&event.channel, event.place.partition.unwrap_or(0)) else {
            return (true, None);
        };
        let open = &mut self.open[open];
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

    fn find(&mut self, topic: &str, partition: i32) -> Option<usize> {
        let is_this = |open: &Open| open.lane.1 == partition && open.lane.0 == topic;
        if !self.open.get(self.last).is_some_and(is_this) {
            self.last = *self.index.get(topic)?.get(&partition)?;
        }
        Some(self.last)
    }

    /// The client is at the end of a partition of this number; a group is not told of which topic.
    fn at_end(&mut self, partition: i32) {
        self.open.iter_mut().filter(|open| open.lane.1 == partition).for_each(|open| open.at_end = true);
    }

    /// The client is at the end of this partition, and would go on at this offset. Where that is the end that is wanted, the
    /// partition has ended, though there are no events up to it.
    ///
    /// Returns the place behind the last event, and that end.
    fn at_end_before(&mut self, topic: &str, partition: i32, offset: i64) -> Option<(i64, i64)> {
        let found = self.find(topic, partition)?;
        let open = &mut self.open[found];
        open.at_end = true;
        let end = open.span.end.filter(|end| !open.done && offset >= *end)?;
        open.done = true;
        self.left -= 1;
        Some((open.span.next, end))
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
    ///
    /// Returns those of them that ended before their end, with the place behind the last event and that end.
    fn settle(&mut self) -> Vec<(Lane, i64, i64)> {
        let over = match self.stop {
            Stop::Time(end) => Timestamp::now() > end,
            Stop::PresentEnd | Stop::Offset(_) => true,
            Stop::Never => false,
        };
        let mut short = Vec::new();
        for open in self.open.iter_mut().filter(|open| over && open.at_end && !open.done) {
            open.done = true;
            self.left -= 1;
            short.extend(open.span.end.map(|end| (open.lane.clone(), open.span.next, end)));
        }
        short
    }
}

/// Where records come from.
pub(super) enum Records {
    /// From a group, whose partitions come and go: it is asked for them one by one.
    OfGroup,
    /// As they come, from one queue for all partitions.
    Together(Fetching),
    /// What is past in the order of its times.
    ByTime(ByTime),
}

/// The thread's side.
pub(super) struct Reading {
    pub(super) consumer: Arc<BaseConsumer<Listener>>,
    pub(super) ends: Ends,
    pub(super) batches: mpsc::Sender<Batch>,
    pub(super) connected: Arc<AtomicBool>,
    pub(super) records: Records,
    /// What may yet be made that is to be read too.
    pub(super) growth: Option<Growth>,
    /// What was removed before it was read.
    pub(super) removal: Removal,
}

/// What was taken and not yet handed over.
#[derive(Default)]
struct Taken {
    events: Vec<Event>,
    bytes: usize,
    trouble: Vec<EndpointError>,
    /// Something came, wanted or not.
    any: bool,
}

impl Taken {
    /// Keeps what is wanted; the partition that ends with it.
    fn keep(&mut self, (ends, removal): (&mut Ends, &mut Removal), event: Event) -> Option<Lane> {
        self.any = true;
        removal.came(&event);
        let (wanted, ended) = ends.wants(&event);
        if wanted {
            self.push(event);
        }
        ended
    }

    fn push(&mut self, event: Event) {
        if self.events.is_empty() {
            self.events.reserve(BATCH_EVENTS);
        }
        self.bytes += event.size();
        self.events.push(event);
    }

    fn is_full(&self) -> bool {
        let is_full = self.events.len() >= BATCH_EVENTS || self.bytes >= BATCH_BYTES;
        is_full || !self.trouble.is_empty()
    }
}

impl Reading {
    /// Reads until the end, or until nobody takes events any more.
    pub(super) fn run(mut self) {
        let mut last = Instant::now();
        let mut came = false;
        let mut asked = Instant::now();
        while !self.is_over() && !self.batches.is_closed() {
            let mut taken = Taken::default();
            self.records = match std::mem::replace(&mut self.records, Records::OfGroup) {
                Records::OfGroup => Records::OfGroup,
                Records::Together(fetching) => Records::Together(self.take_all(fetching, &mut taken)),
                Records::ByTime(past) => self.take_by_time(past, &mut taken),
            };
            self.take_one_by_one(&mut taken);
            self.removal.look();
            if !self.hand_over(&mut taken) {
                return;
            }
            if let (Some(growth), Records::Together(fetching)) = (&mut self.growth, &self.records) {
                growth.look(&self.consumer, fetching);
            }
            if taken.any {
                came = true;
                continue;
            }
            if std::mem::take(&mut came) {
                last = Instant::now();
            }
            if last.elapsed() > QUIET {
                self.settle();
                self.leave_to_others();
            }
            if !self.connected.load(Ordering::Relaxed) && asked.elapsed() > ASK_AGAIN {
                self.ask_whether_it_is_back();
                asked = Instant::now();
            }
        }
        self.removal.look_at_last();
    }

    /// Believes ends that were told. What a group has not given us up to them others may have read.
    fn settle(&mut self) {
        for (lane, next, end) in self.ends.settle() {
            if !self.in_group() {
                self.removal.ended(&lane, next, end);
            }
        }
    }

    fn is_over(&self) -> bool {
        let has_given_all = !matches!(&self.records, Records::ByTime(past) if !past.is_empty());
        self.ends.reached() && has_given_all
    }

    /// Takes what has come of the past, as far as its order is known; behind it, what comes from then on.
    fn take_by_time(&mut self, mut past: ByTime, taken: &mut Taken) -> Records {
        let (mut ended, mut failed) = (Vec::new(), None);
        let (ends, removal) = (&mut self.ends, &mut self.removal);
        past.take(LOOK, |fetched| match fetched {
            Fetched::Event(event) => {
                taken.any = true;
                removal.came(&event);
                let (wanted, last) = ends.wants(&event);
                ended.extend(last);
                if wanted { Seen::Wanted(event) } else { Seen::Beyond }
            }
            Fetched::End { topic, partition, offset } => {
                at_end((ends, removal), &(topic, partition), offset);
                Seen::Beyond
            }
            Fetched::Failure(code) => {
                failed = Some(code);
                Seen::Other
            }
        });
        while !taken.is_full()
            && let Some(event) = past.next()
        {
            taken.any = true;
            taken.push(event);
        }
        self.after(&ended, failed, taken);
        if past.is_over() { Records::Together(past.together()) } else { Records::ByTime(past) }
    }

    /// Takes what lies ready, and waits a little when nothing does.
    fn take_all(&mut self, mut fetching: Fetching, taken: &mut Taken) -> Fetching {
        let (mut ended, mut failed) = (Vec::new(), None);
        fetching.take(LOOK, |fetched| {
            match fetched {
                Fetched::Event(event) => ended.extend(taken.keep((&mut self.ends, &mut self.removal), event)),
                Fetched::End { topic, partition, offset } => {
                    at_end((&mut self.ends, &mut self.removal), &(topic, partition), offset);
                }
                Fetched::Failure(code) => failed = Some(code),
            }
            failed.is_none() && !taken.is_full()
        });
        self.after(&ended, failed, taken);
        fetching
    }

    /// What follows from what was taken: partitions that have ended, and what went wrong.
    fn after(&self, ended: &[Lane], failed: Option<Code>, taken: &mut Taken) {
        let failed = failed.map(KafkaError::MessageConsumption);
        taken.trouble.extend(failed.and_then(|error| self.trouble(&error)));
        self.pause(ended);
    }

    /// Takes what the client gives one by one: all of a group, and what it has to say beside records.
    fn take_one_by_one(&mut self, taken: &mut Taken) {
        let mut received = Timestamp::now();
        let mut wait = if self.in_group() { LOOK } else { Duration::ZERO };
        // Asked at least once, however much there is to read: it is also how the client calls back.
        loop {
            match self.consumer.poll(wait) {
                Some(Ok(found)) => {
                    if taken.events.len().is_multiple_of(RECEIVED_TOGETHER) {
                        received = Timestamp::now();
                    }
                    let event = message::event(&found, received);
                    if let Some(lane) = taken.keep((&mut self.ends, &mut self.removal), event) {
                        self.pause(&[lane]);
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => self.ends.at_end(partition),
                Some(Err(error)) => taken.trouble.extend(self.trouble(&error)),
                None => return,
            }
            if taken.is_full() || self.ends.reached() {
                return;
            }
            wait = Duration::ZERO;
        }
    }

    /// Gives what was taken to the reader; false when nobody takes it.
    fn hand_over(&self, taken: &mut Taken) -> bool {
        if taken.any {
            self.connected.store(true, Ordering::Relaxed);
        }
        let events = std::mem::take(&mut taken.events);
        if !events.is_empty() && self.batches.blocking_send(Ok(events)).is_err() {
            return false;
        }
        taken.trouble.drain(..).all(|error| self.batches.blocking_send(Err(error)).is_ok())
    }

    /// In a group, what another member has is not ours to read to its end.
    fn leave_to_others(&mut self) {
        if !self.in_group() || self.ends.stop == Stop::Never {
            return;
        }
        let Ok(ours) = self.consumer.assignment() else { return };
        // Nothing at all means that the group has not shared out its partitions yet.
        if ours.count() > 0 {
            self.ends.only(|(topic, partition)| ours.find_partition(topic, *partition).is_some());
        }
    }

    fn in_group(&self) -> bool {
        matches!(self.records, Records::OfGroup)
    }

    /// Nothing more of these is asked for; the others go on.
    fn pause(&self, partitions: &[Lane]) {
        if partitions.is_empty() || self.ends.reached() {
            return;
        }
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (topic, partition) in partitions {
            list.add_partition(topic, *partition);
        }
        let _ = self.consumer.pause(&list);
    }

    fn trouble(&self, error: &KafkaError) -> Option<EndpointError> {
        trouble(error, (&self.consumer, self.in_group()), &self.connected)
    }

    fn ask_whether_it_is_back(&self) {
        ask_whether_it_is_back(&self.consumer, &self.connected);
    }
}

/// The client is at the end of a partition, and would go on at this offset.
fn at_end((ends, removal): (&mut Ends, &mut Removal), lane: &Lane, offset: i64) {
    if let Some((next, end)) = ends.at_end_before(&lane.0, lane.1, offset) {
        removal.ended(lane, next, end);
    }
}

/// What the reader is told of a failure; most of them the client mends by itself.
pub(super) fn trouble(
    error: &KafkaError,
    (consumer, in_group): (&BaseConsumer<Listener>, bool),
    connected: &AtomicBool,
) -> Option<EndpointError> {
    let listener = consumer.client().context();
    let address = listener.address();
    match error.rdkafka_error_code()? {
        Code::AllBrokersDown => {
            let was_there = connected.swap(false, Ordering::Relaxed);
            was_there.then(|| failure::disconnected(address))
        }
        Code::Authentication | Code::SaslAuthenticationFailed => listener.refusal(),
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
            let message = format!("a topic of `{address}` is not there any more");
            Some(EndpointError::new(EndpointErrorKind::NotFound, message))
        }
        Code::TopicAuthorizationFailed => Some(failure::request("be read", error, address)),
        Code::GroupAuthorizationFailed if in_group => {
            let refused = failure::request("let us into the consumer group", error, address);
            Some(refused.help("give the user the permission READ on the group with `kafka-acls.sh`"))
        }
        _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
            Some(failure::request("be read", error, address))
        }
        _ => None,
    }
}

/// Asks a lost cluster whether it is there again.
pub(super) fn ask_whether_it_is_back(consumer: &BaseConsumer<Listener>, connected: &AtomicBool) {
    let client = consumer.client();
    if client.fetch_metadata(Some("eddy"), ASK_AGAIN).is_ok() {
        client.context().answered();
        connected.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Ends, Span};
    use crate::endpoint::Stop;
    use crate::endpoint::kafka::testing::event;
    use crate::event::Timestamp;

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
    fn an_end_at_the_wanted_offset_needs_no_silence() {
        let mut ends = Ends::new(lanes([Some(5), Some(1)]), Stop::PresentEnd);
        assert!(ends.wants(&event(0, 0, 0)).0);
        assert!(ends.wants(&event(1, 0, 0)).0);
        assert_eq!(ends.at_end_before("t", 0, 3), None, "more is wanted");
        assert!(!ends.reached());
        assert_eq!(ends.at_end_before("t", 0, 5), Some((1, 5)));
        assert!(ends.reached());
        assert_eq!(ends.at_end_before("t", 0, 5), None, "once");
        assert_eq!(ends.at_end_before("t", 1, 9), None, "it had ended");
        let mut ends = Ends::new(lanes([None, Some(0)]), Stop::Time(Timestamp(5)));
        assert_eq!(ends.at_end_before("t", 0, 9), None, "no offset is wanted");
        assert!(!ends.reached());
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
