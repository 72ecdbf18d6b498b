//! A Protobuf schema names a type that it does not have.
//!
//! The type of a field is a scalar, or a message or enum defined in the same text or in an imported file.
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
//!           schemaFormat: application/vnd.google.protobuf;version=3
//!           schema: |
//!             syntax = "proto3";
//!             message Placed {
//!               strin id = 1;
//!             }
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
//!           schemaFormat: application/vnd.google.protobuf;version=3
//!           schema: |
//!             syntax = "proto3";
//!             message Placed {
//!               string id = 1;
//!             }
//! ```

use std::sync::Arc;

use super::{Category, Rule};
use crate::check::{CheckInput, protobuf};
use crate::contract::{SchemaFormat, SchemaRef};
use crate::diagnostic::{Diagnostic, Severity, nearest};

pub const RULE: Rule = Rule {
    code: "ED2314",
    name: "protobuf-types",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "Protocol Buffers · Scalar Value Types",
    aliases: &[],
    source: include_str!("protobuf_types.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let mut seen: Vec<&SchemaRef> = Vec::new();
    let messages = &input.document.messages;
    for schema in messages.iter().flat_map(|message| message.payload.iter().chain(&message.headers)) {
        let is_known = seen.iter().any(|other| Arc::ptr_eq(&other.node, &schema.node));
        if schema.format != SchemaFormat::Protobuf || is_known {
            continue;
        }
        seen.push(schema);
        let text = schema.node.as_str().unwrap_or_default();
        for unknown in protobuf::unknown_types(text) {
            let help = nearest(unknown, protobuf::SCALARS).map_or_else(
                || "define it, or import its file".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let place = input.place_inside(&schema.node, unknown);
            let finding = RULE.finding(format!("there is no type `{unknown}`"), place);
            findings.push(finding.at(schema.pointer.clone()).help(help));
        }
    }
}
