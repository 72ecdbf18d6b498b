//! Avro schemas, versions 1.9 to 1.12: read from the tree with the place of every fault, then checking values.

mod binary;
mod check;
pub mod container;
mod default;
mod encode;
mod logical;
mod names;
mod read;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::compiled::json_tree;
use super::problem::{AvroFault, SchemaProblem, SchemaProblemKind};
use super::{References, Violation};
use crate::source_text::tree::NodeRef;
use crate::source_text::{FileId, Resolved, Span};
use logical::{Logical, word};

/// The number of a type in its schema.
type TypeId = usize;

/// One type with the place where it is written.
#[derive(Clone, Debug)]
struct Type {
    shape: Shape,
    logical: Option<Logical>,
    place: Place,
}

/// Where something of a schema is written.
#[derive(Clone, Debug)]
struct Place {
    file: FileId,
    pointer: String,
    span: Span,
}

/// What values of a type look like.
#[derive(Clone, Debug)]
enum Shape {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Record {
        name: String,
        fields: Vec<Field>,
    },
    Enum {
        name: String,
        symbols: Vec<String>,
    },
    Fixed {
        name: String,
        size: u64,
    },
    /// Written wrong, and told so: everything fits.
    Unknown,
}

/// One field of a record.
#[derive(Clone, Debug)]
struct Field {
    name: String,
    kind: TypeId,
    default: Option<NodeRef>,
    place: Place,
}

/// A schema ready to check values. Copies share what was read.
#[derive(Clone)]
pub struct Avro {
    shared: Arc<Shared>,
}

struct Shared {
    types: Vec<Type>,
    root: TypeId,
}

impl Avro {
    /// Reads the schema at `place`, with all that is wrong with it in order of place; there is none to check by when
    /// something is wrong that decides values.
    ///
    /// `version` is that of the specification, `(1, 9)` to `(1, 12)`: since 1.12 the default of a union may be of any
    /// of its branches. A `$ref` in the schema, which Avro does not know, is followed.
    #[must_use]
    pub fn read(
        references: &dyn References,
        place: &Resolved,
        version: (u32, u32),
    ) -> (Option<Self>, Vec<SchemaProblem>) {
        Self::read_after(references, &[], place, version)
    }

    /// As [`Self::read`]; the types that the schemas at the places `before` define, in their order, are known by name.
    #[must_use]
    pub fn read_after(
        references: &dyn References,
        before: &[Resolved],
        place: &Resolved,
        version: (u32, u32),
    ) -> (Option<Self>, Vec<SchemaProblem>) {
        let mut reader = read::Reader::new(references);
        for place in before {
            reader.root(place);
        }
        let root = reader.root(place);
        let (types, mut problems, defaults) = reader.finish();
        problems.extend(default::problems(&types, &defaults, version));
        problems.sort_by(|left, right| (left.span, &left.message).cmp(&(right.span, &right.message)));
        problems.dedup();
        let decides = |problem: &SchemaProblem| match problem.kind {
            SchemaProblemKind::Avro(fault) => matches!(fault, AvroFault::Type | AvroFault::Name),
            _ => true,
        };
        if problems.iter().any(decides) {
            return (None, problems);
        }
        (Some(Self { shared: Arc::new(Shared { types, root }) }), problems)
    }

    /// All violations of a value in Avro's JSON encoding that stands in a file, in order of place.
    ///
    /// The value of a union may be written with the name of its branch around it, as the specification says, or
    /// without, as people do. A field that has a default may be left out.
    #[must_use]
    pub fn check_tree(&self, instance: &NodeRef) -> Vec<Violation> {
        check::Checker::new(&self.shared.types).all(self.shared.root, instance)
    }

    /// All violations of a plain value in Avro's JSON encoding.
    #[must_use]
    pub fn check_value(&self, instance: &serde_json::Value) -> Vec<Violation> {
        self.check_bytes(instance.to_string().as_bytes()).err().unwrap_or_default()
    }

    /// Checks the bytes of a payload in Avro's JSON encoding.
    ///
    /// # Errors
    /// All violations, with their positions in the payload.
    pub fn check_bytes(&self, payload: &[u8]) -> Result<(), Vec<Violation>> {
        let (sources, root) = json_tree(payload)?;
        let found = super::compiled::with_positions(self.check_tree(&root), &sources);
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    /// Reads a payload in Avro's binary encoding, `start` bytes of a frame before it, into plain JSON: unions without
    /// the names of their branches, bytes as text of the characters 0 to 255, decimals as text in digits.
    ///
    /// # Errors
    /// The first violation, with its byte in the payload: what comes after it cannot be read.
    pub fn decode(&self, payload: &[u8], start: usize) -> Result<serde_json::Value, Vec<Violation>> {
        binary::decode(&self.shared.types, self.shared.root, payload, start).map_err(|found| vec![*found])
    }

    /// Reads so many values, one after the other, which must take up all of the bytes.
    fn decode_all(&self, bytes: &[u8], count: usize) -> Result<Vec<serde_json::Value>, Box<Violation>> {
        binary::decode_all(&self.shared.types, self.shared.root, bytes, count)
    }

    /// The full name of its type, or the kind of it where it has no name.
    fn name(&self) -> &str {
        word(&self.shared.types[self.shared.root].shape)
    }

    /// Writes a value, given in Avro's JSON encoding, in its binary encoding. A field left out takes its default.
    ///
    /// # Errors
    /// All violations of the value, with their positions in the text.
    pub fn encode(&self, json: &[u8]) -> Result<Vec<u8>, Vec<Violation>> {
        let (sources, root) = json_tree(json)?;
        let found = self.check_tree(&root);
        let encoded = if found.is_empty() {
            encode::encode(&self.shared.types, self.shared.root, &root).map_err(|found| vec![*found])
        } else {
            Err(found)
        };
        encoded.map_err(|found| super::compiled::with_positions(found, &sources))
    }
}
