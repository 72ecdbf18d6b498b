//! When each event is due: an absolute schedule in integers. It knows no clock; it answers in time since the start.

use std::time::Duration;

use super::pace::{Pace, Speed};
use super::recorded_clock::RecordedClock;
use crate::event::Timestamp;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// What decides when events go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timetable {
    /// The recorded time it goes by.
    pub clock: RecordedClock,
    /// The pace, once it is reached.
    pub pace: Pace,
    /// The pace grows evenly from nothing over this time.
    pub ramp: Option<Duration>,
    /// How often the recording is sent again after the first time.
    pub further_rounds: u64,
}

impl Timetable {
    /// How often the recording is sent.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.further_rounds.saturating_add(1)
    }

    /// Whether there is a schedule at all.
    #[must_use]
    pub fn is_paced(&self) -> bool {
        self.pace != Pace::AsFastAsPossible
    }
}

impl From<Pace> for Timetable {
    fn from(pace: Pace) -> Self {
        Self { pace, ..Self::default() }
    }
}

/// Gives each event in turn its time since the start: `(t - t0) / speed`, or `index / rate`, then ramped.
///
/// Nothing is ever re-based on lateness. One writer hands events over in the order they were recorded, so an event
/// whose time lies before that of an earlier one is due with it: order wins over time.
#[derive(Clone, Debug)]
pub struct Schedule {
    pace: Pace,
    ramp: Option<Duration>,
    first: Option<i64>,
    highest: i64,
    index: u64,
    /// The recorded time of the last event and that time scaled, both since the first of the round, in nanoseconds.
    previous: (i128, i128),
    cut: i128,
    held_back: u64,
    /// Where the round begins.
    base: u128,
    /// Events of the round.
    in_round: u64,
    /// Where the last event lies, before the ramp.
    last: u128,
}

impl Schedule {
    /// A schedule that begins with the first event it is asked about.
    #[must_use]
    pub fn new(timetable: &Timetable) -> Self {
        Self {
            pace: timetable.pace,
            ramp: timetable.ramp,
            first: None,
            highest: i64::MIN,
            index: 0,
            previous: (0, 0),
            cut: 0,
            held_back: 0,
            base: 0,
            in_round: 0,
            last: 0,
        }
    }

    /// When the next event is due, since the start; `None` means as soon as possible.
    pub fn due(&mut self, recorded: Timestamp) -> Option<Duration> {
        self.last = match self.pace {
            Pace::AsFastAsPossible => return None,
            Pace::Even(rate) => rate.nanos(self.index),
            Pace::Recorded { speed, max_gap, skip_idle } => {
                self.base + self.recorded(recorded, speed, max_gap, skip_idle)
            }
        };
        self.index += 1;
        self.in_round += 1;
        Some(self.ramped(self.last))
    }

    /// The recording begins again, one mean gap after its last event.
    pub fn next_round(&mut self) {
        self.base = self.last + self.mean_gap();
        (self.first, self.highest, self.previous, self.cut, self.in_round) = (None, i64::MIN, (0, 0), 0, 0);
    }

    /// How many events had a time before that of an earlier one.
    #[must_use]
    pub fn held_back(&self) -> u64 {
        self.held_back
    }

    /// When the last of so many rounds like the first ends, after the first.
    #[must_use]
    pub fn length_of(&self, rounds: u64) -> Duration {
        let further = u128::from(rounds.saturating_sub(1));
        let last = match self.pace {
            Pace::AsFastAsPossible => return Duration::ZERO,
            Pace::Even(rate) => rate.nanos(self.index.saturating_mul(rounds).saturating_sub(1)),
            Pace::Recorded { .. } => self.last + further.saturating_mul(self.last + self.mean_gap()),
        };
        self.ramped(last)
    }

    fn mean_gap(&self) -> u128 {
        let gaps = u128::from(self.in_round.saturating_sub(1));
        (self.last - self.base).checked_div(gaps).unwrap_or(0)
    }

    fn ramped(&self, nanos: u128) -> Duration {
        from_nanos(self.ramp.map_or(nanos, |ramp| ramped(nanos, ramp)))
    }

    fn recorded(
        &mut self,
        recorded: Timestamp,
        speed: Speed,
        max_gap: Option<Duration>,
        skip_idle: Option<Duration>,
    ) -> u128 {
        let first = *self.first.get_or_insert(recorded.0);
        if recorded.0 < self.highest {
            self.held_back += 1;
        }
        self.highest = self.highest.max(recorded.0);
        let nanos = (i128::from(self.highest) - i128::from(first)) * 1000;
        let scaled = nanos * i128::from(speed.0.denominator) / i128::from(speed.0.numerator);
        let (idle, gap) = (nanos - self.previous.0, scaled - self.previous.1);
        self.previous = (nanos, scaled);
        let limit = |limit: Duration| i128::try_from(limit.as_nanos()).unwrap_or(i128::MAX);
        self.cut += match (skip_idle.map(limit), max_gap.map(limit)) {
            (Some(longest), _) if idle > longest => gap,
            (_, Some(longest)) => (gap - longest).max(0),
            _ => 0,
        };
        u128::try_from(scaled - self.cut).unwrap_or(0)
    }
}

/// When something is due whose time at full pace is `nanos`, while the pace grows evenly from nothing over `ramp`: after
/// `x` of it the pace is `x / ramp` of the full one and `x * x / (2 * ramp)` of the schedule is done, at its end half of
/// it; from then on everything is due half the ramp later than without one.
fn ramped(nanos: u128, ramp: Duration) -> u128 {
    let ramp = ramp.as_nanos();
    if nanos.saturating_mul(2) <= ramp {
        nanos.saturating_mul(ramp).saturating_mul(2).isqrt()
    } else {
        // Rounded up, so that nothing after the ramp is due before what lies in it.
        nanos.saturating_add(ramp.div_ceil(2))
    }
}

fn from_nanos(nanos: u128) -> Duration {
    let seconds = u64::try_from(nanos / NANOS_PER_SECOND).unwrap_or(u64::MAX);
    Duration::new(seconds, u32::try_from(nanos % NANOS_PER_SECOND).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Schedule, Timetable, ramped};
    use crate::event::Timestamp;
    use crate::replay::{Pace, Speed};

    fn recorded(speed: &str, max_gap: Option<Duration>) -> Schedule {
        let speed = speed.parse().expect("a speed");
        Schedule::new(&Pace::Recorded { speed, max_gap, skip_idle: None }.into())
    }

    fn recorded_at(speed: Speed) -> Schedule {
        Schedule::new(&Pace::Recorded { speed, max_gap: None, skip_idle: None }.into())
    }

    fn nanos(schedule: &mut Schedule, micros: i64) -> u128 {
        schedule.due(Timestamp(micros)).expect("paced").as_nanos()
    }

    #[test]
    fn a_long_run_at_an_odd_speed_stays_exact() {
        let mut schedule = recorded("3", None);
        nanos(&mut schedule, 0);
        let thirty_days = 30 * 24 * 3600 * 1_000_000;
        assert_eq!(
            nanos(&mut schedule, thirty_days),
            u128::try_from(thirty_days).expect("positive") * 1000 / 3
        );
    }

    #[test]
    fn times_that_run_backwards_do_not_break_order() {
        let mut schedule = recorded("1", None);
        assert_eq!(nanos(&mut schedule, 1_000), 0);
        assert_eq!(nanos(&mut schedule, 5_000), 4_000_000);
        assert_eq!(nanos(&mut schedule, 2_000), 4_000_000);
        assert_eq!(nanos(&mut schedule, 6_000), 5_000_000);
        assert_eq!(schedule.held_back(), 1);
    }

    #[test]
    fn long_gaps_are_cut_in_time_of_the_run() {
        let mut schedule = recorded("2", Some(Duration::from_millis(1)));
        assert_eq!(nanos(&mut schedule, 0), 0);
        assert_eq!(nanos(&mut schedule, 1_000), 500_000);
        assert_eq!(nanos(&mut schedule, 10_001_000), 1_500_000);
        assert_eq!(nanos(&mut schedule, 10_002_000), 2_000_000);
    }

    #[test]
    fn a_rate_is_smooth_over_the_whole_run() {
        let mut schedule = Schedule::new(&Pace::Even("3/s".parse().expect("a rate")).into());
        let due: Vec<u128> = (0..7).map(|_| nanos(&mut schedule, 0)).collect();
        assert_eq!(due[3], 1_000_000_000);
        assert_eq!(due[6], 2_000_000_000);
        assert_eq!(due[1], 333_333_333);
    }

    #[test]
    fn idle_time_is_left_out_by_the_clock_of_the_recording() {
        let pace = Pace::Recorded {
            speed: "2".parse().expect("a speed"),
            max_gap: Some(Duration::from_millis(3)),
            skip_idle: Some(Duration::from_millis(8)),
        };
        let mut schedule = Schedule::new(&pace.into());
        let due: Vec<u128> =
            [0, 1_000, 9_000, 17_001, 18_001].map(|micros| nanos(&mut schedule, micros)).into();
        // A gap of 8 ms is not longer than the limit and takes 4 ms at this speed, of which 3 are waited.
        assert_eq!(due, [0, 500_000, 3_500_000, 3_500_000, 4_000_000]);
    }

    #[test]
    fn rounds_follow_each_other_after_one_mean_gap() {
        let mut schedule = recorded("1", None);
        let mut due = Vec::new();
        for round in 0..3 {
            due.extend([5_000, 5_500, 9_000].map(|micros| nanos(&mut schedule, micros)));
            if round == 0 {
                assert_eq!(schedule.length_of(3), Duration::from_millis(16));
            }
            schedule.next_round();
        }
        assert_eq!(due[..4], [0, 500_000, 4_000_000, 6_000_000]);
        assert_eq!(due[8], 16_000_000);
        let mut even = Schedule::new(&Pace::Even("10/s".parse().expect("a rate")).into());
        for _ in 0..4 {
            nanos(&mut even, 0);
        }
        assert_eq!(even.length_of(2), Duration::from_millis(700));
        even.next_round();
        assert_eq!(nanos(&mut even, 0), 400_000_000);
    }

    #[test]
    fn a_ramp_sends_half_as_much_in_its_time_and_then_the_full_rate() {
        let ramp = Some(Duration::from_secs(10));
        let pace = Pace::Even("100/s".parse().expect("a rate"));
        let mut schedule = Schedule::new(&Timetable { pace, ramp, ..Timetable::default() });
        let due: Vec<u128> = (0..2_000).map(|_| nanos(&mut schedule, 0)).collect();
        let within = |seconds: u128| due.iter().filter(|each| **each < seconds * 1_000_000_000).count();
        // x * x / (2 * 10 s) of 100 events a second: 5 in the first second, 500 in the ramp, then 100 each.
        assert_eq!([1, 2, 5, 10, 11, 12].map(within), [5, 20, 125, 500, 600, 700]);
        assert_eq!(due[1_999], 24_990_000_000);
    }

    #[test]
    fn the_extremes_of_time_do_not_overflow() {
        let mut schedule = recorded("0.1", None);
        assert_eq!(nanos(&mut schedule, i64::MIN), 0);
        assert!(nanos(&mut schedule, i64::MAX) > 0);
    }

    proptest! {
        #[test]
        fn due_times_never_go_back_and_match_the_formula(
            times in proptest::collection::vec(0_i64..10_000_000_000, 1..200),
            tenths in 1_u64..10_000,
        ) {
            let speed = format!("{}.{}", tenths / 10, tenths % 10);
            let mut schedule = recorded(&speed, None);
            let (mut highest, mut last) = (times[0], 0);
            for time in &times {
                highest = highest.max(*time);
                let due = nanos(&mut schedule, *time);
                let offset = u128::try_from(highest - times[0]).expect("positive");
                prop_assert_eq!(due, offset * 1000 * 10 / u128::from(tenths));
                prop_assert!(due >= last);
                last = due;
            }
        }

        #[test]
        fn no_gap_is_longer_than_the_limit(
            gaps in proptest::collection::vec(0_i64..5_000_000, 1..100),
            limit in 1_u64..2_000_000,
        ) {
            let mut schedule = recorded("1", Some(Duration::from_micros(limit)));
            let (mut time, mut last) = (0, 0);
            nanos(&mut schedule, 0);
            for gap in gaps {
                time += gap;
                let due = nanos(&mut schedule, time);
                let expected = u128::try_from(gap).expect("positive").min(u128::from(limit)) * 1000;
                prop_assert_eq!(due - last, expected);
                last = due;
            }
        }

        #[test]
        fn a_ramp_is_the_exact_root_and_never_goes_back(
            mut times in proptest::collection::vec(0_u64..40_000_000_000, 2..100),
            ramp in 1_u64..20_000_000_000,
        ) {
            times.sort_unstable();
            let mut last = 0;
            for nanos in times.into_iter().map(u128::from) {
                let due = ramped(nanos, Duration::from_nanos(ramp));
                let ramp = u128::from(ramp);
                if nanos * 2 <= ramp {
                    prop_assert!(due * due <= nanos * ramp * 2 && (due + 1) * (due + 1) > nanos * ramp * 2);
                } else {
                    prop_assert_eq!(due, nanos + ramp.div_ceil(2));
                }
                prop_assert!(due >= last && due >= nanos);
                last = due;
            }
        }

        #[test]
        fn what_is_left_out_and_what_is_kept_make_the_whole(
            gaps in proptest::collection::vec(0_i64..5_000_000, 1..100),
            idle in 1_u64..2_000_000,
            tenths in 1_u64..10_000,
        ) {
            let speed = format!("{}.{}", tenths / 10, tenths % 10).parse().expect("a speed");
            let skip_idle = Some(Duration::from_micros(idle));
            let pace = Pace::Recorded { speed, max_gap: None, skip_idle };
            let (mut schedule, mut whole) = (Schedule::new(&pace.into()), recorded_at(speed));
            let (mut time, mut last, mut before) = (0, nanos(&mut schedule, 0), nanos(&mut whole, 0));
            for gap in gaps {
                time += gap;
                let (due, full) = (nanos(&mut schedule, time), nanos(&mut whole, time));
                let kept = if gap > i64::try_from(idle).expect("small") { 0 } else { full - before };
                prop_assert_eq!(due - last, kept);
                (last, before) = (due, full);
            }
        }
    }
}
