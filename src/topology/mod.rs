//! The graph of services, channels and messages: built, queried, laid out. It draws nothing.

mod declared;
#[cfg(test)]
pub(crate) mod fixture;
pub mod graph;
pub mod layout;
mod query;

pub use graph::{
    Check, CheckRule, Edge, Evidence, EvidenceKind, Graph, Node, NodeIndex, NodeKind, Place, Relation,
    SourceFile,
};
pub use query::{FocusError, Step};
