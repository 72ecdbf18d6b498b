//! What the schemas of a channel say of the fields of its payloads: which they name, and which are personal (`x-pii`).

use std::collections::HashMap;
use std::sync::Arc;

use regex::Regex;
use serde_json::Value;

use super::rules::Action;

/// Schemas a value may be described by at the same time; more are not followed, and so not known.
const MOST_AT_ONCE: usize = 256;

/// What is known of one channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChannelSchemas {
    /// JSON Schemas of its payloads, each with its definitions.
    pub payloads: Vec<Arc<Value>>,
    /// JSON Schemas of its headers.
    pub headers: Vec<Arc<Value>>,
    /// What payloads are encoded in, where that is not JSON.
    pub not_json: Option<String>,
    /// The contract knows the channel.
    pub is_known: bool,
}

/// Finds what is known of a channel; it is asked once for each.
pub type SchemasOf = Arc<dyn Fn(&str) -> ChannelSchemas + Send + Sync>;

/// What a contract says of channels.
#[derive(Clone)]
pub struct ContractSchemas {
    /// Of each.
    pub of: SchemasOf,
    /// A schema of some channel marks something as personal.
    pub mark: bool,
}

impl ChannelSchemas {
    /// Whether any schema marks something as personal.
    pub(super) fn mark_anything(&self) -> bool {
        self.payloads.iter().any(|schema| marks(schema))
    }
}

/// Whether a schema marks something as personal, by `x-pii`.
#[must_use]
pub fn marks(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.get("x-pii").is_some_and(is_mark) || members.values().any(marks),
        Value::Array(items) => items.iter().any(marks),
        _ => false,
    }
}

fn is_mark(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

/// The patterns of names that schemas use, compiled once; none for those that cannot be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns(HashMap<String, Option<Regex>>);

impl Patterns {
    /// Those of these schemas.
    pub fn of(schemas: &[Arc<Value>]) -> Self {
        let mut patterns = Self::default();
        for schema in schemas {
            patterns.gather(schema);
        }
        patterns
    }

    fn gather(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                let named = members.get("patternProperties").and_then(Value::as_object);
                for pattern in named.into_iter().flat_map(|all| all.keys()) {
                    self.0.entry(pattern.clone()).or_insert_with(|| Regex::new(pattern).ok());
                }
                members.values().for_each(|member| self.gather(member));
            }
            Value::Array(items) => items.iter().for_each(|item| self.gather(item)),
            _ => {}
        }
    }

    /// Whether a name is meant; a pattern that cannot be read means every name, so that its mark is not missed.
    fn mean(&self, pattern: &str, name: &str) -> bool {
        self.0.get(pattern).and_then(Option::as_ref).is_none_or(|pattern| pattern.is_match(name))
    }
}

/// Where we are in several schemas at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Described<'s>(Vec<(&'s Value, &'s Value)>);

impl<'s> Described<'s> {
    /// At the root of these schemas.
    pub fn begin(schemas: &'s [Arc<Value>]) -> Self {
        let mut begun = Self::default();
        for schema in schemas {
            begun.add(schema, schema);
        }
        begun
    }

    /// What describes a member or an element.
    pub fn step(&self, name: &str, is_element: bool, patterns: &Patterns) -> Self {
        let mut next = Self::default();
        for (document, schema) in &self.0 {
            if is_element {
                element(schema, name, |found| next.add(document, found));
            } else {
                member(schema, name, patterns, |found| next.add(document, found));
            }
        }
        next
    }

    /// Joins what describes the same value otherwise.
    pub fn and(mut self, other: Self) -> Self {
        for (document, schema) in other.0 {
            self.add(document, schema);
        }
        self
    }

    /// Whether any schema names the value.
    pub fn is_known(&self) -> bool {
        !self.0.is_empty()
    }

    /// What the strictest mark asks for; `of_itself` is what one without a word of its own does.
    pub fn action(&self, of_itself: Action) -> Option<Action> {
        let rank = |action: &Action| match action {
            Action::Keep => 0,
            Action::Token => 1,
            Action::Redact => 2,
            Action::Drop => 3,
        };
        let marks = self.0.iter().filter_map(|(_, schema)| schema.get("x-pii"));
        marks.filter(|mark| is_mark(mark)).map(|mark| action_of(mark, of_itself)).max_by_key(rank)
    }

    /// A schema and all that must or may hold together with it.
    fn add(&mut self, document: &'s Value, schema: &'s Value) {
        let known = self.0.iter().any(|(_, each)| std::ptr::eq(*each, schema));
        if known || self.0.len() >= MOST_AT_ONCE || !schema.is_object() {
            return;
        }
        self.0.push((document, schema));
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|written| written.strip_prefix('#'));
        if let Some(target) = target.and_then(|pointer| document.pointer(pointer)) {
            self.add(document, target);
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for part in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
                self.add(document, part);
            }
        }
        for keyword in ["if", "then", "else"] {
            if let Some(part) = schema.get(keyword) {
                self.add(document, part);
            }
        }
        for keyword in ["dependentSchemas", "dependencies"] {
            for part in
                schema.get(keyword).and_then(Value::as_object).into_iter().flat_map(|all| all.values())
            {
                self.add(document, part);
            }
        }
    }
}

fn action_of(mark: &Value, of_itself: Action) -> Action {
    let word = mark.as_str().or_else(|| mark.get("action")?.as_str());
    match word {
        Some("token") => Action::Token,
        Some("redact") => Action::Redact,
        Some("drop") => Action::Drop,
        // Other words say what kind it is, such as `email`.
        _ => of_itself,
    }
}

fn member<'s>(schema: &'s Value, name: &str, patterns: &Patterns, mut found: impl FnMut(&'s Value)) {
    let mut named = false;
    if let Some(of_name) = schema.get("properties").and_then(|all| all.get(name)) {
        named = true;
        found(of_name);
    }
    let by_pattern = schema.get("patternProperties").and_then(Value::as_object);
    for (pattern, of_pattern) in by_pattern.into_iter().flatten() {
        if patterns.mean(pattern, name) {
            named = true;
            found(of_pattern);
        }
    }
    if !named {
        for keyword in ["additionalProperties", "unevaluatedProperties"] {
            schema.get(keyword).into_iter().for_each(&mut found);
        }
    }
}

fn element<'s>(schema: &'s Value, index: &str, mut found: impl FnMut(&'s Value)) {
    let position = index.parse::<usize>().ok();
    let listed = |keyword: &str| schema.get(keyword)?.as_array()?.get(position?);
    let in_list = listed("prefixItems").or_else(|| listed("items"));
    match in_list {
        Some(item) => found(item),
        None => {
            for keyword in ["items", "additionalItems", "unevaluatedItems"] {
                schema.get(keyword).into_iter().for_each(&mut found);
            }
        }
    }
    schema.get("contains").into_iter().for_each(&mut found);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::{Action, Described, Patterns};

    fn at<'s>(schemas: &'s [Arc<Value>], steps: &[&str]) -> Described<'s> {
        let step = |described: Described<'s>, step: &&str| match step.strip_prefix('#') {
            Some(index) => described.step(index, true, &Patterns::of(schemas)),
            None => described.step(step, false, &Patterns::of(schemas)),
        };
        steps.iter().fold(Described::begin(schemas), step)
    }

    #[test]
    fn marks_are_found_through_references_and_combinations() {
        let schema = json!({
            "allOf": [{ "$ref": "#/definitions/0" }],
            "properties": {
                "list": { "items": { "oneOf": [{ "type": "null" }, { "properties": { "tel": { "x-pii": "redact" } } }] } },
                "named": { "$ref": "#/definitions/1", "x-pii": true },
                "plain": { "x-pii": false }
            },
            "patternProperties": { "^secret": { "x-pii": { "action": "drop" } } },
            "additionalProperties": false,
            "definitions": {
                "0": { "properties": { "self": { "$ref": "#/definitions/0" }, "mail": { "x-pii": "email" } } },
                "1": { "type": "string" }
            }
        });
        let schemas = [Arc::new(schema)];
        let action = |steps: &[&str]| at(&schemas, steps).action(Action::Token);
        assert_eq!(action(&["mail"]), Some(Action::Token));
        assert_eq!(action(&["self", "self", "self", "mail"]), Some(Action::Token));
        assert_eq!(action(&["list", "#3", "tel"]), Some(Action::Redact));
        assert_eq!(action(&["named"]), Some(Action::Token));
        assert_eq!(action(&["secret_word"]), Some(Action::Drop));
        assert_eq!(action(&["plain"]), None);
        assert!(at(&schemas, &["plain"]).is_known() && !at(&schemas, &["other"]).is_known());
    }

    #[test]
    fn the_strictest_of_several_marks_counts() {
        let schemas = [
            Arc::new(json!({ "properties": { "a": { "x-pii": true } } })),
            Arc::new(json!({ "properties": { "a": { "x-pii": "drop" } } })),
        ];
        assert_eq!(at(&schemas, &["a"]).action(Action::Token), Some(Action::Drop));
    }
}
