//! A connection for sending that is begun while it is still being looked at what is to be sent.

#[cfg(feature = "kafka")]
use std::any::Any;
#[cfg(feature = "kafka")]
use std::sync::Arc;

/// What a driver has begun. Questions about a target and the sink that is opened later use it, when they are about the very
/// same target with the same options; else, and when nothing came of it, they connect as if it were not there.
#[derive(Clone)]
pub struct Ahead(#[cfg(feature = "kafka")] Arc<dyn Any + Send + Sync>);

impl Ahead {
    /// Of what a driver keeps for itself.
    #[cfg(feature = "kafka")]
    pub(super) fn of(begun: impl Any + Send + Sync) -> Self {
        Self(Arc::new(begun))
    }

    /// What a driver has begun, when it was the one that began.
    #[cfg(feature = "kafka")]
    pub(super) fn begun<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl std::fmt::Debug for Ahead {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Ahead")
    }
}
