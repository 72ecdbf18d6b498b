//! The compiled schemas of one document, each compiled once however many rules ask.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::CheckInput;
use crate::contract::{SchemaFormat, SchemaRef};
use crate::schema::{Compiled, Compiler, Dialect, SchemaProblem};
use crate::source_text::tree::Node;
use crate::source_text::{Documents, Resolved};

type Outcome = Result<Compiled, Vec<SchemaProblem>>;

/// A compiler and what it made so far.
pub struct Schemas<'a> {
    compiler: RefCell<Compiler<'a>>,
    made: RefCell<HashMap<(*const Node, Dialect), Outcome>>,
}

impl<'a> Schemas<'a> {
    /// Nothing compiled yet.
    pub fn new(files: &'a Documents) -> Self {
        Self { compiler: RefCell::new(Compiler::new(files)), made: RefCell::new(HashMap::new()) }
    }

    fn outcome(&self, place: &Resolved, dialect: Dialect) -> Outcome {
        let key = (Arc::as_ptr(&place.node), dialect);
        if let Some(known) = self.made.borrow().get(&key) {
            return known.clone();
        }
        let outcome = self.compiler.borrow_mut().compile(place, dialect);
        self.made.borrow_mut().insert(key, outcome.clone());
        outcome
    }
}

impl CheckInput<'_> {
    /// The dialect of schemas that do not name one.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        if self.is_version(0) { Dialect::Draft202012 } else { Dialect::AsyncApi }
    }

    /// The schema at a place, compiled; `None` when it cannot be.
    #[must_use]
    pub fn compiled(&self, place: &Resolved, dialect: Dialect) -> Option<Compiled> {
        self.schemas.outcome(place, dialect).ok()
    }

    /// The schema of a message, compiled; `None` when it cannot be, or its language is not JSON Schema.
    #[must_use]
    pub fn compiled_reference(&self, schema: &SchemaRef) -> Option<Compiled> {
        let dialect = self.dialect_of(schema)?;
        self.compiled(&place_of(schema), dialect)
    }

    /// What is wrong with the schema at a place.
    #[must_use]
    pub fn problems(&self, place: &Resolved, dialect: Dialect) -> Vec<SchemaProblem> {
        self.schemas.outcome(place, dialect).err().unwrap_or_default()
    }

    /// The outermost schemas of the document: those of messages, and those in components.
    #[must_use]
    pub fn schema_places(&self) -> Vec<(Resolved, Dialect)> {
        let messages = self.document.messages.iter();
        let mut places: Vec<(Resolved, Dialect)> = messages
            .flat_map(|message| message.payload.iter().chain(&message.headers))
            .filter_map(|schema| Some((place_of(schema), self.dialect_of(schema)?)))
            .collect();
        for schema in self.named("Schema") {
            let is_outermost =
                schema.pointer.strip_prefix("/components/schemas/").is_some_and(|rest| !rest.contains('/'));
            if is_outermost {
                let (node, pointer) = (schema.node.clone(), schema.pointer.to_string());
                places.push((Resolved { file: node.span.file, node, pointer }, self.dialect()));
            }
        }
        places
    }

    fn dialect_of(&self, schema: &SchemaRef) -> Option<Dialect> {
        let written = schema.written_format.as_deref().unwrap_or_default();
        match schema.format {
            SchemaFormat::AsyncApi => Some(Dialect::AsyncApi),
            SchemaFormat::JsonSchema if self.is_version(0) => Some(Dialect::Draft202012),
            SchemaFormat::JsonSchema => Some(draft(written)),
            SchemaFormat::OpenApi if written.contains("version=3.1") => Some(Dialect::Draft202012),
            SchemaFormat::OpenApi => Some(Dialect::OpenApi30),
            _ => None,
        }
    }
}

fn place_of(schema: &SchemaRef) -> Resolved {
    Resolved { node: schema.node.clone(), file: schema.file, pointer: schema.pointer.clone() }
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
