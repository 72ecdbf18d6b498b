//! A recording sent several times: how it is begun again, and what keeps its repeats from being taken for what went before.

use std::fmt;
use std::sync::Arc;

use super::change::{Ids, InRun};
use super::fault::FaultCount;
use super::select::{Selection, Selector};
use crate::endpoint::{BoxFuture, EndpointError, Source};
use crate::event::Event;

type Opened = BoxFuture<'static, Result<Box<dyn Source>, EndpointError>>;

/// Opens the source of a run anew, at its beginning.
#[derive(Clone)]
pub struct Reopen(Arc<dyn Fn() -> Opened + Send + Sync>);

impl Reopen {
    /// Opens by a function.
    pub fn new(open: impl Fn() -> Opened + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }

    /// A source that begins where the first began.
    pub(super) fn open(&self) -> Opened {
        (self.0)()
    }
}

impl fmt::Debug for Reopen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Reopen")
    }
}

/// The rounds of a run after its first.
#[derive(Debug)]
pub(super) struct Rounds {
    left: u64,
    pub reopen: Reopen,
    selection: Selection,
    run: InRun,
    entries: EntryIds,
    /// Faults of rounds that have ended.
    pub faults: Vec<FaultCount>,
}

impl Rounds {
    /// So many rounds after the first.
    pub fn new(left: u64, reopen: Reopen, selection: Selection, run: InRun) -> Self {
        Self { left, reopen, selection, run, entries: EntryIds::default(), faults: Vec::new() }
    }

    /// Begins the next round, unless there is none left. From the second round on identities are new, so that no target
    /// takes a round for the one before.
    pub fn next(&mut self) -> Option<Selector> {
        self.left = self.left.checked_sub(1)?;
        self.run.round += 1;
        let mut selection = self.selection.clone();
        let ids = &mut selection.changes.ids.ids;
        if *ids == Ids::Keep {
            *ids = Ids::Map;
        }
        Some(Selector::in_run(selection, &self.run))
    }

    /// Notes the place of an event, or moves it behind those of the rounds before.
    pub fn place(&mut self, event: &mut Event) {
        match self.run.round {
            0 => self.entries.note(event),
            round => self.entries.grow(event, round),
        }
    }

    /// Adds the faults of a round that has ended to those before.
    pub fn add(&mut self, faults: Vec<FaultCount>) {
        if self.faults.is_empty() {
            self.faults = faults;
            return;
        }
        for (sum, more) in self.faults.iter_mut().zip(faults) {
            sum.events += more.events;
        }
    }
}

/// Recorded ids of Redis entries, `milliseconds-number`: a stream takes them only in growing order.
#[derive(Debug, Default)]
struct EntryIds {
    span: Option<(u64, u64)>,
}

impl EntryIds {
    fn note(&mut self, event: &Event) {
        if let Some((time, _)) = entry_id(event) {
            let (lowest, highest) = self.span.unwrap_or((time, time));
            self.span = Some((lowest.min(time), highest.max(time)));
        }
    }

    /// Later by the whole span for each round before, so that the first lies behind the last of the round before.
    fn grow(&self, event: &mut Event, round: u64) {
        let (Some((time, number)), Some((lowest, highest))) = (entry_id(event), self.span) else {
            return;
        };
        let later = (highest - lowest + 1).saturating_mul(round);
        let id = format!("{}-{number}", time.saturating_add(later));
        event.attributes.insert("id".to_owned(), id.into());
    }
}

fn entry_id(event: &Event) -> Option<(u64, u64)> {
    let (time, number) = event.attributes.get("id")?.as_str()?.split_once('-')?;
    Some((time.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::EntryIds;
    use crate::event::Event;

    fn entry(id: &str) -> Event {
        let mut event = Event::new("a", "x");
        event.attributes.insert("id".to_owned(), id.into());
        event
    }

    #[test]
    fn entries_of_a_round_lie_behind_those_of_the_round_before() {
        let recorded = ["1000-0", "1000-1", "1500-0"];
        let mut ids = EntryIds::default();
        for id in recorded {
            ids.note(&entry(id));
        }
        let round = |round: u64| {
            recorded.map(|id| {
                let mut event = entry(id);
                ids.grow(&mut event, round);
                event.attributes["id"].as_str().map(str::to_owned).unwrap_or_default()
            })
        };
        assert_eq!(round(1), ["1501-0", "1501-1", "2001-0"]);
        assert_eq!(round(2), ["2002-0", "2002-1", "2502-0"]);
        let mut other = entry("order-7");
        ids.grow(&mut other, 1);
        assert_eq!(other.attributes["id"], "order-7");
    }
}
