//! The document does not name a licence.
//!
//! Without a licence others may not know whether they may build on the contract.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0, license: {name: MIT}}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::presence::lacking;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3004",
    name: "info-license",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI · Info Object · license",
    aliases: &["asyncapi-info-license"],
    source: include_str!("info_license.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let objects = input.named("Info");
    findings.extend(
        objects.filter_map(|object| lacking(&RULE, object, "license", "add `license` with a `name`")),
    );
}
