//! The schema of the headers does not describe an object.
//!
//! Headers are names with values, so their schema must be of type `object`.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed:
//!         headers: {type: string}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed:
//!         headers:
//!           type: object
//!           properties: {trace-id: {type: string}}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::grammar::TYPE_NAMES;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2403",
    name: "headers-object",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Message Object · headers",
    aliases: &["asyncapi-headers-schema-type-object", "asyncapi-3-headers-schema-type-object"],
    source: include_str!("headers_object.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let holders = input.objects.iter().filter(|object| matches!(object.name, "Message" | "MessageTrait"));
    for object in holders {
        let Some(target) = object.node.get("headers").and_then(|headers| input.behind(headers)) else {
            continue;
        };
        let Some(kind) = target.node.get("type") else {
            continue;
        };
        let is_object = kind.as_str() == Some("object")
            || kind.items().iter().any(|item| item.as_str() == Some("object"));
        let is_known = kind.as_str().is_some_and(|kind| TYPE_NAMES.contains(&kind));
        if !is_object && is_known {
            let written = kind.as_str().unwrap_or_default();
            let finding =
                RULE.finding(format!("headers must be of type `object`, not `{written}`"), kind.span);
            findings.push(
                finding
                    .at(format!("{}/headers/type", object.pointer))
                    .help("describe each header as a property of an object"),
            );
        }
    }
}
