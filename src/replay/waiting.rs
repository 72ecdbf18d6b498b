//! What lies between the reader and the writer: events in order, and beside each its number and when it is due. Lists are
//! handed on as they stand wherever all of them goes, for an event is large enough to be felt when it is moved.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::Event;

/// What the plan says of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// Its number among the selected events, from 0.
    pub number: u64,
    /// Its time since the start; without one it goes as soon as it can.
    pub due: Option<Duration>,
}

/// Events that go to the writer together; there is one slot for each.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub events: Vec<Event>,
    pub slots: Vec<Slot>,
}

/// Events that have come to the writer and not gone yet.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    events: VecDeque<Event>,
    slots: VecDeque<Slot>,
}

impl From<Chunk> for Waiting {
    fn from(chunk: Chunk) -> Self {
        Self { events: chunk.events.into(), slots: chunk.slots.into() }
    }
}

impl Waiting {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The one at this place, from 0.
    pub fn get(&self, at: usize) -> Option<(&Event, Slot)> {
        Some((self.events.get(at)?, *self.slots.get(at)?))
    }

    /// Takes the first one.
    pub fn pop_front(&mut self) -> Option<(Event, Slot)> {
        self.events.pop_front().zip(self.slots.pop_front())
    }

    /// Puts one before all others.
    pub fn push_front(&mut self, event: Event, slot: Slot) {
        self.events.push_front(event);
        self.slots.push_front(slot);
    }

    /// Moves the first `count` behind those of `into`.
    pub fn move_to(&mut self, into: &mut Vec<Event>, count: usize) {
        if into.is_empty() && count == self.len() {
            *into = std::mem::take(&mut self.events).into();
            self.slots.clear();
        } else {
            into.extend(self.events.drain(..count));
            self.slots.drain(..count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Chunk, Slot, Waiting};
    use crate::event::Event;

    fn waiting(numbers: std::ops::Range<u64>) -> Waiting {
        let event = |number: u64| Event::new("c", number.to_string());
        let slots = numbers.clone().map(|number| Slot { number, due: None }).collect();
        Chunk { events: numbers.map(event).collect(), slots }.into()
    }

    fn payloads(events: &[Event]) -> Vec<String> {
        let text =
            |event: &Event| String::from_utf8_lossy(event.payload.as_deref().unwrap_or_default()).into();
        events.iter().map(text).collect()
    }

    #[test]
    fn a_whole_list_is_handed_on_as_it_stands_and_parts_keep_their_order() {
        let (mut all, mut out) = (waiting(0..3), Vec::new());
        let before = all.get(0).map(|(event, _)| std::ptr::from_ref(event));
        all.move_to(&mut out, 3);
        assert!(all.is_empty() && all.pop_front().is_none());
        assert_eq!((payloads(&out).join(" "), before), ("0 1 2".into(), Some(out.as_ptr())));

        let mut parts = waiting(3..8);
        parts.move_to(&mut out, 2);
        let (event, slot) = parts.pop_front().expect("one more");
        assert_eq!(slot.number, 5);
        parts.push_front(event, slot);
        assert_eq!((parts.len(), parts.get(1).map(|(_, slot)| slot.number)), (3, Some(6)));
        let mut rest = Vec::new();
        parts.move_to(&mut rest, 3);
        out.extend(rest);
        assert_eq!(payloads(&out).join(" "), "0 1 2 3 4 5 6 7");
        assert!(parts.is_empty() && parts.get(0).is_none());
    }
}
