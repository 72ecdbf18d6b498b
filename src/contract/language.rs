//! Which dialect of JSON Schema the language of a message's schema means, if it is one.

use super::model::{SchemaFormat, SchemaRef};
use crate::schema::{Dialect, Language};
use crate::source_text::Resolved;

impl SchemaRef {
    /// The dialect it is compiled by unless it states another itself; `None` when its language is not JSON Schema.
    ///
    /// Versions come from the `version` parameter of `schemaFormat`; a schema without any is 2020-12.
    #[must_use]
    pub fn dialect(&self) -> Option<Dialect> {
        let written = self.written_format.as_deref();
        match self.format {
            SchemaFormat::AsyncApi => Some(Dialect::AsyncApi),
            SchemaFormat::JsonSchema => Some(written.map_or(Dialect::Draft202012, draft)),
            SchemaFormat::OpenApi if written.is_some_and(|format| format.contains("version=3.1")) => {
                Some(Dialect::Draft202012)
            }
            SchemaFormat::OpenApi => Some(Dialect::OpenApi30),
            SchemaFormat::Avro | SchemaFormat::Protobuf | SchemaFormat::Raml | SchemaFormat::Unknown(_) => {
                None
            }
        }
    }

    /// The language it is compiled by; `None` for RAML and languages nobody knows.
    ///
    /// Avro without a version is [`Language::AVRO`].
    #[must_use]
    pub fn language(&self) -> Option<Language> {
        match self.format {
            SchemaFormat::Avro => {
                let written = self.written_format.as_deref().unwrap_or_default();
                Some(version(written).map_or(Language::AVRO, |version| Language::Avro { version }))
            }
            SchemaFormat::Protobuf => Some(Language::Protobuf),
            _ => self.dialect().map(Language::Json),
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Resolved {
        Resolved { node: self.node.clone(), file: self.file, pointer: self.pointer.clone() }
    }
}

/// Major and minor number of the `version` parameter of a media type.
fn version(format: &str) -> Option<(u32, u32)> {
    let (_, written) = format.split_once("version=")?;
    let mut numbers = written.trim_matches('"').split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn draft(format: &str) -> Dialect {
    let drafts = [
        ("draft-04", Dialect::Draft4),
        ("draft-06", Dialect::Draft6),
        ("2019-09", Dialect::Draft201909),
        ("2020-12", Dialect::Draft202012),
    ];
    drafts.iter().find(|(word, _)| format.contains(word)).map_or(Dialect::Draft7, |(_, dialect)| *dialect)
}
