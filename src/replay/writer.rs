//! The one writer of a run, on an OS thread of its own: waits until events are due, hands them over in order, settles
//! their receipts, and sends failed ones again in order. Lateness is never made up for by moving the schedule.
//!
//! A plain thread that sleeps until an absolute moment wakes some ten times closer to it than a timer of the async
//! runtime, and handing over from the same thread saves a hop between threads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, UnboundedSender};

use self::to_come::ReceiptsToCome;
use super::backoff::Backoff;
use super::canary::{Canary, FirstEvents};
use super::change::{Moved, NewTimes};
use super::clock::Clock;
use super::engine::Limits;
use super::handover::Handover;
use super::keeper::Keeper;
use super::late::Late;
use super::progress::{News, SharedCounts};
use super::recall::Recall;
use super::results::Results;
use super::stop::{StopReason, StopToken};
use super::tally::{Batch, Note, Tally};
use super::waiting::{Chunk, Slot, Waiting};
use super::word::Arrived;
use crate::endpoint::{EndpointError, EndpointErrorKind, Sink};
use crate::event::{Event, Timestamp};

mod batching;
mod receipts;
mod to_come;

/// Before this last stretch the wait can be interrupted; within it the thread sleeps.
const LAST_STRETCH: Duration = Duration::from_millis(10);

/// What waits to go together with more goes without it when nothing comes for so long.
const HELD_BACK: Duration = Duration::from_secs(1);

/// What writing came to.
#[derive(Debug)]
pub(super) struct WriteEnd {
    pub tally: Tally,
    pub settled: u64,
    pub stopped: bool,
    pub gave_up: Option<EndpointError>,
    pub began: Option<Instant>,
    pub stretched: Duration,
    pub close_error: Option<EndpointError>,
}

pub(super) struct Writer {
    sink: Box<dyn Sink>,
    chunks: mpsc::Receiver<Chunk>,
    waiting: Waiting,
    under_way: BTreeMap<u64, Batch>,
    events_under_way: usize,
    bytes_under_way: usize,
    next_batch: u64,
    next_number: u64,
    receipts: ReceiptsToCome,
    again: Vec<(Event, Note, EndpointError)>,
    tally: Tally,
    backoff: Backoff,
    limits: Limits,
    keeper: Option<Arc<Keeper>>,
    recall: Option<Recall>,
    handover: Option<Arc<Handover>>,
    /// Who is told how far events have arrived.
    arrived: Option<Arc<Arrived>>,
    /// What carries the time of sending, when it is to be written on events.
    stamping: Option<NewTimes>,
    canary: Option<Canary>,
    /// Since when nothing goes until it is decided that the rest follows.
    still_since: Option<Instant>,
    /// When receipts last came.
    settled_at: Option<Instant>,
    /// When what was held back was last told to go without more.
    flushed: Option<Instant>,
    /// Where the end is asked for when the rest is not to follow.
    ends: StopToken,
    stop: StopToken,
    news: UnboundedSender<News>,
    clock: Clock,
    start_at: Option<Timestamp>,
    late: Late,
    /// Where the schedule begins, and with it this part of the run when it is a later one.
    started: Option<Instant>,
    began: Option<Instant>,
    stretched: Duration,
    stopped: bool,
    /// Nothing more is handed over.
    ending: bool,
    gave_up: Option<EndpointError>,
}

enum Next {
    Due(Batch),
    Settled,
    End,
}

impl Writer {
    pub fn new(
        sink: Box<dyn Sink>,
        chunks: mpsc::Receiver<Chunk>,
        mut limits: Limits,
        stop: StopToken,
        shared: Arc<SharedCounts>,
        news: UnboundedSender<News>,
    ) -> Self {
        limits.batch_events = limits.batch_events.min(sink.most_at_once());
        Self {
            sink,
            chunks,
            waiting: Waiting::default(),
            under_way: BTreeMap::new(),
            events_under_way: 0,
            bytes_under_way: 0,
            next_batch: 0,
            next_number: 0,
            receipts: ReceiptsToCome::default(),
            again: Vec::new(),
            tally: Tally::new(shared),
            backoff: Backoff::new(limits.retry_for),
            limits,
            keeper: None,
            recall: None,
            handover: None,
            arrived: None,
            stamping: None,
            canary: None,
            still_since: None,
            settled_at: None,
            flushed: None,
            ends: StopToken::default(),
            stop,
            news,
            clock: Clock::default(),
            start_at: None,
            late: Late::default(),
            started: None,
            began: None,
            stretched: Duration::ZERO,
            stopped: false,
            ending: false,
            gave_up: None,
        }
    }

    /// Tells the ledger of every receipt, and hands nothing over whose loss it could not bound.
    pub fn kept_by(mut self, keeper: Option<Arc<Keeper>>) -> Self {
        self.tally.kept_by(keeper.clone(), self.limits.batch_events as u64);
        self.keeper = keeper;
        self
    }

    /// Asks, before an event goes, whether it is still ours, and tells of every receipt.
    pub fn handing_over(mut self, handover: Option<Arc<Handover>>) -> Self {
        (self.tally.handover, self.handover) = (handover.clone(), handover);
        self
    }

    /// Tells how far events have arrived.
    pub fn telling_of(mut self, arrived: Option<Arc<Arrived>>) -> Self {
        self.arrived = arrived;
        self
    }

    /// When the schedule begins, what is done about late events, and what tells the time.
    pub fn on_schedule(mut self, (start_at, late): (Option<Timestamp>, Late), clock: Clock) -> Self {
        (self.start_at, self.late, self.clock) = (start_at, late, clock);
        self
    }

    /// Writes a line for each event.
    pub fn written_to(mut self, results: Option<Arc<Results>>) -> Self {
        self.tally.written_to(results);
        self
    }

    /// Looks there whether events have arrived before they go again.
    pub fn recalling(mut self, recall: Option<Recall>) -> Self {
        self.recall = recall;
        self
    }

    /// Asks after the first events whether the rest follows; if not, the end is asked for.
    pub fn asking(mut self, canary: Option<Canary>, ends: StopToken) -> Self {
        (self.canary, self.ends) = (canary, ends);
        self
    }

    /// Writes the time of sending on events.
    pub fn stamping(mut self, times: Option<NewTimes>) -> Self {
        self.stamping = times;
        self
    }

    /// Runs to the end of the events, or until asked to stop, or until the target stays away too long.
    pub async fn run(mut self) -> WriteEnd {
        wake_on_time();
        loop {
            while let Some((id, deliveries)) = self.receipts.there() {
                self.settle(id, deliveries, true);
            }
            self.tell_what_arrived();
            if self.stopped || self.stop.reason().is_some() {
                self.stopped = true;
                break;
            }
            if let Some(failure) = self.keeper.as_ref().and_then(|keeper| keeper.failure()) {
                self.gave_up.get_or_insert(failure);
            }
            if self.gave_up.is_some() {
                break;
            }
            if !self.again.is_empty() {
                self.send_again().await;
                continue;
            }
            if self.until_the_question() == Some(0) {
                let since = *self.still_since.get_or_insert(self.clock.now());
                if self.under_way.is_empty() {
                    self.ask(since);
                } else {
                    self.await_one_receipt(None).await;
                }
                continue;
            }
            match self.next().await {
                Next::Due(batch) => self.hand_over(batch).await,
                Next::Settled => {}
                Next::End if self.under_way.is_empty() => break,
                Next::End => self.await_one_receipt(None).await,
            }
        }
        self.finish().await
    }

    /// Everything before the first event that waits for its receipt, or is to go again, has arrived.
    fn tell_what_arrived(&self) {
        let Some(arrived) = &self.arrived else { return };
        let under_way = self.under_way.values().next().and_then(|batch| batch.notes.first());
        let again = self.again.iter().map(|(_, note, _)| note.number).min();
        let first = under_way.map(|note| note.number).into_iter().chain(again).min();
        arrived.up_to(first.map_or(self.next_number, |first| first.min(self.next_number)));
    }

    /// How many events may go before it is asked whether more are to.
    fn until_the_question(&self) -> Option<u64> {
        let canary = self.canary.as_ref()?;
        Some(canary.after.saturating_sub(self.tally.sent + self.tally.left_out_late))
    }

    /// Asks whether the rest follows; the schedule stands still from `since` on.
    fn ask(&mut self, since: Instant) {
        let Some(canary) = self.canary.take() else { return };
        let Tally { sent, acknowledged, failed, .. } = self.tally;
        if !canary.goes_on(FirstEvents { sent, acknowledged, failed }) {
            self.ends.request(StopReason::Declined);
            self.stopped = true;
            return;
        }
        let waited = self.clock.now().saturating_duration_since(since);
        self.started = self.started.map(|started| started + waited);
        if let (Some(keeper), Some(started)) = (&self.keeper, self.started) {
            keeper.begin_schedule(self.clock.wall(started));
        }
    }

    /// Waits for the next events to be due, for a receipt, or for the end.
    async fn next(&mut self) -> Next {
        if self.waiting.is_empty() {
            let until_the_flush = self.until_the_flush();
            tokio::select! {
                biased;
                _ = self.stop.requested() => return Next::Settled,
                (id, deliveries) = self.receipts.next() => {
                    self.settle(id, deliveries, true);
                    return Next::Settled;
                }
                () = wanted(self.arrived.as_deref()), if !self.under_way.is_empty() => {
                    self.sink.flush().await;
                    return Next::Settled;
                }
                chunk = self.chunks.recv() => match chunk {
                    Some(chunk) => self.waiting = chunk.into(),
                    None => return Next::End,
                },
                // A reader that looks for its next event for long must not hold up those before it.
                () = tokio::time::sleep(until_the_flush), if !self.under_way.is_empty() => {
                    if self.waits_too_long() {
                        self.wait_no_longer().await;
                    } else {
                        self.flushed = Some(self.clock.now());
                        self.sink.flush().await;
                    }
                    return Next::Settled;
                }
            }
        }
        let Some((_, Slot { due, .. })) = self.waiting.get(0) else {
            return Next::Settled;
        };
        let start = self.start(due);
        self.tally.stands(Some(start), due.map(|due| start + due));
        if (due.is_some() || self.start_at.is_some())
            && !self.wait_until(start + due.unwrap_or_default()).await
        {
            return Next::Settled;
        }
        let batch = self.take_due(start);
        if batch.events.is_empty() { Next::Settled } else { Next::Due(batch) }
    }

    /// Whether something was handed over so long ago, and nothing has had its receipt since, that none comes any more.
    fn waits_too_long(&self) -> bool {
        let sent = self.under_way.values().next().and_then(|batch| batch.sent);
        let oldest = sent.max(self.settled_at).max(self.sink.last_receipt());
        let waited = oldest.map(|sent| self.clock.now().saturating_duration_since(sent));
        waited.is_some_and(|waited| waited > self.limits.receipt_patience)
    }

    /// How long it is until what is held back is to go without more.
    fn until_the_flush(&self) -> Duration {
        let Some(quiet) = self.sink.holds_back_for() else { return HELD_BACK };
        // Where there is much of it, it goes by itself.
        if self.bytes_under_way > self.limits.batch_bytes {
            return quiet;
        }
        let oldest = self.under_way.values().next().and_then(|batch| batch.sent);
        let waited = oldest.max(self.flushed).map(|since| self.clock.now().saturating_duration_since(since));
        quiet.saturating_sub(waited.unwrap_or_default())
    }

    /// The moment the schedule begins; what is due `first` is the first event of this part of the run.
    fn start(&mut self, first: Option<Duration>) -> Instant {
        if let Some(started) = self.started {
            return started;
        }
        let now = self.clock.now();
        let known = self.keeper.as_ref().and_then(|keeper| keeper.schedule_began());
        let begin = known.or(self.start_at).map(|time| self.clock.moment(time));
        let goes_on = now.checked_sub(first.unwrap_or_default()).unwrap_or(now);
        let start = match begin {
            Some(begin) if known.is_some() && self.late.moves_over_a_break() => begin.max(goes_on),
            Some(begin) => begin,
            None => goes_on,
        };
        if let Some(keeper) = self.keeper.as_ref().filter(|_| known.is_none()) {
            keeper.begin_schedule(self.clock.wall(start));
        }
        (self.started, self.began) = (Some(start), Some(start.max(now)));
        start
    }

    /// True when the moment has come, false when something else wants attention first.
    async fn wait_until(&mut self, moment: Instant) -> bool {
        loop {
            let left = moment.saturating_duration_since(self.clock.now());
            if left.is_zero() {
                return true;
            }
            if left <= LAST_STRETCH {
                self.clock.block(left);
                return true;
            }
            tokio::select! {
                biased;
                _ = self.stop.requested() => return false,
                (id, deliveries) = self.receipts.next() => {
                    self.settle(id, deliveries, true);
                    if !self.again.is_empty() {
                        return false;
                    }
                }
                () = self.clock.sleep(left.saturating_sub(LAST_STRETCH)) => {}
            }
        }
    }

    /// Hands a batch over for the first time.
    async fn hand_over(&mut self, mut batch: Batch) {
        self.tally.stands(self.started, batch.notes.first().map(|note| note.intended));
        while self.is_full() {
            if self.must_not_send() {
                break;
            }
            self.await_one_receipt(None).await;
        }
        if self.must_not_send() {
            // Nothing may overtake what failed before it.
            self.put_back(batch);
            return;
        }
        if self.under_way.is_empty() {
            // All receipts have been looked at, and nothing has to go again.
            self.sink.resume().await;
        }
        if let Some(times) = &self.stamping {
            let now = Moved::To(Timestamp::now());
            batch.events.iter_mut().for_each(|event| times.apply(event, now));
        }
        let at = self.send(&batch).await;
        batch.sent = Some(at);
        self.tally.handed_over(&batch, at);
        self.keep(batch);
        self.hurry_ledger();
    }

    /// Something else comes first: an end asked for, events that failed, or a ledger that cannot be kept.
    fn must_not_send(&self) -> bool {
        let unkept = self.keeper.as_ref().is_some_and(|keeper| keeper.failure().is_some());
        !self.again.is_empty() || self.stop.reason().is_some() || unkept
    }

    fn is_full(&self) -> bool {
        self.events_under_way >= self.limits.outstanding_events
            || self.bytes_under_way >= self.limits.outstanding_bytes
            || self.ledger_behind().is_some()
    }

    /// The mark on disk, when so many events went since that no more may: a crash must not make more of them uncertain.
    fn ledger_behind(&self) -> Option<u64> {
        let keeper = self.keeper.as_ref()?;
        let low = keeper.persisted_low();
        let behind = self.next_number.saturating_sub(low);
        (behind > keeper.window() + self.limits.batch_events as u64).then_some(low)
    }

    /// Has the ledger written before it holds anything up.
    fn hurry_ledger(&self) {
        if let Some(keeper) = &self.keeper
            && self.next_number.saturating_sub(keeper.persisted_low()) > keeper.window() / 4
        {
            keeper.want();
        }
    }

    /// Gives the batch to the client, whose receipts are to come from then on; returns when it was taken.
    async fn send(&mut self, batch: &Batch) -> Instant {
        let id = self.next_batch;
        self.next_batch += 1;
        let (stop, patience) = (self.stop.clone(), self.limits.drain_for);
        let too_long = async {
            stop.requested().await;
            tokio::time::sleep(patience).await;
        };
        let taken = tokio::select! {
            biased;
            receipts = self.sink.send(&batch.events) => Some(receipts),
            () = too_long => None,
        };
        let at = self.clock.now();
        // No delivery at all counts as a missing receipt for each event.
        self.receipts.await_batch(id, taken.unwrap_or_else(|| Box::pin(std::future::ready(Vec::new()))));
        at
    }

    fn tell(&self, news: News) {
        let _ = self.news.send(news);
    }
}

/// Asks the system to wake this thread when its time has come; by default Linux adds up to 50 µs to save power.
fn wake_on_time() {
    #[cfg(target_os = "linux")]
    {
        // Where it is refused the thread only wakes a little later.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    }
}

/// Waits until receipts are wanted before more can be read.
async fn wanted(arrived: Option<&Arrived>) {
    match arrived {
        Some(arrived) => arrived.wanted().await,
        None => std::future::pending().await,
    }
}

pub(super) fn writer_lost() -> EndpointError {
    EndpointError::new(EndpointErrorKind::Rejected, "the writer ended unexpectedly")
}
