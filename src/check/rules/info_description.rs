//! The document does not say what the application is for.
//!
//! A sentence in `info.description` is the first thing a reader of a catalogue or of generated pages looks for.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0, description: Takes orders and tells the warehouse.}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::presence::lacking;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3001",
    name: "info-description",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI · Info Object · description",
    aliases: &["asyncapi-info-description"],
    source: include_str!("info_description.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let objects = input.named("Info");
    findings.extend(objects.filter_map(|object| {
        lacking(&RULE, object, "description", "say in a sentence what the application does")
    }));
}
