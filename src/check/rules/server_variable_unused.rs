//! A server declares a variable that its address does not hold.
//!
//! It will never be filled in.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main:
//!     host: example.com:9092
//!     protocol: kafka
//!     variables:
//!       region: {default: eu}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main:
//!     host: '{region}.example.com:9092'
//!     protocol: kafka
//!     variables:
//!       region: {default: eu}
//! ```

use super::parameter_undeclared::placeholders;
use super::server_variable_undeclared::variables;
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity, nearest};

pub const RULE: Rule = Rule {
    code: "ED2104",
    name: "server-variable-unused",
    severity: Severity::Warning,
    category: Category::Correctness,
    clause: "AsyncAPI · Server Object · variables",
    aliases: &["asyncapi2-server-variables", "asyncapi-server-variables"],
    source: include_str!("server_variable_unused.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for server in input.named("Server") {
        let texts: Vec<&str> =
            ["url", "host", "pathname"].iter().filter_map(|field| server.node.get_str(field)).collect();
        let used: Vec<&str> = texts.iter().flat_map(|text| placeholders(text)).collect();
        let declared = variables(input, server);
        let unknown_name = |name: &&str| !declared.iter().any(|entry| entry.key == **name);
        for entry in &declared {
            let is_slip = nearest(&entry.key, used.iter().copied().filter(unknown_name)).is_some();
            if used.contains(&entry.key.as_str()) || is_slip || texts.is_empty() {
                continue;
            }
            let message = format!("the address of the server does not hold the variable `{}`", entry.key);
            let finding = RULE.finding(message, entry.key_span).at(format!("{}/variables", server.pointer));
            let finding = finding.help("remove it, or put it into the address in braces");
            findings.push(input.with_removal(finding, &server.node, "variables", entry));
        }
    }
}
