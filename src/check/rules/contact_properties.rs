//! The contact lacks a name, a page or an address.
//!
//! Of the three a reader uses the one that works for them: a chat page, a mailbox, or the name of the team to look
//! for.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info:
//!   title: Orders
//!   version: 1.0.0
//!   contact: {name: Shop team, url: 'https://example.com/shop'}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info:
//!   title: Orders
//!   version: 1.0.0
//!   contact: {name: Shop team, url: 'https://example.com/shop', email: shop@example.com}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::presence::lacking;
use crate::diagnostic::{Diagnostic, Severity};

pub const RULE: Rule = Rule {
    code: "ED3003",
    name: "contact-properties",
    severity: Severity::Warning,
    category: Category::Style,
    clause: "AsyncAPI · Contact Object",
    aliases: &["asyncapi-info-contact-properties"],
    source: include_str!("contact_properties.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for contact in input.named("Contact") {
        for (field, help) in [
            ("name", "add the name of the person or team"),
            ("url", "add a page where questions are welcome"),
            ("email", "add an address that is read"),
        ] {
            findings.extend(lacking(&RULE, contact, field, help));
        }
    }
}
