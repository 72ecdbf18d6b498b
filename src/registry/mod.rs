//! Schemas that a registry keeps under numbers: asked for once each, made ready, and put to use on payloads that name them.
//! The API is that of Confluent's Schema Registry, which others speak too.

#[cfg(feature = "remote")]
mod client;
mod error;
pub mod frame;
mod registered;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::{Duration, Instant};

pub use error::{RegistryError, RegistryErrorKind};
pub use registered::Registered;
use registered::{Answer, Text};
pub use settings::RegistrySettings;

use crate::event::{Event, coding};
use crate::schema::Violation;
use frame::SchemaId;

/// Schemas one run may ask for.
const MOST_SCHEMAS: usize = 10_000;
/// Schemas one of them may refer to, directly and through others.
const MOST_REFERENCES: usize = 200;
/// How long a registry that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(5);

/// Asks a registry; tests put something else in its place.
pub(crate) trait Ask: Send {
    /// Sees that it is a registry that lets us in.
    fn meet(&mut self) -> Result<(), RegistryError>;

    /// What the registry says at a path below its address.
    fn get(&mut self, path: &[&str]) -> Result<serde_json::Value, RegistryError>;
}

/// A registry in use. What it said of a number is remembered, for numbers never change.
pub struct Registry {
    ask: Mutex<Box<dyn Ask>>,
    known: RwLock<HashMap<SchemaId, Known>>,
}

/// What is known of a number, and for how long when that may change.
#[derive(Clone)]
struct Known {
    schema: Result<Arc<Registered>, RegistryError>,
    until: Option<Instant>,
}

/// A payload by its registered schema.
#[derive(Clone)]
pub struct Decoded {
    /// The schema its first bytes name.
    pub schema: Arc<Registered>,
    /// Its value as JSON.
    pub json: Vec<u8>,
}

/// Why a payload that names a schema has no value.
#[derive(Clone)]
pub enum Undecodable {
    /// There is no such schema, or none that can be used.
    Schema(RegistryError),
    /// It does not fit the schema it names.
    Payload(Arc<Registered>, Vec<Violation>),
}

impl Undecodable {
    /// The reason as a fragment; `channel` is where the payload was.
    #[must_use]
    pub fn reason(&self, channel: &str) -> String {
        match self {
            Self::Schema(error) => error.to_string(),
            Self::Payload(schema, found) => {
                let first = found.first().map_or("it is wrong", |violation| violation.message.as_str());
                format!("it does not fit schema {} of the registry: {first}", schema.name(channel))
            }
        }
    }
}

impl Registry {
    /// Gets ready to ask a registry; it is asked when a schema is needed.
    ///
    /// # Errors
    /// When the settings cannot be used; without the feature `remote` always.
    #[cfg(feature = "remote")]
    pub fn new(settings: &RegistrySettings) -> Result<Self, RegistryError> {
        Ok(Self::asking(Box::new(client::Client::new(settings)?)))
    }

    /// Gets ready to ask a registry; it is asked when a schema is needed.
    ///
    /// # Errors
    /// When the settings cannot be used; without the feature `remote` always.
    #[cfg(not(feature = "remote"))]
    pub fn new(_settings: &RegistrySettings) -> Result<Self, RegistryError> {
        let message = "this eddy was built without the feature `remote`, which schema registries need";
        let help = "build it with `--features remote`";
        Err(RegistryError::new(RegistryErrorKind::Unsupported, message, help))
    }

    /// Sees that it is a registry that lets us in.
    ///
    /// # Errors
    /// When it is not.
    pub fn meet(&self) -> Result<(), RegistryError> {
        self.asker()?.meet()
    }

    fn asker(&self) -> Result<MutexGuard<'_, Box<dyn Ask>>, RegistryError> {
        self.ask.lock().map_err(|_| {
            let help = "this is a defect of eddy; try again";
            RegistryError::new(RegistryErrorKind::Unusable, "asking the registry failed", help)
        })
    }

    #[cfg(any(feature = "remote", test))]
    pub(crate) fn asking(ask: Box<dyn Ask>) -> Self {
        Self { ask: Mutex::new(ask), known: RwLock::default() }
    }

    /// The schema of a number.
    ///
    /// # Errors
    /// When there is none, it cannot be used, or the registry does not say.
    pub fn schema(&self, id: u32) -> Result<Arc<Registered>, RegistryError> {
        self.called(SchemaId::Number(id))
    }

    fn called(&self, id: SchemaId) -> Result<Arc<Registered>, RegistryError> {
        if let Some(known) = self.known(id) {
            return known;
        }
        // One question at a time: the others may want the same.
        let mut ask = self.asker()?;
        if let Some(known) = self.known(id) {
            return known;
        }
        let schema = fetch(&mut **ask, id).map(Arc::new);
        self.remember(id, &schema);
        schema
    }

    fn known(&self, id: SchemaId) -> Option<Result<Arc<Registered>, RegistryError>> {
        let known = self.known.read().ok()?;
        if let Some(found) = known.get(&id) {
            let is_current = found.until.is_none_or(|until| Instant::now() < until);
            return is_current.then(|| found.schema.clone());
        }
        (known.len() >= MOST_SCHEMAS).then(|| {
            let message = format!("payloads name more than {MOST_SCHEMAS} schemas of the registry");
            let help = "are they framed for a registry at all?";
            Err(RegistryError::new(RegistryErrorKind::Unusable, message, help))
        })
    }

    fn remember(&self, id: SchemaId, schema: &Result<Arc<Registered>, RegistryError>) {
        let is_away = |error: &RegistryError| error.kind == RegistryErrorKind::Unreachable;
        let until = schema.as_ref().is_err_and(is_away).then(|| Instant::now() + PAUSE);
        if let Ok(mut known) = self.known.write() {
            known.insert(id, Known { schema: schema.clone(), until });
        }
    }

    /// The newest schema of a subject.
    ///
    /// # Errors
    /// When there is none, it cannot be used, or the registry does not say.
    pub fn latest(&self, subject: &str) -> Result<Arc<Registered>, RegistryError> {
        let mut ask = self.asker()?;
        let body =
            ask.get(&["subjects", subject, "versions", "latest"]).map_err(|error| match error.kind {
                RegistryErrorKind::NotFound => RegistryError {
                    message: format!("the registry has no subject `{subject}`"),
                    help: "register a schema for it first, or name another with `--subject`".to_owned(),
                    ..error
                },
                _ => error,
            })?;
        let id = body.get("id").and_then(serde_json::Value::as_u64).and_then(|id| u32::try_from(id).ok());
        let answer = Answer::read(&body).zip(id).ok_or_else(|| no_schema(&format!("of `{subject}`")))?;
        let (answer, id) = answer;
        let texts = gather(&mut **ask, &answer)?;
        let id = SchemaId::Number(id);
        let schema = Registered::new((id, vec![subject.to_owned()]), &answer.language, &texts).map(Arc::new);
        self.remember(id, &schema);
        schema
    }

    /// The value of a payload by the schema that a header or its first bytes name; nothing when they name none. A
    /// compressed payload is unpacked first.
    #[must_use]
    pub fn payload(&self, event: &Event) -> Option<Result<Decoded, Undecodable>> {
        let header = header(event, frame::HEADER_OF_PAYLOADS);
        let is_framed = |payload: &[u8]| header.is_some() || frame::split(payload).is_some();
        let payload = coding::plain_payload(event).filter(|payload| is_framed(payload))?;
        self.decode(&payload, header)
    }

    /// The value of a key, likewise.
    #[must_use]
    pub fn key(&self, event: &Event) -> Option<Result<Decoded, Undecodable>> {
        self.decode(event.key.as_ref()?, header(event, frame::HEADER_OF_KEYS))
    }

    fn decode(&self, bytes: &[u8], header: Option<&[u8]>) -> Option<Result<Decoded, Undecodable>> {
        let in_header = header.and_then(|value| {
            let (id, start) = frame::split_header(value)?;
            Some((id, value.get(start..).unwrap_or_default()))
        });
        // No registry has a schema of the number 0.
        let in_front = || frame::split(bytes).filter(|(id, _)| *id > 0);
        let (id, start, indexes) = match in_header {
            Some((id, indexes)) => (id, 0, Some(indexes)),
            None => in_front().map(|(id, start)| (SchemaId::Number(id), start, None))?,
        };
        let schema = match self.called(id) {
            Ok(schema) => schema,
            Err(error) => return Some(Err(Undecodable::Schema(error))),
        };
        Some(match schema.decode(bytes, start, indexes) {
            Ok(json) => Ok(Decoded { schema, json }),
            Err(found) => Err(Undecodable::Payload(schema, found)),
        })
    }
}

/// Whether an event names the schema of its payload in a header.
#[must_use]
pub fn names_schema_in_header(event: &Event) -> bool {
    header(event, frame::HEADER_OF_PAYLOADS).is_some_and(|value| frame::split_header(value).is_some())
}

fn header<'a>(event: &'a Event, name: &str) -> Option<&'a [u8]> {
    event.headers.iter().find(|header| header.name == name)?.value.as_deref()
}

fn fetch(ask: &mut dyn Ask, id: SchemaId) -> Result<Registered, RegistryError> {
    let name = id.to_string();
    let kind = if matches!(id, SchemaId::Number(_)) { "ids" } else { "guids" };
    let body = ask.get(&["schemas", kind, &name]).map_err(|error| match error.kind {
        RegistryErrorKind::NotFound => RegistryError {
            message: format!("the registry has no schema {name}"),
            help: "was the event written with another registry, or is it not framed for one?".to_owned(),
            ..error
        },
        // A registry that knows no GUIDs answers as any server does to an address it does not know.
        RegistryErrorKind::Malformed if kind == "guids" => RegistryError {
            kind: RegistryErrorKind::Unsupported,
            message: format!("the registry does not know schemas by GUID, and the event names {name}"),
            help: "schemas by GUID are known to Confluent's registry since 8.0 and to Redpanda's since 26.3"
                .to_owned(),
            ..error
        },
        _ => error,
    })?;
    let answer = Answer::read(&body).ok_or_else(|| no_schema(&name))?;
    let texts = gather(ask, &answer)?;
    let number = match id {
        SchemaId::Number(_) => Some(id),
        SchemaId::Guid(_) => number(ask, &name).map(SchemaId::Number),
    };
    let subjects = number.map(|number| subjects(ask, &number.to_string())).unwrap_or_default();
    Registered::new((number.unwrap_or(id), subjects), &answer.language, &texts)
}

/// The number of a schema in the first context that has it; not every registry says.
fn number(ask: &mut dyn Ask, guid: &str) -> Option<u32> {
    let numbers = ask.get(&["schemas", "guids", guid, "ids"]).ok()?;
    u32::try_from(numbers.as_array()?.first()?.get("id")?.as_u64()?).ok()
}

/// The subjects a number was registered under; not every registry says.
fn subjects(ask: &mut dyn Ask, number: &str) -> Vec<String> {
    let versions = ask.get(&["schemas", "ids", number, "versions"]).unwrap_or_default();
    let versions = versions.as_array().map_or(&[][..], Vec::as_slice).iter();
    versions.filter_map(|version| version.get("subject")?.as_str().map(str::to_owned)).collect()
}

/// The text of a schema and of all it refers to.
fn gather(ask: &mut dyn Ask, answer: &Answer) -> Result<Vec<Text>, RegistryError> {
    let own =
        Text { name: String::new(), content: answer.text.clone(), referrer: None, references: Vec::new() };
    let mut texts = vec![own];
    let mut known: HashMap<(String, String, u64), usize> = HashMap::new();
    let mut open: Vec<(usize, (String, String, u64))> =
        answer.references.iter().map(|reference| (0, reference.clone())).collect();
    while let Some((referrer, reference)) = open.pop() {
        if let Some(number) = known.get(&reference) {
            let number = *number;
            texts[referrer].references.push(number);
            continue;
        }
        if texts.len() > MOST_REFERENCES {
            let message = format!("a schema of the registry refers to more than {MOST_REFERENCES} others");
            let help = "register it in smaller parts";
            return Err(RegistryError::new(RegistryErrorKind::Unusable, message, help));
        }
        let (name, subject, version) = &reference;
        let body = ask.get(&["subjects", subject, "versions", &version.to_string()])?;
        let inner = Answer::read(&body).ok_or_else(|| no_schema(&format!("{version} of `{subject}`")))?;
        let number = texts.len();
        texts[referrer].references.push(number);
        texts.push(Text {
            name: name.clone(),
            content: inner.text,
            referrer: Some(referrer),
            references: Vec::new(),
        });
        known.insert(reference, number);
        open.extend(inner.references.into_iter().map(|reference| (number, reference)));
    }
    Ok(texts)
}

fn no_schema(which: &str) -> RegistryError {
    let message = format!("what the registry says of schema {which} is no schema");
    RegistryError::new(RegistryErrorKind::Unusable, message, "look at it in the registry")
}
