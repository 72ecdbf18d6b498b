//! Events that a system removed before they were read, since it keeps no more or not for longer. It asks no system.

use std::ops::AddAssign;
#[cfg(any(feature = "kafka", feature = "nats"))]
use std::ops::Range;

use serde::Serialize;

/// How many events a system removed before a reader came to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// How many.
    pub events: u64,
    /// It may have been fewer: places among them may have held nothing that was asked for.
    pub at_most: bool,
}

impl Removed {
    /// Whether there are none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.events == 0
    }
}

impl AddAssign for Removed {
    fn add_assign(&mut self, other: Self) {
        self.events = self.events.saturating_add(other.events);
        self.at_most |= other.at_most && !other.is_none();
    }
}

/// Gaps that are kept until the system says what they are. A loss is one long gap; of many the longest are kept.
#[cfg(any(feature = "kafka", feature = "nats"))]
const MOST_OPEN: usize = 32;

/// Places of a log that did not come, until its system says what the first one is that it still keeps.
///
/// Most of them are no loss: deleted events, other subjects, marks of transactions, what was compacted away. Only what lies
/// before the first place that is kept was removed before it was read; and where a log is known to leave places out, only when it
/// is more than that.
#[cfg(any(feature = "kafka", feature = "nats"))]
#[derive(Clone, Debug, Default)]
pub(super) struct Gaps {
    /// Places of which it is not known why they did not come.
    open: Vec<Range<u64>>,
    /// Places are left out that hold nothing for the reader.
    leaves_out: bool,
    /// So many of them in a row, at most, were no loss.
    usual: u64,
}

#[cfg(any(feature = "kafka", feature = "nats"))]
impl Gaps {
    /// Gaps of a log; `leaves_out` is whether it is known to have places that hold nothing for the reader.
    #[cfg(feature = "nats")]
    pub(super) fn new(leaves_out: bool) -> Self {
        Self { leaves_out, ..Self::default() }
    }

    /// Gaps of a log in which a mark may stand between events, as that of a transaction does.
    #[cfg(feature = "kafka")]
    pub(super) fn of_marks() -> Self {
        Self { usual: 1, ..Self::default() }
    }

    /// Nothing came from the place `from` on until `to`.
    pub(super) fn jumped(&mut self, from: u64, to: u64) {
        let length = |gap: &Range<u64>| gap.end - gap.start;
        if from >= to {
            return;
        }
        if self.open.len() == MOST_OPEN {
            let shortest = (0..MOST_OPEN).min_by_key(|at| length(&self.open[*at])).unwrap_or_default();
            if length(&self.open[shortest]) >= to - from {
                return;
            }
            self.open.swap_remove(shortest);
        }
        self.open.push(from..to);
    }

    /// Whether it is not known yet what became of some places.
    pub(super) fn are_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// What was removed of the places that did not come, where `first` is the first one that is kept.
    pub(super) fn settle(&mut self, first: u64) -> Removed {
        let open = std::mem::take(&mut self.open);
        let gone = |gap: &Range<u64>| first.clamp(gap.start, gap.end) - gap.start;
        for gap in &open {
            let length = gap.end - gap.start;
            self.leaves_out |= gone(gap) < length;
            if gone(gap) == 0 {
                self.usual = self.usual.max(length);
            }
        }
        let events = open.iter().map(gone).filter(|events| *events > self.usual).sum();
        Removed { events, at_most: self.leaves_out && events > 0 }
    }

    /// Forgets places of which nothing can be said.
    pub(super) fn forget(&mut self) {
        self.open.clear();
    }
}

#[cfg(all(test, feature = "kafka", feature = "nats"))]
mod tests {
    use super::{Gaps, Removed};

    #[test]
    fn only_what_lies_before_the_first_place_kept_was_removed() {
        let mut gaps = Gaps::new(false);
        gaps.jumped(5, 5);
        assert!(!gaps.are_open());
        gaps.jumped(5, 9);
        assert!(gaps.are_open());
        assert_eq!(gaps.settle(9), Removed { events: 4, at_most: false });
        assert_eq!(gaps.settle(20), Removed::default(), "they are told once");
        gaps.jumped(20, 23);
        assert_eq!(gaps.settle(9).events, 0, "deleted in the middle");
        gaps.jumped(25, 28);
        assert_eq!(gaps.settle(28).events, 0, "no more than is left out anyway");
        gaps.jumped(30, 40);
        assert_eq!(gaps.settle(35), Removed { events: 5, at_most: true });
    }

    #[test]
    fn several_gaps_count_no_more_than_did_not_come() {
        let mut gaps = Gaps::new(true);
        gaps.jumped(10, 12);
        gaps.jumped(50, 51);
        assert_eq!(gaps.settle(100), Removed { events: 3, at_most: true });
        gaps.jumped(110, 113);
        gaps.jumped(150, 151);
        assert_eq!(
            gaps.settle(120),
            Removed { events: 3, at_most: true },
            "what lies behind the first does not count"
        );
    }

    #[test]
    fn marks_are_no_loss_and_the_longest_gaps_are_kept() {
        let mut gaps = Gaps::of_marks();
        for at in 0..1000 {
            gaps.jumped(at * 10, at * 10 + 1);
        }
        gaps.jumped(20_000, 25_000);
        assert_eq!(gaps.settle(30_000), Removed { events: 5000, at_most: false });
    }

    #[test]
    fn a_number_that_is_none_makes_no_sum_uncertain() {
        let mut sum = Removed { events: 3, at_most: false };
        sum += Removed { events: 0, at_most: true };
        assert_eq!(sum, Removed { events: 3, at_most: false });
        sum += Removed { events: 2, at_most: true };
        assert_eq!(sum, Removed { events: 5, at_most: true });
    }
}
