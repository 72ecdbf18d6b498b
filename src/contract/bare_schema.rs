//! Schemas that stand alone, in JSON Schema, Avro or Protobuf: each is the payload of one message that no channel carries.

use super::draft::Draft;
use super::model::{Document, DocumentKind, Example, Message, SchemaFormat, SchemaRef};
use crate::source_text::tree::NodeRef;

/// Fills the model from a schema: one message, called by its title, its Avro name, or the name of its file.
pub(super) fn read(mut draft: Draft<'_>) -> Document {
    let format = match draft.document.kind {
        DocumentKind::Avro => SchemaFormat::Avro,
        DocumentKind::Protobuf => SchemaFormat::Protobuf,
        _ => SchemaFormat::JsonSchema,
    };
    let root = &draft.root.node;
    let written = match format {
        SchemaFormat::Avro => root.get_str("name"),
        _ => root.get_str("title"),
    };
    let stem = || draft.document.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = written.map(str::to_owned).or_else(stem).unwrap_or_default();
    let message = message(&draft, name, format);
    draft.document.messages.push(message);
    draft.document
}

/// The message whose payload is the whole file.
pub(super) fn message(draft: &Draft<'_>, name: String, format: SchemaFormat) -> Message {
    let root = &draft.root.node;
    let is_json = format == SchemaFormat::JsonSchema;
    let examples = root.get("examples").filter(|_| is_json).map(|list| list.items()).unwrap_or_default();
    let example = |(index, payload): (usize, &NodeRef)| Example {
        name: None,
        headers: None,
        payload: Some(payload.clone()),
        pointer: format!("/examples/{index}"),
    };
    Message {
        name,
        key: None,
        title: root.get_str("title").map(str::to_owned),
        summary: root.get_str("description").or_else(|| root.get_str("doc")).map(str::to_owned),
        version: None,
        content_type: Some("application/json".to_owned()),
        correlation: None,
        headers: None,
        payload: Some(SchemaRef {
            format,
            written_format: None,
            node: root.clone(),
            file: draft.root.file,
            pointer: String::new(),
        }),
        examples: examples.iter().enumerate().map(example).collect(),
        bindings: None,
        tags: Vec::new(),
        span: root.entries().first().map_or(root.span, |entry| entry.key_span),
        pointer: String::new(),
        node: root.clone(),
        file: draft.root.file,
    }
}
