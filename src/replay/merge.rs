//! Several sources read as one: recordings are interleaved by receive time, live sources as their events arrive.

use std::collections::VecDeque;

use futures_util::future::select_all;

use crate::endpoint::{BoxFuture, EndpointError, Source};
use crate::event::Event;

struct Part {
    source: Box<dyn Source>,
    /// It does not wait for the world, so its next event may be waited for to compare times.
    recorded: bool,
    ahead: VecDeque<Event>,
    ended: bool,
}

/// Several sources as one.
#[derive(Default)]
pub struct MergedSource {
    parts: Vec<Part>,
}

impl MergedSource {
    /// Adds a source; `recorded` says that it yields events without waiting for them to happen.
    pub fn add(&mut self, source: Box<dyn Source>, recorded: bool) {
        self.parts.push(Part { source, recorded, ahead: VecDeque::new(), ended: false });
    }

    /// Reads until no recorded part could still hold an earlier event and at least one event is there.
    async fn fill(&mut self, max: usize) -> Result<(), EndpointError> {
        loop {
            let any = self.parts.iter().any(|part| !part.ahead.is_empty());
            let unknown = self.parts.iter().any(|part| part.recorded && part.ahead.is_empty() && !part.ended);
            let ended = self.parts.iter().all(|part| part.ended);
            if (any && !unknown) || ended {
                return Ok(());
            }
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
            let (result, _, others) = select_all(reads).await;
            drop(others);
            result?;
        }
    }

    fn take(&mut self, max: usize) -> Vec<Event> {
        let mut batch = Vec::new();
        while batch.len() < max {
            let heads = self.parts.iter_mut().filter(|part| !part.ahead.is_empty());
            let Some(earliest) = heads.min_by_key(|part| part.ahead.front().map(|event| event.received))
            else {
                break;
            };
            batch.extend(earliest.ahead.pop_front());
            if earliest.recorded && earliest.ahead.is_empty() && !earliest.ended {
                break;
            }
        }
        batch
    }
}

impl Source for MergedSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(async move {
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
    use super::MergedSource;
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
            merged.add(Box::new(ListSource::new(events)), true);
        }
        assert_eq!(all(merged).await, (1..=10).collect::<Vec<_>>());
        assert!(all(MergedSource::default()).await.is_empty());
    }

    #[tokio::test]
    async fn a_silent_live_source_holds_nothing_back() {
        let mut merged = MergedSource::default();
        merged.add(Box::new(ListSource::new([event_at("a", Timestamp(5))])), false);
        merged.add(Box::new(ListSource::silent()), false);
        let batch = merged.next_batch(10).await.expect("reading");
        assert_eq!(batch.len(), 1);
    }
}
