//! A location is not a runtime expression.
//!
//! A location names a place in an event: `$message.header#/…` or `$message.payload#/…` with a JSON Pointer.
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
//!         correlationId: {location: correlation-id}
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
//!         correlationId: {location: '$message.header#/correlation-id'}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, FixSafety, Severity};
use crate::source_text::Span;

pub const RULE: Rule = Rule {
    code: "ED2501",
    name: "expression-syntax",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Runtime Expression",
    aliases: &[],
    source: include_str!("expression_syntax.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let holders = ["CorrelationId", "ReplyAddress", "Parameter"];
    for object in input.objects.iter().filter(|object| holders.contains(&object.name)) {
        let Some(location) = object.node.get("location") else {
            continue;
        };
        let Some(text) = location.as_str().filter(|text| Expression::read(text).is_none()) else {
            continue;
        };
        let finding = RULE.finding(format!("`{text}` is not a runtime expression"), location.span);
        let help = "write `$message.header#/…` or `$message.payload#/…`";
        let mut finding = finding.at(format!("{}/location", object.pointer)).help(help);
        // `$message.header/id` lacks nothing but its `#`.
        let at = ["$message.header/", "$message.payload/"].iter().find(|start| text.starts_with(**start));
        let written = input.written(location.span);
        if let Some(place) = at.and_then(|start| Some(written.find(start)? + start.len() - 1)) {
            let place = location.span.start + u32::try_from(place).unwrap_or(0);
            let edit = (Span { start: place, end: place, ..location.span }, "#".to_owned());
            finding = finding.fix("put `#` before the pointer", FixSafety::Safe, vec![edit]);
        }
        findings.push(finding);
    }
}

/// A runtime expression, read.
pub struct Expression {
    /// Whether it points into the headers; else into the payload.
    pub header: bool,
    /// The reference tokens of its JSON Pointer; empty means the whole.
    pub tokens: Vec<String>,
}

impl Expression {
    /// Reads `$message.header#/…`; `None` when the text is no such expression.
    pub fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("$message.")?;
        let (source, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let header = match source {
            "header" => true,
            "payload" => false,
            _ => return None,
        };
        if !fragment.is_empty() && !fragment.starts_with('/') {
            return None;
        }
        let tokens = fragment.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"));
        Some(Self { header, tokens: tokens.collect() })
    }
}
