//! The address of a server ends with a slash.
//!
//! Clients put the address of a channel behind that of the server; two slashes in a row are another address to many.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {url: 'ws://localhost:8080/', protocol: ws}
//! channels: {}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {url: 'ws://localhost:8080', protocol: ws}
//! channels: {}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::tree::pointer_push;

pub const RULE: Rule = Rule {
    code: "ED3021",
    name: "server-trailing-slash",
    severity: Severity::Warning,
    category: Category::Interop,
    clause: "AsyncAPI · Server Object",
    aliases: &[
        "asyncapi-server-no-trailing-slash",
        "asyncapi-3-server-no-trailing-slash",
        "asyncapi2-server-no-trailing-slash",
    ],
    source: include_str!("server_trailing_slash.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for server in input.named("Server") {
        // A path of `/` alone is how AsyncAPI 3 writes the root.
        for field in ["url", "host", "pathname"] {
            let Some(node) = server.node.get(field) else {
                continue;
            };
            let text = node.as_str().unwrap_or_default();
            if text.len() > 1 && text.ends_with('/') {
                let finding = RULE.finding(format!("`{field}` ends with a slash"), node.span);
                let pointer = pointer_push(&server.pointer, field);
                findings.push(finding.at(pointer).help("leave the last slash out"));
            }
        }
    }
}
