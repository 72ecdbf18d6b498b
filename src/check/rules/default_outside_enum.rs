//! The default of a server variable or parameter is not one of the values it allows.
//!
//! The value used when nobody chooses is one that nobody may choose.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main:
//!     host: '{region}.example.com:9092'
//!     protocol: kafka
//!     variables:
//!       region: {enum: [eu, us], default: ue}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main:
//!     host: '{region}.example.com:9092'
//!     protocol: kafka
//!     variables:
//!       region: {enum: [eu, us], default: eu}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity, nearest};

pub const RULE: Rule = Rule {
    code: "ED2105",
    name: "default-outside-enum",
    severity: Severity::Error,
    category: Category::Correctness,
    clause: "AsyncAPI · Server Variable Object, Parameter Object",
    aliases: &[],
    source: include_str!("default_outside_enum.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let objects = input.objects.iter().filter(|object| matches!(object.name, "ServerVariable" | "Parameter"));
    for object in objects {
        let allowed: Vec<&str> = object
            .node
            .get("enum")
            .map_or(&[][..], |values| values.items())
            .iter()
            .filter_map(|value| value.as_str())
            .collect();
        let Some(default) = object.node.get("default").filter(|_| !allowed.is_empty()) else {
            continue;
        };
        let Some(text) = default.as_str().filter(|text| !allowed.contains(text)) else {
            continue;
        };
        let help = nearest(text, allowed.iter().copied()).map_or_else(
            || format!("it is one of {}", allowed.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let finding =
            RULE.finding(format!("the default `{text}` is not one of the values of `enum`"), default.span);
        findings.push(finding.at(format!("{}/default", object.pointer)).help(help));
    }
}
