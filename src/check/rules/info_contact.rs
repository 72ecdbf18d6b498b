//! The document does not say whom to ask.
//!
//! Whoever finds a broken event needs a name or an address; `info.contact` is the place for it.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0, contact: {name: Shop team}}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::presence::lacking;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3002",
    name: "info-contact",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI · Info Object · contact",
    aliases: &["asyncapi-info-contact"],
    source: include_str!("info_contact.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let objects = input.named("Info");
    findings.extend(objects.filter_map(|object| {
        lacking(&RULE, object, "contact", "add `contact` with `name`, `url` and `email`")
    }));
}
