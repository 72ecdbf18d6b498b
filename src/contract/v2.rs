//! AsyncAPI 2.0 to 2.6. In 2.x `publish` means that the application receives, and `subscribe` that it sends.

use super::draft::{Draft, Naming, identity};
use super::model::{Action, Channel, ChannelIndex, Document, MessageIndex, Operation};
use super::place;
use super::traits::{Merged, merge};
use crate::source_text::Resolved;
use crate::source_text::tree::{Entry, Node, Value};

/// Fills the model from a document of version 2.
pub(super) fn read(mut draft: Draft<'_>) -> Document {
    draft.read_service();
    draft.read_servers(host);
    for (entry, channel) in place::named(draft.documents, &draft.root, "channels") {
        if matches!(channel.node.value, Value::Object(_)) {
            read_channel(&mut draft, entry, &channel);
        }
    }
    draft.read_component_messages();
    draft.document
}

/// `url` without its scheme.
fn host(server: &Node) -> String {
    let url = server.get_str("url").unwrap_or_default();
    url.split_once("://").map_or(url, |(_, host)| host).to_owned()
}

fn read_channel(draft: &mut Draft<'_>, entry: Entry, place: &Resolved) {
    let index = ChannelIndex(draft.document.channels.len());
    let names = place.node.get("servers").map(|list| list.items()).unwrap_or_default();
    let channel = Channel {
        address: Some(entry.key.clone()),
        title: None,
        description: place.node.get_str("description").map(str::to_owned),
        servers: names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        parameters: draft.parameters(place),
        messages: Vec::new(),
        bindings: place::get(draft.documents, place, "bindings").map(|found| found.node),
        span: entry.key_span,
        pointer: place.pointer.clone(),
        node: place.node.clone(),
        file: place.file,
        id: entry.key,
    };
    draft.channels.insert(identity(place), index);
    draft.document.channels.push(channel);
    for (word, action) in [("publish", Action::Receive), ("subscribe", Action::Send)] {
        if let Some(operation) = place::get(draft.documents, place, word) {
            read_operation(draft, index, (word, action), &operation);
        }
    }
}

fn read_operation(draft: &mut Draft<'_>, index: ChannelIndex, kind: (&str, Action), place: &Resolved) {
    let (word, action) = kind;
    let merged = merge(draft.documents, place, draft.dialect);
    let address = draft.document.channels[index.0].id.clone();
    let messages = read_messages(draft, &merged, &format!("{address}.{word}.message"));
    for message in &messages {
        let key = message_key(draft, *message);
        let listed = &mut draft.document.channels[index.0].messages;
        if !listed.iter().any(|(_, known)| known == message) {
            listed.push((key, *message));
        }
    }
    let operation = Operation {
        id: merged.text("operationId").unwrap_or_else(|| format!("{address} {word}")),
        action,
        channel: index,
        messages,
        summary: merged.text("summary"),
        reply: None,
        bindings: merged.get(draft.documents, "bindings").map(|found| found.node),
        service: None,
        span: place::key_span(draft.documents, place),
        pointer: place.pointer.clone(),
    };
    draft.document.operations.push(operation);
}

fn message_key(draft: &Draft<'_>, index: MessageIndex) -> String {
    let message = &draft.document.messages[index.0];
    message.key.clone().unwrap_or_else(|| message.name.clone())
}

/// `message`: one, or `oneOf` several.
fn read_messages(draft: &mut Draft<'_>, operation: &Merged, fallback: &str) -> Vec<MessageIndex> {
    let Some(written) = operation.raw(draft.documents, "message") else {
        return Vec::new();
    };
    let Ok(place) = draft.documents.follow(written.clone()) else {
        return Vec::new();
    };
    let choices =
        draft.documents.child(&place, "oneOf").filter(|list| matches!(list.node.value, Value::Array(_)));
    let Some(choices) = choices else {
        return read_message(draft, &written, fallback.to_owned()).into_iter().collect();
    };
    let count = choices.node.items().len();
    let items: Vec<_> =
        (0..count).filter_map(|index| draft.documents.child(&choices, &index.to_string())).collect();
    let numbered = items.iter().enumerate();
    numbered.filter_map(|(index, item)| read_message(draft, item, format!("{fallback}.{index}"))).collect()
}

fn read_message(draft: &mut Draft<'_>, written: &Resolved, fallback: String) -> Option<MessageIndex> {
    let place = draft.documents.follow(written.clone()).ok()?;
    if !matches!(place.node.value, Value::Object(_)) {
        return None;
    }
    let is_inline = identity(&place) == identity(written);
    let key = if is_inline { None } else { referred_name(draft, &place) };
    Some(draft.message(&place, Naming { key, fallback }))
}

/// What a referred message is called: the key it stands under, or the stem of its file.
fn referred_name(draft: &Draft<'_>, place: &Resolved) -> Option<String> {
    let stem =
        || draft.documents.path(place.file)?.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    place::last_token(&place.pointer).or_else(stem)
}
