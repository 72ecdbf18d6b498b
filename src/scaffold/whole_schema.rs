//! A payload's schema as one JSON value that needs no other file: what generated services check events with.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schema_node::{child, component_name};
use super::types::TypeFault;
use crate::schema::Dialect;
use crate::source_text::tree::{self, NodeRef};
use crate::source_text::{Documents, FileId, Resolved};

/// Most schemas one message may refer to.
const MAX_DEFINITIONS: usize = 5_000;
/// Deepest nesting of one schema.
const MAX_DEPTH: usize = 200;

/// Keywords whose value is data, not a schema: a `$ref` in it refers to nothing.
const DATA: [&str; 5] = ["const", "default", "enum", "example", "examples"];

/// The schema with every `$ref` leading to its own `$defs`.
///
/// The dialect's address becomes `$schema` unless the schema has one.
///
/// # Errors
/// When a reference leads nowhere, or a limit is passed.
pub fn whole_schema(references: &Documents, place: &Resolved, dialect: Dialect) -> Result<Value, TypeFault> {
    let mut whole = Whole {
        references,
        alone: dialect.reference_stands_alone(),
        names: BTreeMap::new(),
        definitions: Map::new(),
        open: Vec::new(),
    };
    let mut root = whole.schema(place, 0)?;
    while let Some((name, target)) = whole.open.pop() {
        let schema = whole.schema(&target, 0)?;
        whole.definitions.insert(name, schema);
    }
    if whole.definitions.is_empty() && root.is_object() {
        return Ok(with_dialect(root, dialect.meta_schema()));
    }
    if root.as_object().is_none_or(|object| object.contains_key("$ref") || object.contains_key("$defs")) {
        // In older drafts nothing beside a `$ref` counts.
        root = json!({ "allOf": [root] });
    }
    if let Some(object) = root.as_object_mut() {
        object.insert("$defs".to_owned(), whole.definitions.into());
    }
    Ok(with_dialect(root, dialect.meta_schema()))
}

fn with_dialect(schema: Value, dialect: &str) -> Value {
    let Value::Object(object) = schema else { return schema };
    let mut whole = Map::new();
    if !object.contains_key("$schema") {
        whole.insert("$schema".to_owned(), dialect.into());
    }
    whole.extend(object);
    whole.into()
}

struct Whole<'a> {
    references: &'a Documents,
    /// Whether nothing beside a `$ref` counts.
    alone: bool,
    names: BTreeMap<(FileId, String), String>,
    definitions: Map<String, Value>,
    open: Vec<(String, Resolved)>,
}

impl Whole<'_> {
    fn schema(&mut self, place: &Resolved, depth: usize) -> Result<Value, TypeFault> {
        if depth > MAX_DEPTH {
            return Err(fault(place, format!("the schema is nested more than {MAX_DEPTH} levels deep")));
        }
        if let Some(reference) = place.node.get_str("$ref") {
            let target = self.references.resolve(place.file, reference);
            let target = target
                .map_err(|error| fault(place, format!("`$ref: {reference}` leads nowhere: {error}")))?;
            let inside = format!("#/$defs/{}", self.name(place, target)?);
            let mut object = Map::from_iter([("$ref".to_owned(), inside.into())]);
            let beside = if self.alone { &[] } else { place.node.entries() };
            for entry in beside.iter().filter(|entry| entry.key != "$ref") {
                object.insert(entry.key.clone(), self.keyword(place, &entry.key, &entry.value, depth)?);
            }
            return Ok(object.into());
        }
        match &place.node.value {
            tree::Value::Object(entries) => {
                let mut object = Map::new();
                for entry in entries {
                    object.insert(entry.key.clone(), self.keyword(place, &entry.key, &entry.value, depth)?);
                }
                Ok(object.into())
            }
            tree::Value::Array(items) => {
                let items = items.iter().enumerate();
                let made =
                    items.map(|(at, item)| self.schema(&below(place, item, &at.to_string()), depth + 1));
                made.collect()
            }
            _ => Ok(place.node.to_json()),
        }
    }

    fn keyword(
        &mut self,
        place: &Resolved,
        name: &str,
        value: &NodeRef,
        depth: usize,
    ) -> Result<Value, TypeFault> {
        if DATA.contains(&name) {
            return Ok(value.to_json());
        }
        self.schema(&below(place, value, name), depth + 1)
    }

    /// The name a schema has among the definitions; it is written when it is met first.
    fn name(&mut self, from: &Resolved, target: Resolved) -> Result<String, TypeFault> {
        let key = (target.file, target.pointer.clone());
        if let Some(known) = self.names.get(&key) {
            return Ok(known.clone());
        }
        if self.names.len() >= MAX_DEFINITIONS {
            return Err(fault(from, format!("the schema refers to more than {MAX_DEFINITIONS} others")));
        }
        let plain = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_' || *letter == '-';
        let wanted: String =
            component_name(&target.pointer).unwrap_or_default().chars().filter(plain).collect();
        let is_taken = |name: &String| self.names.values().any(|known| known == name);
        let name = if wanted.is_empty() || is_taken(&wanted) {
            format!("{wanted}-{}", self.names.len() + 1)
        } else {
            wanted
        };
        self.names.insert(key, name.clone());
        self.open.push((name.clone(), target));
        Ok(name)
    }
}

fn below(place: &Resolved, node: &NodeRef, token: &str) -> Resolved {
    child(place, node, &[token])
}

fn fault(place: &Resolved, message: String) -> TypeFault {
    TypeFault { place: place.clone(), message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::load_text;
    use crate::source_text::Limits;

    fn whole(schemas: &str) -> Result<Value, TypeFault> {
        let text = format!(
            "asyncapi: 3.0.0\ninfo: {{title: T, version: 1.0.0}}\nchannels:\n  c:\n    address: c\n    messages:\n      \
             m: {{payload: {{$ref: '#/components/schemas/Root'}}}}\ncomponents:\n  schemas:\n{schemas}"
        );
        let loaded = load_text("contract.yaml", &text, &Limits::default());
        let document = loaded.contract.documents.first().expect("a document");
        let schema = document.messages[0].payload.as_ref().expect("a payload");
        whole_schema(&loaded.documents, &schema.place(), Dialect::AsyncApi)
    }

    #[test]
    fn references_lead_into_the_schema_itself_and_cycles_end() {
        let schema = whole(
            "    Root: {type: object, properties: {next: {$ref: '#/components/schemas/Root'}, \
             other: {$ref: '#/components/schemas/Other'}}}\n    Other: {enum: [{$ref: x}]}\n",
        );
        let schema = schema.expect("a schema");
        let text = schema.to_string();
        assert!(text.starts_with("{\"$schema\":\"http://json-schema.org/draft-07/schema#\""), "{text}");
        assert_eq!(schema["$defs"]["Root"]["properties"]["other"]["$ref"], "#/$defs/Other");
        assert_eq!(schema["$defs"]["Other"]["enum"][0]["$ref"], "x");
        let compiled = jsonschema::validator_for(&schema).expect("compiles");
        assert!(compiled.is_valid(&json!({ "next": { "next": {} } })));
        assert!(!compiled.is_valid(&json!({ "next": 1 })));
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_named() {
        let fault =
            whole("    Root: {properties: {a: {$ref: '#/components/schemas/Gone'}}}\n").expect_err("refused");
        assert!(fault.message.contains("leads nowhere"), "{}", fault.message);
    }
}
