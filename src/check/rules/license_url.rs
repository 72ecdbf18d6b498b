//! The licence has no link to its text.
//!
//! Names such as `Proprietary` or `BSD` leave open which text is meant; a link does not.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0, license: {name: MIT}}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0, license: {name: MIT, url: 'https://spdx.org/licenses/MIT'}}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::presence::lacking;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3005",
    name: "license-url",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI · License Object · url",
    aliases: &["asyncapi-info-license-url"],
    source: include_str!("license_url.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let objects = input.named("License");
    findings.extend(
        objects.filter_map(|object| lacking(&RULE, object, "url", "link to the text of the licence")),
    );
}
