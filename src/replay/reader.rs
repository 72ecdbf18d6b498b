//! Takes events from the source, ahead of their time but not far, selects them and says when each is due.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use super::backoff::Backoff;
use super::change::InRun;
use super::fault::FaultCount;
use super::guard::{self, LeftOut};
use super::handover::Handover;
use super::keeper::Keeper;
use super::progress::News;
use super::rounds::Rounds;
use super::schedule::Timetable;
use super::select::{Selection, Selector};
use super::settled::Settled;
use super::shard::Shard;
use super::stop::{StopReason, StopToken};
use super::timing::{Timed, Timing};
use super::waiting::{Chunk, Slot};
use super::word::{Arrived, Word};
use crate::endpoint::{EndpointError, EndpointErrorKind, PartNews, Removed, Source};
use crate::event::{Event, Header, LOOPS_HEADER, NUMBER_HEADER, RUN_HEADER};

/// Chunks that may wait for the writer.
pub(super) const CHUNKS_AHEAD: usize = 4;
const MOST_EVENTS_A_CHUNK: usize = 512;
/// The digits of the largest number.
const LONGEST_NUMBER: usize = 20;
/// Room for the numbers of many events.
const DIGITS_AT_ONCE: usize = 4096;
const BYTES_A_CHUNK: usize = 1024 * 1024;
/// A source that stays silent this long has nothing more on its way to us.
const SILENCE: Duration = Duration::from_millis(150);
/// A source that never falls silent is left after this time.
const LINGER: Duration = Duration::from_millis(500);
/// How long a source may take to leave; it must not hold up the report.
const GOODBYE: Duration = Duration::from_secs(2);
/// The same for a source that has to tell its system how far its events were dealt with.
const LONG_GOODBYE: Duration = Duration::from_secs(15);
/// How often a lost source that says nothing is asked whether it is back.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What reading came to.
#[derive(Debug, Default)]
pub(super) struct ReadEnd {
    pub error: Option<EndpointError>,
    pub stopped: bool,
    pub dropped: u64,
    pub removed: Removed,
    pub held_back: u64,
    pub faults: Vec<FaultCount>,
    pub left_out: LeftOut,
    /// Events of this process that an earlier part of the run had settled.
    pub settled_before: u64,
}

pub(super) struct Reader {
    source: Box<dyn Source>,
    selector: Selector,
    timing: Timing,
    rounds: Option<Rounds>,
    chunks: mpsc::Sender<Chunk>,
    backoff: Backoff,
    /// When interrupted, first take what the system has already sent.
    linger: bool,
    /// Who is told when the source goes away and comes back.
    news: Option<mpsc::UnboundedSender<News>>,
    lost: bool,
    /// The source tries again by itself: what it says is the end.
    is_looked_after: bool,
    /// Numbers that do not go again.
    settled: Settled,
    /// The run to mark events with.
    mark: Option<Bytes>,
    /// Where the numbers of marked events are written, many into one piece of memory.
    digits: BytesMut,
    shard: Option<Shard>,
    /// Who is told of events that other processes send.
    keeper: Option<Arc<Keeper>>,
    handover: Option<Arc<Handover>>,
    /// Tells a source that waits for it what has arrived.
    word: Option<Word>,
    settled_before: u64,
    number: u64,
    average: usize,
    /// What guards found in earlier rounds.
    left_out: LeftOut,
    /// Events that sources of earlier rounds lost.
    dropped: u64,
    /// What was removed before sources of earlier rounds came to it.
    removed: Removed,
    /// It was told that something was.
    has_told_removed: bool,
}

impl Reader {
    pub fn new(
        source: Box<dyn Source>,
        (selection, run): (Selection, &InRun),
        timetable: &Timetable,
        retry_for: Duration,
        chunks: mpsc::Sender<Chunk>,
    ) -> Self {
        Self {
            source,
            selector: Selector::in_run(selection, run),
            timing: Timing::new(timetable),
            rounds: None,
            left_out: LeftOut::default(),
            chunks,
            backoff: Backoff::new(retry_for),
            linger: false,
            news: None,
            lost: false,
            is_looked_after: false,
            settled: Settled::default(),
            mark: None,
            digits: BytesMut::new(),
            shard: None,
            keeper: None,
            handover: None,
            word: None,
            settled_before: 0,
            number: 0,
            dropped: 0,
            removed: Removed::default(),
            has_told_removed: false,
            average: BYTES_A_CHUNK / MOST_EVENTS_A_CHUNK,
        }
    }

    /// When interrupted, take what the system has already sent before leaving.
    pub fn lingering(mut self, linger: bool) -> Self {
        self.linger = linger;
        self
    }

    /// Events that do not go, because they went before.
    pub fn leaving_out(mut self, settled: Settled) -> Self {
        self.settled = settled;
        self
    }

    /// The run each event says it belongs to.
    pub fn marking(mut self, run: Option<String>) -> Self {
        self.mark = run.map(Bytes::from);
        self
    }

    /// Sends the recording again after its end.
    pub fn again(mut self, rounds: Option<Rounds>) -> Self {
        self.rounds = rounds;
        self
    }

    /// The lanes of this process; the ledger counts events of the others as settled.
    pub fn sharing(mut self, shard: Option<Shard>, keeper: Option<Arc<Keeper>>) -> Self {
        (self.shard, self.keeper) = (shard, keeper);
        self
    }

    /// Who knows which events are ours, and is told what is made of them.
    pub fn handing_over(mut self, handover: Option<Arc<Handover>>) -> Self {
        self.handover = handover;
        self
    }

    /// A source that can wait for it tells its system only of what has arrived. Not where events change their order on the way.
    pub fn telling_of(mut self, arrived: Option<Arc<Arrived>>) -> Self {
        let Some(arrived) = arrived else { return self };
        let is_in_order = self.timing.is_one_by_one() && self.rounds.is_none() && self.selector.keeps_order();
        let waits = is_in_order && self.handover.is_none() && self.source.waits_for_word();
        self.word = waits.then(|| Word::new(arrived, self.selector.makes_no_more_of_one()));
        self
    }

    /// Whom to tell when the source goes away and comes back.
    pub fn telling(mut self, news: mpsc::UnboundedSender<News>) -> Self {
        let tell_of_part = news.clone();
        self.is_looked_after = self.source.look_after(
            self.backoff.allowed(),
            Box::new(move |part| {
                // Without an observer nobody needs to know.
                let _ = tell_of_part.send(match part {
                    PartNews::Lost { error } => News::SourceLost { error },
                    PartNews::Back { name, goes_on } => News::SourceBack { source: Some(name), goes_on },
                });
            }),
        );
        self.news = Some(news);
        self
    }

    /// Reads until the source or the selection ends, the end is asked for, or the writer is `done`.
    pub async fn run(mut self, stop: StopToken, done: StopToken) -> ReadEnd {
        let mut stopped = false;
        let result = tokio::select! {
            biased;
            _ = done.requested() => Ok(()),
            result = self.read(&stop, &mut stopped) => result,
        };
        let (dropped, held_back) = (self.source.dropped(), self.timing.clamped());
        self.removed += self.source.removed();
        let removed = self.removed;
        let mut left_out = self.left_out;
        left_out.add(self.selector.left_out());
        let waits = self.handover.is_some() || self.word.is_some();
        if waits {
            // The writer ends when nothing more can come.
            drop(self.chunks);
            done.requested().await;
        }
        if let Some(handover) = self.handover {
            handover.finish();
        }
        if let Some(mut word) = self.word {
            word.say(self.source.as_mut());
        }
        // What was read is on its way; that the source could not say goodbye changes nothing for it.
        let goodbye = if waits { LONG_GOODBYE } else { GOODBYE };
        let _ = tokio::time::timeout(goodbye, self.source.close()).await;
        let settled_before = self.settled_before;
        let mut faults = self.selector.faults();
        if let Some(mut rounds) = self.rounds {
            rounds.add(faults);
            faults = rounds.faults;
        }
        let dropped = self.dropped + dropped;
        let error = result.err();
        ReadEnd { error, stopped, dropped, removed, held_back, faults, left_out, settled_before }
    }

    async fn read(&mut self, stop: &StopToken, stopped: &mut bool) -> Result<(), EndpointError> {
        while self.read_round(stop, stopped).await? {
            let rest = self.timing.rest();
            if self.hand_over(rest).await || !self.begin_again().await? {
                break;
            }
        }
        Ok(())
    }

    /// Begins the next round; false when there is none.
    async fn begin_again(&mut self) -> Result<bool, EndpointError> {
        let Some((rounds, selector)) =
            self.rounds.as_mut().and_then(|rounds| rounds.next().map(|selector| (rounds, selector)))
        else {
            return Ok(false);
        };
        rounds.add(self.selector.faults());
        self.left_out.add(self.selector.left_out());
        let source = rounds.reopen.open().await?;
        self.dropped += self.source.dropped();
        self.removed += self.source.removed();
        // Everything needed of it was read.
        let _ = std::mem::replace(&mut self.source, source).close().await;
        self.selector = selector;
        self.timing.next_round();
        Ok(true)
    }

    /// Reads the recording once; false when nothing more is to be read at all.
    async fn read_round(&mut self, stop: &StopToken, stopped: &mut bool) -> Result<bool, EndpointError> {
        while !self.selector.complete() {
            let most = self.most();
            if let Some(word) = &mut self.word {
                word.say(self.source.as_mut());
            }
            let is_held_up = self.source.is_held_up();
            let more_to_say = async {
                match &self.word {
                    Some(word) => word.more_to_say(is_held_up).await,
                    None => std::future::pending().await,
                }
            };
            let read = tokio::select! {
                biased;
                _ = stop.requested() => None,
                read = self.source.next_batch(most) => Some(read),
                () = more_to_say => continue,
                () = tokio::time::sleep(LOOK_AGAIN), if self.lost => {
                    if self.source.connected() {
                        self.found_again();
                    }
                    continue;
                }
            };
            let batch = match read {
                Some(Ok(batch)) => batch,
                Some(Err(error)) => {
                    self.wait_or_give_up(error, stop).await?;
                    continue;
                }
                None => {
                    *stopped = true;
                    let interrupted = stop.reason() == Some(StopReason::Interrupted);
                    if self.linger && interrupted {
                        self.take_the_rest().await?;
                    }
                    return Ok(false);
                }
            };
            self.found_again();
            self.look_for_removed();
            if batch.is_empty() {
                let rest = self.selector.rest();
                return Ok(!self.give(rest).await?);
            }
            self.average = batch.iter().map(Event::size).sum::<usize>() / batch.len();
            if self.hand_on(batch).await? {
                return Ok(self.selector.complete());
            }
        }
        Ok(true)
    }

    fn found_again(&mut self) {
        self.backoff.reset();
        if std::mem::take(&mut self.lost) {
            let goes_on = self.source.goes_on_where_it_stopped();
            self.tell(News::SourceBack { source: None, goes_on });
        }
    }

    /// Tells at once, and once, that the source's system removes events before they are read.
    fn look_for_removed(&mut self) {
        if self.has_told_removed {
            return;
        }
        let removed = self.source.removed();
        if !removed.is_none() {
            self.has_told_removed = true;
            self.tell(News::Removed(removed));
        }
    }

    /// How many events are asked for at once: no more than are wanted of a source that gives none of them back.
    fn most(&self) -> usize {
        let most = (BYTES_A_CHUNK / self.average.max(1)).clamp(1, MOST_EVENTS_A_CHUNK);
        let wanted = self.selector.wanted().filter(|_| !self.source.leaves_what_it_reads());
        wanted.map_or(most, |wanted| usize::try_from(wanted).unwrap_or(most).clamp(1, most))
    }

    /// Selects and hands on; true when nothing more is wanted. What was selected before a failure still goes.
    async fn hand_on(&mut self, mut batch: Vec<Event>) -> Result<bool, EndpointError> {
        let given = batch.len();
        let handover = self.handover.clone();
        let origins = handover.as_ref().map(|handover| handover.admit(&mut batch)).unwrap_or_default();
        let selected = self.selector.select(batch);
        if handover.is_some() && !selected.events.iter().all(|event| Handover::origin(event).is_some()) {
            return Err(without_origin());
        }
        // Where the selection ended in the batch, what lies behind its last event was not judged.
        let is_whole = selected.failure.is_none() && !selected.ended;
        let last = selected.events.last().and_then(Handover::origin);
        let judged = origins.iter().position(|origin| Some(*origin) == last).map_or(0, |place| place + 1);
        let judged = if is_whole { origins.len() } else { judged };
        let gone = self.give(selected.events).await?;
        // No more are asked for than are wanted, so that the last one wanted is the last of its batch.
        let all_judged = is_whole || selected.failure.is_none() && self.selector.complete();
        if let Some(word) = self.word.as_mut().filter(|_| all_judged) {
            word.given(given, self.number);
        }
        if let Some(handover) = handover {
            handover.selected(&origins[..judged]);
        }
        match selected.failure {
            Some(failure) => {
                let rest = self.timing.rest();
                self.hand_over(rest).await;
                Err(failure)
            }
            None => Ok(selected.ended || gone),
        }
    }

    /// Times events and gives them to the writer; true when it has gone.
    async fn give(&mut self, events: Vec<Event>) -> Result<bool, EndpointError> {
        if self.timing.is_one_by_one() {
            return Ok(self.send(events, |reader, event| reader.timing.due(event)).await);
        }
        let (timed, failure) = self.timing.time(events);
        let gone = self.hand_over(timed).await;
        failure.map_or(Ok(gone), Err)
    }

    /// Gives events with their time to the writer; true when it has gone.
    async fn hand_over(&mut self, timed: Vec<Timed>) -> bool {
        let (events, dues): (Vec<Event>, Vec<Option<Duration>>) = timed.into_iter().unzip();
        let mut dues = dues.into_iter();
        self.send(events, |_, _| dues.next().flatten()).await
    }

    /// Numbers events and gives those that go to the writer, each when it is `due`; true when the writer has gone.
    async fn send(
        &mut self,
        mut events: Vec<Event>,
        mut due: impl FnMut(&mut Self, &Event) -> Option<Duration>,
    ) -> bool {
        let mut of_others = Vec::new();
        let mut slots = Vec::with_capacity(events.len());
        events.retain_mut(|event| {
            let due = due(self, event);
            let number = self.number(event, &mut of_others);
            slots.extend(number.map(|number| Slot { number, due }));
            number.is_some()
        });
        if let Some(keeper) = &self.keeper {
            keeper.of_others(&of_others);
        }
        !events.is_empty() && self.chunks.send(Chunk { events, slots }).await.is_err()
    }

    /// Events that were on their way when the stop was asked for, until the source falls silent.
    async fn take_the_rest(&mut self) -> Result<(), EndpointError> {
        let end = tokio::time::Instant::now() + LINGER;
        while !self.selector.complete() && tokio::time::Instant::now() < end {
            let most = self.most();
            let read = tokio::time::timeout(SILENCE, self.source.next_batch(most)).await;
            let batch = match read {
                Ok(batch) => batch?,
                Err(_) => break,
            };
            if batch.is_empty() || self.hand_on(batch).await? {
                break;
            }
        }
        Ok(())
    }

    async fn wait_or_give_up(&mut self, error: EndpointError, stop: &StopToken) -> Result<(), EndpointError> {
        let tries = error.retryable() && !self.is_looked_after;
        let wait = tries.then(|| self.backoff.next_wait(Instant::now(), error.retry_after)).flatten();
        let Some(wait) = wait else {
            return Err(error);
        };
        if !std::mem::replace(&mut self.lost, true) {
            self.tell(News::SourceLost { error: error.message });
        }
        tokio::select! {
            _ = stop.requested() => {}
            () = tokio::time::sleep(wait) => {}
        }
        Ok(())
    }

    fn tell(&self, news: News) {
        // Without an observer nobody needs to know.
        let _ = self.news.as_ref().map(|observer| observer.send(news));
    }

    /// Says on the event which run sent it as which one; marks of an earlier run give way.
    fn mark(&mut self, event: &mut Event, number: u64) {
        let Some(run) = &self.mark else {
            return;
        };
        let loops = guard::loops(event) + 1;
        event.headers.retain(|header| ![RUN_HEADER, NUMBER_HEADER, LOOPS_HEADER].contains(&&*header.name));
        event.headers.reserve_exact(2);
        event.headers.push(Header { name: RUN_HEADER.into(), value: Some(run.clone()) });
        if self.digits.capacity() < LONGEST_NUMBER {
            self.digits.reserve(DIGITS_AT_ONCE);
        }
        // There is room for every number.
        let _ = write!(self.digits, "{number}");
        let digits = self.digits.split().freeze();
        event.headers.push(Header { name: NUMBER_HEADER.into(), value: Some(digits) });
        if loops > 1 {
            event.headers.push(Header::text(LOOPS_HEADER, loops.to_string()));
        }
    }

    /// The number of the next event; none when it does not go, and those `of_others` are noted.
    fn number(&mut self, event: &mut Event, of_others: &mut Vec<u64>) -> Option<u64> {
        let number = self.number;
        self.number += 1;
        if let Some(rounds) = &mut self.rounds {
            rounds.place(event);
        }
        // What went before has its time as well: the schedule is that of the whole run.
        if self.shard.is_some_and(|shard| !shard.has(event)) {
            of_others.push(number);
            return None;
        }
        if self.settled.contains(number) {
            self.settled_before += 1;
            return None;
        }
        if self.handover.as_ref().is_some_and(|handover| !handover.link(event, number)) {
            return None;
        }
        self.mark(event, number);
        Some(number)
    }
}

fn without_origin() -> EndpointError {
    let message = "`--map` took away what says of which event of the topic another was made";
    EndpointError::new(EndpointErrorKind::Malformed, message)
        .help("leave `.attributes` as they are: begin the filter with `.` and change other fields")
}
