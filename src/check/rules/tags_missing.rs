//! The application has no tags.
//!
//! Tags group applications in a catalogue. AsyncAPI 2 has them at the document, AsyncAPI 3 in `info`.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0, tags: [{name: shop}]}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::presence::lacking;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3009",
    name: "tags-missing",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI · Tags Object",
    aliases: &["asyncapi-tags", "asyncapi-3-tags", "asyncapi2-tags"],
    source: include_str!("tags_missing.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let holder = if input.is_version(2) { "AsyncAPI" } else { "Info" };
    let help = "add the tags by which readers look for the application";
    findings.extend(input.named(holder).filter_map(|object| lacking(&RULE, object, "tags", help)));
}
