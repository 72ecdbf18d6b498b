//! A server stands at `example.com`.
//!
//! `example.com` is reserved for documentation: no broker will ever answer there.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {host: 'kafka.example.com:9092', protocol: kafka}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main: {host: 'localhost:9092', protocol: kafka}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::tree::pointer_push;

pub const RULE: Rule = Rule {
    code: "ED3016",
    name: "server-example-com",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI · Server Object",
    aliases: &["asyncapi-server-not-example-com", "asyncapi-3-server-not-example-com"],
    source: include_str!("server_example_com.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for server in input.named("Server") {
        let field = if input.is_version(2) { "url" } else { "host" };
        let Some(place) = server.node.get(field).filter(|node| is_example(node.as_str())) else {
            continue;
        };
        let finding =
            RULE.finding("the server stands at `example.com`", input.place_inside(place, "example.com"));
        findings.push(
            finding.at(pointer_push(&server.pointer, field)).help("write the address of the real broker"),
        );
    }
}

fn is_example(address: Option<&str>) -> bool {
    address.is_some_and(|address| address.contains("example.com"))
}
