//! Whole runs on a clock that moves only when it is waited for: what is due when, to the nanosecond.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::progress::Counts;
use super::testing::{Act, ListSource, ScriptedSink, event_at};
use super::{
    ArchiveIdentity, Keeper, Late, Ledger, Limits, Observer, Outcome, Pace, Plan, Progress, Reopen, Silent,
    Speed, StopToken, Timetable, carry,
};
use crate::endpoint::{EndpointErrorKind, Source};
use crate::event::{Event, Header, NUMBER_HEADER, Timestamp};

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

/// Three events in two lanes, with identities of their own and places in a Redis stream.
fn recording() -> Vec<Event> {
    let event = |time: i64, name: &str| {
        let mut event = event_at("a", Timestamp(time));
        event.headers.push(Header::text("Nats-Msg-Id", name));
        event.attributes.insert("id".to_owned(), format!("{}-0", time / 1000).into());
        event
    };
    vec![event(5_000, "x"), event(5_500, "y"), event(9_000, "z")]
}

fn in_rounds(further_rounds: u64) -> Plan {
    let reopen = Reopen::new(|| {
        let source: Box<dyn Source> = Box::new(ListSource::new(recording()));
        Box::pin(std::future::ready(Ok(source)))
    });
    let timetable = Timetable { further_rounds, ..at_speed(Speed::RECORDED) };
    Plan { timetable, reopen: Some(reopen), mark: true, ..Plan::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_round_has_its_time_its_numbers_and_its_identities() {
    let (taken, outcome) = run(recording(), in_rounds(2), |_| Duration::ZERO).await;
    assert!(outcome.delivered() && outcome.settled == 9, "{outcome:?}");
    let due: Vec<u128> = taken.iter().map(|(_, at)| at / 1_000).collect();
    // The mean gap is 2 ms.
    assert_eq!(due, [0, 500, 4_000, 6_000, 6_500, 10_000, 12_000, 12_500, 16_000]);

    let sink = ScriptedSink::new(|_, _| Act::Take);
    let taken = Arc::clone(&sink.taken);
    let plan = Plan { clock: Clock::simulated(), ..in_rounds(2) };
    let source = Box::new(ListSource::new(recording()));
    carry(source, Box::new(sink), plan, &mut Silent, &StopToken::default()).await;
    let taken = taken.lock().expect("lock");
    let header = |name: &str| -> Vec<String> {
        taken.iter().filter_map(|event| event.header_text(name).map(str::to_owned)).collect()
    };
    assert_eq!(header(NUMBER_HEADER), (0..9).map(|number| number.to_string()).collect::<Vec<_>>());
    let names = header("Nats-Msg-Id");
    assert_eq!(names[..3], ["x", "y", "z"]);
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), 9);
    let ids: Vec<_> = taken.iter().map(|event| event.attributes["id"].as_str().unwrap_or("")).collect();
    assert_eq!(ids, ["5-0", "5-0", "9-0", "10-0", "10-0", "14-0", "15-0", "15-0", "19-0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_run_taken_up_again_keeps_its_rounds_and_its_schedule() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = ArchiveIdentity { path: "x".to_owned(), bytes: 1, sha256: String::new() };
    let mut ledger = Ledger::new(archive, String::new(), "memory:x".to_owned(), 9);
    for number in 0..4 {
        ledger.settled.insert(number);
    }
    ledger.schedule_began_us = Some(Timestamp::now().0 + 3_600_000_000);
    let path = folder.path().join("ledger");
    let keeper = Arc::new(Keeper::start(&path, ledger, None, true).expect("kept"));
    let plan = Plan { keeper: Some(Arc::clone(&keeper)), ..in_rounds(2) };
    let (taken, outcome) = run(recording(), plan, |_| Duration::ZERO).await;
    assert_eq!((taken.len(), outcome.summary.settled_before), (5, 4));
    assert!(keeper.finish().expect("written").finished);
    // The first that goes is the second of the second round, 6.5 ms after the beginning, which is an hour away.
    let gaps: Vec<u128> = taken.windows(2).map(|pair| (pair[1].1 - pair[0].1) / 1_000).collect();
    assert_eq!(gaps, [3_500, 2_000, 500, 3_500]);
    assert!(taken[0].1 > HOUR_NANOS - 60_000_000_000, "{taken:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn lanes_go_by_another_clock_and_keep_their_order() {
    let event = |lane: &str, received: i64, at: i64| Event {
        payload: Some(format!(r#"{{"at":{}}}"#, 1_700_000_000_000_000 + at).into()),
        ..event_at(lane, Timestamp(received))
    };
    let events = [event("a", 1, 4_000), event("a", 2, 3_000), event("b", 3, 0), event("b", 4, 5_000)];
    let clock = super::RecordedClock::Pointer("/at".to_owned());
    let timetable = Timetable { clock, ..at_speed(Speed::RECORDED) };
    let plan = Plan { timetable, ..Plan::default() };
    let (taken, outcome) = run(events, plan, |_| Duration::ZERO).await;
    assert_eq!(taken, [(3, 0), (1, 4_000_000), (2, 4_000_000), (4, 5_000_000)]);
    assert_eq!(outcome.summary.clamped, 1);
}

/// Keeps the counts it is told, and has so much time pass whenever events wait to be sent again.
struct Counting(Vec<Counts>, Clock, Duration);

impl Observer for Counting {
    fn note(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Running(counts) => self.0.push(counts),
            Progress::Retrying { .. } => self.1.advance(self.2),
            _ => {}
        }
    }
}

/// Ten events a second apart, one at a time; the target needs 20 s for the call `slow`, and is away for some time when it is
/// called the time `away`.
async fn counted(late: Late, slow: usize, (away, time): (usize, Duration)) -> Vec<Counts> {
    let clock = Clock::simulated();
    let ticking = clock.clone();
    let sink = ScriptedSink::new(move |_, call| {
        ticking.advance(Duration::from_secs(if call == slow { 20 } else { 0 }));
        if call == away { Act::AskLater(Duration::from_millis(600)) } else { Act::Take }
    });
    let source = ListSource::new((0..10).map(|index| event_at("a", Timestamp(index * 1_000_000))));
    let mut seen = Counting(Vec::new(), clock.clone(), time);
    let limits = Limits { outstanding_events: 1, ..Limits::default() };
    let plan = Plan { clock, late, limits, timetable: at_speed(Speed::RECORDED), ..Plan::default() };
    let outcome = carry(Box::new(source), Box::new(sink), plan, &mut seen, &StopToken::default()).await;
    assert!(outcome.delivered(), "{outcome:?}");
    seen.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn lag_grows_while_the_target_is_away_and_nobody_knows_how_long_it_takes() {
    let time = Duration::from_secs(27);
    let seen = counted(Late::Burst, usize::MAX, (3, time)).await;
    let away = seen.iter().find(|counts| counts.still).expect("counts while the target was away");
    // The next event may have been waited for before it was known that this one did not arrive.
    assert!(away.sent == 4 && away.lag >= time && away.lag <= time * 2, "{seen:?}");
    let last = seen.last().expect("the last counts");
    assert!(!last.still && last.sent == 10, "{last:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_schedule_that_was_stretched_has_come_as_far_as_its_events() {
    let seen = counted(Late::Stretch(Duration::from_millis(100)), 3, (8, Duration::ZERO)).await;
    let counts = seen.iter().find(|counts| counts.sent == 9).expect("counts before the last event");
    let scheduled = counts.scheduled.expect("a schedule");
    assert!((8..=9).contains(&scheduled.as_secs()) && !counts.still, "{counts:?}");
    assert!(counts.elapsed >= Duration::from_secs(26), "{counts:?}");
}

/// Whether the ledger says that nothing was left open by a run whose target does this with every tenth event.
async fn left_nothing_open(act: Act) -> (bool, Outcome) {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = ArchiveIdentity { path: "x".to_owned(), bytes: 1, sha256: String::new() };
    let ledger = Ledger::new(archive, String::new(), "memory:x".to_owned(), 40);
    let keeper = Arc::new(Keeper::start(&folder.path().join("ledger"), ledger, None, false).expect("kept"));
    let short = Duration::from_millis(200);
    let limits = Limits { retry_for: short, drain_for: short, receipt_patience: short, ..Limits::default() };
    let sink = ScriptedSink::new(move |event, _| if event.received.0 % 10 == 3 { act } else { Act::Take });
    let source = Box::new(ListSource::new((0..30).map(|index| event_at("a", Timestamp(index)))));
    let plan = Plan { keeper: Some(Arc::clone(&keeper)), limits, ..Plan::default() };
    let outcome = carry(source, Box::new(sink), plan, &mut Silent, &StopToken::default()).await;
    (keeper.finish().expect("written").ended_cleanly, outcome)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_run_with_every_receipt_good_or_bad_leaves_nothing_open() {
    assert!(left_nothing_open(Act::Take).await.0);
    let (cleanly, outcome) = left_nothing_open(Act::Fail(EndpointErrorKind::Rejected)).await;
    assert!(cleanly && outcome.summary.failed == 3, "{outcome:?}");
    assert!(!left_nothing_open(Act::Silence).await.0);
    assert!(!left_nothing_open(Act::Fail(EndpointErrorKind::Disconnected)).await.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_time_a_run_took_has_the_waiting_for_a_target_that_stays_away() {
    let (cleanly, outcome) = left_nothing_open(Act::Fail(EndpointErrorKind::Unreachable)).await;
    assert!(cleanly && matches!(outcome.ending, super::Ending::GaveUp(_)), "{outcome:?}");
    assert!(outcome.summary.duration_us >= 200_000, "{outcome:?}");
}
