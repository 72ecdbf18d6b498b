//! JSON Schemas become types: structs, enums, unions, lists and maps, each with a name that compiles.
//!
//! It keeps what the schema promises about shape; ranges and patterns stay with the validator.

use std::collections::{BTreeMap, BTreeSet};

use super::identifiers::{IdentifierKind, Language, Scope};
use super::schema_node::{
    branch_label, child, component_name, listed_values, properties_of, required_of, says_what_it_is,
    type_names,
};
use crate::source_text::tree::{NodeRef, Value};
use crate::source_text::{Documents, FileId, Resolved};

/// Most types one contract may become.
const MAX_TYPES: usize = 5_000;
/// Deepest nesting of one schema.
const MAX_DEPTH: usize = 200;

/// The field that holds what no other field names.
pub const REST: &str = "additional properties";

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text, with the `format` when one is written.
    String(Option<String>),
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Bool,
    /// Anything.
    Any,
    /// A list.
    List(Box<Type>),
    /// A mapping from text.
    Map(Box<Type>),
    /// May be absent or null.
    Option(Box<Type>),
    /// A definition of [`Types`].
    Named(usize),
}

impl Type {
    fn optional(self) -> Self {
        if matches!(self, Self::Option(_)) { self } else { Self::Option(Box::new(self)) }
    }

    /// The definition that stands in this type without a list, map or box between.
    fn direct(&self) -> Option<usize> {
        match self {
            Self::Named(index) => Some(*index),
            Self::Option(inner) => inner.direct(),
            _ => None,
        }
    }
}

/// One field of a struct.
#[derive(Clone, Debug)]
pub struct Field {
    /// In code.
    pub identifier: String,
    /// In JSON.
    pub wire: String,
    /// What it holds; an option when it may be left out.
    pub kind: Type,
    /// Whether it must be written even when it holds null.
    pub required: bool,
    /// Whether it may hold null, as opposed to being left out.
    pub nullable: bool,
    /// `description`.
    pub doc: Option<String>,
    /// The values that are listed for it, or for what its lists and maps hold, unless they are texts: no type says these.
    pub listed: Vec<String>,
}

/// What a definition is.
#[derive(Clone, Debug)]
pub enum Shape {
    /// An object with known fields.
    Struct {
        /// The fields.
        fields: Vec<Field>,
        /// The type of further fields, when they are kept.
        rest: Option<Type>,
        /// Whether further fields are refused.
        closed: bool,
    },
    /// One of several texts: identifier and text.
    Enum(Vec<(String, String)>),
    /// One of several types: identifier and type.
    Union(Vec<(String, Type)>),
}

/// A named type.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name in code.
    pub name: String,
    /// `description`.
    pub doc: Option<String>,
    /// What it is.
    pub shape: Shape,
}

/// A schema that cannot become a type.
#[derive(Clone, Debug)]
pub struct TypeFault {
    /// Where.
    pub place: Resolved,
    /// Why.
    pub message: String,
}

/// Every type made so far.
pub struct Types<'a> {
    references: &'a Documents,
    language: Language,
    scope: Scope,
    definitions: Vec<Option<Definition>>,
    by_place: BTreeMap<(FileId, String), Type>,
    open: BTreeSet<(FileId, String)>,
}

impl<'a> Types<'a> {
    /// No types yet, to be named by the rules of a language; `reserved` are names types may not take.
    #[must_use]
    pub fn new(references: &'a Documents, language: Language, reserved: &[&str]) -> Self {
        Self {
            references,
            language,
            scope: Scope::reserving(reserved),
            definitions: Vec::new(),
            by_place: BTreeMap::new(),
            open: BTreeSet::new(),
        }
    }

    /// The language whose rules the names follow.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// The documents schemas refer to.
    #[must_use]
    pub fn references(&self) -> &'a Documents {
        self.references
    }

    /// The definitions, in order of discovery.
    #[must_use]
    pub fn definitions(&self) -> Vec<&Definition> {
        self.definitions.iter().flatten().collect()
    }

    /// The definition of this number.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Definition> {
        self.definitions.get(index).and_then(Option::as_ref)
    }

    /// The type of a schema; `name` is used when the schema is not one of the named ones of its file.
    ///
    /// # Errors
    /// When a reference leads nowhere, or the schema passes a limit.
    pub fn add(&mut self, place: &Resolved, name: &str) -> Result<Type, TypeFault> {
        let name = component_name(&place.pointer).unwrap_or_else(|| name.to_owned());
        self.type_of(place, &name, 0)
    }

    fn type_of(&mut self, place: &Resolved, name: &str, depth: usize) -> Result<Type, TypeFault> {
        if depth > MAX_DEPTH {
            return Err(fault(place, format!("the schema is nested more than {MAX_DEPTH} levels deep")));
        }
        if let Some(reference) = place.node.get_str("$ref") {
            return self.follow(place, reference, name, depth);
        }
        let key = (place.file, place.pointer.clone());
        if let Some(known) = self.by_place.get(&key) {
            return Ok(known.clone());
        }
        if !self.open.insert(key.clone()) {
            // A cycle without an object in it, such as a list of itself, has no name to stop at.
            return Ok(Type::Any);
        }
        let made = self.make(place, name, depth);
        self.open.remove(&key);
        let made = made?;
        self.by_place.insert(key, made.clone());
        Ok(made)
    }

    fn follow(
        &mut self,
        place: &Resolved,
        reference: &str,
        name: &str,
        depth: usize,
    ) -> Result<Type, TypeFault> {
        let target = self
            .references
            .resolve(place.file, reference)
            .map_err(|error| fault(place, format!("`$ref: {reference}` leads nowhere: {error}")))?;
        let name = component_name(&target.pointer).unwrap_or_else(|| name.to_owned());
        self.type_of(&target, &name, depth + 1)
    }

    fn make(&mut self, place: &Resolved, name: &str, depth: usize) -> Result<Type, TypeFault> {
        let node = &place.node;
        let kinds = type_names(node);
        let nullable =
            kinds.contains(&"null") || node.get("nullable").and_then(|flag| flag.as_bool()) == Some(true);
        let made = self.make_not_null(place, name, &kinds, depth)?;
        Ok(if nullable { made.optional() } else { made })
    }

    fn make_not_null(
        &mut self,
        place: &Resolved,
        name: &str,
        kinds: &[&str],
        depth: usize,
    ) -> Result<Type, TypeFault> {
        let node = &place.node;
        if let Some(constant) = node.get("const") {
            return self.of_values(place, name, std::slice::from_ref(constant));
        }
        if let Some(values) = node.get("enum") {
            return self.of_values(place, name, values.items());
        }
        if let Some(parts) = node.get("allOf").filter(|parts| !parts.items().is_empty()) {
            return self.all_of(place, name, parts, depth);
        }
        for keyword in ["oneOf", "anyOf"] {
            let branches = node.get(keyword).map(|branches| branches.items()).unwrap_or_default();
            if branches.iter().any(|branch| says_what_it_is(branch)) && node.get("properties").is_none() {
                return self.union(place, name, keyword, branches, depth);
            }
        }
        let concrete: Vec<&str> = kinds.iter().copied().filter(|kind| *kind != "null").collect();
        match concrete.as_slice() {
            ["string"] => Ok(Type::String(node.get_str("format").map(str::to_owned))),
            ["integer"] => Ok(Type::Integer),
            ["number"] | ["integer", "number"] | ["number", "integer"] => Ok(Type::Number),
            ["boolean"] => Ok(Type::Bool),
            ["array"] => self.list(place, name, depth),
            ["object"] => self.object(place, name, std::slice::from_ref(place), depth),
            [] if node.get("properties").is_some() || node.get("additionalProperties").is_some() => {
                self.object(place, name, std::slice::from_ref(place), depth)
            }
            [] if node.get("items").is_some() => self.list(place, name, depth),
            _ => Ok(Type::Any),
        }
    }

    /// The values of `enum` or `const`: texts become an enum, others the type they share.
    fn of_values(&mut self, place: &Resolved, name: &str, values: &[NodeRef]) -> Result<Type, TypeFault> {
        let concrete: Vec<&NodeRef> = values.iter().filter(|value| value.value != Value::Null).collect();
        let texts: Vec<&str> = concrete.iter().filter_map(|value| value.as_str()).collect();
        let all = |test: fn(&Value) -> bool| concrete.iter().all(|value| test(&value.value));
        let made = if concrete.is_empty() {
            Type::Any
        } else if texts.len() == concrete.len() {
            let index = self.reserve(place, name)?;
            let variants = self.variants(index, &texts);
            self.fill(index, place, Shape::Enum(variants));
            Type::Named(index)
        } else if all(|value| matches!(value, Value::Bool(_))) {
            Type::Bool
        } else if all(|value| matches!(value, Value::Number(crate::source_text::tree::Number::Integer(_)))) {
            Type::Integer
        } else if all(|value| matches!(value, Value::Number(_))) {
            Type::Number
        } else {
            Type::Any
        };
        Ok(if concrete.len() < values.len() { made.optional() } else { made })
    }

    fn union(
        &mut self,
        place: &Resolved,
        name: &str,
        keyword: &str,
        branches: &[NodeRef],
        depth: usize,
    ) -> Result<Type, TypeFault> {
        let mut nullable = false;
        let mut members: Vec<(String, Type)> = Vec::new();
        for (at, branch) in branches.iter().enumerate() {
            if type_names(branch) == ["null"] {
                nullable = true;
                continue;
            }
            let label = branch_label(branch).unwrap_or_else(|| format!("option{}", at + 1));
            let inner = child(place, branch, &[keyword, &at.to_string()]);
            let made = self.type_of(&inner, &format!("{name} {label}"), depth + 1)?;
            members.push((label, made));
        }
        let made = match members.as_slice() {
            [] => Type::Any,
            [(_, only)] => only.clone(),
            _ => {
                let mut scope = Scope::default();
                let variants = members
                    .into_iter()
                    .map(|(label, kind)| (scope.allocate(&label, IdentifierKind::Type, self.language), kind));
                let variants = variants.collect();
                let index = self.reserve(place, name)?;
                self.fill(index, place, Shape::Union(variants));
                Type::Named(index)
            }
        };
        Ok(if nullable { made.optional() } else { made })
    }

    /// Objects joined by `allOf` become one struct; anything else joined so is narrowed to its first member with a type.
    fn all_of(
        &mut self,
        place: &Resolved,
        name: &str,
        parts: &NodeRef,
        depth: usize,
    ) -> Result<Type, TypeFault> {
        let mut places = vec![place.clone()];
        for (at, part) in parts.items().iter().enumerate() {
            self.flatten(&child(place, part, &["allOf", &at.to_string()]), &mut places, depth + 1)?;
        }
        if places.iter().any(|part| part.node.get("properties").is_some()) {
            return self.object(place, name, &places, depth);
        }
        match places.iter().skip(1).find(|part| says_what_it_is(&part.node)) {
            Some(part) => self.type_of(&part.clone(), name, depth + 1),
            None => Ok(Type::Any),
        }
    }

    fn flatten(&self, place: &Resolved, places: &mut Vec<Resolved>, depth: usize) -> Result<(), TypeFault> {
        if depth > MAX_DEPTH {
            return Err(fault(place, format!("`allOf` is nested more than {MAX_DEPTH} levels deep")));
        }
        if let Some(reference) = place.node.get_str("$ref") {
            let target = self.references.resolve(place.file, reference);
            let target = target
                .map_err(|error| fault(place, format!("`$ref: {reference}` leads nowhere: {error}")))?;
            return self.flatten(&target, places, depth + 1);
        }
        if places.iter().any(|known| known.file == place.file && known.pointer == place.pointer) {
            return Ok(());
        }
        places.push(place.clone());
        let parts = place.node.get("allOf").map(|parts| parts.items()).unwrap_or_default();
        for (at, part) in parts.iter().enumerate() {
            self.flatten(&child(place, part, &["allOf", &at.to_string()]), places, depth + 1)?;
        }
        Ok(())
    }

    fn list(&mut self, place: &Resolved, name: &str, depth: usize) -> Result<Type, TypeFault> {
        let Some(items) = place.node.get("items").filter(|items| !items.entries().is_empty()) else {
            return Ok(Type::List(Box::new(Type::Any)));
        };
        let inner = child(place, items, &["items"]);
        let made = self.type_of(&inner, &format!("{name} item"), depth + 1)?;
        Ok(Type::List(Box::new(made)))
    }

    fn object(
        &mut self,
        place: &Resolved,
        name: &str,
        parts: &[Resolved],
        depth: usize,
    ) -> Result<Type, TypeFault> {
        let properties: Vec<(Resolved, &str)> = parts.iter().flat_map(properties_of).collect();
        let closed = place.node.get("additionalProperties").and_then(|more| more.as_bool()) == Some(false);
        // Reserved before its fields are made, so that a recursive schema finds it.
        let rest = self.rest_of(place, name, depth)?;
        if properties.is_empty() && !closed {
            return Ok(Type::Map(Box::new(rest.unwrap_or(Type::Any))));
        }
        let index = self.reserve(place, name)?;
        self.by_place.insert((place.file, place.pointer.clone()), Type::Named(index));
        let required: BTreeSet<&str> = parts.iter().flat_map(|part| required_of(&part.node)).collect();
        let mut fields: BTreeMap<&str, Field> = BTreeMap::new();
        let mut order = Vec::new();
        let mut scope = Scope::default();
        if rest.is_some() {
            scope.allocate(REST, IdentifierKind::Field, self.language);
        }
        let type_name = self.name_of(index).to_owned();
        for (property, wire) in &properties {
            if fields.contains_key(wire) {
                continue;
            }
            if wire.is_empty() && self.language == Language::Java {
                return Err(fault(
                    property,
                    "Jackson cannot name a property that has an empty name".to_owned(),
                ));
            }
            let kind = self.type_of(property, &format!("{type_name} {wire}"), depth + 1)?;
            let required = required.contains(wire);
            let field = Field {
                identifier: scope.allocate(wire, IdentifierKind::Field, self.language),
                wire: (*wire).to_owned(),
                nullable: matches!(kind, Type::Option(_)),
                kind: if required { kind } else { kind.optional() },
                required,
                doc: property.node.get_str("description").map(str::to_owned),
                listed: listed_values(self.references, property),
            };
            order.push(*wire);
            fields.insert(wire, field);
        }
        let fields = order.into_iter().filter_map(|wire| fields.remove(wire)).collect();
        let closed = closed && parts.len() == 1;
        self.fill(index, place, Shape::Struct { fields, rest, closed });
        Ok(Type::Named(index))
    }

    /// The type of further properties, when the schema says one or names patterns.
    fn rest_of(&mut self, place: &Resolved, name: &str, depth: usize) -> Result<Option<Type>, TypeFault> {
        let patterns =
            place.node.get("patternProperties").is_some_and(|patterns| !patterns.entries().is_empty());
        match place.node.get("additionalProperties") {
            Some(more) if !more.entries().is_empty() && !patterns => {
                let inner = child(place, more, &["additionalProperties"]);
                Ok(Some(self.type_of(&inner, &format!("{name} value"), depth + 1)?))
            }
            Some(more) if more.as_bool() == Some(true) || patterns => Ok(Some(Type::Any)),
            None if patterns => Ok(Some(Type::Any)),
            _ => Ok(None),
        }
    }

    fn reserve(&mut self, place: &Resolved, name: &str) -> Result<usize, TypeFault> {
        if self.definitions.len() >= MAX_TYPES {
            return Err(fault(place, format!("the contract needs more than {MAX_TYPES} types")));
        }
        let name = self.scope.allocate(name, IdentifierKind::Type, self.language);
        let empty = Shape::Struct { fields: Vec::new(), rest: None, closed: false };
        self.definitions.push(Some(Definition { name, doc: None, shape: empty }));
        Ok(self.definitions.len() - 1)
    }

    fn fill(&mut self, index: usize, place: &Resolved, shape: Shape) {
        if let Some(Some(definition)) = self.definitions.get_mut(index) {
            definition.doc = place.node.get_str("description").map(str::to_owned);
            definition.shape = shape;
        }
    }

    /// Each text once, with its identifier; in Go those of a whole package share one scope.
    fn variants(&mut self, index: usize, texts: &[&str]) -> Vec<(String, String)> {
        let type_name = self.name_of(index).to_owned();
        let mut own = Scope::default();
        let mut seen = BTreeSet::new();
        let texts = texts.iter().filter(|text| seen.insert(**text));
        let named = texts.map(|text| {
            let name = if text.is_empty() { "empty" } else { text };
            let name = match self.language {
                Language::Go => self.scope.allocate(
                    &format!("{type_name} {name}"),
                    IdentifierKind::Constant,
                    Language::Go,
                ),
                language => own.allocate(name, IdentifierKind::Constant, language),
            };
            (name, (*text).to_owned())
        });
        named.collect()
    }

    fn name_of(&self, index: usize) -> &str {
        self.get(index).map_or("", |definition| &definition.name)
    }

    /// Whether `to` can be reached from `from` without a list or map between: then a field needs a box.
    #[must_use]
    pub fn contains_itself(&self, from: &Type, to: usize) -> bool {
        let mut seen = BTreeSet::new();
        let mut open: Vec<usize> = from.direct().into_iter().collect();
        while let Some(index) = open.pop() {
            if index == to {
                return true;
            }
            if seen.insert(index) {
                open.extend(self.get(index).map(direct_members).unwrap_or_default());
            }
        }
        false
    }
}

fn direct_members(definition: &Definition) -> Vec<usize> {
    match &definition.shape {
        Shape::Struct { fields, .. } => fields.iter().filter_map(|field| field.kind.direct()).collect(),
        Shape::Union(variants) => variants.iter().filter_map(|(_, kind)| kind.direct()).collect(),
        Shape::Enum(_) => Vec::new(),
    }
}

fn fault(place: &Resolved, message: String) -> TypeFault {
    TypeFault { place: place.clone(), message }
}
