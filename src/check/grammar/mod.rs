//! The structure of AsyncAPI documents as data: one table per major version, written from the specification.

use std::collections::HashMap;
use std::sync::OnceLock;

mod bindings;
mod extensions;
mod leads;
mod notation;
mod objects;
pub mod published;
mod scalar;
mod walk;
mod words;

pub use notation::{Condition, Consequence, Definition, Field, KeyNames, ObjectDefinition, Shape};
pub use scalar::{is_email, is_uri};
pub use walk::{Placed, PlacedReference, Start, Walk, is_json_schema_format};
pub use words::{TYPE_NAMES, article};

const SCHEMA: &str = include_str!("schema.grammar");
const BINDINGS: &str = include_str!("bindings.grammar");
const EXTENSIONS: &str = include_str!("extensions.grammar");

/// The objects of one major version.
#[derive(Debug)]
pub struct Grammar {
    /// 2 or 3.
    pub major: u8,
    definitions: HashMap<String, Definition>,
}

impl Grammar {
    /// The grammar of AsyncAPI 2.0 to 2.6.
    pub fn version2() -> &'static Self {
        static GRAMMAR: OnceLock<Grammar> = OnceLock::new();
        GRAMMAR.get_or_init(|| Self::read(2, include_str!("asyncapi2.grammar")))
    }

    /// The grammar of AsyncAPI 3.0 and 3.1.
    pub fn version3() -> &'static Self {
        static GRAMMAR: OnceLock<Grammar> = OnceLock::new();
        GRAMMAR.get_or_init(|| Self::read(3, include_str!("asyncapi3.grammar")))
    }

    /// The grammar of the other major version, for hints.
    #[must_use]
    pub fn other(&self) -> &'static Self {
        if self.major == 2 { Self::version3() } else { Self::version2() }
    }

    /// What a name stands for.
    #[must_use]
    pub fn definition(&self, name: &str) -> Option<&Definition> {
        self.definitions.get(name)
    }

    /// The fields of the object called `name`; none when it is no plain object.
    #[must_use]
    pub fn fields(&self, name: &str) -> &[Field] {
        match self.definition(name) {
            Some(Definition::Object(object)) => &object.fields,
            _ => &[],
        }
    }

    fn read(major: u8, text: &str) -> Self {
        let mut definitions = HashMap::new();
        for text in [text, SCHEMA, BINDINGS, EXTENSIONS] {
            notation::read(text, &mut definitions);
        }
        Self { major, definitions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<'a>(shape: &'a Shape, found: &mut Vec<&'a str>) {
        match shape {
            Shape::Named(name) | Shape::OrReference(name) => found.push(name),
            Shape::List(inner) | Shape::Map(_, inner) => names(inner, found),
            Shape::Either(all) => all.iter().for_each(|shape| names(shape, found)),
            _ => {}
        }
    }

    #[test]
    fn every_line_is_read_and_every_name_is_defined() {
        for grammar in [Grammar::version2(), Grammar::version3()] {
            let own = [include_str!("asyncapi2.grammar"), include_str!("asyncapi3.grammar")];
            for text in own.into_iter().chain([SCHEMA, BINDINGS, EXTENSIONS]) {
                assert_eq!(notation::read(text, &mut HashMap::new()), Vec::<String>::new());
            }
            for (name, definition) in &grammar.definitions {
                let mut used = Vec::new();
                match definition {
                    Definition::Object(object) => {
                        for field in &object.fields {
                            names(&field.shape, &mut used);
                        }
                        if let Some(shape) = &object.others {
                            names(shape, &mut used);
                        }
                    }
                    Definition::Has { then, otherwise, .. } => {
                        names(then, &mut used);
                        names(otherwise, &mut used);
                    }
                    Definition::Switch { cases, .. } => {
                        for field in cases {
                            names(&field.shape, &mut used);
                        }
                    }
                }
                for each in used {
                    assert!(grammar.definition(each).is_some(), "{name} uses {each}, which is not defined");
                }
            }
        }
    }
}
