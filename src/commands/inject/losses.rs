//! What the target cannot carry of events that come as a whole: counted on their way, told when they have gone.

use std::sync::{Arc, Mutex, PoisonError};

use crate::commands::Context;
use crate::commands::each_event::EachEvent;
use crate::endpoint::cloud_events::Translation;
use crate::endpoint::{Capabilities, Source};
use crate::output::figures::counted;
use crate::replay::survey::Loss;

/// Kinds of losses in the order they came; copies count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses(Arc<Mutex<Vec<Loss>>>);

impl Losses {
    /// Counts what a system with these capabilities loses of the events of a source, as they go to it.
    pub(super) fn of(
        &self,
        source: Box<dyn Source>,
        (carried, translation): (Capabilities, Translation),
    ) -> Box<dyn Source> {
        let losses = self.clone();
        EachEvent::of(source, move |event, number| {
            let kinds = carried.losses(&translation.apply(event));
            if !kinds.is_empty() {
                Loss::note(&mut losses.0.lock().unwrap_or_else(PoisonError::into_inner), &kinds, number);
            }
            Ok(())
        })
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
