//! A schema registry beside a command: which one it is, events as people read them by it, and events encoded for it.

use std::collections::HashMap;
use std::sync::Arc;

use super::each_event::EachEvent;
use super::error::underlined;
use super::{CommandError, Context, ErrorKind};
use crate::endpoint::{EndpointError, EndpointErrorKind, Source};
use crate::event::Event;
use crate::registry::{Registered, Registry, RegistryError, RegistryErrorKind, RegistrySettings};
use crate::schema::Violation;

/// Violations shown of one event.
const MOST_SHOWN: usize = 10;

impl From<RegistryError> for CommandError {
    fn from(error: RegistryError) -> Self {
        let kind = match error.kind {
            RegistryErrorKind::Unreachable | RegistryErrorKind::Unauthorised => ErrorKind::Connection,
            _ => ErrorKind::Usage,
        };
        let shown = error.wrong.map(|wrong| underlined(&error.message, &wrong.0, &wrong.1));
        Self::new(kind, shown.unwrap_or(error.message)).hint(error.help)
    }
}

/// Flags about a registry.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RegistryArgs {
    /// Schema registry that has the schemas which payloads name (default: that of the environment)
    #[arg(long, value_name = "URL")]
    pub registry: Option<String>,
}

impl RegistryArgs {
    /// The registry named, which must answer, or that of the environment, which is asked only when it is needed.
    ///
    /// # Errors
    /// When the address cannot be used, or the registry named is none that lets us in.
    pub fn open(&self, context: &Context) -> Result<Option<Arc<Registry>>, CommandError> {
        if let Some(text) = &self.registry {
            let registry = Registry::new(&RegistrySettings::parse(text)?)?;
            registry.meet()?;
            return Ok(Some(Arc::new(registry)));
        }
        let Some(workspace) = context.workspace()? else {
            return Ok(None);
        };
        let settings = workspace.registry(context.global.env.as_deref(), &context.environment)?;
        Ok(settings.map(|settings| Registry::new(&settings)).transpose()?.map(Arc::new))
    }
}

/// Flags about encoding for a registry.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct EncodingArgs {
    /// Schema registry whose schemas JSON payloads are encoded by; see `--subject`
    #[arg(long, value_name = "URL")]
    registry: Option<String>,
    /// Encode by the newest schema of this subject (default with `--registry`: `<channel>-value`)
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// Encode by the schema of this number
    #[arg(long, value_name = "NUMBER", conflicts_with = "subject")]
    registry_id: Option<u32>,
    /// The message of a Protobuf schema to encode (default: the first)
    #[arg(long, value_name = "NAME")]
    protobuf_message: Option<String>,
    /// Encode keys by the newest schema of this subject; a key that is no JSON is a text
    #[arg(long, value_name = "NAME")]
    key_subject: Option<String>,
    /// Encode keys by the schema of this number
    #[arg(long, value_name = "NUMBER", conflicts_with = "key_subject")]
    key_registry_id: Option<u32>,
}

impl EncodingArgs {
    /// Whether payloads are to be encoded.
    #[must_use]
    pub fn encodes_payloads(&self) -> bool {
        self.registry.is_some() || self.subject.is_some() || self.registry_id.is_some()
    }

    fn encodes_keys(&self) -> bool {
        self.key_subject.is_some() || self.key_registry_id.is_some()
    }

    /// What encodes events, when that is asked for.
    ///
    /// # Errors
    /// When there is no registry, or it has no such schema.
    pub fn encoder(&self, context: &Context) -> Result<Option<Encoder>, CommandError> {
        if self.protobuf_message.is_some() && !self.encodes_payloads() {
            return Err(CommandError::usage("`--protobuf-message` is for payloads encoded by a registry")
                .hint("add `--registry URL` or `--subject NAME`"));
        }
        if !self.encodes_payloads() && !self.encodes_keys() {
            return Ok(None);
        }
        let registry = RegistryArgs { registry: self.registry.clone() }.open(context)?.ok_or_else(|| {
            CommandError::usage("there is no schema registry to encode by")
                .hint("add `--registry URL`, or `registry: URL` to the environment in `eddy.yaml`")
        })?;
        // What is wrong with them is said before anything is sent.
        let (message, subject) = (self.protobuf_message.clone(), self.subject.clone());
        let payloads =
            self.encodes_payloads().then(|| Part::new(&registry, subject, self.registry_id, message));
        let key_subject = self.key_subject.clone();
        let keys = self.encodes_keys().then(|| Part::new(&registry, key_subject, self.key_registry_id, None));
        Ok(Some(Encoder { payloads: payloads.transpose()?, keys: keys.transpose()?, registry }))
    }
}

/// Encodes keys and payloads by the schemas of a registry.
pub struct Encoder {
    registry: Arc<Registry>,
    payloads: Option<Part>,
    keys: Option<Part>,
}

/// By which schemas one part of events is encoded.
struct Part {
    /// The subject; that of the channel without one.
    subject: Option<String>,
    /// The message of a Protobuf schema.
    message: Option<String>,
    by_id: Option<Arc<Registered>>,
    by_subject: HashMap<String, Arc<Registered>>,
}

impl Part {
    fn new(
        registry: &Registry,
        subject: Option<String>,
        id: Option<u32>,
        message: Option<String>,
    ) -> Result<Self, RegistryError> {
        let mut part = Self { subject, message, by_id: None, by_subject: HashMap::new() };
        match (id, part.subject.clone()) {
            (Some(id), _) => {
                let schema = registry.schema(id).map_err(|error| match error.kind {
                    RegistryErrorKind::NotFound => RegistryError {
                        help: "name one that it has, or the subject with `--subject`".to_owned(),
                        ..error
                    },
                    _ => error,
                })?;
                part.by_id = Some(part.ready(schema)?);
            }
            (None, Some(subject)) => drop(part.of_subject(registry, &subject)?),
            (None, None) => {}
        }
        Ok(part)
    }

    /// The schema for the message that was asked for.
    fn ready(&self, schema: Arc<Registered>) -> Result<Arc<Registered>, RegistryError> {
        let Some(name) = &self.message else {
            return Ok(schema);
        };
        schema.for_message(name).map(Arc::new).ok_or_else(|| RegistryError {
            kind: RegistryErrorKind::NotFound,
            message: format!("schema {} of the registry has no Protobuf message `{name}`", schema.id),
            help: "check `--protobuf-message` against the schema".to_owned(),
            wrong: None,
        })
    }

    fn of_subject(&mut self, registry: &Registry, subject: &str) -> Result<Arc<Registered>, RegistryError> {
        if let Some(known) = self.by_subject.get(subject) {
            return Ok(Arc::clone(known));
        }
        let schema = self.ready(registry.latest(subject)?)?;
        self.by_subject.insert(subject.to_owned(), Arc::clone(&schema));
        Ok(schema)
    }

    fn schema(&mut self, registry: &Registry, channel: &str) -> Result<Arc<Registered>, EndpointError> {
        let found = match (&self.by_id, self.subject.clone()) {
            (Some(schema), _) => Ok(Arc::clone(schema)),
            (None, Some(subject)) => self.of_subject(registry, &subject),
            (None, None) => self.of_subject(registry, &format!("{channel}-value")),
        };
        found.map_err(|error| {
            let kind = match error.kind {
                RegistryErrorKind::Unreachable => EndpointErrorKind::Unreachable,
                RegistryErrorKind::Unauthorised => EndpointErrorKind::Unauthorised,
                _ => EndpointErrorKind::NotFound,
            };
            EndpointError::new(kind, error.message).help(error.help)
        })
    }
}

impl Encoder {
    fn encode(&mut self, mut event: Event, name: &str) -> Result<Event, EndpointError> {
        if let (Some(part), Some(key)) = (&mut self.keys, &event.key) {
            let schema = part.schema(&self.registry, &event.channel)?;
            let name = format!("the key of {name}");
            let framed = schema.encode(&json_of_key(key));
            event.key =
                Some(framed.map_err(|found| misfit((&name, &event.channel), &schema, &found))?.into());
        }
        if let (Some(part), Some(json)) = (&mut self.payloads, &event.payload) {
            let schema = part.schema(&self.registry, &event.channel)?;
            let framed = schema.encode(json);
            event.payload =
                Some(framed.map_err(|found| misfit((name, &event.channel), &schema, &found))?.into());
            if schema.language() != "JSON" {
                // What comes out is no JSON any more.
                event.attributes.remove("content_type");
            }
        }
        Ok(event)
    }
}

/// A key as JSON: what is written as JSON is that, everything else a text.
fn json_of_key(key: &[u8]) -> Vec<u8> {
    if serde_json::from_slice::<serde::de::IgnoredAny>(key).is_ok() {
        return key.to_vec();
    }
    serde_json::Value::from(String::from_utf8_lossy(key)).to_string().into_bytes()
}

fn misfit((name, channel): (&str, &str), schema: &Registered, found: &[Violation]) -> EndpointError {
    let line = |violation: &Violation| {
        let pointer = match violation.instance_pointer.as_str() {
            "" => String::new(),
            pointer => format!("at `{pointer}`: "),
        };
        format!("\n    {pointer}{}", violation.message)
    };
    let shown: String = found.iter().take(MOST_SHOWN).map(line).collect();
    let more = match found.len().saturating_sub(MOST_SHOWN) {
        0 => String::new(),
        more => format!("\n    and {more} more"),
    };
    let message = format!("{name} does not fit schema {} of the registry{shown}{more}", schema.name(channel));
    let help = found.first().and_then(|violation| violation.help.clone());
    let help = help
        .unwrap_or_else(|| "mend it, or name another schema with `--subject` or `--key-subject`".to_owned());
    EndpointError::new(EndpointErrorKind::Rejected, message).help(help)
}

/// A source whose keys and payloads are encoded; it ends with an error at the first that cannot be, after those before it.
/// Without an encoder they are as they are.
#[must_use]
pub fn encoded(source: Box<dyn Source>, encoder: Option<Encoder>) -> Box<dyn Source> {
    match encoder {
        Some(mut encoder) => EachEvent::of(source, move |event, number| {
            *event = encoder.encode(std::mem::take(event), &format!("event {number}"))?;
            Ok(())
        }),
        None => source,
    }
}
