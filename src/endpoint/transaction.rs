//! Events that arrive together with the progress of their run, or not at all.

use std::fmt::Debug;
use std::sync::Arc;

use super::EndpointError;

/// The progress of a run as its target keeps it: a record in the same transaction as the events it speaks of.
pub trait Checkpoint: Send + Sync + Debug {
    /// Called once, before anything is sent, with the last record that was committed for this run; none when there is none.
    /// From then on no other process can commit anything for the run.
    ///
    /// # Errors
    /// When the run cannot go on, or begin, from there.
    fn take_up(&self, committed: Option<&[u8]>) -> Result<(), EndpointError>;

    /// The record of a transaction with the events of these numbers.
    fn with(&self, numbers: &[u64]) -> Vec<u8>;

    /// The transaction with the events of these numbers was committed.
    fn committed(&self, numbers: &[u64]);
}

/// How a sink is opened whose events go in transactions.
#[derive(Clone, Debug)]
pub struct Transactions {
    /// The run. Whoever opens another sink for it takes it over: this one can commit nothing from then on.
    pub run: String,
    /// Its progress.
    pub checkpoint: Arc<dyn Checkpoint>,
}
