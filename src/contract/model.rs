//! The contract model: services, channels, operations and messages of many documents, each with its place.
//!
//! It is the resolved view: references are followed and traits merged by each version's own rule. The written view
//! is the span tree of the file, which every item points back into through `node` and `pointer`.

use std::path::PathBuf;

use crate::schema::Dialect;
use crate::source_text::tree::NodeRef;
use crate::source_text::{FileId, Span};

/// Index into [`Contract::documents`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentIndex(pub usize);

/// Index into [`Document::channels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelIndex(pub usize);

/// Index into [`Document::messages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageIndex(pub usize);

/// Everything declared by the documents of one run.
#[derive(Clone, Debug, Default)]
pub struct Contract {
    /// One entry per document named by the user, in order; files reached only by `$ref` are not listed.
    pub documents: Vec<Document>,
}

/// What a document is, with its version as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    /// AsyncAPI 2.0 to 2.6; the number is the minor version.
    AsyncApi2(u8),
    /// AsyncAPI 3.0 and 3.1; the number is the minor version.
    AsyncApi3(u8),
    /// A JSON Schema with `x-event`.
    EventSchema,
    /// A JSON Schema without, in the dialect it states, or 2020-12.
    JsonSchema(Dialect),
    /// An Avro schema.
    Avro,
    /// A Protobuf text.
    Protobuf,
}

impl DocumentKind {
    /// Whether it is a schema that stands alone: it describes a payload and no channel.
    #[must_use]
    pub fn is_bare_schema(&self) -> bool {
        matches!(self, Self::JsonSchema(_) | Self::Avro | Self::Protobuf)
    }

    /// What it is called, with its version.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::AsyncApi2(minor) => format!("AsyncAPI 2.{minor}"),
            Self::AsyncApi3(minor) => format!("AsyncAPI 3.{minor}"),
            Self::EventSchema => "event schema".to_owned(),
            Self::JsonSchema(dialect) => dialect.name().to_owned(),
            Self::Avro => "Avro schema".to_owned(),
            Self::Protobuf => "Protobuf schema".to_owned(),
        }
    }
}

/// One AsyncAPI document, or one plain event schema, as read.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it is.
    pub kind: DocumentKind,
    /// Its text.
    pub file: FileId,
    /// Its path as given.
    pub path: PathBuf,
    /// The root of its tree.
    pub root: NodeRef,
    /// The application described; an event schema describes none, but names its producers and consumers.
    pub service: Option<Service>,
    /// Servers in order of writing.
    pub servers: Vec<Server>,
    /// Channels in order of writing.
    pub channels: Vec<Channel>,
    /// Operations in order of writing.
    pub operations: Vec<Operation>,
    /// Messages: those of channels first, then those only in components; each once.
    pub messages: Vec<Message>,
    /// `defaultContentType`, if written.
    pub default_content_type: Option<String>,
}

/// The application an AsyncAPI document describes.
#[derive(Clone, Debug)]
pub struct Service {
    /// A readable stable name: `x-service-name`, else the last part of `id`, else `info.title` in kebab case.
    pub name: String,
    /// `info.title`.
    pub title: String,
    /// `info.version`.
    pub version: String,
    /// `info.description`.
    pub description: Option<String>,
    /// Names of the tags of `info` (3.x) or of the document (2.x).
    pub tags: Vec<String>,
    /// The place of `info`.
    pub span: Span,
}

/// One server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its key in `servers`.
    pub name: String,
    /// Host, port and path with variables unreplaced, without the scheme.
    pub host: String,
    /// The protocol as written, such as `mqtt` or `kafka-secure`.
    pub protocol: String,
    /// Its place.
    pub span: Span,
    /// Its JSON Pointer in the file.
    pub pointer: String,
    /// Its node, after `$ref`.
    pub node: NodeRef,
}

/// One channel.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its key in `channels`; the address in 2.x.
    pub id: String,
    /// Where events go, with `{parameters}`; `None` when only known at run time.
    pub address: Option<String>,
    /// `title`, if written.
    pub title: Option<String>,
    /// `description`, if written.
    pub description: Option<String>,
    /// Names of the servers it lives on; empty means all.
    pub servers: Vec<String>,
    /// Parameters of the address.
    pub parameters: Vec<Parameter>,
    /// The messages that may pass, each with its key on the channel.
    pub messages: Vec<(String, MessageIndex)>,
    /// `bindings`, after `$ref`.
    pub bindings: Option<NodeRef>,
    /// The place of its key.
    pub span: Span,
    /// Its JSON Pointer in `file`.
    pub pointer: String,
    /// Its node, after `$ref`.
    pub node: NodeRef,
    /// The file the node stands in.
    pub file: FileId,
}

/// One parameter of an address.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name, without braces.
    pub name: String,
    /// Allowed values, if listed.
    pub values: Vec<String>,
    /// The default, if any.
    pub default: Option<String>,
    /// `location`, a runtime expression, if any.
    pub location: Option<String>,
    /// The place of its key.
    pub span: Span,
}

/// What the described application does on a channel. In 2.x `publish` is `Receive` and `subscribe` is `Send`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The application sends to the channel.
    Send,
    /// The application receives from the channel.
    Receive,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its key in `operations`, or `operationId`, or `<address> <publish|subscribe>` in 2.x.
    pub id: String,
    /// Direction as seen from the described application.
    pub action: Action,
    /// The channel.
    pub channel: ChannelIndex,
    /// Messages it handles: those listed, or all of the channel.
    pub messages: Vec<MessageIndex>,
    /// `title` or `summary`.
    pub summary: Option<String>,
    /// The answer, if it is a request (3.x).
    pub reply: Option<Reply>,
    /// `bindings`, traits merged, after `$ref`.
    pub bindings: Option<NodeRef>,
    /// For an event schema: the service named in `produced-by` or `consumed-by`.
    pub service: Option<String>,
    /// The place of its key.
    pub span: Span,
    /// Its JSON Pointer in the file.
    pub pointer: String,
}

/// Where the answer to a request goes.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The channel, when named.
    pub channel: Option<ChannelIndex>,
    /// Messages of the answer.
    pub messages: Vec<MessageIndex>,
    /// The runtime expression of `address.location`, when given.
    pub location: Option<String>,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Message {
    /// `name`, else `messageId`, else its key, else `<channel>.<action>.message`.
    pub name: String,
    /// Its key in the channel or in components, when it has one.
    pub key: Option<String>,
    /// `title`, if written.
    pub title: Option<String>,
    /// `summary` or `description`.
    pub summary: Option<String>,
    /// The version in `x-event` of an event schema, or in `x-version`.
    pub version: Option<String>,
    /// `contentType`, else the document's default.
    pub content_type: Option<String>,
    /// `correlationId.location`, if any.
    pub correlation: Option<String>,
    /// Schema of the headers.
    pub headers: Option<SchemaRef>,
    /// Schema of the payload.
    pub payload: Option<SchemaRef>,
    /// Examples.
    pub examples: Vec<Example>,
    /// `bindings`, traits merged, after `$ref`.
    pub bindings: Option<NodeRef>,
    /// Names of its tags.
    pub tags: Vec<String>,
    /// The place of its key, or of its node when inline.
    pub span: Span,
    /// Its JSON Pointer in `file`.
    pub pointer: String,
    /// Its node with traits merged.
    pub node: NodeRef,
    /// The file the node stands in.
    pub file: FileId,
}

/// One example of a message.
#[derive(Clone, Debug)]
pub struct Example {
    /// `name`, if written.
    pub name: Option<String>,
    /// Headers, if given.
    pub headers: Option<NodeRef>,
    /// Payload, if given.
    pub payload: Option<NodeRef>,
    /// JSON Pointer of the example in the file of its message.
    pub pointer: String,
}

/// The language a schema is written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaFormat {
    /// AsyncAPI's superset of JSON Schema draft-07.
    AsyncApi,
    /// JSON Schema; the draft comes from `$schema` or the format's version parameter.
    JsonSchema,
    /// Avro.
    Avro,
    /// Protobuf.
    Protobuf,
    /// The schema object of OpenAPI 3.0 or 3.1.
    OpenApi,
    /// RAML, named and not checked.
    Raml,
    /// Any other, as written.
    Unknown(String),
}

/// A schema where it is used.
#[derive(Clone, Debug)]
pub struct SchemaRef {
    /// Its language.
    pub format: SchemaFormat,
    /// The `schemaFormat` as written, if it was.
    pub written_format: Option<String>,
    /// The schema itself, one `$ref` at its root followed.
    pub node: NodeRef,
    /// The file the node stands in, against which relative references inside are resolved.
    pub file: FileId,
    /// JSON Pointer of the schema in that file.
    pub pointer: String,
}
