//! Protobuf texts, proto2 and proto3: compiled with what they import, then checking values of one of their messages.

mod check;
mod compile;
mod scalar;
#[cfg(test)]
mod tests;

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

    /// Reads a payload in Protobuf's binary encoding into plain JSON.
    ///
    /// # Errors
    /// One violation, of the keyword `protobuf`, that says why the bytes are no such message; another for bytes that
    /// are one but have fields it does not know.
    pub fn decode(&self, payload: &[u8]) -> Result<serde_json::Value, Vec<Violation>> {
        let name = self.message.full_name();
        let refused =
            |reason: String| vec![bare("protobuf", format!("the payload is no `{name}`: {reason}"))];
        let message = DynamicMessage::decode(self.message.clone(), payload)
            .map_err(|error| refused(reason(&error.to_string())))?;
        if let Some(number) = unknown_field(&message) {
            return Err(refused(format!("it has the field number {number}, which its schema does not know")));
        }
        let options = SerializeOptions::new().stringify_64_bit_integers(false);
        message
            .serialize_with_options(serde_json::value::Serializer, &options)
            .map_err(|error| refused(error.to_string()))
    }
}

/// The number of a field of the message itself that is not in its schema.
fn unknown_field(message: &DynamicMessage) -> Option<u32> {
    message.unknown_fields().next().map(prost_reflect::UnknownField::number)
}

/// The library's reason without the words that only it has.
fn reason(error: &str) -> String {
    error.trim_start_matches("failed to decode Protobuf message: ").to_owned()
}
