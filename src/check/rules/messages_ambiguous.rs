//! Two messages of a channel accept the same event.
//!
//! A reader must be able to tell which message an event is: the schemas of the messages must differ in something that
//! events show, such as a constant, a required property or a header. The finding shows an event that conforms to both.
//!
//! ## Bad
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed: {payload: {type: object}}
//!       cancelled: {payload: {type: object}}
//! ```
//! ## Good
//! ```yaml
//! asyncapi: 3.0.0
//! info: {title: Orders, version: 1.0.0}
//! channels:
//!   orders:
//!     address: orders
//!     messages:
//!       placed: {payload: {type: object, properties: {kind: {const: placed}}, required: [kind]}}
//!       cancelled: {payload: {type: object, properties: {kind: {const: cancelled}}, required: [kind]}}
//! ```

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value;

use super::{Category, Rule};
use crate::check::CheckInput;
use crate::contract::{Channel, Message, MessageIndex, SchemaRef};
use crate::diagnostic::{Diagnostic, Severity};
use crate::schema::Compiled;
use crate::schema::generate::Generator;

pub const RULE: Rule = Rule {
    code: "ED2405",
    name: "messages-ambiguous",
    severity: Severity::Warning,
    category: Category::Spec,
    clause: "AsyncAPI · Channel Object · messages",
    aliases: &[],
    source: include_str!("messages_ambiguous.rs"),
    check: Some(check),
};

/// Messages of one channel that are held against each other.
const MESSAGES: usize = 48;
/// Events made of each message.
const EVENTS: u64 = 6;
/// Characters of an event shown.
const SHOWN: usize = 160;

fn check(input: &CheckInput, findings: &mut Vec<Diagnostic>) {
    let groups: Vec<Vec<MessageIndex>> = if input.is_version(2) {
        input.document.operations.iter().map(|operation| operation.messages.clone()).collect()
    } else {
        let messages = |channel: &Channel| channel.messages.iter().map(|(_, index)| *index).collect();
        input.document.channels.iter().map(messages).collect()
    };
    let mut events = HashMap::new();
    for group in groups {
        let group = &group[..group.len().min(MESSAGES)];
        let mut found = Vec::new();
        for (at, right) in group.iter().enumerate() {
            let earlier = group[..at].iter().find_map(|left| pair(input, *left, *right, &mut events));
            found.extend(earlier);
        }
        // What makes one pair alike mostly makes the others alike; one finding a channel is enough to see it.
        let others = found.len().saturating_sub(1);
        findings.extend(found.into_iter().next().map(|mut finding| {
            if others > 0 {
                let more = if others == 1 { "1 more message" } else { &format!("{others} more messages") };
                let whole = &finding.message;
                finding.message = format!("{whole}; {more} of the channel cannot be told from one before");
            }
            finding
        }));
    }
}

/// Events of a message by its number, made once.
type Events = HashMap<usize, Rc<[Value]>>;

/// Tells when both messages accept one event.
fn pair(
    input: &CheckInput,
    left: MessageIndex,
    right: MessageIndex,
    events: &mut Events,
) -> Option<Diagnostic> {
    let messages = &input.document.messages;
    let (one, other) = (messages.get(left.0)?, messages.get(right.0)?);
    let same_node = one.pointer == other.pointer && one.file == other.file;
    if same_node
        || one.content_type != other.content_type
        || !same(input, one.headers.as_ref(), other.headers.as_ref())
    {
        return None;
    }
    let first = input.compiled_reference(one.payload.as_ref()?)?;
    let second = input.compiled_reference(other.payload.as_ref()?)?;
    let of_first = events.entry(left.0).or_insert_with(|| made(&first, one)).clone();
    let of_second = events.entry(right.0).or_insert_with(|| made(&second, other)).clone();
    let both = of_first.iter().filter(|event| second.check_value(event).is_empty());
    let both = both.chain(of_second.iter().filter(|event| first.check_value(event).is_empty()));
    let event = both.map(Value::to_string).min_by_key(String::len)?;
    let event = if event.chars().count() > SHOWN {
        event.chars().take(SHOWN).chain(std::iter::once('…')).collect()
    } else {
        event
    };
    let message = format!(
        "the messages `{}` and `{}` cannot be told apart: `{event}` conforms to both",
        one.name, other.name
    );
    let help = "let a constant, a required property or a header tell them apart";
    Some(
        RULE.finding(message, other.span)
            .related(one.span, "the other message")
            .at(other.pointer.clone())
            .help(help),
    )
}

/// Events that conform to a message: its own examples, and some made from its schema.
fn made(schema: &Compiled, message: &Message) -> Rc<[Value]> {
    let examples = message.examples.iter().filter_map(|example| Some(example.payload.as_ref()?.to_json()));
    let mut events: Vec<Value> = vec![serde_json::json!({})];
    events.extend(examples);
    events.retain(|event| schema.check_value(event).is_empty());
    for seed in 0..EVENTS {
        match Generator::new(schema, seed).value() {
            Ok(event) => events.push(event),
            Err(_) => break,
        }
    }
    events.into()
}

fn same(input: &CheckInput, left: Option<&SchemaRef>, right: Option<&SchemaRef>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => {
            let compiled = (input.compiled_reference(left), input.compiled_reference(right));
            matches!(compiled, (Some(one), Some(other)) if one.self_contained() == other.self_contained())
        }
        _ => false,
    }
}
