//! A list of tags has the same name twice.
//!
//! Each name in a list of tags must be unique.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main:
//!     host: localhost:1883
//!     protocol: mqtt
//!     tags: [{name: shop}, {name: shop}]
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main:
//!     host: localhost:1883
//!     protocol: mqtt
//!     tags: [{name: shop}, {name: orders}]
//! ```

use std::collections::HashMap;

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::Span;

pub const RULE: Rule = Rule {
    code: "ED2203",
    name: "tags-unique",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Tags Object",
    aliases: &["asyncapi2-tags-uniqueness", "asyncapi-tags-uniqueness", "asyncapi-3-tags-uniqueness"],
    source: include_str!("tags_unique.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for object in input.objects.iter().filter(|object| object.name != "Components" && object.name != "Schema")
    {
        let mut seen: HashMap<String, Span> = HashMap::new();
        let tags = object.node.get("tags").map_or(&[][..], |tags| tags.items());
        for (index, tag) in tags.iter().enumerate() {
            let target = input.behind(tag);
            let Some(name) = target.as_ref().and_then(|target| target.node.get_str("name")) else {
                continue;
            };
            let place = tag.get("name").map_or(tag.span, |name| name.span);
            match seen.get(name) {
                Some(first) => {
                    let finding = RULE.finding(format!("the tag `{name}` is there twice"), place);
                    let finding = finding.related(*first, "first named here");
                    findings.push(
                        finding.at(format!("{}/tags/{index}", object.pointer)).help("remove one of them"),
                    );
                }
                None => {
                    seen.insert(name.to_owned(), place);
                }
            }
        }
    }
}
