//! Carries events from one source to one sink: a reading task, a writing thread, and an observer who is told of both.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::canary::Canary;
use super::change::{InRun, NewTimes, Retime};
use super::clock::Clock;
use super::handover::Handover;
use super::keeper::Keeper;
use super::late::Late;
use super::progress::{Observer, Progress, SharedCounts};
use super::reader::{CHUNKS_AHEAD, ReadEnd, Reader};
use super::recall::Recall;
use super::results::Results;
use super::rounds::{Reopen, Rounds};
use super::schedule::Timetable;
use super::select::Selection;
use super::shard::Shard;
use super::stop::{StopReason, StopToken};
use super::summary::{Ending, Outcome, Summary};
use super::word::Arrived;
use super::writer::{WriteEnd, Writer, writer_lost};
use crate::endpoint::{Sink, Source};
use crate::event::Timestamp;

const REPORT_EVERY: Duration = Duration::from_millis(100);
/// How long the reader may take to say what it came to; it does not wait for a source that says no goodbye for as long.
const LAST_WORDS: Duration = Duration::from_secs(20);

/// Most events of one batch, unless said otherwise.
pub(super) const BATCH_EVENTS: usize = 512;

/// How much may be under way, and for how long things are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most events of one batch.
    pub batch_events: usize,
    /// Bytes after which a batch takes no further event.
    pub batch_bytes: usize,
    /// Most events without a receipt.
    pub outstanding_events: usize,
    /// Bytes without a receipt after which nothing more is handed over.
    pub outstanding_bytes: usize,
    /// How long failed events are tried again before the run ends.
    pub retry_for: Duration,
    /// How long receipts are awaited once the end was asked for.
    pub drain_for: Duration,
    /// How long a receipt is awaited at all; longer than any timeout of a sink.
    pub receipt_patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_events: BATCH_EVENTS,
            batch_bytes: 1024 * 1024,
            outstanding_events: 32_768,
            outstanding_bytes: 8 * 1024 * 1024,
            retry_for: Duration::from_secs(30),
            drain_for: Duration::from_secs(5),
            receipt_patience: Duration::from_secs(60),
        }
    }
}

/// What is to be carried, when, and how hard to try.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Which events.
    pub selection: Selection,
    /// When each.
    pub timetable: Timetable,
    /// The file that gets a line for each event.
    pub results: Option<Arc<Results>>,
    /// How the source is opened again, for rounds after the first.
    pub reopen: Option<Reopen>,
    /// When the schedule begins; without one, when the first event is there.
    pub start_at: Option<Timestamp>,
    /// A pause after the first events, for somebody to decide whether the rest follows.
    pub canary: Option<Canary>,
    /// What is done about late events.
    pub late: Late,
    /// What tells the time.
    pub clock: Clock,
    /// Limits of memory and patience.
    pub limits: Limits,
    /// How many events it will be, when counted before.
    pub planned: Option<u64>,
    /// How long the schedule takes, when known.
    pub length: Option<Duration>,
    /// The earliest time written on what goes, when known: what times are moved from.
    pub first: Option<Timestamp>,
    /// When asked to stop, still carry what was read or is on its way: a recording loses nothing it was sent.
    pub finish_what_was_read: bool,
    /// Mark every event, where the target has headers: [`RUN_HEADER`](crate::event::RUN_HEADER) and
    /// [`NUMBER_HEADER`](crate::event::NUMBER_HEADER).
    pub mark: bool,
    /// The name of the run; a keeper has its own, and without either it gets a new one.
    pub run: Option<String>,
    /// The ledger of the run: what it says is settled does not go again, and it is told of every receipt.
    pub keeper: Option<Arc<Keeper>>,
    /// Who tells a shared source how far its events were dealt with, and what of them is another's.
    pub handover: Option<Arc<Handover>>,
    /// The lanes of this process, when several send the recording together.
    pub shard: Option<Shard>,
    /// What these send and where to, in a word that is the same in each of them and another one in other runs.
    pub common: String,
    /// Where to look, before an event goes again whose fate a failure left open, whether it has arrived; only with a keeper.
    pub recall: Option<Recall>,
}

/// Carries events from `source` to `sink` and says what it came to. Both are closed at the end.
///
/// Needs a runtime with at least one worker thread. Failures are part of the [`Outcome`].
pub async fn carry(
    source: Box<dyn Source>,
    sink: Box<dyn Sink>,
    plan: Plan,
    observer: &mut dyn Observer,
    stop: &StopToken,
) -> Outcome {
    let (planned, length, start_at) = (plan.planned, plan.length, plan.start_at);
    let (skipped, retry_for) = (plan.selection.skip, plan.limits.retry_for);
    observer.note(Progress::Started { planned, length, start_at });
    let shared = Arc::new(SharedCounts::by(plan.clock.clone()));
    let (chunk_sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
    let (news_sender, mut news) = mpsc::unbounded_channel();
    let run = name_of(&plan);
    let in_run = first_round(&plan, run.clone());
    let (seed, stamping) = (seed(&plan.selection), stamping(&plan.selection));
    let settled = plan.keeper.as_ref().map(|keeper| keeper.before().clone()).unwrap_or_default();
    let already_settled = settled.count();
    let mark = (plan.mark && sink.capabilities().headers).then(|| run.clone());
    let further = plan.timetable.further_rounds;
    let rounds = plan.reopen.filter(|_| further > 0);
    let rounds = rounds.map(|reopen| Rounds::new(further, reopen, plan.selection.clone(), in_run.clone()));
    let arrived = sink.receipts_last().then(|| Arc::new(Arrived::default()));
    let reader = Reader::new(source, (plan.selection, &in_run), &plan.timetable, retry_for, chunk_sender)
        .lingering(plan.finish_what_was_read)
        .leaving_out(settled)
        .marking(mark)
        .again(rounds)
        .sharing(plan.shard, plan.keeper.clone())
        .handing_over(plan.handover.clone())
        .telling_of(arrived.clone())
        .telling(news_sender.clone());
    let done = StopToken::default();
    let reading = tokio::spawn(reader.run(stop.clone(), done.clone()));
    let heeded = if plan.finish_what_was_read { StopToken::default() } else { stop.clone() };
    let writer = Writer::new(sink, chunks, plan.limits, heeded, Arc::clone(&shared), news_sender)
        .on_schedule((start_at, plan.late), plan.clock)
        .kept_by(plan.keeper)
        .handing_over(plan.handover)
        .telling_of(arrived)
        .written_to(plan.results)
        .recalling(plan.recall)
        .asking(plan.canary, stop.clone())
        .stamping(stamping);
    let mut writing = on_own_thread(writer);

    // Waiting for the start is no part of the time that rates are measured in.
    let begun = start_at.map_or_else(Instant::now, |time| Clock::default().moment(time).max(Instant::now()));
    let mut ticks = tokio::time::interval(REPORT_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let written = loop {
        tokio::select! {
            biased;
            written = &mut writing => break written.ok(),
            Some(news) = news.recv() => observer.note(news.into()),
            _ = ticks.tick() => observer.note(Progress::Running(shared.read(begun))),
        }
    };
    observer.note(Progress::Running(shared.read(begun)));
    done.request(StopReason::Limit);
    let read = ended_reading(reading).await;
    let settled_before = plan.shard.map_or(already_settled, |_| read.settled_before);
    let mut outcome = outcome((planned, skipped), written, read, stop);
    (outcome.summary.run, outcome.summary.settled_before) = (run, settled_before);
    (outcome.summary.seed, outcome.summary.shard) = (seed, plan.shard);
    observer.note(Progress::Finished(&outcome));
    outcome
}

/// What decides which events have a fault.
fn seed(selection: &Selection) -> Option<u64> {
    (!selection.faults.list.is_empty()).then_some(selection.faults.seed)
}

/// What carries the time of sending, when it is to be written on events.
fn stamping(selection: &Selection) -> Option<NewTimes> {
    let times = &selection.changes.times;
    (times.retime == Retime::Now).then(|| times.clone())
}

/// What the ledger calls the run, else what the plan does, else a new name.
fn name_of(plan: &Plan) -> String {
    let kept = plan.keeper.as_ref().map(|keeper| keeper.run().to_owned());
    kept.or_else(|| plan.run.clone()).unwrap_or_else(|| uuid::Uuid::now_v7().to_string())
}

/// The events of the first round in their run.
fn first_round(plan: &Plan, run: String) -> InRun {
    // A run that goes on goes by the beginning in its ledger.
    let known = plan.keeper.as_ref().map(|keeper| keeper.began()).or(plan.start_at);
    let began = known.unwrap_or_else(Timestamp::now);
    // What all shards of a run know of it: an identity becomes the same in each of them.
    let run = if plan.shard.is_some() { format!("shards of {} from {began}", plan.common) } else { run };
    InRun { run, round: 0, began, first: plan.first, shard: plan.shard }
}

/// The writer blocks while it waits for the moment an event is due, so it gets a thread of its own.
fn on_own_thread(writer: Writer) -> oneshot::Receiver<WriteEnd> {
    let (sender, receiver) = oneshot::channel();
    let runtime = Handle::current();
    let body = move || {
        // Nobody listens any more only when the whole run was dropped.
        let _ = sender.send(runtime.block_on(writer.run()));
    };
    // A thread that cannot be started drops the sender, which the receiver sees.
    drop(std::thread::Builder::new().name("eddy-writer".to_owned()).spawn(body));
    receiver
}

/// A reader that does not come to its end must not hold up the report.
async fn ended_reading(reading: tokio::task::JoinHandle<ReadEnd>) -> ReadEnd {
    match tokio::time::timeout(LAST_WORDS, reading).await {
        Ok(Ok(end)) => end,
        _ => ReadEnd::default(),
    }
}

fn outcome(
    (planned, skipped): (Option<u64>, u64),
    written: Option<WriteEnd>,
    read: ReadEnd,
    stop: &StopToken,
) -> Outcome {
    let mut end = written.unwrap_or_else(no_writer);
    let stopped = stop.reason().filter(|_| end.stopped || read.stopped);
    let ending = match (end.gave_up, read.error, end.close_error, stopped) {
        (Some(error), ..) | (None, None, Some(error), _) => Ending::GaveUp(error),
        (_, Some(error), ..) => Ending::SourceFailed(error),
        (.., Some(reason)) => Ending::Stopped(reason),
        _ => Ending::Complete,
    };
    let tally = &mut end.tally;
    let duration = end.began.zip(tally.ended).map(|(begin, last)| last.saturating_duration_since(begin));
    let reordered = tally.lanes.reordered();
    Outcome {
        summary: Summary {
            run: String::new(),
            shard: None,
            planned,
            settled_before: 0,
            removed: read.removed,
            sent: tally.sent,
            acknowledged: tally.acknowledged,
            failed: tally.failed,
            possible_duplicates: tally.possible_duplicates,
            faults: read.faults,
            seed: None,
            left_out_late: tally.left_out_late,
            stretched_us: micros(end.stretched),
            duration_us: duration.map_or(0, micros),
            clamped: read.held_back,
            lag_us: tally.lag.quantiles(),
            response_us: tally.response.quantiles(),
            lanes: std::mem::take(&mut tally.lanes).into_counts(),
            undelivered: std::mem::take(&mut tally.undelivered).behind(skipped),
        },
        ending,
        settled: end.settled,
        bytes: tally.bytes,
        dropped: read.dropped,
        held_back: read.held_back,
        left_out: read.left_out,
        reordered,
        failures: std::mem::take(&mut tally.failures),
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Stands in when the writer's thread could not be started or was lost.
fn no_writer() -> WriteEnd {
    WriteEnd {
        tally: super::tally::Tally::new(Arc::default()),
        settled: 0,
        stopped: false,
        gave_up: Some(writer_lost()),
        began: None,
        stretched: Duration::ZERO,
        close_error: None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use super::{Limits, Plan, carry};
    use crate::endpoint::{EndpointErrorKind, Removed};
    use crate::event::{Event, Timestamp};
    use crate::replay::testing::{Act, ListSource, ScriptedSink, event_at};
    use crate::replay::{
        Ending, Handover, Observer, Outcome, Pace, Progress, Selection, Silent, Speed, StopReason, StopToken,
    };

    fn events(count: i64, gap: i64) -> impl Iterator<Item = Event> {
        (0..count).map(move |index| {
            let channel = if index % 3 == 0 { "a" } else { "b" };
            event_at(channel, Timestamp(1_000_000 + index * gap))
        })
    }

    fn quick() -> Limits {
        Limits {
            retry_for: Duration::from_millis(300),
            drain_for: Duration::from_millis(100),
            batch_events: 4,
            ..Limits::default()
        }
    }

    async fn run(
        source: ListSource,
        sink: ScriptedSink,
        plan: Plan,
        stop: &StopToken,
    ) -> (Outcome, Vec<i64>) {
        let taken = Arc::clone(&sink.taken);
        let outcome = carry(Box::new(source), Box::new(sink), plan, &mut Silent, stop).await;
        let times = taken.lock().expect("lock").iter().map(|event| event.received.0).collect();
        (outcome, times)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn everything_arrives_in_order_and_on_time() {
        let pace = Pace::Recorded { speed: "10".parse().expect("a speed"), max_gap: None, skip_idle: None };
        let plan = Plan { timetable: pace.into(), planned: Some(500), ..Plan::default() };
        let began = Instant::now();
        let sink = ScriptedSink::new(|_, _| Act::Take);
        let (outcome, times) =
            run(ListSource::new(events(500, 2_000)), sink, plan, &StopToken::default()).await;
        let elapsed = began.elapsed();
        assert!(outcome.delivered(), "{outcome:?}");
        assert!(times.is_sorted() && times.len() == 500);
        let summary = &outcome.summary;
        assert_eq!((summary.sent, summary.acknowledged, summary.failed, outcome.settled), (500, 500, 0, 500));
        // 499 gaps of 2 ms at ten times the speed; only the lower bound is sure on a busy machine.
        assert!(elapsed >= Duration::from_micros(99_800) && summary.duration_us >= 99_800, "{summary:?}");
        assert_eq!(summary.lanes.iter().map(|lane| lane.sent).collect::<Vec<_>>(), [333, 167]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_shared_run_ends_when_a_receipt_never_comes() {
        let handover = Arc::new(Handover::default());
        let part = crate::endpoint::End { channel: "a".to_owned(), partition: Some(0), offset: 0 };
        crate::endpoint::recording::Carrier::gained(&*handover, &[part]);
        let event = |offset: u64| {
            let place = crate::event::Place { partition: Some(0), offset: Some(offset) };
            Event { place, ..event_at("a", Timestamp(1)) }
        };
        // The source waits for what it gave out to be dealt with, as one that shares its partitions does.
        let source = ListSource::new((0..20).map(event)).then_silent();
        let sink = ScriptedSink::new(|_, call| if call == 1 { Act::Silence } else { Act::Take });
        let limits = Limits { receipt_patience: Duration::from_millis(200), ..quick() };
        let plan = Plan { limits, handover: Some(handover), ..Plan::default() };
        let stop = StopToken::default();
        let ended = tokio::time::timeout(Duration::from_secs(20), run(source, sink, plan, &stop)).await;
        let (outcome, _) = ended.expect("it ends");
        assert!(matches!(&outcome.ending, Ending::GaveUp(error) if error.kind == EndpointErrorKind::Timeout));
        assert!(!outcome.delivered() && outcome.summary.failed == 4, "{outcome:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn failed_events_go_again_before_anything_else() {
        let sink = ScriptedSink::new(|_, call| match call {
            1 | 2 => Act::Fail(EndpointErrorKind::Disconnected),
            _ => Act::Take,
        });
        let plan = Plan { limits: Limits { outstanding_events: 4, ..quick() }, ..Plan::default() };
        let (outcome, times) = run(ListSource::new(events(20, 1)), sink, plan, &StopToken::default()).await;
        assert!(outcome.delivered(), "{outcome:?}");
        assert_eq!(times, (0..20).map(|index| 1_000_000 + index).collect::<Vec<_>>());
        assert_eq!(outcome.summary.sent, 20);
        assert_eq!(outcome.summary.possible_duplicates, 8);
        assert_eq!(outcome.reordered, 0);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_sink_that_lost_its_connection_goes_on_when_all_that_failed_was_seen() {
        let sink = ScriptedSink::new(|_, call| if call == 2 { Act::Break } else { Act::Take });
        let plan = Plan { limits: quick(), ..Plan::default() };
        let (outcome, times) = run(ListSource::new(events(40, 1)), sink, plan, &StopToken::default()).await;
        assert!(outcome.delivered(), "{outcome:?}");
        assert_eq!(times, (0..40).map(|index| 1_000_000 + index).collect::<Vec<_>>());
        assert_eq!(outcome.reordered, 0);
        // What was refused meanwhile did not go: only the event the connection broke over may be there twice.
        assert_eq!(outcome.summary.possible_duplicates, 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_wait_the_target_asks_for_is_kept_while_there_is_time() {
        let wait = Duration::from_millis(200);
        let sink = ScriptedSink::new(move |_, call| if call == 0 { Act::AskLater(wait) } else { Act::Take });
        let plan =
            Plan { limits: Limits { retry_for: Duration::from_secs(60), ..quick() }, ..Plan::default() };
        let began = Instant::now();
        let (outcome, times) = run(ListSource::new(events(1, 1)), sink, plan, &StopToken::default()).await;
        assert!(outcome.delivered() && times.len() == 1, "{outcome:?}");
        assert!(began.elapsed() >= wait);
        // What will not come in time is not waited for.
        let sink = ScriptedSink::new(|_, call| match call {
            0 => Act::AskLater(Duration::from_secs(3600)),
            _ => Act::Take,
        });
        let plan = Plan { limits: quick(), ..Plan::default() };
        let (outcome, times) = run(ListSource::new(events(1, 1)), sink, plan, &StopToken::default()).await;
        assert!(matches!(outcome.ending, Ending::GaveUp(_)) && times.is_empty(), "{outcome:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_full_disk_ends_the_transfer_although_the_source_goes_on() {
        let sink = ScriptedSink::new(|_, call| match call {
            0 => Act::Take,
            _ => Act::Fail(EndpointErrorKind::File),
        });
        let plan = Plan { limits: Limits { outstanding_events: 4, ..quick() }, ..Plan::default() };
        let source = ListSource::new(events(1_000, 1)).then_silent();
        let (outcome, times) = run(source, sink, plan, &StopToken::default()).await;
        assert!(matches!(&outcome.ending, Ending::GaveUp(error) if error.kind == EndpointErrorKind::File));
        assert_eq!((times.len(), outcome.settled), (4, 4));
        assert!(outcome.summary.failed < 100, "{:?}", outcome.summary);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_refused_event_is_counted_and_the_rest_goes_on() {
        let sink = ScriptedSink::new(|event, _| match event.received.0 {
            1_000_003 => Act::Fail(EndpointErrorKind::TooLarge),
            _ => Act::Take,
        });
        let plan = Plan { limits: quick(), ..Plan::default() };
        let (outcome, times) = run(ListSource::new(events(9, 1)), sink, plan, &StopToken::default()).await;
        assert_eq!((outcome.summary.failed, times.len()), (1, 8));
        assert!(!outcome.delivered() && matches!(outcome.ending, Ending::Complete));
        assert_eq!(outcome.failures.len(), 1);
        let lane = outcome.summary.lanes.iter().find(|lane| lane.channel == "a").expect("lane");
        assert_eq!((lane.failed, lane.acknowledged), (1, 2));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_target_that_stays_away_ends_the_run_with_the_point_to_go_on_from() {
        let sink = ScriptedSink::new(|event, _| match event.received.0 {
            ..1_000_008 => Act::Take,
            _ => Act::Fail(EndpointErrorKind::Unreachable),
        });
        let plan = Plan { limits: quick(), ..Plan::default() };
        let (outcome, times) = run(ListSource::new(events(40, 1)), sink, plan, &StopToken::default()).await;
        assert!(matches!(outcome.ending, Ending::GaveUp(_)), "{outcome:?}");
        assert_eq!((times.len(), outcome.settled, outcome.summary.possible_duplicates), (8, 8, 0));
        assert_eq!(outcome.summary.acknowledged + outcome.summary.failed, outcome.summary.sent);
    }

    /// Keeps what it is told of removed events.
    #[derive(Default)]
    struct HearsOfRemoved(Vec<Removed>);

    impl Observer for HearsOfRemoved {
        fn note(&mut self, progress: Progress<'_>) {
            if let Progress::Removed(removed) = progress {
                self.0.push(removed);
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn what_was_removed_before_it_was_read_is_told_once_and_counted() {
        let removed = Removed { events: 7, at_most: true };
        let source = ListSource::new(events(2_000, 1)).that_missed(removed);
        let sink = ScriptedSink::new(|_, _| Act::Take);
        let mut observer = HearsOfRemoved::default();
        let stop = StopToken::default();
        let outcome = carry(Box::new(source), Box::new(sink), Plan::default(), &mut observer, &stop).await;
        assert_eq!((observer.0, outcome.summary.removed), (vec![removed], removed));
    }

    /// Asks for the end once so many events were handed over.
    struct StopAfter(u64, StopToken);

    impl Observer for StopAfter {
        fn note(&mut self, progress: Progress<'_>) {
            if let Progress::Running(counts) = progress
                && counts.sent >= self.0
            {
                self.1.request(StopReason::Interrupted);
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_stop_drains_what_is_under_way_and_says_where_to_go_on() {
        let stop = StopToken::default();
        let sink = ScriptedSink::new(|event, _| match event.received.0 {
            0..1_000_000 => Act::Take,
            time if (time - 1_000_000) / 1_000 == 2 => Act::Silence,
            _ => Act::Take,
        });
        let taken = Arc::clone(&sink.taken);
        let pace = Pace::Recorded { speed: Speed::RECORDED, max_gap: None, skip_idle: None };
        let plan = Plan { timetable: pace.into(), limits: quick(), ..Plan::default() };
        let source = ListSource::new(events(100_000, 1_000));
        let mut observer = StopAfter(20, stop.clone());
        let outcome = carry(Box::new(source), Box::new(sink), plan, &mut observer, &stop).await;
        assert!(matches!(outcome.ending, Ending::Stopped(StopReason::Interrupted)));
        let summary = &outcome.summary;
        assert!(summary.failed >= 1 && summary.acknowledged + summary.failed == summary.sent, "{summary:?}");
        // Events that were due together with the silent one share its batch, and so its missing receipts.
        let unreceipted = taken.lock().expect("lock").len() as u64 - summary.acknowledged;
        assert!(unreceipted < 4, "{unreceipted} of a batch of four");
        assert!(outcome.settled <= 2, "the silent event is to go again: {}", outcome.settled);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_recording_keeps_what_it_has_read_when_stopped() {
        let stop = StopToken::default();
        let sink = ScriptedSink::new(|_, _| Act::Take);
        let taken: Arc<Mutex<Vec<Event>>> = Arc::clone(&sink.taken);
        let source = ListSource::new(events(3_000, 1)).then_silent();
        let plan = Plan { finish_what_was_read: true, ..Plan::default() };
        let mut observer = StopAfter(1, stop.clone());
        let outcome = carry(Box::new(source), Box::new(sink), plan, &mut observer, &stop).await;
        assert!(matches!(outcome.ending, Ending::Stopped(_)));
        let count = taken.lock().expect("lock").len() as u64;
        assert_eq!((count, outcome.settled), (outcome.summary.acknowledged, count));
        assert_eq!(count, 3_000, "what was on its way is kept");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn continuing_after_the_settled_events_sends_each_once() {
        let whole: Vec<i64> = events(30, 1).map(|event| event.received.0).collect();
        let first = Selection { first: Some(11), ..Selection::default() };
        let sink = ScriptedSink::new(|_, _| Act::Take);
        let plan = Plan { selection: first, ..Plan::default() };
        let (outcome, mut times) =
            run(ListSource::new(events(30, 1)), sink, plan, &StopToken::default()).await;
        let rest = Selection { skip: outcome.settled, ..Selection::default() };
        let sink = ScriptedSink::new(|_, _| Act::Take);
        let plan = Plan { selection: rest, ..Plan::default() };
        let (_, more) = run(ListSource::new(events(30, 1)), sink, plan, &StopToken::default()).await;
        times.extend(more);
        assert_eq!(times, whole);
    }
}
