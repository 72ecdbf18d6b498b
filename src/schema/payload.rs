//! Schemas of payloads in whatever language: compiled once, checking many values behind one set of words.

use super::avro::Avro;
use super::compiled::Compiled;
#[cfg(feature = "protobuf")]
use super::protobuf::Protobuf;
use super::{Compiler, Dialect, SchemaProblem, Violation};
use crate::source_text::tree::NodeRef;
use crate::source_text::{Resolved, Sources};

/// The language a schema is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// JSON Schema, in this dialect unless it states another.
    Json(Dialect),
    /// Avro of this version, `(1, 9)` to `(1, 12)`.
    Avro {
        /// Major and minor number.
        version: (u32, u32),
    },
    /// Protobuf; the text says whether it is proto2 or proto3.
    Protobuf,
}

impl Language {
    /// Avro, when no version is said: the last whose rules for defaults all readers know.
    pub const AVRO: Self = Self::Avro { version: (1, 11) };
}

/// A compiled schema of any language. Copies share what is compiled.
#[derive(Clone)]
pub enum PayloadSchema {
    /// JSON Schema.
    Json(Compiled),
    /// Avro.
    Avro(Avro),
    /// One message of a Protobuf text.
    #[cfg(feature = "protobuf")]
    Protobuf(Protobuf),
}

impl PayloadSchema {
    /// All violations of a value that stands in a file, in the JSON form of the language, in order of place.
    #[must_use]
    pub fn check_tree(&self, instance: &NodeRef) -> Vec<Violation> {
        match self {
            Self::Json(schema) => schema.check_tree(instance),
            Self::Avro(schema) => schema.check_tree(instance),
            #[cfg(feature = "protobuf")]
            Self::Protobuf(schema) => schema.check_tree(instance),
        }
    }

    /// All violations of a plain value in the JSON form of the language.
    #[must_use]
    pub fn check_value(&self, instance: &serde_json::Value) -> Vec<Violation> {
        match self {
            Self::Json(schema) => schema.check_value(instance),
            Self::Avro(schema) => schema.check_value(instance),
            #[cfg(feature = "protobuf")]
            Self::Protobuf(schema) => schema.check_value(instance),
        }
    }

    /// Checks the bytes of a payload that is JSON, in the JSON form of the language.
    ///
    /// # Errors
    /// All violations, with their positions in the payload where there are such.
    pub fn check_bytes(&self, payload: &[u8]) -> Result<(), Vec<Violation>> {
        match self {
            Self::Json(schema) => schema.check_bytes(payload),
            Self::Avro(schema) => schema.check_bytes(payload),
            #[cfg(feature = "protobuf")]
            Self::Protobuf(schema) => schema.check_bytes(payload),
        }
    }

    /// Checks a payload in the binary encoding of the language; `start` bytes of a frame stand before the value.
    /// JSON Schema has no such encoding: its payloads are JSON.
    ///
    /// # Errors
    /// All violations that can be told, with their bytes in the payload.
    pub fn check_binary(&self, payload: &[u8], start: usize) -> Result<(), Vec<Violation>> {
        match self {
            Self::Json(schema) => schema.check_bytes(payload.get(start..).unwrap_or_default()),
            Self::Avro(schema) => schema.decode(payload, start).map(drop),
            #[cfg(feature = "protobuf")]
            Self::Protobuf(schema) => schema.check_binary(payload, start),
        }
    }

    /// Reads a payload in the binary encoding of the language, `start` bytes of a frame before it, into the bytes of its
    /// JSON form. A payload of JSON Schema is checked, and stays as it is.
    ///
    /// # Errors
    /// All violations that can be told, with their bytes in the payload.
    pub fn read_binary(&self, payload: &[u8], start: usize) -> Result<Vec<u8>, Vec<Violation>> {
        match self {
            Self::Json(schema) => {
                let value = payload.get(start..).unwrap_or_default();
                schema.check_bytes(value).map(|()| value.to_vec())
            }
            Self::Avro(schema) => schema.decode(payload, start).map(|value| value.to_string().into_bytes()),
            #[cfg(feature = "protobuf")]
            Self::Protobuf(schema) => schema.read_binary(payload, start),
        }
    }

    /// Writes a value, given in the JSON form of the language, in its binary encoding. One of JSON Schema is checked, and
    /// stays as it is.
    ///
    /// # Errors
    /// All violations, with their positions in the text.
    pub fn encode(&self, json: &[u8]) -> Result<Vec<u8>, Vec<Violation>> {
        match self {
            Self::Json(schema) => schema.check_bytes(json).map(|()| json.to_vec()),
            Self::Avro(schema) => schema.encode(json),
            #[cfg(feature = "protobuf")]
            Self::Protobuf(schema) => schema.encode(json),
        }
    }
}

impl Compiler<'_> {
    /// Compiles the schema at `place` in this language; `name` is that of the message described, by which one of
    /// several messages of a Protobuf text is chosen.
    ///
    /// # Errors
    /// What is wrong with it; nothing is compiled when a part is wrong that decides values. Without the feature
    /// `protobuf` such texts have one problem that says so.
    pub fn compile_payload(
        &mut self,
        sources: &Sources,
        place: &Resolved,
        language: Language,
        name: &str,
    ) -> Result<PayloadSchema, Vec<SchemaProblem>> {
        match language {
            Language::Json(dialect) => self.compile(place, dialect).map(PayloadSchema::Json),
            Language::Avro { version } => match Avro::read(self.references, place, version) {
                (Some(avro), _) => Ok(PayloadSchema::Avro(avro)),
                (None, problems) => Err(problems),
            },
            #[cfg(feature = "protobuf")]
            Language::Protobuf => {
                Protobuf::read(self.references, sources, place, name).map(PayloadSchema::Protobuf)
            }
            #[cfg(not(feature = "protobuf"))]
            Language::Protobuf => {
                let _ = (sources, name);
                Err(Vec::new())
            }
        }
    }
}
