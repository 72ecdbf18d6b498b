//! An example of a variable or parameter is not among its allowed values.
//!
//! Where `enum` lists the allowed values, an example that is none of them leads readers astray.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main:
//!     host: '{region}.shop.test:9092'
//!     protocol: kafka
//!     variables:
//!       region: {enum: [eu, us], examples: [ue]}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main:
//!     host: '{region}.shop.test:9092'
//!     protocol: kafka
//!     variables:
//!       region: {enum: [eu, us], examples: [eu]}
//! ```

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity, nearest};

pub const RULE: Rule = Rule {
    code: "ED2109",
    name: "example-outside-enum",
    severity: Severity::Error,
    category: Category::Correctness,
    clause: "AsyncAPI · Server Variable Object, Parameter Object",
    aliases: &[],
    source: include_str!("example_outside_enum.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let objects = input.objects.iter().filter(|object| matches!(object.name, "ServerVariable" | "Parameter"));
    for object in objects {
        let allowed = object.node.get("enum").map_or(&[][..], |node| node.items());
        let allowed: Vec<&str> = allowed.iter().filter_map(|item| item.as_str()).collect();
        let examples = object.node.get("examples").map_or(&[][..], |node| node.items());
        for (index, example) in examples.iter().enumerate().filter(|_| !allowed.is_empty()) {
            let Some(text) = example.as_str().filter(|text| !allowed.contains(text)) else {
                continue;
            };
            let help = nearest(text, allowed.iter().copied()).map_or_else(
                || {
                    format!(
                        "allowed are {}",
                        allowed.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
                    )
                },
                |near| format!("did you mean `{near}`?"),
            );
            let finding =
                RULE.finding(format!("the example `{text}` is not among the allowed values"), example.span);
            findings.push(finding.at(format!("{}/examples/{index}", object.pointer)).help(help));
        }
    }
}
