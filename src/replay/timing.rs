//! From selected events to events with their time since the start: by the clock asked for, lanes merged where that asks
//! for it, round after round. The survey and the run share it, so that both give the same numbers.

use std::time::Duration;

use super::lane_merge::LaneMerge;
use super::recorded_clock::RecordedClock;
use super::schedule::{Schedule, Timetable};
use crate::endpoint::EndpointError;
use crate::event::{Event, Timestamp};

/// An event with its time since the start; none goes as soon as it can.
pub(super) type Timed = (Event, Option<Duration>);

/// A timetable at work.
#[derive(Debug)]
pub(super) struct Timing {
    clock: RecordedClock,
    merge: LaneMerge,
    schedule: Schedule,
    seen: u64,
}

impl Timing {
    pub fn new(timetable: &Timetable) -> Self {
        Self {
            clock: timetable.clock.clone(),
            merge: LaneMerge::default(),
            schedule: Schedule::new(timetable),
            seen: 0,
        }
    }

    /// Whether each event has its time by itself, as [`Self::due`] says; else they are timed together.
    pub fn is_one_by_one(&self) -> bool {
        self.clock.is_of_the_recording()
    }

    /// When the next event is due.
    pub fn due(&mut self, event: &Event) -> Option<Duration> {
        self.schedule.due(event.received)
    }

    /// Times a batch; beside what may go, why nothing after it has a time.
    pub fn time(&mut self, events: Vec<Event>) -> (Vec<Timed>, Option<EndpointError>) {
        if self.is_one_by_one() {
            let timed = events.into_iter().map(|event| {
                let due = self.due(&event);
                (event, due)
            });
            return (timed.collect(), None);
        }
        let schedule = &mut self.schedule;
        let (times, failure) = self.clock.times(&events, self.seen);
        self.seen += events.len() as u64;
        let mut ready = Vec::with_capacity(events.len());
        for (event, time) in events.into_iter().zip(times) {
            self.merge.push(event, time);
            ready.extend(std::iter::from_fn(|| self.merge.pop()).map(|next| scheduled(schedule, next)));
        }
        if failure.is_some() {
            ready.extend(self.rest());
        }
        (ready, failure)
    }

    /// What was looked ahead, once nothing follows.
    pub fn rest(&mut self) -> Vec<Timed> {
        let schedule = &mut self.schedule;
        std::iter::from_fn(|| self.merge.pop_last()).map(|next| scheduled(schedule, next)).collect()
    }

    /// The recording begins again.
    pub fn next_round(&mut self) {
        self.schedule.next_round();
        self.merge.next_round();
        self.seen = 0;
    }

    /// How many events had a time before that of an earlier one, of their lane where lanes are merged.
    pub fn clamped(&self) -> u64 {
        self.merge.clamped() + self.schedule.held_back()
    }

    /// When the last of so many rounds like the first ends.
    pub fn length_of(&self, rounds: u64) -> Duration {
        self.schedule.length_of(rounds)
    }
}

fn scheduled(schedule: &mut Schedule, (event, time): (Event, Timestamp)) -> Timed {
    let due = schedule.due(time);
    (event, due)
}
