//! A schema registry beside a command: which one it is, events as people read them by it, and events encoded for it.

use std::collections::HashMap;
use std::sync::Arc;

use super::{CommandError, Context, ErrorKind};
use crate::endpoint::{BoxFuture, EndpointError, EndpointErrorKind, Source};
use crate::event::Event;
use crate::registry::{
    Registered, Registry, RegistryError, RegistryErrorKind, RegistrySettings, Undecodable,
};
use crate::schema::Violation;

/// Violations shown of one event.
const MOST_SHOWN: usize = 10;

impl From<RegistryError> for CommandError {
    fn from(error: RegistryError) -> Self {
        let kind = match error.kind {
            RegistryErrorKind::Unreachable | RegistryErrorKind::Unauthorised => ErrorKind::Connection,
            _ => ErrorKind::Usage,
        };
        Self::new(kind, error.message).hint(error.help)
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

/// An event with key and payload by the schemas they name, and what could not be decoded. Whatever names no schema stays
/// as it is.
#[must_use]
pub fn read(registry: &Registry, event: &Event) -> (Event, Vec<String>) {
    let (mut read, mut notes) = (event.clone(), Vec::new());
    let parts = [(&event.key, &mut read.key, "key_schema"), (&event.payload, &mut read.payload, "schema")];
    let mut schemas = Vec::new();
    for (bytes, shown, name) in parts {
        let is_key = name == "key_schema";
        match bytes.as_ref().and_then(|bytes| registry.decode(bytes)) {
            None => {}
            Some(Ok(decoded)) => {
                *shown = Some(decoded.json.into());
                schemas.push((name, decoded.schema.name(&event.channel)));
            }
            // A key of numbers may begin with a zero all the same.
            Some(Err(Undecodable::Schema(error))) if is_key && error.kind == RegistryErrorKind::NotFound => {}
            Some(Err(why)) => {
                let part = if is_key { "key" } else { "payload" };
                notes.push(format!("the {part} is not decoded: {}", why.reason(&event.channel)));
            }
        }
    }
    for (name, schema) in schemas {
        read.attributes.insert(name.to_owned(), schema.into());
    }
    (read, notes)
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
}

impl EncodingArgs {
    /// Whether payloads are to be encoded.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.registry.is_some() || self.subject.is_some() || self.registry_id.is_some()
    }

    /// What encodes events, when that is asked for.
    ///
    /// # Errors
    /// When there is no registry, or it has no such schema.
    pub fn encoder(&self, context: &Context) -> Result<Option<Encoder>, CommandError> {
        if !self.is_asked() {
            return match &self.protobuf_message {
                None => Ok(None),
                Some(_) => {
                    Err(CommandError::usage("`--protobuf-message` is for payloads encoded by a registry")
                        .hint("add `--registry URL` or `--subject NAME`"))
                }
            };
        }
        let registry = RegistryArgs { registry: self.registry.clone() }.open(context)?.ok_or_else(|| {
            CommandError::usage("there is no schema registry to encode by")
                .hint("add `--registry URL`, or `registry: URL` to the environment in `eddy.yaml`")
        })?;
        let mut encoder = Encoder { args: self.clone(), registry, by_subject: HashMap::new(), by_id: None };
        // What is wrong with it is said before anything is sent.
        match (self.registry_id, &self.subject) {
            (Some(id), _) => encoder.by_id = Some(encoder.ready(encoder.registry.schema(id)?)?),
            (None, Some(subject)) => drop(encoder.of_subject(&subject.clone())?),
            (None, None) => {}
        }
        Ok(Some(encoder))
    }
}

/// Encodes payloads by the schemas of a registry.
pub struct Encoder {
    args: EncodingArgs,
    registry: Arc<Registry>,
    by_subject: HashMap<String, Arc<Registered>>,
    by_id: Option<Arc<Registered>>,
}

impl Encoder {
    /// The schema for the message that was asked for.
    fn ready(&self, schema: Arc<Registered>) -> Result<Arc<Registered>, RegistryError> {
        let Some(name) = &self.args.protobuf_message else {
            return Ok(schema);
        };
        schema.for_message(name).map(Arc::new).ok_or_else(|| RegistryError {
            kind: RegistryErrorKind::NotFound,
            message: format!("schema {} of the registry has no Protobuf message `{name}`", schema.id),
            help: "check `--protobuf-message` against the schema".to_owned(),
        })
    }

    fn of_subject(&mut self, subject: &str) -> Result<Arc<Registered>, RegistryError> {
        if let Some(known) = self.by_subject.get(subject) {
            return Ok(Arc::clone(known));
        }
        let schema = self.ready(self.registry.latest(subject)?)?;
        self.by_subject.insert(subject.to_owned(), Arc::clone(&schema));
        Ok(schema)
    }

    fn encode(&mut self, mut event: Event, name: &str) -> Result<Event, EndpointError> {
        let Some(json) = &event.payload else {
            return Ok(event);
        };
        let schema = match (&self.by_id, &self.args.subject) {
            (Some(schema), _) => Ok(Arc::clone(schema)),
            (None, Some(subject)) => self.of_subject(&subject.clone()),
            (None, None) => self.of_subject(&format!("{}-value", event.channel)),
        };
        let schema = schema.map_err(|error| {
            let kind = match error.kind {
                RegistryErrorKind::Unreachable => EndpointErrorKind::Unreachable,
                RegistryErrorKind::Unauthorised => EndpointErrorKind::Unauthorised,
                _ => EndpointErrorKind::NotFound,
            };
            EndpointError::new(kind, error.message).help(error.help)
        })?;
        let framed = schema.encode(json).map_err(|found| misfit((name, &event.channel), &schema, &found))?;
        event.payload = Some(framed.into());
        if schema.language() != "JSON" {
            // What comes out is no JSON any more.
            event.attributes.remove("content_type");
        }
        Ok(event)
    }
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
    let help = help.unwrap_or_else(|| "mend the payload, or name another `--subject`".to_owned());
    EndpointError::new(EndpointErrorKind::Rejected, message).help(help)
}

/// A source whose payloads are encoded; it ends with an error at the first that cannot be, after those before it.
pub struct EncodedSource {
    inner: Box<dyn Source>,
    encoder: Encoder,
    passed: u64,
    refused: Option<EndpointError>,
}

impl EncodedSource {
    /// Encodes the events of `inner`; without an encoder they are as they are.
    #[must_use]
    pub fn wrap(inner: Box<dyn Source>, encoder: Option<Encoder>) -> Box<dyn Source> {
        match encoder {
            Some(encoder) => Box::new(Self { inner, encoder, passed: 0, refused: None }),
            None => inner,
        }
    }

    fn encoded(&mut self, batch: Vec<Event>) -> Result<Vec<Event>, EndpointError> {
        let mut encoded = Vec::with_capacity(batch.len());
        for event in batch {
            match self.encoder.encode(event, &format!("event {}", self.passed + 1)) {
                Ok(event) => encoded.push(event),
                Err(error) => {
                    self.refused = Some(error);
                    break;
                }
            }
            self.passed += 1;
        }
        match &self.refused {
            Some(error) if encoded.is_empty() => Err(error.clone()),
            _ => Ok(encoded),
        }
    }
}

impl Source for EncodedSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(async move {
            if let Some(error) = &self.refused {
                return Err(error.clone());
            }
            let batch = self.inner.next_batch(max).await?;
            self.encoded(batch)
        })
    }

    fn dropped(&self) -> u64 {
        self.inner.dropped()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        self.inner.close()
    }
}
