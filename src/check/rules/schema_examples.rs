//! An example in a schema does not conform to it.
//!
//! Examples are what readers copy. In AsyncAPI 3 documents and event schemas this is reported as a warning.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: integer
//!       examples: [many]
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: integer
//!       examples: [1]
//! ```

use super::default_mismatch::mismatch;
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2309",
    name: "schema-examples",
    severity: Severity::Error,
    category: Category::Correctness,
    clause: "JSON Schema · examples",
    aliases: &["asyncapi2-schema-examples", "asyncapi-schema-examples", "asyncapi-payload-examples"],
    source: include_str!("schema_examples.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for schema in input.named("Schema") {
        let examples = schema.node.get("examples").map_or(&[][..], |examples| examples.items());
        for (index, example) in examples.iter().enumerate() {
            let pointer = format!("{}/examples/{index}", schema.pointer);
            let finding = mismatch(input, &RULE, schema, (example, "the example", &pointer));
            findings.extend(finding.map(|mut finding| {
                if !input.is_version(2) {
                    finding.severity = Severity::Warning;
                }
                finding
            }));
        }
    }
}
