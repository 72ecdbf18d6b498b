//! Puts events into the order of a time that is not the one they were recorded in: lanes are merged by it, and each keeps
//! its own order. Bounded: what is further apart than the window stays as it came.

use std::collections::BTreeMap;

use super::lanes::LaneTable;
use crate::event::{Event, Timestamp};

/// Events looked ahead.
const WINDOW_EVENTS: usize = 16_384;
/// Bytes of them.
const WINDOW_BYTES: usize = 16 * 1024 * 1024;

/// The events looked ahead, and how far each lane has come.
#[derive(Debug, Default)]
pub(super) struct LaneMerge {
    lanes: LaneTable,
    /// The latest time of each lane.
    latest: Vec<i64>,
    /// By time, then as they came.
    ahead: BTreeMap<(i64, u64), Event>,
    bytes: usize,
    arrived: u64,
    clamped: u64,
}

impl LaneMerge {
    /// Takes an event; a time before that of an earlier one of its lane becomes that one's.
    pub fn push(&mut self, event: Event, time: Timestamp) {
        let lane = self.lanes.lane(&event).index();
        if lane >= self.latest.len() {
            self.latest.resize(lane + 1, i64::MIN);
        }
        self.clamped += u64::from(time.0 < self.latest[lane]);
        self.latest[lane] = self.latest[lane].max(time.0);
        self.bytes += event.size();
        self.ahead.insert((self.latest[lane], self.arrived), event);
        self.arrived += 1;
    }

    /// The next event in order, once enough of what follows is known.
    pub fn pop(&mut self) -> Option<(Event, Timestamp)> {
        let is_full = self.ahead.len() > WINDOW_EVENTS || self.bytes > WINDOW_BYTES;
        if is_full { self.pop_last() } else { None }
    }

    /// The next event in order when nothing follows.
    pub fn pop_last(&mut self) -> Option<(Event, Timestamp)> {
        let ((time, _), event) = self.ahead.pop_first()?;
        self.bytes -= event.size();
        Some((event, Timestamp(time)))
    }

    /// How many events had a time before that of an earlier one of their lane.
    pub fn clamped(&self) -> u64 {
        self.clamped
    }

    /// Forgets how far the lanes have come: the recording begins again.
    pub fn next_round(&mut self) {
        self.latest.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::{LaneMerge, WINDOW_EVENTS};
    use crate::event::{Event, Timestamp};

    fn merged(events: impl IntoIterator<Item = (String, i64)>) -> (Vec<(String, i64, u64)>, u64) {
        let mut merge = LaneMerge::default();
        let mut out = Vec::new();
        let mut take = |next: Option<(Event, Timestamp)>| {
            let Some((event, time)) = next else { return false };
            let number = std::str::from_utf8(event.payload.as_deref().unwrap_or_default()).expect("text");
            out.push((event.channel.into(), time.0, number.parse().expect("a number")));
            true
        };
        for (number, (channel, time)) in events.into_iter().enumerate() {
            merge.push(Event::new(channel, number.to_string()), Timestamp(time));
            while take(merge.pop()) {}
        }
        while take(merge.pop_last()) {}
        (out, merge.clamped())
    }

    #[test]
    fn lanes_are_interleaved_by_time_and_clamped_to_their_own_latest() {
        let events = [("a", 10), ("a", 5), ("b", 7), ("a", 12), ("b", 11)];
        let (out, clamped) = merged(events.map(|(lane, time)| (lane.to_owned(), time)));
        let order: Vec<(u64, i64)> = out.iter().map(|(_, time, number)| (*number, *time)).collect();
        assert_eq!(order, [(2, 7), (0, 10), (1, 10), (4, 11), (3, 12)]);
        assert_eq!(clamped, 1);
    }

    #[test]
    fn no_more_is_looked_ahead_than_the_window_holds() {
        let count = i64::try_from(WINDOW_EVENTS).expect("small") + 10;
        let last_first = (0..count).map(|index| (format!("lane {index}"), count - index));
        let (out, clamped) = merged(last_first);
        assert_eq!((out.len(), clamped), (WINDOW_EVENTS + 10, 0));
        // When the first had to go, the last ten were not known yet.
        assert_eq!(out[0].1, 10);
        assert_eq!(out[9].1, 1);
    }

    proptest! {
        #[test]
        fn every_lane_keeps_its_order_and_all_times_rise(
            events in proptest::collection::vec((0_u8..5, 0_i64..1_000), 0..300),
        ) {
            let (out, clamped) = merged(events.iter().map(|(lane, time)| (lane.to_string(), *time)));
            prop_assert_eq!(out.len(), events.len());
            prop_assert!(out.is_sorted_by_key(|(_, time, _)| *time));
            let mut last: HashMap<&str, u64> = HashMap::new();
            for (lane, time, number) in &out {
                let before = last.insert(lane, *number);
                prop_assert!(before.is_none_or(|before| before < *number));
                let (_, own) = events[usize::try_from(*number).expect("small")];
                prop_assert!(*time >= own);
            }
            let moved = out.iter().filter(|(_, time, number)| {
                *time > events[usize::try_from(*number).expect("small")].1
            });
            prop_assert_eq!(moved.count() as u64, clamped);
        }
    }
}
