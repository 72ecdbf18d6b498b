//! What the target cannot carry of events that come as a whole: counted on their way, told when they have gone.

use std::sync::{Arc, Mutex, PoisonError};

use crate::commands::Context;
use crate::endpoint::{BoxFuture, Capabilities, EndpointError, Source};
use crate::event::Event;
use crate::output::figures::counted;
use crate::replay::survey::Loss;

/// Kinds of losses in the order they came; copies count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses(Arc<Mutex<Vec<Loss>>>);

impl Losses {
    /// Counts what a system with these capabilities loses of the events of a source.
    pub(super) fn of(&self, source: Box<dyn Source>, carried: Capabilities) -> Box<dyn Source> {
        Box::new(Watched { inner: source, carried, losses: self.clone(), seen: 0 })
    }

    /// Says what was left away of the events that were read.
    pub(super) fn say(&self, name: &str, context: &Context) {
        let losses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for Loss { what, events, first } in losses.iter() {
            let events = counted(*events, "event");
            context
                .ui
                .warn(format!("{name} cannot carry: {what} of {events}, number {first} the first of them"));
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
                    let mut losses = self.losses.0.lock().unwrap_or_else(PoisonError::into_inner);
                    Loss::note(&mut losses, &kinds, self.seen);
                }
            }
            Ok(batch)
        })
    }

    fn dropped(&self) -> u64 {
        self.inner.dropped()
    }

    fn connected(&self) -> bool {
        self.inner.connected()
    }

    fn waits_for_word(&mut self) -> bool {
        self.inner.waits_for_word()
    }

    fn dealt_with(&mut self, events: u64) {
        self.inner.dealt_with(events);
    }

    fn leaves_what_it_reads(&self) -> bool {
        self.inner.leaves_what_it_reads()
    }

    fn is_held_up(&self) -> bool {
        self.inner.is_held_up()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        self.inner.close()
    }
}
