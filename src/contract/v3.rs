//! AsyncAPI 3.0 and 3.1: channels by identifier, operations at the root, links by the identity of what they refer to.

use super::draft::{Draft, Naming, identity};
use super::model::{Action, Channel, ChannelIndex, Document, MessageIndex, Operation, Reply};
use super::place;
use super::traits::{Merged, merge};
use crate::source_text::tree::{Entry, Node, Value, pointer_push};
use crate::source_text::{Resolved, Span};

/// Fills the model from a document of version 3.
pub(super) fn read(mut draft: Draft<'_>) -> Document {
    draft.read_service();
    draft.read_servers(host);
    for (entry, channel) in place::named(draft.documents, &draft.root, "channels") {
        if matches!(channel.node.value, Value::Object(_)) {
            read_channel(&mut draft, entry.key, entry.key_span, channel);
        }
    }
    for (entry, operation) in place::named(draft.documents, &draft.root, "operations") {
        read_operation(&mut draft, entry, &operation);
    }
    draft.read_component_messages();
    draft.document
}

/// `host` and `pathname`.
fn host(server: &Node) -> String {
    let host = server.get_str("host").unwrap_or_default();
    let path = server.get_str("pathname").unwrap_or_default();
    let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
    format!("{host}{slash}{path}")
}

fn read_channel(draft: &mut Draft<'_>, id: String, span: Span, place: Resolved) -> ChannelIndex {
    let index = ChannelIndex(draft.document.channels.len());
    draft.channels.insert(identity(&place), index);
    let text = |key: &str| place.node.get_str(key).map(str::to_owned);
    let channel = Channel {
        address: text("address"),
        title: text("title"),
        description: text("description"),
        servers: server_names(draft, &place),
        parameters: draft.parameters(&place),
        messages: read_messages(draft, &id, &place),
        bindings: place::get(draft.documents, &place, "bindings").map(|found| found.node),
        span,
        pointer: place.pointer,
        node: place.node,
        file: place.file,
        id,
    };
    draft.document.channels.push(channel);
    index
}

/// The servers a channel refers to, by the key of the server that stands at the same place.
fn server_names(draft: &Draft<'_>, channel: &Resolved) -> Vec<String> {
    let Some(list) = place::get(draft.documents, channel, "servers") else {
        return Vec::new();
    };
    let servers = place::named(draft.documents, &draft.root, "servers");
    let name = |place: &Resolved| {
        let known = servers.iter().find(|(_, server)| identity(server) == identity(place));
        known.map(|(entry, _)| entry.key.clone()).or_else(|| place::last_token(&place.pointer))
    };
    place::items(draft.documents, &list).iter().filter_map(name).collect()
}

fn read_messages(draft: &mut Draft<'_>, channel: &str, place: &Resolved) -> Vec<(String, MessageIndex)> {
    let mut messages = Vec::new();
    for (entry, message) in place::named(draft.documents, place, "messages") {
        if !matches!(message.node.value, Value::Object(_)) {
            continue;
        }
        let key = place::last_token(&message.pointer).unwrap_or_else(|| entry.key.clone());
        let fallback = format!("{channel}.{}", entry.key);
        let index = draft.message(&message, Naming { key: Some(key), fallback });
        messages.push((entry.key, index));
    }
    messages
}

fn read_operation(draft: &mut Draft<'_>, entry: Entry, place: &Resolved) {
    let merged = merge(draft.documents, place, draft.dialect);
    let action = match merged.node.get_str("action") {
        Some("send") => Action::Send,
        Some("receive") => Action::Receive,
        _ => return,
    };
    let Some(channel) = referred_channel(draft, merged.raw(draft.documents, "channel")) else {
        return;
    };
    let all = draft.document.channels[channel.0].messages.iter().map(|(_, message)| *message).collect();
    let operation = Operation {
        messages: listed_messages(draft, merged.get(draft.documents, "messages")).unwrap_or(all),
        action,
        channel,
        summary: merged.text("title").or_else(|| merged.text("summary")),
        reply: read_reply(draft, &merged),
        bindings: merged.get(draft.documents, "bindings").map(|found| found.node),
        service: None,
        span: entry.key_span,
        pointer: pointer_push("/operations", &entry.key),
        id: entry.key,
    };
    draft.document.operations.push(operation);
}

/// The channel at the end of a reference. One that stands only in components or another file joins the document.
fn referred_channel(draft: &mut Draft<'_>, written: Option<Resolved>) -> Option<ChannelIndex> {
    let place = draft.documents.follow(written?).ok()?;
    if let Some(index) = draft.channels.get(&identity(&place)) {
        return Some(*index);
    }
    if !matches!(place.node.value, Value::Object(_)) {
        return None;
    }
    let id = place::last_token(&place.pointer)?;
    let span = place::key_span(draft.documents, &place);
    Some(read_channel(draft, id, span, place))
}

/// The messages a list refers to; none when there is no list.
fn listed_messages(draft: &mut Draft<'_>, list: Option<Resolved>) -> Option<Vec<MessageIndex>> {
    let list = list?;
    let mut messages = Vec::new();
    for place in place::items(draft.documents, &list) {
        if !matches!(place.node.value, Value::Object(_)) {
            continue;
        }
        let key = place::last_token(&place.pointer);
        let fallback = key.clone().unwrap_or_default();
        messages.push(draft.message(&place, Naming { key, fallback }));
    }
    Some(messages)
}

fn read_reply(draft: &mut Draft<'_>, operation: &Merged) -> Option<Reply> {
    let place = operation.get(draft.documents, "reply")?;
    let channel = referred_channel(draft, draft.documents.child(&place, "channel"));
    let all = channel.map(|channel| &draft.document.channels[channel.0].messages);
    let all = all.map(|messages| messages.iter().map(|(_, message)| *message).collect()).unwrap_or_default();
    let list = place::get(draft.documents, &place, "messages");
    let address = place::get(draft.documents, &place, "address");
    Some(Reply {
        channel,
        messages: listed_messages(draft, list).unwrap_or(all),
        location: address.and_then(|address| address.node.get_str("location").map(str::to_owned)),
    })
}
