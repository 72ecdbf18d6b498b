//! Which events go, and as what: time window, channels, filters, sample, skip, first, changes.

use std::fmt;
use std::sync::Arc;

use super::change::{Changer, Changes, InRun, UnusedNames};
use super::fault::{FaultCount, Faults, Injector};
use super::guard::{Guards, LeftOut};
use super::jq::{Jq, JqFailure};
use super::pattern::Pattern;
use super::sample::{By, Sample, Sampled};
use crate::endpoint::EndpointError;
use crate::event::{Event, Timestamp};

/// What is to be taken from a source; the default takes everything.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Nothing received before this time.
    pub from: Option<Timestamp>,
    /// Nothing received after this time.
    pub until: Option<Timestamp>,
    /// Only channels that match one of these; empty means all.
    pub channels: Vec<glob::Pattern>,
    /// Only events that match all of these.
    pub patterns: Vec<Pattern>,
    /// Only events for which all of these give something true.
    pub filters: Vec<Jq>,
    /// How events are read where they are matched; what goes on is the event as it came.
    pub reading: Option<Interpretation>,
    /// Only a share of those that match.
    pub sample: Option<Sample>,
    /// What must not go although it was selected.
    pub guards: Guards,
    /// Leave out this many of those that match.
    pub skip: u64,
    /// Take at most this many after that.
    pub first: Option<u64>,
    /// What is changed about those that go.
    pub changes: Changes,
    /// What goes wrong on purpose after that.
    pub faults: Faults,
}

impl Selection {
    fn takes_all(&self) -> bool {
        self.takes_all_unmarked() && !self.guards.any()
    }

    /// Whether all events go as they are, but for those that a replay sent already.
    pub(super) fn takes_all_unmarked(&self) -> bool {
        let Self {
            from,
            until,
            channels,
            patterns,
            filters,
            reading: _,
            sample,
            guards,
            skip,
            first,
            changes,
            faults,
        } = self;
        let whole = from.is_none() && until.is_none() && *skip == 0 && first.is_none();
        let any = channels.is_empty() && patterns.is_empty() && filters.is_empty() && sample.is_none();
        whole && any && guards.contract.is_none() && *changes == Changes::default() && faults.list.is_empty()
    }
}

/// Makes of an event the one that people would read, such as with a decoded payload; nothing where it is that already.
#[derive(Clone)]
pub struct Interpretation(Arc<Interpret>);

type Interpret = dyn Fn(&Event) -> Option<Event> + Send + Sync;

impl Interpretation {
    /// Reads by a function.
    pub fn new(read: impl Fn(&Event) -> Option<Event> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The events as they are read; nothing when all of them are as they came.
    fn of(&self, batch: &[Event]) -> Option<Vec<Event>> {
        let read: Vec<Option<Event>> = batch.iter().map(|event| (self.0)(event)).collect();
        let is_any = read.iter().any(Option::is_some);
        let whole = |(event, read): (&Event, Option<Event>)| read.unwrap_or_else(|| event.clone());
        is_any.then(|| batch.iter().zip(read).map(whole).collect())
    }
}

impl fmt::Debug for Interpretation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Interpretation")
    }
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Selected {
    /// The events that go, in order.
    pub events: Vec<Event>,
    /// Nothing after them goes.
    pub ended: bool,
    /// Why nothing after them can be judged.
    pub failure: Option<EndpointError>,
}

/// A selection at work: counts what passed.
#[derive(Clone, Debug)]
pub struct Selector {
    selection: Selection,
    changer: Changer,
    injector: Injector,
    /// Nothing is left out and nothing changed.
    takes_all: bool,
    matched: u64,
    taken: u64,
    unsampled: u64,
    left_out: LeftOut,
}

impl Selector {
    /// Begins a selection.
    #[must_use]
    pub fn new(selection: Selection) -> Self {
        Self::in_run(selection, &InRun::default())
    }

    /// Begins a selection for a run; without one, what depends on it is only as long as it will be.
    #[must_use]
    pub fn in_run(selection: Selection, run: &InRun) -> Self {
        let takes_all = selection.takes_all();
        let changer = Changer::new(selection.changes.clone(), run);
        let injector = Injector::new(selection.faults.clone()).counting_for(run.shard);
        let left_out = LeftOut::default();
        Self { selection, changer, injector, takes_all, matched: 0, taken: 0, unsampled: 0, left_out }
    }

    /// What was held back on purpose, once the source has ended or nothing more is wanted of it.
    pub fn rest(&mut self) -> Vec<Event> {
        self.injector.rest()
    }

    /// How many events of this process had a fault.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultCount> {
        self.injector.counts()
    }

    /// Events left out because they have nothing that the sample could choose by.
    #[must_use]
    pub fn unsampled(&self) -> u64 {
        self.unsampled
    }

    /// Names in changes that no event had so far.
    #[must_use]
    pub fn unused(&self) -> &UnusedNames {
        self.changer.unused()
    }

    /// Events that a guard left out.
    #[must_use]
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// Whether `first` events were taken already, so that reading may end.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.selection.first.is_some_and(|first| self.taken >= first)
    }

    /// How many more events are wanted at least, those that are left out included; none without a limit.
    #[must_use]
    pub fn wanted(&self) -> Option<u64> {
        let Selection { first, skip, .. } = &self.selection;
        first.map(|first| skip.saturating_sub(self.matched).saturating_add(first.saturating_sub(self.taken)))
    }

    /// Whether events go in the order they came in.
    #[must_use]
    pub(super) fn keeps_order(&self) -> bool {
        self.selection.faults.list.is_empty()
    }

    /// Whether no event becomes several.
    #[must_use]
    pub(super) fn makes_no_more_of_one(&self) -> bool {
        self.selection.changes.maps.is_empty()
    }

    /// Decides about a batch, and renames channels if that was asked for.
    pub fn select(&mut self, mut batch: Vec<Event>) -> Selected {
        if self.takes_all {
            self.taken += batch.len() as u64;
            return Selected { events: batch, ..Selected::default() };
        }
        let mut selected = Selected::default();
        batch.retain(|event| self.fits(event));
        let reading = self.selection.reading.as_ref().filter(|_| self.asks_what_events_hold());
        let mut read: Option<Vec<Event>> = reading.and_then(|reading| reading.of(&batch));
        let matched = self.matched(read.as_ref().unwrap_or(&batch));
        keep(&matched, &mut batch, read.as_mut());
        for filter in &self.selection.filters {
            let (held, failure) = held(filter, read.as_ref().unwrap_or(&batch));
            keep(&held, &mut batch, read.as_mut());
            selected.failure = failure.or(selected.failure);
        }
        if let Some(sample) = &self.selection.sample {
            let (sampled, failure, without) = sampled(sample, read.as_ref().unwrap_or(&batch));
            keep(&sampled, &mut batch, read.as_mut());
            self.unsampled += without;
            selected.failure = failure.or(selected.failure);
        }
        let guarded = self.selection.guards.admitted(&batch, &mut self.left_out);
        keep(&guarded, &mut batch, read.as_mut());
        let counted: Vec<bool> = batch.iter().map(|_| self.counts()).collect();
        keep(&counted, &mut batch, read.as_mut());
        let (events, unchanged) = self.changer.change(batch, read);
        let events = self.selection.guards.fitting(events, &mut self.left_out);
        let (events, unjudged) = self.injector.inject(events);
        let failure = unjudged.or(unchanged);
        selected.events = events;
        selected.ended = self.complete();
        if selected.ended && failure.is_none() {
            selected.events.extend(self.injector.rest());
        }
        if selected.ended {
            // What comes after the last event that is wanted need not be judged.
            selected.failure = None;
        }
        selected.failure = failure.or(selected.failure);
        selected
    }

    /// Whether the next event that matches lies between `skip` and `first`.
    fn counts(&mut self) -> bool {
        if self.complete() {
            return false;
        }
        self.matched += 1;
        let goes = self.matched > self.selection.skip;
        self.taken += u64::from(goes);
        goes
    }

    fn asks_what_events_hold(&self) -> bool {
        let Selection { patterns, filters, sample, changes, .. } = &self.selection;
        let by_content = !patterns.is_empty() || !filters.is_empty() || sample.is_some();
        by_content || !changes.maps.is_empty()
    }

    /// Which events match all patterns.
    fn matched(&self, events: &[Event]) -> Vec<bool> {
        let patterns = &self.selection.patterns;
        events.iter().map(|event| patterns.iter().all(|pattern| pattern.matches(event))).collect()
    }

    fn fits(&self, event: &Event) -> bool {
        let selection = &self.selection;
        let in_time = selection.from.is_none_or(|from| event.received >= from)
            && selection.until.is_none_or(|until| event.received <= until);
        let channels = &selection.channels;
        in_time && (channels.is_empty() || channels.iter().any(|each| each.matches(&event.channel)))
    }
}

/// For which events the filter gives something true, and why it says no more: those from a limit on are dropped.
fn held(filter: &Jq, events: &[Event]) -> (Vec<bool>, Option<EndpointError>) {
    if events.is_empty() {
        return (Vec::new(), None);
    }
    let verdicts = filter.holds(events);
    let limit = verdicts.iter().find_map(|verdict| match verdict {
        Err(JqFailure::Limit(limit)) => Some(*limit),
        _ => None,
    });
    let held = verdicts.into_iter().map(|verdict| verdict == Ok(true)).collect();
    (held, limit.map(|limit| filter.gave_up(limit)))
}

/// Which events belong to the sample, why it says no more, and how many have nothing to be chosen by.
fn sampled(sample: &Sample, events: &[Event]) -> (Vec<bool>, Option<EndpointError>, u64) {
    let choices = sample.choose(events);
    let without = choices.iter().filter(|choice| **choice == Ok(Sampled::Without)).count() as u64;
    let failure = choices.iter().find_map(|choice| match (choice, &sample.by) {
        (Err(JqFailure::Limit(limit)), By::Jq(filter)) => Some(filter.gave_up(*limit)),
        _ => None,
    });
    (choices.into_iter().map(|choice| choice == Ok(Sampled::In)).collect(), failure, without)
}

/// Keeps the events of these verdicts, both as they came and as they were read.
fn keep(verdicts: &[bool], batch: &mut Vec<Event>, read: Option<&mut Vec<Event>>) {
    for events in std::iter::once(batch).chain(read) {
        let mut verdicts = verdicts.iter();
        events.retain(|_| verdicts.next().copied().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::{Interpretation, Selection, Selector};
    use crate::event::{Event, Timestamp};
    use crate::replay::{Changes, Jq, Pattern};

    fn taken(selection: Selection) -> Vec<(String, i64)> {
        let mut selector = Selector::new(selection);
        let event = |time: i64| {
            let channel = if time % 2 == 0 { "orders/new" } else { "stock" };
            Event { received: Timestamp(time), ..Event::new(channel, "") }
        };
        let mut out = Vec::new();
        for batch in [(0..3), (3..10)] {
            let selected = selector.select(batch.map(event).collect());
            assert!(selected.failure.is_none());
            out.extend(selected.events.into_iter().map(|event| (event.channel.into(), event.received.0)));
            if selected.ended {
                break;
            }
        }
        out
    }

    #[test]
    fn window_channel_skip_first_and_rename_work_together() {
        let selection = Selection {
            from: Some(Timestamp(2)),
            until: Some(Timestamp(8)),
            channels: vec![glob::Pattern::new("orders/*").expect("a pattern")],
            skip: 1,
            first: Some(2),
            changes: Changes {
                renames: vec![("orders/new".to_owned(), "copy".to_owned())],
                ..Changes::default()
            },
            ..Selection::default()
        };
        assert_eq!(taken(selection), [("copy".to_owned(), 4), ("copy".to_owned(), 6)]);
        assert_eq!(taken(Selection::default()).len(), 10);
        assert!(taken(Selection { first: Some(0), ..Selection::default() }).is_empty());
    }

    #[test]
    fn what_is_matched_is_read_and_what_goes_is_as_it_came() {
        let reading = Interpretation::new(|event| {
            let is_odd = event.received.0 % 2 == 1;
            is_odd.then(|| Event { payload: Some("{\"id\":7}".into()), ..event.clone() })
        });
        let patterns = vec![Pattern::parse("payload./id=7").expect("a pattern")];
        let filters = vec![Jq::compile(".payload.id == 7 and .time_us > 1").expect("a filter")];
        let selection = Selection { reading: Some(reading), patterns, filters, ..Selection::default() };
        let batch =
            (0..6).map(|time| Event { received: Timestamp(time), ..Event::new("a", "raw") }).collect();
        let events = Selector::new(selection).select(batch).events;
        let found: Vec<_> = events.iter().map(|event| (event.received.0, event.payload.clone())).collect();
        assert_eq!(found, [(3, Some("raw".into())), (5, Some("raw".into()))]);
    }

    #[test]
    fn a_filter_selects_and_ends_the_selection_when_it_is_stopped() {
        let filters = vec![Jq::compile(".time_us % 3 == 0").expect("a filter")];
        let found = taken(Selection { filters, ..Selection::default() });
        assert_eq!(found.iter().map(|(_, time)| *time).collect::<Vec<_>>(), [0, 3, 6, 9]);
        let text = "if .time_us == 2 then last(range(infinite)) else true end";
        let filter = Jq::compile(text).expect("a filter");
        let mut selector = Selector::new(Selection { filters: vec![filter], ..Selection::default() });
        let batch = (0..5).map(|time| Event { received: Timestamp(time), ..Event::new("a", "") });
        let selected = selector.select(batch.collect());
        assert_eq!(selected.events.len(), 2);
        let failure = selected.failure.expect("a limit").message;
        assert!(failure.contains("was stopped: it took"), "{failure}");
    }
}
