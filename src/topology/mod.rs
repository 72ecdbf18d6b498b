//! The graph of services, channels and messages: built, queried, laid out. It draws nothing.

pub mod aliases;
pub mod assertions;
mod bridge;
mod declared;
pub mod difference;
mod domains;
pub mod drift;
pub mod drift_findings;
pub mod environments;
pub mod fields;
pub mod findings;
#[cfg(test)]
pub(crate) mod fixture;
pub mod graph;
pub mod impact;
pub mod inversion;
mod join;
pub mod layout;
pub mod live;
pub mod loops;
mod meeting;
mod names;
pub mod observed;
mod paths;
pub mod patterns;
mod query;
pub mod saved;
pub mod scaffolded;
mod schemas;
pub mod sightings;
pub mod spans;

pub use domains::{Domain, DomainFlow, Domains};
pub use fields::parts_of;
pub use graph::{
    Change, Check, CheckRule, Edge, Evidence, EvidenceKind, Graph, Node, NodeIndex, NodeKind, Place,
    Relation, Seen, SourceFile,
};
pub use paths::Paths;
pub use query::{FocusError, Step};
