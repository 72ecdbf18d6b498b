//! The CloudEvents a document describes: which messages they are, in which mode, with which attributes. It knows no rule.

use super::CheckInput;
use super::shape::Listed;
use crate::contract::{Channel, Message, SchemaFormat, SchemaRef};
use crate::event::cloud_event::{PREFIXES, REQUIRED, is_structured_type, without_prefix};
use crate::source_text::Span;
use crate::source_text::tree::Entry;

/// Where the attributes stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Among the headers; the payload is the data.
    Binary,
    /// In the payload, the data beside them.
    Structured,
}

/// A message that is a CloudEvent.
pub struct Envelope<'a> {
    /// The message.
    pub message: &'a Message,
    /// Where its attributes stand.
    pub mode: Mode,
    /// What marks an attribute among the headers.
    pub prefix: &'static str,
    /// What the schema of the headers or of the payload lists.
    pub listed: Listed,
    /// The key of the headers or of the payload.
    pub place: Span,
}

impl Envelope<'_> {
    /// The attributes with their names, prefixes left out.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.listed.properties.iter().filter_map(|entry| {
            let name = without_prefix(&entry.key, self.prefix)?;
            let is_data = self.mode == Mode::Structured && matches!(name, "data" | "data_base64");
            (!is_data).then_some((name, entry))
        })
    }

    /// The attribute called `name`.
    pub fn attribute(&self, name: &str) -> Option<&Entry> {
        self.attributes().find(|(known, _)| *known == name).map(|(_, entry)| entry)
    }

    /// Whether the schema requires the attribute called `name`.
    pub fn requires(&self, name: &str) -> bool {
        self.attribute(name).is_some_and(|entry| self.listed.requires(&entry.key))
    }
}

/// Every CloudEvent of a document; a message may be one in both modes by mistake.
pub fn envelopes<'a>(input: &'a CheckInput) -> Vec<Envelope<'a>> {
    let messages = input.document.messages.iter();
    messages
        .flat_map(|message| binary(input, message).into_iter().chain(structured(input, message)))
        .collect()
}

/// The channels a message may pass.
pub fn channels_of<'a>(input: &'a CheckInput, message: &Message) -> Vec<&'a Channel> {
    let messages = &input.document.messages;
    let is_it = |channel: &&Channel| {
        let mut all = channel.messages.iter().filter_map(|(_, index)| messages.get(index.0));
        all.any(|other| other.pointer == message.pointer && other.file == message.file)
    };
    input.document.channels.iter().filter(is_it).collect()
}

fn binary<'a>(input: &CheckInput, message: &'a Message) -> Option<Envelope<'a>> {
    let headers = message.headers.as_ref().filter(|schema| is_json_schema(schema))?;
    let listed = Listed::of(input, &headers.node);
    let marked = PREFIXES.into_iter().find(|prefix| {
        let names = listed.properties.iter().filter_map(|entry| without_prefix(&entry.key, prefix));
        let known: Vec<&str> = names.filter(|name| REQUIRED.contains(name)).collect();
        known.len() > 1 || known.contains(&"specversion")
    });
    let bare = ["specversion", "type"].iter().all(|name| listed.get(name).is_some()).then_some("");
    let place = message.node.entry("headers").map_or(message.span, |entry| entry.key_span);
    Some(Envelope { message, mode: Mode::Binary, prefix: marked.or(bare)?, listed, place })
}

fn structured<'a>(input: &CheckInput, message: &'a Message) -> Option<Envelope<'a>> {
    let payload = message.payload.as_ref().filter(|schema| is_json_schema(schema))?;
    let listed = Listed::of(input, &payload.node);
    let has = |name: &str| listed.get(name).is_some();
    let is_described = has("specversion") && ["id", "source", "type"].iter().any(|name| has(name));
    let is_said = is_structured_type(message.content_type.as_deref()) && !listed.properties.is_empty();
    let place = message.node.entry("payload").map_or(message.span, |entry| entry.key_span);
    (is_described || is_said).then_some(Envelope {
        message,
        mode: Mode::Structured,
        prefix: "",
        listed,
        place,
    })
}

fn is_json_schema(schema: &SchemaRef) -> bool {
    matches!(schema.format, SchemaFormat::AsyncApi | SchemaFormat::JsonSchema)
}
