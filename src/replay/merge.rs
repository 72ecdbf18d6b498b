//! Several sources read as one: what is past is interleaved by time, what happens now comes as it comes.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::select_all;

use crate::endpoint::{BoxFuture, EndpointError, Source};
use crate::event::{Event, Timestamp};

/// How long a source that has a past to tell is waited for before it counts as live.
const SILENCE: Duration = Duration::from_millis(200);

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
}

impl Part {
    /// Its next event is not known, and may be earlier than those of the others.
    fn is_awaited(&self) -> bool {
        self.ahead.is_empty() && !self.ended && self.reading != Reading::Live
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
}

impl MergedSource {
    /// Adds a source.
    pub fn add(&mut self, source: Box<dyn Source>, reading: Reading) {
        self.parts.push(Part { source, reading, ahead: VecDeque::new(), ended: false, dealt_with: 0 });
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
            let empty = self.parts.iter_mut().filter(|part| part.ahead.is_empty() && !part.ended);
            let reads: Vec<_> = empty
                .map(|part| {
                    let Part { source, ahead, ended, .. } = part;
                    Box::pin(async move {
                        let batch = source.next_batch(max).await?;
                        *ended = batch.is_empty();
                        ahead.extend(batch);
                        Ok::<(), EndpointError>(())
                    })
                })
                .collect();
            let first = async { select_all(reads).await.0 };
            let patience = if any && !surely { SILENCE } else { Duration::MAX };
            if let Ok(read) = tokio::time::timeout(patience, first).await {
                read?;
                continue;
            }
            for silent in self.parts.iter_mut().filter(|part| part.is_awaited()) {
                silent.reading = Reading::Live;
            }
        }
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

    fn leaves_what_it_reads(&self) -> bool {
        self.parts.iter().all(|part| part.source.leaves_what_it_reads())
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
    use super::{MergedSource, Reading};
    use crate::endpoint::Source;
    use crate::event::Timestamp;
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
