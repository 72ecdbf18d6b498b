//! The compiled schemas of one document, each compiled once however many rules ask.

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::CheckInput;
use crate::contract::SchemaRef;
use crate::schema::avro::Avro;
use crate::schema::contradiction::Contradiction;
use crate::schema::{Compiled, Compiler, Dialect, Language, PayloadSchema, SchemaProblem};
use crate::source_text::tree::Node;
use crate::source_text::{Documents, FileId, Resolved, Span};

/// A schema in any language, and all that is wrong with it.
pub type Payload = Rc<(Option<PayloadSchema>, Vec<SchemaProblem>)>;

/// The node, its language, and the name of the message it describes.
type PayloadKey = (*const Node, Language, String);

/// Values of schemas looked through for contradictions in one document; proving is the dearest thing a rule does.
const PROOF: usize = 20_000;

type Outcome = Result<Compiled, Vec<SchemaProblem>>;

/// A compiler and what it made so far.
pub struct Schemas<'a> {
    compiler: RefCell<Compiler<'a>>,
    made: RefCell<HashMap<(*const Node, Dialect), Outcome>>,
    /// Schemas that a sound one refers to; they are sound too.
    sound: RefCell<HashSet<(*const Node, Dialect)>>,
    payloads: RefCell<HashMap<PayloadKey, Payload>>,
    contradictions: OnceCell<Vec<Contradiction>>,
}

impl<'a> Schemas<'a> {
    /// Nothing compiled yet.
    pub fn new(files: &'a Documents) -> Self {
        let compiler = RefCell::new(Compiler::new(files));
        Self {
            compiler,
            made: RefCell::default(),
            sound: RefCell::default(),
            payloads: RefCell::default(),
            contradictions: OnceCell::new(),
        }
    }

    fn outcome(&self, place: &Resolved, dialect: Dialect) -> Outcome {
        let key = (Arc::as_ptr(&place.node), dialect);
        if let Some(known) = self.made.borrow().get(&key) {
            return known.clone();
        }
        let outcome = self.compiler.borrow_mut().compile(place, dialect);
        if let Ok(compiled) = &outcome {
            let places = compiled.places_and_dialects();
            self.sound
                .borrow_mut()
                .extend(places.map(|(place, dialect)| (Arc::as_ptr(&place.node), dialect)));
        }
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
        self.compiled(&schema.place(), schema.dialect()?)
    }

    /// The schema of a message, in whatever language, with all that is wrong with it; neither when its language is
    /// not checked. `name` is that of the message.
    #[must_use]
    pub fn payload_schema(&self, schema: &SchemaRef, name: &str) -> Payload {
        let place = schema.place();
        let Some(language) = schema.language() else {
            return Rc::new((None, Vec::new()));
        };
        if let Language::Json(dialect) = language {
            return Rc::new(match self.schemas.outcome(&place, dialect) {
                Ok(compiled) => (Some(PayloadSchema::Json(compiled)), Vec::new()),
                Err(problems) => (None, problems),
            });
        }
        let key = (Arc::as_ptr(&schema.node), language, name.to_owned());
        if let Some(known) = self.schemas.payloads.borrow().get(&key) {
            return Rc::clone(known);
        }
        let payload = Rc::new(if let Language::Avro { version } = language {
            let (avro, problems) = Avro::read(self.files, &place, version);
            (avro.map(PayloadSchema::Avro), problems)
        } else {
            let mut compiler = self.schemas.compiler.borrow_mut();
            match compiler.compile_payload(self.sources, &place, language, name) {
                Ok(schema) => (Some(schema), Vec::new()),
                Err(problems) => (None, problems),
            }
        });
        self.schemas.payloads.borrow_mut().insert(key, Rc::clone(&payload));
        payload
    }

    /// What is wrong with the schemas of messages that are not JSON Schema, each schema once.
    #[must_use]
    pub fn payload_problems(&self) -> Vec<SchemaProblem> {
        let mut seen = Vec::new();
        let mut problems = Vec::new();
        for message in &self.document.messages {
            for schema in message.payload.iter().chain(&message.headers) {
                let is_other =
                    schema.language().is_some_and(|language| !matches!(language, Language::Json(_)));
                let key = (Arc::as_ptr(&schema.node), &message.name);
                if is_other && !seen.contains(&key) {
                    seen.push(key);
                    problems.extend(self.payload_schema(schema, &message.name).1.iter().cloned());
                }
            }
        }
        problems
    }

    /// What is wrong with the schema at a place.
    #[must_use]
    pub fn problems(&self, place: &Resolved, dialect: Dialect) -> Vec<SchemaProblem> {
        if self.schemas.sound.borrow().contains(&(Arc::as_ptr(&place.node), dialect)) {
            return Vec::new();
        }
        self.schemas.outcome(place, dialect).err().unwrap_or_default()
    }

    /// The outermost schemas of the document: those of messages, and those in components, of which the ones that nothing
    /// refers to come first: what they refer to is looked at with them.
    #[must_use]
    pub fn schema_places(&self) -> Vec<(Resolved, Dialect)> {
        let messages = self.document.messages.iter();
        let mut places: Vec<(Resolved, Dialect)> = messages
            .flat_map(|message| message.payload.iter().chain(&message.headers))
            .filter_map(|schema| Some((schema.place(), schema.dialect()?)))
            .collect();
        let mut named: Vec<_> = self.named("Schema").collect();
        named.sort_by_key(|schema| self.is_referred(schema));
        for schema in named {
            let is_outermost =
                schema.pointer.strip_prefix("/components/schemas/").is_some_and(|rest| !rest.contains('/'));
            if is_outermost {
                let (node, pointer) = (schema.node.clone(), schema.pointer.to_string());
                places.push((Resolved { file: node.span.file, node, pointer }, self.dialect()));
            }
        }
        places
    }

    /// The parts of the document's schemas that no value satisfies, each once.
    #[must_use]
    pub fn contradictions(&self) -> &[Contradiction] {
        self.schemas.contradictions.get_or_init(|| {
            let mut seen: HashSet<*const Node> = HashSet::new();
            let mut found: Vec<Contradiction> = Vec::new();
            let mut left = PROOF;
            for (place, dialect) in self.schema_places() {
                if seen.contains(&Arc::as_ptr(&place.node)) {
                    continue;
                }
                let Some(compiled) = self.compiled(&place, dialect) else {
                    continue;
                };
                seen.extend(compiled.places().map(|place| Arc::as_ptr(&place.node)));
                let weight = compiled.weight_of_proof();
                if weight > left {
                    continue;
                }
                left -= weight;
                let fresh = compiled.contradictions();
                found.extend(fresh.into_iter().filter(|one| one.span.is_some()));
            }
            found.sort_by(|left, right| (left.span, &left.pointer).cmp(&(right.span, &right.pointer)));
            found.dedup_by(|later, earlier| later.span == earlier.span);
            found
        })
    }

    /// The key under which something stands in its file.
    #[must_use]
    pub fn key_at(&self, file: FileId, pointer: &str) -> Option<Span> {
        let (parent, token) = pointer.rsplit_once('/')?;
        let token = token.replace("~1", "/").replace("~0", "~");
        let parent = self.files.root(file)?.pointer(parent)?;
        parent.entry(&token).map(|entry| entry.key_span)
    }
}
