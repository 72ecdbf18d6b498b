//! A reusable object is used nowhere.
//!
//! What nothing refers to has often lost its user in a rename. Objects that belong to no channel mean nothing to
//! readers and to tools. A document without channels and operations is taken for a library, and left alone.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders: {address: orders}
//! components:
//!   schemas:
//!     Order: {type: object}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed: {payload: {$ref: '#/components/schemas/Order'}}
//! components:
//!   schemas:
//!     Order: {type: object}
//! ```

use std::rc::Rc;

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::grammar::Placed;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::tree::{Entry, pointer_push};

pub const RULE: Rule = Rule {
    code: "ED3018",
    name: "unused-component",
    severity: Severity::Info,
    category: Category::Style,
    clause: "AsyncAPI · Components Object",
    aliases: &[
        "asyncapi-unused-component",
        "asyncapi-unused-components-schema",
        "asyncapi-unused-components-server",
        "asyncapi2-unused-securityScheme",
    ],
    source: include_str!("unused_component.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let root = &input.document.root;
    let has = |field: &str| root.get(field).is_some_and(|node| !node.entries().is_empty());
    if !has("channels") && !has("operations") {
        return;
    }
    for (kind, entry) in components(input) {
        let pointer = pointer_push(&format!("/components/{}", kind.key), &entry.key);
        let object = Placed {
            name: "",
            node: entry.value.clone(),
            pointer: Rc::from(pointer.as_str()),
            key: entry.key_span,
        };
        let is_scheme = kind.key == "securitySchemes" && input.is_version(2);
        if input.is_referred(&object)
            || (is_scheme && is_required(input, &entry.key))
            || (kind.key == "schemas" && is_chosen_by_discriminator(input, entry))
        {
            continue;
        }
        let message = format!("nothing refers to `{}` in `{}`", entry.key, kind.key);
        let finding = RULE.finding(message, entry.key_span).at(pointer).help("remove it, or refer to it");
        findings.push(match root.get("components") {
            Some(components) => input.with_removal(finding, components, &kind.key, entry),
            None => finding,
        });
    }
}

/// The reusable objects, each with its kind.
fn components<'a>(input: &'a CheckInput) -> impl Iterator<Item = (&'a Entry, &'a Entry)> {
    let kinds = input.document.root.get("components").map_or(&[][..], |components| components.entries());
    let kinds = kinds.iter().filter(|kind| !kind.key.starts_with("x-"));
    kinds.flat_map(|kind| kind.value.entries().iter().map(move |entry| (kind, entry)))
}

/// AsyncAPI 2 names security schemes without a reference.
fn is_required(input: &CheckInput, name: &str) -> bool {
    input.named("SecurityRequirement").any(|requirement| requirement.node.get(name).is_some())
}

/// A schema built upon one with a discriminator is chosen by its name in the event.
fn is_chosen_by_discriminator(input: &CheckInput, schema: &Entry) -> bool {
    let parts = schema.value.get("allOf").map_or(&[][..], |parts| parts.items());
    parts
        .iter()
        .any(|part| input.behind(part).is_some_and(|target| target.node.get("discriminator").is_some()))
}
