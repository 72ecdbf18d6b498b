//! A schema as a registry has it, with what it refers to, made ready to read and write payloads.

use std::sync::Arc;

use serde_json::Value;

use super::error::{RegistryError, RegistryErrorKind};
use super::frame::{self, SchemaId};
use crate::schema::avro::Avro;
#[cfg(feature = "protobuf")]
use crate::schema::bare;
#[cfg(feature = "protobuf")]
use crate::schema::protobuf::Protobuf;
use crate::schema::{Compiler, Dialect, Language, PayloadSchema, SchemaProblem, Violation};
use crate::source_text::{Documents, Limits, Resolved, Sources};

/// The folder that exists in memory alone, in which the texts of a schema lie beside each other.
const FOLDER: &str = "registry:///";

/// The text of a schema, or of one that another refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    /// What the other calls it: a full name, a path of an import, or an address.
    pub(super) name: String,
    /// What it says.
    pub(super) content: String,
    /// The number of the text before it that refers to it; none for the schema itself.
    pub(super) referrer: Option<usize>,
    /// The numbers of the texts it refers to.
    pub(super) references: Vec<usize>,
}

/// A schema of a registry.
pub struct Registered {
    /// Its number, or its GUID where the registry does not tell the number.
    pub id: SchemaId,
    /// The subjects it was registered under, as far as they are known.
    pub subjects: Vec<String>,
    pub(super) schema: PayloadSchema,
}

impl Registered {
    /// `orders-value/7`: the subject, as far as it is known, and the number. Of several subjects the one of the channel.
    #[must_use]
    pub fn name(&self, channel: &str) -> String {
        let is_of_channel = |subject: &&String| {
            subject.strip_prefix(channel).is_some_and(|rest| matches!(rest, "-value" | "-key"))
        };
        match self.subjects.iter().find(is_of_channel).or(self.subjects.first()) {
            Some(subject) => format!("{subject}/{}", self.id),
            None => self.id.to_string(),
        }
    }

    /// `AVRO`, `PROTOBUF` or `JSON`, as registries call it.
    #[must_use]
    pub fn language(&self) -> &'static str {
        match &self.schema {
            PayloadSchema::Json(_) => "JSON",
            PayloadSchema::Avro(_) => "AVRO",
            #[cfg(feature = "protobuf")]
            PayloadSchema::Protobuf(_) => "PROTOBUF",
        }
    }

    /// Makes a schema ready.
    pub(super) fn new(
        (id, subjects): (SchemaId, Vec<String>),
        language: &str,
        texts: &[Text],
    ) -> Result<Self, RegistryError> {
        let name = subjects.first().map_or_else(|| format!("{id}"), |subject| format!("{id} of `{subject}`"));
        let unusable = |reason: String, help: &str| {
            let message = format!("schema {name} of the registry {reason}");
            RegistryError::new(RegistryErrorKind::Unusable, message, help)
        };
        let mut sources = Sources::default();
        let mut documents = Documents::default();
        let places = lay_out(&mut sources, &mut documents, language, texts)
            .ok_or_else(|| unusable("cannot be read".to_owned(), "look at it in the registry"))?;
        let Some(compiled) = compiled(&documents, &sources, language, texts, &places) else {
            let help = "known are AVRO, PROTOBUF and JSON, as far as they are built in";
            return Err(unusable(format!("is written in `{language}`, which is not known"), help));
        };
        let schema = compiled.map_err(|problems| {
            let first = problems.first().map_or("it is wrong", |problem| problem.message.as_str());
            unusable(format!("does not compile: {first}"), "mend it in the registry under a new version")
        })?;
        Ok(Self { id, subjects, schema })
    }

    /// Reads a payload behind its schema id into JSON; `in_header` are the bytes behind a schema id in a header, when it
    /// stands there.
    pub(super) fn decode(
        &self,
        payload: &[u8],
        start: usize,
        in_header: Option<&[u8]>,
    ) -> Result<Vec<u8>, Vec<Violation>> {
        #[cfg(feature = "protobuf")]
        if let PayloadSchema::Protobuf(schema) = &self.schema {
            let wrong = |message: String| vec![bare("protobuf", message)];
            let rest = in_header.or(payload.get(start..)).unwrap_or_default();
            let (indexes, length) = frame::indexes(rest).ok_or_else(|| {
                wrong("the message indexes after the schema id are cut off or no numbers".to_owned())
            })?;
            let message = schema.at(&indexes).ok_or_else(|| {
                wrong(format!("the message indexes {indexes:?} lead to no message of the schema"))
            })?;
            let length = if in_header.is_some() { 0 } else { length };
            return message.read_binary(payload, start + length).map_err(without_places);
        }
        let _ = in_header;
        self.schema.read_binary(payload, start).map_err(without_places)
    }

    /// Writes a value, given as JSON, behind the id of the schema.
    ///
    /// # Errors
    /// What the value does wrong, with its places in the text.
    pub fn encode(&self, json: &[u8]) -> Result<Vec<u8>, Vec<Violation>> {
        let encoded = self.schema.encode(json).map_err(without_places)?;
        let mut framed = frame::frame(self.id, &self.indexes());
        framed.extend(encoded);
        Ok(framed)
    }

    /// The schema for another message of its Protobuf text, by name; nothing when it has none of that name.
    #[must_use]
    pub fn for_message(&self, name: &str) -> Option<Self> {
        #[cfg(feature = "protobuf")]
        if let PayloadSchema::Protobuf(schema) = &self.schema {
            let schema = PayloadSchema::Protobuf(schema.called(name)?);
            return Some(Self { id: self.id, subjects: self.subjects.clone(), schema });
        }
        let _ = name;
        None
    }

    fn indexes(&self) -> Vec<usize> {
        match &self.schema {
            #[cfg(feature = "protobuf")]
            PayloadSchema::Protobuf(schema) => schema.indexes(),
            PayloadSchema::Json(_) | PayloadSchema::Avro(_) => Vec::new(),
        }
    }
}

/// Puts the texts into the folder, each beside or below the one that refers to it. Nothing is read from anywhere else.
fn lay_out(
    sources: &mut Sources,
    documents: &mut Documents,
    language: &str,
    texts: &[Text],
) -> Option<Vec<Resolved>> {
    let limits = Limits::default();
    let own = if language == "PROTOBUF" { "schema.proto" } else { "schema.json" };
    let mut addresses: Vec<String> = Vec::new();
    let mut places = Vec::new();
    for text in texts {
        let names = match text.referrer.and_then(|referrer| addresses.get(referrer)) {
            None => vec![format!("{FOLDER}{own}")],
            // Types of Avro have names, which are no paths.
            Some(_) if language == "AVRO" => vec![format!("{FOLDER}{}.json", places.len())],
            Some(referrer) => named_from(&[referrer, FOLDER], &text.name),
        };
        let mut place = None;
        for name in &names {
            let file = documents.add_remote(sources, name, text.content.clone(), &limits);
            let node = Arc::clone(documents.root(file)?);
            place = place.or(Some(Resolved { node, file, pointer: String::new() }));
        }
        addresses.push(names.into_iter().next()?);
        places.push(place?);
    }
    Some(places)
}

/// The addresses a name leads to from each base, each once.
fn named_from(bases: &[&str], name: &str) -> Vec<String> {
    let joined = bases.iter().filter_map(|base| {
        let mut address = url::Url::parse(base).and_then(|base| base.join(name)).ok()?;
        address.set_fragment(None);
        Some(String::from(address))
    });
    let mut names: Vec<String> = Vec::new();
    for name in joined {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The first place is the schema, the others what it refers to; nothing when the language is not known.
fn compiled(
    documents: &Documents,
    sources: &Sources,
    language: &str,
    texts: &[Text],
    places: &[Resolved],
) -> Option<Result<PayloadSchema, Vec<SchemaProblem>>> {
    let own = places.first()?;
    Some(match language {
        "AVRO" => {
            let Language::Avro { version } = Language::AVRO else { return None };
            let mut order = Vec::new();
            definitions_first(texts, 0, &mut order);
            let before: Vec<Resolved> =
                order.iter().filter(|number| **number > 0).map(|number| places[*number].clone()).collect();
            match Avro::read_after(documents, &before, own, version) {
                (Some(avro), _) => Ok(PayloadSchema::Avro(avro)),
                (None, problems) => Err(problems),
            }
        }
        "JSON" => Compiler::new(documents).compile(own, Dialect::Draft7).map(PayloadSchema::Json),
        #[cfg(feature = "protobuf")]
        "PROTOBUF" => Protobuf::read_first(documents, sources, own).map(PayloadSchema::Protobuf),
        _ => {
            let _ = sources;
            return None;
        }
    })
}

/// The numbers of the texts from one on, those that others refer to before them.
fn definitions_first(texts: &[Text], number: usize, order: &mut Vec<usize>) {
    for inner in &texts[number].references {
        if !order.contains(inner) {
            definitions_first(texts, *inner, order);
        }
    }
    order.push(number);
}

/// What a value does wrong, without places in a schema that is in no file.
fn without_places(found: Vec<Violation>) -> Vec<Violation> {
    let without = |violation| Violation {
        schema_file: None,
        schema_span: None,
        schema_pointer: String::new(),
        span: None,
        ..violation
    };
    found.into_iter().map(without).collect()
}

/// The fields of an answer about a schema.
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) language: String,
    /// Name, subject and version of each schema it refers to.
    pub(super) references: Vec<(String, String, u64)>,
}

impl Answer {
    /// Reads it; nothing when it is no answer about a schema.
    pub(super) fn read(body: &Value) -> Option<Self> {
        let text = body.get("schema")?.as_str()?.to_owned();
        let language = body.get("schemaType").and_then(Value::as_str).unwrap_or("AVRO").to_owned();
        let references = body.get("references").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let references = references.iter().map(|reference| {
            let name = reference.get("name")?.as_str()?.to_owned();
            let subject = reference.get("subject")?.as_str()?.to_owned();
            Some((name, subject, reference.get("version")?.as_u64()?))
        });
        Some(Self { text, language, references: references.collect::<Option<_>>()? })
    }
}
