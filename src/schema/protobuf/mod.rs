//! Protobuf texts, proto2 and proto3: compiled with what they import, then checking values of one of their messages.

mod check;
mod compile;
mod scalar;
#[cfg(test)]
mod tests;
mod wire;

use prost_reflect::prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor, SerializeOptions};

use super::compiled::{bare, json_tree, with_positions};
use super::problem::SchemaProblem;
use super::{References, Violation};
use crate::source_text::tree::NodeRef;
use crate::source_text::{Resolved, Sources};

/// A message of a Protobuf text, ready to check values.
#[derive(Clone)]
pub struct Protobuf {
    message: MessageDescriptor,
    place: Resolved,
}

impl Protobuf {
    /// Compiles the text at `place` and chooses the message: the one marked by a comment `@RootNode`, the one called
    /// `name`, the only one, or the only one that no other uses.
    ///
    /// # Errors
    /// What the compiler says, at its places in the text; a text of several messages of which none is the payload by
    /// these rules has one problem of the kind [`super::SchemaProblemKind::ProtobufMessage`].
    pub fn read(
        references: &dyn References,
        sources: &Sources,
        place: &Resolved,
        name: &str,
    ) -> Result<Self, Vec<SchemaProblem>> {
        let message = compile::message(references, sources, place, name)?;
        Ok(Self { message, place: place.clone() })
    }

    /// Compiles the text at `place` for its first message; [`Self::at`] and [`Self::called`] lead to the others.
    ///
    /// # Errors
    /// What the compiler says, at its places in the text; a text without messages has one problem of the kind
    /// [`super::SchemaProblemKind::ProtobufMessage`].
    pub fn read_first(
        references: &dyn References,
        sources: &Sources,
        place: &Resolved,
    ) -> Result<Self, Vec<SchemaProblem>> {
        let message = compile::first_message(references, sources, place)?;
        Ok(Self { message, place: place.clone() })
    }

    /// The full name of the message.
    #[must_use]
    pub fn message_name(&self) -> &str {
        self.message.full_name()
    }

    /// All violations of a value in Protobuf's JSON mapping that stands in a file, in order of place.
    #[must_use]
    pub fn check_tree(&self, instance: &NodeRef) -> Vec<Violation> {
        check::Checker::new(&self.place).all(&self.message, instance)
    }

    /// All violations of a plain value in Protobuf's JSON mapping.
    #[must_use]
    pub fn check_value(&self, instance: &serde_json::Value) -> Vec<Violation> {
        self.check_bytes(instance.to_string().as_bytes()).err().unwrap_or_default()
    }

    /// Checks the bytes of a payload in Protobuf's JSON mapping.
    ///
    /// # Errors
    /// All violations, with their positions in the payload.
    pub fn check_bytes(&self, payload: &[u8]) -> Result<(), Vec<Violation>> {
        let (sources, root) = json_tree(payload)?;
        let found = with_positions(self.check_tree(&root), &sources);
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    /// Checks a payload in Protobuf's binary encoding; `start` bytes of a frame stand before the message.
    ///
    /// # Errors
    /// All violations, with their bytes in the payload: fields, numbers of fields and enum values the schema does not
    /// know, required fields that are missing, texts that are no UTF-8, what is cut off.
    pub fn check_binary(&self, payload: &[u8], start: usize) -> Result<(), Vec<Violation>> {
        let found = wire::faults(&self.message, &self.place, payload, start);
        if !found.is_empty() {
            return Err(found);
        }
        // The decoder people use has the last word.
        self.decode(payload.get(start..).unwrap_or_default()).map(drop)
    }

    fn decode(&self, payload: &[u8]) -> Result<DynamicMessage, Vec<Violation>> {
        let name = self.message.full_name();
        DynamicMessage::decode(self.message.clone(), payload).map_err(|error| {
            vec![bare("protobuf", format!("the payload is no `{name}`: {}", reason(&error.to_string())))]
        })
    }

    /// The message of the same text that these indexes lead to: of one in the file, and of those inside it.
    #[must_use]
    pub fn at(&self, indexes: &[usize]) -> Option<Self> {
        let message = self.find(indexes)?;
        Some(Self { message, place: self.place.clone() })
    }

    /// The indexes that lead to the message, as [`Self::at`] takes them.
    #[must_use]
    pub fn indexes(&self) -> Vec<usize> {
        let mut indexes = Vec::new();
        let mut message = self.message.clone();
        loop {
            let parent = message.parent_message();
            let position = match &parent {
                Some(parent) => parent.child_messages().position(|each| each == message),
                None => message.parent_file().messages().position(|each| each == message),
            };
            indexes.push(position.unwrap_or_default());
            match parent {
                Some(parent) => message = parent,
                None => break,
            }
        }
        indexes.reverse();
        indexes
    }

    /// The message of the same text by its full name or the one it has in the text.
    #[must_use]
    pub fn called(&self, name: &str) -> Option<Self> {
        let mut open: Vec<MessageDescriptor> = self.message.parent_file().messages().collect();
        while let Some(message) = open.pop() {
            if message.full_name() == name || message.name() == name {
                return Some(Self { message, place: self.place.clone() });
            }
            open.extend(message.child_messages());
        }
        None
    }

    /// Reads a payload in Protobuf's binary encoding, `start` bytes of a frame before it, into its JSON mapping: with the
    /// fields that have their default, and whole numbers of 64 bits as numbers.
    ///
    /// # Errors
    /// As [`Self::check_binary`].
    pub fn read_binary(&self, payload: &[u8], start: usize) -> Result<Vec<u8>, Vec<Violation>> {
        self.check_binary(payload, start)?;
        let message = self.decode(payload.get(start..).unwrap_or_default())?;
        let options = SerializeOptions::new().skip_default_fields(false).stringify_64_bit_integers(false);
        let mut json = Vec::new();
        let mut serializer = serde_json::Serializer::new(&mut json);
        let written = message.serialize_with_options(&mut serializer, &options);
        written.map_err(|error| vec![bare("protobuf", format!("it cannot be written as JSON: {error}"))])?;
        Ok(json)
    }

    /// Writes a value, given in Protobuf's JSON mapping, in its binary encoding.
    ///
    /// # Errors
    /// All violations of the value, with their positions in the text.
    pub fn encode(&self, json: &[u8]) -> Result<Vec<u8>, Vec<Violation>> {
        self.check_bytes(json)?;
        let mut reader = serde_json::Deserializer::from_slice(json);
        let message = DynamicMessage::deserialize(self.message.clone(), &mut reader).map_err(|error| {
            let name = self.message.full_name();
            vec![bare("protobuf", format!("the payload is no `{name}`: {error}"))]
        })?;
        Ok(message.encode_to_vec())
    }

    fn find(&self, indexes: &[usize]) -> Option<MessageDescriptor> {
        let (first, inner) = indexes.split_first()?;
        let mut message = self.message.parent_file().messages().nth(*first)?;
        for index in inner {
            let next = message.child_messages().nth(*index)?;
            message = next;
        }
        Some(message)
    }

    /// The full name of the message of the text that these indexes lead to: of one in the file, and of those inside it.
    #[must_use]
    pub fn message_at(&self, indexes: &[usize]) -> Option<String> {
        self.find(indexes).map(|message| message.full_name().to_owned())
    }
}

/// The library's reason without the words that only it has.
fn reason(error: &str) -> String {
    error.trim_start_matches("failed to decode Protobuf message: ").to_owned()
}
