//! Messages under way on one connection: which number on the wire is which event of which batch.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::endpoint::EndpointError;
use crate::endpoint::mqtt::reason::Reason;
use crate::endpoint::open_batch::OpenBatch;

/// An event of a batch that waits for its receipt.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) batch: Arc<OpenBatch>,
    /// Its number in the batch.
    pub(super) index: usize,
    pub(super) quality: u8,
}

impl Flight {
    /// Gives the event its receipt.
    pub(super) fn settle(&self, outcome: Result<(), EndpointError>) {
        self.batch.settle(self.index, outcome);
    }
}

/// What is under way, by number.
#[derive(Debug)]
pub(super) struct Flights {
    /// The flight of number n is at n - 1.
    slots: Vec<Option<Flight>>,
    free: VecDeque<u16>,
    /// Of quality 2 among them.
    exact: usize,
    most_exact: usize,
}

impl Flights {
    /// Room for this many, of which only some may be of quality 2.
    pub(super) fn new(most: u16, most_exact: u16) -> Self {
        let slots = std::iter::repeat_with(|| None).take(usize::from(most)).collect();
        Self { slots, free: (1..=most).collect(), exact: 0, most_exact: usize::from(most_exact) }
    }

    /// How many are under way.
    pub(super) fn count(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Takes note of an event that is about to go, under the number returned; none while too many are under way.
    pub(super) fn enter(&mut self, flight: &Flight) -> Option<u16> {
        if flight.quality == 2 && self.exact >= self.most_exact {
            return None;
        }
        let id = self.free.pop_front()?;
        self.exact += usize::from(flight.quality == 2);
        self.slots[usize::from(id) - 1] = Some(flight.clone());
        Some(id)
    }

    /// The last word on a message. A number that nothing goes under means nothing.
    pub(super) fn settle(&mut self, id: u16, outcome: Result<(), EndpointError>) {
        let slot = usize::from(id).checked_sub(1).and_then(|at| self.slots.get_mut(at));
        if let Some(flight) = slot.and_then(Option::take) {
            self.exact -= usize::from(flight.quality == 2);
            self.free.push_back(id);
            flight.settle(outcome);
        }
    }

    /// A message of quality 2 has arrived, or was refused; true when the broker waits for our word that we know.
    pub(super) fn received(&mut self, id: u16, reason: &Reason) -> bool {
        if !reason.is_yes() {
            self.settle(id, reason.of_event());
        }
        reason.is_yes()
    }

    /// Nothing more is said of what is under way.
    pub(super) fn end(&mut self, error: &EndpointError) {
        for id in 1..=u16::try_from(self.slots.len()).unwrap_or(u16::MAX) {
            self.settle(id, Err(error.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Flight, Flights, Reason};
    use crate::endpoint::EndpointErrorKind;
    use crate::endpoint::mqtt::failure;
    use crate::endpoint::open_batch::OpenBatch;

    #[tokio::test]
    async fn each_number_finds_its_event() {
        let (batch, receipts) = OpenBatch::new(6, Duration::from_secs(5), &Arc::default());
        let flight = |index, quality| Flight { batch: Arc::clone(&batch), index, quality };
        let mut flights = Flights::new(4, 2);
        let ids: Vec<_> = [(0, 1), (1, 2), (2, 2), (3, 2), (3, 1), (4, 1)]
            .map(|(index, qos)| flights.enter(&flight(index, qos)))
            .into();
        assert_eq!(ids, [Some(1), Some(2), Some(3), None, Some(4), None]);
        let refused = Reason { code: 0x97, words: None };
        assert!(flights.received(2, &Reason::default()));
        assert!(!flights.received(3, &refused));
        flights.settle(2, Ok(()));
        flights.settle(1, Ok(()));
        flights.settle(1, refused.of_event());
        flights.settle(9, Ok(()));
        assert_eq!(flights.count(), 1);
        assert_eq!(flights.enter(&flight(4, 2)), Some(3));
        flights.end(&failure::session_reset());
        batch.settle(5, Ok(()));
        let kinds: Vec<_> =
            receipts.await.into_iter().map(|each| each.outcome.err().map(|error| error.kind)).collect();
        let (refused, lost) = (Some(EndpointErrorKind::Full), Some(EndpointErrorKind::Disconnected));
        assert_eq!(kinds, [None, None, refused, lost, lost, None]);
        assert_eq!(flights.count(), 0);
    }
}
