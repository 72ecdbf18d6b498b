//! How the test of one project ended.

use crate::scaffold::error::ScaffoldError;
use crate::scaffold::plan::Plan;

/// One project of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// The case, or the answers it was made with.
    pub name: String,
    /// How many files it has; none when it could not be made.
    pub files: usize,
    /// What went wrong, in one or more lines.
    pub failure: Option<String>,
}

impl TestResult {
    /// The result of a plan that is looked at further when it could be made.
    pub fn new(
        name: String,
        plan: Result<Plan, ScaffoldError>,
        look: impl FnOnce(&Plan, &str) -> Option<String>,
    ) -> Self {
        match plan {
            Err(error) => {
                let help = error.help().map_or_else(String::new, |help| format!("\nhelp: {help}"));
                Self { name, files: 0, failure: Some(format!("{error}{help}")) }
            }
            Ok(plan) => {
                let failure = look(&plan, &name);
                Self { name, files: plan.files.len(), failure }
            }
        }
    }
}
