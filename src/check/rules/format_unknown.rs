//! A schema asks for a format that nobody knows.
//!
//! An unknown `format` checks nothing. A near miss of a known one is reported as a warning, any other as information.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: string
//!       format: emial
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   schemas:
//!     Order:
//!       type: string
//!       format: email
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2303",
    name: "format-unknown",
    severity: Severity::Warning,
    category: Category::Correctness,
    clause: "JSON Schema · format",
    aliases: &[],
    source: include_str!("format_unknown.rs"),
    check: Some(check),
};

/// Formats of JSON Schema, OpenAPI and AsyncAPI, and those in common use beside them.
const KNOWN: [&str; 43] = [
    "base64",
    "base64url",
    "binary",
    "bool",
    "boolean",
    "byte",
    "bytes",
    "char",
    "date",
    "date-time",
    "decimal",
    "decimal128",
    "double",
    "duration",
    "email",
    "float",
    "hostname",
    "idn-email",
    "idn-hostname",
    "int16",
    "int32",
    "int64",
    "int8",
    "integer",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "long",
    "number",
    "password",
    "regex",
    "relative-json-pointer",
    "string",
    "time",
    "timestamp",
    "uint32",
    "uint64",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for schema in input.named("Schema") {
        let Some(format) = schema.node.get("format") else {
            continue;
        };
        let text = format.as_str().unwrap_or_default();
        if KNOWN.contains(&text) || text.is_empty() {
            continue;
        }
        let mut finding = RULE.finding(format!("the format `{text}` is not known"), format.span);
        if finding.respell(text, KNOWN, format.span).is_none() {
            finding.severity = Severity::Info;
            finding.help = Some("values are not checked for it; `pattern` can say what is wanted".to_owned());
        }
        findings.push(finding.at(format!("{}/format", schema.pointer)));
    }
}
