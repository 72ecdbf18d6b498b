//! The document is written for an earlier version than the latest one.
//!
//! Later versions tell operations from channels and can describe replies; `eddy convert` brings a document there.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! channels: {}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.1.0
//! info: {title: Orders, version: 1.0.0}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3017",
    name: "latest-version",
    severity: Severity::Info,
    category: Category::Style,
    clause: "AsyncAPI · asyncapi",
    aliases: &["asyncapi-latest-version"],
    source: include_str!("latest_version.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let version = input.document.root.get("asyncapi").filter(|_| !input.is_version(0));
    if let (Some(version), true) = (version, (input.major, input.minor) < LATEST) {
        let message = format!("the latest version of AsyncAPI is {}.{}.0", LATEST.0, LATEST.1);
        findings.push(
            RULE.finding(message, version.span).at("/asyncapi").help("convert the document when it suits"),
        );
    }
}

/// The latest version eddy reads.
const LATEST: (u8, u8) = (3, 1);
