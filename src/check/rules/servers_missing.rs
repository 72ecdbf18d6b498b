//! The document names no server.
//!
//! Without servers the contract does not say where its channels live, nor which protocol they speak.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
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
use crate::check::presence::lacking;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3008",
    name: "servers-missing",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI · servers",
    aliases: &["asyncapi-servers"],
    source: include_str!("servers_missing.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let objects = input.named("AsyncAPI");
    findings.extend(objects.filter_map(|object| {
        lacking(&RULE, object, "servers", "add at least one server with its host and protocol")
    }));
}
