//! While a run goes on: which of the events whose fate a failure left open lie on the target already.

use super::keeper::Keeper;
use super::read_back::read_back;
use super::settled::Settled;
use super::stop::StopToken;
use crate::endpoint::{Address, EndpointError, SinkOptions};

/// The target of a run, as it is read.
#[derive(Clone, Debug)]
pub struct Recall {
    address: Address,
    options: SinkOptions,
}

impl Recall {
    /// Reads what was sent to `address` by the means by which it is sent.
    #[must_use]
    pub fn new(address: Address, options: SinkOptions) -> Self {
        Self { address, options }
    }

    /// What is settled, events without a receipt that lie on the target among it, and the number below which what is not may be gone
    /// from there again; none when the end was asked for.
    ///
    /// # Errors
    /// When the target cannot be read.
    pub(super) async fn settled(
        &self,
        keeper: &Keeper,
        stop: &StopToken,
    ) -> Result<Option<(Settled, u64)>, EndpointError> {
        let mut ledger = keeper.ledger();
        let found = read_back(&mut ledger, &self.address, &self.options, stop).await?;
        Ok((!found.interrupted).then_some((ledger.settled, found.uncertain_below)))
    }
}
