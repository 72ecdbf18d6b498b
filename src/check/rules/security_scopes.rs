//! A security requirement asks for scopes its scheme does not have.
//!
//! Only `oauth2` and `openIdConnect` know scopes; for every other scheme the list must be empty. The scopes asked of an
//! `oauth2` scheme must be among those its flows offer.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main:
//!     url: localhost:1883
//!     protocol: mqtt
//!     security: [{password: ['orders:write']}]
//! channels: {}
//! components:
//!   securitySchemes:
//!     password: {type: userPassword}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 2.6.0
//! info: {title: Orders, version: 1.0.0}
//! servers:
//!   main:
//!     url: localhost:1883
//!     protocol: mqtt
//!     security: [{login: ['orders:write']}]
//! channels: {}
//! components:
//!   securitySchemes:
//!     login:
//!       type: oauth2
//!       flows:
//!         clientCredentials:
//!           tokenUrl: https://example.com/token
//!           scopes: {'orders:write': place orders}
//! ```

use super::security_unknown::schemes;
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::source_text::tree::NodeRef;

pub const RULE: Rule = Rule {
    code: "ED2602",
    name: "security-scopes",
    severity: Severity::Error,
    category: Category::Spec,
    clause: "AsyncAPI · Security Requirement Object",
    aliases: &[
        "asyncapi2-server-security",
        "asyncapi2-operation-security",
        "asyncapi-server-security",
        "asyncapi-operation-security",
        "asyncapi-3-operation-security",
    ],
    source: include_str!("security_scopes.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let schemes = schemes(input);
    for requirement in input.named("SecurityRequirement") {
        for entry in requirement.node.entries() {
            let scheme = schemes.iter().find(|scheme| scheme.key == entry.key);
            if let Some(target) = scheme.and_then(|scheme| input.behind(&scheme.value)) {
                scopes(&target.node, entry.value.items(), "scopes", &requirement.pointer, findings);
            }
        }
    }
    for scheme in input.named("OAuth2Scheme").filter(|_| input.is_version(3)) {
        let wanted = scheme.node.get("scopes").map_or(&[][..], |scopes| scopes.items());
        scopes(&scheme.node, wanted, "availableScopes", &scheme.pointer, findings);
    }
}

/// Tells of the wanted scopes that the scheme does not offer in the field `offered_in` of its flows.
fn scopes(
    scheme: &NodeRef,
    wanted: &[NodeRef],
    offered_in: &str,
    pointer: &str,
    findings: &mut Vec<Diagnostic>,
) {
    let kind = scheme.get_str("type").unwrap_or_default();
    let Some(first) = wanted.first().filter(|_| !matches!(kind, "" | "openIdConnect")) else {
        return;
    };
    if kind != "oauth2" {
        let finding = RULE.finding(format!("a scheme of type `{kind}` has no scopes"), first.span);
        findings.push(finding.at(pointer).help("write an empty list: `[]`"));
        return;
    }
    let flows = scheme.get("flows").map_or(&[][..], |flows| flows.entries());
    let offered: Vec<&str> = flows
        .iter()
        .filter_map(|flow| flow.value.get(offered_in))
        .flat_map(|scopes| scopes.entries())
        .map(|entry| entry.key.as_str())
        .collect();
    for scope in wanted {
        let Some(text) = scope.as_str().filter(|text| !offered.contains(text)) else {
            continue;
        };
        let help = nearest(text, offered.iter().copied()).map_or_else(
            || format!("add it to `{offered_in}` of a flow"),
            |near| format!("did you mean `{near}`?"),
        );
        let finding = RULE.finding(format!("no flow of the scheme offers the scope `{text}`"), scope.span);
        findings.push(finding.at(pointer).help(help));
    }
}
