//! Which message of a Protobuf schema is the payload is not said.
//!
//! The text defines several messages that no other uses. Readers have to guess; examples and events are not checked.
//! A comment `// @RootNode` before a message says it, and so does the name of the message in the document.
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
//!             message Order {
//!               string id = 1;
//!             }
//!             message Customer {
//!               string id = 1;
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
//!             // @RootNode
//!             message Order {
//!               string id = 1;
//!             }
//!             message Customer {
//!               string id = 1;
//!             }
//! ```

use super::avro_schema::report;
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};
use crate::schema::SchemaProblemKind;

pub const RULE: Rule = Rule {
    code: "ED2353",
    name: "protobuf-message",
    severity: Severity::Warning,
    category: Category::Interop,
    clause: "AsyncAPI · Message Object · payload",
    aliases: &[],
    source: include_str!("protobuf_message.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    report(input, &RULE, &SchemaProblemKind::ProtobufMessage, findings);
}
