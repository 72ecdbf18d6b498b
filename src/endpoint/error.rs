//! What can go wrong between us and a system, by kind, so that the engine knows what may be tried again.

use std::time::Duration;

use thiserror::Error;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointErrorKind {
    /// Nothing answers at the address.
    Unreachable,
    /// The connection was lost on the way.
    Disconnected,
    /// No answer in time.
    Timeout,
    /// The system does not know us, or forbids it.
    Unauthorised,
    /// The topic, stream or file does not exist.
    NotFound,
    /// The event is larger than the system takes.
    TooLarge,
    /// The system has no room for the event, or takes no writes, for now; nothing of the event is there.
    Full,
    /// The system did not take the event now; whether something of it is there it does not say.
    Busy,
    /// The system said no for another reason.
    Rejected,
    /// Another process has taken over, or only a later run can find out what became of the last events.
    Fenced,
    /// Bytes that cannot be read as what they should be.
    Malformed,
    /// The system cannot do what was asked.
    Unsupported,
    /// A file could not be read or written.
    File,
    /// The reader of our output has gone: the end, not a failure.
    ClosedPipe,
}

/// A failure of an endpoint: what, where, and what to do next.
#[derive(Clone, Debug, Error)]
#[error("{message}")]
pub struct EndpointError {
    /// What went wrong.
    pub kind: EndpointErrorKind,
    /// A lower-case fragment that names the address (masked).
    pub message: String,
    /// What to do next, if we know.
    pub help: Option<String>,
    /// How long the system asks us to wait before the same call.
    pub retry_after: Option<Duration>,
    /// A text of the user, masked, and the byte range in it that is wrong, for an underline.
    pub wrong: Option<Box<(String, std::ops::Range<usize>)>>,
}

impl EndpointError {
    /// An error of this kind.
    #[must_use]
    pub fn new(kind: EndpointErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None, retry_after: None, wrong: None }
    }

    /// The connection ended before anything was said about an event.
    #[cfg(any(feature = "kafka", feature = "mqtt", feature = "nats"))]
    pub(super) fn receipt_lost() -> Self {
        Self::new(EndpointErrorKind::Disconnected, "the connection was closed before the receipt arrived")
    }

    /// Adds what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(
            self.kind,
            EndpointErrorKind::Unreachable
                | EndpointErrorKind::Disconnected
                | EndpointErrorKind::Timeout
                | EndpointErrorKind::Full
                | EndpointErrorKind::Busy
        )
    }

    /// Whether nothing of the event is there, so that it is not there twice when it is sent again.
    #[must_use]
    pub fn leaves_nothing(&self) -> bool {
        matches!(self.kind, EndpointErrorKind::Unreachable | EndpointErrorKind::Full)
    }

    /// Whether no later event can fare better, such as on a full disk.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(
            self.kind,
            EndpointErrorKind::File | EndpointErrorKind::ClosedPipe | EndpointErrorKind::Fenced
        )
    }
}
