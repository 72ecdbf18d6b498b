//! The first events of a run by themselves: once what became of them is known, somebody decides whether the rest follows.

use std::fmt;
use std::sync::Arc;

/// What became of the first events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstEvents {
    /// Handed over.
    pub sent: u64,
    /// Confirmed.
    pub acknowledged: u64,
    /// Refused for good.
    pub failed: u64,
}

/// A pause after the first events of a run. The schedule stands still in it.
#[derive(Clone)]
pub struct Canary {
    /// So many events go first.
    pub after: u64,
    /// Whether the rest follows; it may take its time.
    decide: Arc<dyn Fn(FirstEvents) -> bool + Send + Sync>,
}

impl Canary {
    /// A pause after so many events.
    pub fn new(after: u64, decide: impl Fn(FirstEvents) -> bool + Send + Sync + 'static) -> Self {
        Self { after, decide: Arc::new(decide) }
    }

    /// Waits for the decision.
    #[must_use]
    pub fn goes_on(&self, first: FirstEvents) -> bool {
        (self.decide)(first)
    }
}

impl fmt::Debug for Canary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Canary({})", self.after)
    }
}
