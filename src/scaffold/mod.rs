//! A template and answers become a plan, a plan becomes files. It runs no code of a template.

pub mod answers;
pub mod care;
pub mod contract_view;
mod engine;
pub mod error;
mod identifiers;
pub mod lock;
pub mod manifest;
mod path_rules;
pub mod plan;
mod projects;
mod sample;
mod schema_node;
pub mod source;
mod source_code;
pub mod surface;
mod surface_changes;
mod surface_fields;
pub mod sync;
pub mod types;
mod words;
pub mod write;

pub use answers::{AnswerSources, Ask, Question};
pub use contract_view::ContractView;
pub use error::ScaffoldError;
pub use identifiers::Language;
pub use manifest::{Feature, Manifest, Policy, VariableKind};
pub use plan::{Action, Plan, PlannedFile, plan};
pub use projects::{PlannedProject, ReadContract, with_projects};
pub use source::{Template, built_in, open};
