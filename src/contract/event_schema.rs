//! Plain event schemas: a JSON Schema with `x-event`, for teams that have no AsyncAPI document yet.

use super::bare_schema;
use super::draft::{Draft, scalar_text};
use super::model::{Action, Channel, ChannelIndex, Document, Message, MessageIndex, Operation, SchemaFormat};
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::source_text::tree::{Node, NodeRef, Value, pointer_push};

/// `x-event` is not what it must be: no mapping, without `type`, or a key of it has the wrong type.
pub const BAD_EVENT: &str = "ED0204";
/// `x-event` has a key nobody reads.
pub const UNKNOWN_EVENT_KEY: &str = "ED0205";

/// The keys of `x-event`.
pub const EVENT_KEYS: [&str; 5] = ["type", "version", "channel", "produced-by", "consumed-by"];

/// Fills the model from an event schema: one message, one channel, one operation per producer and consumer.
pub(super) fn read(mut draft: Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Document {
    let root = draft.root.node.clone();
    let Some(entry) = root.entry("x-event") else {
        return draft.document;
    };
    let event = &entry.value;
    if !matches!(event.value, Value::Object(_)) {
        let message = format!("`x-event` must be a mapping, and this is {}", article(event.kind()));
        diagnostics.push(bad(message, event, "/x-event").expected("object", event.kind()));
        return draft.document;
    }
    report_unknown_keys(event, diagnostics);
    let Some(name) = text(event, "type", diagnostics) else {
        if event.get("type").is_none() {
            let span = entry.key_span;
            let help = "add the type of the event, such as `type: order.placed`";
            let finding = Diagnostic::new(BAD_EVENT, Severity::Error, "`x-event` has no `type`", span);
            diagnostics.push(finding.at("/x-event").help(help));
        }
        return draft.document;
    };
    let version = event.get("version").and_then(|version| scalar_text(version));
    draft.document.messages.push(message(&draft, &name, version, event));
    let id = text(event, "channel", diagnostics).unwrap_or_else(|| name.clone());
    draft.document.channels.push(channel(&draft, id, &name, event));
    for (key, action) in [("produced-by", Action::Send), ("consumed-by", Action::Receive)] {
        for (service, node, pointer) in services(event, key, diagnostics) {
            let operation = operation(&name, action, service, (&node, pointer));
            draft.document.operations.push(operation);
        }
    }
    draft.document
}

fn message(draft: &Draft<'_>, name: &str, version: Option<String>, event: &Node) -> Message {
    let mut message = bare_schema::message(draft, name.to_owned(), SchemaFormat::JsonSchema);
    message.version = version;
    message.span = event.get("type").map_or(event.span, |node| node.span);
    message
}

fn channel(draft: &Draft<'_>, id: String, message: &str, event: &NodeRef) -> Channel {
    let node = event.get("channel").or_else(|| event.get("type")).unwrap_or(event);
    Channel {
        address: Some(id.clone()),
        id,
        title: None,
        description: None,
        servers: Vec::new(),
        parameters: Vec::new(),
        messages: vec![(message.to_owned(), MessageIndex(0))],
        bindings: None,
        span: node.span,
        pointer: "/x-event".to_owned(),
        node: event.clone(),
        file: draft.root.file,
    }
}

fn operation(name: &str, action: Action, service: String, place: (&Node, String)) -> Operation {
    let word = match action {
        Action::Send => "send",
        Action::Receive => "receive",
    };
    Operation {
        id: format!("{service} {word} {name}"),
        action,
        channel: ChannelIndex(0),
        messages: vec![MessageIndex(0)],
        summary: None,
        reply: None,
        bindings: None,
        service: Some(service),
        span: place.0.span,
        pointer: place.1,
    }
}

/// The services under `produced-by` or `consumed-by`: a list of names, or one name.
fn services(event: &Node, key: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<(String, NodeRef, String)> {
    let Some(list) = event.get(key) else {
        return Vec::new();
    };
    let pointer = pointer_push("/x-event", key);
    let items: Vec<(NodeRef, String)> = match &list.value {
        Value::Array(items) => {
            let numbered = items.iter().enumerate();
            numbered.map(|(index, item)| (item.clone(), format!("{pointer}/{index}"))).collect()
        }
        _ => vec![(list.clone(), pointer)],
    };
    let mut services = Vec::new();
    for (node, pointer) in items {
        if let Some(name) = node.as_str() {
            services.push((name.to_owned(), node.clone(), pointer));
        } else {
            let message =
                format!("`{key}` must list names of services, and this is {}", article(node.kind()));
            diagnostics.push(bad(message, &node, &pointer).expected("string", node.kind()));
        }
    }
    services
}

fn text(event: &Node, key: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<String> {
    let node = event.get(key)?;
    let text = node.as_str().filter(|text| !text.is_empty());
    if text.is_none() {
        let message = format!("`{key}` of `x-event` must be text that is not empty");
        diagnostics.push(bad(message, node, &pointer_push("/x-event", key)).expected("string", node.kind()));
    }
    text.map(str::to_owned)
}

fn report_unknown_keys(event: &Node, diagnostics: &mut Vec<Diagnostic>) {
    let strangers = event.entries().iter().filter(|entry| {
        let key = entry.key.as_str();
        !EVENT_KEYS.contains(&key) && !key.starts_with("x-")
    });
    for entry in strangers {
        let help = match nearest(&entry.key, EVENT_KEYS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are `{}`", EVENT_KEYS.join("`, `")),
        };
        let message = format!("`x-event` has no key `{}`", entry.key);
        let finding = Diagnostic::new(UNKNOWN_EVENT_KEY, Severity::Error, message, entry.key_span);
        diagnostics.push(finding.at(pointer_push("/x-event", &entry.key)).help(help));
    }
}

fn bad(message: String, node: &Node, pointer: &str) -> Diagnostic {
    Diagnostic::new(BAD_EVENT, Severity::Error, message, node.span).at(pointer)
}

pub(super) fn article(kind: &str) -> String {
    match kind {
        "null" => "nothing".to_owned(),
        "array" | "object" => format!("an {kind}"),
        other => format!("a {other}"),
    }
}
