//! Puts faults into a stream of events. What is held back for a while is bounded by a count, and by nothing that differs
//! from run to run.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use super::draw::Draw;
use super::{FaultCount, FaultKind, Faults};
use crate::endpoint::EndpointError;
use crate::event::{Event, FAULT_HEADER, Header, REPEAT_HEADER, Timestamp};
use crate::replay::jq::JqFailure;
use crate::replay::pattern::Condition;
use crate::replay::shard::Shard;

/// Events that may be late at the same time; with more, the first of them goes.
const MOST_LATE: usize = 65_536;
/// Events that may pass while one waits for the next of its lane.
const LONGEST_SWAP: u64 = 1_000;
/// Bytes that are flipped at most.
const MOST_FLIPPED: usize = 4;

type Lane = (String, Option<Bytes>);

/// Faults at work.
#[derive(Clone, Debug)]
pub(in crate::replay) struct Injector {
    faults: Faults,
    counts: Vec<u64>,
    /// Whose events are counted; each process meets all of them.
    shard: Option<Shard>,
    seen: u64,
    /// The latest time that has come by.
    now: Timestamp,
    /// By the time they go and the order they came in.
    late: BTreeMap<(Timestamp, u64), Event>,
    arrivals: u64,
    /// Waiting for the next event of their lane: the number of the event, which fault it is, and the event.
    swapped: HashMap<Lane, (u64, usize, Event)>,
}

impl Injector {
    pub fn new(faults: Faults) -> Self {
        let counts = vec![0; faults.list.len()];
        let (late, swapped) = (BTreeMap::new(), HashMap::new());
        Self { faults, counts, shard: None, seen: 0, now: Timestamp(i64::MIN), late, arrivals: 0, swapped }
    }

    /// Counts faults of the events of this shard only.
    pub fn counting_for(mut self, shard: Option<Shard>) -> Self {
        self.shard = shard;
        self
    }

    /// How many events had each fault so far.
    pub fn counts(&self) -> Vec<FaultCount> {
        let counts = self.faults.list.iter().zip(&self.counts);
        counts
            .map(|(fault, events)| FaultCount { fault: fault.to_string(), kind: fault.kind, events: *events })
            .collect()
    }

    /// What becomes of a batch; beside it, why a condition says no more.
    pub fn inject(&mut self, batch: Vec<Event>) -> (Vec<Event>, Option<EndpointError>) {
        if self.faults.list.is_empty() {
            return (batch, None);
        }
        let (meant, failure) = self.meant(&batch);
        let mut out = Vec::with_capacity(batch.len());
        for (event, meant) in batch.into_iter().zip(meant) {
            self.one(event, &meant, &mut out);
        }
        (out, failure)
    }

    /// What is still held back, once nothing comes any more.
    pub fn rest(&mut self) -> Vec<Event> {
        let mut out: Vec<Event> = Vec::new();
        let mut waiting: Vec<_> = self.swapped.drain().map(|(_, held)| held).collect();
        waiting.sort_by_key(|(number, ..)| *number);
        out.extend(waiting.into_iter().map(|(.., event)| self.at_last(event)));
        out.extend(std::mem::take(&mut self.late).into_values());
        out
    }

    /// For each event, which faults it may have by their conditions; ends where a condition was stopped.
    fn meant(&self, batch: &[Event]) -> (Vec<Vec<bool>>, Option<EndpointError>) {
        let mut meant: Vec<Vec<bool>> = batch.iter().map(|_| Vec::new()).collect();
        let mut failure = None;
        for fault in &self.faults.list {
            match &fault.only {
                None => meant.iter_mut().for_each(|each| each.push(true)),
                Some(Condition::Pattern(pattern)) => {
                    for (each, event) in meant.iter_mut().zip(batch) {
                        each.push(pattern.matches(event));
                    }
                }
                Some(Condition::Jq(filter)) => {
                    let verdicts = filter.holds(&batch[..meant.len()]);
                    let judged = verdicts.iter().position(|each| matches!(each, Err(JqFailure::Limit(_))));
                    if let Some(Err(JqFailure::Limit(limit))) = judged.map(|at| &verdicts[at]) {
                        failure = Some(filter.gave_up(*limit));
                    }
                    meant.truncate(judged.unwrap_or(verdicts.len()).min(verdicts.len()));
                    for (each, verdict) in meant.iter_mut().zip(&verdicts) {
                        each.push(*verdict == Ok(true));
                    }
                }
            }
        }
        (meant, failure)
    }

    fn one(&mut self, mut event: Event, meant: &[bool], out: &mut Vec<Event>) {
        let number = self.seen;
        self.seen += 1;
        self.now = self.now.max(event.received);
        if self.faults.mark {
            event.headers.retain(|header| header.name != FAULT_HEADER);
        }
        let mut hits: Vec<(usize, FaultKind, Draw)> = Vec::new();
        for (at, fault) in self.faults.list.iter().enumerate() {
            let mut draw = Draw::new(self.faults.seed, at, number);
            if fault.share.takes(draw.next()) && meant[at] {
                hits.push((at, fault.kind, draw));
            }
        }
        if let Some((at, ..)) = hits.iter().find(|(_, kind, _)| *kind == FaultKind::Drop) {
            self.add(*at, &event);
            // Time goes on without it.
            self.release(event.received, out);
            return;
        }
        for (at, _, draw) in hits.iter_mut().filter(|(_, kind, _)| *kind == FaultKind::Corrupt) {
            if corrupt(&mut event, draw) {
                self.count(*at, &mut event);
            }
        }
        let has = |kind| hits.iter().find(|(_, each, _)| *each == kind).map(|(at, ..)| *at);
        let copy =
            has(FaultKind::Duplicate).map(|at| (self.duplicate(at, &event), self.faults.list[at].time));
        let (now, delay) = (event.received, has(FaultKind::Delay));
        let leaves = later(now, delay.and_then(|at| self.faults.list[at].time));
        if let Some(at) = delay {
            self.count(at, &mut event);
            self.hold_until(leaves, event);
            self.release(now, out);
        } else {
            self.go_or_wait(number, has(FaultKind::Reorder), event, out);
        }
        match copy {
            Some((copy, None)) if delay.is_none() => out.push(copy),
            Some((copy, time)) => self.hold_until(later(leaves, time), copy),
            None => {}
        }
        self.expire(number, out);
    }

    /// A copy that no target takes for a repeat.
    fn duplicate(&mut self, at: usize, event: &Event) -> Event {
        let mut copy = event.clone();
        self.count(at, &mut copy);
        copy.headers.retain(|header| !header.name.eq_ignore_ascii_case(REPEAT_HEADER));
        // The id of a Redis entry, which is there only once.
        copy.attributes.shift_remove("id");
        copy
    }

    fn add(&mut self, at: usize, event: &Event) {
        self.counts[at] += u64::from(self.shard.is_none_or(|shard| shard.has(event)));
    }

    /// Counts a fault and marks its event.
    fn count(&mut self, at: usize, event: &mut Event) {
        self.add(at, event);
        if !self.faults.mark {
            return;
        }
        let name = self.faults.list[at].kind.name();
        match event.headers.iter_mut().find(|header| header.name == FAULT_HEADER) {
            Some(mark) => {
                let before = mark.value.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
                mark.value = Some(format!("{before},{name}").into());
            }
            None => event.headers.push(Header::text(FAULT_HEADER, name)),
        }
    }

    fn hold_until(&mut self, time: Timestamp, mut event: Event) {
        event.received = time;
        self.arrivals += 1;
        self.late.insert((time, self.arrivals), event);
    }

    /// Late ones whose time has come, and those that are too many.
    fn release(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        while let Some(first) = self.late.first_entry() {
            if first.key().0 > now && self.late.len() <= MOST_LATE {
                return;
            }
            out.extend(self.late.pop_first().map(|(_, event)| event));
        }
    }

    fn go_or_wait(&mut self, number: u64, reorder: Option<usize>, event: Event, out: &mut Vec<Event>) {
        self.release(event.received, out);
        if self.swapped.is_empty() && reorder.is_none() {
            out.push(event);
            return;
        }
        let lane = (event.channel.to_string(), event.key.clone());
        if let Some((_, at, mut held)) = self.swapped.remove(&lane) {
            held.received = held.received.max(event.received);
            self.count(at, &mut held);
            out.extend([event, held]);
        } else if let Some(at) = reorder {
            self.swapped.insert(lane, (number, at, event));
        } else {
            out.push(event);
        }
    }

    /// An event whose lane has fallen silent goes as it is.
    fn expire(&mut self, number: u64, out: &mut Vec<Event>) {
        let is_old = |waiting: &(u64, usize, Event)| number - waiting.0 >= LONGEST_SWAP;
        // Only one can become too old with each event.
        let old = self.swapped.iter().find(|(_, waiting)| is_old(waiting)).map(|(lane, _)| lane.clone());
        if let Some((.., event)) = old.and_then(|lane| self.swapped.remove(&lane)) {
            let event = self.at_last(event);
            out.push(event);
        }
    }

    /// An event that waited in vain is due now.
    fn at_last(&self, mut event: Event) -> Event {
        event.received = event.received.max(self.now);
        event
    }
}

fn later(time: Timestamp, by: Option<std::time::Duration>) -> Timestamp {
    let by = by.map_or(0, |by| i64::try_from(by.as_micros()).unwrap_or(i64::MAX));
    Timestamp(time.0.saturating_add(by))
}

/// Flips some bytes of the payload; false when there are none.
fn corrupt(event: &mut Event, draw: &mut Draw) -> bool {
    let Some(payload) = event.payload.as_ref().filter(|payload| !payload.is_empty()) else {
        return false;
    };
    let mut bytes = payload.to_vec();
    let first = draw.below(bytes.len());
    for flip in 0..=draw.below(MOST_FLIPPED) {
        let at = if flip == 0 { first } else { draw.below(bytes.len()) };
        if flip == 0 || at != first {
            bytes[at] ^= 1 + draw.below(255).to_le_bytes()[0];
        }
    }
    event.payload = Some(bytes.into());
    // It may be no text any more.
    event.attributes.shift_remove("payload_format_indicator");
    true
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::{FaultCount, Faults, Injector};
    use crate::event::{Event, FAULT_HEADER, Header, Timestamp};

    fn faults(list: &[&str], seed: u64) -> Faults {
        let list = list.iter().map(|text| text.parse().unwrap_or_else(|error| panic!("{error}"))).collect();
        Faults { list, seed, mark: true }
    }

    fn event(number: i64) -> Event {
        Event {
            key: Some(format!("k{}", number % 3).into()),
            received: Timestamp(number * 1_000),
            headers: vec![Header::text("Nats-Msg-Id", "m")],
            ..Event::new("a", number.to_string())
        }
    }

    fn injected(faults: Faults, count: i64, at_once: usize) -> (Vec<Event>, Vec<FaultCount>) {
        let mut injector = Injector::new(faults);
        let events: Vec<Event> = (0..count).map(event).collect();
        let mut out = Vec::new();
        for batch in events.chunks(at_once) {
            let (events, failure) = injector.inject(batch.to_vec());
            assert!(failure.is_none());
            out.extend(events);
        }
        out.extend(injector.rest());
        (out, injector.counts())
    }

    fn mark(event: &Event) -> &str {
        event.header_text(FAULT_HEADER).unwrap_or_default()
    }

    fn times(events: &[Event]) -> HashMap<String, usize> {
        let mut times = HashMap::new();
        for event in events {
            let payload = String::from_utf8_lossy(event.payload.as_deref().unwrap_or_default()).into_owned();
            *times.entry(payload).or_default() += 1;
        }
        times
    }

    #[test]
    fn shares_are_kept_and_marks_say_what_was_done() {
        let (events, counts) = injected(faults(&["drop:10%", "duplicate:20%"], 1), 10_000, 100);
        let [dropped, doubled] = [counts[0].events, counts[1].events];
        assert!((800..1200).contains(&dropped) && (1500..2100).contains(&doubled), "{counts:?}");
        assert_eq!(events.len() as u64, 10_000 - dropped + doubled);
        let copies: Vec<&Event> = events.iter().filter(|event| mark(event) == "duplicate").collect();
        assert_eq!(copies.len() as u64, doubled);
        assert!(copies.iter().all(|copy| copy.header_text("Nats-Msg-Id").is_none()));
        assert_eq!(times(&events).values().filter(|count| **count == 2).count() as u64, doubled);
    }

    #[test]
    fn a_reordered_event_goes_right_after_the_next_of_its_lane() {
        let (events, counts) = injected(faults(&["reorder:10%"], 2), 3_000, 7);
        assert_eq!(events.len(), 3_000);
        let mut swapped = 0;
        for key in ["k0", "k1", "k2"] {
            let lane: Vec<&Event> =
                events.iter().filter(|event| event.key.as_deref() == Some(key.as_bytes())).collect();
            let number = |event: &Event| {
                String::from_utf8_lossy(event.payload.as_deref().unwrap_or_default())
                    .parse::<i64>()
                    .expect("a number")
            };
            for pair in lane.windows(2) {
                if number(pair[0]) > number(pair[1]) {
                    swapped += 1;
                    assert_eq!((number(pair[0]) - number(pair[1]), mark(pair[1])), (3, "reorder"));
                }
            }
        }
        assert_eq!(swapped, counts[0].events);
        assert!(swapped > 200 && events.iter().map(|event| event.received).is_sorted());
    }

    #[test]
    fn a_delayed_event_goes_at_its_time_and_others_overtake_it() {
        let (events, counts) = injected(faults(&["delay:5%:10ms"], 3), 2_000, 64);
        assert_eq!((events.len(), events.iter().map(|event| event.received).is_sorted()), (2_000, true));
        let late: Vec<&Event> = events.iter().filter(|event| mark(event) == "delay").collect();
        assert_eq!(late.len() as u64, counts[0].events);
        for event in late {
            let number: i64 =
                String::from_utf8_lossy(event.payload.as_deref().expect("one")).parse().expect("one");
            assert_eq!(event.received.0, number * 1_000 + 10_000);
        }
    }

    #[test]
    fn damage_is_always_damage_and_what_is_empty_cannot_be_damaged() {
        let (events, counts) = injected(faults(&["corrupt:50%"], 4), 1_000, 1_000);
        let damaged = (0_i64..)
            .zip(&events)
            .filter(|(number, event)| event.payload.as_deref() != Some(number.to_string().as_bytes()));
        assert_eq!(damaged.count() as u64, counts[0].events);
        let mut injector = Injector::new(faults(&["corrupt:100%"], 4));
        let empty = vec![Event::new("a", ""), Event { payload: None, ..Event::new("a", "") }];
        assert_eq!(injector.inject(empty.clone()).0, empty);
        assert_eq!(injector.counts()[0].events, 0);
    }

    #[test]
    fn conditions_choose_what_may_be_hit() {
        for text in ["drop:100% if key=k1", "drop:100% if .key == \"k1\""] {
            let (events, counts) = injected(faults(&[text], 5), 300, 50);
            assert_eq!((events.len(), counts[0].events), (200, 100), "{text}");
        }
        let mut injector = Injector::new(faults(&["drop:1% if .payload | last(range(infinite))"], 5));
        let (events, failure) = injector.inject(vec![event(0), event(1)]);
        assert!(events.is_empty() && failure.is_some());
    }

    #[test]
    fn each_shard_counts_the_faults_of_its_own_events() {
        let list = ["duplicate:20%", "drop:20%", "corrupt:30%", "reorder:20%"];
        let counted = |shard: Option<&str>| {
            let shard = shard.map(|text| text.parse().expect("a shard"));
            let mut injector = Injector::new(faults(&list, 7)).counting_for(shard);
            let (out, _) = injector.inject((0..600).map(event).collect());
            let sent = out.len() + injector.rest().len();
            (sent, injector.counts().iter().map(|count| count.events).collect::<Vec<_>>())
        };
        let (whole, one, other) = (counted(None), counted(Some("0/2")), counted(Some("1/2")));
        assert_eq!((one.0, other.0), (whole.0, whole.0), "all have the same faults");
        assert!(one.1.iter().chain(&other.1).all(|count| *count > 0), "{one:?} {other:?}");
        let sums: Vec<u64> = one.1.iter().zip(&other.1).map(|(one, other)| one + other).collect();
        assert_eq!(sums, whole.1);
    }

    proptest! {
        #[test]
        fn the_same_seed_gives_the_same_faults_however_events_are_read(
            seed in any::<u64>(), one in 1_usize..200, other in 1_usize..200,
        ) {
            let list = ["duplicate:10%:3ms", "delay:10%:5ms", "reorder:10%", "drop:5%", "corrupt:5%"];
            let (first, counts) = injected(faults(&list, seed), 300, one);
            let (second, again) = injected(faults(&list, seed), 300, other);
            prop_assert_eq!(&first, &second);
            prop_assert_eq!(&counts, &again);
            let (third, _) = injected(faults(&list, seed ^ 1), 300, one);
            prop_assert_ne!(first, third);
        }

        #[test]
        fn nothing_is_lost_but_what_is_dropped(seed in any::<u64>(), count in 1_i64..400) {
            let list = ["duplicate:20%", "delay:20%:50ms", "reorder:20%", "drop:10%"];
            let (events, counts) = injected(faults(&list, seed), count, 30);
            let expected = u64::try_from(count).expect("small") + counts[0].events - counts[3].events;
            prop_assert_eq!(events.len() as u64, expected);
        }
    }
}
