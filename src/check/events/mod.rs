//! Checks events against a contract: which channel, which message, and whether headers and payload fit their schemas.

mod address;
mod cloud_event;
mod encoded;
mod headers;
pub mod stream;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sonic_rs::JsonValueTrait;

use crate::contract::{Document, Loaded, Message, SchemaFormat, SchemaRef};
use crate::diagnostic::nearest;
use crate::event::Event;
use crate::event::coding::{self, Decoded};
use crate::registry::Registry;
use crate::schema::avro::container;
use crate::schema::{Compiled, Compiler, Dialect, PayloadSchema, Violation};
use crate::source_text::Sources;
use crate::source_text::tree::{Node, NodeRef};
use address::Template;
use encoded::Encoding;
pub use wire::parse_schema_id;

/// Headers that name the message of an event, besides those of CloudEvents.
const NAMING_HEADERS: [&str; 6] =
    ["message", "message-name", "message-type", "event-type", "eventtype", "type"];
/// Headers that carry the type of a CloudEvents event in binary mode, one per transport.
const CLOUD_EVENT_TYPES: [&str; 4] = ["ce_type", "ce-type", "cloudevents:type", "cloudevents_type"];

/// Why a message is not checked whose schema cannot be compiled.
const OWN_PROBLEMS: &str = "its schema has problems of its own; `eddy validate` names them";

/// The part of an event a violation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventPart {
    /// Its headers as an object.
    Headers,
    /// Its payload.
    Payload,
}

/// What the contract says about one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventVerdict {
    /// The address in the contract that the event's channel is one of; `None` when the contract has none.
    pub channel: Option<String>,
    /// The declared address nearest to an unknown channel.
    pub meant: Option<String>,
    /// The name of the message it is, or is nearest to.
    pub message: Option<String>,
    /// What headers and payload do wrong.
    pub violations: Vec<(EventPart, Violation)>,
    /// Why some part could not be checked, as a lower-case fragment.
    pub unchecked: Option<String>,
    /// Why it could not be told which message it is.
    pub unassigned: Option<Unassigned>,
}

/// Why it cannot be told which message an event is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unassigned {
    /// The code of the finding.
    pub code: &'static str,
    /// Why, as a lower-case fragment.
    pub reason: String,
    /// What to do.
    pub help: Option<String>,
}

impl EventVerdict {
    /// Whether the channel is known and nothing is wrong.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.channel.is_some() && self.violations.is_empty() && self.unassigned.is_none()
    }
}

/// How the payload of a message is checked.
#[derive(Clone)]
enum Language {
    /// By a schema, as JSON.
    Json(Compiled),
    /// By a schema, as one string.
    Text(Compiled),
    /// By a schema of Avro or Protobuf, in its binary or its JSON encoding.
    Encoded(PayloadSchema, Encoding),
    /// There is no schema: everything fits.
    Any,
    /// Not at all, for this reason.
    Unchecked(String),
}

/// One message that may pass on a channel.
#[derive(Clone)]
pub struct EventMessage {
    /// Its name.
    pub name: String,
    /// Other names it goes by: its key, its title.
    also: Vec<String>,
    payload: Language,
    headers: Option<Compiled>,
    /// The number of its payload schema in a schema registry, from `x-eddy-schema-id`.
    schema_id: Option<u32>,
    /// Where its payload schema is written.
    schema: Option<NodeRef>,
    /// Whether its payload schema describes a whole CloudEvents event.
    is_envelope: bool,
}

impl EventMessage {
    /// The compiled schema of the payload, if it has one that is JSON Schema.
    #[must_use]
    pub fn payload(&self) -> Option<&Compiled> {
        match &self.payload {
            Language::Json(schema) | Language::Text(schema) => Some(schema),
            Language::Encoded(..) | Language::Any | Language::Unchecked(_) => None,
        }
    }

    /// Why the payload cannot be followed field by field, when it has a schema that is no JSON Schema.
    #[must_use]
    pub fn not_json(&self) -> Option<String> {
        match &self.payload {
            Language::Json(_) | Language::Text(_) | Language::Any => None,
            Language::Encoded(..) => Some("Avro or Protobuf".to_owned()),
            Language::Unchecked(reason) => {
                Some(format!("described by a schema that cannot be read ({reason})"))
            }
        }
    }

    /// The compiled schema of the headers, if it has one.
    #[must_use]
    pub fn headers(&self) -> Option<&Compiled> {
        self.headers.as_ref()
    }

    /// Checks a payload that stands alone as text: what it does wrong, and why it could not be checked.
    #[must_use]
    pub fn check_payload(&self, payload: &[u8]) -> (Vec<Violation>, Option<String>) {
        match &self.payload {
            Language::Any => (Vec::new(), None),
            Language::Unchecked(reason) => (Vec::new(), Some(reason.clone())),
            Language::Json(schema) => (schema.check_bytes(payload).err().unwrap_or_default(), None),
            Language::Encoded(schema, _) => (schema.check_bytes(payload).err().unwrap_or_default(), None),
            Language::Text(schema) => {
                (schema.check_value(&String::from_utf8_lossy(payload).into_owned().into()), None)
            }
        }
    }

    /// Whether both are one message that two documents refer to.
    fn is_same(&self, other: &Self) -> bool {
        let is_one = |(one, other): (&NodeRef, &NodeRef)| Arc::ptr_eq(one, other);
        self.name == other.name && self.schema.as_ref().zip(other.schema.as_ref()).is_some_and(is_one)
    }

    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.also.iter().any(|other| other == name)
    }
}

/// A channel of the contract with the messages all documents let pass on it.
struct Address {
    written: String,
    template: Option<Template>,
    messages: Vec<Arc<EventMessage>>,
}

/// Checks events against one contract. Schemas are compiled once, channels found by a hash of their address.
#[derive(Default)]
pub struct EventChecker {
    addresses: Vec<Address>,
    exact: HashMap<String, usize>,
    /// Addresses with parameters, the most specific first.
    templates: Vec<usize>,
    messages: Vec<Arc<EventMessage>>,
    /// Knows the schemas that payloads name and the contract does not.
    registry: Option<Arc<Registry>>,
}

impl EventChecker {
    /// Prepares the messages of all documents. Schemas that cannot be compiled check nothing, and verdicts say so.
    #[must_use]
    pub fn new(loaded: &Loaded) -> Self {
        let mut checker = Self::default();
        let compiler = Compiler::new(&loaded.documents);
        let mut preparer = Preparer { compiler, sources: &loaded.sources, made: HashMap::new() };
        for document in &loaded.contract.documents {
            checker.add(document, &mut preparer);
        }
        let addresses = &checker.addresses;
        checker.templates =
            (0..addresses.len()).filter(|index| addresses[*index].template.is_some()).collect();
        checker.templates.sort_by_key(|index| {
            std::cmp::Reverse(addresses[*index].template.as_ref().map_or(0, Template::fixed))
        });
        checker
    }

    fn add(&mut self, document: &Document, preparer: &mut Preparer<'_>) {
        let messages: Vec<Arc<EventMessage>> =
            document.messages.iter().map(|message| Arc::new(preparer.message(message))).collect();
        self.messages.extend(messages.iter().cloned());
        for channel in &document.channels {
            let Some(written) = &channel.address else {
                continue;
            };
            let index = *self.exact.entry(written.clone()).or_insert_with(|| {
                let template = Template::new(written, &channel.parameters);
                self.addresses.push(Address { written: written.clone(), template, messages: Vec::new() });
                self.addresses.len() - 1
            });
            let address = &mut self.addresses[index];
            for (key, message) in &channel.messages {
                let Some(message) = messages.get(message.0) else {
                    continue;
                };
                let mut named = EventMessage::clone(message);
                if !named.is_called(key) {
                    named.also.push(key.clone());
                }
                // Sender and receiver may both describe the channel; what they share is one message.
                if !address.messages.iter().any(|known| known.is_same(&named)) {
                    address.messages.push(Arc::new(named));
                }
            }
        }
    }

    /// Looks up in a registry what payloads name and the contract does not.
    #[must_use]
    pub fn with_registry(mut self, registry: Option<Arc<Registry>>) -> Self {
        self.registry = registry;
        self
    }

    /// The messages that may pass on a channel of the broker; empty when the contract does not know it.
    #[must_use]
    pub fn messages(&self, channel: &str) -> &[Arc<EventMessage>] {
        self.find(channel).map_or(&[], |address| &address.messages)
    }

    /// The message of this name, on whatever channel.
    #[must_use]
    pub fn message(&self, name: &str) -> Option<&EventMessage> {
        self.messages.iter().find(|message| message.is_called(name)).map(|message| &**message)
    }

    /// The message there is, when there is one only, by name.
    #[must_use]
    pub fn only_message(&self) -> Option<&EventMessage> {
        let (first, rest) = self.messages.split_first()?;
        rest.iter().all(|message| message.name == first.name).then_some(&**first)
    }

    /// The names of all messages, in order of the documents.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.messages.iter().map(|message| message.name.as_str())
    }

    /// Checks one event by its channel and the message it says it is, or seems to be.
    #[must_use]
    pub fn check(&self, event: &Event) -> EventVerdict {
        let Some(address) = self.find(&event.channel) else {
            let known = self.addresses.iter().map(|address| address.written.as_str());
            let meant = nearest(&event.channel, known).map(str::to_owned);
            return EventVerdict { meant, ..EventVerdict::default() };
        };
        let mut verdict = choose(&address.messages, event, None);
        verdict.channel = Some(address.written.clone());
        verdict
    }

    /// Checks one event as the message of this name, wherever it comes from; `None` when there is no such message.
    #[must_use]
    pub fn check_as(&self, event: &Event, name: &str) -> Option<EventVerdict> {
        Some(self.check_framed_as(event, self.message(name)?, &BTreeMap::new()))
    }

    /// Checks one event whose payload is its value as JSON, however it will be encoded, as the message of this name or by
    /// its channel.
    #[must_use]
    pub fn check_as_json(&self, event: &Event, name: Option<&str>) -> EventVerdict {
        let json = event.payload.as_deref();
        if let Some((message, json)) = name.and_then(|name| self.message(name)).zip(json) {
            return EventVerdict {
                channel: Some(event.channel.to_string()),
                ..message.check_decoded(event, json)
            };
        }
        match self.find(&event.channel) {
            Some(address) => EventVerdict {
                channel: Some(address.written.clone()),
                ..choose(&address.messages, event, json)
            },
            None => self.check(event),
        }
    }

    fn find(&self, channel: &str) -> Option<&Address> {
        let exact = self.exact.get(channel).or_else(|| self.exact.get(channel.trim_start_matches('/')));
        let by_template = || {
            let fits = |index: &&usize| {
                self.addresses[**index].template.as_ref().is_some_and(|template| template.matches(channel))
            };
            self.templates.iter().find(fits)
        };
        exact.or_else(by_template).map(|index| &self.addresses[*index])
    }
}

/// The verdict of the message an event is: the one it names, the only one, one that accepts it, or the nearest. `decoded`
/// is its value as JSON, where that is not what the payload itself holds.
fn choose(messages: &[Arc<EventMessage>], event: &Event, decoded: Option<&[u8]>) -> EventVerdict {
    let check = |message: &EventMessage| match decoded {
        Some(json) => message.check_decoded(event, json),
        None => message.check(event),
    };
    if let [only] = messages {
        return check(only);
    }
    let named = stated_name(event, messages);
    let mut nearest: Option<EventVerdict> = None;
    let fits_name = |message: &&Arc<EventMessage>| named.as_ref().is_none_or(|name| message.is_called(name));
    for message in messages.iter().filter(fits_name) {
        let verdict = check(message);
        if verdict.violations.is_empty() {
            return verdict;
        }
        if nearest.as_ref().is_none_or(|nearest| verdict.violations.len() < nearest.violations.len()) {
            nearest = Some(verdict);
        }
    }
    nearest.unwrap_or_else(|| EventVerdict {
        unchecked: Some("the channel declares no messages".to_owned()),
        ..EventVerdict::default()
    })
}

/// The name of one of these messages that the event gives itself.
fn stated_name(event: &Event, messages: &[Arc<EventMessage>]) -> Option<String> {
    let is_known = |name: &&str| messages.iter().any(|message| message.is_called(name));
    let by_header = CLOUD_EVENT_TYPES.iter().chain(&NAMING_HEADERS).find_map(|name| {
        let text = event.header_text(name)?;
        is_known(&text).then(|| text.to_owned())
    });
    by_header.or_else(|| {
        let payload = event.payload.as_ref().filter(|_| cloud_event::is_structured(event))?;
        let kind = sonic_rs::get_from_slice(payload, ["type"]).ok()?;
        kind.as_str().filter(is_known).map(str::to_owned)
    })
}

impl EventMessage {
    fn check(&self, event: &Event) -> EventVerdict {
        self.check_from(event, None)
    }

    /// Checks an event whose value is JSON that is not in the payload itself.
    fn check_decoded(&self, event: &Event, json: &[u8]) -> EventVerdict {
        let mut verdict = EventVerdict { message: Some(self.name.clone()), ..EventVerdict::default() };
        let headers = self.headers.iter().flat_map(|schema| headers::check(schema, event));
        verdict.violations.extend(headers.map(|violation| (EventPart::Headers, violation)));
        let (found, unchecked) = self.check_payload(json);
        verdict.unchecked = unchecked;
        // Places in a text nobody has written are no help.
        let found = found.into_iter().map(|violation| Violation { position: None, ..violation });
        verdict.violations.extend(found.map(|violation| (EventPart::Payload, violation)));
        verdict
    }

    /// Checks an event whose payload begins after the frame of a schema registry, if it has one of so many bytes.
    fn check_from(&self, event: &Event, frame: Option<usize>) -> EventVerdict {
        let mut verdict = EventVerdict { message: Some(self.name.clone()), ..EventVerdict::default() };
        if let Some(schema) = &self.headers {
            let found = headers::check(schema, event).into_iter();
            verdict.violations.extend(found.map(|violation| (EventPart::Headers, violation)));
        }
        let decoded = match coding::decoded(event) {
            Some(Decoded { content: Ok(content), .. }) => {
                Some(Event { payload: Some(content), ..event.clone() })
            }
            Some(Decoded { coding, content: Err(reason) }) => {
                verdict.unchecked =
                    Some(format!("the payload is {} that cannot be read: {reason}", coding.name()));
                return verdict;
            }
            None => None,
        };
        let event = decoded.as_ref().unwrap_or(event);
        let Some(payload) = &event.payload else {
            verdict.unchecked = Some("the payload is null, which deletes and says nothing else".to_owned());
            return verdict;
        };
        let (found, unchecked) = match (&self.payload, frame) {
            (Language::Any | Language::Unchecked(_), _) => self.check_payload(payload),
            (_, None) if container::is_container(payload) => self.check_container(payload),
            (Language::Json(schema), None) if cloud_event::is_structured(event) => {
                (cloud_event::violations(schema, payload, self.is_envelope), None)
            }
            (Language::Encoded(..), None) if cloud_event::is_structured(event) => {
                self.check_cloud_event(payload)
            }
            (Language::Encoded(schema, encoding), _) => {
                let stated = encoded::stated(event).unwrap_or(*encoding);
                (encoded::violations(schema, stated, payload, frame), None)
            }
            _ => self.check_payload(&payload[frame.unwrap_or(0)..]),
        };
        verdict.unchecked = unchecked;
        verdict.violations.extend(found.into_iter().map(|violation| (EventPart::Payload, violation)));
        verdict
    }
}

impl EventMessage {
    /// Checks each value of a payload that is a container of Avro, which brings its own schema.
    fn check_container(&self, payload: &[u8]) -> (Vec<Violation>, Option<String>) {
        let values = match container::read(payload) {
            Some(Ok(container)) => container.values,
            Some(Err(reason)) => {
                return (Vec::new(), Some(format!("the payload is an Avro container, and {reason}")));
            }
            None => return self.check_payload(payload),
        };
        let (mut all, is_one) = (Vec::new(), values.len() == 1);
        for (number, value) in values.iter().enumerate() {
            let (found, unchecked) = self.check_payload(value.to_string().as_bytes());
            if unchecked.is_some() {
                return (all, unchecked);
            }
            let at = if is_one { String::new() } else { format!("/{number}") };
            all.extend(found.into_iter().map(|violation| Violation {
                position: None,
                instance_pointer: format!("{at}{}", violation.instance_pointer),
                ..violation
            }));
        }
        (all, None)
    }
}

/// Compiles each schema once, however many messages use it.
struct Preparer<'a> {
    compiler: Compiler<'a>,
    sources: &'a Sources,
    made: HashMap<(*const Node, Dialect), Option<Compiled>>,
}

impl Preparer<'_> {
    fn message(&mut self, message: &Message) -> EventMessage {
        let mut also: Vec<String> = message.key.iter().chain(&message.title).cloned().collect();
        also.retain(|name| *name != message.name);
        let headers = message.headers.as_ref().and_then(|schema| self.compiled(schema).ok());
        let payload = self.payload(message);
        EventMessage {
            name: message.name.clone(),
            also,
            is_envelope: matches!(&payload, Language::Json(schema) if schema.describes_envelope()),
            payload,
            headers,
            schema_id: wire::declared_id(message),
            schema: message.payload.as_ref().map(|schema| schema.node.clone()),
        }
    }

    fn payload(&mut self, message: &Message) -> Language {
        let Some(schema) = &message.payload else {
            return Language::Any;
        };
        if matches!(schema.format, SchemaFormat::Avro | SchemaFormat::Protobuf) {
            return self.encoded(schema, message);
        }
        let content_type = message.content_type.as_deref().unwrap_or("application/json");
        let is_text = content_type.starts_with("text/");
        if !is_text && !content_type.contains("json") {
            return Language::Unchecked(format!("payloads of `{content_type}` are not checked"));
        }
        match self.compiled(schema) {
            Ok(schema) if is_text => Language::Text(schema),
            Ok(schema) => Language::Json(schema),
            Err(reason) => Language::Unchecked(reason),
        }
    }

    fn encoded(&mut self, schema: &SchemaRef, message: &Message) -> Language {
        let encoding = match message.content_type.as_deref() {
            None => Encoding::Either,
            Some(written) => match Encoding::of(written) {
                Some(encoding) => encoding,
                None => return Language::Unchecked(format!("payloads of `{written}` are not checked")),
            },
        };
        let Some(language) = schema.language() else {
            return Language::Unchecked("the language of the schema is not checked".to_owned());
        };
        let place = schema.place();
        match self.compiler.compile_payload(self.sources, &place, language, &message.name) {
            Ok(schema) => Language::Encoded(schema, encoding),
            Err(problems) if problems.is_empty() => {
                Language::Unchecked("its language is not built into this program".to_owned())
            }
            Err(_) => Language::Unchecked(OWN_PROBLEMS.to_owned()),
        }
    }

    fn compiled(&mut self, schema: &SchemaRef) -> Result<Compiled, String> {
        let Some(dialect) = schema.dialect() else {
            return Err(match (&schema.format, &schema.written_format) {
                (SchemaFormat::Unknown(written), _) | (_, Some(written)) => {
                    format!("schemas of `{written}` are not checked")
                }
                _ => "the language of the schema is not checked".to_owned(),
            });
        };
        let key = (Arc::as_ptr(&schema.node), dialect);
        let compiler = &mut self.compiler;
        let made = self.made.entry(key).or_insert_with(|| compiler.compile(&schema.place(), dialect).ok());
        made.clone().ok_or_else(|| OWN_PROBLEMS.to_owned())
    }
}

#[cfg(test)]
mod tests;
