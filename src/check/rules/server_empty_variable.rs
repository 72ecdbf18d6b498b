//! A variable in the address of a server has no name.
//!
//! Nothing can be put in the place of `{}`: a variable is filled in by its name.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {host: '{}.shop.test:9092', protocol: kafka}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main:
//!     host: '{region}.shop.test:9092'
//!     protocol: kafka
//!     variables: {region: {enum: [eu, us]}}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::tree::pointer_push;

pub const RULE: Rule = Rule {
    code: "ED3022",
    name: "server-empty-variable",
    severity: Severity::Warning,
    category: Category::Correctness,
    clause: "AsyncAPI · Server Object",
    aliases: &[
        "asyncapi-server-no-empty-variable",
        "asyncapi-3-server-no-empty-variable",
        "asyncapi2-server-no-empty-variable",
    ],
    source: include_str!("server_empty_variable.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for server in input.named("Server") {
        for field in ["url", "host", "pathname"] {
            let Some(node) = server.node.get(field) else {
                continue;
            };
            if node.as_str().is_some_and(|text| text.contains("{}")) {
                let message = format!("a variable in `{field}` has no name");
                let finding = RULE.finding(message, input.place_inside(node, "{}"));
                let pointer = pointer_push(&server.pointer, field);
                findings.push(finding.at(pointer).help("name it, and declare it in `variables`"));
            }
        }
    }
}
