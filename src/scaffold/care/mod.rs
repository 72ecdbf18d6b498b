//! What the author of a template has: checks, answers that meet each other, cases with their trees, and a first template.

pub mod cases;
mod lint;
mod matrix;
mod question_schema;
mod result;
mod starter;

pub use cases::{Case, Difference};
pub use lint::{Finding, lint};
pub use matrix::{axes, pairwise};
pub use question_schema::question_schema;
pub use result::TestResult;
pub use starter::starter;
