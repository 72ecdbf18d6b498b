//! Lanes: the unit of order is a channel and a key, or a channel alone where events have no key.

use std::collections::HashMap;

use base64::Engine;
use bytes::Bytes;
use serde::Serialize;

use crate::event::Event;

/// Lanes counted one by one; further keys of a channel are counted together.
pub const MOST_LANES: usize = 10_000;

/// The number of a lane in its [`LaneTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LaneId(usize);

impl LaneId {
    /// Lanes are numbered from 0 as they are met.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// What happened in one lane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LaneCounts {
    /// The channel's address.
    pub channel: String,
    /// The key as text; null when events have none, or when it is binary.
    pub key: Option<String>,
    /// A key that is not text, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_base64: Option<String>,
    /// Stands for all keys of the channel beyond the first ten thousand lanes.
    #[serde(skip_serializing_if = "is_false")]
    pub other_keys: bool,
    /// Events handed over.
    pub sent: u64,
    /// Events the target confirmed.
    pub acknowledged: u64,
    /// Events the target did not take.
    pub failed: u64,
    /// Events that had to be sent again after later ones of the lane were taken.
    pub reordered: u64,
    #[serde(skip)]
    highest_acknowledged: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

#[derive(Debug, Default)]
struct ChannelLanes {
    keyless: Option<LaneId>,
    others: Option<LaneId>,
    keys: HashMap<Bytes, LaneId>,
}

/// All lanes of a run.
#[derive(Debug, Default)]
pub struct LaneTable {
    channels: HashMap<String, ChannelLanes>,
    lanes: Vec<LaneCounts>,
    /// The lane of the event looked at last, when it had no key: most often the next one is of the same.
    last_keyless: Option<LaneId>,
}

impl LaneTable {
    /// The lane of an event, made when it is the first.
    pub fn lane(&mut self, event: &Event) -> LaneId {
        if let Some(last) = self.last_keyless
            && event.key.is_none()
            && self.lanes[last.0].channel == event.channel
        {
            return last;
        }
        let lane = self.find_or_make(event);
        self.last_keyless = event.key.is_none().then_some(lane);
        lane
    }

    fn find_or_make(&mut self, event: &Event) -> LaneId {
        let full = self.lanes.len() >= MOST_LANES;
        if let Some(known) = self.known(event, full) {
            return known;
        }
        let lane = LaneId(self.lanes.len());
        let channel = self.channels.entry(event.channel.to_string()).or_default();
        let mut counts = LaneCounts { channel: event.channel.to_string(), ..LaneCounts::default() };
        match &event.key {
            None => channel.keyless = Some(lane),
            Some(_) if full => {
                channel.others = Some(lane);
                counts.other_keys = true;
            }
            Some(key) => {
                channel.keys.insert(key.clone(), lane);
                match std::str::from_utf8(key) {
                    Ok(text) => counts.key = Some(text.to_owned()),
                    Err(_) => counts.key_base64 = Some(base64::prelude::BASE64_STANDARD.encode(key)),
                }
            }
        }
        self.lanes.push(counts);
        lane
    }

    fn known(&self, event: &Event, full: bool) -> Option<LaneId> {
        let channel = self.channels.get(event.channel.as_str())?;
        match &event.key {
            None => channel.keyless,
            Some(key) => channel.keys.get(key).copied().or(channel.others.filter(|_| full)),
        }
    }

    /// An event of the lane was handed over for the first time.
    pub fn sent(&mut self, lane: LaneId) {
        self.lanes[lane.0].sent += 1;
    }

    /// The event with this number in the run was confirmed.
    pub fn acknowledged(&mut self, lane: LaneId, number: u64) {
        let counts = &mut self.lanes[lane.0];
        counts.acknowledged += 1;
        counts.highest_acknowledged = counts.highest_acknowledged.max(number);
    }

    /// An event of the lane will not be delivered.
    pub fn failed(&mut self, lane: LaneId) {
        self.lanes[lane.0].failed += 1;
    }

    /// The event with this number goes again; later ones of its lane may have been taken before it.
    pub fn sent_again(&mut self, lane: LaneId, number: u64) {
        let counts = &mut self.lanes[lane.0];
        counts.reordered += u64::from(counts.highest_acknowledged > number);
    }

    /// Events sent again after later ones of their lane.
    #[must_use]
    pub fn reordered(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.reordered).sum()
    }

    /// The counts, busiest lane first, ties in order of appearance.
    #[must_use]
    pub fn into_counts(self) -> Vec<LaneCounts> {
        let mut lanes = self.lanes;
        lanes.sort_by_key(|lane| std::cmp::Reverse(lane.sent));
        lanes
    }
}

#[cfg(test)]
mod tests {
    use super::{LaneTable, MOST_LANES};
    use crate::event::Event;

    fn event(channel: &str, key: Option<&'static [u8]>) -> Event {
        Event { key: key.map(bytes::Bytes::from_static), ..Event::new(channel, "x") }
    }

    #[test]
    fn a_lane_is_a_channel_and_a_key() {
        let mut table = LaneTable::default();
        let plain = table.lane(&event("a", None));
        let keyed = table.lane(&event("a", Some(b"1")));
        assert_ne!(plain, keyed);
        assert_ne!(keyed, table.lane(&event("b", Some(b"1"))));
        assert_ne!(keyed, table.lane(&event("a", Some(b""))));
        assert_eq!(keyed, table.lane(&event("a", Some(b"1"))));
        table.sent(keyed);
        table.acknowledged(keyed, 7);
        table.sent_again(keyed, 5);
        table.sent_again(keyed, 8);
        assert_eq!(table.reordered(), 1);
        let counts = table.into_counts();
        assert_eq!((counts[0].key.as_deref(), counts[0].acknowledged, counts.len()), (Some("1"), 1, 4));
    }

    #[test]
    fn binary_keys_are_base64_and_too_many_are_counted_together() {
        let mut table = LaneTable::default();
        table.lane(&event("a", Some(b"\xff")));
        for number in 0..MOST_LANES + 5 {
            let mut event = event("a", None);
            event.key = Some(number.to_string().into());
            let lane = table.lane(&event);
            table.sent(lane);
        }
        let counts = table.into_counts();
        assert_eq!(counts.len(), MOST_LANES + 1);
        assert!(counts[0].other_keys && counts[0].sent == 6, "{:?}", counts[0]);
        assert!(counts.iter().any(|lane| lane.key_base64.as_deref() == Some("/w==")));
    }
}
