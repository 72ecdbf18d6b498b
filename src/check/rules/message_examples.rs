//! An example of a message does not conform to the schemas of the message.
//!
//! Examples are what readers copy, mocks send and tests rely on: `payload` must conform to the payload schema, `headers`
//! to the headers schema. Examples of Avro and Protobuf payloads are written in the JSON form of their language.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   messages:
//!     placed:
//!       payload:
//!         type: object
//!         properties: {amount: {type: integer}}
//!       examples:
//!         - payload: {amount: many}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! components:
//!   messages:
//!     placed:
//!       payload:
//!         type: object
//!         properties: {amount: {type: integer}}
//!       examples:
//!         - payload: {amount: 3}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::schema::PayloadSchema;
use crate::source_text::tree::NodeRef;

pub const RULE: Rule = Rule {
    code: "ED2401",
    name: "message-examples",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Message Example Object",
    aliases: &[
        "asyncapi2-message-examples",
        "asyncapi-message-examples",
        "asyncapi2-message-examples-custom-format",
    ],
    source: include_str!("message_examples.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    // The examples of an event schema are those of the schema itself.
    let messages = input.document.messages.iter().filter(|_| !input.is_version(0));
    for message in messages {
        for example in &message.examples {
            for (part, schema, value) in [
                ("payload", &message.payload, &example.payload),
                ("headers", &message.headers, &example.headers),
            ] {
                if let (Some(schema), Some(value)) = (schema, value) {
                    let pointer = format!("{}/{part}", example.pointer);
                    let payload = input.payload_schema(schema, &message.name);
                    if let Some(compiled) = &payload.0 {
                        judge(input, compiled, (value, part, &pointer), findings);
                    }
                }
            }
        }
    }
}

fn judge(
    input: &CheckInput,
    compiled: &PayloadSchema,
    (value, part, pointer): (&NodeRef, &str, &str),
    findings: &mut Vec<Diagnostic>,
) {
    let value = input.behind(value).map_or_else(|| value.clone(), |target| target.node);
    for violation in compiled.check_tree(&value) {
        let span = violation.span.unwrap_or(value.span);
        let message = format!("the example does not conform to the {part} schema: {}", violation.message);
        let mut finding = RULE.finding(message, span).at(format!("{pointer}{}", violation.instance_pointer));
        finding.help = violation.help;
        finding.expected = violation.expected;
        finding.actual = violation.actual;
        finding.schema_pointer = Some(violation.schema_pointer);
        if let Some(place) = violation.schema_span {
            finding = finding.related(place, "the schema says so here");
        }
        findings.push(finding);
    }
}
