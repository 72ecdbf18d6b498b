//! Whole runs on a clock that moves only when it is waited for: what is due when, to the nanosecond.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::testing::{Act, ListSource, ScriptedSink, event_at};
use super::{Late, Outcome, Pace, Plan, Silent, Speed, StopToken, Timetable, carry};
use crate::event::{Event, Timestamp};

const HOUR_NANOS: u128 = 3600 * 1_000_000_000;

/// Runs `plan` on a simulated clock; a sink that needs `pause(call)` for a batch. When each event was taken since the start.
async fn run(
    events: impl IntoIterator<Item = Event>,
    plan: Plan,
    mut pause: impl FnMut(usize) -> Duration + Send + 'static,
) -> (Vec<(i64, u128)>, Outcome) {
    let clock = Clock::simulated();
    let taken: Arc<Mutex<Vec<(i64, Instant)>>> = Arc::default();
    let (seen, ticking, begun) = (Arc::clone(&taken), clock.clone(), clock.now());
    let mut last_call = usize::MAX;
    let sink = ScriptedSink::new(move |event, call| {
        seen.lock().expect("lock").push((event.received.0, ticking.now()));
        if std::mem::replace(&mut last_call, call) != call {
            ticking.advance(pause(call));
        }
        Act::Take
    });
    let source = ListSource::new(events);
    let plan = Plan { clock, ..plan };
    let outcome = carry(Box::new(source), Box::new(sink), plan, &mut Silent, &StopToken::default()).await;
    let taken = taken.lock().expect("lock");
    (taken.iter().map(|(time, at)| (*time, (*at - begun).as_nanos())).collect(), outcome)
}

fn at_speed(speed: Speed) -> Timetable {
    Pace::Recorded { speed, max_gap: None, skip_idle: None }.into()
}

/// An hour of events, each an odd number of microseconds after the one before, with a few at the same time.
fn hour() -> Vec<i64> {
    let times = (0_i64..).map(|index| index * 333_667 - index % 7 * 11 + index / 5 % 2);
    times.take_while(|time| *time < 3_600_000_000).chain([3_600_000_000]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_hour_goes_out_at_every_speed_without_any_drift() {
    for (speed, factor) in [
        (Speed::of(3600, 1), (1, 3600)),
        ("1000".parse().expect("a speed"), (1, 1000)),
        ("0.1".parse().expect("a speed"), (10, 1)),
        ("2.5".parse().expect("a speed"), (2, 5)),
    ] {
        let times = hour();
        let events = times.iter().map(|time| event_at("a", Timestamp(1_700_000_000_000_000 + time)));
        let plan = Plan { timetable: at_speed(speed), ..Plan::default() };
        let (taken, outcome) = run(events.collect::<Vec<_>>(), plan, |_| Duration::ZERO).await;
        assert!(outcome.delivered(), "{outcome:?}");
        let expected = times.iter().map(|time| {
            let nanos = u128::try_from(*time).expect("positive") * 1000;
            (1_700_000_000_000_000 + time, nanos * factor.0 / factor.1)
        });
        assert_eq!(taken, expected.collect::<Vec<_>>(), "{speed:?}");
        assert_eq!(taken.last().map(|(_, at)| *at), Some(HOUR_NANOS * factor.0 / factor.1));
        assert_eq!((outcome.summary.lag_us.max, outcome.summary.stretched_us), (0, 0));
    }
}

/// Ten events a second apart, with a target that needs 2.5 s for the fourth batch.
async fn with_a_slow_target(late: Late) -> (Vec<(i64, u128)>, Outcome) {
    let events: Vec<Event> = (0..10).map(|index| event_at("a", Timestamp(index * 1_000_000))).collect();
    let plan = Plan { timetable: at_speed(Speed::RECORDED), late, ..Plan::default() };
    let slow = |call| if call == 3 { Duration::from_millis(2_500) } else { Duration::ZERO };
    let (taken, outcome) = run(events, plan, slow).await;
    (taken.into_iter().map(|(time, at)| (time / 1_000_000, at / 1_000_000)).collect(), outcome)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn late_events_go_at_once_and_the_schedule_stays() {
    let (taken, outcome) = with_a_slow_target(Late::Burst).await;
    assert_eq!(taken[3..7], [(3, 3_000), (4, 5_500), (5, 5_500), (6, 6_000)]);
    assert_eq!((taken.len(), taken[9]), (10, (9, 9_000)));
    assert!(outcome.delivered());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_stretched_schedule_keeps_its_gaps() {
    let (taken, outcome) = with_a_slow_target(Late::Stretch(Duration::from_millis(100))).await;
    assert_eq!(taken[3..7], [(3, 3_000), (4, 5_500), (5, 6_500), (6, 7_500)]);
    assert_eq!((taken[9], outcome.summary.stretched_us), ((9, 10_500), 1_500_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_too_late_is_left_out_and_counted() {
    let (taken, outcome) = with_a_slow_target(Late::Drop(Duration::from_secs(1))).await;
    assert_eq!(taken[3..7], [(3, 3_000), (5, 5_500), (6, 6_000), (7, 7_000)]);
    assert_eq!((taken.len(), outcome.summary.left_out_late, outcome.settled), (9, 1, 10));
    assert!(outcome.delivered());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_run_that_must_not_be_late_ends_at_the_first_event_that_is() {
    let (taken, outcome) = with_a_slow_target(Late::AbortOver(Duration::from_secs(1))).await;
    assert_eq!((taken.len(), outcome.settled), (4, 4));
    let super::Ending::GaveUp(error) = &outcome.ending else { panic!("{outcome:?}") };
    assert!(error.message.contains("1.500 s late"), "{error:?}");
    assert_eq!(with_a_slow_target(Late::AbortOver(Duration::from_secs(2))).await.0.len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nothing_goes_before_the_time_to_start() {
    let now = Timestamp::now();
    let plan = Plan { start_at: Some(Timestamp(now.0 + 3_600_000_000)), ..Plan::default() };
    let (taken, outcome) = run([event_at("a", Timestamp(1))], plan, |_| Duration::ZERO).await;
    assert!(outcome.delivered());
    // Between the two looks at the wall clock some time passes, but not a minute.
    assert!((HOUR_NANOS - 60_000_000_000..=HOUR_NANOS).contains(&taken[0].1), "{taken:?}");
}
