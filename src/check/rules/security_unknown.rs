//! A security requirement names a scheme that the document does not have.
//!
//! The name must be a key of `components.securitySchemes`.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main:
//!     url: localhost:1883
//!     protocol: mqtt
//!     security: [{pasword: []}]
//! channels: {}
//! components:
//!   securitySchemes:
//!     password: {type: userPassword}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main:
//!     url: localhost:1883
//!     protocol: mqtt
//!     security: [{password: []}]
//! channels: {}
//! components:
//!   securitySchemes:
//!     password: {type: userPassword}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::source_text::tree::Entry;

pub const RULE: Rule = Rule {
    code: "ED2601",
    name: "security-unknown",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI 2 · Security Requirement Object",
    aliases: &[
        "asyncapi2-server-security",
        "asyncapi2-operation-security",
        "asyncapi-server-security",
        "asyncapi-operation-security",
        "asyncapi-3-operation-security",
    ],
    source: include_str!("security_unknown.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let schemes = schemes(input);
    let known = || schemes.iter().map(|entry| entry.key.as_str());
    for requirement in input.named("SecurityRequirement") {
        for entry in requirement.node.entries() {
            if known().any(|name| name == entry.key) || entry.key == "$ref" {
                continue;
            }
            let help = nearest(&entry.key, known()).map_or_else(
                || "add it to `components.securitySchemes`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("there is no security scheme `{}`", entry.key);
            findings.push(RULE.finding(message, entry.key_span).at(&*requirement.pointer).help(help));
        }
    }
}

/// `components.securitySchemes` of the document.
pub fn schemes(input: &CheckInput) -> Vec<Entry> {
    let components = input.document.root.get("components");
    let schemes = components.and_then(|components| components.get("securitySchemes"));
    schemes.map_or_else(Vec::new, |schemes| schemes.entries().to_vec())
}
