//! The address of a server holds a variable that `variables` does not declare.
//!
//! Nobody can connect before `{name}` has a value.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {host: '{region}.example.com:9092', protocol: kafka}
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
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::grammar::Placed;
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::source_text::tree::Entry;

pub const RULE: Rule = Rule {
    code: "ED2103",
    name: "server-variable-undeclared",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Server Object · variables",
    aliases: &["asyncapi2-server-variables", "asyncapi-server-variables"],
    source: include_str!("server_variable_undeclared.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for server in input.named("Server") {
        let declared = variables(input, server);
        for field in ["url", "host", "pathname"] {
            let Some(address) = server.node.get(field) else {
                continue;
            };
            for name in placeholders(address.as_str().unwrap_or_default()) {
                if declared.iter().any(|entry| entry.key == name) {
                    continue;
                }
                let near = nearest(name, declared.iter().map(|entry| entry.key.as_str()));
                let help = near.map_or_else(
                    || format!("add `{name}` to `variables` of the server"),
                    |near| format!("did you mean `{{{near}}}`?"),
                );
                let message = format!("the variable `{name}` of `{field}` is not declared");
                let place = input.place_inside(address, &format!("{{{name}}}"));
                let finding = RULE.finding(message, place).at(format!("{}/{field}", server.pointer));
                findings.push(finding.help(help));
            }
        }
    }
}

/// What the server declares in `variables`.
pub fn variables(input: &CheckInput, server: &Placed) -> Vec<Entry> {
    let target = server.node.get("variables").and_then(|variables| input.behind(variables));
    target.map_or_else(Vec::new, |target| target.node.entries().to_vec())
}
