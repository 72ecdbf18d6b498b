//! Reads a schema from its tree into types, in the order the specification gives them, and tells every fault at its place.

use std::collections::HashMap;
use std::sync::Arc;

use super::logical;
use super::names::{COMPLEX, PRIMITIVES, is_full_name, is_name, namespace_of, qualified, simple};
use super::{Field, Place, Shape, Type, TypeId};
use crate::diagnostic::nearest;
use crate::schema::References;
use crate::schema::problem::{AvroFault, SchemaProblem, SchemaProblemKind};
use crate::schema::words::with_article;
use crate::source_text::documents::reference_of;
use crate::source_text::tree::{Node, NodeRef, Number, Value, pointer_push};
use crate::source_text::{Resolved, Span};

/// Types one schema may have, those it refers to included.
const TYPES: usize = 100_000;

/// A default to hold against its type, once all types are known.
pub(super) struct Default {
    pub kind: TypeId,
    pub value: NodeRef,
    pub field: String,
    pub pointer: String,
}

/// Reads one schema.
pub(super) struct Reader<'a> {
    references: &'a dyn References,
    types: Vec<Type>,
    /// Types by full name, aliases apart.
    names: HashMap<String, TypeId>,
    /// Types read by way of `$ref`, by the address of their node, which the trees keep alive.
    referred: HashMap<usize, TypeId>,
    problems: Vec<SchemaProblem>,
    defaults: Vec<Default>,
}

/// A node with what surrounds it.
#[derive(Clone)]
struct At<'n> {
    node: &'n NodeRef,
    file: crate::source_text::FileId,
    pointer: String,
    namespace: &'n str,
}

impl<'n> At<'n> {
    fn inside(&self, key: &str, node: &'n NodeRef) -> Self {
        At { node, pointer: pointer_push(&self.pointer, key), ..self.clone() }
    }

    fn place(&self) -> Place {
        Place { file: self.file, pointer: self.pointer.clone(), span: self.node.span }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(references: &'a dyn References) -> Self {
        Self {
            references,
            types: Vec::new(),
            names: HashMap::new(),
            referred: HashMap::new(),
            problems: Vec::new(),
            defaults: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> (Vec<Type>, Vec<SchemaProblem>, Vec<Default>) {
        (self.types, self.problems, self.defaults)
    }

    /// Reads the outermost type.
    pub(super) fn root(&mut self, place: &Resolved) -> TypeId {
        self.schema(&At {
            node: &place.node,
            file: place.file,
            pointer: place.pointer.clone(),
            namespace: "",
        })
    }

    fn report(&mut self, fault: AvroFault, message: String, span: Span, at: &At<'_>) -> &mut SchemaProblem {
        let index = self.problems.len();
        self.problems.push(SchemaProblem {
            kind: SchemaProblemKind::Avro(fault),
            message,
            span,
            pointer: at.pointer.clone(),
            expected: None,
            actual: None,
            help: None,
        });
        &mut self.problems[index]
    }

    fn fault(&mut self, message: String, span: Span, at: &At<'_>) -> &mut SchemaProblem {
        self.report(AvroFault::Type, message, span, at)
    }

    fn add(&mut self, shape: Shape, at: &At<'_>) -> TypeId {
        self.types.push(Type { shape, logical: None, place: at.place() });
        self.types.len() - 1
    }

    fn schema(&mut self, at: &At<'_>) -> TypeId {
        if self.types.len() >= TYPES {
            let message = format!("the schema has more than {TYPES} types");
            self.fault(message, at.node.span, at);
            return self.add(Shape::Unknown, at);
        }
        match &at.node.value {
            Value::String(name) => self.named(name, at),
            Value::Array(branches) => self.union(branches, at),
            Value::Object(_) if reference_of(at.node).is_some() => self.referred(at),
            Value::Object(_) => self.object(at),
            _ => {
                let found = with_article(at.node.kind());
                let message = format!("an Avro type is text, a list or a mapping, and this is {found}");
                self.fault(message, at.node.span, at);
                self.add(Shape::Unknown, at)
            }
        }
    }

    /// A type called by its name.
    fn named(&mut self, name: &str, at: &At<'_>) -> TypeId {
        if let Some(shape) = primitive(name) {
            return self.add(shape, at);
        }
        // Names without namespace are looked for in the one around them, then in none.
        let full = qualified(name, at.namespace);
        if let Some(known) = self.names.get(&full).or_else(|| self.names.get(name)) {
            return *known;
        }
        let known: Vec<&str> = PRIMITIVES.into_iter().chain(self.names.keys().map(String::as_str)).collect();
        let elsewhere = known.iter().find(|full| simple(full) == name && full.contains('.'));
        let help = if let Some(full) = elsewhere {
            format!("it is in a namespace: write `{full}`")
        } else if let Some(near) = nearest(name, known.iter().copied()) {
            format!("did you mean `{near}`?")
        } else if COMPLEX.contains(&name) {
            format!("write the {name} out as a mapping with `type: {name}`")
        } else {
            format!("it is one of `{}`, or a type defined before this place", PRIMITIVES.join("`, `"))
        };
        let message = format!("there is no Avro type `{name}`");
        self.fault(message, at.node.span, at).help = Some(help);
        self.add(Shape::Unknown, at)
    }

    fn referred(&mut self, at: &At<'_>) -> TypeId {
        let Some((written, span)) = reference_of(at.node) else {
            return self.add(Shape::Unknown, at);
        };
        let mut target = self.references.resolve(span.file, written);
        for _ in 0..8 {
            let Ok(found) = &target else { break };
            let Some((next, span)) = reference_of(&found.node) else { break };
            target = self.references.resolve(span.file, next);
        }
        match target {
            Ok(found) => {
                let address = Arc::as_ptr(&found.node) as usize;
                if let Some(known) = self.referred.get(&address) {
                    return *known;
                }
                // A type that refers to itself this way has its number before it is read.
                let number = self.add(Shape::Unknown, at);
                self.referred.insert(address, number);
                let inner =
                    At { node: &found.node, file: found.file, pointer: found.pointer.clone(), namespace: "" };
                let read = self.schema(&inner);
                self.types[number] = self.types[read].clone();
                self.referred.insert(address, read);
                read
            }
            Err(error) => {
                let message = error.to_string();
                let problem = self.fault(message, span, at);
                problem.kind = SchemaProblemKind::Reference(error);
                self.add(Shape::Unknown, at)
            }
        }
    }

    fn union(&mut self, branches: &[NodeRef], at: &At<'_>) -> TypeId {
        let mut read: Vec<TypeId> = Vec::with_capacity(branches.len());
        for (index, branch) in branches.iter().enumerate() {
            let inner = at.inside(&index.to_string(), branch);
            let number = self.schema(&inner);
            self.check_branch(number, &read, &inner);
            read.push(number);
        }
        self.add(Shape::Union(read), at)
    }

    /// A union holds no union, and of each unnamed type, and of each name, only one.
    fn check_branch(&mut self, branch: TypeId, before: &[TypeId], at: &At<'_>) {
        let word = match &self.types[branch].shape {
            Shape::Unknown => return,
            Shape::Union(_) => {
                let message = "a union cannot hold a union of its own".to_owned();
                self.fault(message, at.node.span, at).help =
                    Some("write all branches into one list".to_owned());
                return;
            }
            shape => logical::word(shape).to_owned(),
        };
        if before.iter().any(|other| logical::word(&self.types[*other].shape) == word) {
            let message = format!("the union has `{word}` twice");
            self.fault(message, at.node.span, at);
        }
    }

    fn object(&mut self, at: &At<'_>) -> TypeId {
        let Some(kind) = at.node.get("type") else {
            let near = nearest("type", at.node.entries().iter().map(|entry| entry.key.as_str()));
            let help = near.map(|near| format!("did you mean `type` by `{near}`?"));
            let span = start_of(at.node);
            self.fault("an Avro type has no `type`".to_owned(), span, at).help = help;
            return self.add(Shape::Unknown, at);
        };
        let number = match kind.as_str() {
            Some("record" | "error") => return self.record(at),
            Some("enum") => self.symbols(at),
            Some("fixed") => self.fixed(at),
            Some("array") => {
                let items = self.part(at, "items");
                self.add(Shape::Array(items), at)
            }
            Some("map") => {
                let values = self.part(at, "values");
                self.add(Shape::Map(values), at)
            }
            Some(word) if is_slip(word) => {
                let near = nearest(word, COMPLEX).unwrap_or_default();
                let inner = at.inside("type", kind);
                let problem = self.fault(format!("there is no Avro type `{word}`"), kind.span, &inner);
                problem.help = Some(format!("did you mean `{near}`?"));
                self.add(Shape::Unknown, at)
            }
            _ => {
                let inner = self.schema(&at.inside("type", kind));
                let shape = self.types[inner].shape.clone();
                // A logical type beside the name of a type is of this use alone.
                if at.node.get("logicalType").is_none() {
                    return inner;
                }
                self.add(shape, at)
            }
        };
        self.annotate(number, at);
        number
    }

    fn annotate(&mut self, number: TypeId, at: &At<'_>) {
        let (logical, fault) = logical::read(at.node, &self.types[number].shape);
        self.types[number].logical = logical;
        if let Some(fault) = fault {
            let value = at.node.get(fault.key).unwrap_or(at.node);
            let problem =
                self.report(AvroFault::Logical, fault.message, value.span, &at.inside(fault.key, value));
            problem.help = fault.help;
        }
    }

    fn part(&mut self, at: &At<'_>, key: &str) -> TypeId {
        if let Some(inner) = at.node.get(key) {
            return self.schema(&at.inside(key, inner));
        }
        self.lacks(key, at);
        self.add(Shape::Unknown, at)
    }

    fn lacks(&mut self, key: &str, at: &At<'_>) {
        let kind = at.node.get_str("type").unwrap_or("type");
        let near = nearest(key, at.node.entries().iter().map(|entry| entry.key.as_str()));
        let help = near.map(|near| format!("did you mean `{key}` by `{near}`?"));
        let message = format!("an Avro {kind} needs `{key}`");
        self.fault(message, start_of(at.node), at).help = help;
    }

    /// Takes the name of a named type and gives its full name.
    fn define(&mut self, at: &At<'_>) -> String {
        let namespace = self.namespace(at);
        let Some(name) = at.node.get("name") else {
            self.lacks("name", at);
            return String::new();
        };
        let Some(text) = name.as_str() else {
            let message =
                format!("the name of an Avro type must be text, and this is {}", with_article(name.kind()));
            self.report(AvroFault::Name, message, name.span, &at.inside("name", name));
            return String::new();
        };
        let full = qualified(text, &namespace);
        self.check_name(text, name, &at.inside("name", name), true);
        if PRIMITIVES.contains(&simple(&full)) {
            let message =
                format!("`{}` is the name of a primitive type and cannot be defined", simple(&full));
            self.report(AvroFault::Name, message, name.span, &at.inside("name", name));
        } else if self.names.contains_key(&full) {
            let message = format!("the Avro type `{full}` is defined twice");
            let problem = self.report(AvroFault::Name, message, name.span, &at.inside("name", name));
            problem.help = Some("write its name where it is used again".to_owned());
        }
        self.aliases(at);
        full
    }

    fn namespace(&mut self, at: &At<'_>) -> String {
        let Some(written) = at.node.get("namespace") else {
            return at.namespace.to_owned();
        };
        match written.as_str() {
            Some(text) if text.is_empty() || is_full_name(text) => text.to_owned(),
            other => {
                let shown = other.map_or_else(|| with_article(written.kind()), |text| format!("`{text}`"));
                let message = format!("{shown} is no Avro namespace");
                let problem =
                    self.report(AvroFault::Name, message, written.span, &at.inside("namespace", written));
                problem.help =
                    Some("it is names of letters, digits and `_` with dots between them".to_owned());
                at.namespace.to_owned()
            }
        }
    }

    fn aliases(&mut self, at: &At<'_>) {
        let Some(list) = at.node.get("aliases") else { return };
        let inner = at.inside("aliases", list);
        if !matches!(list.value, Value::Array(_)) {
            let message =
                format!("`aliases` must be a list of names, and this is {}", with_article(list.kind()));
            self.report(AvroFault::Name, message, list.span, &inner);
        }
        for (index, alias) in list.items().iter().enumerate() {
            let inner = inner.inside(&index.to_string(), alias);
            if let Some(text) = alias.as_str() {
                self.check_name(text, alias, &inner, true);
            } else {
                let message = format!("an alias must be text, and this is {}", with_article(alias.kind()));
                self.report(AvroFault::Name, message, alias.span, &inner);
            }
        }
    }

    fn check_name(&mut self, text: &str, node: &Node, at: &At<'_>, may_have_dots: bool) {
        let fits = if may_have_dots { is_full_name(text) } else { is_name(text) };
        if !fits {
            let message = format!("`{text}` is no Avro name");
            let problem = self.report(AvroFault::Name, message, node.span, at);
            problem.help =
                Some("it begins with a letter or `_` and goes on with letters, digits and `_`".to_owned());
        }
    }

    fn know(&mut self, full: String, number: TypeId) {
        if !full.is_empty() {
            self.names.entry(full).or_insert(number);
        }
    }

    fn symbols(&mut self, at: &At<'_>) -> TypeId {
        let name = self.define(at);
        let mut symbols: Vec<String> = Vec::new();
        match at.node.get("symbols") {
            None => self.lacks("symbols", at),
            Some(list) if !matches!(list.value, Value::Array(_)) => {
                let message =
                    format!("`symbols` must be a list of names, and this is {}", with_article(list.kind()));
                self.fault(message, list.span, &at.inside("symbols", list));
            }
            Some(list) => {
                let inner = at.inside("symbols", list);
                for (index, symbol) in list.items().iter().enumerate() {
                    self.symbol(symbol, &inner.inside(&index.to_string(), symbol), &mut symbols);
                }
            }
        }
        let default = at.node.get("default").and_then(|default| default.as_str()).map(str::to_owned);
        if let Some(written) = at.node.get("default")
            && default.as_ref().is_none_or(|default| !symbols.contains(default))
        {
            let message = format!("the default of the enum `{name}` is none of its symbols");
            let near = default.as_deref().and_then(|text| nearest(text, symbols.iter().map(String::as_str)));
            let help = near.map(|near| format!("did you mean `{near}`?"));
            self.report(AvroFault::Default, message, written.span, &at.inside("default", written)).help =
                help;
        }
        let number = self.add(Shape::Enum { name: name.clone(), symbols }, at);
        self.know(name, number);
        number
    }

    fn symbol(&mut self, symbol: &NodeRef, at: &At<'_>, symbols: &mut Vec<String>) {
        let Some(text) = symbol.as_str() else {
            let message = format!("a symbol must be text, and this is {}", with_article(symbol.kind()));
            let help = "quote it; a symbol begins with a letter or `_`".to_owned();
            self.report(AvroFault::Name, message, symbol.span, at).help = Some(help);
            return;
        };
        self.check_name(text, symbol, at, false);
        if symbols.iter().any(|known| known == text) {
            let message = format!("the symbol `{text}` is written twice");
            self.report(AvroFault::Name, message, symbol.span, at);
        }
        symbols.push(text.to_owned());
    }

    fn fixed(&mut self, at: &At<'_>) -> TypeId {
        let name = self.define(at);
        let size = match at.node.get("size") {
            None => {
                self.lacks("size", at);
                0
            }
            Some(size) => {
                let number = match size.value {
                    Value::Number(Number::Integer(number)) => u64::try_from(number).ok(),
                    _ => None,
                };
                if number.is_none() {
                    let message =
                        "the size of an Avro fixed must be a whole number of bytes from 0 on".to_owned();
                    self.fault(message, size.span, &at.inside("size", size));
                }
                number.unwrap_or_default()
            }
        };
        let number = self.add(Shape::Fixed { name: name.clone(), size }, at);
        self.know(name, number);
        number
    }

    fn record(&mut self, at: &At<'_>) -> TypeId {
        let name = self.define(at);
        let number = self.add(Shape::Record { name: name.clone(), fields: Vec::new() }, at);
        self.know(name.clone(), number);
        let mut read: Vec<Field> = Vec::new();
        match at.node.get("fields") {
            None => self.lacks("fields", at),
            Some(list) if !matches!(list.value, Value::Array(_)) => {
                let message = format!("`fields` must be a list, and this is {}", with_article(list.kind()));
                self.fault(message, list.span, &at.inside("fields", list));
            }
            Some(list) => {
                let inner = At { namespace: namespace_of(&name), ..at.inside("fields", list) };
                for (index, field) in list.items().iter().enumerate() {
                    read.extend(self.field(&inner.inside(&index.to_string(), field), &read));
                }
            }
        }
        self.types[number].shape = Shape::Record { name, fields: read };
        number
    }

    fn field(&mut self, at: &At<'_>, before: &[Field]) -> Option<Field> {
        if !matches!(at.node.value, Value::Object(_)) {
            let message = format!("an Avro field is a mapping, and this is {}", with_article(at.node.kind()));
            self.fault(message, at.node.span, at);
            return None;
        }
        let name = at.node.get("name").and_then(|name| name.as_str()).unwrap_or_default().to_owned();
        match at.node.get("name") {
            None => {
                self.fault("an Avro field has no `name`".to_owned(), start_of(at.node), at);
            }
            Some(node) => {
                self.check_name(&name, node, &at.inside("name", node), false);
                if before.iter().any(|field| field.name == name) {
                    let message = format!("the field `{name}` is written twice");
                    self.report(AvroFault::Name, message, node.span, &at.inside("name", node));
                }
            }
        }
        self.order(at);
        self.aliases(at);
        let Some(kind) = at.node.get("type") else {
            self.fault("an Avro field has no `type`".to_owned(), start_of(at.node), at);
            return None;
        };
        let number = self.field_type(at, kind);
        let default = at.node.get("default").cloned();
        if let Some(value) = &default {
            let pointer = pointer_push(&at.pointer, "default");
            self.defaults.push(Default { kind: number, value: value.clone(), field: name.clone(), pointer });
        }
        Some(Field { name, kind: number, default, place: at.place() })
    }

    /// The type of a field. People write the attributes of a type beside its name, where nobody looks for them.
    fn field_type(&mut self, at: &At<'_>, kind: &NodeRef) -> TypeId {
        let number = self.schema(&at.inside("type", kind));
        let misplaced = at.node.entry("logicalType").filter(|_| kind.as_str().is_some());
        if let Some(entry) = misplaced {
            let word = kind.as_str().unwrap_or_default();
            let message =
                "`logicalType` stands beside the type of a field and not in it; readers ignore it".to_owned();
            let help = format!("write `type: {{type: {word}, logicalType: …}}`");
            self.report(AvroFault::Logical, message, entry.key_span, at).help = Some(help);
        }
        number
    }

    fn order(&mut self, at: &At<'_>) {
        let Some(order) = at.node.get("order") else { return };
        let known = ["ascending", "descending", "ignore"];
        if order.as_str().is_none_or(|word| !known.contains(&word)) {
            let near = order.as_str().and_then(|word| nearest(word, known));
            let help = near.map_or_else(
                || "it is `ascending`, `descending` or `ignore`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let message = "the order of an Avro field is none that exists".to_owned();
            self.fault(message, order.span, &at.inside("order", order)).help = Some(help);
        }
    }
}

fn primitive(name: &str) -> Option<Shape> {
    Some(match name {
        "null" => Shape::Null,
        "boolean" => Shape::Boolean,
        "int" => Shape::Int,
        "long" => Shape::Long,
        "float" => Shape::Float,
        "double" => Shape::Double,
        "bytes" => Shape::Bytes,
        "string" => Shape::String,
        _ => return None,
    })
}

/// A word that is nearly that of a complex type and none of a primitive one.
fn is_slip(word: &str) -> bool {
    !PRIMITIVES.contains(&word) && nearest(word, COMPLEX).is_some() && nearest(word, PRIMITIVES).is_none()
}

/// What to underline for something a mapping lacks: its first key, not all of it.
fn start_of(node: &Node) -> Span {
    node.entries().first().map_or(node.span, |entry| entry.key_span)
}
