//! What is past of several partitions, in the order of its times: each has a queue of its own, and the earliest of what lies
//! first in them goes first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;

use super::fetching::{Fetched, Fetching};
use super::listener::Listener;
use super::positions::{Lane, Span};
use crate::endpoint::EndpointError;
use crate::event::{Event, Timestamp};

/// Most events of one partition that are taken ahead of their turn, and the part of its share of bytes that they may have.
const AHEAD: (usize, usize) = (512, 4);
/// How long partitions may say nothing before those that go on do so without them.
const PATIENCE: Duration = Duration::from_secs(4);
/// Bytes that the client may have fetched of all partitions, and the least and the most of one.
const FETCHED: usize = 8 * 1024 * 1024;
const SHARE: (usize, usize) = (16 * 1024, 4 * 1024 * 1024);

/// Bytes that the client may fetch ahead of each of so many partitions.
fn share(partitions: usize) -> usize {
    (FETCHED / partitions.max(1)).clamp(SHARE.0, SHARE.1)
}

/// Settings of a client for so many partitions that each have a queue of their own; false when it has them.
pub(super) fn fetch_apart(config: &mut ClientConfig, partitions: usize) -> bool {
    let share = share(partitions);
    let kilobytes = (share / 1024).to_string();
    let is_new = config.get("queued.max.messages.kbytes") != Some(kilobytes.as_str());
    config
        // How much is fetched ahead holds for each queue.
        .set("queued.max.messages.kbytes", kilobytes)
        .set("queued.min.messages", (FETCHED_EVENTS.0 / partitions.max(1)).max(FETCHED_EVENTS.1).to_string())
        .set("fetch.message.max.bytes", (share / FETCHES.0).max(FETCHES.1).to_string())
        // Where one partition after the other is drained, each has to be filled again soon.
        .set("fetch.queue.backoff.ms", "1");
    is_new
}

/// The part of its share of bytes that is asked for at once, since of what is compressed ten times as much may come, and the least:
/// an answer holds only one of the batches that are larger, and most producers make batches of 16 KiB.
const FETCHES: (usize, usize) = (4, 32 * 1024);
/// Events of all partitions at which no more are fetched, however small they are, and the least of one.
const FETCHED_EVENTS: (usize, usize) = (50_000, 1_000);

/// What lies ahead of one partition.
#[derive(Debug, Default)]
struct Part {
    ahead: VecDeque<Event>,
    /// The offset behind its past.
    end: i64,
    /// Nothing more of its past comes.
    is_over: bool,
    /// It has said nothing for too long: the others do not wait for it until it has something again.
    is_passed: bool,
}

impl Part {
    /// Whether it has room for what comes of its past.
    fn has_room(&self) -> bool {
        self.ahead.is_empty() && !self.is_over
    }

    /// Whether its next event is not known, and may be the earliest.
    fn is_awaited(&self) -> bool {
        self.has_room() && !self.is_passed
    }

    fn put(&mut self, event: Event) {
        let offset = event.place.offset.and_then(|offset| i64::try_from(offset).ok());
        self.is_over |= offset.is_some_and(|offset| offset + 1 >= self.end);
        self.ahead.push_back(event);
    }
}

/// The order of what lies ahead of several partitions.
#[derive(Debug, Default)]
struct Order {
    parts: Vec<Part>,
    /// The time of the first event of each partition that has one ahead, the earliest on top.
    heads: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// Of some partition the next event is not known.
    is_short: bool,
}

impl Order {
    fn is_over(&self) -> bool {
        self.heads.is_empty() && self.parts.iter().all(|part| part.is_over || part.is_passed)
    }

    /// The first partition that is waited for.
    fn awaited(&self) -> Option<usize> {
        self.parts.iter().position(Part::is_awaited)
    }

    /// Has `fill` put events into a partition of which none lies ahead; false when nothing more is known of it then.
    fn fill(&mut self, at: usize, fill: impl FnOnce(&mut Part)) -> bool {
        let Some(part) = self.parts.get_mut(at).filter(|part| part.has_room()) else { return false };
        fill(part);
        if let Some(first) = part.ahead.front() {
            part.is_passed = false;
            self.heads.push(Reverse((first.time(), at)));
        }
        !part.has_room()
    }

    /// Passes over what is waited for, where that holds up others.
    fn pass_over(&mut self) {
        if self.parts.iter().any(|part| !part.is_awaited()) {
            self.parts.iter_mut().filter(|part| part.is_awaited()).for_each(|part| part.is_passed = true);
        }
    }

    /// The next event in the order of times, when it is known.
    fn next(&mut self) -> Option<Event> {
        if self.is_short {
            return None;
        }
        let Reverse((_, at)) = self.heads.pop()?;
        let part = self.parts.get_mut(at)?;
        let event = part.ahead.pop_front();
        match part.ahead.front() {
            Some(first) => self.heads.push(Reverse((first.time(), at))),
            None => self.is_short = part.is_awaited(),
        }
        event
    }
}

/// What became of a record that was looked at.
pub(super) enum Seen {
    /// It is an event that is wanted.
    Wanted(Event),
    /// It is none.
    Other,
    /// It is the end of its partition, or behind what is wanted of it.
    Beyond,
}

/// The past of several partitions.
pub(super) struct ByTime {
    /// The queue of each partition, in the order of `order`.
    queues: Vec<Fetching>,
    /// Where what comes after the past will lie.
    all: Fetching,
    order: Order,
    /// How long partitions were waited for since one of them had something.
    waited: Duration,
    /// Events come after the past: a partition that says nothing does not hold them up for ever.
    goes_on: bool,
}

impl ByTime {
    /// Queues for these partitions, whose past ends at these offsets; to be made before they are assigned.
    pub(super) fn new(
        consumer: &Arc<BaseConsumer<Listener>>,
        spans: &BTreeMap<Lane, Span>,
        ends: &BTreeMap<Lane, i64>,
        goes_on: bool,
    ) -> Result<Self, EndpointError> {
        let (mut queues, mut order) = (Vec::new(), Order { is_short: true, ..Order::default() });
        for (lane, span) in spans {
            let fetching = Fetching::new(consumer)?;
            fetching.add(&lane.0, lane.1);
            queues.push(fetching);
            let present = ends.get(lane).copied().unwrap_or(0);
            let end = span.end.filter(|end| *end >= 0).map_or(present, |end| end.min(present));
            order.parts.push(Part { end, is_over: span.next.max(0) >= end, ..Part::default() });
        }
        Ok(Self { queues, all: Fetching::new(consumer)?, order, waited: Duration::ZERO, goes_on })
    }

    /// Whether no event waits for its turn.
    pub(super) fn is_empty(&self) -> bool {
        self.order.heads.is_empty()
    }

    /// Whether the whole past was given out.
    pub(super) fn is_over(&self) -> bool {
        self.order.is_over()
    }

    /// Takes in what has come of the partitions of which nothing lies ahead; waits for the first of them, but not longer than
    /// `wait`, when that is what holds up the others. `look` says what each record is.
    pub(super) fn take(&mut self, wait: Duration, mut look: impl FnMut(Fetched) -> Seen) {
        let mut any = false;
        for at in 0..self.queues.len() {
            any |= self.take_of(at, Duration::ZERO, &mut look);
        }
        let began = Instant::now();
        if let Some(at) = self.order.awaited() {
            any |= self.take_of(at, wait, &mut look);
        }
        self.waited = if any { Duration::ZERO } else { self.waited + began.elapsed() };
        if self.goes_on && self.waited >= PATIENCE {
            self.waited = Duration::ZERO;
            self.order.pass_over();
        }
        self.order.is_short = self.order.awaited().is_some();
    }

    /// Whether anything came of it.
    fn take_of(&mut self, at: usize, wait: Duration, look: &mut impl FnMut(Fetched) -> Seen) -> bool {
        let most_bytes = share(self.queues.len()) / AHEAD.1;
        let Some(fetching) = self.queues.get_mut(at) else { return false };
        self.order.fill(at, |part| {
            let mut bytes = 0;
            fetching.take(wait, |fetched| {
                match look(fetched) {
                    Seen::Wanted(event) => {
                        bytes += event.size();
                        part.put(event);
                    }
                    Seen::Beyond => part.is_over = true,
                    Seen::Other => {}
                }
                !part.is_over && part.ahead.len() < AHEAD.0 && bytes < most_bytes
            });
        })
    }

    /// The next event in the order of times, when it is known.
    pub(super) fn next(&mut self) -> Option<Event> {
        self.order.next()
    }

    /// What comes from now on, of all partitions in one queue. What has come already is in it.
    pub(super) fn together(mut self) -> Fetching {
        self.all.follow(self.queues);
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, Part};
    use crate::endpoint::kafka::testing::event;

    #[test]
    fn partitions_wait_for_each_other_up_to_the_ends_of_their_past() {
        let part = |end, is_over| Part { end, is_over, ..Part::default() };
        let parts = vec![part(3, false), part(2, false), part(0, true)];
        let mut order = Order { parts, is_short: true, ..Order::default() };
        let given = |order: &mut Order| -> Vec<i64> {
            order.is_short = order.awaited().is_some();
            std::iter::from_fn(|| order.next()).map(|event| event.time().0).collect()
        };
        order
            .fill(0, |part| [event(0, 0, 10), event(0, 1, 40)].into_iter().for_each(|event| part.put(event)));
        assert_eq!((order.awaited(), given(&mut order)), (Some(1), Vec::new()));
        order.fill(1, |part| part.put(event(1, 0, 20)));
        assert_eq!(given(&mut order), [10, 20]);
        // Its last one; behind it nothing is waited for.
        order.fill(1, |part| part.put(event(1, 1, 30)));
        assert_eq!((given(&mut order), order.awaited()), (vec![30, 40], Some(0)));
        assert!(!order.is_over());
        order.fill(0, |part| part.put(event(0, 2, 35)));
        // Its order is kept although its times are not.
        assert_eq!(given(&mut order), [35]);
        assert!(order.is_over());
    }

    #[test]
    fn one_that_says_nothing_is_passed_over_until_it_has_something_again() {
        let mut order = Order {
            parts: vec![Part { end: 9, ..Part::default() }, Part { end: 9, ..Part::default() }],
            is_short: true,
            ..Order::default()
        };
        order.pass_over();
        assert_eq!(order.awaited(), Some(0), "nobody is held up");
        assert!(order.fill(0, |part| {
            for event in [event(0, 0, 10), event(0, 1, 40)] {
                part.put(event);
            }
        }));
        order.pass_over();
        order.is_short = order.awaited().is_some();
        assert_eq!(order.next().map(|event| event.time().0), Some(10));
        assert!(order.fill(1, |part| part.put(event(1, 0, 5))));
        let rest: Vec<i64> = std::iter::from_fn(|| order.next()).map(|event| event.time().0).collect();
        assert_eq!(rest, [5], "it is waited for again");
        assert!(!order.is_over());
    }

    #[test]
    fn the_end_that_the_client_tells_ends_what_was_compacted_away() {
        let parts = vec![Part { end: 9, ..Part::default() }, Part { end: 1, ..Part::default() }];
        let mut order = Order { parts, is_short: true, ..Order::default() };
        order.fill(0, |part| part.put(event(0, 3, 5)));
        order.fill(1, |part| part.put(event(1, 0, 1)));
        order.is_short = order.awaited().is_some();
        assert_eq!(order.next().map(|event| event.time().0), Some(1));
        assert_eq!(order.next().map(|event| event.time().0), Some(5));
        assert!(order.next().is_none() && !order.is_over());
        order.fill(0, |part| part.is_over = true);
        assert!(order.is_over());
    }
}
