//! A payload is described in a language that is not checked.
//!
//! The payload of this message passes unseen. Checked are the schemas of AsyncAPI, JSON Schema, OpenAPI, Avro and
//! Protobuf; RAML is known and not checked.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed:
//!         payload:
//!           schemaFormat: application/x-shop;version=1
//!           schema: {anything: goes}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed:
//!         payload:
//!           schemaFormat: application/schema+json;version=draft-07
//!           schema: {type: object}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity, nearest};

pub const RULE: Rule = Rule {
    code: "ED2311",
    name: "schema-format-unknown",
    severity: Severity::Info,
    category: Category::Interop,
    clause: "AsyncAPI · Message Object · schemaFormat",
    aliases: &["asyncapi-payload-unsupported-schemaFormat", "asyncapi-3-payload-unsupported-schemaFormat"],
    source: include_str!("schema_format_unknown.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for object in &input.objects {
        let Some(format) = object.node.get("schemaFormat").filter(|_| object.name != "Schema") else {
            continue;
        };
        let text = format.as_str().unwrap_or_default();
        let base = text.split(';').next().unwrap_or_default().trim();
        if base.starts_with("application/raml") {
            let finding = RULE.finding("schemas in RAML are not checked".to_owned(), format.span);
            let help = "describe the payload in JSON Schema to have its examples and events checked";
            findings.push(finding.at(format!("{}/schemaFormat", object.pointer)).help(help));
            continue;
        }
        if KNOWN.contains(&base) || base.starts_with("application/vnd.aai.asyncapi") || text.is_empty() {
            continue;
        }
        let help = nearest(base, KNOWN).map_or_else(
            || "its events are not checked".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        let finding = RULE.finding(format!("the schema format `{text}` is not known"), format.span);
        findings.push(finding.at(format!("{}/schemaFormat", object.pointer)).help(help));
    }
}

const KNOWN: [&str; 11] = [
    "application/schema+json",
    "application/schema+yaml",
    "application/vnd.apache.avro",
    "application/vnd.apache.avro+json",
    "application/vnd.apache.avro+yaml",
    "application/vnd.google.protobuf",
    "application/vnd.oai.openapi",
    "application/vnd.oai.openapi+json",
    "application/vnd.oai.openapi+yaml",
    "application/vnd.aai.asyncapi+json",
    "application/vnd.aai.asyncapi+yaml",
];
