//! What the writer does with receipts: settles, sends again what failed, and drains what is under way at the end.

use std::time::{Duration, Instant};

use super::{WriteEnd, Writer};
use crate::endpoint::{Delivery, EndpointErrorKind};
use crate::replay::progress::News;
use crate::replay::tally::{Batch, Note, no_receipt};

/// What comes at once is there after this time, also on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);

impl Writer {
    pub(super) fn keep(&mut self, batch: Batch) {
        self.events_under_way += batch.events.len();
        self.bytes_under_way += batch.bytes;
        self.under_way.insert(self.next_batch - 1, batch);
    }

    pub(super) fn settle(&mut self, id: u64, deliveries: Vec<Delivery>, retry: bool) {
        let Some(batch) = self.under_way.remove(&id) else {
            return;
        };
        self.events_under_way -= batch.events.len();
        self.bytes_under_way -= batch.bytes;
        self.settled_at = Some(self.clock.now());
        let before = self.tally.acknowledged;
        self.note_final_failure(&batch, &deliveries);
        if self.ending {
            self.note_undone(&batch, &deliveries);
        }
        self.again.extend(self.tally.settle(batch, deliveries, retry));
        if self.tally.acknowledged > before && self.again.is_empty() {
            self.backoff.reset();
        }
    }

    /// After a failure that every later event would share, the run ends and can go on from the first event that failed.
    fn note_final_failure(&mut self, batch: &Batch, deliveries: &[Delivery]) {
        for (note, delivery) in batch.notes.iter().zip(deliveries) {
            let Some(error) = delivery.outcome.as_ref().err().filter(|error| error.is_final()) else {
                continue;
            };
            self.gave_up.get_or_insert_with(|| (**error).clone());
            self.next_number = self.next_number.min(note.number);
        }
    }

    /// The first event that did not arrive is where another run begins.
    fn note_undone(&mut self, batch: &Batch, deliveries: &[Delivery]) {
        let arrived = deliveries.iter().map(|delivery| delivery.outcome.is_ok());
        let mut arrived = batch.notes.iter().zip(arrived.chain(std::iter::repeat(false)));
        if let Some((note, _)) = arrived.find(|(_, arrived)| !arrived) {
            self.next_number = self.next_number.min(note.number);
        }
    }

    /// Waits for one receipt, at most until `deadline`, and in any case not longer than the patience allowed.
    pub(super) async fn await_one_receipt(&mut self, deadline: Option<Instant>) {
        let retry = deadline.is_none();
        // Nothing more comes before the receipts: what is held back goes at once, unless there is so much that it goes by itself.
        let much = self.is_full() || self.bytes_under_way > self.limits.batch_bytes;
        let quiet = self.sink.holds_back_for();
        if quiet.is_none() || !much {
            self.sink.flush().await;
        }
        let mut deadline = deadline.unwrap_or_else(|| Instant::now() + self.limits.receipt_patience);
        let stop = self.stop.clone();
        let (keeper, behind) = (self.keeper.clone(), self.ledger_behind());
        if let Some(keeper) = keeper.as_ref().filter(|_| behind.is_some()) {
            keeper.want();
        }
        let ledger_moves = async {
            match (&keeper, behind) {
                (Some(keeper), Some(low)) => keeper.moved_from(low).await,
                _ => std::future::pending().await,
            }
        };
        let mut ledger_moves = std::pin::pin!(ledger_moves);
        loop {
            tokio::select! {
                biased;
                (id, deliveries) = self.receipts.next() => self.settle(id, deliveries, retry),
                _ = stop.requested(), if retry => {}
                () = &mut ledger_moves => {}
                () = tokio::time::sleep_until(deadline.into()) => {
                    let later = self.sink.last_receipt().map(|last| last + self.limits.receipt_patience);
                    if let Some(later) = later.filter(|later| retry && *later > deadline) {
                        deadline = later;
                        continue;
                    }
                    self.wait_no_longer().await;
                }
                () = tokio::time::sleep(quiet.unwrap_or_default()), if quiet.is_some() => {
                    self.sink.flush().await;
                    continue;
                }
            }
            return;
        }
    }

    /// What has no receipt by now failed; at the end, a target that can say it tells which events of a batch have none.
    pub(super) async fn wait_no_longer(&mut self) {
        if !self.ending && self.handover.is_some() {
            // The reading does not end before everything was dealt with, and of these it is never known.
            self.gave_up.get_or_insert_with(no_receipt);
        }
        if self.ending && self.sink.cut_short() {
            let deadline = tokio::time::Instant::now() + AT_ONCE;
            while !self.under_way.is_empty()
                && let Ok((id, deliveries)) = tokio::time::timeout_at(deadline, self.receipts.next()).await
            {
                self.settle(id, deliveries, false);
            }
        }
        for id in self.under_way.keys().copied().collect::<Vec<_>>() {
            self.settle(id, Vec::new(), false);
        }
    }

    /// Waits for everything under way, then sends what failed again, in order, before anything else goes.
    pub(super) async fn send_again(&mut self) {
        while !self.under_way.is_empty() {
            if self.stop.reason().is_some() {
                return;
            }
            self.await_one_receipt(None).await;
        }
        self.again.sort_by_key(|(_, note, _)| note.number);
        let Some((error, intended)) =
            self.again.first().map(|(_, note, error)| (error.clone(), note.intended))
        else {
            return;
        };
        self.tally.stands(self.started, Some(intended));
        let asked = self.again.iter().filter_map(|(.., error)| error.retry_after).max();
        let Some(wait) = self.backoff.next_wait(Instant::now(), asked) else {
            self.gave_up = Some(error);
            return;
        };
        let attempt = self.backoff.attempts();
        let events = self.again.len();
        self.tell(News::Retrying { events, attempt, wait, error: error.message });
        let stop = self.stop.clone();
        tokio::select! {
            _ = stop.requested() => return,
            () = tokio::time::sleep(wait) => {}
        }
        let acknowledged = self.tally.acknowledged;
        if self.leave_out_what_arrived().await {
            self.sink.resume().await;
            self.resend_all().await;
        }
        if self.tally.acknowledged > acknowledged {
            self.backoff.reset();
        }
        if self.again.is_empty() {
            self.tally.stands(self.started, None);
            self.tell(News::Recovered);
        }
    }

    /// Settles what is to go again and lies on the target already; false when that could not be found out.
    async fn leave_out_what_arrived(&mut self) -> bool {
        let (Some(recall), Some(keeper)) = (&self.recall, &self.keeper) else {
            return true;
        };
        if !self.again.iter().any(|(_, note, _)| note.uncertain) {
            return true;
        }
        let (settled, uncertain_below) = match recall.settled(keeper, &self.stop).await {
            Ok(Some(recalled)) => recalled,
            Ok(None) => return false,
            Err(error) => {
                if !error.retryable() {
                    self.gave_up = Some(error);
                }
                return false;
            }
        };
        for (event, mut note, error) in std::mem::take(&mut self.again) {
            // What has no receipt although somebody is there may still be on its way, and arrive after we have looked.
            note.uncertain &= error.kind == EndpointErrorKind::Timeout || note.number < uncertain_below;
            if settled.contains(note.number) {
                self.tally.arrived(event, &note);
            } else {
                self.again.push((event, note, error));
            }
        }
        true
    }

    async fn resend_all(&mut self) {
        let mut rest = std::mem::take(&mut self.again).into_iter().peekable();
        while rest.peek().is_some() {
            let mut batch = Batch { events: Vec::new(), notes: Vec::new(), bytes: 0, sent: None };
            while let Some((event, note, _)) = rest.next_if(|_| batch.events.len() < self.limits.batch_events)
            {
                self.tally.possible_duplicates += u64::from(note.uncertain);
                self.tally.lanes.sent_again(note.lane, note.number);
                batch.bytes += event.size();
                // Counted once: only a further uncertain failure makes a further duplicate possible.
                batch.notes.push(Note { uncertain: false, again: true, ..note });
                batch.events.push(event);
            }
            self.tally.stands(self.started, batch.notes.first().map(|note| note.intended));
            batch.sent = Some(self.send(&batch).await);
            self.keep(batch);
            while !self.under_way.is_empty() && self.stop.reason().is_none() {
                self.await_one_receipt(None).await;
            }
            if !self.again.is_empty() || self.stop.reason().is_some() {
                break;
            }
        }
        self.again.extend(rest);
    }

    /// Drains what is under way, says what stays undone, and closes the target.
    pub(super) async fn finish(mut self) -> WriteEnd {
        self.ending = true;
        let deadline = Instant::now() + self.limits.drain_for;
        if let Some(reason) = self.stop.reason().filter(|_| !self.under_way.is_empty()) {
            self.tell(News::Stopping { reason, outstanding: self.events_under_way as u64 });
        }
        while !self.under_way.is_empty() {
            self.await_one_receipt(Some(deadline)).await;
        }
        let mut first_undone = self.next_number;
        for (event, note, error) in std::mem::take(&mut self.again) {
            first_undone = first_undone.min(note.number);
            self.tally.give_up(event, &note, error);
        }
        self.tally.closed();
        if let Some(arrived) = &self.arrived {
            arrived.up_to(first_undone);
        }
        // A target that does not answer must not hold up an end that was asked for.
        let patience = if self.stopped { self.limits.drain_for } else { self.limits.receipt_patience };
        let closed = tokio::time::timeout(patience, self.sink.close()).await;
        let close_error = closed.ok().and_then(Result::err);
        WriteEnd {
            tally: self.tally,
            settled: first_undone,
            stopped: self.stopped,
            gave_up: self.gave_up,
            began: self.began,
            stretched: self.stretched,
            close_error,
        }
    }
}
