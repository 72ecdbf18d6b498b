//! Which events of a run need not be sent again: all below a low-water mark, and ranges above it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Numbers of events, counted from 0 in the order of the plan.
///
/// Receipts come nearly in order, so the numbers above the mark are few ranges however long the run is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Settled {
    /// Every number below it is settled.
    low: u64,
    /// Ranges above it: the first number, and the one after the last. They neither touch nor overlap.
    above: BTreeMap<u64, u64>,
}

/// The form in a ledger.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    low: u64,
    above: Vec<(u64, u64)>,
}

impl From<Written> for Settled {
    /// Ranges that overlap, run backwards or lie below the mark are taken for what they say.
    fn from(written: Written) -> Self {
        let mut settled = Self { low: written.low, above: BTreeMap::new() };
        for (start, end) in written.above {
            settled.insert_range(start, end);
        }
        settled
    }
}

impl From<Settled> for Written {
    fn from(settled: Settled) -> Self {
        Self { low: settled.low, above: settled.above.into_iter().collect() }
    }
}

impl Settled {
    /// Every number below this one is settled; it itself is not.
    #[must_use]
    pub fn low(&self) -> u64 {
        self.low
    }

    /// How many numbers are settled.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.low + self.above.iter().map(|(start, end)| end - start).sum::<u64>()
    }

    /// The highest number that is settled.
    #[must_use]
    pub fn highest(&self) -> Option<u64> {
        let behind = self.above.last_key_value().map_or(self.low, |(_, end)| *end);
        behind.checked_sub(1)
    }

    /// Settles what is settled elsewhere, as far as it lies below `end`.
    pub fn add_below(&mut self, end: u64, other: &Self) {
        self.insert_range(0, other.low.min(end));
        for (&start, &until) in other.above.range(..end) {
            self.insert_range(start, until.min(end));
        }
    }

    /// Whether this number is settled.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        let range = || self.above.range(..=number).next_back();
        number < self.low || range().is_some_and(|(_, end)| number < *end)
    }

    /// Settles one number; false when it was settled before.
    pub fn insert(&mut self, number: u64) -> bool {
        let is_new = !self.contains(number);
        if is_new {
            self.insert_range(number, number + 1);
        }
        is_new
    }

    fn insert_range(&mut self, mut start: u64, mut end: u64) {
        if start >= end {
            return;
        }
        if start <= self.low {
            self.low = self.low.max(end);
        } else {
            // Whatever overlaps or touches the new range becomes one with it.
            while let Some((&near, &near_end)) = self.above.range(..=end).next_back() {
                if near_end < start {
                    break;
                }
                self.above.remove(&near);
                (start, end) = (start.min(near), end.max(near_end));
            }
            self.above.insert(start, end);
        }
        while let Some((&next, &next_end)) = self.above.first_key_value() {
            if next > self.low {
                break;
            }
            self.low = self.low.max(next_end);
            self.above.remove(&next);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::Settled;

    #[test]
    fn the_mark_moves_over_what_was_settled_out_of_order() {
        let mut settled = Settled::default();
        for number in [2, 1, 4] {
            assert!(settled.insert(number));
        }
        assert_eq!((settled.low(), settled.count()), (0, 3));
        assert!(!settled.insert(2) && settled.contains(4) && !settled.contains(3));
        settled.insert(0);
        assert_eq!(settled.low(), 3);
        settled.insert(3);
        assert_eq!((settled.low(), settled.count()), (5, 5));
        assert_eq!(serde_json::to_string(&settled).expect("written"), r#"{"low":5,"above":[]}"#);
    }

    #[test]
    fn ranges_written_by_hand_are_put_in_order() {
        let text = r#"{"low":3,"above":[[9,12],[1,5],[11,14],[20,20],[30,25]]}"#;
        let settled: Settled = serde_json::from_str(text).expect("read");
        assert_eq!(serde_json::to_string(&settled).expect("written"), r#"{"low":5,"above":[[9,14]]}"#);
    }

    proptest! {
        #[test]
        fn it_is_a_set(numbers in proptest::collection::vec(0_u64..60, 0..120)) {
            let (mut settled, mut set) = (Settled::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(settled.insert(number), set.insert(number));
                let low = (0..61).find(|each| !set.contains(each)).unwrap_or(0);
                prop_assert_eq!(settled.low(), low);
                prop_assert_eq!(settled.count(), set.len() as u64);
            }
            for number in 0..61 {
                prop_assert_eq!(settled.contains(number), set.contains(&number));
            }
            let text = serde_json::to_string(&settled).expect("written");
            prop_assert_eq!(serde_json::from_str::<Settled>(&text).expect("read"), settled);
        }
    }
}
