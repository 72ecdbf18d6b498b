//! What the target cannot carry of events that come as a whole: counted on their way, told when they have gone.

use std::sync::{Arc, Mutex, PoisonError};

use crate::commands::Context;
use crate::commands::each_event::EachEvent;
use crate::endpoint::cloud_events::Translation;
use crate::endpoint::{Capabilities, Source};
use crate::event::Event;
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
            let kinds = left_away(&carried, &translation.apply(event));
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

/// What is left away of an event that is sent; one that is refused says so itself.
fn left_away(carried: &Capabilities, event: &Event) -> Vec<&'static str> {
    let losses = carried.losses(event);
    let is_refused = losses.iter().any(|loss| Capabilities::REFUSED.contains(loss));
    if is_refused { Vec::new() } else { losses }
}

#[cfg(test)]
mod tests {
    use super::left_away;
    use crate::endpoint::Capabilities;
    use crate::event::{Event, Header};

    #[test]
    fn of_an_event_that_is_refused_nothing_is_left_away() {
        let carried = Capabilities { repeated_headers: false, keys: false, ..Capabilities::ALL };
        let mut event = Event { key: Some("k".into()), ..Event::new("q", "x") };
        assert_eq!(left_away(&carried, &event), ["key"]);
        event.headers = vec![Header::text("a", "1"), Header::text("a", "2")];
        assert!(left_away(&carried, &event).is_empty());
    }
}
