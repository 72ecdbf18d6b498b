//! A document of the model while it is filled: what AsyncAPI 2 and 3 have in common.

use std::collections::HashMap;

use super::model::{
    ChannelIndex, Document, DocumentKind, Example, Message, MessageIndex, Parameter, SchemaFormat, SchemaRef,
    Server, Service,
};
use super::place;
use super::traits::{Dialect, Merged, merge};
use crate::source_text::tree::{Entry, Node, Value};
use crate::source_text::{Documents, FileId, Resolved};

/// The identity of a part: the place where it is written, every reference followed.
pub(super) type Identity = (FileId, String);

pub(super) fn identity(at: &Resolved) -> Identity {
    (at.file, at.pointer.clone())
}

/// A document under construction.
pub(super) struct Draft<'a> {
    pub documents: &'a Documents,
    pub dialect: Dialect,
    pub root: Resolved,
    pub document: Document,
    pub channels: HashMap<Identity, ChannelIndex>,
    messages: HashMap<Identity, MessageIndex>,
}

/// How a message is called where it is used.
pub(super) struct Naming {
    /// Its key, when it has one there.
    pub key: Option<String>,
    /// Its name when nothing else names it.
    pub fallback: String,
}

impl<'a> Draft<'a> {
    pub(super) fn new(documents: &'a Documents, root: Resolved, kind: DocumentKind) -> Self {
        let dialect = if matches!(kind, DocumentKind::AsyncApi3(_)) { Dialect::V3 } else { Dialect::V2 };
        let document = Document {
            kind,
            file: root.file,
            path: documents.path(root.file).map(std::path::Path::to_owned).unwrap_or_default(),
            root: root.node.clone(),
            service: None,
            servers: Vec::new(),
            channels: Vec::new(),
            operations: Vec::new(),
            messages: Vec::new(),
            default_content_type: root.node.get_str("defaultContentType").map(str::to_owned),
        };
        Self { documents, dialect, root, document, channels: HashMap::new(), messages: HashMap::new() }
    }

    /// Reads `info`. Without it there is still a service, named by the file.
    pub(super) fn read_service(&mut self) {
        let info = place::get(self.documents, &self.root, "info");
        let text = |key: &str| info.as_ref().and_then(|info| info.node.get_str(key)).map(str::to_owned);
        let title = text("title").unwrap_or_default();
        let tags_owner = if self.dialect == Dialect::V3 { info.as_ref() } else { Some(&self.root) };
        let tags = tags_owner.and_then(|owner| place::get(self.documents, owner, "tags"));
        self.document.service = Some(Service {
            name: self.service_name(&title),
            version: text("version").unwrap_or_default(),
            description: text("description"),
            tags: place::tags(self.documents, tags),
            span: info.as_ref().map_or(self.root.node.span, |info| place::key_span(self.documents, info)),
            title,
        });
    }

    fn service_name(&self, title: &str) -> String {
        let root = &self.root.node;
        let written = root
            .get_str("x-service-name")
            .or_else(|| root.get("info").and_then(|info| info.get_str("x-service-name")));
        if let Some(name) = written {
            return name.to_owned();
        }
        let last = root.get_str("id").and_then(|id| id.split([':', '/']).rfind(|part| !part.is_empty()));
        let stem = || self.document.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = kebab_case(last.unwrap_or(title));
        if name.is_empty() { stem().unwrap_or_default() } else { name }
    }

    /// Reads `servers`; `host` tells how a version writes the host.
    pub(super) fn read_servers(&mut self, host: impl Fn(&Node) -> String) {
        for (entry, server) in place::named(self.documents, &self.root, "servers") {
            self.document.servers.push(Server {
                host: host(&server.node),
                protocol: server.node.get_str("protocol").unwrap_or_default().to_owned(),
                span: entry.key_span,
                pointer: crate::source_text::tree::pointer_push("/servers", &entry.key),
                node: server.node,
                name: entry.key,
            });
        }
    }

    /// Reads `parameters` of a channel. In 2.x values and default stand in the parameter's schema.
    pub(super) fn parameters(&self, channel: &Resolved) -> Vec<Parameter> {
        let listed = place::named(self.documents, channel, "parameters").into_iter();
        listed.map(|(entry, parameter)| self.parameter(entry, &parameter)).collect()
    }

    fn parameter(&self, entry: Entry, parameter: &Resolved) -> Parameter {
        let schema = match self.dialect {
            Dialect::V2 => place::get(self.documents, parameter, "schema"),
            Dialect::V3 => Some(parameter.clone()),
        };
        let schema = schema.as_ref().map(|schema| &*schema.node);
        let values =
            schema.and_then(|schema| schema.get("enum")).map(|list| list.items()).unwrap_or_default();
        Parameter {
            values: values.iter().filter_map(|value| scalar_text(value)).collect(),
            default: schema.and_then(|schema| schema.get("default")).and_then(|value| scalar_text(value)),
            location: parameter.node.get_str("location").map(str::to_owned),
            span: entry.key_span,
            name: entry.key,
        }
    }

    /// The message known at a place.
    pub(super) fn known_message(&self, at: &Resolved) -> Option<MessageIndex> {
        self.messages.get(&identity(at)).copied()
    }

    /// Takes a message, which is no reference, unless it is known.
    pub(super) fn message(&mut self, at: &Resolved, naming: Naming) -> MessageIndex {
        if let Some(index) = self.known_message(at) {
            return index;
        }
        let index = MessageIndex(self.document.messages.len());
        self.messages.insert(identity(at), index);
        let message = self.read_message(at, naming);
        self.document.messages.push(message);
        index
    }

    /// Takes the messages that stand only in components.
    pub(super) fn read_component_messages(&mut self) {
        let Some(components) = place::get(self.documents, &self.root, "components") else {
            return;
        };
        for (entry, message) in place::named(self.documents, &components, "messages") {
            if matches!(message.node.value, Value::Object(_)) {
                self.message(&message, Naming { fallback: entry.key.clone(), key: Some(entry.key) });
            }
        }
    }

    fn read_message(&self, at: &Resolved, naming: Naming) -> Message {
        let merged = merge(self.documents, at, self.dialect);
        let correlation = merged.get(self.documents, "correlationId");
        let key = naming.key;
        let name = merged.text("name").or_else(|| merged.text("messageId")).or_else(|| key.clone());
        Message {
            name: name.unwrap_or(naming.fallback),
            key,
            title: merged.text("title"),
            summary: merged.text("summary").or_else(|| merged.text("description")),
            version: merged.node.get("x-version").and_then(|version| scalar_text(version)),
            content_type: merged.text("contentType").or_else(|| self.document.default_content_type.clone()),
            correlation: correlation.and_then(|found| found.node.get_str("location").map(str::to_owned)),
            headers: self.schema(&merged, "headers"),
            payload: self.schema(&merged, "payload"),
            examples: self.examples(&merged),
            bindings: merged.get(self.documents, "bindings").map(|found| found.node),
            tags: place::tags(self.documents, merged.get(self.documents, "tags")),
            span: place::key_span(self.documents, at),
            pointer: at.pointer.clone(),
            file: at.file,
            node: merged.node,
        }
    }

    /// The schema under `headers` or `payload`, out of its Multi Format Schema Object in 3.x.
    fn schema(&self, merged: &Merged, key: &str) -> Option<SchemaRef> {
        let place = merged.get(self.documents, key)?;
        let written = match self.dialect {
            Dialect::V2 if key == "payload" => merged.text("schemaFormat"),
            Dialect::V2 => None,
            Dialect::V3 => place.node.get_str("schemaFormat").map(str::to_owned),
        };
        let is_wrapped = self.dialect == Dialect::V3 && place.node.get("schemaFormat").is_some();
        let schema = if is_wrapped { place::get(self.documents, &place, "schema")? } else { place };
        Some(SchemaRef {
            format: written.as_deref().map_or(SchemaFormat::AsyncApi, SchemaFormat::parse),
            written_format: written,
            node: schema.node,
            file: schema.file,
            pointer: schema.pointer,
        })
    }

    fn examples(&self, merged: &Merged) -> Vec<Example> {
        let list = merged.get(self.documents, "examples");
        let items = list.map(|list| place::items(self.documents, &list)).unwrap_or_default();
        let part = |example: &Resolved, key: &str| {
            let part = self.documents.child(example, key)?;
            let written = std::sync::Arc::clone(&part.node);
            // A `$ref` that leads somewhere is meant as one; any other is part of the example.
            Some(self.documents.follow(part).map_or(written, |found| found.node))
        };
        let example = |example: &Resolved| Example {
            name: example.node.get_str("name").map(str::to_owned),
            headers: part(example, "headers"),
            payload: part(example, "payload"),
            pointer: example.pointer.clone(),
        };
        items.iter().map(example).collect()
    }
}

/// A scalar as text; numbers and truths as they would be written.
pub(super) fn scalar_text(node: &Node) -> Option<String> {
    match &node.value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(node.to_json().to_string()),
        _ => None,
    }
}

/// `Orders Service` becomes `orders-service`.
fn kebab_case(title: &str) -> String {
    let words = title.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

impl SchemaFormat {
    /// Reads a `schemaFormat`: a media type, perhaps with a version.
    #[must_use]
    pub fn parse(written: &str) -> Self {
        let media = written.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let family = media.trim_end_matches("+json").trim_end_matches("+yaml");
        match family {
            "application/vnd.aai.asyncapi" => Self::AsyncApi,
            "application/schema" => Self::JsonSchema,
            "application/vnd.apache.avro" => Self::Avro,
            "application/vnd.google.protobuf" => Self::Protobuf,
            "application/vnd.oai.openapi" => Self::OpenApi,
            "application/raml" => Self::Raml,
            _ => Self::Unknown(written.to_owned()),
        }
    }
}
