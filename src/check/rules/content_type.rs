//! A content type is not a media type.
//!
//! `contentType` and `defaultContentType` take a media type: a type, a slash and a subtype, such as `application/json`.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed: {contentType: json}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed: {contentType: application/json}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED2404",
    name: "content-type",
    severity: Severity::Warning,
    category: Category::Spec,
    clause: "AsyncAPI · Message Object · contentType",
    aliases: &[],
    source: include_str!("content_type.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let fields =
        [("AsyncAPI", "defaultContentType"), ("Message", "contentType"), ("MessageTrait", "contentType")];
    for object in &input.objects {
        let field = fields.iter().find(|(name, _)| *name == object.name).map(|(_, field)| *field);
        let Some(value) = field.and_then(|field| object.node.get(field)) else {
            continue;
        };
        if let Some(text) = value.as_str().filter(|text| !is_media_type(text)) {
            let finding = RULE.finding(format!("`{text}` is not a media type"), value.span);
            findings.push(
                finding.at(&*object.pointer).help("write a type and a subtype, such as `application/json`"),
            );
        }
    }
}

/// `type/subtype` of RFC 6838, parameters let through.
fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '*')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+*".contains(c))
    };
    essence.split_once('/').is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}
