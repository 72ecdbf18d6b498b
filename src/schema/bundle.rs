//! Gathers a schema and all it refers to, in whatever files, into one self-contained schema with its map back.
//!
//! Every target of a reference becomes a definition `0`, `1`, … of the bundle; references are followed by us and
//! never by the validator, so circles, several files and documents around the schema need nothing from it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::dynamic::DynamicScopes;
use super::keyword::{Holds, holds};
use super::problem::{SchemaProblem, SchemaProblemKind};
use super::scope::{Scopes, Target, own_meta_schema};
use super::{Dialect, References};
use crate::source_text::tree::{self, Entry, Node, NodeRef, pointer_push};
use crate::source_text::{FileId, Resolved, Span};

/// Schemas one bundle may reach by references.
const DEFINITIONS: usize = 20_000;

/// A self-contained schema.
#[derive(Clone, Debug)]
pub(super) struct Bundle {
    /// What the validator compiles.
    pub schema: Value,
    /// Where each definition stands and in which dialect, by number.
    pub places: Vec<(Resolved, Dialect)>,
    /// The dialect of the bundle; a definition of another one says so itself.
    pub dialect: Dialect,
    /// Whether values of a wrong `format` are violations.
    pub formats: bool,
}

impl Bundle {
    /// What a JSON Pointer into the bundle means in the user's files: file, pointer, and the place if it exists.
    pub(super) fn origin(&self, pointer: &str) -> Option<(FileId, String, Option<Span>)> {
        let (place, rest) = self.definition(pointer)?;
        let node = place.node.pointer(rest);
        Some((place.file, format!("{}{rest}", place.pointer), node.map(|node| node.span)))
    }

    /// The node of the user's file a JSON Pointer into the bundle means.
    pub(super) fn node(&self, pointer: &str) -> Option<&NodeRef> {
        let (place, rest) = self.definition(pointer)?;
        place.node.pointer(rest)
    }

    fn definition<'a>(&self, pointer: &'a str) -> Option<(&Resolved, &'a str)> {
        let inside = pointer.strip_prefix("/definitions/").or_else(|| pointer.strip_prefix("/$defs/"))?;
        let end = inside.find('/').unwrap_or(inside.len());
        let number: usize = inside[..end].parse().ok()?;
        self.places.get(number).map(|(place, _)| (place, &inside[end..]))
    }
}

/// The surroundings of the schema being gathered.
#[derive(Clone)]
struct Around {
    file: FileId,
    dialect: Dialect,
    /// Address of the resource the schema belongs to.
    base: Arc<str>,
    /// Number of the dynamic scope.
    scope: usize,
    /// Whether the validation vocabulary is not among those of its meta-schema.
    without_validation: bool,
}

/// A schema on the list, not yet gathered.
struct Pending {
    place: Resolved,
    around: Around,
}

/// Gathers one bundle.
pub(super) struct Bundler<'a> {
    references: &'a dyn References,
    scopes: &'a mut Scopes,
    pending: Vec<Pending>,
    numbers: HashMap<(usize, Dialect, usize), usize>,
    dynamic: DynamicScopes,
    /// Targets from which references are known to end; without them each link of a chain would walk all of the rest.
    ending: HashSet<(*const Node, Dialect)>,
    /// Problems of references; those of keywords are found by the meta-schema.
    pub problems: Vec<SchemaProblem>,
}

impl<'a> Bundler<'a> {
    pub(super) fn new(references: &'a dyn References, scopes: &'a mut Scopes) -> Self {
        let (numbers, dynamic) = (HashMap::new(), DynamicScopes::new());
        let (pending, ending, problems) = (Vec::new(), HashSet::new(), Vec::new());
        Self { references, scopes, pending, numbers, dynamic, ending, problems }
    }

    /// Gathers the schema at `place` and all it reaches.
    pub(super) fn gather(&mut self, place: &Resolved, dialect: Dialect) -> Bundle {
        self.number(place.clone(), dialect, 0);
        let mut definitions = Map::new();
        let mut next = 0;
        while next < self.pending.len() {
            let Pending { place, around } = &self.pending[next];
            let (node, pointer, around) = (Arc::clone(&place.node), place.pointer.clone(), around.clone());
            let mut schema = self.schema(&node, &pointer, &around);
            if around.dialect.draft() != dialect.draft()
                && let Value::Object(keywords) = &mut schema
            {
                keywords.insert("$schema".into(), around.dialect.meta_schema().into());
            }
            definitions.insert(next.to_string(), schema);
            next += 1;
        }
        let container = container(dialect);
        let root = serde_json::json!({ "$ref": format!("#/{container}/0"), container: definitions });
        let pending = std::mem::take(&mut self.pending).into_iter();
        let places = pending.map(|pending| (pending.place, pending.around.dialect)).collect();
        Bundle { schema: root, places, dialect, formats: true }
    }

    /// The number of the definition for a place, which joins the list when it is new.
    fn number(&mut self, place: Resolved, inherited: Dialect, scope: usize) -> usize {
        let dialect = self.scopes.dialect(self.references, &place, inherited);
        let base = self.scopes.base(self.references, &place, dialect);
        let scope = self.dynamic.enter(scope, &base, self.scopes.dynamic_anchors(&base));
        let key = (Arc::as_ptr(&place.node) as usize, dialect, scope);
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let root = self.references.resolve(place.file, "#").map(|root| root.node);
        let stated = root.is_ok_and(|root| self.lacks_validation(place.file, &root));
        let without_validation = stated || self.lacks_validation(place.file, &place.node);
        let around = Around { file: place.file, dialect, base, scope, without_validation };
        self.pending.push(Pending { place, around });
        self.numbers.insert(key, self.pending.len() - 1);
        self.pending.len() - 1
    }

    /// Whether the schema states a meta-schema of its own that leaves out the validation vocabulary.
    fn lacks_validation(&self, file: FileId, node: &NodeRef) -> bool {
        let meta = own_meta_schema(self.references, file, node);
        let vocabulary = meta.as_ref().and_then(|meta| meta.node.get("$vocabulary"));
        vocabulary.is_some_and(|listed| {
            listed.entries().iter().all(|entry| !entry.key.ends_with("/vocab/validation"))
        })
    }

    fn schema(&mut self, node: &NodeRef, pointer: &str, around: &Around) -> Value {
        let entries = match &node.value {
            tree::Value::Bool(truth) => return Value::Bool(*truth),
            tree::Value::Object(entries) => entries,
            _ => return Value::Bool(true),
        };
        let around = &self.enter(node, pointer, around);
        let mut keywords = Map::new();
        let alone =
            around.dialect.reference_stands_alone() && node.get("$ref").is_some_and(|r| r.as_str().is_some());
        for entry in entries {
            // A mark is none of the dialect's business.
            let stays = !alone || matches!(entry.key.as_str(), "$ref" | "x-pii");
            if keywords.contains_key(&entry.key) || !stays {
                continue;
            }
            self.keyword(entry, &pointer_push(pointer, &entry.key), around, &mut keywords);
        }
        if around.dialect == Dialect::OpenApi30
            && node.get("nullable").and_then(|node| node.as_bool()) == Some(true)
        {
            allow_null(&mut keywords);
        }
        Value::Object(keywords)
    }

    /// The surroundings inside a schema that may name itself or its dialect.
    fn enter(&mut self, node: &NodeRef, pointer: &str, around: &Around) -> Around {
        let dialect = Dialect::stated_by(node).unwrap_or(around.dialect);
        let base = match node.get_str(dialect.identifier()) {
            Some(identifier) if !identifier.starts_with('#') => {
                self.scopes.base_at(around.file, pointer).unwrap_or_else(|| Arc::clone(&around.base))
            }
            _ => Arc::clone(&around.base),
        };
        let scope = self.dynamic.enter(around.scope, &base, self.scopes.dynamic_anchors(&base));
        Around { file: around.file, dialect, base, scope, ..*around }
    }

    fn keyword(&mut self, entry: &Entry, pointer: &str, around: &Around, keywords: &mut Map<String, Value>) {
        let value = &entry.value;
        let converted = match holds(&entry.key, around.dialect) {
            Holds::Nothing => return,
            Holds::Data if around.without_validation => return,
            Holds::Data => value.to_json(),
            Holds::List => self.list(value, pointer, around),
            Holds::SchemaOrList if matches!(value.value, tree::Value::Array(_)) => {
                self.list(value, pointer, around)
            }
            Holds::Schema | Holds::SchemaOrList => self.schema(value, pointer, around),
            Holds::Map => self.map(value, pointer, around),
            Holds::Dependencies => self.dependencies(value, pointer, around),
            Holds::Definitions => {
                // Gathered for the sake of the references in them alone.
                self.map(value, pointer, around);
                return;
            }
            Holds::Reference => {
                self.reference(entry, pointer, around, keywords);
                return;
            }
        };
        keywords.insert(entry.key.clone(), converted);
    }

    fn list(&mut self, node: &Node, pointer: &str, around: &Around) -> Value {
        let items = node.items().iter().enumerate();
        items
            .map(|(index, item)| self.schema(item, &pointer_push(pointer, &index.to_string()), around))
            .collect()
    }

    fn map(&mut self, node: &Node, pointer: &str, around: &Around) -> Value {
        let mut schemas = Map::new();
        for entry in node.entries() {
            if !schemas.contains_key(&entry.key) {
                let schema = self.schema(&entry.value, &pointer_push(pointer, &entry.key), around);
                schemas.insert(entry.key.clone(), schema);
            }
        }
        Value::Object(schemas)
    }

    fn dependencies(&mut self, node: &Node, pointer: &str, around: &Around) -> Value {
        let mut dependencies = Map::new();
        for entry in node.entries() {
            let dependency = if matches!(entry.value.value, tree::Value::Array(_)) {
                entry.value.to_json()
            } else {
                self.schema(&entry.value, &pointer_push(pointer, &entry.key), around)
            };
            dependencies.entry(entry.key.clone()).or_insert(dependency);
        }
        Value::Object(dependencies)
    }

    fn reference(
        &mut self,
        entry: &Entry,
        pointer: &str,
        around: &Around,
        keywords: &mut Map<String, Value>,
    ) {
        let Some(written) = entry.value.as_str() else {
            return;
        };
        let place = (entry.value.span, pointer);
        let target = match self.scopes.resolve(self.references, around.file, &around.base, written) {
            Ok(Target::MetaSchema(address)) => address,
            Ok(Target::Place(target)) => match self.admit(
                self.dynamic.target(&entry.key, written, around.scope, target),
                written,
                place,
                around,
            ) {
                Some(number) => format!("#/{}/{number}", container_of_pending(&self.pending)),
                None => return,
            },
            Err(error) => {
                let message = error.to_string();
                self.report(SchemaProblemKind::Reference(error), message, place);
                return;
            }
        };
        let reference = Value::String(target);
        if keywords.contains_key("$ref") {
            // Beside a `$ref` the dynamic one needs a place of its own; both must hold.
            let wrapped = serde_json::json!({ "$ref": reference });
            keywords.insert("allOf".into(), merge_all_of(keywords.get("allOf"), wrapped));
        } else {
            keywords.insert("$ref".into(), reference);
        }
    }

    /// Takes the target of a reference into the bundle, unless it is no schema or leads back to itself.
    fn admit(
        &mut self,
        target: Resolved,
        written: &str,
        place: (Span, &str),
        around: &Around,
    ) -> Option<usize> {
        if !matches!(target.node.value, tree::Value::Object(_) | tree::Value::Bool(_)) {
            let kind = target.node.kind();
            let message =
                format!("`{written}` leads to {}, which is no schema", super::words::with_article(kind));
            self.report(SchemaProblemKind::NotASchema, message, place);
            return None;
        }
        if self.circles(&target, around) {
            let message = format!("`{written}` leads back to itself through references alone");
            self.report(SchemaProblemKind::Circle, message, place);
            return None;
        }
        if self.pending.len() >= DEFINITIONS {
            let message = format!("more than {DEFINITIONS} schemas are reached by references");
            self.report(SchemaProblemKind::TooMany, message, place);
            return None;
        }
        Some(self.number(target, around.dialect, around.scope))
    }

    /// Whether following only references from here comes back to a place already passed.
    fn circles(&mut self, target: &Resolved, around: &Around) -> bool {
        let mut passed = HashSet::new();
        let mut place = target.clone();
        loop {
            let key = (Arc::as_ptr(&place.node), around.dialect);
            if self.ending.contains(&key) {
                break;
            }
            if !passed.insert(key) {
                return true;
            }
            let stands_alone = around.dialect.reference_stands_alone() || place.node.entries().len() == 1;
            let Some(written) = place.node.get_str("$ref").filter(|_| stands_alone) else {
                break;
            };
            let base = self.scopes.base(self.references, &place, around.dialect);
            match self.scopes.resolve(self.references, place.file, &base, written) {
                Ok(Target::Place(next)) => place = next,
                _ => break,
            }
        }
        self.ending.extend(passed);
        false
    }

    fn report(&mut self, kind: SchemaProblemKind, message: String, (span, pointer): (Span, &str)) {
        self.problems.push(SchemaProblem {
            kind,
            message,
            span,
            pointer: pointer.to_owned(),
            expected: None,
            actual: None,
            help: None,
        });
    }
}

fn container(dialect: Dialect) -> &'static str {
    if dialect.reference_stands_alone() { "definitions" } else { "$defs" }
}

/// The container of the bundle under way: that of its first schema.
fn container_of_pending(pending: &[Pending]) -> &'static str {
    pending.first().map_or("definitions", |first| container(first.around.dialect))
}

fn merge_all_of(existing: Option<&Value>, more: Value) -> Value {
    let mut schemas = existing.and_then(Value::as_array).cloned().unwrap_or_default();
    schemas.push(more);
    Value::Array(schemas)
}

/// `nullable: true` of OpenAPI 3.0 in the words of JSON Schema.
fn allow_null(keywords: &mut Map<String, Value>) {
    if let Some(kind @ Value::String(_)) = keywords.get("type") {
        let kinds = Value::Array(vec![kind.clone(), "null".into()]);
        keywords.insert("type".into(), kinds);
    }
    if let Some(Value::Array(values)) = keywords.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}
