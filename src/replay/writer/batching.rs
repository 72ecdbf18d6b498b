//! How the writer makes batches of the events that wait: of those that are due, in order, without moving them one by one.

use std::time::{Duration, Instant};

use super::Writer;
use crate::replay::late::Late;
use crate::replay::tally::{Batch, Note};
use crate::replay::waiting::Slot;

impl Writer {
    /// Everything that is due by now, in order, up to the limits of a batch.
    pub(super) fn take_due(&mut self, mut start: Instant) -> Batch {
        let now = self.clock.now();
        let most =
            self.until_the_question().map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let most = most.min(self.limits.batch_events).min(self.sink.best_at_once().max(1));
        let notes = Vec::with_capacity(self.waiting.len().min(most));
        let mut batch = Batch { events: Vec::new(), notes, bytes: 0, sent: None };
        // Those in front of the ones that wait that go with the batch.
        let mut going = 0;
        while batch.notes.len() < most && batch.bytes < self.limits.batch_bytes {
            let Some((event, slot)) = self.waiting.get(going) else {
                self.waiting.move_to(&mut batch.events, std::mem::take(&mut going));
                // A list that comes is handed on as it stands, unless the batch would be small without a part of it.
                let is_small = batch.notes.len() <= most / 2;
                let Some(chunk) = is_small.then(|| self.chunks.try_recv().ok()).flatten() else { break };
                self.waiting = chunk.into();
                continue;
            };
            if slot.due.is_some_and(|due| start + due > now) {
                break;
            }
            if let Some(lateness) = self.too_late(slot.due, start, now) {
                match self.late {
                    Late::Stretch(_) => {
                        start += lateness;
                        (self.started, self.stretched) = (Some(start), self.stretched + lateness);
                    }
                    Late::AbortOver(limit) => {
                        self.gave_up = Some(Late::ends_the_run(lateness, limit));
                        break;
                    }
                    Late::Burst | Late::Drop(_) => {
                        self.waiting.move_to(&mut batch.events, std::mem::take(&mut going));
                        if let Some((event, slot)) = self.waiting.pop_front() {
                            let intended = slot.due.map_or(now, |due| start + due);
                            self.next_number = slot.number + 1;
                            self.tally.left_out_late(event, slot.number, intended);
                        }
                        continue;
                    }
                }
            }
            if self.handover.as_ref().is_some_and(|handover| !handover.may_go(slot.number)) {
                self.waiting.move_to(&mut batch.events, std::mem::take(&mut going));
                self.waiting.pop_front();
                continue;
            }
            let lane = self.tally.lanes.lane(event);
            let intended = slot.due.map_or(now, |due| start + due);
            self.next_number = slot.number + 1;
            batch.bytes += event.size();
            batch.notes.push(Note { number: slot.number, lane, intended, uncertain: false, again: false });
            going += 1;
        }
        self.waiting.move_to(&mut batch.events, going);
        batch
    }

    /// How late an event is, when that is later than allowed.
    fn too_late(&self, due: Option<Duration>, start: Instant, now: Instant) -> Option<Duration> {
        let limit = self.late.limit()?;
        let lateness = now.saturating_duration_since(start + due?);
        (lateness > limit).then_some(lateness)
    }

    /// Has a batch wait again, before everything else.
    pub(super) fn put_back(&mut self, batch: Batch) {
        self.next_number = batch.notes.first().map_or(self.next_number, |note| note.number);
        let start = self.started.unwrap_or_else(|| self.clock.now());
        for (event, note) in batch.events.into_iter().zip(batch.notes).rev() {
            let due = Some(note.intended.saturating_duration_since(start));
            self.waiting.push_front(event, Slot { number: note.number, due });
        }
    }
}
