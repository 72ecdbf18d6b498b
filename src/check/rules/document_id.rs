//! The document has no `id`.
//!
//! An identifier lets a catalogue recognise the application after its title or its file has changed.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! id: 'urn:example:orders'
//! info: {title: Orders, version: 1.0.0}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::presence::lacking;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3006",
    name: "document-id",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI · id",
    aliases: &["asyncapi-id"],
    source: include_str!("document_id.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let objects = input.named("AsyncAPI");
    findings.extend(objects.filter_map(|object| {
        lacking(&RULE, object, "id", "add a URI of the application, such as `urn:example:orders`")
    }));
}
