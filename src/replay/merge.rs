//! Several sources read as one: what is past is interleaved by time, what happens now comes as it comes.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::select_all;
use tokio::time::Instant;

use super::backoff::Backoff;
use crate::endpoint::{BoxFuture, EndpointError, PartNews, Removed, Source, TellOfPart};
use crate::event::{Event, Timestamp};

/// How long a source that has a past to tell is waited for before it counts as live.
const SILENCE: Duration = Duration::from_millis(200);

/// How often a lost source that says nothing is asked whether it is back.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What a source yields, which decides whether its next event may be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A recording: events by the time they were received, without waiting for the world.
    Recorded,
    /// A part of the past that ends: events by their own time.
    Past,
    /// First the past, then what happens: by time until it falls silent, then as it comes.
    CatchingUp,
    /// What happens now.
    Live,
}

struct Part {
    source: Box<dyn Source>,
    reading: Reading,
    ahead: VecDeque<Event>,
    ended: bool,
    /// Events of it that were dealt with.
    dealt_with: u64,
    /// What it is called where it is spoken of.
    name: String,
    /// Since it was lost, and not seen again.
    lost: Option<Lost>,
}

/// A part that does not answer.
struct Lost {
    backoff: Backoff,
    /// It is not asked before.
    again: Instant,
    /// When it was asked again first, since it failed the last time.
    asked: Option<Instant>,
}

/// How lost parts are looked after, and who is told of them.
struct Care {
    patience: Duration,
    tell: TellOfPart,
}

impl Part {
    /// Its next event is not known, and may be earlier than those of the others.
    fn is_awaited(&self) -> bool {
        self.ahead.is_empty() && !self.ended && self.reading != Reading::Live
    }

    /// Whether it is asked for its next events: a lost one only now and then.
    fn is_asked(&self) -> bool {
        let rests = self.lost.as_ref().is_some_and(|lost| lost.again > Instant::now());
        self.ahead.is_empty() && !self.ended && !rests
    }

    /// It failed: it is asked again later, unless that went on for too long.
    fn failed(&mut self, error: EndpointError, care: Option<&Care>) -> Result<(), EndpointError> {
        let Some(care) = care.filter(|_| error.retryable()) else {
            return Err(error);
        };
        let was_lost = self.lost.is_some();
        let now = Instant::now();
        let lost = self.lost.get_or_insert_with(|| Lost {
            backoff: Backoff::new(care.patience),
            again: now,
            asked: None,
        });
        let Some(wait) = lost.backoff.next_wait(now.into_std(), error.retry_after) else {
            return Err(error);
        };
        (lost.again, lost.asked) = (now + wait, None);
        if !was_lost {
            (care.tell)(PartNews::Lost { error: error.message });
        }
        Ok(())
    }

    /// It answered, or its system is there again.
    fn works(&mut self, care: Option<&Care>) {
        if let (Some(_), Some(care)) = (self.lost.take(), care) {
            let goes_on = self.source.goes_on_where_it_stopped();
            (care.tell)(PartNews::Back { name: self.name.clone(), goes_on });
        }
    }

    fn next_time(&self) -> Option<Timestamp> {
        let event = self.ahead.front()?;
        Some(if self.reading == Reading::Recorded { event.received } else { event.time() })
    }
}

/// Several sources as one.
#[derive(Default)]
pub struct MergedSource {
    parts: Vec<Part>,
    /// From which part events were given out, and how many in a row, as far as they were not dealt with.
    given: VecDeque<(usize, u64)>,
    /// Events that were dealt with.
    dealt_with: u64,
    waits_for_word: bool,
    care: Option<Care>,
    /// Which one is asked first.
    turn: usize,
}

impl MergedSource {
    /// Adds a source.
    pub fn add(&mut self, source: Box<dyn Source>, reading: Reading) {
        self.add_named(source, reading, String::new());
    }

    /// Adds a source that is called something where it is spoken of.
    pub fn add_named(&mut self, source: Box<dyn Source>, reading: Reading, name: String) {
        self.parts.push(Part {
            source,
            reading,
            ahead: VecDeque::new(),
            ended: false,
            dealt_with: 0,
            name,
            lost: None,
        });
    }

    /// Those lost that were asked again, have not failed since, and whose system is there, work again.
    fn look_for_lost(&mut self) {
        let now = Instant::now();
        for part in &mut self.parts {
            let Some(lost) = part.lost.as_mut().filter(|lost| lost.again <= now) else { continue };
            let asked = *lost.asked.get_or_insert(now);
            if now.saturating_duration_since(asked) >= LOOK_AGAIN && part.source.connected() {
                part.works(self.care.as_ref());
            }
        }
    }

    /// Reads until no part that is waited for could still hold an earlier event and at least one event is there.
    async fn fill(&mut self, max: usize) -> Result<(), EndpointError> {
        loop {
            let any = self.parts.iter().any(|part| !part.ahead.is_empty());
            let awaited = self.parts.iter().any(Part::is_awaited);
            let ended = self.parts.iter().all(|part| part.ended);
            if (any && !awaited) || ended {
                return Ok(());
            }
            let surely =
                self.parts.iter().any(|part| part.is_awaited() && part.reading != Reading::CatchingUp);
            self.look_for_lost();
            let any_lost = self.parts.iter().any(|part| part.lost.is_some());
            let patience = if any && !surely { SILENCE } else { Duration::MAX };
            let until = if any_lost { patience.min(LOOK_AGAIN) } else { patience };
            if let Ok((place, read)) = tokio::time::timeout(until, self.read_one(max)).await {
                let part = &mut self.parts[place];
                match read {
                    Ok(batch) => {
                        part.ended = batch.is_empty();
                        part.ahead.extend(batch);
                        part.works(self.care.as_ref());
                    }
                    Err(error) => part.failed(error, self.care.as_ref())?,
                }
                continue;
            }
            if !any || surely {
                continue;
            }
            for silent in self.parts.iter_mut().filter(|part| part.is_awaited()) {
                silent.reading = Reading::Live;
            }
        }
    }

    /// Waits for the first part that has something to say.
    async fn read_one(&mut self, max: usize) -> (usize, Result<Vec<Event>, EndpointError>) {
        let asked = self.parts.iter_mut().enumerate().filter(|(_, part)| part.is_asked());
        let mut reads: Vec<_> = asked
            .map(|(place, part)| Box::pin(async move { (place, part.source.next_batch(max).await) }))
            .collect();
        if reads.is_empty() {
            return std::future::pending().await;
        }
        // One that always has something must not keep the others from being asked.
        self.turn = self.turn.wrapping_add(1);
        let first = self.turn % reads.len();
        reads.rotate_left(first);
        select_all(reads).await.0
    }

    fn take(&mut self, max: usize) -> Vec<Event> {
        let mut batch = Vec::new();
        while batch.len() < max {
            let heads = self.parts.iter_mut().enumerate().filter(|(_, part)| !part.ahead.is_empty());
            let Some((place, earliest)) = heads.min_by_key(|(_, part)| part.next_time()) else {
                break;
            };
            batch.extend(earliest.ahead.pop_front());
            let is_awaited = earliest.is_awaited();
            self.note(place, 1);
            if is_awaited {
                break;
            }
        }
        batch
    }

    fn note(&mut self, place: usize, events: u64) {
        match self.given.back_mut().filter(|(last, _)| *last == place) {
            _ if !self.waits_for_word => {}
            Some((_, count)) => *count += events,
            None => self.given.push_back((place, events)),
        }
    }
}

impl Source for MergedSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(async move {
            // A single source has nobody to wait for.
            if let [only] = self.parts.as_mut_slice()
                && only.ahead.is_empty()
                && !only.ended
            {
                let batch = only.source.next_batch(max).await?;
                only.ended = batch.is_empty();
                self.note(0, batch.len() as u64);
                return Ok(batch);
            }
            self.fill(max).await?;
            Ok(self.take(max))
        })
    }

    fn connected(&self) -> bool {
        self.parts.iter().all(|part| part.ended || part.source.connected())
    }

    fn dropped(&self) -> u64 {
        self.parts.iter().map(|part| part.source.dropped()).sum()
    }

    fn removed(&self) -> Removed {
        let mut removed = Removed::default();
        self.parts.iter().for_each(|part| removed += part.source.removed());
        removed
    }

    fn waits_for_word(&mut self) -> bool {
        let asked = self.parts.iter_mut().map(|part| part.source.waits_for_word());
        // Each of them is asked.
        self.waits_for_word = asked.filter(|waits| *waits).count() > 0;
        self.waits_for_word
    }

    fn dealt_with(&mut self, events: u64) {
        let mut more = events.saturating_sub(self.dealt_with);
        self.dealt_with += more;
        while let Some((place, count)) = self.given.front_mut().filter(|_| more > 0) {
            let step = more.min(*count);
            let part = &mut self.parts[*place];
            (*count, more, part.dealt_with) = (*count - step, more - step, part.dealt_with + step);
            part.source.dealt_with(part.dealt_with);
            if *count == 0 {
                self.given.pop_front();
            }
        }
    }

    fn is_held_up(&self) -> bool {
        self.parts.iter().any(|part| part.source.is_held_up())
    }

    fn look_after(&mut self, patience: Duration, tell: TellOfPart) -> bool {
        let are_several = self.parts.len() > 1;
        self.care = are_several.then_some(Care { patience, tell });
        are_several
    }

    fn leaves_what_it_reads(&self) -> bool {
        self.parts.iter().all(|part| part.source.leaves_what_it_reads())
    }

    fn goes_on_where_it_stopped(&self) -> bool {
        self.parts.iter().all(|part| part.source.goes_on_where_it_stopped())
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(async move {
            let mut result = Ok(());
            for part in self.parts {
                let closed = part.source.close().await;
                result = result.and(closed);
            }
            result
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::{MergedSource, Reading};
    use crate::endpoint::{BoxFuture, EndpointError, EndpointErrorKind, PartNews, Source};
    use crate::event::{Event, Timestamp};
    use crate::replay::testing::{ListSource, event_at};

    async fn all(mut source: MergedSource) -> Vec<i64> {
        let mut times = Vec::new();
        loop {
            let batch = source.next_batch(3).await.expect("reading");
            if batch.is_empty() {
                return times;
            }
            times.extend(batch.iter().map(|event| event.received.0));
        }
    }

    #[tokio::test]
    async fn recordings_interleave_by_receive_time() {
        let mut merged = MergedSource::default();
        for times in [[1, 4, 6, 9].as_slice(), &[2, 3, 10], &[], &[5, 7, 8]] {
            let events = times.iter().map(|time| event_at("a", Timestamp(*time)));
            merged.add(Box::new(ListSource::new(events)), Reading::Recorded);
        }
        assert_eq!(all(merged).await, (1..=10).collect::<Vec<_>>());
        assert!(all(MergedSource::default()).await.is_empty());
    }

    #[tokio::test]
    async fn a_silent_live_source_holds_nothing_back() {
        let mut merged = MergedSource::default();
        merged.add(Box::new(ListSource::new([event_at("a", Timestamp(5))])), Reading::Live);
        merged.add(Box::new(ListSource::silent()), Reading::Live);
        let batch = merged.next_batch(10).await.expect("reading");
        assert_eq!(batch.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_catches_up_is_interleaved_until_it_falls_silent() {
        let mut merged = MergedSource::default();
        for times in [[1, 4, 9].as_slice(), &[2, 3]] {
            let events = times.iter().map(|time| event_at("a", Timestamp(*time)));
            merged.add(Box::new(ListSource::new(events).then_silent()), Reading::CatchingUp);
        }
        let mut times = Vec::new();
        while times.len() < 5 {
            let batch = merged.next_batch(2).await.expect("reading");
            times.extend(batch.iter().map(|event| event.received.0));
        }
        assert_eq!(times, [1, 2, 3, 4, 9]);
    }

    /// Fails as often as it is told, then gives its events.
    struct Shaky {
        failures: usize,
        inner: ListSource,
    }

    impl Source for Shaky {
        fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
            Box::pin(async move {
                if self.failures > 0 {
                    self.failures -= 1;
                    return Err(EndpointError::new(
                        EndpointErrorKind::Disconnected,
                        "the connection was lost",
                    ));
                }
                self.inner.next_batch(max).await
            })
        }

        fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
            Box::new(self.inner).close()
        }
    }

    /// One that works beside one that fails so often, and what is told of them.
    fn beside_a_shaky_one(failures: usize) -> (MergedSource, Arc<Mutex<Vec<PartNews>>>) {
        let mut merged = MergedSource::default();
        let steady = ListSource::new((0..3).map(|time| event_at("a", Timestamp(time)))).then_silent();
        merged.add_named(Box::new(steady), Reading::Live, "steady".to_owned());
        let inner = ListSource::new([event_at("b", Timestamp(9))]).then_silent();
        merged.add_named(Box::new(Shaky { failures, inner }), Reading::Live, "shaky".to_owned());
        let news: Arc<Mutex<Vec<PartNews>>> = Arc::default();
        let told = Arc::clone(&news);
        let tell = move |part| told.lock().expect("a lock").push(part);
        assert!(merged.look_after(Duration::from_secs(3), Box::new(tell)));
        (merged, news)
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_one_that_was_lost_works_again() {
        let (mut merged, news) = beside_a_shaky_one(4);
        for _ in 0..3 {
            let batch = merged.next_batch(1).await.expect("the others go on");
            assert_eq!(batch[0].channel, "a");
        }
        let lost = PartNews::Lost { error: "the connection was lost".to_owned() };
        assert_eq!(*news.lock().expect("a lock"), std::slice::from_ref(&lost));
        let batch = merged.next_batch(1).await.expect("it is back");
        assert_eq!(batch[0].channel, "b");
        assert_eq!(
            *news.lock().expect("a lock"),
            [lost, PartNews::Back { name: "shaky".to_owned(), goes_on: false }]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_stays_away_is_given_up() {
        let (mut merged, news) = beside_a_shaky_one(usize::MAX);
        let mut error = None;
        for _ in 0..9 {
            error = merged.next_batch(1).await.err();
            if error.is_some() {
                break;
            }
        }
        assert_eq!(error.map(|error| error.kind), Some(EndpointErrorKind::Disconnected));
        assert_eq!(news.lock().expect("a lock").len(), 1);
    }

    #[tokio::test]
    async fn the_past_is_ordered_by_its_own_time() {
        let stamped = |time: i64| {
            let kind = crate::event::TimeKind::Append;
            let stamp = crate::event::BrokerTime { time: Timestamp(time), kind };
            crate::event::Event { broker_time: Some(stamp), ..event_at("a", Timestamp(100 - time)) }
        };
        let mut merged = MergedSource::default();
        for times in [[1, 4], [2, 3]] {
            merged.add(Box::new(ListSource::new(times.map(stamped))), Reading::Past);
        }
        assert_eq!(all(merged).await, [99, 98, 97, 96]);
    }
}
