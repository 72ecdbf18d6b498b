//! A contract as templates see it: the service, its operations and messages, with names that compile.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::error::ScaffoldError;
use super::identifiers::{IdentifierKind, Language, Scope};
use super::sample::sample;
use super::source::sha256;
use super::source_code::{any, bytes, definitions, plain_json, reserved_types, steers, type_name};
use super::surface::{FORM, MessageSurface, OperationSurface, Surface};
use super::surface_fields::fields_of;
use super::types::{Type, TypeFault, Types};
use crate::contract::{
    Action, Channel, Document, Message, MessageIndex, Operation, Parameter, SchemaFormat, SchemaRef,
};
use crate::event::cloud_event::is_json_event_type;
use crate::schema::generate::Generator;
use crate::schema::{Compiled, Compiler, Dialect};
use crate::source_text::{Documents, Sources};

/// Types that generated operations use besides those of events.
const RESERVED_OPERATION_TYPES: [&str; 6] = ["Handlers", "Publisher", "Route", "Context", "Future", "Send"];

/// What a template is told about a contract.
#[derive(Clone, Debug)]
pub struct ContractView {
    /// `contract`, `receives`, `sends`, `messages` and `types`, as templates name them.
    pub names: Map<String, Value>,
    /// The path of the document as it was given.
    pub path: String,
    /// `info.version`.
    pub version: String,
    /// SHA-256 of the document's text.
    pub sha256: String,
    /// What others see of it.
    pub surface: Surface,
    /// What has no code, and why.
    pub notes: Vec<String>,
}

/// Looks at one document as a template of a language sees it.
///
/// # Errors
/// When it describes no service, or one of its schemas cannot become a type.
pub fn view(
    document: &Document,
    sources: &Sources,
    references: &Documents,
    language: Language,
) -> Result<ContractView, ScaffoldError> {
    let Some(service) = &document.service else {
        return Err(ScaffoldError::Contract {
            place: document.path.display().to_string(),
            message: "it describes an event, not a service".to_owned(),
            help: Some("give an AsyncAPI document".to_owned()),
        });
    };
    let text = sources.get(document.file).text();
    let mut viewer = Viewer::new(document, sources, references, language);
    let operations = viewer.operations()?;
    let of = |action: &str| -> Value {
        operations.iter().filter(|operation| operation["action"] == action).cloned().collect()
    };
    let contract = json!({
        "title": service.title,
        "version": service.version,
        "service": service.name,
        "description": service.description.as_deref().map(lines),
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
    names.insert("types".to_owned(), definitions(&viewer.types).into());
    names.insert("contract".to_owned(), contract);
    Ok(ContractView {
        names,
        path: document.path.to_string_lossy().into_owned(),
        version: service.version.clone(),
        sha256: sha256(text.as_bytes()),
        surface: Surface { form: FORM, operations: viewer.surface },
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
    language: Language,
    types: Types<'a>,
    operation_types: Scope,
    methods: Scope,
    surface: Vec<OperationSurface>,
    notes: Vec<String>,
}

impl<'a> Viewer<'a> {
    fn new(
        document: &'a Document,
        sources: &'a Sources,
        references: &'a Documents,
        language: Language,
    ) -> Self {
        let mut reserved = reserved_types(language).to_vec();
        let types = Types::new(references, language, &reserved);
        reserved.extend(RESERVED_OPERATION_TYPES);
        Self {
            document,
            sources,
            language,
            types,
            operation_types: Scope::reserving(&reserved),
            methods: Scope::reserving(&["new"]),
            surface: Vec::new(),
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
        let method = self.methods.allocate(&operation.id, IdentifierKind::Method, self.language);
        let mut variants = Scope::default();
        let mut messages = Vec::new();
        let mut seen = Vec::new();
        for index in &operation.messages {
            let message = &self.document.messages[index.0];
            let (mut view, surface) = self.message(*index)?;
            seen.push(surface);
            view["variant"] = variants.allocate(&message.name, IdentifierKind::Type, self.language).into();
            messages.push(view);
        }
        let parameters = parameters_of(channel, address, self.language);
        self.surface.push(OperationSurface {
            id: operation.id.clone(),
            action: action_name(operation.action).to_owned(),
            address: address.to_owned(),
            messages: seen,
        });
        let parameters_type = (!parameters.is_empty()).then(|| self.operation_type(operation, "parameters"));
        let event_type = match messages.as_slice() {
            [] => any(self.language).to_owned(),
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
        self.operation_types.allocate(&name, IdentifierKind::Type, self.language)
    }

    fn messages(&mut self) -> Result<Value, ScaffoldError> {
        let all = 0..self.document.messages.len();
        all.map(|index| self.message(MessageIndex(index)).map(|(view, _)| view)).collect()
    }

    /// A message as templates see it, and as others do.
    fn message(&mut self, index: MessageIndex) -> Result<(Value, MessageSurface), ScaffoldError> {
        let message = &self.document.messages[index.0];
        let is_json = is_json(message);
        let kind = match &message.payload {
            Some(schema) if is_json => Some(self.payload_type(message, schema)?),
            _ => None,
        };
        let in_code = match &kind {
            Some(kind) => type_name(&self.types, kind),
            None if is_json => any(self.language).to_owned(),
            None => bytes(self.language).to_owned(),
        };
        let schema = self.compiled(message, is_json);
        let surface = self.surface_of(message, kind.as_ref(), schema.as_ref());
        let example = kind.map_or_else(|| json!({}), |kind| sample(&self.types, &kind));
        let example =
            schema.as_ref().map_or_else(|| example.clone(), |(schema, _)| allowed(schema, &example));
        let view = json!({
            "name": message.name,
            "title": message.title,
            "summary": message.summary,
            "content_type": message.content_type,
            "is_json": is_json,
            "cloud_event": schema.as_ref().and_then(|(schema, _)| structured(message, schema)),
            "type": in_code,
            "sample": plain_json(&example.to_string()),
            "schema": schema.map(|(compiled, dialect)| schema_text(&compiled, dialect)),
        });
        Ok((view, surface))
    }

    /// What others see of a message; where that is more than is kept, a sum of the whole tells whether it changed.
    fn surface_of(
        &self,
        message: &Message,
        kind: Option<&Type>,
        schema: Option<&(Compiled, Dialect)>,
    ) -> MessageSurface {
        let (fields, is_whole) =
            kind.map_or_else(|| (BTreeMap::new(), true), |kind| fields_of(&self.types, kind));
        let whole = || match schema {
            Some((compiled, dialect)) => sha256(schema_text(compiled, *dialect).as_bytes()),
            None => sha256(self.sources.get(self.document.file).text().as_bytes()),
        };
        MessageSurface { name: message.name.clone(), fields, beyond: (!is_whole).then(whole) }
    }

    /// The schema, compiled; none for other languages, for those of OpenAPI 3.0, whose `nullable` no validator knows, and for
    /// one that does not compile, of which `eddy validate` says why.
    fn compiled(&self, message: &Message, is_json: bool) -> Option<(Compiled, Dialect)> {
        let schema = message.payload.as_ref().filter(|_| is_json)?;
        let dialect = schema.dialect().filter(|dialect| *dialect != Dialect::OpenApi30)?;
        let compiled = Compiler::new(self.types.references()).compile(&schema.place(), dialect).ok()?;
        Some((compiled, dialect))
    }

    fn payload_type(&mut self, message: &Message, schema: &SchemaRef) -> Result<Type, ScaffoldError> {
        self.types.add(&schema.place(), &message.name).map_err(|fault| self.refuse(message, &fault))
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

/// A text of several lines in which nothing steers.
fn lines(text: &str) -> String {
    text.chars()
        .map(|letter| if steers(letter) && !matches!(letter, '\n' | '\t') { ' ' } else { letter })
        .collect()
}

/// The schema as a text that needs no other file.
fn schema_text(schema: &Compiled, dialect: Dialect) -> String {
    let mut whole = Map::from_iter([("$schema".to_owned(), Value::from(dialect.meta_schema()))]);
    whole.extend(schema.self_contained().as_object().cloned().unwrap_or_default());
    plain_json(&Value::from(whole).to_string())
}

/// The example where its schema allows it, else a value made for the schema: an example of the type alone knows no ranges.
fn allowed(schema: &Compiled, example: &Value) -> Value {
    if schema.check_value(example).is_empty() {
        return example.clone();
    }
    Generator::new(schema, 1).value().unwrap_or_else(|_| example.clone())
}

fn action_name(action: Action) -> &'static str {
    match action {
        Action::Send => "send",
        Action::Receive => "receive",
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

/// What the schema of an event of CloudEvents in structured mode describes: the `whole` of it, or its `data`.
fn structured(message: &Message, schema: &Compiled) -> Option<&'static str> {
    let is_structured = message.content_type.as_deref().is_some_and(is_json_event_type);
    is_structured.then(|| if schema.describes_envelope() { "whole" } else { "data" })
}

/// The parameters that stand in the address, in their order there.
fn parameters_of(channel: &Channel, address: &str, language: Language) -> Vec<Value> {
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
                "field": scope.allocate(name, IdentifierKind::Field, language),
                "values": values(declared(name)),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::load_text;
    use crate::source_text::Limits;

    fn viewed(text: &str) -> Result<ContractView, ScaffoldError> {
        viewed_by(text, Language::Rust)
    }

    fn viewed_by(text: &str, language: Language) -> Result<ContractView, ScaffoldError> {
        let loaded = load_text("contract.yaml", text, &Limits::default());
        let document = loaded.contract.documents.first().expect("a document");
        view(document, &loaded.sources, &loaded.documents, language)
    }

    fn orders() -> ContractView {
        viewed(include_str!("../../tests/fixtures/orders/orders-v3.yaml")).expect("a view")
    }

    fn with_root(schema: &str) -> String {
        format!(
            "asyncapi: 3.0.0\ninfo: {{title: T, version: 1.0.0}}\nchannels:\n  c:\n    address: c\n    messages:\n      \
             m: {{payload: {{$ref: '#/components/schemas/Root'}}}}\noperations:\n  o: {{action: receive, channel: \
             {{$ref: '#/channels/c'}}}}\ncomponents:\n  schemas:\n    Root: {schema}\n"
        )
    }

    fn types(schema: &str) -> String {
        types_in(Language::Rust, schema)
    }

    fn types_in(language: Language, schema: &str) -> String {
        let view = viewed_by(&with_root(schema), language).expect("a view");
        view.names["types"].as_str().expect("text").to_owned()
    }

    #[test]
    fn operations_have_names_parameters_and_samples_that_their_types_read() {
        let view = orders();
        let status = &view.names["receives"][1];
        assert_eq!(status["method"], "on_order_status");
        assert_eq!(status["event_type"], "OnOrderStatusEvent");
        assert_eq!(status["parameters"][0]["values"], json!(["eu", "us"]));
        assert_eq!(status["messages"][0]["variant"], "OrderShipped");
        assert_eq!(view.names["receives"][0]["event_type"], "events::Order");
        let sample: Value =
            serde_json::from_str(view.names["sends"][0]["messages"][0]["sample"].as_str().expect("text"))
                .expect("JSON");
        assert_eq!(sample["amount"], json!({ "currency": "GBP", "minor": 1 }));
        assert_eq!(view.names["contract"]["protocols"], json!(["kafka"]));
        assert!(view.notes.is_empty());
    }

    #[test]
    fn names_that_break_generators_compile() {
        let source = orders().names["types"].as_str().expect("text").to_owned();
        for line in [
            "    #[serde(rename = \"1-click\")]\n    Value1Click,",
            "    pub placed_at: Option<String>,",
            "    pub parent: Option<Box<Order>>,",
            "    pub meta: Option<std::collections::BTreeMap<String, String>>,",
            "    Number(f64),\n    Money(Money),",
        ] {
            assert!(source.contains(line), "{line}\n{source}");
        }
    }

    #[test]
    fn each_form_of_schema_has_its_type() {
        let field = |schema: &str| {
            let source = types(&format!("{{type: object, required: [a], properties: {{a: {schema}}}}}"));
            source.lines().find(|line| line.contains("pub a:")).expect("the field").trim().to_owned()
        };
        assert_eq!(field("{type: integer}"), "pub a: i64,");
        assert_eq!(field("{type: [integer, 'null']}"), "pub a: Option<i64>,");
        assert_eq!(field("{type: string, nullable: true}"), "pub a: Option<String>,");
        assert_eq!(field("{const: 7}"), "pub a: i64,");
        assert_eq!(field("{enum: [1, 2.5, null]}"), "pub a: Option<f64>,");
        assert_eq!(field("{enum: [1, x]}"), "pub a: serde_json::Value,");
        assert_eq!(field("{oneOf: [{type: 'null'}, {type: boolean}]}"), "pub a: Option<bool>,");
        assert_eq!(field("{type: array, items: {type: number}}"), "pub a: Vec<f64>,");
        assert_eq!(field("{type: object}"), "pub a: std::collections::BTreeMap<String, serde_json::Value>,");
        assert_eq!(field("{$ref: '#/components/schemas/Root'}"), "pub a: Box<Root>,");
        assert_eq!(field("true"), "pub a: serde_json::Value,");
    }

    #[test]
    fn each_language_writes_fields_enums_and_unions_in_its_way() {
        let schema = "{type: object, required: [placed-at, kind], properties: {placed-at: {type: [string, 'null']}, \
                      kind: {enum: [1-click, b]}, next: {$ref: '#/components/schemas/Root'}, \
                      cost: {oneOf: [{type: number}, {type: array, items: {type: integer}}]}}, \
                      additionalProperties: {type: boolean}}";
        let holds = |language, lines: &[&str]| {
            let source = types_in(language, schema);
            for line in lines {
                assert!(source.contains(line), "{line}\n{source}");
            }
        };
        holds(
            Language::Python,
            &[
                "    placed_at: str | None = pydantic.Field(alias=\"placed-at\")\n    kind: RootKind\n    next: Root | None = None",
                "    __pydantic_extra__: dict[str, bool]",
                "    VALUE_1_CLICK = \"1-click\"",
                "typing.Union[\"float\", \"list[int]\"]",
            ],
        );
        holds(
            Language::TypeScript,
            &[
                "  \"placed-at\": string | null;\n  kind: RootKind;\n  next?: Root;",
                "export type RootKind = \"1-click\" | \"b\";",
                "export type RootCost = number | number[];",
            ],
        );
        holds(
            Language::Go,
            &[
                "\tPlacedAt *string\n\tKind     RootKind\n\tNext     *Root\n\tCost     *RootCost",
                "{\"placed-at\", &value.PlacedAt, nullable},\n\t\t{\"kind\", &value.Kind, required},",
                "\tRootKind1Click RootKind = \"1-click\"",
                "\tNumber *float64\n\tArray  *[]int64",
            ],
        );
        holds(
            Language::Java,
            &[
                "@JsonProperty(value = \"placed-at\", required = true)\n            String placedAt,",
                "requireNonNull(kind, ",
                "@JsonProperty(\"1-click\")\n        VALUE_1_CLICK,",
                "record OfArray(@JsonValue List<Long> value) implements RootCost",
            ],
        );
    }

    #[test]
    fn what_a_language_cannot_name_is_refused_at_its_place() {
        let schema = "{type: object, properties: {'': {type: string}}}";
        let error = viewed_by(&with_root(schema), Language::Java).expect_err("refused").to_string();
        assert!(error.contains("contract.yaml:") && error.contains("empty name"), "{error}");
        assert!(viewed_by(&with_root(schema), Language::Go).is_ok());
    }

    #[test]
    fn joined_objects_become_one_struct() {
        let source = types(
            "{allOf: [{type: object, required: [a], properties: {a: {type: string}}}, {properties: {b: {type: boolean}}}]}",
        );
        assert!(source.contains("pub a: String,") && source.contains("pub b: Option<bool>,"), "{source}");
    }

    #[test]
    fn schemas_without_end_come_to_one() {
        let twice = "{type: object, required: [a, b], properties: {a: {$ref: '#/components/schemas/Root'}, \
                     b: {$ref: '#/components/schemas/Root'}}}";
        assert!(types(twice).contains("pub b: Box<Root>,"));
        let joined = "{properties: {a: {type: string}}, allOf: [{$ref: '#/components/schemas/Root'}, \
                      {$ref: '#/components/schemas/Root'}]}";
        assert!(types(joined).contains("pub a: Option<String>,"));
    }

    #[test]
    fn an_operation_without_address_is_noted_and_has_no_code() {
        let text = "asyncapi: 3.0.0\ninfo: {title: T, version: 1.0.0}\nchannels:\n  c: {messages: {m: {}}}\n\
                    operations:\n  o: {action: send, channel: {$ref: '#/channels/c'}}\n";
        let view = viewed(text).expect("a view");
        assert_eq!(view.names["sends"], json!([]));
        assert!(view.notes[0].contains("`o` has no code"), "{:?}", view.notes);
    }
}
