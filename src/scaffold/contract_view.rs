//! A contract as templates see it: the service, its operations and messages, with names that compile.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::error::ScaffoldError;
use super::identifiers::{IdentifierKind, Language, Scope};
use super::rust_source::{RESERVED_TYPES, definitions, type_name};
use super::sample::sample;
use super::source::sha256;
use super::types::{Type, TypeFault, Types};
use crate::contract::{
    Channel, Document, Message, MessageIndex, Operation, Parameter, SchemaFormat, SchemaRef,
};
use crate::source_text::{Documents, Resolved, Sources};

/// Types that generated operations use besides those of events.
const RESERVED_OPERATION_TYPES: [&str; 6] = ["Handlers", "Publisher", "Route", "Context", "Future", "Send"];

/// What a template is told about a contract.
#[derive(Clone, Debug)]
pub struct ContractView {
    /// `contract`, `receives`, `sends`, `messages` and `rust`, as templates name them.
    pub names: Map<String, Value>,
    /// The path of the document as it was given.
    pub path: String,
    /// `info.version`.
    pub version: String,
    /// SHA-256 of the document's text.
    pub sha256: String,
    /// What has no code, and why.
    pub notes: Vec<String>,
}

/// Looks at one document.
///
/// # Errors
/// When it describes no service, or one of its schemas cannot become a type.
pub fn view(
    document: &Document,
    sources: &Sources,
    references: &Documents,
) -> Result<ContractView, ScaffoldError> {
    let Some(service) = &document.service else {
        return Err(ScaffoldError::Contract {
            place: document.path.display().to_string(),
            message: "it describes an event, not a service".to_owned(),
            help: Some("give an AsyncAPI document".to_owned()),
        });
    };
    let text = sources.get(document.file).text();
    let mut viewer = Viewer::new(document, sources, references);
    let operations = viewer.operations()?;
    let of = |action: &str| -> Value {
        operations.iter().filter(|operation| operation["action"] == action).cloned().collect()
    };
    let contract = json!({
        "title": service.title,
        "version": service.version,
        "service": service.name,
        "description": service.description,
        "protocols": protocols(document),
        "path": document.path.to_string_lossy(),
        "file_name": file_name(&document.path),
        "text": text,
        "operations": operations,
    });
    let mut names = Map::new();
    names.insert("receives".to_owned(), of("receive"));
    names.insert("sends".to_owned(), of("send"));
    names.insert("messages".to_owned(), viewer.messages()?);
    names.insert("rust".to_owned(), json!({ "types": definitions(&viewer.types) }));
    names.insert("contract".to_owned(), contract);
    Ok(ContractView {
        names,
        path: document.path.to_string_lossy().into_owned(),
        version: service.version.clone(),
        sha256: sha256(text.as_bytes()),
        notes: viewer.notes,
    })
}

/// Protocols of the servers without their `-secure` forms, each once, in order of writing.
fn protocols(document: &Document) -> Vec<String> {
    let mut protocols: Vec<String> = Vec::new();
    for server in &document.servers {
        let protocol = match server.protocol.to_lowercase().as_str() {
            "mqtts" | "mqtt5" | "secure-mqtt" | "mqtt-secure" => "mqtt".to_owned(),
            other => other.trim_end_matches("-secure").to_owned(),
        };
        if !protocols.contains(&protocol) {
            protocols.push(protocol);
        }
    }
    protocols
}

/// A plain name for a copy of the document.
fn file_name(path: &Path) -> &'static str {
    if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json")) {
        "asyncapi.json"
    } else {
        "asyncapi.yaml"
    }
}

struct Viewer<'a> {
    document: &'a Document,
    sources: &'a Sources,
    types: Types<'a>,
    operation_types: Scope,
    methods: Scope,
    notes: Vec<String>,
}

impl<'a> Viewer<'a> {
    fn new(document: &'a Document, sources: &'a Sources, references: &'a Documents) -> Self {
        let mut reserved = RESERVED_TYPES.to_vec();
        let types = Types::new(references, &reserved);
        reserved.extend(RESERVED_OPERATION_TYPES);
        Self {
            document,
            sources,
            types,
            operation_types: Scope::reserving(&reserved),
            methods: Scope::reserving(&["new"]),
            notes: Vec::new(),
        }
    }

    fn operations(&mut self) -> Result<Vec<Value>, ScaffoldError> {
        let mut views = Vec::new();
        for operation in &self.document.operations {
            let channel = &self.document.channels[operation.channel.0];
            let Some(address) = &channel.address else {
                self.notes.push(format!(
                    "operation `{}` has no code: the address of its channel is known at run time only",
                    operation.id
                ));
                continue;
            };
            if operation.reply.is_some() {
                self.notes.push(format!(
                    "operation `{}` is a request: its answer is not sent by generated code",
                    operation.id
                ));
            }
            views.push(self.operation(operation, channel, address)?);
        }
        Ok(views)
    }

    fn operation(
        &mut self,
        operation: &Operation,
        channel: &Channel,
        address: &str,
    ) -> Result<Value, ScaffoldError> {
        let method = self.methods.allocate(&operation.id, IdentifierKind::Value, Language::Rust);
        let mut variants = Scope::default();
        let mut messages = Vec::new();
        for index in &operation.messages {
            let message = &self.document.messages[index.0];
            let mut view = self.message(*index)?;
            view["variant"] = variants.allocate(&message.name, IdentifierKind::Type, Language::Rust).into();
            messages.push(view);
        }
        let parameters = parameters_of(channel, address);
        let parameters_type = (!parameters.is_empty()).then(|| self.operation_type(operation, "parameters"));
        let event_type = match messages.as_slice() {
            [] => "serde_json::Value".to_owned(),
            [only] => only["type"].as_str().unwrap_or_default().to_owned(),
            _ => self.operation_type(operation, "event"),
        };
        Ok(json!({
            "id": operation.id,
            "action": operation.action,
            "summary": operation.summary,
            "channel": channel.id,
            "address": address,
            "parameters": parameters,
            "messages": messages,
            "method": method,
            "event_type": event_type,
            "parameters_type": parameters_type,
        }))
    }

    fn operation_type(&mut self, operation: &Operation, role: &str) -> String {
        let name = format!("{} {role}", operation.id);
        self.operation_types.allocate(&name, IdentifierKind::Type, Language::Rust)
    }

    fn messages(&mut self) -> Result<Value, ScaffoldError> {
        (0..self.document.messages.len()).map(|index| self.message(MessageIndex(index))).collect()
    }

    fn message(&mut self, index: MessageIndex) -> Result<Value, ScaffoldError> {
        let message = &self.document.messages[index.0];
        let is_json = is_json(message);
        let kind = match &message.payload {
            Some(schema) if is_json => Some(self.payload_type(message, schema)?),
            _ => None,
        };
        let rust = match &kind {
            Some(kind) => type_name(&self.types, kind, "events::"),
            None if is_json => "serde_json::Value".to_owned(),
            None => "Vec<u8>".to_owned(),
        };
        let example = kind.map_or_else(|| json!({}), |kind| sample(&self.types, &kind));
        Ok(json!({
            "name": message.name,
            "title": message.title,
            "summary": message.summary,
            "content_type": message.content_type,
            "is_json": is_json,
            "type": rust,
            "sample": example.to_string(),
        }))
    }

    fn payload_type(&mut self, message: &Message, schema: &SchemaRef) -> Result<Type, ScaffoldError> {
        let place =
            Resolved { file: schema.file, pointer: schema.pointer.clone(), node: schema.node.clone() };
        self.types.add(&place, &message.name).map_err(|fault| self.refuse(message, &fault))
    }

    fn refuse(&self, message: &Message, fault: &TypeFault) -> ScaffoldError {
        let file = self.sources.get(fault.place.file);
        let position = file.position(fault.place.node.span.start);
        ScaffoldError::Contract {
            place: format!("{}:{position}", file.path().display()),
            message: format!("message `{}` cannot become a type: {}", message.name, fault.message),
            help: Some("`eddy validate` says more about the contract".to_owned()),
        }
    }
}

/// Whether the payload is JSON, by the schema's language and the content type.
fn is_json(message: &Message) -> bool {
    let by_schema = message.payload.as_ref().is_none_or(|schema| {
        matches!(schema.format, SchemaFormat::AsyncApi | SchemaFormat::JsonSchema | SchemaFormat::OpenApi)
    });
    let by_content = message.content_type.as_deref().is_none_or(|content| {
        let media = content.split(';').next().unwrap_or("").trim().to_lowercase();
        media.ends_with("/json") || media.ends_with("+json")
    });
    by_schema && by_content
}

/// The parameters that stand in the address, in their order there.
fn parameters_of(channel: &Channel, address: &str) -> Vec<Value> {
    let mut scope = Scope::default();
    let mut names: Vec<&str> = Vec::new();
    for part in address.split('{').skip(1) {
        let name = part.split('}').next().unwrap_or(part);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let declared = |name: &str| channel.parameters.iter().find(|parameter| parameter.name == name);
    let values = |parameter: Option<&Parameter>| parameter.map(|one| one.values.clone()).unwrap_or_default();
    names
        .into_iter()
        .map(|name| {
            json!({
                "name": name,
                "field": scope.allocate(name, IdentifierKind::Value, Language::Rust),
                "values": values(declared(name)),
            })
        })
        .collect()
}
