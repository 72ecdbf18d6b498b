//! A tag is not described.
//!
//! A tag means what its team agreed on; a sentence keeps others from using it for something else.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0, tags: [{name: shop}]}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0, tags: [{name: shop, description: All that sells}]}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::grammar::Placed;
use crate::check::presence::lacking;
use crate::diagnostic::Label;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3010",
    name: "tag-description",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI · Tag Object · description",
    aliases: &["asyncapi-tag-description", "asyncapi-3-tag-description"],
    source: include_str!("tag_description.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    // Tags of single operations and messages are too many, and named in passing.
    let is_own = |tag: &&Placed| {
        let holder = if input.is_version(2) { "/tags/" } else { "/info/tags/" };
        tag.pointer.starts_with(holder) || tag.pointer.starts_with("/components/tags/")
    };
    for tag in input.named("Tag").filter(is_own) {
        let mut found = lacking(&RULE, tag, "description", "say in a sentence what the tag stands for");
        if let (Some(finding), Some(name)) = (&mut found, tag.node.get("name")) {
            finding.message = format!("the tag `{}` has no `description`", name.as_str().unwrap_or_default());
            finding.primary = Some(Label { span: name.span, text: String::new() });
        }
        findings.extend(found);
    }
}
