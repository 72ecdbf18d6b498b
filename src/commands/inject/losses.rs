//! What the target cannot carry of events that come as a whole: counted on their way, told when they have gone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::commands::Context;
use crate::endpoint::{BoxFuture, Capabilities, EndpointError, Source};
use crate::event::Event;
use crate::output::figures::counted;

/// Kinds of losses: how many events have each, and the number of the first, from 1.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses(Arc<Mutex<BTreeMap<&'static str, (u64, u64)>>>);

impl Losses {
    /// Counts what a system with these capabilities loses of the events of a source.
    pub(super) fn of(&self, source: Box<dyn Source>, carried: Capabilities) -> Box<dyn Source> {
        Box::new(Watched { inner: source, carried, losses: self.clone(), seen: 0 })
    }

    fn add(&self, kinds: &[&'static str], number: u64) {
        let mut losses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for kind in kinds {
            losses.entry(kind).or_insert((0, number)).0 += 1;
        }
    }

    /// Says what was left away of the events that were read.
    pub(super) fn say(&self, name: &str, context: &Context) {
        let losses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, (events, first)) in losses.iter() {
            let events = counted(*events, "event");
            context
                .ui
                .warn(format!("{name} cannot carry: {kind} of {events}, number {first} the first of them"));
        }
        if !losses.is_empty() {
            context.ui.help("`eddy replay` says such things before it sends; docs/systems.md has what each system carries");
        }
    }
}

/// A source whose events are looked at.
struct Watched {
    inner: Box<dyn Source>,
    carried: Capabilities,
    losses: Losses,
    seen: u64,
}

impl Source for Watched {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(async move {
            let batch = self.inner.next_batch(max).await?;
            for event in &batch {
                self.seen += 1;
                let kinds = self.carried.losses(event);
                if !kinds.is_empty() {
                    self.losses.add(&kinds, self.seen);
                }
            }
            Ok(batch)
        })
    }

    fn dropped(&self) -> u64 {
        self.inner.dropped()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        self.inner.close()
    }
}
