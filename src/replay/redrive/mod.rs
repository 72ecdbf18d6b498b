//! Dead letters back to where they came from: an event leaves its place only once its copy is confirmed at its origin.
//!
//! Carrying is [`carry`](super::carry) as ever; what is special stands at its two ends. [`RedriveSource`] gives out one
//! batch, waits until the fate of each event of it is known, tells the system, and reads on. [`RoutingSink`] sends each
//! event to its origin, or to the quarantine. Between them the [`Board`] says what became of which.

mod board;
mod headers;
mod origin;
mod sink;
mod source;

pub use board::{Board, Counts, Row, Ways};
pub use headers::REDRIVES_HEADER;
pub use origin::{Origin, Way};
pub use sink::{Quarantine, RoutingSink, at_exchange};
pub use source::{RedriveSource, Rules};
