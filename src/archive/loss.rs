//! Which events of a damaged recording are lost, by number and time: told by the index, or by the events on both sides.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Index, Part};

/// A run of lost events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LostRange {
    /// Number of the first one; absent when they begin before the first event that is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// Number of the last one; absent when nobody knows how far the recording went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// How many they are, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<u64>,
    /// They were received at this time or later, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
    /// They were received at this time or earlier, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<i64>,
    /// Whether numbers and times are those of the lost events themselves, as an index or a manifest has them. If not, the
    /// numbers are those that are missing, and the times those of the events on both sides.
    pub exact: bool,
}

/// What a manifest says about a whole part, or what was found in one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) numbers: Option<(u64, u64)>,
    pub(super) times: Option<(i64, i64)>,
}

impl Expected {
    pub(super) fn of_part(part: &Part) -> Self {
        Self { numbers: part.n, times: part.t }
    }
}

/// Number and time of an event.
type Mark = (u64, i64);

/// Follows a reading and notes what is missing.
#[derive(Default)]
pub(super) struct LossTracker {
    last: Option<Mark>,
    /// Something could not be read since the last event.
    broken: bool,
    gaps: Vec<LostRange>,
    frames: BTreeMap<u64, Found>,
}

/// What was read of one frame.
#[derive(Clone, Copy, Default)]
struct Found {
    count: u64,
    first: Option<u64>,
    last: Mark,
}

impl LossTracker {
    /// An event was read of the frame that begins at this byte.
    pub(super) fn event(&mut self, frame: u64, number: Option<u64>, time: i64) {
        let found = self.frames.entry(frame).or_default();
        found.count += 1;
        let Some(number) = number else {
            return;
        };
        found.first.get_or_insert(number);
        found.last = (number, time);
        if std::mem::take(&mut self.broken) {
            self.gaps.extend(between(self.last, Some((number, time))));
        }
        self.last = Some((number, time));
    }

    /// Something could not be read here.
    pub(super) fn broke(&mut self) {
        self.broken = true;
    }

    /// Everything that is lost, in order. `index` is that of the file, if it can be trusted; without one, a file that is
    /// `open_ended` may have gone on behind its end, as far as the manifest says.
    pub(super) fn end(
        mut self,
        index: Option<&Index>,
        open_ended: bool,
        expected: Option<Expected>,
    ) -> Vec<LostRange> {
        if let Some(index) = index {
            return self.by_index(index);
        }
        if self.broken || open_ended {
            let last = self.last;
            match expected.map(|expected| (expected.numbers, expected.times)) {
                Some((Some((_, number)), times)) => {
                    let time = times.map(|(_, latest)| latest);
                    self.gaps.extend(until(last, number, time));
                }
                _ => self.gaps.extend(between(last, None)),
            }
        }
        if let Some(first) = self.gaps.first_mut()
            && first.first.is_none()
        {
            let known = expected.unwrap_or_default();
            first.first = known.numbers.map(|(least, _)| least);
            first.from = known.times.map(|(earliest, _)| earliest);
            let (least, greatest) = (first.first, first.last);
            first.events = least.zip(greatest).map(|(least, greatest)| greatest - least + 1);
        }
        self.gaps
    }

    fn by_index(&self, index: &Index) -> Vec<LostRange> {
        // By their first events too: what was cut out and put in before a frame may have moved it.
        let numbered = self.frames.values().filter_map(|found| Some((found.first?, *found)));
        let numbered: BTreeMap<u64, Found> = numbered.collect();
        let mut lost: Vec<LostRange> = Vec::new();
        let mut goes_on = false;
        for frame in index.frames.iter().filter(|frame| frame.count > 0) {
            // Of archives put one after another several frames begin with the same number.
            let begins_so = |found: &&Found| found.first == frame.n.map(|(least, _)| least);
            let in_place = self.frames.get(&frame.at).filter(begins_so);
            let moved = frame.n.and_then(|(least, _)| numbered.get(&least));
            let is_of_it = |found: &&Found| {
                let number = found.first.zip(frame.n);
                number.is_none_or(|(first, (least, greatest))| (least..=greatest).contains(&first))
            };
            let here = || self.frames.get(&frame.at).filter(is_of_it);
            let found = in_place.or(moved).or_else(here).copied().unwrap_or_default();
            if found.count >= frame.count {
                goes_on = false;
                continue;
            }
            let mut range = LostRange {
                first: frame.n.map(|(least, _)| least),
                last: frame.n.map(|(_, greatest)| greatest),
                events: Some(frame.count - found.count),
                from: frame.t.map(|(earliest, _)| earliest),
                to: frame.t.map(|(_, latest)| latest),
                exact: true,
            };
            if found.count > 0 {
                // The frame was cut: what came of it is its beginning.
                range.first = Some(found.last.0.saturating_add(1));
                range.from = Some(found.last.1);
                range.exact = false;
            }
            match lost.last_mut().filter(|_| goes_on) {
                Some(before) => before.join(range),
                None => lost.push(range),
            }
            goes_on = true;
        }
        lost
    }
}

impl LostRange {
    /// Takes in the range that follows at once.
    fn join(&mut self, next: Self) {
        self.last = next.last;
        self.events = self.events.zip(next.events).map(|(one, other)| one + other);
        self.from = self.from.zip(next.from).map(|(one, other)| one.min(other));
        self.to = self.to.zip(next.to).map(|(one, other)| one.max(other));
        self.exact &= next.exact;
    }

    /// A whole part that a manifest knows.
    pub(super) fn of_part(
        numbers: Option<(u64, u64)>,
        times: Option<(i64, i64)>,
        events: u64,
    ) -> Option<Self> {
        (events > 0).then_some(Self {
            first: numbers.map(|(least, _)| least),
            last: numbers.map(|(_, greatest)| greatest),
            events: Some(events),
            from: times.map(|(earliest, _)| earliest),
            to: times.map(|(_, latest)| latest),
            exact: true,
        })
    }
}

/// The numbers missing between two events; either side may be open.
fn between(before: Option<Mark>, after: Option<Mark>) -> Option<LostRange> {
    let first = before.map(|(number, _)| number.saturating_add(1));
    let range = LostRange {
        first,
        from: before.map(|(_, time)| time),
        last: after.map(|(number, _)| number.saturating_sub(1)),
        to: after.map(|(_, time)| time),
        ..LostRange::default()
    };
    match (first, range.last) {
        // Numbers that begin anew, as where archives were put one after another, say nothing.
        (Some(first), Some(last)) if last + 1 < first => Some(LostRange { last: None, ..range }),
        (Some(first), Some(last)) if last < first => None,
        (None, Some(0)) => None,
        (Some(first), Some(last)) => Some(LostRange { events: Some(last - first + 1), ..range }),
        _ => Some(range),
    }
}

/// The numbers missing after an event, up to the last one that a manifest knows.
fn until(before: Option<Mark>, number: u64, time: Option<i64>) -> Option<LostRange> {
    let first = before.map(|(last, _)| last.saturating_add(1));
    if first.is_some_and(|first| first > number) {
        return None;
    }
    Some(LostRange {
        first,
        last: Some(number),
        events: first.map(|first| number - first + 1),
        from: before.map(|(_, time)| time),
        to: time,
        exact: false,
    })
}

#[cfg(test)]
mod tests {
    use super::{LossTracker, LostRange};

    #[test]
    fn without_an_index_the_neighbours_tell() {
        let mut tracker = LossTracker::default();
        tracker.broke();
        tracker.event(10, Some(3), 30);
        tracker.broke();
        tracker.event(20, Some(4), 40);
        tracker.broke();
        tracker.broke();
        tracker.event(30, Some(9), 90);
        tracker.broke();
        let lost = tracker.end(None, true, None);
        let expected = [
            LostRange { last: Some(2), to: Some(30), ..LostRange::default() },
            LostRange {
                first: Some(5),
                last: Some(8),
                events: Some(4),
                from: Some(40),
                to: Some(90),
                exact: false,
            },
            LostRange { first: Some(10), from: Some(90), ..LostRange::default() },
        ];
        assert_eq!(lost, expected);
    }

    #[test]
    fn a_recording_that_begins_with_its_first_event_lost_nothing_before_it() {
        let mut tracker = LossTracker::default();
        tracker.broke();
        tracker.event(10, Some(1), 30);
        assert!(tracker.end(None, false, None).is_empty());
    }
}
