//! Dead letters, one batch at a time: each says where it goes, and the next batch waits for the fates of this one.

use std::sync::Arc;

use serde_json::Value;

use super::board::Board;
use super::headers::{redrives, renew};
use super::origin::{Origin, Way, origin, reason};
use crate::endpoint::{BoxFuture, EndpointError, Fate, Removed, Source};
use crate::event::{Event, Place};
use crate::replay::select::{Selection, Selector};
use crate::replay::stop::StopToken;

/// The attribute with the number of the event in its batch, on its way from one end to the other.
pub(super) const NUMBER: &str = "eddy.redrive.number";
/// The attribute with the exchange an event goes through.
pub(super) const EXCHANGE: &str = "eddy.redrive.exchange";
/// The attribute of an event that goes into the quarantine.
pub(super) const QUARANTINE: &str = "eddy.redrive.quarantine";

/// What is done with which dead letter.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// How the origin is found.
    pub way: Way,
    /// Everything goes to one place, so that nothing needs to say where it came from.
    pub fixed: bool,
    /// Origins are on the server the dead letters lie on, and an event says by its channel in which place there it lies.
    pub at_the_same_server: bool,
    /// Which are chosen, and what is changed about them.
    pub selection: Selection,
    /// An event that was sent back so often is not sent back again.
    pub most_redrives: u64,
    /// Headers that say how an event died stay on it.
    pub keeps_error_headers: bool,
    /// What cannot go back goes into the quarantine.
    pub has_quarantine: bool,
    /// Take at most this many.
    pub first: Option<u64>,
    /// Take no more at once: what is taken is not confirmed to its system before all of it has arrived.
    pub at_once: Option<usize>,
}

/// Why an event stays where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stuck {
    SentBackTooOften,
    WithoutOrigin,
    FromHere,
}

/// The reading end.
pub struct RedriveSource {
    inner: Box<dyn Source>,
    board: Arc<Board>,
    rules: Rules,
    selector: Selector,
    /// Events still to be read, where the system said how many there are.
    left: Option<u64>,
    taken: u64,
    open: bool,
}

impl RedriveSource {
    /// Reads from a source that was opened for taking.
    #[must_use]
    pub fn new(inner: Box<dyn Source>, board: Arc<Board>, rules: Rules) -> Self {
        let selector = Selector::new(rules.selection.clone());
        let left = inner.left();
        Self { inner, board, rules, selector, left, taken: 0, open: false }
    }

    /// Looks at what is there without sending or settling anything; true when it was ended before everything was seen.
    ///
    /// # Errors
    /// Those of the source.
    pub async fn survey(mut self, most: u64, stop: &StopToken) -> Result<bool, EndpointError> {
        let mut cut = false;
        loop {
            let batch = tokio::select! {
                biased;
                _ = stop.requested() => break,
                batch = self.take(512) => batch?,
            };
            if batch.is_empty() {
                break;
            }
            self.board.begin(&batch);
            // Only counted: what would go is dropped.
            let going = self.decide(batch)?;
            for event in going {
                let apart = event.attributes.contains_key(QUARANTINE);
                if !apart {
                    let exchange = event.attributes.get(EXCHANGE).and_then(Value::as_str);
                    self.board.would_go(exchange.map(str::to_owned), &event);
                }
                self.board.confirmed(number_of(&event), |counts| {
                    if apart { &mut counts.quarantined } else { &mut counts.redriven }
                });
            }
            if self.board.counts().read >= most {
                cut = true;
                break;
            }
        }
        let _ = self.inner.close().await;
        Ok(cut)
    }

    /// The next dead letters, as they are.
    async fn take(&mut self, max: usize) -> Result<Vec<Event>, EndpointError> {
        let limit = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        let wanted = self.rules.first.map_or(usize::MAX, |first| limit(first.saturating_sub(self.taken)));
        let most =
            max.min(self.rules.at_once.unwrap_or(max)).min(wanted).min(self.left.map_or(usize::MAX, limit));
        if most == 0 {
            return Ok(Vec::new());
        }
        let batch = self.inner.next_batch(most).await?;
        self.left = self.left.map(|left| left.saturating_sub(batch.len() as u64));
        Ok(batch)
    }

    async fn read(&mut self, max: usize) -> Result<Vec<Event>, EndpointError> {
        loop {
            if !self.settle().await? {
                return Ok(Vec::new());
            }
            let batch = self.take(max).await?;
            if batch.is_empty() {
                return Ok(batch);
            }
            self.board.begin(&batch);
            self.open = true;
            let going = self.decide(batch)?;
            if !going.is_empty() {
                return Ok(going);
            }
        }
    }

    /// Waits for the fates of the batch and tells them; false when one of it could not be dealt with.
    async fn settle(&mut self) -> Result<bool, EndpointError> {
        if !self.open {
            return Ok(true);
        }
        let fates = self.board.settled().await;
        let repeated = self.inner.settle(&fates).await?;
        self.open = false;
        self.board.end();
        self.board.repeat(repeated);
        Ok(!fates.contains(&Fate::Again))
    }

    /// What goes of a batch, and where; about the rest is decided.
    fn decide(&mut self, batch: Vec<Event>) -> Result<Vec<Event>, EndpointError> {
        let mut going = Vec::with_capacity(batch.len());
        for (index, (event, chosen)) in self.chosen(batch)?.into_iter().enumerate() {
            let found = origin(&event, &self.rules.way);
            if chosen.is_empty() {
                self.board.decide(index, Fate::Left, |counts| &mut counts.not_chosen);
                continue;
            }
            self.taken += 1;
            self.board.note(found.as_ref().map(Origin::shown), reason(&event));
            let stuck = self.stuck(&event, found.as_ref());
            if stuck.is_none() {
                self.board.expect(index, u32::try_from(chosen.len()).unwrap_or(u32::MAX));
                going.extend(
                    chosen.into_iter().map(|each| self.sent_back(index, &event, each, found.as_ref())),
                );
            } else if self.rules.has_quarantine {
                self.board.expect(index, 1);
                going.push(marked(event, index, QUARANTINE, Value::from(true)));
            } else {
                self.board.left_at(&event);
                self.board.decide(index, Fate::Left, |counts| match stuck {
                    Some(Stuck::WithoutOrigin) => &mut counts.without_origin,
                    Some(Stuck::FromHere) => &mut counts.from_here,
                    Some(Stuck::SentBackTooOften) | None => &mut counts.sent_back_too_often,
                });
            }
        }
        Ok(going)
    }

    /// Why an event cannot go back; none when it can.
    fn stuck(&self, event: &Event, origin: Option<&Origin>) -> Option<Stuck> {
        if redrives(event) >= self.rules.most_redrives {
            return Some(Stuck::SentBackTooOften);
        }
        if self.rules.fixed {
            return None;
        }
        match origin {
            None => Some(Stuck::WithoutOrigin),
            Some(origin)
                if self.rules.at_the_same_server
                    && origin.exchange.is_none()
                    && event.channel == *origin.channel =>
            {
                Some(Stuck::FromHere)
            }
            Some(_) => None,
        }
    }

    /// Each event with what the selection makes of it, nothing when it was not chosen.
    fn chosen(&mut self, batch: Vec<Event>) -> Result<Vec<(Event, Vec<Event>)>, EndpointError> {
        let mut all = Vec::with_capacity(batch.len());
        for event in batch {
            let selected = self.selector.select(vec![event.clone()]);
            if let Some(failure) = selected.failure {
                return Err(failure);
            }
            all.push((event, selected.events));
        }
        Ok(all)
    }

    fn sent_back(&self, index: usize, read: &Event, mut event: Event, origin: Option<&Origin>) -> Event {
        // A channel that `--map` wrote is meant.
        if let Some(origin) = origin.filter(|_| event.channel == read.channel) {
            event.channel = origin.channel.as_str().into();
        }
        event.place = Place { partition: origin.and_then(|origin| origin.partition), offset: None };
        renew(&mut event, self.rules.keeps_error_headers, redrives(read) + 1);
        // One place for all is reached through its own exchange.
        let exchange = origin.filter(|_| !self.rules.fixed).and_then(|origin| origin.exchange.clone());
        marked(event, index, EXCHANGE, exchange.map_or(Value::Null, Value::from))
    }
}

fn marked(mut event: Event, index: usize, name: &str, value: Value) -> Event {
    event.attributes.insert(NUMBER.to_owned(), Value::from(index));
    event.attributes.insert(name.to_owned(), value);
    event
}

/// The number of an event in its batch.
pub(super) fn number_of(event: &Event) -> usize {
    let number = event.attributes.get(NUMBER).and_then(Value::as_u64);
    number.and_then(|number| usize::try_from(number).ok()).unwrap_or(usize::MAX)
}

impl Source for RedriveSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(self.read(max))
    }

    fn connected(&self) -> bool {
        self.inner.connected()
    }

    fn dropped(&self) -> u64 {
        self.inner.dropped()
    }

    fn removed(&self) -> Removed {
        self.inner.removed()
    }

    fn goes_on_where_it_stopped(&self) -> bool {
        self.inner.goes_on_where_it_stopped()
    }

    fn left(&self) -> Option<u64> {
        self.left
    }

    /// Waits for the last fates, which are known when the sending end has closed.
    fn close(mut self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(async move {
            let settled = self.settle().await;
            self.inner.close().await?;
            settled.map(drop)
        })
    }
}
