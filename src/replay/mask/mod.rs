//! Masking: what is personal or secret is replaced before it is written. It fails closed: what cannot be gone through is
//! never written in clear.

mod masker;
mod rules;
mod schema;
mod token;

pub use masker::{BY_SCHEMAS, MaskCounts, Masker, RuleCount};
pub use rules::{MaskError, Rules, Unknown};
pub use schema::{ChannelSchemas, ContractSchemas, SchemasOf, marks};
pub use token::{KeyError, MaskKey};
