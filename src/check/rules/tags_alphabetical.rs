//! The tags of the application are not in the order of the alphabet.
//!
//! In order of the alphabet a tag is found at a glance, and two people adding one do not meet in the same line.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0, tags: [{name: shop}, {name: mail}]}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0, tags: [{name: mail}, {name: shop}]}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3011",
    name: "tags-alphabetical",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI · Tags Object",
    aliases: &["asyncapi-tags-alphabetical", "asyncapi-3-tags-alphabetical"],
    source: include_str!("tags_alphabetical.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let holder = if input.is_version(2) { "AsyncAPI" } else { "Info" };
    for object in input.named(holder) {
        let tags = object.node.get("tags").map_or(&[][..], |tags| tags.items());
        let mut names = Vec::new();
        for (index, tag) in tags.iter().enumerate() {
            let target = input.behind(tag);
            let Some(name) = target.as_ref().and_then(|target| target.node.get_str("name")) else {
                continue;
            };
            let place = tag.get("name").map_or(tag.span, |name| name.span);
            names.push((name.to_owned(), place, index));
        }
        let wrong = names.windows(2).find(|pair| pair[0].0.to_lowercase() > pair[1].0.to_lowercase());
        if let Some([before, after]) = wrong {
            let message = format!("the tag `{}` stands behind `{}`", after.0, before.0);
            let finding = RULE.finding(message, after.1).related(before.1, "this one comes later");
            let pointer = format!("{}/tags/{}", object.pointer, after.2);
            findings.push(finding.at(pointer).help("sort the tags by name"));
        }
    }
}
