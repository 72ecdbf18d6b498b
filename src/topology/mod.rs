//! The graph of services, channels and messages: built, queried, laid out. It draws nothing.

pub mod aliases;
mod bridge;
mod declared;
mod domains;
pub mod drift;
#[cfg(test)]
pub(crate) mod fixture;
pub mod graph;
mod join;
pub mod layout;
mod names;
pub mod observed;
mod paths;
pub mod patterns;
mod query;
pub mod saved;

pub use domains::{Domain, DomainFlow, Domains};
pub use graph::{
    Change, Check, CheckRule, Edge, Evidence, EvidenceKind, Graph, Node, NodeIndex, NodeKind, Place,
    Relation, Seen, SourceFile,
};
pub use paths::Paths;
pub use query::{FocusError, Step};
