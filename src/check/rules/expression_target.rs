//! A location points at a place that no event of the message can have.
//!
//! The schema of the headers or of the payload is closed (`additionalProperties: false`) and has no such property, or is of
//! another type, so the value can never be found. References and `allOf` are looked through.
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
//!         correlationId: {location: '$message.payload#/orderId'}
//!         payload:
//!           type: object
//!           properties: {order-id: {type: string}}
//!           additionalProperties: false
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
//!         correlationId: {location: '$message.payload#/order-id'}
//!         payload:
//!           type: object
//!           properties: {order-id: {type: string}}
//!           additionalProperties: false
//! ```

use super::expression_syntax::Expression;
use super::parameter_undeclared::parameters;
use super::{Category, Rule};
use crate::check::CheckInput;
use crate::check::shape::{Listed, Standing, standing};
use crate::contract::{Message, MessageIndex, SchemaFormat, SchemaRef};
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::source_text::Span;
use crate::source_text::tree::NodeRef;

pub const RULE: Rule = Rule {
    code: "ED2502",
    name: "expression-target",
    severity: Severity::Error,
    category: Category::Correctness,
    clause: "AsyncAPI · Runtime Expression",
    aliases: &[],
    source: include_str!("expression_target.rs"),
    check: Some(check),
};

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    for location in locations(input) {
        if location.standing(input) == Some(Standing::Forbidden) {
            let part = location.part();
            let message =
                format!("`{}` points at nothing: the schema of the {part} forbids it", location.text);
            let finding = RULE.finding(message, location.span).at(location.pointer.clone());
            findings.push(finding.help(location.nearest(input).map_or_else(
                || format!("point at a property of the {part}, or add this one"),
                |near| format!("did you mean `{near}`?"),
            )));
        }
    }
}

/// A place in messages that an expression names.
pub struct Location<'a> {
    /// The expression as written.
    pub text: String,
    /// Where it is written.
    pub span: Span,
    /// The JSON Pointer of what it belongs to.
    pub pointer: String,
    expression: Expression,
    messages: Vec<&'a Message>,
}

impl Location<'_> {
    /// The word for the part of the message it names.
    pub fn part(&self) -> &'static str {
        if self.expression.header { "headers" } else { "payload" }
    }

    fn schemas(&self) -> impl Iterator<Item = Option<&SchemaRef>> {
        self.messages.iter().map(|message| {
            let schema = if self.expression.header { &message.headers } else { &message.payload };
            schema.as_ref()
        })
    }

    /// How the most generous of the messages stands to the place; `None` when one of them says nothing.
    pub fn standing(&self, input: &CheckInput) -> Option<Standing> {
        let mut best = None;
        for schema in self.schemas() {
            let schema = schema.filter(|schema| is_json_schema(schema))?;
            best = best.max(Some(standing(input, &schema.node, &self.expression.tokens)));
        }
        best
    }

    /// The listed property whose name is nearest to the first token.
    pub fn nearest(&self, input: &CheckInput) -> Option<String> {
        let token = self.expression.tokens.first()?;
        let schema = self.schemas().flatten().next()?;
        let listed = Listed::of(input, &schema.node);
        nearest(token, listed.properties.iter().map(|entry| entry.key.as_str())).map(str::to_owned)
    }
}

/// Every expression of the document that can be read, with the messages it is about.
pub fn locations<'a>(input: &'a CheckInput) -> Vec<Location<'a>> {
    let mut all = Vec::new();
    let mut add = |holder: Option<&NodeRef>, messages: Vec<&'a Message>, pointer: &str| {
        let target = holder.and_then(|holder| input.behind(holder));
        let Some(node) = target.as_ref().and_then(|target| target.node.get("location")) else {
            return;
        };
        let text = node.as_str().unwrap_or_default().to_owned();
        if let Some(expression) = Expression::read(&text).filter(|_| !messages.is_empty()) {
            all.push(Location { text, span: node.span, pointer: pointer.to_owned(), expression, messages });
        }
    };
    let message_at = |index: &MessageIndex| input.document.messages.get(index.0);
    for message in &input.document.messages {
        add(message.node.get("correlationId"), vec![message], &message.pointer);
    }
    for channel in &input.document.channels {
        let messages: Vec<&Message> =
            channel.messages.iter().filter_map(|(_, index)| message_at(index)).collect();
        for entry in parameters(input, channel) {
            add(Some(&entry.value), messages.clone(), &channel.pointer);
        }
    }
    for operation in &input.document.operations {
        let messages: Vec<&Message> = operation.messages.iter().filter_map(message_at).collect();
        let node = input.document.root.pointer(&operation.pointer).and_then(|node| input.behind(node));
        let reply = node.as_ref().and_then(|target| target.node.get("reply"));
        let reply = reply.and_then(|reply| input.behind(reply));
        let address = reply.as_ref().and_then(|target| target.node.get("address"));
        add(address, messages, &operation.pointer);
    }
    all
}

fn is_json_schema(schema: &SchemaRef) -> bool {
    matches!(schema.format, SchemaFormat::AsyncApi | SchemaFormat::JsonSchema)
}
